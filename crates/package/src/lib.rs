//! The model file: a single entry point for untrusted bytes, and a single file that contains everything about a model.
//!
//! `model.tidemill` is a stored (never compressed) ZIP whose entries begin at multiples of 64 bytes:
//!
//! | entry | holds |
//! |---|---|
//! | `manifest.json` | format, writer, schemas, and length and SHA-256 of every other entry |
//! | `card.md` | what the model is, for people |
//! | `recipe.toml` | how it was trained |
//! | `state.json` | the tree of fitted parts, without numbers |
//! | `tensors.safetensors` | their numbers |
//! | any other listed in the manifest | what verbs add: `metrics.json`, … |
//!
//! Design principles:
//! - The SHA-256 of `manifest.json` identifies the model, because it covers everything.
//! - A [`Package`] has exactly one form in bytes: fixed times, fixed order, no choices.
//! - No code, no pickles, no paths: a reader only ever gets data.
//! - Every length is checked against the available data before memory is allocated; the limits are in [`limits`].
//! - Files are written next to their destination and renamed to it: a reader sees either the old file or the new one.

mod archive;
mod error;
mod file;
pub mod limits;
mod manifest;
mod package;
mod state;

pub use error::{Error, Result};
pub use file::{open, read, write};
pub use manifest::{ColumnInfo, EntryInfo, Manifest};
pub use package::{Info, Package, from_bytes, info, to_bytes};

/// The newest layout, which is the one that is written. Files of every numbered layout can always be read; the layout before the first one
/// (format 0, which is similar) can be read as long as its states can.
pub const FORMAT: u32 = 1;

/// The writer's name in [`Manifest::new`].
pub const WRITER: &str = concat!("tidemill ", env!("CARGO_PKG_VERSION"));

const MANIFEST: &str = "manifest.json";
const CARD: &str = "card.md";
const RECIPE: &str = "recipe.toml";
const STATE: &str = "state.json";
const TENSORS: &str = "tensors.safetensors";

//! The model file: one door for untrusted bytes, one file that holds all a model is.
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
//! The design, in a list:
//! - The SHA-256 of `manifest.json` names the model: it covers everything.
//! - One [`Package`] has one form in bytes: fixed times, fixed order, no choice anywhere.
//! - No code, no pickles, no paths: a reader can only get data.
//! - Every length is held against what is there before memory is taken; the bounds stand in [`limits`].
//! - Written beside its place and renamed into it: a reader sees the old file or the new one.

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

/// The newest layout, and the one that is written. Files of every numbered one are read for ever; what came before the first
/// (format 0, laid out alike) is read as long as its states are.
pub const FORMAT: u32 = 1;

/// What [`Manifest::new`] calls the writer.
pub const WRITER: &str = concat!("tidemill ", env!("CARGO_PKG_VERSION"));

const MANIFEST: &str = "manifest.json";
const CARD: &str = "card.md";
const RECIPE: &str = "recipe.toml";
const STATE: &str = "state.json";
const TENSORS: &str = "tensors.safetensors";

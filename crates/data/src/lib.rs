//! Where rows come from and go to, and what they mean: [`source`] (files of every format), [`infer`] (what each
//! column means: a [`Plan`]), [`Intake`] (raw cells to typed columns), [`sink`] (the same formats, written whole or
//! not at all) and [`split`] (the test part and the folds).

mod cell;
mod error;
pub mod infer;
mod intake;
pub mod parse;
mod plan;
pub mod profile;
pub mod sink;
pub mod source;
pub mod split;

pub use error::Error;
pub use infer::infer;
pub use intake::{Canonical, Flaw, Intake, RowReader, canonical_rows};
pub use plan::{ColumnPlan, Leak, Note, Plan, Weight};
pub use profile::{Profile, profile};
pub use sink::{Sink, create};
pub use source::{Provenance, ReadOptions, fingerprint, open, open_body, stack};

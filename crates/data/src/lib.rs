//! Where rows come from and go to, and what they mean: [`source`] (files of every format), [`infer`] (what each
//! column means: a [`InferredSchema`]), [`Ingest`] (raw cells to typed columns), [`sink`] (the same formats, written whole or
//! not at all), [`snapshots`] (rows kept, checked and brought back), [`duplicates`] (rows that are copies of each other) and [`split`] (the test part and the folds).

mod cell;
pub mod duplicates;
mod error;
pub mod infer;
mod intake;
pub mod parse;
mod plan;
pub mod profile;
mod raw;
mod seen;
pub mod sink;
pub mod snapshots;
pub mod source;
pub mod split;
mod ties;

pub use error::{Error, absent};
pub use infer::{infer, names_period, names_pictures, positive_class};
pub use intake::{Canonical, CellIssue, Ingest, RowReader, canonical_rows, check_masks};
pub use plan::{InferredColumn, InferredSchema, Leak, Note, Weight};
pub use profile::{Profile, profile};
pub use seen::Seen;
pub use sink::{Sink, create, to_arrow};
pub use source::{Provenance, ReadOptions, fingerprint, from_arrow, is_read_from, open, open_body, stack};
pub use ties::tie;

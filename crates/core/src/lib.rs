//! What all crates of Tidemill share: the data types ([`Schema`], [`Batch`], [`Table`], [`Row`]), the interfaces of everything that learns
//! ([`Estimator`], [`Fitted`], [`Run`]), the saved form ([`State`]), the list of built-ins ([`Registry`]), the recipe that users write
//! ([`recipe::Recipe`]) and the errors they meet.
//!
//! Nothing here reads a file (and only [`AtomicFile`] and [`EventFile`] write one), starts a thread or computes a statistic.

mod batch;
mod builtin;
mod category;
pub mod conform;
mod context;
mod document;
mod error;
mod estimator;
mod event_file;
mod fitted;
mod key_path;
mod kind;
mod point;
mod reading;
pub mod recipe;
mod registry;
mod row;
mod runtime;
mod schema;
mod series;
mod shape;
mod source;
mod sparse;
mod staged;
mod state;
pub mod tagged;
mod trees;

pub use batch::{Batch, dense_vector, probability_vector};
pub use builtin::{
    Builtin, BuiltinLearner, BuiltinResampler, BuiltinStep, Continues, Entry, Family, Response, Search, Slot,
    Sort, Weights,
};
pub use category::{Categories, UNSEEN};
pub use context::{Context, Event, Warning};
pub use document::{Document, DocumentError};
pub use error::{Coded, Error, Result, escaped, nearest};
pub use estimator::{Columns, Estimator, Needs, Resampler, Rows, Target, Training};
pub use event_file::{EventFile, PrCurve};
pub use fitted::{Chain, Fitted, Linear, Run};
pub use key_path::KeyPath;
pub use kind::{Axis, Kind, Layout, Role};
pub use point::{Points, point_column};
pub use reading::Reading;
pub use registry::Registry;
pub use row::{Cell, Row};
pub use runtime::Runtime;
pub use schema::{BLOCK, Column, EXPECTED_REWARD, PREDICTION, PROBABILITY, START, Schema};
pub use series::{Point, Series, series_column};
pub use shape::{FitCost, Shape};
pub use source::{BATCH_ROWS, Batches, Source, Table, View};
pub use sparse::{Sparse, sparse_vector};
pub use staged::{AtomicFile, replace};
pub use state::{State, Tensor, TensorData};
pub use trees::{Compression, Question, Trees};

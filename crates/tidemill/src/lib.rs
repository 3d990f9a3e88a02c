//! Tidemill as a library: fit, evaluate and use models on Arrow data, in memory.
//!
//! ```
//! use std::sync::Arc;
//! use tidemill::arrow::{ArrayRef, Float64Array, RecordBatch, StringArray};
//!
//! # fn main() -> tidemill::Result<()> {
//! let x: Vec<f64> = (0..200).map(|i| f64::from(i) / 7.0).collect();
//! let y: Vec<&str> = x.iter().map(|x| if *x < 14.3 { "low" } else { "high" }).collect();
//! let columns: [(&str, ArrayRef); 2] =
//!     [("x", Arc::new(Float64Array::from(x))), ("y", Arc::new(StringArray::from(y)))];
//! let rows = tidemill::table(&[RecordBatch::try_from_iter(columns).unwrap()])?;
//! let recipe = tidemill::recipe("[data]\ntarget = 'y'\n[[learners]]\nkind = 'logistic'")?;
//! let fit = tidemill::fit(&rows, &recipe, &tidemill::context(0))?;
//! assert!(fit.facts.test.value("accuracy") > Some(0.9));
//! let answers = fit.model()?.predict(&tidemill::table_of_numbers(&[("x", &[3.1, 25.2])])?)?;
//! assert_eq!(answers.schema().field(0).name(), "prediction");
//! # Ok(())
//! # }
//! ```
//!
//! Everything here works without a path, a terminal or any global state. A [`Source`] is anything that can be read in batches: a [`Table`]
//! in memory, or a file opened with [`open`]. The results of a training are in [`Fit::facts`], as plain numbers and names.

mod context;
mod judge;
mod model;
mod rows;
mod training;

pub use context::context;
pub use judge::{Audit, Comparison, Report, check, compare, evaluate};
pub use model::{Answer, Model};
pub use rows::{open, table, table_of_numbers};
pub use tidemill_core::recipe::{Changeable, Recipe};
pub use tidemill_core::{Batch, Context, Error, Kind, Result, Role, Schema, Source, Table};
pub use tidemill_engine::explain::{AskedEffects, Counterfactuals, Effects, Explained, ExplainedRow, WhatIf};
pub use tidemill_engine::facts::Outcome;
pub use training::{Fit, fit, recipe};

/// The version of `arrow` that batches are made with.
pub use arrow_array as arrow;

//! How good a model is: [`Answers`] (what was true beside what was predicted) go in, [`METRICS`] and a whole
//! [`Report`] come out; [`compare`] says how sure the figures are and which of two models is better, [`curves`] what charts
//! show, [`slices()`](slices::slices) where a model is worst, [`explain`] which columns it goes by, and [`policy`] what other decisions than
//! those that were taken would have earned.
//!
//! A row of weight 0 counts as a row that is not there, and a row of weight 2 as the same row twice. Whatever a
//! metric cannot answer is `NaN` (null in JSON) with a warning that gives the reason.
//!
//! ```
//! use tidemill_eval::{Answers, report};
//! let truth: [u32; 5] = [0, 1, 1, 0, 1];
//! let predicted: [u32; 5] = [0, 1, 0, 0, 1];
//! let answers = Answers::classes(&truth[..], &predicted[..], ["0", "1"])?;
//! let report = report(&answers);
//! assert_eq!(report.value("accuracy"), Some(0.8));
//! assert_eq!(report.value("precision"), Some(1.0));
//! assert_eq!(report.value("recall"), Some(2.0 / 3.0));
//! # Ok::<(), tidemill_eval::Error>(())
//! ```

mod answers;
pub mod compare;
mod confusion;
pub mod curves;
mod error;
pub mod explain;
pub mod forecast;
mod labels;
pub mod masks;
pub mod metrics;
pub mod policy;
mod quantile;
mod report;
mod row_loss;
pub mod slices;
mod sum;
pub mod texts;

pub use answers::{Answers, ClassAnswers, NumberAnswers};
pub use confusion::{Confusion, Counts};
pub use error::{Error, Result};
pub use metrics::{METRICS, Metric, Score, default_metric, metric, reference};
pub use report::{ClassLine, Line, Report, report, report_by};

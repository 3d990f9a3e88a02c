//! How sure a figure or a difference of figures is.

mod bootstrap;
mod resampled_t;
mod student;

pub use bootstrap::{ScoreInterval, bootstrap};
pub use resampled_t::{Interval, corrected_resampled_t};
pub use student::{student_t_quantile, student_t_two_sided};

//! How sure a figure or a difference of figures is.

mod blocks;
mod bootstrap;
mod paired;
mod resampled_t;
mod student;
mod wilson;

pub use blocks::paired_blocks;
pub use bootstrap::{ScoreInterval, bootstrap};
pub use paired::paired;
pub use resampled_t::{Interval, corrected_resampled_t};
pub use student::{student_t_quantile, student_t_two_sided};
pub use wilson::wilson;

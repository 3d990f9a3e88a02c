//! How sure a figure or a difference of figures is.

mod bootstrap;
mod delong;
mod five_by_two;
mod mcnemar;
mod normal;
mod paired;
mod resampled_t;
mod student;
mod two;
mod wilcoxon;
mod wilson;

pub use bootstrap::{ScoreInterval, bootstrap};
pub use delong::{delong, delong_paired};
pub use five_by_two::{FiveByTwo, five_by_two};
pub use mcnemar::{McNemar, mcnemar, mcnemar_of};
pub use normal::{normal_reach, normal_two_sided};
pub use paired::{Draw, Samples, paired};
pub use resampled_t::{Interval, corrected_resampled_t};
pub use student::{student_t_quantile, student_t_two_sided};
pub use two::{Comparison, Test, two};
pub use wilcoxon::{Wilcoxon, wilcoxon};
pub use wilson::{wilson, wilson_share};

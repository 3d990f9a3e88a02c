//! Who does the work: what is covered, what is not, whom to hire, and help for customers.

mod coverage;
mod erlang;
mod support;

pub use coverage::{AreaCover, Gap, Hire, TeamReport};
pub(crate) use coverage::{hires, report};
pub use erlang::{Queue, agents};
pub use support::SupportMonth;
pub(crate) use support::support;

//! From raw sources to typed tables: what each column means ([`infer`], [`Plan`]) and how it is read ([`Intake`]).

pub mod infer;
mod intake;
pub mod parse;
mod plan;

pub use infer::infer;
pub use intake::Intake;
pub use plan::{ColumnPlan, Leak, Plan};

//! The plan in money: entries month by month, and what they add up to.

mod ledger;
mod operate;
mod statement;

pub use ledger::{Account, Ledger};
pub(crate) use operate::{Played, operate};
pub use statement::{Month, Statement};

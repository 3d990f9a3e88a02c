//! What flows of money are worth.

mod irr;
mod present;

pub use irr::{Dated, irr, xirr};
pub use present::{npv, xnpv};

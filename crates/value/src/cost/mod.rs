//! What predictions cost: measured use times a list of prices.

mod bill;
mod prices;

pub use bill::{Bill, BillLine, Usage, bill};
pub use prices::Prices;

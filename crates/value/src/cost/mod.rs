//! What predictions cost: measured use times a list of prices.

mod bill;
mod prices;
mod shares;

pub use bill::{Bill, BillLine, Usage, bill};
pub use prices::Prices;
pub use shares::{Share, Used, shares};

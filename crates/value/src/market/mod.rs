//! How large the market is and how fast it is taken up.

mod bass;
mod size;

pub use bass::{Bass, BassFit, fit as fit_bass};
pub use size::{MarketSize, Spread};
pub(crate) use size::{of as size, percentiles};

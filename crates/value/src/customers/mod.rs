//! What customers are worth, from what they did: `customer, date, amount` by row.

mod beta_geometric;
mod events;
mod gamma_gamma;
mod retention;
mod worth;

pub use beta_geometric::BetaGeometric;
pub use events::{Event, Events, Summary};
pub use gamma_gamma::GammaGamma;
pub use retention::{Cohort, retention};
pub use worth::{CustomerValue, Valuation, value};

//! The business side: how large the market is, what customers are worth, how the money runs, who does the work, what
//! predictions cost.
//!
//! A [`Plan`] is a TOML file in which any number may be a range (`"8 to 12"`) or a formula over named assumptions. [`forecast`]
//! plays it through: books by double entry, whose balance balances to the cent; random draws of the ranges; which range moves
//! the result most. The models of [`market`], [`customers`], [`worth`], [`team`] and [`cost`] can be used by themselves.
//!
//! ```
//! let text = tidemill_value::template("saas").unwrap_or_default();
//! let (plan, document) = tidemill_value::Plan::parse(text, "plan.toml").unwrap();
//! let forecast = tidemill_value::forecast(&plan).map_err(|fault| document.error(&fault)).unwrap();
//! let end = forecast.statement.months.last().unwrap();
//! assert_eq!(end.assets, end.liabilities_and_equity);
//! ```

pub mod cash;
mod check;
pub mod cost;
pub mod customers;
mod document;
mod fault;
mod forecast;
mod inputs;
pub mod market;
mod money;
pub mod plan;
mod quantity;
mod range;
pub mod risk;
mod scenario;
mod special;
pub mod team;
mod template;
pub mod worth;

pub use document::Document;
pub use fault::{Fault, ValueError};
pub use forecast::{Forecast, MarketReport, forecast, market_report};
pub use money::Money;
pub use plan::Plan;
pub use quantity::Quantity;
pub use range::Range;
pub use template::{TEMPLATES, template};

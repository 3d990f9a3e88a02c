//! Forecasts of one series from its own past: the methods that every forecaster knows.

pub mod arima;
mod combination;
pub mod decompose;
pub mod ets;
mod grid;
mod learner;
mod method;
pub mod naive;
mod saved;
pub mod smoothing;
pub mod stl;
pub mod theta;

pub use combination::{Combination, Trial};
pub use learner::{FittedLocalForecast, LocalForecast};
pub use method::{Method, Model};
use serde::{Deserialize, Serialize};

/// How a season joins the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Season {
    /// There is none.
    None,
    /// It is added.
    Additive,
    /// It multiplies.
    Multiplicative,
}

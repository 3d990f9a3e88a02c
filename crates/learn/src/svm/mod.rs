//! Support vector machines: the widest margin between classes, or the flattest function within a tube.

mod cache;
mod dual;
mod fitted;
mod kernel;
mod linear;
mod lines;
mod platt;
mod points;
mod smo;

pub use fitted::FittedSvm;
pub use kernel::{Gamma, GammaRule, KernelKind, Svm};
pub use linear::{FittedLinearSvm, LinearSvm, Loss};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{KeyPath, Result};

use crate::linear::ClassWeight;
use crate::sample::Sample;

/// How margins become probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// By a logistic curve fitted to margins of held-out rows, in 5 folds (Platt): true to how often classes occur, and
    /// 5 further fits.
    #[default]
    Platt,
    /// As they are: a softmax of the margins. The order of rows is right, the probabilities are not calibrated.
    Margin,
}

fn check_positive(key: &str, value: f64) -> Result<(), KeyPath> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(KeyPath::new(key, format!("is {value}, but must be a number above 0")))
}

fn check_not_negative(key: &str, value: f64) -> Result<(), KeyPath> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(KeyPath::new(key, format!("is {value}, but must be a number from 0 up")))
}

/// `c` times the weight of each row and, where classes are balanced, over its class's share.
fn costs(c: f64, balance: ClassWeight, sample: &Sample, codes: &[u32], shares: &[f64]) -> Vec<f64> {
    let factor = |i: usize| match balance {
        ClassWeight::None => 1.0,
        ClassWeight::Balanced => 1.0 / (shares.len() as f64 * shares[codes[i] as usize]),
    };
    (0..sample.n).map(|i| c * sample.weight(i) * factor(i)).collect()
}

/// The weighted mean of the target, for rows of which nothing is known.
fn mean(sample: &Sample, target: &[f64]) -> f64 {
    let total: f64 = (0..sample.n).map(|i| sample.weight(i)).sum();
    let off: f64 = target.iter().enumerate().map(|(i, y)| sample.weight(i) * (y - target[0])).sum();
    target[0] + off / total
}

fn warn_not_converged(context: &tidemill_core::Context, kind: &str) {
    let advice = "scale the features, raise max_iter or tol, or lower c";
    context.warn("not_converged", format!("{kind} stopped before it reached tol; {advice}"));
}

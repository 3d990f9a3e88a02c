//! Naive Bayes: each feature counts by itself, given the class. One pass to fit, and a useful first answer.

mod additive;
mod bernoulli;
mod categorical;
mod complement;
mod counts;
mod gaussian;
mod multinomial;

pub use additive::LogOdds;
pub use bernoulli::BernoulliNb;
pub use categorical::{CategoricalNb, FittedCategoricalNb};
pub use complement::ComplementNb;
pub use counts::FittedCounts;
pub use gaussian::{FittedGaussianNb, GaussianNb};
pub use multinomial::MultinomialNb;

use tidemill_core::{KeyPath, Result};

use tidemill_kernel::Classes;

/// Smoothing must be above 0, or a feature that a class never had would rule the class out for ever.
fn check_alpha(alpha: f64) -> Result<(), KeyPath> {
    if alpha > 0.0 && alpha.is_finite() {
        return Ok(());
    }
    Err(KeyPath::new("alpha", format!("is {alpha}, but must be a number above 0")))
}

/// The logarithm of each class's prior: its share in training, or the same for all.
fn log_priors(classes: &Classes, fit_prior: bool) -> Vec<f64> {
    match fit_prior {
        true => classes.present_shares().iter().map(|s| s.ln()).collect(),
        false => vec![-(classes.k() as f64).ln(); classes.k()],
    }
}

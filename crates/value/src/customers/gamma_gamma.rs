//! Gamma-Gamma: how much customers spend at a time.

use serde::Serialize;
use tidemill_core::{Error, Result};
use tidemill_kernel::nelder_mead::{Stop, minimise};

use super::Summary;
use crate::special::ln_gamma;

/// The Gamma-Gamma model of Fader and Hardie (2013, "The Gamma-Gamma model of monetary value"): what a customer spends at a time
/// varies by a gamma distribution of shape p, whose scale varies among customers by another (q, v).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GammaGamma {
    /// The shape of a customer's amounts.
    pub p: f64,
    /// The shape of the scales among customers.
    pub q: f64,
    /// The scale of the scales, in units of money.
    pub v: f64,
}

impl GammaGamma {
    /// Fits by maximum likelihood to the customers who bought again, by the mean amount of their repeat purchases.
    pub fn fit(customers: &[Summary]) -> Result<Self> {
        let again: Vec<(f64, f64)> =
            customers.iter().filter(|c| c.repeats > 0).map(|c| (f64::from(c.repeats), c.average)).collect();
        if let Some((_, amount)) = again.iter().find(|(_, m)| !(*m > 0.0 && m.is_finite())) {
            return Err(Error::data(
                format!("a customer who bought again spent {amount} on average, but amounts must be above 0"),
                "leave free orders and refunds out of the events",
            ));
        }
        if again.len() < 5 {
            let problem =
                format!("only {} customers bought again, too few to learn what they spend", again.len());
            return Err(Error::data(problem, "give events over a longer time"));
        }
        let unit = again.iter().map(|(_, m)| m).sum::<f64>() / again.len() as f64;
        let loss = |at: &[f64]| {
            if at.iter().any(|x| x.abs() > 12.0) {
                return f64::NAN;
            }
            let (p, q, v) = (at[0].exp(), at[1].exp(), at[2].exp());
            -again.iter().map(|(x, m)| log_density(p, q, v, *x, m / unit)).sum::<f64>()
        };
        let stop = Stop { evaluations: 3000, tolerance: 1e-14 };
        let mut found = minimise(loss, &[1.0, 1.0, 0.0], &[0.5; 3], stop);
        for step in [0.2, 0.05] {
            found = minimise(loss, &found.point, &[step; 3], stop);
        }
        let at = &found.point;
        Ok(GammaGamma { p: at[0].exp(), q: at[1].exp(), v: at[2].exp() * unit })
    }

    /// What a customer is expected to spend at a time; the mean of all where q is at most 1 and nothing is known.
    pub fn expected(&self, c: &Summary) -> f64 {
        let x = f64::from(c.repeats);
        let mean = if c.repeats == 0 { 0.0 } else { c.average };
        (self.v + x * mean) * self.p / (self.p * x + self.q - 1.0)
    }
}

fn log_density(p: f64, q: f64, v: f64, x: f64, m: f64) -> f64 {
    ln_gamma(p * x + q) - ln_gamma(p * x) - ln_gamma(q) + q * v.ln() + (p * x - 1.0) * m.ln() + p * x * x.ln()
        - (p * x + q) * (x * m + v).ln()
}

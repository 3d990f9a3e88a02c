//! BG/NBD: how often customers buy, and whether they still do.

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::{Error, Result};
use tidemill_kernel::nelder_mead::{Stop, minimise};

use super::Summary;
use crate::special::{hypergeometric, ln_gamma};

/// The BG/NBD model of Fader, Hardie and Lee (2005, "Counting your customers the easy way"): a customer buys at a rate that is
/// gamma distributed (r, α), and stops after any purchase with a probability that is beta distributed (a, b).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BetaGeometric {
    /// The shape of the rates of buying.
    pub r: f64,
    /// Their scale, in units of time.
    pub alpha: f64,
    /// The first parameter of the probabilities of stopping.
    pub a: f64,
    /// The second.
    pub b: f64,
    /// The log likelihood of the customers it was fitted to.
    pub log_likelihood: f64,
}

/// Customers of a chunk: the sum over chunks is the same on any number of threads.
const CHUNK: usize = 4096;

impl BetaGeometric {
    /// Fits by maximum likelihood. Customers who bought once count too.
    pub fn fit(customers: &[Summary]) -> Result<Self> {
        let again = customers.iter().filter(|c| c.repeats > 0).count();
        if again < 5 {
            return Err(Error::data(
                format!(
                    "only {again} customers bought on more than one day, too few to learn how often they return"
                ),
                "give events over a longer time, or leave `customers` out of [market]",
            ));
        }
        // Time is measured in the mean age of a customer, so that the search begins near the answer whatever the unit.
        let unit = customers.iter().map(|c| c.age).sum::<f64>() / customers.len() as f64;
        let scaled: Vec<Summary> = customers
            .iter()
            .map(|c| Summary { recency: c.recency / unit, age: c.age / unit, ..*c })
            .collect();
        let loss = |x: &[f64]| {
            // Beyond e^±12 the likelihood is flat, and only rounding would steer.
            if x.iter().any(|x| x.abs() > 12.0) {
                return f64::NAN;
            }
            -likelihood(&scaled, x[0].exp(), x[1].exp(), x[2].exp(), x[3].exp())
        };
        let stop = Stop { evaluations: 3000, tolerance: 1e-14 };
        let mut found = minimise(loss, &[-1.0, -1.5, -0.5, 0.5], &[0.5; 4], stop);
        for step in [0.2, 0.05] {
            found = minimise(loss, &found.point, &[step; 4], stop);
        }
        let x: Vec<f64> = found.point.iter().map(|x| x.exp()).collect();
        if !found.value.is_finite() {
            return Err(Error::data("the purchases fit no BG/NBD model", "see whether the dates are right"));
        }
        let (r, alpha, a, b) = (x[0], x[1] * unit, x[2], x[3]);
        Ok(BetaGeometric { r, alpha, a, b, log_likelihood: likelihood(customers, r, alpha, a, b) })
    }

    /// The probability that a customer still buys.
    pub fn alive(&self, c: &Summary) -> f64 {
        if c.repeats == 0 {
            return 1.0;
        }
        let x = f64::from(c.repeats);
        let odds = (self.r + x) * ((self.alpha + c.age) / (self.alpha + c.recency)).ln();
        1.0 / (1.0 + self.a / (self.b + x - 1.0) * odds.exp())
    }

    /// How many purchases a customer is expected to make in the next `t` units of time (equation 10 of the paper).
    pub fn expected(&self, t: f64, c: &Summary) -> f64 {
        let x = f64::from(c.repeats);
        let a = if (self.a - 1.0).abs() < 1e-9 { self.a + 1e-8 } else { self.a };
        let (r, alpha, b) = (self.r, self.alpha, self.b);
        let z = t / (alpha + c.age + t);
        // 2F1(r + x, b + x; c; z) by Euler's transformation, whose series converges faster.
        let top = a + b + x - 1.0;
        let series = hypergeometric(top - r - x, a - 1.0, top, z) * (1.0 - z).powf(a - 1.0 - r - x);
        let ratio = ((alpha + c.age) / (alpha + c.age + t)).powf(r + x);
        top / (a - 1.0) * (1.0 - ratio * series) * self.alive(c)
    }
}

fn likelihood(customers: &[Summary], r: f64, alpha: f64, a: f64, b: f64) -> f64 {
    let fixed = r * alpha.ln() - ln_gamma(r) + ln_gamma(a + b) - ln_gamma(b);
    let one = |c: &Summary| {
        let x = f64::from(c.repeats);
        let shared = fixed + ln_gamma(r + x) + ln_gamma(b + x) - ln_gamma(a + b + x);
        let buys = -(r + x) * (alpha + c.age).ln();
        if c.repeats == 0 {
            return shared + buys;
        }
        let stopped = a.ln() - (b + x - 1.0).ln() - (r + x) * (alpha + c.recency).ln();
        let most = buys.max(stopped);
        shared + most + ((buys - most).exp() + (stopped - most).exp()).ln()
    };
    let sums: Vec<f64> = customers.par_chunks(CHUNK).map(|chunk| chunk.iter().map(one).sum()).collect();
    sums.iter().sum()
}

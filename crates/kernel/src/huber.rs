//! Huber regression with estimated scale (Huber and Ronchetti 2009, section 7.7): the objective of scikit-learn's `HuberRegressor`,
//! `sum(weight * (s + H(r / s) s)) + alpha |w|^2` over coefficients, intercept and scale `s`, where `H(z)` is `z^2` up to `epsilon` and
//! `2 epsilon |z| - epsilon^2` beyond.
//!
//! For given residuals, the optimal scale is known, so only coefficients and intercept are optimised; the remaining problem is convex too.

use tidemill_core::{Context, Result};

use crate::Design;
use crate::descent::{Limits, Outcome};
use crate::glm::Curvature;
use crate::lbfgs::{self, Objective};

/// The number of steps between updates of the Hessian.
const STEPS: usize = 4;

/// The problem.
#[derive(Clone, Copy)]
pub struct Huber<'a> {
    /// The rows, centred.
    pub design: &'a Design,
    /// The target of each row.
    pub target: &'a [f64],
    /// The weight of each row; they sum to 1.
    pub weights: &'a [f64],
    /// The number of scales above which a residual counts linearly.
    pub epsilon: f64,
    /// The factor of the sum of squares, as a share of the sum of weights.
    pub alpha: f64,
    /// The smallest scale, above 0.
    pub least_scale: f64,
}

impl Huber<'_> {
    /// Moves `x` (coefficients, then the intercept) to the minimum of the objective, until no gradient exceeds the tolerance; returns the
    /// scale there.
    pub fn minimise(&self, x: &mut Vec<f64>, limits: Limits, context: &Context) -> Result<(Outcome, f64)> {
        let mut total = Outcome::default();
        loop {
            context.check()?;
            let residual = self.residual(x);
            let scale = self.scale(&residual);
            let near =
                |(r, w): (&f64, &f64)| if r.abs() <= self.epsilon * scale { 2.0 * w / scale } else { 0.0 };
            let curvatures: Vec<f64> = residual.iter().zip(self.weights).map(near).collect();
            let curvature = Curvature::of(self.design, &curvatures, 2.0 * self.alpha);
            let few =
                Limits { max_iterations: STEPS.min(limits.max_iterations - total.iterations), ..limits };
            let outcome = lbfgs::minimise(&mut Scaled { huber: self, curvature }, x, few, context)?;
            total.iterations += outcome.iterations;
            (total.gap, total.converged) = (outcome.gap, outcome.converged);
            let stuck = outcome.iterations < few.max_iterations;
            if outcome.converged || stuck || total.iterations >= limits.max_iterations {
                return Ok((total, self.scale(&self.residual(x))));
            }
        }
    }

    fn residual(&self, x: &[f64]) -> Vec<f64> {
        let p = self.design.n_columns();
        let mut residual = self.design.times(&x[..p], x[p]);
        residual.iter_mut().zip(self.target).for_each(|(r, y)| *r = y - *r);
        residual
    }

    /// The scale that minimises the objective for these residuals, where
    /// `s^2 (1 - epsilon^2 * weight beyond) = sum of weighted squares within`. The left side minus the right increases with `s` wherever it
    /// is not negative.
    fn scale(&self, residual: &[f64]) -> f64 {
        let mut sizes: Vec<(f64, f64)> = residual
            .iter()
            .zip(self.weights)
            .filter(|(_, w)| **w > 0.0)
            .map(|(r, w)| (r.abs(), *w))
            .collect();
        sizes.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut beyond: f64 = sizes.iter().map(|s| s.1).sum();
        let mut squares = 0.0;
        let whole = beyond;
        for (k, &(r, w)) in sizes.iter().enumerate() {
            squares += w * r * r;
            beyond = (beyond - w).max(0.0);
            let left = whole - self.epsilon * self.epsilon * beyond;
            if left <= 0.0 {
                continue;
            }
            let scale = (squares / left).sqrt();
            let next = sizes.get(k + 1).map_or(f64::INFINITY, |s| s.0);
            // With this number of residuals within, do these remain within, and the others beyond?
            if self.epsilon * scale < next {
                return scale.max(self.least_scale);
            }
        }
        self.least_scale
    }
}

struct Scaled<'a> {
    huber: &'a Huber<'a>,
    curvature: Curvature,
}

impl Objective for Scaled<'_> {
    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let huber = self.huber;
        let p = huber.design.n_columns();
        let mut gradients = huber.residual(x);
        let scale = huber.scale(&gradients);
        let mut value = 0.0;
        for (r, w) in gradients.iter_mut().zip(huber.weights) {
            let z = *r / scale;
            let (loss, gradient) = if z.abs() <= huber.epsilon {
                (z * z, 2.0 * z)
            } else {
                (huber.epsilon * (2.0 * z.abs() - huber.epsilon), 2.0 * huber.epsilon * z.signum())
            };
            value += w * (scale + scale * loss);
            *r = -w * gradient;
        }
        gradient[..p].copy_from_slice(&huber.design.transposed_times(&gradients));
        gradient[p] = gradients.iter().sum();
        for (g, w) in gradient[..p].iter_mut().zip(x) {
            *g += 2.0 * huber.alpha * w;
            value += huber.alpha * w * w;
        }
        value
    }

    fn precondition(&self, gradient: &mut [f64]) {
        self.curvature.apply(gradient);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_where_the_objective_is_least() {
        let rows: Vec<f64> = (0..9).map(f64::from).collect();
        let design = Design::from_rows(&rows, 9, 1);
        let target = [0.0, 1.5, -2.0, 0.3, 9.0, -0.7, 0.1, 4.0, -30.0];
        let weights = [0.1, 0.2, 0.05, 0.1, 0.15, 0.1, 0.1, 0.1, 0.1];
        let huber = Huber {
            design: &design,
            target: &target,
            weights: &weights,
            epsilon: 1.35,
            alpha: 0.0,
            least_scale: 1e-9,
        };
        let scale = huber.scale(&target);
        let cost = |s: f64| -> f64 {
            let one = |r: f64| {
                let z = (r / s).abs();
                s + s * if z <= 1.35 { z * z } else { 1.35 * (2.0 * z - 1.35) }
            };
            target.iter().zip(weights).map(|(r, w)| w * one(*r)).sum()
        };
        assert!(cost(scale) < cost(scale * 1.001) && cost(scale) < cost(scale * 0.999), "{scale}");
    }
}

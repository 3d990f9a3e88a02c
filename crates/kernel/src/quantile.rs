//! Quantile regression with an l1 penalty: the linear programme `sum(weight * pinball) + l1 |w|_1`, solved by Mehrotra's
//! predictor-corrector method on its bounded dual (Portnoy and Koenker 1997, "The Gaussian hare and the Laplacian tortoise").
//!
//! The dual has a number from 0 to its weight for each row. The penalty of a coefficient is an additional row with target 0 and weight
//! `2 l1` at the median. A step solves one weighted Gram matrix.

use tidemill_core::{Context, Result};

use crate::Design;
use crate::cholesky::steadied;
use crate::descent::{Limits, Outcome};
use crate::vector::dot;

/// The share of the distance to the nearest bound that a step may cover.
const ALONG: f64 = 0.9995;

/// The problem.
#[derive(Clone, Copy)]
pub struct Quantile<'a> {
    /// The rows, centred.
    pub design: &'a Design,
    /// The target of each row.
    pub target: &'a [f64],
    /// The weight of each row; they sum to 1.
    pub weights: &'a [f64],
    /// The quantile, between 0 and 1.
    pub quantile: f64,
    /// The factor of the sum of absolute coefficients.
    pub l1: f64,
}

/// The current iterate: `x` and `s` share each row's weight, and `z` and `w` are their dual variables.
struct Point {
    x: Vec<f64>,
    s: Vec<f64>,
    z: Vec<f64>,
    w: Vec<f64>,
    /// The coefficients and the intercept, with the opposite sign.
    y: Vec<f64>,
}

/// A step of all variables.
struct Step {
    dx: Vec<f64>,
    dz: Vec<f64>,
    dw: Vec<f64>,
    dy: Vec<f64>,
}

impl Quantile<'_> {
    /// Returns coefficients, then the intercept; iterates until the duality gap is at most `tolerance` times the objective.
    pub fn minimise(&self, limits: Limits, context: &Context) -> Result<(Vec<f64>, Outcome)> {
        let mut outcome = Outcome::default();
        let Some(mut at) = self.start() else { return Ok((vec![0.0; self.n_unknowns()], outcome)) };
        loop {
            let gap = dot(&at.z, &at.x) + dot(&at.w, &at.s);
            outcome.gap = gap / self.objective(&at.y).max(f64::MIN_POSITIVE);
            outcome.converged = outcome.gap <= limits.tolerance;
            if outcome.converged || outcome.iterations >= limits.max_iterations || !gap.is_finite() {
                break;
            }
            context.check()?;
            outcome.iterations += 1;
            if !self.advance(&mut at, gap) {
                break;
            }
        }
        Ok((at.y.iter().map(|y| -y).collect(), outcome))
    }

    fn n_unknowns(&self) -> usize {
        self.design.n_columns() + 1
    }

    /// The number of penalty rows.
    fn n_penalties(&self) -> usize {
        if self.l1 > 0.0 { self.design.n_columns() } else { 0 }
    }

    /// The bound of each number: the weights of the rows, then those of the penalties.
    fn bounds(&self) -> Vec<f64> {
        let mut bounds = self.weights.to_vec();
        bounds.resize(self.weights.len() + self.n_penalties(), 2.0 * self.l1);
        bounds
    }

    /// The linear function with the unknowns `y`, for each row (and penalty).
    fn scores(&self, y: &[f64]) -> Vec<f64> {
        let p = self.design.n_columns();
        let mut scores = self.design.times(&y[..p], y[p]);
        scores.extend_from_slice(&y[..self.n_penalties()]);
        scores
    }

    /// The sum over rows (and penalties), for each unknown.
    fn sums(&self, x: &[f64]) -> Vec<f64> {
        let (rows, penalties) = x.split_at(self.weights.len());
        let mut sums = self.design.transposed_times(rows);
        sums.iter_mut().zip(penalties).for_each(|(s, x)| *s += x);
        sums.push(rows.iter().sum());
        sums
    }

    fn objective(&self, y: &[f64]) -> f64 {
        let p = self.design.n_columns();
        let scores = self.design.times(&y[..p], y[p]);
        let pinball = |r: f64| if r > 0.0 { self.quantile * r } else { (self.quantile - 1.0) * r };
        let loss: f64 =
            scores.iter().zip(self.target).zip(self.weights).map(|((s, y), w)| w * pinball(y + s)).sum();
        loss + self.l1 * y[..p].iter().map(|y| y.abs()).sum::<f64>()
    }

    /// The objective at coefficients and intercept.
    pub fn objective_of(&self, x: &[f64]) -> f64 {
        let turned: Vec<f64> = x.iter().map(|x| -x).collect();
        self.objective(&turned)
    }

    /// The starting point, from least squares.
    fn start(&self) -> Option<Point> {
        let n = self.weights.len();
        let p = self.design.n_columns();
        let u = self.bounds();
        let share = |i: usize| if i < n { 1.0 - self.quantile } else { 0.5 };
        let x: Vec<f64> = u.iter().enumerate().map(|(i, u)| share(i) * u).collect();
        let s: Vec<f64> = u.iter().zip(&x).map(|(u, x)| u - x).collect();
        let gram = self.design.gram_with_constant(self.weights);
        let factor = steadied(gram, p + 1, |j| if j < p { 2.0 * self.l1 } else { 0.0 })?;
        let weighted: Vec<f64> = self.target.iter().zip(self.weights).map(|(y, w)| -y * w).collect();
        let mut y = self.design.transposed_times(&weighted);
        y.push(weighted.iter().sum());
        factor.solve(&mut y);
        let scores = self.scores(&y);
        let rest: Vec<f64> = (0..u.len()).map(|i| self.cost(i) - scores[i]).collect();
        let floor = 1e-3 * rest.iter().zip(&u).map(|(r, u)| u * r.abs()).sum::<f64>() / u.iter().sum::<f64>();
        let floor = floor.max(1e-10);
        let z = rest.iter().map(|r| r.max(0.0) + floor).collect();
        let w = rest.iter().map(|r| (-r).max(0.0) + floor).collect();
        Some(Point { x, s, z, w, y })
    }

    fn cost(&self, i: usize) -> f64 {
        self.target.get(i).map_or(0.0, |y| -y)
    }

    /// One step: a plain Newton step as predictor, then the centring and correction derived from it.
    fn advance(&self, at: &mut Point, gap: f64) -> bool {
        let n = at.x.len();
        // A row without weight has no room to move.
        let q: Vec<f64> = (0..n)
            .map(
                |i| if at.x[i] + at.s[i] > 0.0 { 1.0 / (at.z[i] / at.x[i] + at.w[i] / at.s[i]) } else { 0.0 },
            )
            .collect();
        let (rows, penalties) = q.split_at(self.weights.len());
        let gram = self.design.gram_with_constant(rows);
        let p = self.n_unknowns();
        let Some(factor) = steadied(gram, p, |j| penalties.get(j).copied().unwrap_or(0.0)) else {
            return false;
        };
        let solve = |corrections: &[f64]| {
            let pull: Vec<f64> = (0..n).map(|i| at.z[i] - at.w[i] - corrections[i]).collect();
            let weighted: Vec<f64> = pull.iter().zip(&q).map(|(r, q)| q * r).collect();
            let mut dy = self.sums(&weighted);
            factor.solve(&mut dy);
            let dx: Vec<f64> =
                self.scores(&dy).iter().zip(&pull).zip(&q).map(|((a, r), q)| q * (a - r)).collect();
            (dx, dy)
        };
        let none = vec![0.0; n];
        let (dx, dy) = solve(&none);
        let plain = finished(at, dx, dy, 0.0, &none, &none);
        let (primal, dual) = (primal_length(at, &plain), dual_length(at, &plain));
        let mut left = 0.0;
        for i in 0..n {
            left += (at.x[i] + primal * plain.dx[i]) * (at.z[i] + dual * plain.dz[i])
                + (at.s[i] - primal * plain.dx[i]) * (at.w[i] + dual * plain.dw[i]);
        }
        let centre = (left / gap).powi(3) * gap / (2.0 * n as f64);
        let low: Vec<f64> = plain.dx.iter().zip(&plain.dz).map(|(a, b)| a * b).collect();
        let high: Vec<f64> = plain.dx.iter().zip(&plain.dw).map(|(a, b)| -a * b).collect();
        let correction = |i: usize| match at.x[i] + at.s[i] > 0.0 {
            true => (centre - low[i]) / at.x[i] - (centre - high[i]) / at.s[i],
            false => 0.0,
        };
        let corrections: Vec<f64> = (0..n).map(correction).collect();
        let (dx, dy) = solve(&corrections);
        let step = finished(at, dx, dy, centre, &low, &high);
        let (primal, dual) = (primal_length(at, &step), dual_length(at, &step));
        let whole = at.clone_sums();
        for (i, whole) in whole.iter().enumerate() {
            at.x[i] += primal * step.dx[i];
            at.s[i] = whole - at.x[i];
            at.z[i] += dual * step.dz[i];
            at.w[i] += dual * step.dw[i];
        }
        at.y.iter_mut().zip(&step.dy).for_each(|(y, d)| *y += dual * d);
        primal.max(dual) > 1e-10
    }
}

impl Point {
    fn clone_sums(&self) -> Vec<f64> {
        self.x.iter().zip(&self.s).map(|(x, s)| x + s).collect()
    }
}

/// The steps of the dual variables that correspond to a step of the others.
fn finished(at: &Point, dx: Vec<f64>, dy: Vec<f64>, centre: f64, low: &[f64], high: &[f64]) -> Step {
    let n = dx.len();
    let moves = |i: usize| at.x[i] + at.s[i] > 0.0;
    let dz = |i: usize| match moves(i) {
        true => (centre - low[i] - at.z[i] * dx[i]) / at.x[i] - at.z[i],
        false => 0.0,
    };
    let dw = |i: usize| match moves(i) {
        true => (centre - high[i] + at.w[i] * dx[i]) / at.s[i] - at.w[i],
        false => 0.0,
    };
    Step { dz: (0..n).map(dz).collect(), dw: (0..n).map(dw).collect(), dx, dy }
}

/// The largest step length, at most 1, for which every `value + length * step` stays above 0.
fn length<'a>(pairs: impl Iterator<Item = (&'a f64, f64)>) -> f64 {
    let most =
        |most: f64, (value, step): (&f64, f64)| if step < 0.0 { most.min(-value / step) } else { most };
    (ALONG * pairs.fold(f64::INFINITY, most)).min(1.0)
}

fn primal_length(at: &Point, step: &Step) -> f64 {
    let up = length(at.x.iter().zip(step.dx.iter().copied()));
    up.min(length(at.s.iter().zip(step.dx.iter().map(|d| -d))))
}

fn dual_length(at: &Point, step: &Step) -> f64 {
    length(at.z.iter().zip(step.dz.iter().copied())).min(length(at.w.iter().zip(step.dw.iter().copied())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_columns_it_is_the_weighted_quantile() {
        let target = [5.0, 1.0, 2.0, 9.0, 4.0];
        let design = Design::from_rows(&[], 5, 0);
        let weights = [0.1, 0.3, 0.25, 0.15, 0.2];
        let limits = Limits { tolerance: 1e-10, max_iterations: 200 };
        for (quantile, wanted) in [(0.2, 1.0), (0.5, 2.0), (0.7, 4.0), (0.8, 5.0), (0.95, 9.0)] {
            let problem = Quantile { design: &design, target: &target, weights: &weights, quantile, l1: 0.0 };
            let (x, outcome) = problem.minimise(limits, &Context::default()).unwrap();
            assert!(outcome.converged && (x[0] - wanted).abs() < 1e-7, "{quantile}: {x:?} {outcome:?}");
        }
    }
}

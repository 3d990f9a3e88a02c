//! Coordinate descent for penalised quadratics (Friedman, Hastie, Tibshirani 2010, "Regularization paths for generalized linear models via
//! coordinate descent"), with the stopping rule of scikit-learn's `ElasticNet`: the duality gap.

use tidemill_core::{Context, Result};

use crate::ByColumn;
use crate::least_squares::Centred;
use crate::vector::{axpy, dot};

/// With at most this number of columns, and no more columns than rows, sweeps use the Gram matrix instead of the rows.
const GRAM_COLUMNS: usize = 2048;
/// The same limit for sparse vectors, for which sweeps over the rows are cheap.
const SPARSE_COLUMNS: usize = 500;

/// The smooth part of a problem: `0.5 w' Q w - c' w`, with its current `w` stored inside.
pub trait Quadratic {
    /// `Q[j][j]`.
    fn curvature(&self, j: usize) -> f64;
    /// `c[j] - Q[j] w`: the negative gradient.
    fn gradient(&mut self, j: usize) -> f64;
    /// `w[j] += step`.
    fn advance(&mut self, j: usize, step: f64);
}

/// A quadratic given by its matrix.
#[derive(Clone, Debug)]
pub struct Gram<'a> {
    /// `Q`, symmetric.
    pub matrix: &'a [f64],
    /// `c - Q w`.
    pub gradients: Vec<f64>,
}

impl Quadratic for Gram<'_> {
    fn curvature(&self, j: usize) -> f64 {
        self.matrix[j * self.gradients.len() + j]
    }
    fn gradient(&mut self, j: usize) -> f64 {
        self.gradients[j]
    }
    fn advance(&mut self, j: usize, step: f64) {
        let p = self.gradients.len();
        axpy(-step, &self.matrix[j * p..(j + 1) * p], &mut self.gradients);
    }
}

/// Least squares over rows, `sum(weight r^2) / (2 total)` with `r = y - X w` kept up to date.
///
/// Columns are read as they are stored: what centring adds equally to all rows is kept separately, in `shift`.
struct OverRows<'a> {
    columns: ByColumn<'a>,
    weights: Option<&'a [f64]>,
    curvatures: Vec<f64>,
    /// The residual minus `shift`.
    residual: Vec<f64>,
    shift: f64,
    total: f64,
}

impl OverRows<'_> {
    /// Adds the shift to the residual.
    fn settle(&mut self) {
        let shift = std::mem::take(&mut self.shift);
        self.residual.iter_mut().for_each(|r| *r += shift);
    }
}

impl Quadratic for OverRows<'_> {
    fn curvature(&self, j: usize) -> f64 {
        self.curvatures[j]
    }
    fn gradient(&mut self, j: usize) -> f64 {
        let sum = match self.weights {
            None => self.columns.dot(j, &self.residual),
            Some(weights) => self.columns.weighted_dot(j, weights, &self.residual),
        };
        // The residual's weighted sum is 0 (target and columns are centred), so that of the stored residual is smaller by the shift.
        sum / self.total + self.columns.centre(j) * self.shift
    }
    fn advance(&mut self, j: usize, step: f64) {
        self.columns.axpy(j, -step, &mut self.residual);
        self.shift += step * self.columns.centre(j);
    }
}

/// The penalty of an elastic net: `l1 |w|_1 + l2/2 |w|^2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Penalty {
    /// The factor of the sum of absolute values.
    pub l1: f64,
    /// The factor of half the sum of squares.
    pub l2: f64,
}

/// The minimum of `0.5 q w^2 - s w + l1 |w| + l2/2 w^2` over `w`.
#[inline(always)]
pub fn shrink(gradient: f64, curvature: f64, penalty: Penalty) -> f64 {
    let size = gradient.abs() - penalty.l1;
    if size <= 0.0 || curvature + penalty.l2 <= 0.0 {
        0.0
    } else {
        size.copysign(gradient) / (curvature + penalty.l2)
    }
}

/// One pass over `columns`; returns the largest decrease by a single column (in units of the objective).
pub fn sweep(
    problem: &mut impl Quadratic,
    w: &mut [f64],
    columns: impl Iterator<Item = usize>,
    penalty: impl Fn(usize) -> Penalty,
) -> f64 {
    let mut greatest = 0.0f64;
    for j in columns {
        let curvature = problem.curvature(j);
        let penalty = penalty(j);
        if curvature + penalty.l2 <= 0.0 {
            continue;
        }
        let next = shrink(problem.gradient(j) + curvature * w[j], curvature, penalty);
        let step = next - w[j];
        if step != 0.0 {
            problem.advance(j, step);
            w[j] = next;
            greatest = greatest.max((curvature + penalty.l2) * step * step);
        }
    }
    greatest
}

/// Information from a solver besides its solution.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Passes over the columns, or steps.
    pub iterations: usize,
    /// The duality gap (coordinate descent), or the largest remaining gradient (other solvers).
    pub gap: f64,
    /// Whether the tolerance was reached.
    pub converged: bool,
}

/// Stopping criteria.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The tolerance, in the unit defined by the solver.
    pub tolerance: f64,
    /// The maximum number of passes or steps.
    pub max_iterations: usize,
}

/// An elastic net over centred rows: `|y - Xw|^2 / (2 sum(s)) + l1 |w|_1 + l2/2 |w|^2`. Solves for any number of penalties, each starting
/// from the previous solution (a path with warm starts).
pub struct ElasticNet<'a> {
    problem: &'a Centred,
    gram: Option<(Vec<f64>, Vec<f64>)>,
    squares: f64,
    /// The `l1` of the last penalty solved; `None` initially.
    last_l1: Option<f64>,
    /// The coefficients for the last penalty solved; zeros initially.
    pub coefficients: Vec<f64>,
}

impl<'a> ElasticNet<'a> {
    /// Prepares the problem; the Gram matrix is computed once if that is cheaper.
    pub fn new(problem: &'a Centred) -> Self {
        let (n, p) = (problem.design.n_rows(), problem.design.n_columns());
        let total = problem.total_weight;
        let most = if problem.design.is_sparse() { SPARSE_COLUMNS } else { GRAM_COLUMNS };
        let gram = (p <= n && p <= most).then(|| {
            let mut gram = problem.design.gram(problem.weights.as_deref());
            let mut gradients = problem.products(&problem.target);
            gram.iter_mut().chain(gradients.iter_mut()).for_each(|x| *x /= total);
            (gram, gradients)
        });
        let squares = problem.square(&problem.target) / total;
        ElasticNet { problem, gram, squares, last_l1: None, coefficients: vec![0.0; p] }
    }

    /// The smallest `l1` for which every coefficient is zero.
    pub fn greatest_l1(&self) -> f64 {
        let gradients = match &self.gram {
            Some((_, gradients)) => gradients.clone(),
            None => {
                let gradients = self.problem.products(&self.problem.target);
                gradients.into_iter().map(|s| s / self.problem.total_weight).collect()
            }
        };
        gradients.iter().fold(0.0, |most, s| most.max(s.abs()))
    }

    /// Solves for this penalty, until the duality gap is at most `tolerance` times the target's mean square.
    pub fn solve(&mut self, penalty: Penalty, limits: Limits, context: &Context) -> Result<Outcome> {
        let mut w = std::mem::take(&mut self.coefficients);
        let limit = limits.tolerance * self.squares;
        let outcome = match &self.gram {
            Some((gram, gradients)) => {
                let mut problem = Gram { matrix: gram, gradients: gradients.clone() };
                for j in (0..w.len()).filter(|&j| w[j] != 0.0) {
                    problem.advance(j, w[j]);
                }
                // |r|^2 = y'y - w'(c + gradients), as Q w = c - gradients.
                let residual =
                    |w: &[f64], left: &[f64]| (self.squares - dot(w, gradients) - dot(w, left)).max(0.0);
                let dual = |w: &[f64], left: &[f64]| self.gap(w, left, residual(w, left), penalty);
                descend(&mut problem, &mut w, penalty, limits, limit, dual, context)
            }
            None => {
                let total = self.problem.total_weight;
                let mut problem = OverRows {
                    columns: ByColumn::of(&self.problem.design),
                    weights: self.problem.weights.as_deref(),
                    curvatures: self.problem.squared_norms.iter().map(|s| s / total).collect(),
                    residual: self.problem.residual(&w),
                    shift: 0.0,
                    total,
                };
                self.over_rows(&mut problem, &mut w, penalty, limits, limit, context)
            }
        };
        self.coefficients = w;
        self.last_l1 = Some(penalty.l1);
        outcome
    }

    /// The coefficients for each of these penalties, with their accuracy. Starting from the largest, each one starts from the previous
    /// solution and first uses the columns kept by the strong rule.
    pub fn path(
        &mut self,
        penalties: &[Penalty],
        limits: Limits,
        context: &Context,
    ) -> Result<Vec<(Vec<f64>, Outcome)>> {
        let mut solved = Vec::with_capacity(penalties.len());
        for &penalty in penalties {
            let outcome = self.solve(penalty, limits, context)?;
            solved.push((self.coefficients.clone(), outcome));
        }
        Ok(solved)
    }

    /// The columns kept by the strong rule (Tibshirani and others 2012, "Strong rules for discarding predictors in lasso-type problems").
    /// It is hardly ever wrong, and the duality gap over all columns shows when it was.
    fn strong(&self, w: &[f64], gradients: &[f64], l1: f64) -> Vec<bool> {
        let last =
            self.last_l1.unwrap_or_else(|| gradients.iter().fold(0.0, |most, s| f64::max(most, s.abs())));
        let least = 2.0 * l1 - last.max(l1);
        w.iter().zip(gradients).map(|(w, s)| *w != 0.0 || s.abs() >= least).collect()
    }

    fn over_rows(
        &self,
        problem: &mut OverRows<'_>,
        w: &mut [f64],
        penalty: Penalty,
        limits: Limits,
        limit: f64,
        context: &Context,
    ) -> Result<Outcome> {
        let slopes_of = |problem: &OverRows<'_>| -> Vec<f64> {
            let gradients = self.problem.products(&problem.residual);
            gradients.into_iter().map(|s| s / problem.total).collect()
        };
        let mut strong = self.strong(w, &slopes_of(problem), penalty.l1);
        let mut outcome = Outcome::default();
        while outcome.iterations < limits.max_iterations {
            context.check()?;
            outcome.iterations += 1 + active_sweeps(problem, w, penalty, limits, limit, outcome.iterations);
            sweep(problem, w, (0..w.len()).filter(|&j| strong[j]), |_| penalty);
            problem.settle();
            let gradients = slopes_of(problem);
            // Any column whose gradient exceeds the penalty was discarded in error.
            for ((strong, w), s) in strong.iter_mut().zip(&*w).zip(&gradients) {
                *strong |= (s - penalty.l2 * w).abs() > penalty.l1;
            }
            let squares = self.problem.square(&problem.residual) / problem.total;
            outcome.gap = self.gap(w, &gradients, squares, penalty);
            if outcome.gap <= limit {
                outcome.converged = true;
                break;
            }
        }
        Ok(outcome)
    }

    /// Fenchel's duality gap at `w`, from the gradients and the mean square of the residual, like scikit-learn's, which treats the squared
    /// part of the penalty as `p` additional rows.
    fn gap(&self, w: &[f64], gradients: &[f64], residual: f64, penalty: Penalty) -> f64 {
        let norm = dot(w, w);
        let steepest =
            gradients.iter().zip(w).fold(0.0f64, |most, (s, w)| most.max((s - penalty.l2 * w).abs()));
        let sizes: f64 = w.iter().map(|w| w.abs()).sum();
        let squares = residual + penalty.l2 * norm;
        // y'r = |r|^2 + w' X' r.
        let along = residual + dot(w, gradients);
        let factor = if steepest > penalty.l1 { penalty.l1 / steepest } else { 1.0 };
        0.5 * squares * (1.0 + factor * factor) + penalty.l1 * sizes - factor * along
    }
}

/// Passes over the non-zero coefficients, until they bring little improvement.
fn active_sweeps(
    problem: &mut impl Quadratic,
    w: &mut [f64],
    penalty: Penalty,
    limits: Limits,
    limit: f64,
    done: usize,
) -> usize {
    let active: Vec<usize> = (0..w.len()).filter(|&j| w[j] != 0.0).collect();
    let mut sweeps = 0;
    while sweeps + done < limits.max_iterations {
        sweeps += 1;
        let greatest = sweep(problem, w, active.iter().copied(), |_| penalty);
        if greatest <= 0.1 * limit {
            break;
        }
    }
    sweeps
}

fn descend(
    problem: &mut Gram<'_>,
    w: &mut [f64],
    penalty: Penalty,
    limits: Limits,
    limit: f64,
    gap: impl Fn(&[f64], &[f64]) -> f64,
    context: &Context,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    while outcome.iterations < limits.max_iterations {
        context.check()?;
        outcome.iterations += 1 + active_sweeps(problem, w, penalty, limits, limit, outcome.iterations);
        sweep(problem, w, 0..w.len(), |_| penalty);
        outcome.gap = gap(w, &problem.gradients);
        if outcome.gap <= limit {
            outcome.converged = true;
            break;
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Design, Random};

    /// A wide problem (sweeps over rows) and a narrow one (over the Gram matrix): along a path with screening, each solution equals that of
    /// the penalty alone, and satisfies the optimality conditions for every column.
    #[test]
    fn a_path_passes_through_the_single_solutions() {
        for (n, p) in [(40, 90), (90, 12)] {
            let mut random = Random::new(3, 0);
            let rows: Vec<f64> = (0..n * p).map(|_| random.normal()).collect();
            let target: Vec<f64> =
                (0..n).map(|i| 3.0 * rows[i * p] - 2.0 * rows[i * p + 5] + random.normal()).collect();
            let problem = Centred::new(Design::from_rows(&rows, n, p), target, None);
            let limits = Limits { tolerance: 1e-12, max_iterations: 100_000 };
            let mut net = ElasticNet::new(&problem);
            let most = net.greatest_l1();
            let penalties = [0.95, 0.7, 0.4, 0.2, 0.1].map(|share| Penalty { l1: share * most, l2: 0.05 });
            let path = net.path(&penalties, limits, &Context::default()).unwrap();
            for (penalty, (w, outcome)) in penalties.into_iter().zip(&path) {
                assert!(outcome.converged);
                let mut alone = ElasticNet::new(&problem);
                alone.solve(penalty, limits, &Context::default()).unwrap();
                let apart =
                    w.iter().zip(&alone.coefficients).fold(0.0, |most, (a, b)| f64::max(most, (a - b).abs()));
                assert!(apart < 1e-5, "{n} {p} {penalty:?}: {apart}");
                let gradients = problem.products(&problem.residual(w));
                for (w, gradient) in w.iter().zip(gradients) {
                    let gradient = gradient / n as f64 - penalty.l2 * w;
                    let wrong = if *w == 0.0 {
                        gradient.abs() - penalty.l1
                    } else {
                        (gradient - penalty.l1.copysign(*w)).abs()
                    };
                    assert!(wrong < 1e-5, "{n} {p}: {wrong}");
                }
            }
            assert!(path[0].0.iter().filter(|w| **w != 0.0).count() < 4);
        }
    }
}

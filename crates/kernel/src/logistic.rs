//! Minimises the objective of logistic regression: `mean loss + l1 |w|_1 + l2/2 |w|^2`, with intercepts not penalised.
//!
//! Without `l1`, L-BFGS is preconditioned by the Hessian of a subsample, which is recomputed every few steps: a step costs one pass over
//! the rows, but is close to Newton's. With `l1`, proximal Newton steps (Lee, Sun, Saunders 2014) are each solved by coordinate descent, on
//! a working set if there are many columns.

use std::ops::Range;

use tidemill_core::{Context, Result};

use crate::cholesky::{Cholesky, steadied};
use crate::descent::{Gram, Limits, Outcome, Penalty, sweep};
use crate::lbfgs::{self, Objective};
use crate::softmax::Problem;
use crate::vector::dot;

/// Up to this number of unknowns, steps use the joint Hessian of all of them.
const JOINT_UNKNOWNS: usize = 512;
/// Up to this number of columns, steps use the Hessian between columns; beyond it, only its diagonal.
const WHOLE_COLUMNS: usize = 1500;
/// The same limit for sparse vectors, for which the Hessian costs far more than a step.
const SPARSE_COLUMNS: usize = 500;
/// The approximate number of rows from which the Hessian is computed; more if there are many unknowns.
const SAMPLE_ROWS: usize = 8192;
/// The number of steps between updates of the Hessian.
const STEPS: usize = 6;
/// Above this number of columns, an `l1` problem is solved on a working set.
const WORKING_COLUMNS: usize = 200;

/// Moves `x` (see [`Problem::n_unknowns`]; coefficients, then intercepts) to the minimum of the objective, until no gradient exceeds the
/// tolerance. Columns should be centred.
pub fn minimise(
    problem: Problem<'_>,
    penalty: Penalty,
    x: &mut Vec<f64>,
    limits: Limits,
    context: &Context,
) -> Result<Outcome> {
    if penalty.l1 <= 0.0 {
        return ridged(problem, penalty.l2, x, limits, context);
    }
    if problem.design.n_columns() > WORKING_COLUMNS {
        return on_working_set(problem, penalty, x, limits, context);
    }
    sparse(problem, penalty, x, limits, context)
}

fn ridged(
    problem: Problem<'_>,
    l2: f64,
    x: &mut Vec<f64>,
    limits: Limits,
    context: &Context,
) -> Result<Outcome> {
    let n_unknowns = problem.n_unknowns();
    let step = (problem.design.n_rows() / SAMPLE_ROWS.max(50 * n_unknowns)).max(1);
    if step == 1 {
        return stepped(problem, &problem, l2, x, limits, context);
    }
    let rows = problem.design.thin_rows(step);
    let thin = problem.design.take(&rows);
    let classes: Vec<u32> = rows.iter().map(|&i| problem.classes[i]).collect();
    let weights = problem.weights.map(|w| rescaled(rows.iter().map(|&i| w[i])));
    let sample = Problem { design: &thin, classes: &classes, weights: weights.as_deref(), ..problem };
    if n_unknowns <= JOINT_UNKNOWNS {
        // Most of the way is covered with the sample alone.
        let near = Limits { tolerance: limits.tolerance.max(1e-4), ..limits };
        stepped(sample, &sample, l2, x, near, context)?;
    }
    stepped(problem, &sample, l2, x, limits, context)
}

/// L-BFGS steps scaled by the Hessian of `sample`, which is recomputed every few steps.
fn stepped(
    problem: Problem<'_>,
    sample: &Problem<'_>,
    l2: f64,
    x: &mut Vec<f64>,
    limits: Limits,
    context: &Context,
) -> Result<Outcome> {
    let joint = problem.n_unknowns() <= JOINT_UNKNOWNS;
    let mut total = Outcome::default();
    loop {
        let scaling = Scaling::new(sample, x, l2);
        let left = limits.max_iterations - total.iterations;
        let few = Limits { max_iterations: if joint { left.min(STEPS) } else { left }, ..limits };
        let outcome = lbfgs::minimise(&mut Ridged { problem, l2, scaling }, x, few, context)?;
        total.iterations += outcome.iterations;
        (total.gap, total.converged) = (outcome.gap, outcome.converged);
        // Fewer steps than allowed: it is as close as rounding permits.
        let stuck = outcome.iterations < few.max_iterations;
        if outcome.converged || stuck || total.iterations >= limits.max_iterations {
            return Ok(total);
        }
    }
}

fn rescaled(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut weights: Vec<f64> = weights.collect();
    let total: f64 = weights.iter().sum();
    if total > 0.0 {
        weights.iter_mut().for_each(|w| *w /= total);
    }
    weights
}

/// A loss with a ridge penalty: `mean loss + l2/2 |coefficients|^2`.
struct Ridged<'a> {
    problem: Problem<'a>,
    l2: f64,
    scaling: Scaling,
}

/// The curvature with which steps are scaled.
enum Scaling {
    /// The Hessian of all unknowns, with the intercept of each output after its coefficients.
    Joint(Cholesky),
    /// An upper bound of the Hessian of the columns (Böhning's bound), the same for each output.
    Columns(Cholesky),
    /// The inverse of the diagonal.
    Diagonal(Vec<f64>),
}

/// An upper bound on a row's curvature of the loss along one score.
fn bound(problem: &Problem<'_>) -> f64 {
    if problem.n_outputs() == 1 { 0.25 } else { 0.5 }
}

impl Scaling {
    fn new(sample: &Problem<'_>, x: &[f64], l2: f64) -> Self {
        let (k, p) = (sample.n_outputs(), sample.design.n_columns());
        if sample.n_unknowns() <= JOINT_UNKNOWNS {
            let hessian = sample.hessian(x, 0..k);
            if let Some(cholesky) =
                steadied(hessian, k * (p + 1), |j| if j % (p + 1) == p { 0.0 } else { l2 })
            {
                return Scaling::Joint(cholesky);
            }
        }
        let share = bound(sample) / sample.design.n_rows() as f64;
        let most = if sample.design.is_sparse() { SPARSE_COLUMNS } else { WHOLE_COLUMNS };
        if p <= most {
            let mut gram = sample.design.gram(None);
            gram.iter_mut().for_each(|g| *g *= share);
            if let Some(cholesky) = steadied(gram, p, |_| l2) {
                return Scaling::Columns(cholesky);
            }
        }
        let norms = sample.design.squared_norms();
        let greatest = norms.iter().fold(0.0, |most, s| f64::max(most, *s));
        let curvature = |s: &f64| share * (s + 1e-10 * greatest) + l2 + f64::MIN_POSITIVE;
        Scaling::Diagonal(norms.iter().map(|s| 1.0 / curvature(s)).collect())
    }
}

impl Objective for Ridged<'_> {
    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let mut value = self.problem.evaluate(x, gradient);
        let n = self.problem.n_outputs() * self.problem.design.n_columns();
        for (g, &w) in gradient[..n].iter_mut().zip(x) {
            *g += self.l2 * w;
            value += 0.5 * self.l2 * w * w;
        }
        value
    }

    fn precondition(&self, gradient: &mut [f64]) {
        let (k, p) = (self.problem.n_outputs(), self.problem.design.n_columns());
        if let Scaling::Joint(cholesky) = &self.scaling {
            let mut mixed = vec![0.0; k * (p + 1)];
            for (o, part) in mixed.chunks_exact_mut(p + 1).enumerate() {
                part[..p].copy_from_slice(&gradient[o * p..(o + 1) * p]);
                part[p] = gradient[k * p + o];
            }
            cholesky.solve(&mut mixed);
            for (o, part) in mixed.chunks_exact(p + 1).enumerate() {
                gradient[o * p..(o + 1) * p].copy_from_slice(&part[..p]);
                gradient[k * p + o] = part[p];
            }
            return;
        }
        for o in 0..k {
            let gradients = &mut gradient[o * p..(o + 1) * p];
            match &self.scaling {
                Scaling::Diagonal(inverse) => gradients.iter_mut().zip(inverse).for_each(|(g, i)| *g *= i),
                Scaling::Joint(cholesky) | Scaling::Columns(cholesky) => cholesky.solve(gradients),
            }
        }
        let bound = bound(&self.problem);
        gradient[k * p..].iter_mut().for_each(|g| *g /= bound);
    }
}

/// By how much each gradient exceeds what the penalty allows; intercepts last, as in `x`.
fn violations(x: &[f64], gradient: &[f64], penalty: Penalty, n_coefficients: usize) -> Vec<f64> {
    let one = |(j, (&w, &g)): (usize, (&f64, &f64))| {
        let gradient = g + penalty.l2 * w;
        if j >= n_coefficients {
            g.abs()
        } else if w != 0.0 {
            (gradient + penalty.l1.copysign(w)).abs()
        } else {
            (gradient.abs() - penalty.l1).max(0.0)
        }
    };
    x.iter().zip(gradient).enumerate().map(one).collect()
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, v| if v.is_nan() { f64::INFINITY } else { f64::max(most, *v) })
}

fn cost(x: &[f64], penalty: Penalty) -> f64 {
    x.iter().map(|w| penalty.l1 * w.abs() + 0.5 * penalty.l2 * w * w).sum()
}

/// Proximal Newton steps on all columns.
fn sparse(
    problem: Problem<'_>,
    penalty: Penalty,
    x: &mut Vec<f64>,
    limits: Limits,
    context: &Context,
) -> Result<Outcome> {
    let (k, n) = (problem.n_outputs(), problem.n_outputs() * problem.design.n_columns());
    let groups: Vec<Range<usize>> = match problem.n_unknowns() <= JOINT_UNKNOWNS {
        true => std::iter::once(0..k).collect(),
        false => (0..k).map(|o| o..o + 1).collect(),
    };
    let mut gradient = vec![0.0; x.len()];
    let mut loss = problem.evaluate(x, &mut gradient);
    let mut outcome = Outcome::default();
    loop {
        outcome.gap = greatest(&violations(x, &gradient, penalty, n));
        outcome.converged = outcome.gap <= limits.tolerance;
        if outcome.converged || outcome.iterations >= limits.max_iterations {
            return Ok(outcome);
        }
        outcome.iterations += 1;
        let mut moved = false;
        for outputs in &groups {
            context.check()?;
            let target = newton_target(&problem, penalty, x, &gradient, outputs.clone());
            moved |= step_towards(&problem, penalty, x, &target, &mut loss, &mut gradient);
        }
        if !moved {
            return Ok(outcome);
        }
    }
}

/// The minimum of the penalised quadratic around `x`, over the unknowns of some outputs.
fn newton_target(
    problem: &Problem<'_>,
    penalty: Penalty,
    x: &[f64],
    gradient: &[f64],
    outputs: Range<usize>,
) -> Vec<f64> {
    let (k, p) = (problem.n_outputs(), problem.design.n_columns());
    let hessian = problem.hessian(x, outputs.clone());
    let places: Vec<usize> =
        outputs.flat_map(|o| (o * p..(o + 1) * p).chain(std::iter::once(k * p + o))).collect();
    let mut w: Vec<f64> = places.iter().map(|&j| x[j]).collect();
    let mut quadratic = Gram { matrix: &hessian, gradients: places.iter().map(|&j| -gradient[j]).collect() };
    let free = Penalty { l1: 0.0, l2: 0.0 };
    let of = |j: usize| if j % (p + 1) == p { free } else { penalty };
    let first = sweep(&mut quadratic, &mut w, 0..places.len(), of);
    for _ in 0..500 {
        if sweep(&mut quadratic, &mut w, 0..places.len(), of) <= 1e-9 * first {
            break;
        }
    }
    let mut target = x.to_vec();
    places.iter().zip(w).for_each(|(&j, w)| target[j] = w);
    target
}

/// Moves to `target`, or part of the way, so that the objective falls; returns whether it did.
fn step_towards(
    problem: &Problem<'_>,
    penalty: Penalty,
    x: &mut Vec<f64>,
    target: &[f64],
    loss: &mut f64,
    gradient: &mut Vec<f64>,
) -> bool {
    let n = problem.n_outputs() * problem.design.n_columns();
    let direction: Vec<f64> = target.iter().zip(&*x).map(|(t, x)| t - x).collect();
    let promised = dot(&direction, gradient) + cost(&target[..n], penalty) - cost(&x[..n], penalty);
    let value = *loss + cost(&x[..n], penalty);
    let mut length = 1.0;
    let mut next_gradient = vec![0.0; x.len()];
    for _ in 0..30 {
        // The target itself for a full step: its zeros are exact.
        let next: Vec<f64> = match length == 1.0 {
            true => target.to_vec(),
            false => x.iter().zip(&direction).map(|(x, d)| x + length * d).collect(),
        };
        let next_loss = problem.evaluate(&next, &mut next_gradient);
        let next_value = next_loss + cost(&next[..n], penalty);
        if next_value <= value + 1e-4 * length * promised + 1e-13 * value.abs() {
            let moved = next != *x;
            (*x, *loss, *gradient) = (next, next_loss, next_gradient);
            return moved;
        }
        length *= 0.5;
    }
    false
}

/// Solves on the working set, and adds the columns whose gradients then exceed the penalty, until there are none.
fn on_working_set(
    problem: Problem<'_>,
    penalty: Penalty,
    x: &mut [f64],
    limits: Limits,
    context: &Context,
) -> Result<Outcome> {
    let (k, p) = (problem.n_outputs(), problem.design.n_columns());
    let mut gradient = vec![0.0; x.len()];
    let mut total = Outcome::default();
    loop {
        context.check()?;
        problem.evaluate(x, &mut gradient);
        let wrong = violations(x, &gradient, penalty, k * p);
        total.gap = greatest(&wrong);
        total.converged = total.gap <= limits.tolerance;
        if total.converged || total.iterations >= limits.max_iterations {
            return Ok(total);
        }
        let columns = working_columns(x, &wrong, k, p);
        let part = problem.design.select(&columns);
        let places: Vec<usize> =
            (0..k).flat_map(|o| columns.iter().map(move |&j| o * p + j)).chain(k * p..k * p + k).collect();
        let mut inner: Vec<f64> = places.iter().map(|&j| x[j]).collect();
        let problem = Problem { design: &part, ..problem };
        let limits = Limits { max_iterations: limits.max_iterations - total.iterations, ..limits };
        let outcome = sparse(problem, penalty, &mut inner, limits, context)?;
        places.iter().zip(&inner).for_each(|(&j, &w)| x[j] = w);
        total.iterations += outcome.iterations.max(1);
        if !outcome.converged {
            total.gap = outcome.gap;
            return Ok(total);
        }
    }
}

/// The columns in use, and those of the others with the largest violations: as many again, or a hundred.
fn working_columns(x: &[f64], wrong: &[f64], k: usize, p: usize) -> Vec<usize> {
    let used = |j: usize| (0..k).any(|o| x[o * p + j] != 0.0);
    let worst = |j: usize| (0..k).fold(0.0, |most, o| f64::max(most, wrong[o * p + j]));
    let (mut columns, mut others): (Vec<usize>, Vec<usize>) = (0..p).partition(|&j| used(j));
    others.retain(|&j| worst(j) > 0.0);
    others.sort_by(|&a, &b| worst(b).total_cmp(&worst(a)).then(a.cmp(&b)));
    others.truncate(columns.len().max(100));
    columns.extend(others);
    columns.sort_unstable();
    columns
}

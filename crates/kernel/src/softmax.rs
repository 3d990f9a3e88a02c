//! The logistic loss of one linear function (two classes) or of several (softmax), and its minimisation.

use pulp::NullaryFnOnce;
use tidemill_core::{Context, Result};

use crate::Design;
use crate::cholesky::Cholesky;
use crate::design::Block;
use crate::descent::{Limits, Outcome, Penalty};
use crate::lbfgs::{Objective, minimise};
use crate::reduce::sum_parts;
use crate::vector::{LANES, exp, sigmoid, wide};

/// Up to so many columns, steps are preconditioned by the whole curvature; beyond, by its diagonal.
const WHOLE_COLUMNS: usize = 1500;

/// A classification problem: which class each row has. One linear function when there are two classes (of class 1
/// against class 0), else one per class.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// The rows.
    pub design: &'a Design,
    /// The class of each row, below `n_classes`.
    pub classes: &'a [u32],
    /// How many classes; at least 2.
    pub n_classes: usize,
    /// The weight of each row; they sum to 1.
    pub weights: Option<&'a [f64]>,
}

impl Problem<'_> {
    /// How many linear functions there are.
    pub fn n_outputs(&self) -> usize {
        if self.n_classes == 2 { 1 } else { self.n_classes }
    }

    /// How many numbers are sought: for each function its coefficients, then the intercepts.
    pub fn n_unknowns(&self) -> usize {
        self.n_outputs() * (self.design.n_columns() + 1)
    }

    /// The mean loss at `x`; fills `gradient`.
    pub fn evaluate(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let (p, k) = (self.design.n_columns(), self.n_outputs());
        let parts = self.design.over_chunks(|blocks| {
            let mut sums = vec![0.0; k * (p + 1) + 1];
            let mut scores = Vec::new();
            for block in blocks {
                wide(Pass { problem: self, block, x, scores: &mut scores, sums: &mut sums });
            }
            sums
        });
        let mut sums = sum_parts(parts, k * (p + 1) + 1);
        if self.weights.is_none() {
            let n = self.design.n_rows() as f64;
            sums.iter_mut().for_each(|s| *s /= n);
        }
        gradient.copy_from_slice(&sums[..k * (p + 1)]);
        sums[k * (p + 1)]
    }
}

/// One block's loss and gradient, added to `sums` (the gradient, then the loss).
struct Pass<'a> {
    problem: &'a Problem<'a>,
    block: Block<'a>,
    x: &'a [f64],
    scores: &'a mut Vec<f64>,
    sums: &'a mut [f64],
}

impl NullaryFnOnce for Pass<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let (p, k) = (self.problem.design.n_columns(), self.problem.n_outputs());
        let n = self.block.n_rows;
        self.scores.clear();
        for o in 0..k {
            self.scores.resize((o + 1) * n, self.x[k * p + o]);
            self.block.times_inline(&self.x[o * p..(o + 1) * p], &mut self.scores[o * n..]);
        }
        let classes = &self.problem.classes[self.block.rows()];
        let weights = self.problem.weights.map(|w| &w[self.block.rows()]);
        let loss = match (k, weights) {
            (1, None) => two_classes(self.scores, classes),
            (1, Some(weights)) => two_classes_weighted(self.scores, classes, weights),
            _ => many_classes(self.scores, classes, weights),
        };
        let last = self.sums.len() - 1;
        self.sums[last] += loss;
        for o in 0..k {
            let residual = &self.scores[o * n..(o + 1) * n];
            self.block.transposed_times_inline(residual, &mut self.sums[o * p..(o + 1) * p]);
            self.sums[k * p + o] += residual.iter().sum::<f64>();
        }
    }
}

/// Scores become residuals (probability of class 1 less whether it is); the sum of the losses.
///
/// `ln(1 + e)` is summed as the logarithm of a product: each factor is at most 2, and there are few enough of them
/// in a block that no lane overflows.
#[inline(always)]
fn two_classes(scores: &mut [f64], classes: &[u32]) -> f64 {
    let mut products = [1.0; LANES];
    let mut sums = [0.0; LANES];
    for (scores, classes) in scores.chunks_mut(LANES).zip(classes.chunks(LANES)) {
        for (l, (score, &class)) in scores.iter_mut().zip(classes).enumerate() {
            let (x, y) = (*score, f64::from(class));
            let e = exp(-x.abs());
            let above = 1.0 / (1.0 + e);
            products[l] *= 1.0 + e;
            sums[l] += x.max(0.0) - y * x;
            *score = if x < 0.0 { e * above } else { above } - y;
        }
    }
    (0..LANES).map(|l| sums[l] + products[l].ln()).sum()
}

#[inline(always)]
fn two_classes_weighted(scores: &mut [f64], classes: &[u32], weights: &[f64]) -> f64 {
    let mut sum = 0.0;
    for ((score, &class), &weight) in scores.iter_mut().zip(classes).zip(weights) {
        let (x, y) = (*score, f64::from(class));
        sum += weight * (exp(-x.abs()).ln_1p() + x.max(0.0) - y * x);
        *score = weight * (sigmoid(x) - y);
    }
    sum
}

/// Scores of each class in turn become residuals; the sum of the losses.
#[inline(always)]
fn many_classes(scores: &mut [f64], classes: &[u32], weights: Option<&[f64]>) -> f64 {
    let n = classes.len();
    let mut most = scores[..n].to_vec();
    for scores in scores[n..].chunks_exact(n) {
        most.iter_mut().zip(scores).for_each(|(m, &s)| *m = if s > *m { s } else { *m });
    }
    let mut loss = 0.0;
    let mut total = vec![0.0; n];
    for (i, &class) in classes.iter().enumerate() {
        let weight = weights.map_or(1.0, |w| w[i]);
        loss += weight * (most[i] - scores[class as usize * n + i]);
    }
    for scores in scores.chunks_exact_mut(n) {
        for i in 0..n {
            scores[i] = exp(scores[i] - most[i]);
            total[i] += scores[i];
        }
    }
    for (i, total) in total.iter_mut().enumerate() {
        let weight = weights.map_or(1.0, |w| w[i]);
        loss += weight * total.ln();
        *total = weight / *total;
    }
    for scores in scores.chunks_exact_mut(n) {
        scores.iter_mut().zip(&total).for_each(|(s, t)| *s *= t);
    }
    for (i, &class) in classes.iter().enumerate() {
        scores[class as usize * n + i] -= weights.map_or(1.0, |w| w[i]);
    }
    loss
}

/// A loss with a ridge: `mean loss + l2/2 |coefficients|^2`.
struct Ridged<'a> {
    problem: Problem<'a>,
    l2: f64,
    scaling: Scaling,
}

/// The curvature by which steps are scaled, shared by all linear functions.
enum Scaling {
    Whole(Cholesky),
    Diagonal(Vec<f64>),
}

impl Scaling {
    /// Böhning's bound of the curvature: a quarter of the Gram matrix (half of it for several classes), with the
    /// intercept as a last column of ones.
    fn new(problem: &Problem<'_>, l2: f64) -> Self {
        let p = problem.design.n_columns();
        let bound = if problem.n_outputs() == 1 { 0.25 } else { 0.5 };
        let share = 1.0 / problem.design.n_rows() as f64;
        if p <= WHOLE_COLUMNS {
            let mut gram = problem.design.gram(problem.weights);
            let factor = bound * if problem.weights.is_some() { 1.0 } else { share };
            gram.iter_mut().for_each(|g| *g *= factor);
            // The columns are centred, or nearly so: the intercept stands by itself.
            let greatest = (0..p).fold(0.0, |most, j| f64::max(most, gram[j * p + j]));
            (0..p).for_each(|j| gram[j * p + j] += l2 + 1e-10 * greatest + f64::MIN_POSITIVE);
            if let Some(cholesky) = Cholesky::new(&gram, p, 0.0) {
                return Scaling::Whole(cholesky);
            }
        }
        let norms = problem.design.squared_norms();
        Scaling::Diagonal(norms.iter().map(|s| 1.0 / (bound * s * share + l2 + f64::MIN_POSITIVE)).collect())
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
        let bound = if k == 1 { 0.25 } else { 0.5 };
        for o in 0..k {
            let slopes = &mut gradient[o * p..(o + 1) * p];
            match &self.scaling {
                Scaling::Whole(cholesky) => cholesky.solve(slopes),
                Scaling::Diagonal(inverse) => slopes.iter_mut().zip(inverse).for_each(|(g, i)| *g *= i),
            }
        }
        gradient[k * p..].iter_mut().for_each(|g| *g /= bound);
    }
}

/// Moves `x` (see [`Problem::n_unknowns`]) to the least of `mean loss + l1 |w|_1 + l2/2 |w|^2`, `w` being all
/// coefficients, until no slope is steeper than the tolerance. The columns should be centred.
pub fn minimise_penalised(
    problem: Problem<'_>,
    penalty: Penalty,
    x: &mut Vec<f64>,
    limits: Limits,
    context: &Context,
) -> Result<Outcome> {
    let scaling = Scaling::new(&problem, penalty.l2);
    minimise(&mut Ridged { problem, l2: penalty.l2, scaling }, x, limits, context)
}

//! Generalised linear models: a loss per row of a linear function, with a ridge penalty, minimised by Newton-like steps.

use tidemill_core::{Context, Result};

use crate::cholesky::steadied;
use crate::descent::{Limits, Outcome};
use crate::lbfgs::{self, Objective};
use crate::reduce::sum_parts;
use crate::vector::wide;
use crate::{Block, Design};
use pulp::NullaryFnOnce;

/// Up to this number of columns, steps use the full Hessian; beyond it, only its diagonal.
const WHOLE_COLUMNS: usize = 1000;
/// The number of steps between updates of the Hessian.
const STEPS: usize = 4;

/// The loss of one row as a function of its score.
pub trait RowLoss: Sync {
    /// The loss and its first and second derivative at `score` for a row with target `y`.
    fn at(&self, score: f64, y: f64) -> [f64; 3];
}

/// `sum(weight * loss) + l2/2 |w|^2` over centred columns; the intercept is not penalised.
#[derive(Clone, Copy)]
pub struct Glm<'a, L> {
    /// The rows, centred.
    pub design: &'a Design,
    /// The target of each row.
    pub target: &'a [f64],
    /// The weight of each row; they sum to 1.
    pub weights: &'a [f64],
    /// The factor of half the sum of squares.
    pub l2: f64,
    /// The loss of a row.
    pub loss: &'a L,
}

impl<L: RowLoss> Glm<'_, L> {
    /// Moves `x` (coefficients, then the intercept) to the minimum of the objective, until no gradient exceeds the tolerance.
    pub fn minimise(&self, x: &mut Vec<f64>, limits: Limits, context: &Context) -> Result<Outcome> {
        let mut total = Outcome::default();
        loop {
            context.check()?;
            let curvature = Curvature::of(self.design, &self.curvatures(x), self.l2);
            let few =
                Limits { max_iterations: STEPS.min(limits.max_iterations - total.iterations), ..limits };
            let outcome = lbfgs::minimise(&mut Scaled { glm: self, curvature }, x, few, context)?;
            total.iterations += outcome.iterations;
            (total.gap, total.converged) = (outcome.gap, outcome.converged);
            // Fewer steps than allowed: it is as close as rounding permits.
            let stuck = outcome.iterations < few.max_iterations;
            if outcome.converged || stuck || total.iterations >= limits.max_iterations {
                return Ok(total);
            }
        }
    }

    /// The curvature of the objective along the score of each row.
    fn curvatures(&self, x: &[f64]) -> Vec<f64> {
        let p = self.design.n_columns();
        let mut curvatures = self.design.times(&x[..p], x[p]);
        for ((curvature, y), w) in curvatures.iter_mut().zip(self.target).zip(self.weights) {
            let found = self.loss.at(*curvature, *y)[2];
            // Far from the minimum, the curvature of a loss may be negative or not finite: such rows are ignored.
            *curvature = if found.is_finite() { w * found.max(0.0) } else { 0.0 };
        }
        curvatures
    }
}

/// The curvature with which steps are scaled.
pub(crate) enum Curvature {
    /// The Hessian of all unknowns.
    Joint(crate::cholesky::Cholesky),
    /// The inverse of its diagonal.
    Diagonal(Vec<f64>),
}

impl Curvature {
    /// The curvature of `sum(hessian / 2 * score^2) + l2/2 |w|^2`.
    pub(crate) fn of(design: &Design, curvatures: &[f64], l2: f64) -> Self {
        let p = design.n_columns();
        let most = if design.is_sparse() { WHOLE_COLUMNS / 2 } else { WHOLE_COLUMNS };
        if p <= most {
            let gram = design.gram_with_constant(curvatures);
            if let Some(factor) = steadied(gram, p + 1, |j| if j < p { l2 } else { 0.0 }) {
                return Curvature::Joint(factor);
            }
        }
        let total: f64 = curvatures.iter().sum();
        let share = total / design.n_rows().max(1) as f64;
        let mut inverse: Vec<f64> = design.squared_norms().iter().map(|s| share * s + l2).collect();
        inverse.push(total);
        let greatest = inverse.iter().fold(0.0, |most, &c| f64::max(most, c));
        inverse.iter_mut().for_each(|c| *c = 1.0 / (*c + 1e-10 * greatest + f64::MIN_POSITIVE));
        Curvature::Diagonal(inverse)
    }

    pub(crate) fn apply(&self, gradient: &mut [f64]) {
        match self {
            Curvature::Joint(factor) => factor.solve(gradient),
            Curvature::Diagonal(inverse) => gradient.iter_mut().zip(inverse).for_each(|(g, i)| *g *= i),
        }
    }
}

struct Scaled<'a, L> {
    glm: &'a Glm<'a, L>,
    curvature: Curvature,
}

impl<L: RowLoss> Objective for Scaled<'_, L> {
    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let glm = self.glm;
        let p = glm.design.n_columns();
        let constant = x[p] + glm.design.offset(&x[..p]);
        let parts = glm.design.over_chunks(|blocks| {
            let mut sums = vec![0.0; p + 2];
            let mut scores = Vec::new();
            for block in blocks {
                wide(Pass { glm, block, x, constant, scores: &mut scores, sums: &mut sums });
            }
            sums
        });
        let sums = sum_parts(parts, p + 2);
        gradient.copy_from_slice(&sums[..=p]);
        let gradients = gradient[p];
        glm.design.settle(&mut gradient[..p], gradients);
        let mut value = sums[p + 1];
        for (g, w) in gradient[..p].iter_mut().zip(x) {
            *g += glm.l2 * w;
            value += 0.5 * glm.l2 * w * w;
        }
        value
    }

    fn precondition(&self, gradient: &mut [f64]) {
        self.curvature.apply(gradient);
    }
}

/// The gradients and loss of one block, added to `sums` (coefficients, intercept, loss).
struct Pass<'a, L> {
    glm: &'a Glm<'a, L>,
    block: Block<'a>,
    x: &'a [f64],
    constant: f64,
    scores: &'a mut Vec<f64>,
    sums: &'a mut [f64],
}

impl<L: RowLoss> NullaryFnOnce for Pass<'_, L> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let p = self.glm.design.n_columns();
        self.scores.clear();
        self.scores.resize(self.block.n_rows, self.constant);
        self.block.times_inline(&self.x[..p], self.scores);
        let (target, weights) = (&self.glm.target[self.block.rows()], &self.glm.weights[self.block.rows()]);
        for ((score, y), w) in self.scores.iter_mut().zip(target).zip(weights) {
            let [loss, gradient, _] = self.glm.loss.at(*score, *y);
            // A row without weight does not count, even if its loss is infinite.
            (*score, self.sums[p + 1]) = match *w > 0.0 {
                true => (w * gradient, self.sums[p + 1] + w * loss),
                false => (0.0, self.sums[p + 1]),
            };
        }
        self.block.transposed_times_inline(self.scores, &mut self.sums[..p]);
        self.sums[p] += self.scores.iter().sum::<f64>();
    }
}

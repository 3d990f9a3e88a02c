//! Stochastic gradient descent over rows (Bottou 2012, "Stochastic gradient descent tricks"), with implicit steps, which no single row can
//! make too long (Toulis and Airoldi 2017), and an average over the steps that gives more weight to later ones (Shamir and Zhang 2013). The
//! cost of a step is the number of non-zero values of the row.

use crate::Design;

/// A loss function of a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// `ln(1 + e^(-y score))` for `y` of -1 or 1.
    Log,
    /// `max(0, 1 - y score)` for `y` of -1 or 1: a linear support vector machine.
    Hinge,
    /// `(y - score)^2 / 2`.
    Squared,
    /// Squared up to this residual, and linear beyond it.
    Huber(f64),
}

impl Loss {
    /// The gradient at a score.
    pub fn gradient(self, score: f64, y: f64) -> f64 {
        match self {
            Loss::Log => -y * crate::vector::sigmoid(-y * score),
            Loss::Hinge => {
                if y * score < 1.0 {
                    -y
                } else {
                    0.0
                }
            }
            Loss::Squared => score - y,
            Loss::Huber(most) => (score - y).clamp(-most, most),
        }
    }

    /// An upper bound on the second derivative with respect to the score.
    pub fn curvature(self) -> f64 {
        match self {
            Loss::Log => 0.25,
            Loss::Hinge => 0.0,
            Loss::Squared | Loss::Huber(_) => 1.0,
        }
    }
}

/// An implicit step: it uses the gradient after the step, which the curvature predicts.
fn implicit(length: f64, curvature: f64, row: &impl RowOf) -> f64 {
    length / (1.0 + length * curvature * row.square())
}

/// The step size schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// The length of the first step.
    pub rate: f64,
    /// The factor of half the sum of squares of the coefficients, added to the mean loss.
    pub l2: f64,
    /// Steps shrink as `(1 + decay * step)^-power`.
    pub decay: f64,
    /// From 0 (constant steps) to 1.
    pub power: f64,
}

impl Steps {
    fn length(&self, t: f64) -> f64 {
        self.rate * (1.0 + self.decay * t).powf(-self.power)
    }
}

/// A linear function during training: the current one is `w / scale`, the average is `(average + share * w) / average_scale`, so that
/// shrinking and averaging cost nothing per step.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    w: Vec<f64>,
    scale: f64,
    average: Vec<f64>,
    share: f64,
    average_scale: f64,
    intercept: f64,
    average_intercept: f64,
    steps: f64,
}

/// How much less earlier steps count.
const LATE: f64 = 3.0;

impl Learned {
    /// A function from which to continue, after this number of steps.
    pub fn new(coefficients: Vec<f64>, intercept: f64, steps: f64) -> Self {
        let n = coefficients.len();
        Learned {
            w: coefficients,
            scale: 1.0,
            average: vec![0.0; n],
            share: 1.0,
            average_scale: 1.0,
            intercept,
            average_intercept: intercept,
            steps,
        }
    }

    /// The average of the functions so far: coefficients and intercept.
    pub fn average(&self) -> (Vec<f64>, f64) {
        let one = |(a, w): (&f64, &f64)| (a + self.share * w) / self.average_scale;
        (self.average.iter().zip(&self.w).map(one).collect(), self.average_intercept)
    }

    /// The score of a row with the current function.
    #[inline]
    pub fn score(&self, row: &impl RowOf) -> f64 {
        row.dot(&self.w) / self.scale + self.intercept
    }

    /// One step on a row.
    #[inline]
    pub fn step(&mut self, row: &impl RowOf, y: f64, weight: f64, loss: Loss, steps: &Steps) {
        let score = self.score(row);
        let length = steps.length(self.steps) * weight;
        let step = match loss {
            // Up to the margin and no further.
            Loss::Hinge => length.min((1.0 - y * score).max(0.0) / row.square()),
            _ => implicit(length, loss.curvature(), row),
        };
        self.advance(row, step * loss.gradient(score, y), length * steps.l2);
    }

    /// One step on a row along a given gradient of a loss whose curvature is at most `hessian`.
    #[inline]
    pub fn step_along(
        &mut self,
        row: &impl RowOf,
        gradient: f64,
        curvature: f64,
        weight: f64,
        steps: &Steps,
    ) {
        let length = steps.length(self.steps) * weight;
        self.advance(row, implicit(length, curvature, row) * gradient, length * steps.l2);
    }

    fn advance(&mut self, row: &impl RowOf, back: f64, shrinkage: f64) {
        self.scale *= 1.0 + shrinkage;
        let change = -back * self.scale;
        self.steps += 1.0;
        let rate = (1.0 + LATE) / (self.steps + LATE);
        row.axpy(change, &mut self.w);
        self.intercept -= back;
        if rate >= 1.0 {
            self.average.fill(0.0);
            (self.share, self.average_scale) = (1.0, self.scale);
        } else {
            row.axpy(-self.share * change, &mut self.average);
            self.average_scale /= 1.0 - rate;
            self.share += rate * self.average_scale / self.scale;
        }
        self.average_intercept += rate * (self.intercept - self.average_intercept);
        if self.scale > 1e6 || self.average_scale > 1e6 {
            self.settle();
        }
    }

    /// The number of steps taken.
    pub fn steps(&self) -> f64 {
        self.steps
    }

    /// Applies the scales to the numbers, before they become too large or too small.
    fn settle(&mut self) {
        let (average, _) = self.average();
        self.w.iter_mut().for_each(|w| *w /= self.scale);
        (self.average, self.scale, self.share, self.average_scale) = (average, 1.0, 0.0, 1.0);
    }
}

/// A row of features.
pub trait RowOf {
    /// The dot product with these coefficients.
    fn dot(&self, w: &[f64]) -> f64;
    /// `w += factor * row`.
    fn axpy(&self, factor: f64, w: &mut [f64]);
    /// 1 plus the sum of squares.
    fn square(&self) -> f64;
}

/// Dense numbers first, then those of sparse vectors with their indices.
pub struct Row<'a> {
    dense: &'a [f64],
    /// The column of each dense number.
    columns: &'a [usize],
    sparse: Vec<(usize, &'a [u32], &'a [f32])>,
    square: f64,
}

impl RowOf for Row<'_> {
    fn dot(&self, w: &[f64]) -> f64 {
        let dense = match self.sparse.is_empty() {
            true => crate::vector::dot(self.dense, w),
            false => self.dense.iter().zip(self.columns).map(|(x, &j)| x * w[j]).sum(),
        };
        self.sparse.iter().fold(dense, |sum, (at, places, values)| {
            let terms = places.iter().zip(*values);
            terms.fold(sum, |sum, (&j, &x)| sum + f64::from(x) * w[at + j as usize])
        })
    }

    fn axpy(&self, factor: f64, w: &mut [f64]) {
        match self.sparse.is_empty() {
            true => crate::vector::axpy(factor, self.dense, w),
            false => self.dense.iter().zip(self.columns).for_each(|(x, &j)| w[j] += factor * x),
        }
        for (at, places, values) in &self.sparse {
            places.iter().zip(*values).for_each(|(&j, &x)| w[at + j as usize] += factor * f64::from(x));
        }
    }

    fn square(&self) -> f64 {
        self.square
    }
}

/// The rows of a design one at a time: dense columns are transposed a block at a time.
pub struct ByRow<'a> {
    design: &'a Design,
    columns: Vec<usize>,
    /// The numbers of the dense columns, row after row.
    dense: Vec<f64>,
}

impl<'a> ByRow<'a> {
    /// The rows of `design` (as stored, not centred); copies its dense columns.
    pub fn of(design: &'a Design) -> Self {
        let (columns, dense) = design.dense_rows();
        ByRow { design, columns, dense }
    }

    /// Row `i`.
    pub fn row(&self, i: usize) -> Row<'_> {
        let p = self.columns.len();
        let dense = &self.dense[i * p..(i + 1) * p];
        let sparse = self.design.sparse_lines(i);
        let dense_square = crate::vector::dot(dense, dense);
        let square = sparse.iter().fold(1.0 + dense_square, |sum, (_, _, values)| {
            values.iter().fold(sum, |sum, &v| sum + f64::from(v) * f64::from(v))
        });
        Row { dense, columns: &self.columns, sparse, square }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn the_average_is_the_weighted_mean_of_the_steps() {
        let mut random = Random::new(2, 0);
        let (n, p) = (400, 3);
        let rows: Vec<f64> = (0..n * p).map(|_| random.normal()).collect();
        let design = Design::from_rows(&rows, n, p);
        let by_row = ByRow::of(&design);
        let steps = Steps { rate: 0.1, l2: 0.05, decay: 0.01, power: 0.75 };
        let mut learned = Learned::new(vec![0.0; p], 0.0, 0.0);
        let mut mean = vec![0.0; p];
        for i in 0..n {
            learned.step(&by_row.row(i), rows[i * p] - 0.5, 1.0, Loss::Squared, &steps);
            let rate = (1.0 + LATE) / (i as f64 + 1.0 + LATE);
            for (m, w) in mean.iter_mut().zip(&learned.w) {
                *m += rate.min(1.0) * (w / learned.scale - *m);
            }
        }
        let (average, _) = learned.average();
        for (a, m) in average.iter().zip(&mean) {
            assert!((a - m).abs() < 1e-10, "{average:?} {mean:?}");
        }
    }
}

//! What boosting makes small. A loss of one's own is one more implementation of [`Loss`].

use tidemill_core::recipe::Task;
use tidemill_kernel::vector;

/// What targets must be, in words, and whether one is.
pub type Domain = (&'static str, fn(f64) -> bool);

/// A loss of raw scores, with its gradients.
pub trait Loss: Send + Sync {
    /// Scores per row.
    fn n_outputs(&self) -> usize {
        1
    }

    /// The constant scores that are best for these targets (classes as their numbers) and weights.
    fn start(&self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64>;

    /// First and second derivatives by the scores, row after row, for some rows.
    fn gradients(&self, y: &[f64], scores: &[f64], gradients: &mut [f64], hessians: &mut [f64]);

    /// The loss of one row.
    fn value(&self, y: f64, scores: &[f64]) -> f64;

    /// Where the best constant for some rows is a quantile of what their scores leave over: which one.
    fn quantile(&self) -> Option<f64> {
        None
    }

    /// How scores become answers.
    fn link(&self) -> Link {
        Link::Identity
    }

    /// What targets must be, where not all numbers will do, and whether this one is.
    fn domain(&self) -> Option<Domain> {
        None
    }
}

/// How raw scores become answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// As they are.
    Identity,
    /// `e^score`.
    Exp,
    /// The probability of the second of two classes: `1 / (1 + e^-score)`.
    Sigmoid,
    /// A share between 0 and 1: `1 / (1 + e^-score)`.
    Logistic,
    /// `e^score`, divided by their sum.
    Softmax,
    /// Divided by the number of trees.
    Mean,
}

impl Link {
    /// Whether answers are probabilities of classes.
    pub fn suits(self, task: Task) -> bool {
        matches!(self, Link::Sigmoid | Link::Softmax) == task.is_classes()
    }
}

pub(super) fn mean(y: &[f64], weights: Option<&[f64]>) -> f64 {
    let first = y.first().copied().unwrap_or(0.0);
    let (off, total) = match weights {
        None => (y.iter().map(|y| y - first).sum::<f64>(), y.len() as f64),
        Some(w) => (y.iter().zip(w).map(|(y, w)| w * (y - first)).sum(), w.iter().sum()),
    };
    if total > 0.0 { first + off / total } else { first }
}

/// The least value with at least this share of the weight at or below it.
pub(crate) fn weighted_quantile(values: &mut [(f64, f64)], share: f64) -> f64 {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let total: f64 = values.iter().map(|v| v.1).sum();
    let mut below = 0.0;
    for &(value, weight) in values.iter() {
        below += weight;
        if below >= share * total {
            return value;
        }
    }
    values.last().map_or(0.0, |v| v.0)
}

fn quantile_of(y: &[f64], weights: Option<&[f64]>, share: f64) -> f64 {
    let mut pairs: Vec<(f64, f64)> =
        y.iter().enumerate().map(|(i, y)| (*y, weights.map_or(1.0, |w| w[i]))).collect();
    weighted_quantile(&mut pairs, share)
}

/// Fills gradients and hessians row by row.
fn each(
    y: &[f64],
    scores: &[f64],
    gradients: &mut [f64],
    hessians: &mut [f64],
    one: impl Fn(f64, f64) -> (f64, f64),
) {
    for (((y, s), gradient), hessian) in y.iter().zip(scores).zip(gradients).zip(hessians) {
        (*gradient, *hessian) = one(*y, *s);
    }
}

/// Half the squared error.
pub struct Squared;

impl Loss for Squared {
    fn start(&self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        vec![mean(y, weights)]
    }
    fn gradients(&self, y: &[f64], scores: &[f64], gradients: &mut [f64], hessians: &mut [f64]) {
        each(y, scores, gradients, hessians, |y, s| (s - y, 1.0));
    }
    fn value(&self, y: f64, scores: &[f64]) -> f64 {
        0.5 * (scores[0] - y) * (scores[0] - y)
    }
}

/// The pinball loss of a quantile; at 0.5 half the absolute error.
pub struct Quantile(pub f64);

impl Loss for Quantile {
    fn start(&self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        vec![quantile_of(y, weights, self.0)]
    }
    fn gradients(&self, y: &[f64], scores: &[f64], gradients: &mut [f64], hessians: &mut [f64]) {
        let a = self.0;
        each(y, scores, gradients, hessians, |y, s| (if s >= y { 1.0 - a } else { -a }, 1.0));
    }
    fn value(&self, y: f64, scores: &[f64]) -> f64 {
        let over = y - scores[0];
        if over >= 0.0 { self.0 * over } else { (self.0 - 1.0) * over }
    }
    fn quantile(&self) -> Option<f64> {
        Some(self.0)
    }
}

/// Squared near the target, absolute beyond this distance (Huber 1964).
pub struct Huber(pub f64);

impl Loss for Huber {
    fn start(&self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        vec![quantile_of(y, weights, 0.5)]
    }
    fn gradients(&self, y: &[f64], scores: &[f64], gradients: &mut [f64], hessians: &mut [f64]) {
        let d = self.0;
        each(y, scores, gradients, hessians, |y, s| ((s - y).clamp(-d, d), 1.0));
    }
    fn value(&self, y: f64, scores: &[f64]) -> f64 {
        let off = (scores[0] - y).abs();
        if off <= self.0 { 0.5 * off * off } else { self.0 * (off - 0.5 * self.0) }
    }
}

/// Scores beyond this would overflow what they are the logarithm of.
fn exp(score: f64) -> f64 {
    vector::exp(score.min(700.0))
}

const NOT_NEGATIVE: Option<Domain> = Some(("0 or more", |y| y >= 0.0));

/// Counts: the Poisson deviance, with the logarithm as link.
pub struct Poisson;

impl Loss for Poisson {
    fn start(&self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        vec![mean(y, weights).max(1e-10).ln()]
    }
    fn gradients(&self, y: &[f64], scores: &[f64], gradients: &mut [f64], hessians: &mut [f64]) {
        // A steeper hessian than the true one keeps steps from running away where counts are rare, as LightGBM's
        // `poisson_max_delta_step` of 0.7 does.
        each(y, scores, gradients, hessians, |y, s| (exp(s) - y, exp(s + 0.7)));
    }
    fn value(&self, y: f64, scores: &[f64]) -> f64 {
        exp(scores[0]) - y * scores[0]
    }
    fn link(&self) -> Link {
        Link::Exp
    }
    fn domain(&self) -> Option<Domain> {
        NOT_NEGATIVE
    }
}

/// Positive numbers whose spread grows with their size: the gamma deviance, with the logarithm as link.
pub struct Gamma;

impl Loss for Gamma {
    fn start(&self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        vec![mean(y, weights).max(1e-10).ln()]
    }
    fn gradients(&self, y: &[f64], scores: &[f64], gradients: &mut [f64], hessians: &mut [f64]) {
        each(y, scores, gradients, hessians, |y, s| {
            let ratio = y * exp(-s);
            (1.0 - ratio, ratio.max(1e-12))
        });
    }
    fn value(&self, y: f64, scores: &[f64]) -> f64 {
        scores[0] + y * exp(-scores[0])
    }
    fn link(&self) -> Link {
        Link::Exp
    }
    fn domain(&self) -> Option<Domain> {
        Some(("above 0", |y| y > 0.0))
    }
}

/// Numbers with many zeros: the Tweedie deviance of a power between 1 and 2, with the logarithm as link.
pub struct Tweedie(pub f64);

impl Loss for Tweedie {
    fn start(&self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        vec![mean(y, weights).max(1e-10).ln()]
    }
    fn gradients(&self, y: &[f64], scores: &[f64], gradients: &mut [f64], hessians: &mut [f64]) {
        let p = self.0;
        each(y, scores, gradients, hessians, |y, s| {
            let (a, b) = (y * exp((1.0 - p) * s), exp((2.0 - p) * s));
            (b - a, (p - 1.0) * a + (2.0 - p) * b)
        });
    }
    fn value(&self, y: f64, scores: &[f64]) -> f64 {
        let (p, s) = (self.0, scores[0]);
        exp((2.0 - p) * s) / (2.0 - p) - y * exp((1.0 - p) * s) / (1.0 - p)
    }
    fn link(&self) -> Link {
        Link::Exp
    }
    fn domain(&self) -> Option<Domain> {
        NOT_NEGATIVE
    }
}

/// The log loss of two classes; targets are 0 and 1.
pub struct LogLoss;

struct Logistic<'a>(&'a [f64], &'a [f64], &'a mut [f64], &'a mut [f64]);

impl pulp::NullaryFnOnce for Logistic<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Logistic(y, scores, gradients, hessians) = self;
        for (((y, s), gradient), hessian) in y.iter().zip(scores).zip(gradients).zip(hessians) {
            let p = vector::sigmoid(*s);
            *gradient = p - y;
            *hessian = p * (1.0 - p);
        }
    }
}

impl Loss for LogLoss {
    fn start(&self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        let share = mean(y, weights).clamp(1e-9, 1.0 - 1e-9);
        vec![(share / (1.0 - share)).ln()]
    }
    fn gradients(&self, y: &[f64], scores: &[f64], gradients: &mut [f64], hessians: &mut [f64]) {
        vector::wide(Logistic(y, scores, gradients, hessians));
    }
    fn value(&self, y: f64, scores: &[f64]) -> f64 {
        let s = scores[0];
        s.max(0.0) + vector::exp(-s.abs()).ln_1p() - y * s
    }
    fn link(&self) -> Link {
        Link::Sigmoid
    }
}

/// The log loss of several classes; targets are their places.
pub struct Softmax(pub usize);

impl Softmax {
    fn shares(scores: &[f64], out: &mut [f64]) {
        let most = scores.iter().fold(f64::NEG_INFINITY, |m, s| f64::max(m, *s));
        out.iter_mut().zip(scores).for_each(|(o, s)| *o = vector::exp(s - most));
        let total: f64 = out.iter().sum();
        out.iter_mut().for_each(|o| *o /= total);
    }
}

impl Loss for Softmax {
    fn n_outputs(&self) -> usize {
        self.0
    }
    fn start(&self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        let mut shares = vec![0.0; self.0];
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        y.iter().enumerate().for_each(|(i, y)| shares[*y as usize] += weight(i));
        let total: f64 = shares.iter().sum();
        shares.iter().map(|s| (s / total).max(1e-9).ln()).collect()
    }
    fn gradients(&self, y: &[f64], scores: &[f64], gradients: &mut [f64], hessians: &mut [f64]) {
        let k = self.0;
        // Friedman 2001: the scores are one more than are free.
        let factor = if k > 1 { k as f64 / (k as f64 - 1.0) } else { 1.0 };
        let rows =
            scores.chunks_exact(k).zip(gradients.chunks_exact_mut(k).zip(hessians.chunks_exact_mut(k)));
        for (y, (scores, (gradients, hessians))) in y.iter().zip(rows) {
            Softmax::shares(scores, gradients);
            hessians.iter_mut().zip(&*gradients).for_each(|(b, p)| *b = factor * p * (1.0 - p));
            gradients[*y as usize] -= 1.0;
        }
    }
    fn value(&self, y: f64, scores: &[f64]) -> f64 {
        let most = scores.iter().fold(f64::NEG_INFINITY, |m, s| f64::max(m, *s));
        let total: f64 = scores.iter().map(|s| (s - most).exp()).sum();
        most + total.ln() - scores[y as usize]
    }
    fn link(&self) -> Link {
        Link::Softmax
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gradients are those of the value, by differences.
    #[test]
    fn slopes_are_derivatives() {
        let losses: [(&dyn Loss, &[f64]); 8] = [
            (&Squared, &[1.5, -2.0]),
            (&Quantile(0.3), &[1.5, -2.0]),
            (&Huber(1.0), &[1.5, -2.0]),
            (&Poisson, &[0.0, 3.0]),
            (&Gamma, &[0.5, 3.0]),
            (&Tweedie(1.4), &[0.0, 3.0]),
            (&LogLoss, &[0.0, 1.0]),
            (&Softmax(3), &[0.0, 2.0]),
        ];
        for (loss, targets) in losses {
            let k = loss.n_outputs();
            for &y in targets {
                let scores: Vec<f64> = (0..k).map(|j| 0.3 - 0.4 * j as f64).collect();
                let (mut gradients, mut hessians) = (vec![0.0; k], vec![0.0; k]);
                loss.gradients(&[y], &scores, &mut gradients, &mut hessians);
                for j in 0..k {
                    let at = |h: f64| {
                        let mut moved = scores.clone();
                        moved[j] += h;
                        loss.value(y, &moved)
                    };
                    let gradient = (at(1e-6) - at(-1e-6)) / 2e-6;
                    assert!(
                        (gradient - gradients[j]).abs() < 1e-6,
                        "{y}: {gradient} against {}",
                        gradients[j]
                    );
                    assert!(hessians[j] > 0.0);
                }
            }
        }
    }

    #[test]
    fn the_start_is_best() {
        let y = [0.0, 1.0, 4.0, 2.0, 2.5];
        let w = [1.0, 2.0, 1.0, 0.5, 1.0];
        let losses: [&dyn Loss; 4] = [&Squared, &Quantile(0.5), &Poisson, &Tweedie(1.5)];
        for loss in losses {
            let total = |s: f64| y.iter().zip(&w).map(|(y, w)| w * loss.value(*y, &[s])).sum::<f64>();
            let start = loss.start(&y, Some(&w))[0];
            assert!(total(start) <= total(start + 1e-4) + 1e-12);
            assert!(total(start) <= total(start - 1e-4) + 1e-12);
        }
    }
}

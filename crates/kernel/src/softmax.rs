//! The logistic loss of one linear function (two classes) or of several (softmax): value, gradient, Hessian.

use std::ops::Range;

use pulp::NullaryFnOnce;

use crate::Design;
use crate::design::Block;
use crate::reduce::sum_parts;
use crate::vector::{LANES, exp, sigmoid, wide};

/// A classification problem, given by the class of each row. With two classes, there is one linear function (class 1 against class 0), else
/// one per class.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// The rows.
    pub design: &'a Design,
    /// The class of each row, below `n_classes`.
    pub classes: &'a [u32],
    /// The number of classes, at least 2.
    pub n_classes: usize,
    /// The weight of each row; they sum to 1.
    pub weights: Option<&'a [f64]>,
}

impl Problem<'_> {
    /// The number of linear functions.
    pub fn n_outputs(&self) -> usize {
        if self.n_classes == 2 { 1 } else { self.n_classes }
    }

    /// The number of unknowns: the coefficients of each function, then the intercepts.
    pub fn n_unknowns(&self) -> usize {
        self.n_outputs() * (self.design.n_columns() + 1)
    }

    /// The mean loss at `x`; writes the gradient to `gradient`.
    pub fn evaluate(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let (p, k) = (self.design.n_columns(), self.n_outputs());
        // The centres of the columns are used here, once, and not in the inner loops.
        let constants: Vec<f64> =
            (0..k).map(|o| x[k * p + o] + self.design.offset(&x[o * p..(o + 1) * p])).collect();
        let parts = self.design.over_chunks(|blocks| {
            let mut sums = vec![0.0; k * (p + 1) + 1];
            let mut scores = Vec::new();
            for block in blocks {
                wide(Pass {
                    problem: self,
                    block,
                    x,
                    constants: &constants,
                    scores: &mut scores,
                    sums: &mut sums,
                });
            }
            sums
        });
        let mut sums = sum_parts(parts, k * (p + 1) + 1);
        if self.weights.is_none() {
            let n = self.design.n_rows() as f64;
            sums.iter_mut().for_each(|s| *s /= n);
        }
        for o in 0..k {
            let residuals = sums[k * p + o];
            self.design.settle(&mut sums[o * p..(o + 1) * p], residuals);
        }
        gradient.copy_from_slice(&sums[..k * (p + 1)]);
        sums[k * (p + 1)]
    }

    /// The second derivatives at `x` for the unknowns of some outputs: a symmetric matrix, in which each output has its coefficients and
    /// then its intercept.
    pub fn hessian(&self, x: &[f64], outputs: Range<usize>) -> Vec<f64> {
        let p = self.design.n_columns();
        let (width, first) = (outputs.len() * (p + 1), outputs.start);
        let probabilities = self.probabilities(x);
        let mut hessian = vec![0.0; width * width];
        for a in outputs.clone() {
            for b in a..outputs.end {
                let weights = self.curvatures(&probabilities[a], &probabilities[b], a == b);
                let gram = self.design.gram(Some(&weights));
                let edge = self.design.transposed_times(&weights);
                let corner: f64 = weights.iter().sum();
                let (row, column) = ((a - first) * (p + 1), (b - first) * (p + 1));
                let mut set = |i: usize, j: usize, value: f64| {
                    hessian[(column + j) * width + row + i] = value;
                    hessian[(row + i) * width + column + j] = value;
                };
                for j in 0..p {
                    (0..p).for_each(|i| set(i, j, gram[j * p + i]));
                    set(p, j, edge[j]);
                    set(j, p, edge[j]);
                }
                set(p, p, corner);
            }
        }
        hessian
    }

    /// The probability of each row, for each output.
    fn probabilities(&self, x: &[f64]) -> Vec<Vec<f64>> {
        let (p, k) = (self.design.n_columns(), self.n_outputs());
        let score = |o: usize| self.design.times(&x[o * p..(o + 1) * p], x[k * p + o]);
        let mut scores: Vec<Vec<f64>> = (0..k).map(score).collect();
        if let [scores] = scores.as_mut_slice() {
            scores.iter_mut().for_each(|s| *s = sigmoid(*s));
            return vec![std::mem::take(scores)];
        }
        for i in 0..self.design.n_rows() {
            let most = scores.iter().fold(f64::NEG_INFINITY, |most, s| f64::max(most, s[i]));
            scores.iter_mut().for_each(|s| s[i] = exp(s[i] - most));
            let total: f64 = scores.iter().map(|s| s[i]).sum();
            scores.iter_mut().for_each(|s| s[i] /= total);
        }
        scores
    }

    /// The curvature of the mean loss along two scores with these probabilities, for each row.
    fn curvatures(&self, a: &[f64], b: &[f64], same: bool) -> Vec<f64> {
        let share = 1.0 / self.design.n_rows() as f64;
        let weight = |i: usize| self.weights.map_or(share, |w| w[i]);
        let curvature =
            |(i, (a, b)): (usize, (&f64, &f64))| weight(i) * if same { a * (1.0 - a) } else { -a * b };
        a.iter().zip(b).enumerate().map(curvature).collect()
    }
}

/// The loss and gradient of one block, added to `sums` (the gradient, then the loss).
struct Pass<'a> {
    problem: &'a Problem<'a>,
    block: Block<'a>,
    x: &'a [f64],
    /// The constant part of each score.
    constants: &'a [f64],
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
            self.scores.resize((o + 1) * n, self.constants[o]);
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

/// Converts scores to residuals (the probability of class 1 minus 1 if the row is in it, else 0); returns the sum of the losses.
///
/// `ln(1 + e)` is summed as the logarithm of a product: each factor is at most 2, and a block has few enough of them that no lane
/// overflows.
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

/// Converts the scores of each class in turn to residuals; returns the sum of the losses.
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

//! One-class support vector machine: rows outside the region where most rows lie.

use rayon::prelude::*;
use tidemill_core::{Context, Result};
use tidemill_kernel::Random;

/// Rows that are learned from, at most: the work grows with their square.
const SAMPLE: usize = 4000;
/// The greatest violation of optimality left.
const TOLERANCE: f64 = 1e-7;
/// Curvature of a direction that has none.
const TAU: f64 = 1e-12;
/// Steps between two looks at the user's wish to stop.
const STEPS: usize = 256;
/// Kernel values that one thread computes at a time.
const CHUNK: usize = 1024;

/// The region of a normal kernel `exp(-gamma |x - z|^2)` that holds all but a share `nu` of the rows and lies furthest from nowhere
/// (Schölkopf and others 2001, "Estimating the support of a high-dimensional distribution").
///
/// The score of a row is `rho / (f + rho)` with the sum `f` of its weighted kernel values and their value `rho` at the boundary: 0.5
/// there, less within, 1 far away. Agrees with scikit-learn's `OneClassSVM` (`score_samples` and `offset_`) with `gamma="scale"`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OneClassSvm {
    gamma: f64,
    rho: f64,
    weights: Vec<f64>,
    /// The support vectors, row after row.
    vectors: Vec<f64>,
}

impl OneClassSvm {
    /// From rows of `p` finite numbers, of which a sample is looked at.
    pub(super) fn fit(z: &[f64], p: usize, nu: f64, context: &Context) -> Result<Self> {
        let n = z.len().checked_div(p).unwrap_or(0);
        let mut rows: Vec<usize> = (0..n).collect();
        if n > SAMPLE {
            Random::new(context.seed_for("one_class_svm"), 0).shuffle(&mut rows);
            rows.truncate(SAMPLE);
            rows.sort_unstable();
        }
        let z: Vec<f64> = rows.iter().flat_map(|&i| &z[i * p..(i + 1) * p]).copied().collect();
        let gamma = scale(&z, p);
        let (alpha, rho) = Solver::new(&z, p, gamma, nu).solve(context)?;
        let support = (0..rows.len()).filter(|i| alpha[*i] > 0.0);
        let (weights, vectors): (Vec<f64>, Vec<&[f64]>) =
            support.map(|i| (alpha[i], &z[i * p..(i + 1) * p])).unzip();
        Ok(OneClassSvm { gamma, rho, weights, vectors: vectors.concat() })
    }

    /// The score of each row.
    pub(super) fn scores(&self, z: &[f64], p: usize, out: &mut [f64]) {
        for (row, to) in z.chunks_exact(p).zip(out) {
            let vectors = self.weights.iter().zip(self.vectors.chunks_exact(p));
            let f: f64 = vectors.map(|(weight, vector)| weight * kernel(row, vector, self.gamma)).sum();
            *to = if f + self.rho > 0.0 { self.rho / (f + self.rho) } else { 0.5 };
        }
    }

    /// How many support vectors there are.
    pub(super) fn size(&self) -> usize {
        self.weights.len()
    }

    /// The kernel's factor, the value at the boundary, the weights, then the support vectors.
    pub(super) fn floats(&self) -> Vec<f64> {
        [&[self.gamma, self.rho], self.weights.as_slice(), &self.vectors].concat()
    }

    /// The inverse of [`OneClassSvm::size`] and [`OneClassSvm::floats`].
    pub(super) fn load(size: usize, floats: &[f64], p: usize) -> Result<Self, String> {
        let whole = size.checked_mul(p + 1).is_some_and(|n| n + 2 == floats.len());
        if !whole || floats.iter().any(|x| !x.is_finite()) {
            return Err("its support vectors are not whole".into());
        }
        let (weights, vectors) = floats[2..].split_at(size);
        let (weights, vectors) = (weights.to_vec(), vectors.to_vec());
        Ok(OneClassSvm { gamma: floats[0], rho: floats[1], weights, vectors })
    }
}

fn kernel(a: &[f64], b: &[f64], gamma: f64) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    (-gamma * squares).exp()
}

/// One over the number of columns and the variance of all numbers: what scikit-learn calls `scale`.
fn scale(z: &[f64], p: usize) -> f64 {
    let n = z.len().max(1) as f64;
    let mean = z.iter().map(|x| x / n).sum::<f64>();
    let variance = z.iter().map(|x| (x - mean) * ((x - mean) / n)).sum::<f64>();
    if variance > 0.0 && variance.is_finite() { 1.0 / (p as f64 * variance) } else { 1.0 }
}

/// Sequential minimal optimisation (Fan, Chen and Lin 2005): the least of `a'Ka / 2` where each `a` is from 0 to 1 and they sum to
/// `nu n`, two of them at a time.
struct Solver<'a> {
    z: &'a [f64],
    p: usize,
    gamma: f64,
    alpha: Vec<f64>,
    gradient: Vec<f64>,
}

impl<'a> Solver<'a> {
    /// As LIBSVM, from the first rows alone.
    fn new(z: &'a [f64], p: usize, gamma: f64, nu: f64) -> Self {
        let n = z.len().checked_div(p).unwrap_or(0);
        let total = nu * n as f64;
        let alpha: Vec<f64> = (0..n).map(|i| (total - i as f64).clamp(0.0, 1.0)).collect();
        let mut solver = Solver { z, p, gamma, gradient: vec![0.0; n], alpha };
        for i in (0..n).filter(|i| solver.alpha[*i] > 0.0).collect::<Vec<_>>() {
            let (row, alpha) = (solver.kernels(i), solver.alpha[i]);
            solver.gradient.iter_mut().zip(row).for_each(|(g, k)| *g += alpha * k);
        }
        solver
    }

    /// The kernel values of a row with all others.
    fn kernels(&self, i: usize) -> Vec<f64> {
        let (p, own) = (self.p, &self.z[i * self.p..(i + 1) * self.p]);
        let all = self.z.par_chunks_exact(p).with_min_len(CHUNK);
        all.map(|other| kernel(own, other, self.gamma)).collect()
    }

    /// The weights, and the value at the boundary. Errors when the user asked to stop.
    fn solve(mut self, context: &Context) -> Result<(Vec<f64>, f64)> {
        let n = self.alpha.len();
        // Far more steps than any table took.
        for step in 0..100 * n.max(1000) {
            if step % STEPS == 0 {
                context.check()?;
            }
            let rising = (0..n).filter(|i| self.alpha[*i] < 1.0);
            let Some(i) = rising.min_by(|a, b| self.gradient[*a].total_cmp(&self.gradient[*b])) else {
                break;
            };
            let row = self.kernels(i);
            let mut best: Option<(usize, f64)> = None;
            for j in (0..n).filter(|j| self.alpha[*j] > 0.0) {
                let apart = self.gradient[j] - self.gradient[i];
                // The kernel of a row with itself is 1.
                let gain = apart * apart / f64::max(2.0 - 2.0 * row[j], TAU);
                if apart > TOLERANCE && best.is_none_or(|(_, most)| gain > most) {
                    best = Some((j, gain));
                }
            }
            let Some((j, _)) = best else { break };
            let step = (self.gradient[j] - self.gradient[i]) / f64::max(2.0 - 2.0 * row[j], TAU);
            let step = step.min(1.0 - self.alpha[i]).min(self.alpha[j]);
            self.alpha[i] += step;
            self.alpha[j] -= step;
            // What rounding leaves of a bound is the bound.
            for k in [i, j] {
                let a = self.alpha[k];
                self.alpha[k] = if a < 1e-14 {
                    0.0
                } else if a > 1.0 - 1e-14 {
                    1.0
                } else {
                    a
                };
            }
            let other = self.kernels(j);
            let kernels = row.iter().zip(&other);
            self.gradient.iter_mut().zip(kernels).for_each(|(g, (a, b))| *g += step * (a - b));
        }
        let rho = self.boundary();
        Ok((self.alpha, rho))
    }

    /// The mean gradient of the weights between their bounds; by default, the middle between the ends.
    fn boundary(&self) -> f64 {
        let of = |keep: &dyn Fn(f64) -> bool| -> Vec<f64> {
            let all = self.gradient.iter().zip(&self.alpha);
            all.filter(|(_, a)| keep(**a)).map(|(g, _)| *g).collect()
        };
        let free = of(&|a| a > 0.0 && a < 1.0);
        if !free.is_empty() {
            return free.iter().sum::<f64>() / free.len() as f64;
        }
        let most = of(&|a| a >= 1.0).into_iter().fold(f64::NEG_INFINITY, f64::max);
        let least = of(&|a| a <= 0.0).into_iter().fold(f64::INFINITY, f64::min);
        match (most.is_finite(), least.is_finite()) {
            (true, true) => (most + least) / 2.0,
            (true, false) => most,
            (false, true) => least,
            (false, false) => 0.0,
        }
    }
}

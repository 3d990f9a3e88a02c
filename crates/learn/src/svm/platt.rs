//! Probabilities from margins.
//!
//! Sources: Platt 1999; Lin, Lin and Weng 2007, "A note on Platt's probabilistic outputs for support vector machines";
//! Wu, Lin and Weng 2004, "Probability estimates for multi-class classification by pairwise coupling", their second
//! method.

use tidemill_kernel::{Random, blocks};

/// Parts into which rows are cut, so that margins come from models that have not seen the row.
pub(super) const FOLDS: usize = 5;

/// The probability of the first class of two is `1 / (1 + exp(a * margin + b))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Platt {
    pub a: f64,
    pub b: f64,
}

impl Platt {
    /// Fitted to margins (positive speaks for the first class) and whether each row is of that class.
    pub(super) fn fit(margins: &[f64], first: &[bool], weights: Option<&[f64]>) -> Self {
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let of = |side: bool| (0..first.len()).filter(|&i| first[i] == side).map(weight).sum::<f64>();
        let (yes, no) = (of(true), of(false));
        // The targets of Platt's prior: never quite 0 or 1.
        let (high, low) = ((yes + 1.0) / (yes + 2.0), 1.0 / (no + 2.0));
        let rows: Vec<(f64, f64, f64)> = margins
            .iter()
            .zip(first)
            .enumerate()
            .filter(|(_, (m, _))| m.is_finite())
            .map(|(i, (m, yes))| (*m, if *yes { high } else { low }, weight(i)))
            .collect();
        newton(&rows, Platt { a: 0.0, b: ((no + 1.0) / (yes + 1.0)).ln() })
    }

    /// The probability of the first class.
    pub(super) fn probability(self, margin: f64) -> f64 {
        let z = self.a * margin + self.b;
        if z >= 0.0 {
            let e = (-z).exp();
            e / (1.0 + e)
        } else {
            1.0 / (1.0 + z.exp())
        }
    }
}

/// The cross entropy of rows of margin, target and weight.
fn loss(rows: &[(f64, f64, f64)], at: Platt) -> f64 {
    let one = |&(margin, target, weight): &(f64, f64, f64)| {
        let z = at.a * margin + at.b;
        weight * if z >= 0.0 { target * z + (-z).exp().ln_1p() } else { (target - 1.0) * z + z.exp().ln_1p() }
    };
    rows.iter().map(one).sum()
}

/// Newton's method with halved steps, as in Lin, Lin and Weng.
fn newton(rows: &[(f64, f64, f64)], start: Platt) -> Platt {
    let (mut at, mut least) = (start, loss(rows, start));
    for _ in 0..100 {
        let (mut h11, mut h22, mut h21, mut g1, mut g2) = (1e-12, 1e-12, 0.0, 0.0, 0.0);
        for &(margin, target, weight) in rows {
            let p = at.probability(margin);
            let (off, curve) = (weight * (target - p), weight * p * (1.0 - p));
            h11 += margin * margin * curve;
            h22 += curve;
            h21 += margin * curve;
            g1 += margin * off;
            g2 += off;
        }
        if g1.abs() < 1e-5 && g2.abs() < 1e-5 {
            break;
        }
        let det = h11 * h22 - h21 * h21;
        let (da, db) = (-(h22 * g1 - h21 * g2) / det, -(h11 * g2 - h21 * g1) / det);
        let gradient = g1 * da + g2 * db;
        let mut size = 1.0;
        let found = loop {
            let next = Platt { a: at.a + size * da, b: at.b + size * db };
            let value = loss(rows, next);
            if value < least + 1e-4 * size * gradient {
                break Some((next, value));
            }
            size /= 2.0;
            if size < 1e-10 {
                break None;
            }
        };
        match found {
            Some((next, value)) => (at, least) = (next, value),
            None => break,
        }
    }
    at
}

/// The fold of each row: classes shared out evenly, in random order; rows of one block, where there are blocks, together.
pub(super) fn folds(classes: &[u32], together: Option<&[u32]>, seed: u64) -> Vec<usize> {
    let mut rows: Vec<u32> = (0..classes.len() as u32).collect();
    Random::new(seed, 0).shuffle(&mut rows);
    rows.sort_by_key(|&i| classes[i as usize]);
    blocks::deal(&rows, together, FOLDS).into_iter().map(|fold| fold as usize).collect()
}

/// The probabilities of `k` classes (into `out`) from `r(i, j)`, that of class `i` where only `i < j` are possible.
pub(super) fn couple(k: usize, pairs: &[f64], out: &mut [f64]) {
    let r = |i: usize, j: usize| {
        let p = if i < j { pairs[place(i, j, k)] } else { 1.0 - pairs[place(j, i, k)] };
        p.clamp(1e-7, 1.0 - 1e-7)
    };
    let mut q = vec![0.0; k * k];
    for t in 0..k {
        for j in (0..k).filter(|&j| j != t) {
            q[t * k + t] += r(j, t) * r(j, t);
            q[t * k + j] = -r(j, t) * r(t, j);
        }
    }
    out.fill(1.0 / k as f64);
    for _ in 0..100.max(k) {
        let qp: Vec<f64> =
            q.chunks_exact(k).map(|row| row.iter().zip(&*out).map(|(q, p)| q * p).sum()).collect();
        let mut pqp: f64 = qp.iter().zip(&*out).map(|(qp, p)| qp * p).sum();
        if qp.iter().all(|x| (x - pqp).abs() < 0.005 / k as f64) {
            break;
        }
        let mut qp = qp;
        for t in 0..k {
            let diff = (pqp - qp[t]) / q[t * k + t];
            out[t] += diff;
            pqp = (pqp + diff * (diff * q[t * k + t] + 2.0 * qp[t])) / (1.0 + diff) / (1.0 + diff);
            for j in 0..k {
                qp[j] = (qp[j] + diff * q[t * k + j]) / (1.0 + diff);
                out[j] /= 1.0 + diff;
            }
        }
    }
}

/// Where the pair of classes `i < j` stands among all pairs of `k`.
pub(super) fn place(i: usize, j: usize, k: usize) -> usize {
    i * (2 * k - i - 1) / 2 + j - i - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_that_agree_are_coupled_exactly() {
        let wanted = [0.5, 0.3, 0.2];
        let mut pairs = vec![0.0; 3];
        for i in 0..3 {
            for j in i + 1..3 {
                pairs[place(i, j, 3)] = wanted[i] / (wanted[i] + wanted[j]);
            }
        }
        let mut out = [0.0; 3];
        couple(3, &pairs, &mut out);
        assert!(out.iter().zip(wanted).all(|(p, w)| (p - w).abs() < 5e-3), "{out:?}");
        assert!((out.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn folds_share_out_each_class() {
        let classes: Vec<u32> = (0..53).map(|i| u32::from(i % 10 == 0)).collect();
        let folds = folds(&classes, None, 3);
        for class in [0, 1] {
            let in_fold = |f| (0..53).filter(|&i| folds[i] == f && classes[i] == class).count();
            let counts: Vec<usize> = (0..FOLDS).map(in_fold).collect();
            assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
        }
    }

    #[test]
    fn folds_do_not_divide_copies() {
        let classes: Vec<u32> = (0..60).map(|i| u32::from(i / 3 % 4 == 0)).collect();
        let blocks: Vec<u32> = (0..60).map(|i| i / 3).collect();
        let folds = folds(&classes, Some(&blocks), 3);
        assert!(folds.chunks(3).all(|of| of == [of[0]; 3]));
        let in_fold = |f| (0..60).filter(|&i| folds[i] == f && classes[i] == 1).count();
        assert_eq!((0..FOLDS).map(in_fold).collect::<Vec<_>>(), [3; FOLDS]);
    }

    #[test]
    fn platt_finds_the_curve_that_made_the_classes() {
        let mut random = Random::new(5, 0);
        let truth = Platt { a: -2.0, b: 0.5 };
        let margins: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let first: Vec<bool> = margins.iter().map(|&m| random.unit() < truth.probability(m)).collect();
        let found = Platt::fit(&margins, &first, None);
        assert!((found.a - truth.a).abs() < 0.1 && (found.b - truth.b).abs() < 0.1, "{found:?}");
    }
}

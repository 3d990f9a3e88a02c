//! The normal numbers behind columns: what is known of them by row, and how they are correlated.

use rayon::prelude::*;
use tidemill_core::{Context, Error, Result};
use tidemill_kernel::{normal, symmetric};

/// Terms of the series of a correlation; of two medians, the 30th adds 0.001 where the correlation is 0.9.
const TERMS: usize = 30;
/// Beyond, the series would need more terms.
const MOST: f64 = 0.999;

/// The numbers behind the columns of a table.
pub(super) struct Latents {
    n_rows: usize,
    all: Vec<Latent>,
}

struct Latent {
    /// What is expected of the number by row, given what the row says; `NaN` where it says nothing.
    scores: Vec<f64>,
    /// How the steps of the scores lie among the Hermite polynomials of degree 1, 2, …
    hermite: Vec<f64>,
}

/// The density of the standard normal distribution.
fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

impl Latents {
    pub(super) fn new(n_rows: usize) -> Self {
        Latents { n_rows, all: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Adds the number behind a column of which each row is at one of some levels, in their order (`None`: nowhere). `None` where
    /// all rows are at one level: nothing depends on it.
    pub(super) fn add(&mut self, levels: &[Option<usize>], n_levels: usize) -> Option<usize> {
        let mut counts = vec![0.0; n_levels];
        levels.iter().flatten().for_each(|&level| counts[level] += 1.0);
        if counts.iter().filter(|n| **n > 0.0).count() < 2 {
            return None;
        }
        let total: f64 = counts.iter().sum();
        let mut below = 0.0;
        let (mut scores, mut hermite) = (Vec::with_capacity(n_levels), vec![0.0; TERMS]);
        let mut low = edge(f64::NEG_INFINITY);
        for &n in &counts {
            below += n;
            let high = edge(normal::quantile((below / total).min(1.0)));
            let score = if n > 0.0 { (low[0] - high[0]) * total / n } else { 0.0 };
            hermite.iter_mut().zip(low.iter().zip(&high)).for_each(|(sum, (a, b))| *sum += score * (a - b));
            scores.push(score);
            low = high;
        }
        let scores = levels.iter().map(|level| level.map_or(f64::NAN, |level| scores[level])).collect();
        self.all.push(Latent { scores, hermite });
        Some(self.all.len() - 1)
    }

    /// A matrix whose product with independent normal numbers has the correlations of the numbers behind, row after row.
    pub(super) fn factor(&self, context: &Context) -> Result<Vec<f64>> {
        let m = self.all.len();
        let rows: Vec<Vec<f64>> = (0..m)
            .into_par_iter()
            .map(|i| {
                context.check()?;
                Ok((0..i).map(|j| correlation(&self.all[i], &self.all[j], self.n_rows)).collect())
            })
            .collect::<Result<_>>()?;
        let mut matrix = vec![0.0; m * m];
        for (i, row) in rows.iter().enumerate() {
            matrix[i * m + i] = 1.0;
            for (j, &r) in row.iter().enumerate() {
                (matrix[i * m + j], matrix[j * m + i]) = (r, r);
            }
        }
        let (values, vectors) = symmetric::eigen(&matrix, m)
            .ok_or_else(|| Error::internal("the correlations of a copula are not finite"))?;
        let mut factor = vec![0.0; m * m];
        for (i, row) in factor.chunks_exact_mut(m.max(1)).enumerate() {
            for (k, (x, value)) in row.iter_mut().zip(&values).enumerate() {
                *x = vectors[k * m + i] * value.max(0.0).sqrt();
            }
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.iter_mut().for_each(|x| *x /= length);
        }
        Ok(factor)
    }
}

/// What an end of an interval adds to the integrals of the Hermite polynomials of degree 1, 2, … (each of length 1) over it: of
/// degree `k`, the polynomial of degree `k - 1` times the density, over the root of `k`.
fn edge(z: f64) -> Vec<f64> {
    if !z.is_finite() {
        return vec![0.0; TERMS];
    }
    let mut out = Vec::with_capacity(TERMS);
    let (mut before, mut now) = (0.0, density(z));
    for k in 1..=TERMS {
        let k = k as f64;
        out.push(now / k.sqrt());
        let next = (z * now - (k - 1.0).sqrt() * before) / k.sqrt();
        (before, now) = (now, next);
    }
    out
}

/// The correlation of two normal numbers under which their scores vary together as they do.
fn correlation(a: &Latent, b: &Latent, n_rows: usize) -> f64 {
    let both = || (0..n_rows).map(|i| (a.scores[i], b.scores[i])).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let (n, sum_a, sum_b) = both().fold((0.0, 0.0, 0.0), |(n, x, y), (a, b)| (n + 1.0, x + a, y + b));
    if n < 3.0 {
        return 0.0;
    }
    let together = both().map(|(x, y)| (x - sum_a / n) * (y - sum_b / n)).sum::<f64>() / n;
    let products: Vec<f64> = a.hermite.iter().zip(&b.hermite).map(|(a, b)| a * b).collect();
    let expected = |r: f64| products.iter().rev().fold(0.0, |sum, c| (sum + c) * r);
    let (mut low, mut high) = (-MOST, MOST);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if expected(middle) < together {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two numbers divided at their medians, the share of rows on the same side is `1/2 + asin(r) / pi` (Sheppard 1899).
    #[test]
    fn medians_agree_with_sheppard() {
        for r in [-0.7, 0.0, 0.3, 0.8] {
            let same = 0.5 + f64::asin(r) / std::f64::consts::PI;
            let n = 20_000;
            let side = |i: usize| usize::from(i % 2 == 1);
            let other =
                |i: usize| if ((i / 2) as f64) < same * n as f64 / 2.0 { side(i) } else { 1 - side(i) };
            let mut latents = Latents::new(n);
            latents.add(&(0..n).map(|i| Some(side(i))).collect::<Vec<_>>(), 2);
            latents.add(&(0..n).map(|i| Some(other(i))).collect::<Vec<_>>(), 2);
            let found = correlation(&latents.all[0], &latents.all[1], n);
            assert!((found - r).abs() < 0.003, "{found}, not {r}");
        }
    }

    #[test]
    fn scores_of_many_levels_are_the_numbers_behind() {
        let n = 1000;
        let mut latents = Latents::new(n);
        let levels: Vec<Option<usize>> = (0..n).map(Some).collect();
        latents.add(&levels, n);
        let latent = &latents.all[0];
        let middle = normal::quantile(0.7005);
        assert!((latent.scores[700] - middle).abs() < 1e-3);
        let mean = latent.scores.iter().sum::<f64>() / n as f64;
        assert!(mean.abs() < 1e-9 && (latent.hermite[0] - 1.0).abs() < 0.02, "{:?}", latent.hermite);
        assert!(latent.hermite[1..].iter().all(|c| c.abs() < 0.02), "{:?}", latent.hermite);
    }
}

//! How likely a stationary ARMA process makes a series, exactly, and what it expects next.

/// An ARMA process by its whole polynomials: `w(t) = Σ past(i)·w(t−i) + e(t) + Σ errors(j)·e(t−j)`.
pub(super) struct Arma {
    past: Vec<f64>,
    errors: Vec<f64>,
    /// The lags and coefficients that are not 0.
    past_terms: Vec<(usize, f64)>,
    error_terms: Vec<(usize, f64)>,
}

/// Coefficients of `(1 + Σ step(i)·B^i)·(1 + Σ far(j)·B^(season·j))` from lag 1 on.
fn product(step: &[f64], far: &[f64], season: usize, sign: f64) -> Vec<f64> {
    let mut out = vec![0.0; step.len() + season * far.len() + 1];
    for (j, b) in std::iter::once(1.0).chain(far.iter().map(|x| sign * x)).enumerate() {
        for (i, a) in std::iter::once(1.0).chain(step.iter().map(|x| sign * x)).enumerate() {
            out[i + j * season] += a * b;
        }
    }
    out.into_iter().skip(1).map(|x| sign * x).collect()
}

impl Arma {
    pub(super) fn new(past: &[f64], errors: &[f64], far: &[f64], far_errors: &[f64], season: usize) -> Self {
        let (past, errors) = (product(past, far, season, -1.0), product(errors, far_errors, season, 1.0));
        let terms =
            |c: &[f64]| c.iter().enumerate().filter(|(_, c)| **c != 0.0).map(|(i, &c)| (i + 1, c)).collect();
        Arma { past_terms: terms(&past), error_terms: terms(&errors), past, errors }
    }

    /// The logarithm of the conditional sum of squares, times the number of values.
    pub(super) fn conditional(&self, w: &[f64], mean: f64) -> f64 {
        let mut errors = vec![0.0; w.len()];
        let start = self.past.len().min(w.len().saturating_sub(1));
        let mut squares = 0.0;
        for t in start..w.len() {
            let mut error = w[t] - mean;
            for &(lag, c) in &self.past_terms {
                if t >= lag {
                    error -= c * (w[t - lag] - mean);
                }
            }
            for &(lag, c) in &self.error_terms {
                if t >= lag {
                    error -= c * errors[t - lag];
                }
            }
            errors[t] = error;
            squares += error * error;
        }
        w.len() as f64 * (squares / (w.len() - start) as f64).max(1e-300).ln()
    }

    /// The first weights by which past errors make the series: `ψ(0) = 1`, ….
    fn weights(&self, n: usize) -> Vec<f64> {
        let mut psi = vec![0.0; n.max(1)];
        psi[0] = 1.0;
        for k in 1..n {
            let past = self.past_terms.iter().filter(|(lag, _)| *lag <= k).map(|&(lag, c)| c * psi[k - lag]);
            psi[k] = self.errors.get(k - 1).copied().unwrap_or(0.0) + past.sum::<f64>();
        }
        psi
    }

    /// The covariance of the series with its own error part so many steps later: `Σ θ(r)·ψ(r−d)`.
    fn cross(&self, psi: &[f64]) -> Vec<f64> {
        let theta = |r: usize| if r == 0 { 1.0 } else { self.errors[r - 1] };
        let q = self.errors.len();
        (0..=q).map(|d| (d..=q).map(|r| theta(r) * psi[r - d]).sum()).collect()
    }

    /// Autocovariances at lags 0 to `n` (of errors of variance 1), by the Yule–Walker equations; `None` where they have no answer.
    fn covariances(&self, cross: &[f64], n: usize) -> Option<Vec<f64>> {
        let p = self.past.len();
        let size = p + 1;
        let mut matrix = vec![0.0; size * size];
        let mut gamma: Vec<f64> = (0..size).map(|k| cross.get(k).copied().unwrap_or(0.0)).collect();
        for k in 0..size {
            matrix[k * size + k] += 1.0;
            for &(lag, c) in &self.past_terms {
                matrix[k * size + k.abs_diff(lag)] -= c;
            }
        }
        solve(&mut matrix, &mut gamma)?;
        for k in size..=n {
            let past: f64 = self.past_terms.iter().map(|&(lag, c)| c * gamma[k - lag]).sum();
            gamma.push(past + cross.get(k).copied().unwrap_or(0.0));
        }
        (gamma[0].is_finite() && gamma[0] > 0.0).then_some(gamma)
    }

    /// Cholesky of the covariance of the first values and, from there on, of `φ(B)w`, whose band is as wide as the errors reach
    /// (Ansley 1979). Rows are handed to `each` as (row, first column, values up to the diagonal) until it says stop.
    fn factor(&self, n: usize, mut each: impl FnMut(usize, usize, &[f64])) -> Option<()> {
        let (p, q) = (self.past.len(), self.errors.len());
        let m = p.max(q);
        let psi = self.weights(q + 1);
        let cross = self.cross(&psi);
        let gamma = self.covariances(&cross, m)?;
        let theta = |r: usize| if r == 0 { 1.0 } else { self.errors[r - 1] };
        let moving: Vec<f64> = (0..=q).map(|d| (d..=q).map(|r| theta(r) * theta(r - d)).sum()).collect();
        let covariance = |i: usize, j: usize| {
            let d = i - j;
            if i < m {
                gamma[d]
            } else {
                (if j < m { &cross } else { &moving }).get(d).copied().unwrap_or(0.0)
            }
        };
        let width = m.max(q + 1);
        // The last rows, each `width` long, by row modulo `width`.
        let mut rows = vec![0.0; width * width];
        let mut firsts = vec![0usize; width];
        let mut row = vec![0.0; width];
        let mut alike = 0;
        for i in 0..n {
            let first = if i < m { 0 } else { i.saturating_sub(q) };
            let len = i - first + 1;
            if alike <= q || len != q + 1 {
                for j in first..=i {
                    let (other, from) = (j % width, firsts[j % width]);
                    let mut sum = covariance(i, j);
                    if j < i {
                        let begin = first.max(from);
                        let (a, b) = (
                            &row[begin - first..j - first],
                            &rows[other * width + begin - from..other * width + j - from],
                        );
                        sum -= a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                        row[j - first] = sum / rows[other * width + j - from];
                    } else {
                        sum -= row[..len - 1].iter().map(|a| a * a).sum::<f64>();
                        if sum.is_nan() || sum <= 0.0 {
                            return None;
                        }
                        row[len - 1] = sum.sqrt();
                    }
                }
                // Past the first rows each tends to the same. A season's rows may be alike before those of the next differ, so as many as
                // the band is wide must be.
                let before = (i + width - 1) % width;
                let kept = &rows[before * width..before * width + len];
                let same = i > m + q && row[..len].iter().zip(kept).all(|(a, b)| (a - b).abs() < 1e-12);
                alike = if same { alike + 1 } else { 0 };
                rows[i % width * width..i % width * width + len].copy_from_slice(&row[..len]);
                firsts[i % width] = first;
            }
            each(i, first, &row[..len]);
        }
        Some(())
    }

    /// What is left of the series once its own past is taken off, from row `m` on.
    fn reduced(&self, w: &[f64], mean: f64) -> Vec<f64> {
        let m = self.past.len().max(self.errors.len());
        (0..w.len())
            .map(|t| {
                let own = w[t] - mean;
                let past = |&(lag, c): &(usize, f64)| c * (w[t - lag] - mean);
                if t < m { own } else { own - self.past_terms.iter().map(past).sum::<f64>() }
            })
            .collect()
    }

    /// Minus twice the logarithm of the exact likelihood with the best variance, the constant included; infinite where the process
    /// has none.
    pub(super) fn deviance(&self, w: &[f64], mean: f64) -> f64 {
        let reduced = self.reduced(w, mean);
        let mut scaled = vec![0.0; w.len()];
        let (mut logs, mut squares) = (0.0, 0.0);
        let done = self.factor(w.len(), |i, first, row| {
            let (diagonal, before) = (row[row.len() - 1], &row[..row.len() - 1]);
            let told: f64 = before.iter().zip(&scaled[first..]).map(|(a, z)| a * z).sum();
            scaled[i] = (reduced[i] - told) / diagonal;
            logs += diagonal.ln();
            squares += scaled[i] * scaled[i];
        });
        let n = w.len() as f64;
        let variance: f64 = (squares / n).max(1e-300);
        let value = n * (variance.ln() + 1.0 + std::f64::consts::TAU.ln()) + 2.0 * logs;
        if done.is_some() { value } else { f64::INFINITY }
    }

    /// The best linear forecast of the next `horizon` values.
    pub(super) fn forecast(&self, w: &[f64], mean: f64, horizon: usize) -> Vec<f64> {
        let (n, q) = (w.len(), self.errors.len());
        let m = self.past.len().max(q);
        let reduced = self.reduced(w, mean);
        let mut scaled = vec![0.0; n];
        let mut expected = vec![0.0; horizon];
        let rows = n + horizon.min(m.max(q));
        let done = self.factor(rows, |i, first, row| {
            let upto = (n.min(i) - first.min(n.min(i))).min(row.len() - 1);
            let told: f64 = row[..upto].iter().zip(&scaled[first.min(n)..]).map(|(a, z)| a * z).sum();
            if i < n {
                scaled[i] = (reduced[i] - told) / row[row.len() - 1];
            } else {
                expected[i - n] = told;
            }
        });
        let mut values: Vec<f64> = w.iter().map(|x| x - mean).collect();
        if done.is_none() {
            expected.fill(0.0);
        }
        for (h, told) in expected.into_iter().enumerate() {
            let t = n + h;
            let past: f64 =
                if t < m { 0.0 } else { self.past_terms.iter().map(|&(lag, c)| c * values[t - lag]).sum() };
            values.push(told + past);
        }
        values[n..].iter().map(|x| x + mean).collect()
    }
}

/// Solves a square system in place by elimination with pivots; `None` where it is singular.
fn solve(matrix: &mut [f64], right: &mut [f64]) -> Option<()> {
    let n = right.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&a, &b| matrix[a * n + k].abs().total_cmp(&matrix[b * n + k].abs()))?;
        if matrix[pivot * n + k].abs() < 1e-12 {
            return None;
        }
        if pivot != k {
            (0..n).for_each(|c| matrix.swap(k * n + c, pivot * n + c));
            right.swap(k, pivot);
        }
        for r in k + 1..n {
            let by = matrix[r * n + k] / matrix[k * n + k];
            if by != 0.0 {
                let (top, bottom) = matrix.split_at_mut(r * n);
                bottom[k..n].iter_mut().zip(&top[k * n + k..k * n + n]).for_each(|(b, t)| *b -= by * t);
                right[r] -= by * right[k];
            }
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|c| matrix[k * n + c] * right[c]).sum();
        right[k] = (right[k] - known) / matrix[k * n + k];
    }
    Some(())
}

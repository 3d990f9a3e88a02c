//! Bass's growth model: adoption by innovation and by imitation.

use serde::Serialize;

/// The model of Bass (1969, "A new product growth for model consumer durables"): of `m` who will buy in the end, a share
/// F(t) = (1 − e^−(p+q)t) / (1 + (q/p) e^−(p+q)t) has bought by time t.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bass {
    /// Who will have bought in the end.
    pub potential: f64,
    /// p: innovation, the share of the others that buys in a period by itself. Above 0.
    pub innovation: f64,
    /// q: imitation, how strongly those who bought draw in the others.
    pub imitation: f64,
}

/// A model fitted to sales.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BassFit {
    /// The model.
    pub model: Bass,
    /// The share of the variation of sales that it explains.
    pub r2: f64,
    /// When sales are highest, in periods from the start; negative where they fall from the start.
    pub peak: f64,
    /// The sales fitted, one for each period given.
    pub fitted: Vec<f64>,
    /// The sales expected in the periods that follow.
    pub ahead: Vec<f64>,
}

impl Bass {
    /// The share that has bought by time `t`, in periods.
    pub fn share(&self, t: f64) -> f64 {
        let fades = (-(self.innovation + self.imitation) * t).exp();
        (1.0 - fades) / (1.0 + self.imitation / self.innovation * fades)
    }

    /// Sales between two times.
    pub fn sales(&self, from: f64, to: f64) -> f64 {
        self.potential * (self.share(to) - self.share(from))
    }

    /// When sales are highest: ln(q/p) / (p + q).
    pub fn peak(&self) -> f64 {
        (self.imitation / self.innovation).ln() / (self.innovation + self.imitation)
    }
}

/// Fits the model to the sales of equal periods by nonlinear least squares on the differences of F (Srinivasan and Mason
/// 1986, "Nonlinear least squares estimation of new product diffusion models"), by Levenberg and Marquardt's method on the
/// logarithms of the three parameters. `None` for fewer than 4 periods or where no maximum can be seen in the sales.
pub fn fit(sales: &[f64], ahead: usize) -> Option<BassFit> {
    if sales.len() < 4 || sales.iter().any(|s| !s.is_finite() || *s < 0.0) {
        return None;
    }
    let total: f64 = sales.iter().sum();
    let starts = [(0.01, 0.4), (0.03, 0.2), (0.001, 0.8), (0.002, 0.5), (0.1, 0.1)];
    let best = starts
        .iter()
        .map(|(p, q)| descend(sales, [(1.2 * total).ln(), f64::ln(*p), f64::ln(*q)]))
        .filter(|(_, error)| error.is_finite())
        .min_by(|a, b| a.1.total_cmp(&b.1))?;
    let model = model(best.0);
    // A potential that runs away says that sales only grow so far: there is nothing to tell it from.
    if model.potential > 1e3 * total || model.innovation >= 10.0 {
        return None;
    }
    let n = sales.len();
    let period = |i: usize| model.sales(i as f64, (i + 1) as f64);
    let mean = total / n as f64;
    let around: f64 = sales.iter().map(|s| (s - mean).powi(2)).sum();
    Some(BassFit {
        model,
        r2: if around > 0.0 { 1.0 - best.1 / around } else { 1.0 },
        peak: model.peak(),
        fitted: (0..n).map(period).collect(),
        ahead: (n..n + ahead).map(period).collect(),
    })
}

fn model([m, p, q]: [f64; 3]) -> Bass {
    Bass { potential: m.exp(), innovation: p.exp(), imitation: q.exp() }
}

fn residuals(sales: &[f64], at: [f64; 3]) -> Vec<f64> {
    let model = model(at);
    sales.iter().enumerate().map(|(i, s)| model.sales(i as f64, (i + 1) as f64) - s).collect()
}

fn squares(r: &[f64]) -> f64 {
    r.iter().map(|r| r * r).sum()
}

fn descend(sales: &[f64], start: [f64; 3]) -> ([f64; 3], f64) {
    let (mut at, mut damping) = (start, 1e-3);
    let mut here = residuals(sales, at);
    let mut error = squares(&here);
    for _ in 0..500 {
        let slopes = [0, 1, 2].map(|j| {
            let h = 1e-6;
            let (mut up, mut down) = (at, at);
            up[j] += h;
            down[j] -= h;
            let (up, down) = (residuals(sales, up), residuals(sales, down));
            up.iter().zip(&down).map(|(u, d)| (u - d) / (2.0 * h)).collect::<Vec<f64>>()
        });
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut normal = [[0.0; 4]; 3];
        for (i, row) in normal.iter_mut().enumerate() {
            for j in 0..3 {
                row[j] = dot(&slopes[i], &slopes[j]);
            }
            row[i] *= 1.0 + damping;
            row[3] = -dot(&slopes[i], &here);
        }
        let Some(step) = solve(normal) else { return (at, error) };
        let next = [at[0] + step[0], at[1] + step[1], at[2] + step[2]];
        let there = residuals(sales, next);
        let found = squares(&there);
        if found.is_finite() && found <= error {
            let still = step.iter().all(|s| s.abs() < 1e-11);
            (at, here, error, damping) = (next, there, found, (damping * 0.3).max(1e-14));
            if still {
                break;
            }
        } else {
            damping *= 4.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    (at, error)
}

/// Three equations by elimination with pivots.
fn solve(mut a: [[f64; 4]; 3]) -> Option<[f64; 3]> {
    for k in 0..3 {
        let pivot = (k..3).max_by(|i, j| a[*i][k].abs().total_cmp(&a[*j][k].abs()))?;
        a.swap(k, pivot);
        if !a[k][k].is_normal() {
            return None;
        }
        for i in (0..3).filter(|i| *i != k) {
            let by = a[i][k] / a[k][k];
            let pivot = a[k];
            a[i].iter_mut().zip(pivot).skip(k).for_each(|(x, p)| *x -= by * p);
        }
    }
    Some([0, 1, 2].map(|k| a[k][3] / a[k][k]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Room air conditioners in the United States, 1949 to 1961, in thousands (Bass 1969); the answer is that of Srinivasan
    /// and Mason's method as published, and of `tests/reference/make.py`.
    #[test]
    fn room_air_conditioners() {
        let sales = [
            96.0, 195.0, 238.0, 380.0, 1045.0, 1230.0, 1267.0, 1828.0, 1586.0, 1673.0, 1800.0, 1580.0, 1500.0,
        ];
        let found = fit(&sales, 2).unwrap();
        assert!((found.model.potential - 18_712.7).abs() < 0.05, "{found:?}");
        assert!((found.model.innovation - 0.009_442).abs() < 5e-7, "{found:?}");
        assert!((found.model.imitation - 0.374_76).abs() < 5e-6, "{found:?}");
        assert!((found.peak - 9.58).abs() < 0.01 && found.ahead.len() == 2, "{found:?}");
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(fit(&[1.0, 2.0, 3.0], 0), None);
        assert_eq!(fit(&[1.0, f64::NAN, 3.0, 4.0], 0), None);
    }
}

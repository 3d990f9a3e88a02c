//! ARIMA: what is left of a series after differences, as a weighted sum of its past and of past surprises.

mod auto;
mod differences;
mod likelihood;

use serde::{Deserialize, Serialize};
use tidemill_kernel::nelder_mead::{Stop, minimise};

pub use auto::automatic;
pub use differences::{n_differences, n_seasonal_differences};
use likelihood::Arma;

/// The orders of a seasonal ARIMA model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Terms of the past, differences, terms of past errors.
    pub step: [usize; 3],
    /// The same, a season apart.
    pub season: [usize; 3],
    /// How many steps a season has; 1 for none.
    pub n_season: usize,
    /// Whether what is left after differences has a mean: a level without them, a drift after one.
    pub mean: bool,
}

impl Order {
    pub(super) fn n_coefficients(&self) -> usize {
        let ([p, _, q], [sp, _, sq]) = (self.step, self.season);
        p + q + sp + sq + usize::from(self.mean)
    }

    /// Whether it is of a size that the search can lead to.
    pub(super) fn is_sound(&self) -> bool {
        let small = |orders: [usize; 3]| orders.iter().all(|n| *n <= 5);
        small(self.step) && small(self.season) && (1..=24).contains(&self.n_season)
    }

    /// What is left after differences.
    fn differenced(&self, y: &[f64]) -> Vec<f64> {
        let apart = |w: &[f64], lag: usize| -> Vec<f64> {
            w.iter().zip(w.get(lag..).unwrap_or_default()).map(|(a, b)| b - a).collect()
        };
        let mut left = y.to_vec();
        for _ in 0..self.season[1] {
            left = apart(&left, self.n_season);
        }
        for _ in 0..self.step[1] {
            left = apart(&left, 1);
        }
        left
    }
}

/// A seasonal ARIMA model with its coefficients.
#[derive(Clone, Debug, PartialEq)]
pub struct Arima {
    /// Its orders.
    pub order: Order,
    /// Of the past, of past errors, the same a season apart, then the mean, as many of each as there are.
    pub coefficients: Vec<f64>,
}

/// A model and how likely it makes its series.
pub(super) struct Fit {
    pub model: Arima,
    pub aicc: f64,
}

/// Coefficients of a stationary polynomial from any numbers: partial autocorrelations are their `tanh` (Monahan 1984).
fn stationary(free: &[f64], out: &mut Vec<f64>) {
    let start = out.len();
    for (k, x) in free.iter().enumerate() {
        let partial = x.tanh();
        let before: Vec<f64> = out[start..].to_vec();
        for i in 0..k {
            out[start + i] = before[i] - partial * before[k - 1 - i];
        }
        out.push(partial);
    }
}

/// The least modulus of a root.
const MARGIN: f64 = 1.01;

/// Whether all partial autocorrelations of a process of these coefficients are below 1.
fn is_stationary(coefficients: impl Iterator<Item = f64>) -> bool {
    let mut left: Vec<f64> = coefficients.collect();
    while let Some(partial) = left.pop() {
        if partial.abs() >= 1.0 {
            return false;
        }
        let before = left.clone();
        for (i, c) in left.iter_mut().enumerate() {
            *c = (before[i] + partial * before[before.len() - 1 - i]) / (1.0 - partial * partial);
        }
    }
    true
}

/// The coefficients that free parameters stand for.
fn coefficients(order: &Order, free: &[f64], scale: f64) -> Vec<f64> {
    let ([p, _, q], [sp, _, sq]) = (order.step, order.season);
    let mut found = Vec::with_capacity(free.len());
    let mut at = 0;
    for (n, sign) in [(p, 1.0), (q, -1.0), (sp, 1.0), (sq, -1.0)] {
        let from = found.len();
        stationary(&free[at..at + n], &mut found);
        found[from..].iter_mut().for_each(|c| *c *= sign);
        at += n;
    }
    found.extend(free[at..].iter().map(|x| x * scale));
    found
}

impl Arima {
    /// Whether all roots are at least 1.01 away from 0 (R's `auto.arima` refuses others: they stand for a difference too many or too
    /// few).
    fn is_clear(&self) -> bool {
        let ([p, _, q], [sp, _, sq]) = (self.order.step, self.order.season);
        let mut at = 0;
        [(p, 1.0, 1), (q, -1.0, 1), (sp, 1.0, self.order.n_season), (sq, -1.0, self.order.n_season)]
            .into_iter()
            .all(|(n, sign, lag)| {
                let own = &self.coefficients[at..at + n];
                at += n;
                is_stationary(
                    own.iter().enumerate().map(|(i, c)| sign * c * MARGIN.powi(((i + 1) * lag) as i32)),
                )
            })
    }

    /// The polynomials of the whole model, and the mean.
    fn arma(&self) -> (Arma, f64) {
        let ([p, _, q], [sp, _, sq]) = (self.order.step, self.order.season);
        let c = &self.coefficients;
        let (past, rest) = c.split_at(p.min(c.len()));
        let (errors, rest) = rest.split_at(q.min(rest.len()));
        let (past_season, rest) = rest.split_at(sp.min(rest.len()));
        let (errors_season, rest) = rest.split_at(sq.min(rest.len()));
        let season = self.order.n_season;
        let arma = Arma::new(past, errors, past_season, errors_season, season);
        (arma, rest.first().copied().unwrap_or(0.0))
    }

    /// The model of this order that makes the series most likely: first by conditional sums of squares, then, for `exact`
    /// evaluations, by the exact likelihood. `None` where too little is left after differences.
    pub(super) fn fit(order: Order, y: &[f64], exact: usize) -> Option<Fit> {
        let left = order.differenced(y);
        let (n, k) = (left.len() as f64, order.n_coefficients() as f64 + 1.0);
        if n - k - 1.0 <= 0.0 {
            return None;
        }
        let mean = left.iter().sum::<f64>() / n;
        let scale = (left.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / n).sqrt();
        if scale < 1e-12 * y.iter().fold(1e-300, |far: f64, x| far.max(x.abs())) {
            return None;
        }
        let free = order.n_coefficients();
        let mut point = vec![0.1; free];
        if order.mean {
            point[free - 1] = mean / scale;
        }
        let model = |x: &[f64]| Arima { order, coefficients: coefficients(&order, x, scale) };
        let conditional = |x: &[f64]| {
            let (arma, mean) = model(x).arma();
            arma.conditional(&left, mean)
        };
        let likely = |x: &[f64]| {
            let (arma, mean) = model(x).arma();
            arma.deviance(&left, mean)
        };
        let stop = Stop { evaluations: 80 * free, tolerance: 1e-7 };
        point = minimise(conditional, &point, &vec![0.2; free], stop).point;
        let stop = Stop { evaluations: exact, tolerance: 1e-8 };
        let found = minimise(likely, &point, &vec![0.1; free], stop);
        // Where the likelihood leads to a root that is refused, what conditional sums found may yet be sound.
        let value = likely(&point);
        let points = [(found.point, found.value), (point, value)];
        let (fitted, value) =
            points.iter().map(|(x, value)| (model(x), *value)).find(|(model, _)| model.is_clear())?;
        let aicc = value + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0);
        aicc.is_finite().then_some(Fit { model: fitted, aicc })
    }

    /// The same orders for an earlier part of the series; `None` where the part is too short for them, or refuses them.
    pub(in crate::series) fn again(&self, y: &[f64]) -> Option<Arima> {
        Arima::fit(self.order, y, auto::evaluations(y, &self.order)).map(|fit| fit.model)
    }

    /// Minus twice the logarithm of the exact Gaussian likelihood of what is left of a series after differences, with the best variance.
    pub fn deviance(&self, y: &[f64]) -> f64 {
        let (arma, mean) = self.arma();
        arma.deviance(&self.order.differenced(y), mean)
    }

    /// Akaike's criterion for short series, as R's `auto.arima` has it.
    pub fn aicc(&self, y: &[f64]) -> f64 {
        let (n, k) = (self.order.differenced(y).len() as f64, self.order.n_coefficients() as f64 + 1.0);
        self.deviance(y) + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0)
    }

    /// The `horizon` steps after `y`: the best linear forecast by these coefficients.
    pub fn forecast(&self, y: &[f64], horizon: usize) -> Vec<f64> {
        let Order { step, season, n_season, .. } = self.order;
        if y.len() <= step[1] + season[1] * n_season {
            return super::naive::last_value(y, horizon);
        }
        let (arma, mean) = self.arma();
        let ahead = arma.forecast(&self.order.differenced(y), mean, horizon);
        // The differences as one polynomial, by which the values before and what is left give the value.
        let mut signs = vec![1.0];
        let lags = std::iter::repeat_n(n_season, season[1]).chain(std::iter::repeat_n(1, step[1]));
        for lag in lags {
            let mut next = signs.clone();
            next.resize(signs.len() + lag, 0.0);
            signs.iter().enumerate().for_each(|(i, s)| next[i + lag] -= s);
            signs = next;
        }
        let mut values = y.to_vec();
        for left in ahead {
            let before = signs.iter().enumerate().skip(1).map(|(lag, s)| s * values[values.len() - lag]);
            values.push(left - before.sum::<f64>());
        }
        values.split_off(y.len())
    }
}

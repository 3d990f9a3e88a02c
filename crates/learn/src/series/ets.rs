//! Exponential smoothing as a state space model: level, trend and season that follow the series.

use serde::{Deserialize, Serialize};
use tidemill_kernel::nelder_mead::{Stop, minimise};

use super::Season;
use super::decompose::seasonal_indices;

/// How the trend goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// There is none.
    None,
    /// It goes on for ever.
    Additive,
    /// It fades by a constant factor.
    Damped,
}

/// Which of the models of Hyndman et al. (2008) it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Whether the error is relative to what is expected.
    pub relative: bool,
    /// The trend.
    pub trend: Trend,
    /// The season.
    pub season: Season,
}

/// The level, the change per step and the season, at some step; the next step's season comes first.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// The level.
    pub level: f64,
    /// The change per step, 0 without a trend.
    pub change: f64,
    /// By place, turned so that step `i` of the series has place `i % season`.
    pub season: Vec<f64>,
}

/// A model with its parameters: alpha, beta, gamma (each in the usual region: `beta < alpha`, `gamma < 1 − alpha`) and phi, and where
/// it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Ets {
    /// Which model.
    pub form: Form,
    /// How fast the level, the trend and the season follow, and how fast the trend fades.
    pub smoothing: [f64; 4],
    /// Before the first value.
    pub start: Level,
}

/// What a model says of a series.
pub(super) struct Followed {
    /// The sum of squared one-step errors (relative ones where the error is).
    pub squares: f64,
    /// The sum of the logarithms of what was expected.
    pub logs: f64,
    pub end: Level,
}

impl Ets {
    /// Follows a series from the start, giving each step what was expected of it.
    pub(super) fn follow(&self, y: &[f64], mut told: impl FnMut(f64)) -> Followed {
        let [alpha, beta, gamma, phi] = self.smoothing;
        let Form { relative, season: how, .. } = self.form;
        let Level { mut level, mut change, mut season } = self.start.clone();
        let (mut squares, mut logs) = (0.0, 0.0);
        let mut place = 0;
        for &value in y {
            let base = level + phi * change;
            let s = if how == Season::None { 0.0 } else { season[place] };
            let expected = match how {
                Season::None => base,
                Season::Additive => base + s,
                Season::Multiplicative => base * s,
            };
            told(expected);
            let error = value - expected;
            if relative {
                let share = error / expected;
                squares += share * share;
                logs += expected.abs().ln();
            } else {
                squares += error * error;
            }
            // Both kinds of error move the state by the error in units of the series.
            let unit = if how == Season::Multiplicative { s } else { 1.0 };
            level = base + alpha * error / unit;
            change = phi * change + beta * error / unit;
            match how {
                Season::None => {}
                Season::Additive => season[place] = s + gamma * error,
                Season::Multiplicative => season[place] = s + gamma * error / base,
            }
            place += 1;
            if place >= season.len() {
                place = 0;
            }
        }
        Followed { squares, logs, end: Level { level, change, season } }
    }

    /// The `horizon` steps after `y`, which begins where the model starts.
    pub fn forecast(&self, y: &[f64], horizon: usize) -> Vec<f64> {
        let Level { level, change, season } = self.follow(y, |_| {}).end;
        let phi = self.smoothing[3];
        let (mut sum, mut power) = (0.0, 1.0);
        (0..horizon)
            .map(|h| {
                power *= phi;
                sum += power;
                let base = level + sum * change;
                match self.form.season {
                    Season::None => base,
                    Season::Additive => base + season[(y.len() + h) % season.len()],
                    Season::Multiplicative => base * season[(y.len() + h) % season.len()],
                }
            })
            .collect()
    }

    /// Minus twice the logarithm of the likelihood, but for a constant.
    pub(super) fn deviance(&self, y: &[f64]) -> f64 {
        let Followed { squares, logs, .. } = self.follow(y, |_| {});
        let n = y.len() as f64;
        n * squares.max(1e-300).ln() + if self.form.relative { 2.0 * logs } else { 0.0 }
    }

    /// Akaike's criterion for short series (the constant of the likelihood left out, as the reference does).
    pub fn aicc(&self, y: &[f64]) -> f64 {
        let (n, k) = (y.len() as f64, Ets::n_params(self.form, self.start.season.len()) as f64);
        self.deviance(y) + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0)
    }

    /// How many numbers are estimated, the variance included.
    pub(super) fn n_params(form: Form, season: usize) -> usize {
        let trend = match form.trend {
            Trend::None => 0,
            Trend::Additive => 2,
            Trend::Damped => 3,
        };
        3 + trend + if form.season == Season::None { 0 } else { season }
    }

    /// The model of this form that makes the series most likely.
    pub fn fit(form: Form, y: &[f64], season: usize) -> Ets {
        let first =
            Ets { form, smoothing: first_smoothing(form, season), start: first_level(form, y, season) };
        first.improved(y, 200 * first.packed().len().min(10))
    }

    /// The same form and about the same parameters for a series that starts elsewhere.
    pub fn refit(&self, y: &[f64]) -> Ets {
        let start = first_level(self.form, y, self.start.season.len());
        let first = Ets { form: self.form, smoothing: self.smoothing, start };
        first.improved(y, 300)
    }

    /// The same form for an earlier part of the series, found as if nothing else were known; `None` where the part is too short for it.
    pub(super) fn again(&self, y: &[f64]) -> Option<Ets> {
        let season = self.start.season.len();
        let enough = y.len() > Ets::n_params(self.form, season) + 1;
        (enough && (self.form.season == Season::None || y.len() > 2 * season))
            .then(|| Ets::fit(self.form, y, season))
    }

    /// Searches from here.
    fn improved(&self, y: &[f64], evaluations: usize) -> Ets {
        let start = self.packed();
        let size = y.iter().map(|x| x.abs()).sum::<f64>() / y.len() as f64;
        let n_smoothing = self.n_smoothing();
        let step: Vec<f64> = start
            .iter()
            .enumerate()
            .map(
                |(i, x)| {
                    if i < n_smoothing { 0.1 } else { 0.05 * x.abs().max(0.1 * size.min(x.abs() + size)) }
                },
            )
            .collect();
        let value = |x: &[f64]| self.unpacked(x).map_or(f64::INFINITY, |model| model.deviance(y));
        let stop = Stop { evaluations, tolerance: 1e-8 };
        let first = minimise(value, &start, &step, stop);
        // A fresh simplex: the old one may have collapsed against the edge of the region.
        let step: Vec<f64> = step.iter().map(|s| 0.3 * s).collect();
        let found = minimise(value, &first.point, &step, stop);
        self.unpacked(&found.point).unwrap_or_else(|| self.clone())
    }

    fn n_smoothing(&self) -> usize {
        1 + match self.form.trend {
            Trend::None => 0,
            Trend::Additive => 1,
            Trend::Damped => 2,
        } + usize::from(self.form.season != Season::None)
    }

    /// The free parameters: how fast it follows, then where it starts.
    pub(super) fn packed(&self) -> Vec<f64> {
        let [alpha, beta, gamma, phi] = self.smoothing;
        let Form { trend, season, .. } = self.form;
        let mut free = vec![alpha];
        if trend != Trend::None {
            free.push(beta);
        }
        if season != Season::None {
            free.push(gamma);
        }
        if trend == Trend::Damped {
            free.push(phi);
        }
        free.push(self.start.level);
        if trend != Trend::None {
            free.push(self.start.change);
        }
        if season != Season::None {
            free.extend(&self.start.season[1..]);
        }
        free
    }

    /// The model with these free parameters; `None` outside of the usual region.
    fn unpacked(&self, free: &[f64]) -> Option<Ets> {
        let mut rest = free.iter().copied();
        let Form { trend, season, .. } = self.form;
        let alpha = rest.next()?;
        let beta = if trend == Trend::None { 0.0 } else { rest.next()? };
        let gamma = if season == Season::None { 0.0 } else { rest.next()? };
        let phi = match trend {
            Trend::None => 0.0,
            Trend::Additive => 1.0,
            Trend::Damped => rest.next()?,
        };
        let least = 1e-4;
        let sound = (least..=1.0 - least).contains(&alpha)
            && (trend == Trend::None || (least..=alpha).contains(&beta))
            && (season == Season::None || (least..=1.0 - alpha).contains(&gamma))
            && (trend != Trend::Damped || (0.8..=0.98).contains(&phi));
        if !sound {
            return None;
        }
        let level = rest.next()?;
        let change = if trend == Trend::None { 0.0 } else { rest.next()? };
        let mut places = vec![0.0; self.start.season.len()];
        if season != Season::None {
            places.iter_mut().skip(1).zip(rest).for_each(|(place, x)| *place = x);
            let sum: f64 = places[1..].iter().sum();
            places[0] = if season == Season::Multiplicative { places.len() as f64 - sum } else { -sum };
            if season == Season::Multiplicative && places.iter().any(|s| *s <= 0.0) {
                return None;
            }
        }
        Some(Ets {
            form: self.form,
            smoothing: [alpha, beta, gamma, phi],
            start: Level { level, change, season: places },
        })
    }
}

/// Where the search begins, as in the reference implementation (R's forecast package).
fn first_smoothing(form: Form, season: usize) -> [f64; 4] {
    let m = season.max(1) as f64;
    let alpha = 1e-4 + 0.2 * (0.9999 - 1e-4) / m;
    let beta = if form.trend == Trend::None { 0.0 } else { 1e-4 + 0.1 * (alpha - 1e-4) };
    let gamma = if form.season == Season::None { 0.0 } else { 1e-4 + 0.05 * (1.0 - alpha - 1e-4) };
    let phi = match form.trend {
        Trend::None => 0.0,
        Trend::Additive => 1.0,
        Trend::Damped => 0.8 + 0.99 * 0.18,
    };
    [alpha, beta, gamma, phi]
}

/// A line through the first values less their season.
fn first_level(form: Form, y: &[f64], season: usize) -> Level {
    let places = seasonal_indices(y, season, form.season);
    let some = &y[..y.len().min(10.max(2 * season))];
    let less = |(i, &value): (usize, &f64)| match form.season {
        Season::None => value,
        Season::Additive => value - places[i % season],
        Season::Multiplicative => value / places[i % season].max(0.01),
    };
    let flat: Vec<f64> = some.iter().enumerate().map(less).collect();
    let n = flat.len() as f64;
    let mean = flat.iter().sum::<f64>() / n;
    if form.trend == Trend::None {
        return Level { level: mean, change: 0.0, season: places };
    }
    let when = (n + 1.0) / 2.0;
    let (mut top, mut bottom) = (0.0, 0.0);
    for (i, value) in flat.iter().enumerate() {
        let t = i as f64 + 1.0 - when;
        top += t * (value - mean);
        bottom += t * t;
    }
    let change = if bottom > 0.0 { top / bottom } else { 0.0 };
    let mut level = mean - change * when;
    // A relative error needs a level that is not 0.
    if form.relative && level.abs() < 1e-8 {
        level = mean;
    }
    let places = if form.season == Season::Multiplicative {
        let floored: Vec<f64> = places.iter().map(|s| s.max(0.01)).collect();
        let mean = floored.iter().sum::<f64>() / season as f64;
        floored.iter().map(|s| s / mean).collect()
    } else {
        places
    };
    Level { level, change, season: places }
}

/// The model of the least AICc among all that suit the series: a relative error and a season that multiplies only where all
/// values are above 0, a season only where two and more whole ones are there and it is of at most 24 steps; an additive error does not go
/// with a season that multiplies (as R's `ets` and `statsforecast`'s `AutoETS`). `None` for fewer than 4 values.
pub fn automatic(y: &[f64], season: usize) -> Option<Ets> {
    if y.len() < 4 {
        return None;
    }
    let positive = y.iter().all(|x| *x > 0.0);
    let seasonal = (2..=24).contains(&season) && y.len() > 2 * season;
    let season = if seasonal { season } else { 1 };
    let mut best: Option<(f64, Ets)> = None;
    for relative in [false, true] {
        for trend in [Trend::None, Trend::Additive, Trend::Damped] {
            for how in [Season::None, Season::Additive, Season::Multiplicative] {
                let form = Form { relative, trend, season: how };
                let unsuited = (relative && !positive)
                    || (how != Season::None && !seasonal)
                    || (how == Season::Multiplicative && !relative);
                let (n, k) = (y.len() as f64, Ets::n_params(form, season) as f64);
                if unsuited || n - k - 1.0 <= 0.0 {
                    continue;
                }
                let model = Ets::fit(form, y, season);
                let aicc = model.aicc(y);
                if aicc.is_finite() && best.as_ref().is_none_or(|(least, _)| aicc < *least) {
                    best = Some((aicc, model));
                }
            }
        }
    }
    best.map(|(_, model)| model)
}

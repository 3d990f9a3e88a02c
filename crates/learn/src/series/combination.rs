//! Several methods for one series, each with the weight that its own past forecasts earned.

use super::method::{Method, Model};
use super::naive;
use super::stl::{STRONG, seasonal_strength};

/// Errors count with this power in the weights; a method whose error exceeds the least by more than the share is left out. Set on
/// origins before those that comparisons with other programs use.
const POWER: f64 = 4.0;
const FARTHEST: f64 = 1.5;
/// How much less an origin counts than the one after it, half a horizon later: what is nearer to the end is more like what comes.
const FADES: f64 = 0.85;

/// What is learned of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    /// The methods and what each learned.
    pub models: Vec<Model>,
    /// The weight of each, summing to 1; empty where too little is known to tell: then the median is the answer.
    pub weights: Vec<f64>,
}

/// How past forecasts are made that weigh the methods.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// Steps ahead.
    pub horizon: usize,
    /// At most so many origins, half a horizon apart.
    pub origins: usize,
}

impl Combination {
    /// Fits the methods that suit the series; of several, forecasts from earlier origins say the weights: `error⁻⁴`, error being the mean
    /// absolute error over all origins and steps (Bates and Granger 1969 in spirit; a power above 2 lets the good ones lead on few
    /// origins). There is always an answer: the last season or value where nothing else can be fitted.
    pub fn fit(y: &[f64], season: usize, methods: &[Method], trial: Trial) -> Combination {
        let mut models: Vec<Model> = methods.iter().filter_map(|m| m.fit(y, season)).collect();
        // What explains so much must be in an answer.
        if models.iter().any(Model::has_season) && seasonal_strength(y, season).is_some_and(|s| s > STRONG) {
            models.retain(Model::has_season);
        }
        if models.is_empty() {
            models.push(if season > 1 && y.len() >= season {
                Model::SeasonalNaive
            } else {
                Model::LastValue
            });
        }
        if models.len() == 1 {
            return Combination { models, weights: vec![1.0] };
        }
        let errors = past_errors(y, season, &models, trial);
        let weights = weights(&errors);
        if weights.is_empty() {
            if models.iter().any(|model| !model.method().is_naive()) {
                models.retain(|model| !model.method().is_naive());
            }
            return Combination { models, weights };
        }
        let kept = models.into_iter().zip(weights).filter(|(_, weight)| *weight > 0.0);
        let (models, weights) = kept.unzip();
        Combination { models, weights }
    }

    /// The `horizon` steps after `y`; see [`Model::forecast`] for `same_start`.
    pub fn forecast(&self, y: &[f64], season: usize, horizon: usize, same_start: bool) -> Vec<f64> {
        let all: Vec<Vec<f64>> =
            self.models.iter().map(|model| model.forecast(y, season, horizon, same_start)).collect();
        let (least, most) =
            y.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
        // A model that left the numbers, or runs away from all that was ever seen, says nothing.
        let reach = 10.0 * (most - least) + f64::MIN_POSITIVE;
        let sane = |x: f64| x.is_finite() && x >= least - reach && x <= most + reach;
        let bound = bound(y);
        (0..horizon)
            .map(|h| {
                let answers = all.iter().map(|path| path[h]).enumerate().filter(|(_, x)| sane(*x));
                if self.weights.is_empty() {
                    let middle = median(answers.map(|(_, x)| x).collect());
                    return middle.unwrap_or_else(|| last(y)).max(bound);
                }
                let (sum, weight) =
                    answers.fold((0.0, 0.0), |(s, w), (i, x)| (s + self.weights[i] * x, w + self.weights[i]));
                if weight > 0.0 { sum / weight } else { last(y) }.max(bound)
            })
            .collect()
    }
}

fn last(y: &[f64]) -> f64 {
    naive::last_value(y, 1)[0]
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    (n > 0).then(|| 0.5 * (values[n / 2] + values[(n - 1) / 2]))
}

/// The mean absolute error of each model over earlier origins, the latest counting most; `NaN` where its form could not be fitted to what
/// came before one of them. Empty where there is no origin with two seasons and eight values before it.
///
/// The form stays as it is: to choose it anew from each origin costs ten times as much and says no more about its forecasts.
fn past_errors(y: &[f64], season: usize, models: &[Model], trial: Trial) -> Vec<f64> {
    let Trial { horizon, origins } = trial;
    let apart = (horizon / 2).max(1);
    let least = (2 * season).max(8).max(y.len() / 3);
    let starts =
        (0..origins).filter_map(|k| y.len().checked_sub(horizon + k * apart)).filter(|at| *at >= least);
    let starts: Vec<usize> = starts.collect();
    if starts.is_empty() {
        return Vec::new();
    }
    let error = |model: &Model| {
        let (mut sum, mut total, mut weight) = (0.0, 0.0, 1.0);
        for &at in &starts {
            let Some(fitted) = model.again(&y[..at], season) else { return f64::NAN };
            let ahead = fitted.forecast(&y[..at], season, horizon, true);
            let least = bound(&y[..at]);
            let apart = ahead.iter().zip(&y[at..]).map(|(a, b)| (a.max(least) - b).abs()).sum::<f64>();
            sum += weight * apart / horizon as f64;
            total += weight;
            weight *= FADES;
        }
        sum / total
    };
    models.iter().map(error).collect()
}

/// What a series that is never below 0 stays above.
fn bound(y: &[f64]) -> f64 {
    if y.iter().all(|x| *x >= 0.0) { 0.0 } else { f64::NEG_INFINITY }
}

/// Of the errors; all weight shared among those without any, where there are such.
fn weights(errors: &[f64]) -> Vec<f64> {
    let known = errors.iter().copied().filter(|e| e.is_finite());
    let Some(best) = known.min_by(f64::total_cmp) else { return Vec::new() };
    let weight = |&error: &f64| match error {
        error if !error.is_finite() || error > FARTHEST * best => 0.0,
        _ if best == 0.0 => 1.0,
        error => (best / error).powf(POWER),
    };
    let raw: Vec<f64> = errors.iter().map(weight).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|w| w / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIAL: Trial = Trial { horizon: 4, origins: 6 };

    #[test]
    fn every_series_gets_an_answer() {
        let rows: [&[f64]; 6] = [
            &[5.0],
            &[1.0, 2.0, 3.0, 4.0, 5.0],
            &[0.0; 30],
            &[7.5; 9],
            &[1e9, 1e9 + 1.0, 1e9],
            &[-1.0, 1.0, -1.0, 1.0],
        ];
        for y in rows {
            for season in [1, 4, 12] {
                let fitted = Combination::fit(y, season, &Method::ALL, TRIAL);
                let ahead = fitted.forecast(y, season, 6, true);
                assert!(ahead.iter().all(|x| x.is_finite()), "{y:?} {season} {ahead:?}");
            }
        }
        assert_eq!(
            Combination::fit(&[0.0; 30], 4, &Method::ALL, TRIAL).forecast(&[0.0; 30], 4, 2, true),
            [0.0, 0.0]
        );
    }

    #[test]
    fn what_is_never_below_0_is_not_forecast_there() {
        // Twelve more steps down the line would end below 0.
        let y: Vec<f64> =
            (0..40).map(|i| (200.0 - 5.0 * f64::from(i) + f64::from(i * 7 % 5)).max(0.0)).collect();
        let ahead = Combination::fit(&y, 1, &[Method::Ets, Method::Theta], TRIAL).forecast(&y, 1, 12, true);
        assert!(ahead.iter().all(|x| (0.0..20.0).contains(x)), "{ahead:?}");
        let less: Vec<f64> = y.iter().map(|x| x - 150.0).collect();
        let ahead =
            Combination::fit(&less, 1, &[Method::Ets, Method::Theta], TRIAL).forecast(&less, 1, 12, true);
        assert!(ahead.iter().all(|x| *x < -130.0), "{ahead:?}");
    }

    #[test]
    fn a_jump_is_followed_and_a_season_is_seen() {
        let jump: Vec<f64> = (0..60).map(|i| if i < 30 { 10.0 } else { 50.0 } + f64::from(i % 2)).collect();
        let ahead = Combination::fit(&jump, 1, &Method::ALL, TRIAL).forecast(&jump, 1, 4, true);
        assert!(ahead.iter().all(|x| (x - 50.5).abs() < 3.0), "{ahead:?}");
        let wave: Vec<f64> =
            (0..48).map(|i| 20.0 + 5.0 * f64::from(i % 4) + 0.1 * f64::from(i * 7 % 11)).collect();
        let ahead = Combination::fit(&wave, 4, &Method::ALL, TRIAL).forecast(&wave, 4, 4, true);
        assert!(ahead.iter().zip([20.5, 25.5, 30.5, 35.5]).all(|(a, b)| (a - b).abs() < 1.0), "{ahead:?}");
    }

    #[test]
    fn the_same_series_from_elsewhere_gives_about_the_same() {
        let y: Vec<f64> =
            (0..80).map(|i| 100.0 + f64::from(i) + 10.0 * f64::from(i % 4) + f64::from(i * i % 7)).collect();
        let fitted = Combination::fit(&y, 4, &Method::ALL, TRIAL);
        let (whole, part) = (fitted.forecast(&y, 4, 4, true), fitted.forecast(&y[20..], 4, 4, false));
        assert!(whole.iter().zip(&part).all(|(a, b)| (a - b).abs() < 4.0), "{whole:?} {part:?}");
    }
}

//! The Theta method: exponential smoothing of a series whose curvature is changed, beside its straight line.

use tidemill_kernel::nelder_mead::{Stop, minimise};

use super::Season;
use super::decompose::{is_seasonal, seasonal_indices};
use super::stl::{STRONG, seasonal_strength};

/// A Theta model of Fiorucci et al. (2016, "Models for optimising the theta method and their relationship to state space
/// models"); the season is taken off before (where it shows) and put back.
#[derive(Clone, Debug, PartialEq)]
pub struct Theta {
    /// Whether the line is that of what has come so far (DSTM, DOTM), rather than of all of the series (STM, OTM).
    pub dynamic: bool,
    /// How the season joins.
    pub season: Season,
    /// How many steps a season has.
    pub n_season: usize,
    /// How fast the level follows, the level before the first value, and theta.
    pub params: [f64; 3],
}

/// The series without its season, and the season.
fn split(y: &[f64], how: Season, season: usize) -> (Vec<f64>, Vec<f64>) {
    let places = seasonal_indices(y, season, how);
    let less = |(i, value): (usize, &f64)| match how {
        Season::None => *value,
        Season::Additive => value - places[i % places.len()],
        Season::Multiplicative => value / places[i % places.len()],
    };
    (y.iter().enumerate().map(less).collect(), places)
}

/// The least-squares line through steps 1 to n: where it is at step 0, and its gradient.
fn line(y: &[f64]) -> (f64, f64) {
    let n = y.len() as f64;
    let (mean, when) = (y.iter().sum::<f64>() / n, (n + 1.0) / 2.0);
    let top: f64 = y.iter().enumerate().map(|(i, v)| (i as f64 + 1.0 - when) * (v - mean)).sum();
    let gradient = if n > 1.0 { top / (n * (n * n - 1.0) / 12.0) } else { 0.0 };
    (mean - gradient * when, gradient)
}

/// Follows the series and goes on from its own expectations for `horizon` steps; gives the sum of squared one-step errors from the
/// fourth step on, and these expectations.
fn follow(y: &[f64], params: &[f64], dynamic: bool, horizon: usize) -> (f64, Vec<f64>) {
    let &[alpha, first, theta] = params else { return (f64::INFINITY, Vec::new()) };
    let weight = 1.0 - 1.0 / theta;
    let (mut at, mut gradient) = if dynamic { (0.0, 0.0) } else { line(y) };
    let (mut level, mut mean, mut power) = (first, 0.0, 1.0);
    let (mut squares, mut ahead) = (0.0, Vec::with_capacity(horizon));
    for step in 0..y.len() + horizon {
        let expected = level + weight * (power * at + (1.0 - power * (1.0 - alpha)) / alpha * gradient);
        let value = y.get(step).copied().unwrap_or_else(|| {
            ahead.push(expected);
            expected
        });
        if step >= 3 && step < y.len() {
            squares += (value - expected).powi(2);
        }
        level += alpha * (value - level);
        power *= 1.0 - alpha;
        if dynamic {
            let t = step as f64 + 1.0;
            gradient =
                if step == 0 { 0.0 } else { ((t - 2.0) * gradient + 6.0 * (value - mean) / t) / (t + 1.0) };
            mean += (value - mean) / t;
            at = mean - gradient * (t + 1.0) / 2.0;
        }
    }
    (squares, ahead)
}

impl Theta {
    /// The standard model: theta is 2, the line that of all of the series.
    pub fn standard(y: &[f64], season: usize) -> Option<Theta> {
        fitted(y, season, false, false).map(|(_, model)| model)
    }

    /// The `horizon` steps after `y`.
    pub fn forecast(&self, y: &[f64], horizon: usize) -> Vec<f64> {
        let (flat, places) = split(y, self.season, self.n_season);
        let (_, ahead) = follow(&flat, &self.params, self.dynamic, horizon);
        let back = |(h, value): (usize, f64)| {
            let place = places[(y.len() + h) % places.len()];
            match self.season {
                Season::None => value,
                Season::Additive => value + place,
                Season::Multiplicative => value * place,
            }
        };
        ahead.into_iter().enumerate().map(back).collect()
    }

    /// The same sort of model for a series that starts elsewhere.
    pub fn refit(&self, y: &[f64]) -> Theta {
        let (flat, _) = split(y, self.season, self.n_season);
        let (_, params) = search(&flat, self.dynamic, self.params[2] != 2.0, &self.params);
        Theta { params, ..self.clone() }
    }
}

fn search(flat: &[f64], dynamic: bool, optimise: bool, start: &[f64; 3]) -> (f64, [f64; 3]) {
    let whole = |x: &[f64]| [x[0], x[1], x.get(2).copied().unwrap_or(2.0)];
    let value = |x: &[f64]| {
        let params = whole(x);
        let sound = (0.1..=0.99).contains(&params[0]) && (1.0..1e10).contains(&params[2]);
        if sound { follow(flat, &params, dynamic, 0).0 } else { f64::INFINITY }
    };
    let free = if optimise { 3 } else { 2 };
    let step = [0.1, 0.1 * start[1].abs().max(1e-3), 0.5];
    let stop = Stop { evaluations: 150 * free, tolerance: 1e-8 };
    let found = minimise(value, &start[..free], &step[..free], stop);
    (found.value, whole(&found.point))
}

fn fitted(y: &[f64], season: usize, dynamic: bool, optimise: bool) -> Option<(f64, Theta)> {
    if y.len() < 4 {
        return None;
    }
    let mut how = Season::None;
    if is_seasonal(y, season) || seasonal_strength(y, season).is_some_and(|s| s > STRONG) {
        let places = seasonal_indices(y, season, Season::Multiplicative);
        let multiplies = y.iter().all(|x| *x > 0.0) && places.iter().all(|s| *s > 0.01);
        how = if multiplies { Season::Multiplicative } else { Season::Additive };
    }
    let (flat, _) = split(y, how, season);
    let (squares, params) = search(&flat, dynamic, optimise, &[0.5, flat[0] / 2.0, 2.0]);
    Some((squares, Theta { dynamic, season: how, n_season: season.max(1), params }))
}

/// The one of the four models (standard or optimised, of all of the series or dynamic) with the least one-step errors, as
/// `statsforecast`'s `AutoTheta`. `None` for fewer than 4 values.
pub fn automatic(y: &[f64], season: usize) -> Option<Theta> {
    let all = [(false, false), (false, true), (true, false), (true, true)];
    let models = all.into_iter().filter_map(|(dynamic, optimise)| fitted(y, season, dynamic, optimise));
    models.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, model)| model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_at_half_its_slope_or_more() {
        let y: Vec<f64> = (0..40).map(|i| 10.0 + f64::from(i)).collect();
        let ahead = automatic(&y, 1).unwrap().forecast(&y, 4);
        assert!(ahead.windows(2).all(|w| w[1] - w[0] > 0.4 && w[1] - w[0] < 1.1), "{ahead:?}");
    }

    #[test]
    fn a_constant_stays() {
        let ahead = automatic(&[5.0; 12], 4).unwrap().forecast(&[5.0; 12], 3);
        assert!(ahead.iter().all(|x| (x - 5.0).abs() < 1e-3), "{ahead:?}");
        assert_eq!(automatic(&[1.0, 2.0], 1), None);
    }
}

//! Smoothing of each place of the season by itself: for seasons too long for the models of exponential smoothing, and few of them.

use super::naive;

/// The weights of the latest season that are compared: from nearly the mean of all seasons to nearly the last season again.
const WEIGHTS: [f64; 8] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9];

/// The weight of the latest season whose forecasts one season ahead erred least, over all seasons but the first. `None` with less than
/// two seasons.
///
/// It is simple exponential smoothing for each place of the season, as `statsforecast`'s `SeasonalExponentialSmoothing` with the
/// weight found; the mean so far is weighed by what is known (`Σ(1−w)ʲ`), so no first value counts for more than it should.
pub fn automatic(y: &[f64], season: usize) -> Option<f64> {
    if season < 2 || y.len() < 2 * season {
        return None;
    }
    let errors = WEIGHTS.map(|weight| follow(y, season, weight).0);
    let best = (0..WEIGHTS.len()).min_by(|a, b| errors[*a].total_cmp(&errors[*b]))?;
    Some(WEIGHTS[best])
}

/// The `horizon` steps after `y`.
///
/// ```
/// use tidemill_learn::series::smoothing::forecast;
/// // The latest season counts half of what is known: (1·0.5 + 3·1) / 1.5.
/// let ahead = forecast(&[1.0, 10.0, 3.0, 10.0], 2, 0.5, 2);
/// assert!((ahead[0] - 7.0 / 3.0).abs() < 1e-12 && (ahead[1] - 10.0).abs() < 1e-12);
/// ```
pub fn forecast(y: &[f64], season: usize, weight: f64, horizon: usize) -> Vec<f64> {
    if season < 2 || y.len() < season {
        return naive::last_value(y, horizon);
    }
    let places = follow(y, season, weight).1;
    (0..horizon).map(|h| places[(y.len() + h) % season]).collect()
}

/// The sum of absolute errors one season ahead, and each place at the end.
fn follow(y: &[f64], season: usize, weight: f64) -> (f64, Vec<f64>) {
    let mut places = vec![0.0; season];
    let mut known = vec![0.0; season];
    let mut errors = 0.0;
    for (at, &value) in y.iter().enumerate() {
        let place = at % season;
        if at >= season {
            errors += (value - places[place]).abs();
        }
        known[place] = 1.0 + (1.0 - weight) * known[place];
        places[place] += (value - places[place]) / known[place];
    }
    (errors, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_averaged_and_a_change_is_followed() {
        let noisy: Vec<f64> =
            (0..80).map(|i| f64::from(i % 4) * 10.0 + f64::from(i * 7919 % 13) - 6.0).collect();
        let steps: Vec<f64> = (0..80).map(|i| f64::from(i % 4) + 20.0 * f64::from(i / 4)).collect();
        let (slow, quick) = (automatic(&noisy, 4), automatic(&steps, 4));
        assert!(slow.is_some_and(|w| w <= 0.1) && quick == Some(0.9), "{slow:?} {quick:?}");
        assert_eq!(automatic(&[1.0, 2.0, 3.0], 2), None);
        assert_eq!(forecast(&[5.0], 4, 0.3, 2), [5.0, 5.0]);
    }
}

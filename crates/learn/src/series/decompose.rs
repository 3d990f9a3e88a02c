//! Season by moving averages: the classical decomposition.

use super::Season;

/// The centred moving average over one season, `NaN` where its window leaves the series. Of an even season the two ends count half.
pub(super) fn moving_average(y: &[f64], season: usize) -> Vec<f64> {
    let half = season / 2;
    let mut smooth = vec![f64::NAN; y.len()];
    for (at, value) in smooth.iter_mut().enumerate().skip(half) {
        if at + half >= y.len() {
            break;
        }
        let window = &y[at - half..=at + half];
        let sum: f64 = window.iter().sum();
        let ends = if season.is_multiple_of(2) { 0.5 * (window[0] + window[season]) } else { 0.0 };
        *value = (sum - ends) / season as f64;
    }
    smooth
}

/// What each place of the season adds to the level (sums to 0), or multiplies it by (mean 1): as R's `decompose`. Needs two
/// whole seasons; a season of less is flat.
pub fn seasonal_indices(y: &[f64], season: usize, how: Season) -> Vec<f64> {
    let flat = if how == Season::Multiplicative { 1.0 } else { 0.0 };
    if how == Season::None || season < 2 || y.len() < 2 * season {
        return vec![flat; season.max(1)];
    }
    let trend = moving_average(y, season);
    let (mut sums, mut counts) = (vec![0.0; season], vec![0.0; season]);
    for (at, (&value, &trend)) in y.iter().zip(&trend).enumerate() {
        let apart = if how == Season::Multiplicative { value / trend } else { value - trend };
        if apart.is_finite() {
            sums[at % season] += apart;
            counts[at % season] += 1.0;
        }
    }
    let means: Vec<f64> =
        sums.iter().zip(&counts).map(|(s, &n)| if n > 0.0 { s / n } else { flat }).collect();
    let middle = means.iter().sum::<f64>() / season as f64;
    match how {
        Season::Multiplicative if middle != 0.0 => means.iter().map(|m| m / middle).collect(),
        _ => means.iter().map(|m| m - middle).collect(),
    }
}

/// Whether a season shows: the autocorrelation at its lag against what chance gives a series without one, at 90%, as Fiorucci et
/// al. (2016) test before the Theta method.
pub fn is_seasonal(y: &[f64], season: usize) -> bool {
    if season < 2 || y.len() < 2 * season.max(2) {
        return false;
    }
    let acf = tidemill_kernel::autocorrelation::acf(y, season);
    let spread: f64 = acf[1..season].iter().map(|r| r * r).sum();
    let limit = 1.645 * ((1.0 + 2.0 * spread) / y.len() as f64).sqrt();
    acf[season].abs() > limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found() {
        let pattern = [3.0, -1.0, -4.0, 2.0];
        let y: Vec<f64> = (0..24).map(|i| 50.0 + 0.5 * f64::from(i) + pattern[i as usize % 4]).collect();
        let found = seasonal_indices(&y, 4, Season::Additive);
        assert!(found.iter().zip(pattern).all(|(a, b)| (a - b).abs() < 1e-10), "{found:?}");
        assert!(is_seasonal(&y, 4));
        assert_eq!(seasonal_indices(&y[..7], 4, Season::Multiplicative), [1.0; 4]);
    }
}

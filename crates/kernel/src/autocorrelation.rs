//! Autocorrelation of a series, and the season that it reveals.

/// The autocorrelation of a series at lags 0 to `most`: the biased estimate, as in Box and Jenkins and in statsmodels' `acf`. Missing
/// values (`NaN`) are left out of every sum; each sum is still divided by the variation of all known values.
///
/// ```
/// let acf = tidemill_kernel::autocorrelation::acf(&[1.0, 2.0, 1.0, 2.0, 1.0, 2.0], 2);
/// assert_eq!(acf[0], 1.0);
/// assert!(acf[1] < -0.8 && acf[2] > 0.6);
/// ```
pub fn acf(series: &[f64], most: usize) -> Vec<f64> {
    let known = series.iter().filter(|x| !x.is_nan());
    let (sum, n) = known.clone().fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
    let mean = sum / n;
    let apart: Vec<f64> = series.iter().map(|x| if x.is_nan() { 0.0 } else { x - mean }).collect();
    let whole: f64 = apart.iter().map(|x| x * x).sum();
    let at = |lag: usize| {
        let later = apart.get(lag..).unwrap_or_default();
        let sum: f64 = apart.iter().zip(later).map(|(a, b)| a * b).sum();
        if whole > 0.0 { sum / whole } else { f64::from(u8::from(lag == 0)) }
    };
    (0..=most).map(at).collect()
}

/// The amount by which a season must stand out from what comes before it.
const CLEAR: f64 = 0.2;
/// If two seasons are about equally clear, the shorter one is the season and the longer one a multiple of it.
const NEAR: f64 = 0.85;
/// Below this share of the size of a series, what remains after removing its trend is rounding error.
const ROUNDING: f64 = 1e-12;

/// The season of a series, in steps from 2 to `most`: the lag of the highest peak in the autocorrelation of the detrended series, if the
/// step-to-step changes show it too (those of a random walk do not). `None` if no peak stands out, or if the series has fewer than two
/// seasons.
pub fn season(series: &[f64], most: usize) -> Option<usize> {
    let most = most.min(series.len().saturating_sub(1) / 2);
    if most < 2 {
        return None;
    }
    let changes: Vec<f64> = series.windows(2).map(|w| w[1] - w[0]).collect();
    let (levels, changes) = (acf(&without_trend(series)?, most + 1), acf(&changes, most));
    let chance = 4.0 / (series.len() as f64).sqrt();
    let mut lowest = levels[1];
    let mut peaks = Vec::new();
    for lag in 2..=most {
        let is_peak = levels[lag] >= levels[lag - 1] && levels[lag] > levels[lag + 1];
        let is_clear = levels[lag] > CLEAR.max(chance) && levels[lag] - lowest > CLEAR;
        if is_peak && is_clear && changes[lag] > chance {
            peaks.push(lag);
        }
        lowest = lowest.min(levels[lag]);
    }
    let highest = peaks.iter().map(|&lag| levels[lag]).fold(0.0, f64::max);
    peaks.into_iter().find(|&lag| levels[lag] >= NEAR * highest)
}

/// The series minus its least-squares line; `None` if only rounding error is left, or nothing is known.
fn without_trend(series: &[f64]) -> Option<Vec<f64>> {
    let known = || series.iter().enumerate().filter(|(_, x)| !x.is_nan()).map(|(i, &x)| (i as f64, x));
    let n = known().count() as f64;
    let (when, level) = known().fold((0.0, 0.0), |(t, y), (i, x)| (t + i / n, y + x / n));
    let spread: f64 = known().map(|(i, _)| (i - when).powi(2)).sum();
    let slope = known().map(|(i, x)| (i - when) * (x - level)).sum::<f64>() / spread;
    let apart: Vec<f64> =
        series.iter().enumerate().map(|(i, x)| x - level - slope * (i as f64 - when)).collect();
    let size = known().map(|(_, x)| x.abs()).fold(0.0, f64::max);
    let far = apart.iter().filter(|x| !x.is_nan()).fold(0.0, |far: f64, x| far.max(x.abs()));
    (far > ROUNDING * size).then_some(apart)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    fn wave(n: usize, season: usize, noise: f64) -> Vec<f64> {
        let mut random = Random::new(3, 0);
        let turn = |i: usize| (std::f64::consts::TAU * (i % season) as f64 / season as f64).sin();
        (0..n).map(|i| 10.0 + 0.01 * i as f64 + turn(i) + noise * random.normal()).collect()
    }

    #[test]
    fn the_season_is_found_under_trend_and_noise() {
        for season in [4, 7, 12, 24] {
            assert_eq!(super::season(&wave(40 * season, season, 0.1), 60), Some(season));
        }
    }

    #[test]
    fn noise_a_line_and_nothing_have_no_season() {
        let mut random = Random::new(1, 0);
        let noise: Vec<f64> = (0..500).map(|_| random.normal()).collect();
        assert_eq!(season(&noise, 100), None);
        assert_eq!(season(&(0..100).map(f64::from).collect::<Vec<_>>(), 50), None);
        assert_eq!(season(&[1.0; 50], 20), None);
        assert_eq!(season(&[], 20), None);
        assert_eq!(season(&wave(20, 12, 0.0), 60), None, "less than two seasons");
    }

    #[test]
    fn missing_values_are_left_out() {
        let whole = wave(200, 8, 0.0);
        let mut some = whole.clone();
        some[50] = f64::NAN;
        assert!((acf(&whole, 8)[8] - acf(&some, 8)[8]).abs() < 0.02);
    }
}

//! How many differences a series needs before it is stationary.

use super::super::stl;

/// Above this strength a season is differenced (Wang, Smith and Hyndman 2006; R's `nsdiffs`).
const STRONG: f64 = 0.64;
/// The 5% point of the KPSS statistic for a level (Kwiatkowski et al. 1992).
const KPSS_5: f64 = 0.463;

/// 1 where the season of the series is strong, else 0.
pub fn n_seasonal_differences(y: &[f64], season: usize) -> usize {
    let strength = stl::seasonal_strength(y, season);
    usize::from(strength.is_some_and(|s| s > STRONG))
}

/// How often neighbours are differenced, at most twice, until the KPSS test no longer refuses a level at 5% (R's `ndiffs`).
pub fn n_differences(y: &[f64]) -> usize {
    let mut left = y.to_vec();
    for n in 0..2 {
        if left.len() < 4 || kpss(&left) <= KPSS_5 {
            return n;
        }
        left = left.windows(2).map(|w| w[1] - w[0]).collect();
    }
    2
}

/// The KPSS statistic for a level, with Bartlett weights over `3·√n/13` lags; 0 for a constant.
pub(super) fn kpss(y: &[f64]) -> f64 {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    let apart: Vec<f64> = y.iter().map(|x| x - mean).collect();
    let far = apart.iter().fold(0.0f64, |far, x| far.max(x.abs()));
    if far <= 1e-12 * y.iter().fold(0.0f64, |far, x| far.max(x.abs())) {
        return 0.0;
    }
    let lags = (3.0 * n.sqrt() / 13.0).floor() as usize;
    let product = |lag: usize| apart.iter().zip(&apart[lag..]).map(|(a, b)| a * b).sum::<f64>() / n;
    let weight = |lag: usize| 1.0 - lag as f64 / (lags as f64 + 1.0);
    let long: f64 = product(0) + 2.0 * (1..=lags).map(|lag| weight(lag) * product(lag)).sum::<f64>();
    let (squares, _) = apart.iter().fold((0.0, 0.0), |(squares, sum), x| {
        let sum: f64 = sum + x;
        (squares + sum * sum, sum)
    });
    squares / (n * n) / long
}

//! Outliers of one column at a time: numbers beyond two bounds.

use arrow_array::Float64Array;

use super::Detect;
use crate::numbers::{MAD_TO_DEVIATION, finite, median, quantile, summary, variance};

/// Nothing finite lies outside.
const OPEN: [f64; 2] = [f64::MIN, f64::MAX];

/// The least and the greatest value that are no outliers; `None` where rows are judged as a whole.
pub(super) fn bounds(detect: Detect, threshold: Option<f64>, values: &Float64Array) -> Option<[f64; 2]> {
    let found = summary(values);
    let around = |middle: f64, spread: f64, times: f64| {
        if spread > 0.0 { [middle - times * spread, middle + times * spread] } else { OPEN }
    };
    if found.n == 0 {
        return Some(OPEN);
    }
    let mut all = finite(values);
    Some(match detect {
        Detect::Zscore => {
            let deviation = variance(values, found.n, found.mean).sqrt();
            around(found.mean, deviation, threshold.unwrap_or(3.0))
        }
        Detect::ModifiedZscore => {
            let middle = median(&mut all).unwrap_or(0.0);
            all.iter_mut().for_each(|x| *x = (*x - middle).abs());
            let mad = median(&mut all).unwrap_or(0.0);
            around(middle, MAD_TO_DEVIATION * mad, threshold.unwrap_or(3.5))
        }
        Detect::Iqr => {
            let (low, high) = (quantile(&mut all, 0.25), quantile(&mut all, 0.75));
            let beyond = threshold.unwrap_or(1.5) * (high - low);
            if high > low { [low - beyond, high + beyond] } else { OPEN }
        }
        Detect::Percentile => {
            let share = threshold.unwrap_or(1.0) / 100.0;
            [quantile(&mut all, share), quantile(&mut all, 1.0 - share)]
        }
        Detect::IsolationForest
        | Detect::LocalOutlierFactor
        | Detect::Mahalanobis
        | Detect::OneClassSvm
        | Detect::SeasonalResidual => {
            return None;
        }
    })
}

/// Whether a number is an outlier; a missing one is none.
pub(super) fn outside(x: f64, [low, high]: [f64; 2]) -> bool {
    x < low || x > high
}

//! The plainest forecasts, which every other must beat.

/// The last value, for every step.
pub fn last_value(y: &[f64], horizon: usize) -> Vec<f64> {
    vec![y.last().copied().unwrap_or(f64::NAN); horizon]
}

/// The value of the same place in the last season; of the last value where less than a season is known.
pub fn seasonal_naive(y: &[f64], season: usize, horizon: usize) -> Vec<f64> {
    if season < 2 || y.len() < season {
        return last_value(y, horizon);
    }
    let last = &y[y.len() - season..];
    (0..horizon).map(|i| last[i % season]).collect()
}

/// The last value, and from there on the mean change from step to step.
///
/// ```
/// assert_eq!(tidemill_learn::series::naive::drift(&[1.0, 4.0, 5.0], 2), [7.0, 9.0]);
/// ```
pub fn drift(y: &[f64], horizon: usize) -> Vec<f64> {
    let (Some(first), Some(last)) = (y.first(), y.last()) else { return last_value(y, horizon) };
    let gradient = if y.len() > 1 { (last - first) / (y.len() - 1) as f64 } else { 0.0 };
    (1..=horizon).map(|h| last + gradient * h as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_series_get_what_there_is() {
        assert_eq!(seasonal_naive(&[1.0, 2.0, 3.0], 2, 3), [2.0, 3.0, 2.0]);
        assert_eq!(seasonal_naive(&[1.0, 2.0, 3.0], 12, 2), [3.0, 3.0]);
        assert_eq!(drift(&[2.0], 2), [2.0, 2.0]);
        assert!(last_value(&[], 1)[0].is_nan());
    }
}

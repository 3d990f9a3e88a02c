//! The interval of a share (Wilson 1927).

/// The 95% interval of a share of `yes` out of `n`: never below 0 or above 1, and sensible for few votes. `None` for
/// none.
///
/// ```
/// let [low, high] = tidemill_eval::compare::wilson(83, 100).unwrap();
/// assert!((low - 0.7445).abs() < 1e-3 && (high - 0.8911).abs() < 1e-3);
/// ```
pub fn wilson(yes: u64, n: u64) -> Option<[f64; 2]> {
    (n > 0).then(|| wilson_share(yes as f64 / n as f64, n as f64))
}

/// The same of a share of `n` rows, where `n` is a weight above 0.
pub fn wilson_share(share: f64, n: f64) -> [f64; 2] {
    const Z: f64 = 1.959_963_984_540_054;
    let middle = share + Z * Z / (2.0 * n);
    let reach = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).max(0.0).sqrt();
    let scale = 1.0 + Z * Z / n;
    [((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0)]
}

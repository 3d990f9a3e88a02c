//! The standard normal distribution.

/// The number that a standard normal one stays below with probability `p` (Acklam 2003): within 1.2e-9 of its size of
/// `scipy.stats.norm.ppf`. Infinite for 0 and 1, `NaN` beyond.
///
/// ```
/// let limit = tidemill_kernel::normal::quantile(0.975);
/// assert!((limit - 1.959_963_984_540_054).abs() < 1e-8);
/// ```
pub fn quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
        1.0,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        0.007_784_695_709_041_462,
        0.322_467_129_070_039_8,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    let polynomial = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    };
    match p {
        0.0 => f64::NEG_INFINITY,
        1.0 => f64::INFINITY,
        p if p < 0.024_25 => tail(p),
        p if p > 1.0 - 0.024_25 => -tail(1.0 - p),
        p => {
            let q = p - 0.5;
            q * polynomial(&A, q * q) / polynomial(&B, q * q)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::quantile;

    /// scipy.stats.norm.ppf, SciPy 1.17.1.
    #[test]
    fn agrees_with_scipy() {
        let known = [
            (1e-07, -5.1993375821928165),
            (0.001, -3.090232306167813),
            (0.02, -2.053748910631823),
            (0.03, -1.880793608151251),
            (0.3, -0.5244005127080409),
            (0.5, 0.0),
            (0.8, 0.8416212335729143),
            (0.99, 2.3263478740408408),
            (0.9999, 3.719016485455709),
        ];
        for (p, wanted) in known {
            let found: f64 = quantile(p);
            assert!((found - wanted).abs() <= 2e-9 * f64::max(1.0, f64::abs(wanted)), "{p}: {found}");
        }
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(quantile(-0.1).is_nan());
    }
}

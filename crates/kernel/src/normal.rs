//! The standard normal distribution.

/// The value below which a standard normal number stays with probability `p` (Acklam 2003), to a relative accuracy of 1.2e-9 compared with
/// `scipy.stats.norm.ppf`. Infinite for 0 and 1, `NaN` outside.
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

/// The probability that a standard normal number is below `x` (Hart 1968, as given by West 2005): within 1e-14 of `scipy.stats.norm.cdf`.
/// `NaN` for `NaN`.
///
/// ```
/// assert!((tidemill_kernel::normal::cdf(1.959_963_984_540_054) - 0.975).abs() < 1e-14);
/// assert_eq!(tidemill_kernel::normal::cdf(f64::NEG_INFINITY), 0.0);
/// ```
pub fn cdf(x: f64) -> f64 {
    const A: [f64; 7] = [
        0.035_262_496_599_891_1,
        0.700_383_064_443_688,
        6.373_962_203_531_65,
        33.912_866_078_383,
        112.079_291_497_871,
        221.213_596_169_931,
        220.206_867_912_376,
    ];
    const B: [f64; 8] = [
        0.088_388_347_648_318_4,
        1.755_667_163_182_64,
        16.064_177_579_207,
        86.780_732_202_946_1,
        296.564_248_779_674,
        637.333_633_378_831,
        793.826_512_519_948,
        440.413_735_824_752,
    ];
    let size = x.abs();
    if size.is_nan() {
        return f64::NAN;
    }
    let polynomial = |coefficients: &[f64]| coefficients.iter().fold(0.0, |sum, c| sum * size + c);
    let density = (-0.5 * size * size).exp();
    let beyond = match size {
        37.0.. => 0.0,
        7.071_067_811_865_47.. => {
            let fraction = [4.0, 3.0, 2.0, 1.0].iter().fold(size + 0.65, |below, n| size + n / below);
            density / fraction / 2.506_628_274_631
        }
        _ => density * polynomial(&A) / polynomial(&B),
    };
    if x > 0.0 { 1.0 - beyond } else { beyond }
}

#[cfg(test)]
mod tests {
    use super::{cdf, quantile};

    /// scipy.stats.norm.cdf, SciPy 1.17.1.
    #[test]
    fn the_distribution_agrees_with_scipy() {
        let known = [
            (-8.0, 6.22096057427174e-16),
            (-6.5, 4.016000583859088e-11),
            (-3.2, 0.0006871379379158471),
            (-1.0, 0.15865525393145707),
            (-0.1, 0.460172162722971),
            (0.0, 0.5),
            (0.3, 0.6179114221889526),
            (1.5, 0.9331927987311419),
            (4.0, 0.9999683287581669),
            (7.5, 0.9999999999999681),
        ];
        for (x, wanted) in known {
            let found: f64 = cdf(x);
            assert!((found - wanted).abs() <= 5e-14 * f64::max(wanted, 1e-3), "{x}: {found}");
        }
        assert!(cdf(f64::NAN).is_nan() && cdf(f64::INFINITY) == 1.0);
    }

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

//! Quantiles of weighted values.

/// A value and its weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weighed {
    pub(crate) value: f64,
    pub(crate) weight: f64,
}

/// The least of these values, sorted by value, that brings the weight up to share `p` of all; `NaN` without any.
pub(crate) fn lower_quantile(sorted: &[Weighed], p: f64) -> f64 {
    quantile_place(sorted, p).map_or(f64::NAN, |(at, _)| sorted[at].value)
}

/// The middle of the two values between which share `p` of the weight ends exactly, else the one in which it ends
/// (scikit-learn's averaged weighted percentile); of plain rows and p = 0.5 the median. `NaN` without any.
pub(crate) fn averaged_quantile(sorted: &[Weighed], p: f64) -> f64 {
    let Some((at, exact)) = quantile_place(sorted, p) else { return f64::NAN };
    let above = sorted[at + 1..].iter().find(|w| w.weight > 0.0);
    match above {
        Some(above) if exact => 0.5 * (sorted[at].value + above.value),
        _ => sorted[at].value,
    }
}

/// The place where share `p` of the weight is reached, and whether it ends exactly there.
fn quantile_place(sorted: &[Weighed], p: f64) -> Option<(usize, bool)> {
    let total: f64 = sorted.iter().map(|w| w.weight).sum();
    let wanted = p * total;
    let mut below = 0.0;
    let mut place = None;
    for (at, w) in sorted.iter().enumerate().filter(|(_, w)| w.weight > 0.0) {
        below += w.weight;
        place = Some((at, false));
        // Sums of weights may miss the share by their rounding.
        if below >= wanted * (1.0 - 1e-12) {
            return Some((at, below <= wanted * (1.0 + 1e-12)));
        }
    }
    place
}

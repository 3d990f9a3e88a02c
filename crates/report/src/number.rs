//! Numbers as people write them.

/// Four figures that count; `–` where there is no number.
///
/// ```
/// use tidemill_report::number::short;
/// assert_eq!([short(0.98765), short(12.3456), short(1234567.0), short(0.0)], ["0.9877", "12.35", "1,234,567", "0"]);
/// ```
pub fn short(x: f64) -> String {
    if !x.is_finite() {
        return "–".into();
    }
    let size = x.abs();
    if size == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{x:.2e}").replace('e', " × 10^");
    }
    let digits = (3 - size.log10().floor() as i32).clamp(0, 8) as usize;
    grouped(&format!("{x:.digits$}"))
}

/// A share as a percentage with one decimal.
///
/// ```
/// assert_eq!(tidemill_report::number::percent(0.98765), "98.8%");
/// ```
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}%", 100.0 * share) } else { "–".into() }
}

/// A count, or a weight where it is no whole number.
///
/// ```
/// assert_eq!(tidemill_report::number::count(12345.0), "12,345");
/// ```
pub fn count(n: f64) -> String {
    match n {
        _ if !n.is_finite() => "–".into(),
        _ if n.fract() == 0.0 => grouped(&format!("{n:.0}")),
        _ => grouped(&format!("{n:.2}")),
    }
}

/// Commas between each three digits of the whole part.
pub(crate) fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("−", rest));
    let (whole, part) = rest.split_once('.').map_or((rest, None), |(whole, part)| (whole, Some(part)));
    let mut out = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(part) = part {
        out.push('.');
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_are_said_to_be_none() {
        assert_eq!([short(f64::NAN), percent(f64::NAN), count(f64::INFINITY)], ["–"; 3]);
    }

    #[test]
    fn signs_and_sizes() {
        assert_eq!(short(-12345.6), "−12,346");
        assert_eq!(short(0.00001), "1.00 × 10^-5");
        assert_eq!(count(2.5), "2.50");
        assert_eq!(count(1_000_000.0), "1,000,000");
    }
}

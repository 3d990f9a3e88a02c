//! Numbers formatted for people.

/// Four significant digits; `–` if it is not a number.
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
        let text = format!("{x:.2e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{digits} × 10{}", power.chars().map(raised).collect::<String>());
    }
    let digits = (3 - size.log10().floor() as i32).clamp(0, 8) as usize;
    grouped(&format!("{x:.digits$}"))
}

/// A share as a percentage with one decimal. A value close to 100% or 0% is never shown as exactly that.
///
/// ```
/// use tidemill_report::number::percent;
/// assert_eq!([percent(0.98765), percent(0.99999), percent(1.0)], ["98.8%", "> 99.9%", "100%"]);
/// ```
pub fn percent(share: f64) -> String {
    match share {
        s if !s.is_finite() => "–".into(),
        s if s > 0.9995 && s < 1.0 => "> 99.9%".into(),
        s if s > 0.0 && s < 0.0005 => "< 0.1%".into(),
        0.0 => "0%".into(),
        1.0 => "100%".into(),
        s => format!("{:.1}%", 100.0 * s).replace('-', "−"),
    }
}

/// A count, or a weight if it is not a whole number.
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

/// Like [`short`], without trailing zeros.
///
/// ```
/// use tidemill_report::number::bare;
/// assert_eq!([bare(172.0), bare(0.25), bare(2007.0)], ["172", "0.25", "2007"]);
/// ```
pub fn bare(x: f64) -> String {
    let text = short(x);
    match text.contains('.') && !text.contains('^') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// Adds a comma between groups of three digits of the integer part, from five digits on: a year gets no comma.
pub(crate) fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("−", rest));
    let (whole, part) = rest.split_once('.').map_or((rest, None), |(whole, part)| (whole, Some(part)));
    let few = whole.len() < 5;
    let mut out = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && !few && (whole.len() - i).is_multiple_of(3) {
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

/// A character of an exponent, as a superscript.
fn raised(c: char) -> char {
    match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        c => c.to_digit(10).and_then(|d| char::from_u32(0x2070 + d)).unwrap_or(c),
    }
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
        assert_eq!(short(0.00001), "1.00 × 10⁻⁵");
        assert_eq!(count(2.5), "2.50");
        assert_eq!(count(1_000_000.0), "1,000,000");
    }
}

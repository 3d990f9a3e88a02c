//! Amounts as people read them.

use tidemill_report::words::{Words, fill};
use tidemill_value::Money;
use tidemill_value::market::Spread;

/// Whole units with commas: `−12,345`.
pub(super) fn whole(x: f64) -> String {
    if !x.is_finite() {
        return "–".into();
    }
    let digits = format!("{:.0}", x.abs());
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if x < 0.0 && digits != "0" { format!("−{out}") } else { out }
}

/// An amount in whole units.
pub(super) fn money(amount: Money) -> String {
    whole(amount.units())
}

/// Three figures that count: `1.23 M`.
pub(super) fn brief(x: f64) -> String {
    let (unit, word) = match x.abs() {
        s if s >= 999.5e6 => (1e9, " bn"),
        s if s >= 999.5e3 => (1e6, " M"),
        s if s >= 9_999.5 => (1e3, " k"),
        _ => return if x.fract() == 0.0 || x.abs() >= 100.0 { whole(x) } else { format!("{x:.2}") },
    };
    let scaled = x / unit;
    let digits = match scaled.abs() {
        s if s >= 99.95 => 0,
        s if s >= 9.995 => 1,
        _ => 2,
    };
    format!("{scaled:.digits$}{word}").replace('-', "−")
}

/// `19.2 M (15.3 M to 24.1 M)`.
pub(super) fn spread(words: &Words, of: &Spread) -> String {
    let values: [(&str, &dyn std::fmt::Display); 3] =
        [("median", &brief(of.median)), ("low", &brief(of.low)), ("high", &brief(of.high))];
    fill(words.business.spread, &values)
}

/// `15.3 M to 24.1 M`.
pub(super) fn between(words: &Words, low: f64, high: f64) -> String {
    fill(words.business.between, &[("low", &brief(low)), ("high", &brief(high))])
}

/// A share as a percentage with one decimal.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share).replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        assert_eq!(
            [brief(12.0), brief(0.057), brief(19_234.0), brief(-1_234_567.0)],
            ["12", "0.06", "19.2 k", "−1.23 M"]
        );
        assert_eq!([whole(-1234.4), whole(-0.2), whole(999.6)], ["−1,234", "0", "1,000"]);
    }
}

//! Quantities in several units of one dimension, the greatest first: `5'11"`, `5 ft 11 in`, `7 lb 3 oz`, `1m75`.

use super::number::plain_number;
use super::units::factor;

/// The unit of a last number that has none.
const NEXT: [(&str, &str); 5] = [("'", "in"), ("′", "in"), ("ft", "in"), ("m", "cm"), ("lb", "oz")];
/// A weight of people: alone, `st` is the ending of `1st`.
const STONE: f64 = 6.350_293_18;

/// The sum of a quantity's parts in `base`; `None` for fewer than two parts.
pub(super) fn parts(text: &str, base: &str) -> Option<f64> {
    let found = split(text)?;
    found.iter().try_fold(0.0, |sum, (number, unit)| Some(sum + number * of(unit, base)?))
}

/// The least unit of a quantity in parts, which is the one to convert to.
pub(crate) fn least_part(text: &str) -> Option<String> {
    let unit = split(text)?.pop()?.1;
    Some(if matches!(unit.as_str(), "\"" | "″") { "in".into() } else { unit })
}

fn of(unit: &str, base: &str) -> Option<f64> {
    if unit == "st" { Some(STONE * factor("kg", base)?) } else { factor(unit, base) }
}

/// Numbers with their units, where each unit is greater than the next; all but the last number are whole.
fn split(text: &str) -> Option<Vec<(f64, String)>> {
    let mut found: Vec<(f64, String)> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let after = after.trim_start();
        let mut unit = &after[..after.find(|c: char| !is_of_unit(c)).unwrap_or(after.len())];
        // The sign of feet is one character; behind it the next number begins.
        if unit.starts_with(['\'', '"']) && unit != "''" {
            unit = &unit[..1];
        }
        let name = match (unit.to_lowercase().as_str(), found.last()) {
            ("", Some((_, before))) => NEXT.iter().find(|(unit, _)| unit == before)?.1.to_string(),
            ("''" | "”", _) => "\"".into(),
            ("’", _) => "'".into(),
            (unit, _) => unit.to_string(),
        };
        // In `7'000` the sign stands between groups of digits.
        let digits = number.find('.').unwrap_or(number.len());
        let number = plain_number(number)?;
        if let Some((whole, before)) = found.last()
            && (whole.fract() != 0.0
                || (unit.is_empty() && digits > 2)
                || number + 1e-9 >= of(before, &name)?
                || of(before, &name)? <= 1.0)
        {
            return None;
        }
        found.push((number, name));
        rest = after[unit.len()..].trim_start_matches([' ', ',', '-', '.']);
    }
    (found.len() > 1).then_some(found)
}

fn is_of_unit(c: char) -> bool {
    c.is_alphabetic() || "'\"′″’”".contains(c)
}

#[cfg(test)]
mod tests {
    use super::{least_part, parts};

    /// By the international foot (0.3048 m), pound (0.45359237 kg) and stone (14 pounds).
    #[test]
    fn parts_are_summed_in_one_unit() {
        for (text, base, wanted) in [
            ("5'11\"", "in", Some(71.0)),
            ("5' 11\"", "in", Some(71.0)),
            ("6'0", "in", Some(72.0)),
            ("5′11″", "in", Some(71.0)),
            ("5’11”", "in", Some(71.0)),
            ("5'11''", "in", Some(71.0)),
            ("5 ft 11.5 in", "in", Some(71.5)),
            ("5ft11", "in", Some(71.0)),
            ("5 ft. 11 in.", "ft", Some(71.0 / 12.0)),
            ("7 lb 3 oz", "oz", Some(115.0)),
            ("7lbs, 3oz", "oz", Some(115.0)),
            ("11 st 4 lb", "lb", Some(158.0)),
            ("1m75", "cm", Some(175.0)),
            ("1 m 5 cm", "cm", Some(105.0)),
            ("2 kg 350 g", "g", Some(2350.0)),
            ("11\" 5'", "in", None),
            ("5.5' 3\"", "in", None),
            ("5'11\"", "kg", None),
            ("7'000.5", "in", None),
            ("1'234'567", "in", None),
            ("5'12\"", "in", None),
            ("5'", "in", None),
            ("5 11", "in", None),
            ("3 lb 2 in", "in", None),
            ("", "in", None),
        ] {
            let found = parts(text, base);
            let near = match (found, wanted) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                (a, b) => a == b,
            };
            assert!(near, "{text}: {found:?}");
        }
        assert_eq!(least_part("5'11").as_deref(), Some("in"));
        assert_eq!(least_part("7 lb 3 oz").as_deref(), Some("oz"));
        assert_eq!(least_part("7 lb"), None);
    }
}

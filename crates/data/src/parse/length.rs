//! Lengths of time in words: of pandas (`1 day 02:03:04`), of ISO 8601 (`P1DT2H30M`), and as people write them (`2h 30m`).

use super::number::plain_number;

/// Seconds of the parts of a length.
const PARTS: [(&[&str], f64); 4] = [
    (&["d", "day", "days"], 86_400.0),
    (&["h", "hr", "hrs", "hour", "hours", "std"], 3600.0),
    (&["m", "min", "mins", "minute", "minutes"], 60.0),
    (&["s", "sec", "secs", "second", "seconds", "sek"], 1.0),
];

/// Whether a text is a length that no number with a unit could be: of several parts.
pub(crate) fn has_parts(text: &str) -> bool {
    // `7h30`: no unit stands alone between two numbers.
    let french = text.split_once('h').is_some_and(|(hours, minutes)| {
        let digits = |t: &str| (1..=2).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
        digits(hours) && digits(minutes) && minutes.len() == 2
    });
    if french {
        return true;
    }
    let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).count();
    (words > 1 || text.contains(':')) && length(text.trim_start_matches(['-', '+'])).is_some()
}

/// The seconds of a length in words, the greatest part first and each once. Behind the days of a negative length, pandas adds the clock:
/// without its sign, `-1 days +22:00:00` is a day less 22 hours.
pub(in crate::parse) fn length(text: &str) -> Option<f64> {
    if let Some(parts) = text.strip_prefix('P') {
        let (days, clock) = parts.split_once('T').unwrap_or((parts, ""));
        let sound = !parts.is_empty() && (days.is_empty() || days.ends_with('D'));
        return sum(&format!("{days}{clock}"), !days.is_empty()).filter(|_| sound).map(|found| found.0);
    }
    // Of pandas: the clock follows the days.
    if let Some(colon) = text.find(':') {
        let (days, clock) = text.split_at(text[..colon].rfind(' ')?);
        let days = sum(days.trim_start(), true).filter(|(_, n)| *n == 1 && days.contains("day"))?.0;
        let (added, clock) = (clock.trim().starts_with('+'), clock.trim().trim_start_matches('+'));
        return super::number::clock(clock, false).map(|x| if added { days - x } else { days + x });
    }
    sum(text, true).map(|found| found.0)
}

/// The sum of numbers with their units, and how many there are; `days` says that days may be among them.
fn sum(text: &str, days: bool) -> Option<(f64, usize)> {
    let (mut rest, mut total, mut next, mut n) = (text.trim(), 0.0, usize::from(!days), 0);
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(unit);
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let word = after[..end].to_lowercase();
        let part =
            PARTS.iter().position(|(words, _)| words.contains(&word.as_str())).filter(|at| *at >= next)?;
        total += plain_number(number)? * PARTS[part].1;
        (rest, next, n) = (after[end..].trim_start_matches([' ', ',', '.']), part + 1, n + 1);
    }
    (n > 0).then_some((total, n))
}

#[cfg(test)]
mod tests {
    use super::{has_parts, length};

    /// The seconds by pandas' `Timedelta`.
    #[test]
    fn lengths_in_words_are_seconds() {
        for (text, wanted) in [
            ("1 day 02:03:04", Some(93_784.0)),
            ("0 days 05:00:00", Some(18_000.0)),
            ("3 days 00:00:00.5", Some(259_200.5)),
            ("P1DT2H30M", Some(95_400.0)),
            ("PT45M", Some(2700.0)),
            ("PT1.5S", Some(1.5)),
            ("2h 30m", Some(9000.0)),
            ("1h30min", Some(5400.0)),
            ("1 hour, 5 minutes", Some(3900.0)),
            ("2d 3h", Some(183_600.0)),
            ("1 days +22:00:00", Some(7200.0)),
            ("45m", Some(2700.0)),
            ("30m 2h", None),
            ("2h 30", None),
            ("P", None),
            ("PT", None),
            ("5 apples 3 pears", None),
            ("a 02:03:04", None),
        ] {
            assert_eq!(length(text), wanted, "{text}");
        }
        assert!(
            has_parts("-1 days +22:00:00") && has_parts("PT45M") && !has_parts("45m") && !has_parts("1:30")
        );
    }
}

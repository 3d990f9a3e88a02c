//! Days of the Gregorian calendar, and how their parts are written.

pub(super) const DAY: i64 = 86_400_000_000;
pub(super) const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Four digits, perhaps with `.0` behind them, as a table of numbers writes years.
pub(super) fn written_year(text: &str) -> Option<i64> {
    let digits = text.strip_suffix(".0").unwrap_or(text);
    number(digits.as_bytes()).filter(|year| digits.len() == 4 && *year > 0)
}

/// The first day of a quarter.
pub(super) fn quarter(text: &str) -> Option<i64> {
    let folded = text.to_ascii_uppercase();
    let (before, after) = folded.split_once('Q')?;
    let trimmed = |part: &str| part.trim_matches([' ', '-', '/', '_', '.']).to_string();
    let (before, after) = (trimmed(before), trimmed(after));
    let (year, quarter) = match (before.as_str(), after.as_str()) {
        ("", both) => both.split_at_checked(1).map(|(quarter, year)| (trimmed(year), quarter.to_string()))?,
        (year, quarter) => (year.to_string(), quarter.to_string()),
    };
    let quarter = number(quarter.as_bytes()).filter(|q| (1..=4).contains(q))?;
    Some(days(written_year(&year)?, 3 * quarter - 2, 1)? * DAY)
}

/// Digits alone, at most nine of them.
pub(super) fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

/// Days since 1970 of a date of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
pub(super) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || !(1..=9999).contains(&year) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

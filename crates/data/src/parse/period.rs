//! Periods of the calendar as statistics write them, each as its first day.

use super::date::{DAY, MONTHS, days, number, quarter, written_year};
use super::months;

/// The first moment of a period: a month (`Jan 2018`, `Jan-18`, `01/2018`, `2018M01`, `201801`, `2018年1月`), an ISO week (`2019-W02`), a half (`1995-H1`,
/// `H2 1996`), a quarter (`Q3-23`, `3Q23`, `1970 Q1`) or a year that is named with another one or as fiscal (`1970/71`, `FY1970`: by the
/// year in which it begins, and by the name it has).
pub(super) fn period(text: &str) -> Option<i64> {
    let folded = text.trim().to_ascii_uppercase();
    let parts = runs(&folded);
    let month = |name: &str| {
        let begins = |known: &&str| name.len() >= 3 && known.eq_ignore_ascii_case(&name[..3]);
        let short = || (name.is_ascii() && name.len() <= 9).then(|| MONTHS.iter().position(begins)).flatten();
        months::month(name).map(|month| month as usize - 1).or_else(short)
    };
    let of_month = |year: &str, month: i64| Some(days(of_year(year)?, month, 1)? * DAY);
    match parts.as_slice() {
        [name, year] if month(name).is_some() => of_month(year, month(name)? as i64 + 1),
        [year, name] if month(name).is_some() => of_month(year, month(name)? as i64 + 1),
        [m, year] if m.len() <= 2 && year.len() == 4 && folded.contains(['/', '.', '-']) => {
            of_month(year, number(m.as_bytes())?)
        }
        [year, "M", m] | [year, "年", m, "月"] => of_month(year, number(m.as_bytes())?),
        [both] if both.len() == 6 => of_month(both.get(..4)?, number(both.get(4..)?.as_bytes())?),
        [year, "W", week] => week_of(of_year(year)?, number(week.as_bytes())?),
        [year, "H", half] | ["H", half, year] => {
            let half = number(half.as_bytes()).filter(|half| (1..=2).contains(half))?;
            of_month(year, 6 * half - 5)
        }
        [year, "Q", q] if year.len() >= 2 => of_quarter(year, q),
        ["Q", q, year] | [q, "Q", year] => of_quarter(year, q),
        ["FY", year] => of_month(year, 1),
        [year, next] if year.len() == 4 && next.len() == 2 && folded.contains('/') => {
            let (year, next) = (number(year.as_bytes())?, number(next.as_bytes())?);
            ((year + 1) % 100 == next).then(|| days(year, 1, 1)).flatten().map(|day| day * DAY)
        }
        _ => quarter(text),
    }
}

fn of_quarter(year: &str, q: &str) -> Option<i64> {
    let q = number(q.as_bytes()).filter(|q| (1..=4).contains(q))?;
    Some(days(of_year(year)?, 3 * q - 2, 1)? * DAY)
}

/// A year of four digits, or of two in this century up to 69.
fn of_year(text: &str) -> Option<i64> {
    match text.len() {
        2 => number(text.as_bytes()).map(|year| year + if year < 70 { 2000 } else { 1900 }),
        _ => written_year(text),
    }
}

/// The Monday of an ISO week: week 1 is the one with 4 January (ISO 8601).
pub(super) fn week_of(year: i64, week: i64) -> Option<i64> {
    let fourth = days(year, 1, 4)?;
    let monday = fourth - (fourth + 3).rem_euclid(7);
    let first_of_next = days(year + 1, 1, 4)?;
    let next = first_of_next - (first_of_next + 3).rem_euclid(7);
    let found = monday + 7 * (week - 1);
    (week >= 1 && found < next).then_some(found * DAY)
}

/// Runs of letters and of digits; what stands between is left out.
fn runs(text: &str) -> Vec<&str> {
    let sort = |c: char| match c {
        '0'..='9' => 1,
        c if c.is_alphabetic() => 2,
        _ => 0,
    };
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        let before = text[start..at].chars().next().map(sort);
        if before.is_some_and(|before| before != sort(c)) {
            parts.push(&text[start..at]);
            start = at;
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| part.chars().next().is_some_and(|c| sort(c) != 0));
    parts
}

#[cfg(test)]
mod tests {
    use super::period;
    use crate::parse::write_iso;

    /// The first days by Python's `datetime.date.fromisocalendar` and pandas' `Period(...).start_time`.
    #[test]
    fn periods_begin_on_their_first_day() {
        for (text, day) in [
            ("Jan 2018", "2018-01-01"),
            ("December 2019", "2019-12-01"),
            ("Jan-18", "2018-01-01"),
            ("sep-99", "1999-09-01"),
            ("01/2018", "2018-01-01"),
            ("12.2018", "2018-12-01"),
            ("2018M01", "2018-01-01"),
            ("2019-W02", "2019-01-07"),
            ("2020W53", "2020-12-28"),
            ("1995-H2", "1995-07-01"),
            ("H1 1995", "1995-01-01"),
            ("Q3-23", "2023-07-01"),
            ("3Q23", "2023-07-01"),
            ("1970 Q2", "1970-04-01"),
            ("1970/71", "1970-01-01"),
            ("1999/00", "1999-01-01"),
            ("FY1970", "1970-01-01"),
            ("201601", "2016-01-01"),
            ("2016年11月", "2016-11-01"),
            ("März 2018", "2018-03-01"),
            ("août 2018", "2018-08-01"),
        ] {
            let found = period(text).map(write_iso).unwrap_or_default();
            assert!(found.starts_with(day), "{text}: {found}");
        }
        for none in [
            "", "Jan", "2018", "13/2018", "2019-W53", "1970/73", "Q5 2020", "H3 2020", "5 apples", "7/8",
            "May", "201613", "2016011",
        ] {
            assert_eq!(period(none), None, "{none}");
        }
    }
}

//! Timestamps as people write them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clock::{clock, with_colons};
use super::date::{DAY, days, number, quarter, written_year};
use super::months;
use super::period::{period, week_of};

/// How timestamps are written. All are read to microseconds since 1970 in UTC; a timestamp without a zone is taken as UTC, a date as
/// its midnight. Years of two digits mean 1969 to 2068, as in POSIX.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// `2024-05-31`, `2024-05-31T10:00:00.5+02:00`, `2024-05-31 10:00`, `2024-W22-5`.
    #[default]
    Iso,
    /// Year, month, day in any dress: `2024/5/31`, `2024.05.31 10:00`, `2024 May 31`, `2024年5月31日`, `2024-05`.
    YearFirst,
    /// Day, month, year: `31.5.2024`, `31/05/24 10:00`, `31 May 2024`, `31. Mai 2024`, `Fri, 31 May 2024 10:00:00 +0200`.
    DayFirst,
    /// Month, day, year: `5/31/2024 1:30 PM`, `May 31, 2024`.
    MonthFirst,
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMillis,
    /// Microseconds since 1970.
    UnixMicros,
    /// Nanoseconds since 1970.
    UnixNanos,
    /// Days as Excel counts them, with the time of day behind the point: 45292 is 2024-01-01.
    ExcelDays,
    /// The year alone: `1970`.
    Year,
    /// A quarter of a year: `1970 Q1`, `1970-Q1`, `1970Q1`, `Q1 1970`.
    Quarter,
    /// A period of the calendar, as its first day: `Jan 2018`, `01/2018`, `2018M01`, `2019-W02`, `1995-H1`, `3Q23`, `1970/71`, `FY1970`.
    Period,
    /// A strftime pattern such as `%Y%m%d`.
    Pattern(String),
}

/// 1970-01-01 as Excel counts days.
const EXCEL_1970: f64 = 25_569.0;
/// 1900-03-01: Excel counts a 29 February 1900 that never was, so that days before it are one off.
const EXCEL_SURE: f64 = 61.0;

impl TimeFormat {
    /// Reads the word of a recipe.
    pub(crate) fn of_word(text: &str) -> Result<Self, String> {
        Ok(match text.trim() {
            "iso" | "plain" | "" => TimeFormat::Iso,
            "year_first" => TimeFormat::YearFirst,
            "day_first" => TimeFormat::DayFirst,
            "month_first" => TimeFormat::MonthFirst,
            "unix_seconds" => TimeFormat::UnixSeconds,
            "unix_millis" => TimeFormat::UnixMillis,
            "unix_micros" => TimeFormat::UnixMicros,
            "unix_nanos" => TimeFormat::UnixNanos,
            "excel_days" => TimeFormat::ExcelDays,
            "year" => TimeFormat::Year,
            "quarter" => TimeFormat::Quarter,
            "period" => TimeFormat::Period,
            pattern if pattern.contains('%') => TimeFormat::Pattern(pattern.into()),
            other => {
                return Err(format!(
                    "'{other}' is not a way to write a time; use day_first, month_first, year_first, iso, year, quarter, period, unix_seconds, \
                     unix_millis, unix_micros, unix_nanos, excel_days or a strftime pattern such as %d.%m.%Y"
                ));
            }
        })
    }

    /// The timestamp that a cell says, in microseconds since 1970 (UTC); `None` when it says none in this format.
    ///
    /// ```
    /// use tidemill_data::parse::TimeFormat;
    /// assert_eq!(TimeFormat::DayFirst.parse("2.1.1970"), Some(86_400_000_000));
    /// assert_eq!(TimeFormat::Iso.parse("1970-01-01T01:00:00+01:00"), Some(0));
    /// assert_eq!(TimeFormat::Iso.parse("1970-02-30"), None);
    /// ```
    pub fn parse(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        match self {
            TimeFormat::Iso => iso(text),
            TimeFormat::YearFirst => any(text, Order::Year),
            TimeFormat::DayFirst => any(text, Order::Day),
            TimeFormat::MonthFirst => any(text, Order::Month),
            TimeFormat::UnixSeconds => self.of_number(super::plain_number(text)?),
            TimeFormat::UnixMillis | TimeFormat::ExcelDays => self.of_number(super::plain_number(text)?),
            // A float does not keep all digits of these.
            TimeFormat::UnixMicros | TimeFormat::UnixNanos => {
                let finer = if *self == TimeFormat::UnixNanos { 1000 } else { 1 };
                let whole = text
                    .parse::<i64>()
                    .ok()
                    .map(|n| n.div_euclid(finer))
                    .filter(|n| is_in_calendar(*n as f64));
                whole.or_else(|| self.of_number(super::plain_number(text)?))
            }
            TimeFormat::Year => written_year(text).and_then(|year| Some(days(year, 1, 1)? * DAY)),
            TimeFormat::Quarter => quarter(text),
            TimeFormat::Period => period(text),
            TimeFormat::Pattern(pattern) => by_pattern(pattern, text),
        }
    }

    /// The timestamp that a number says: only the unix formats and the days of Excel read numbers.
    pub fn of_number(&self, x: f64) -> Option<i64> {
        let scale = match self {
            TimeFormat::UnixSeconds => 1e6,
            TimeFormat::UnixMillis => 1e3,
            TimeFormat::UnixMicros => 1.0,
            TimeFormat::UnixNanos => 1e-3,
            // A day that Excel counts has about as many digits as its milliseconds need.
            TimeFormat::ExcelDays if x >= EXCEL_SURE => {
                let millis = ((x - EXCEL_1970) * 86_400e3).round();
                return is_in_calendar(millis * 1e3).then_some(millis as i64 * 1000);
            }
            _ => return None,
        };
        let micros = (x * scale).round();
        is_in_calendar(micros).then_some(micros as i64)
    }
}

/// Whether a moment is of the years 1 to 9999.
fn is_in_calendar(micros: f64) -> bool {
    (-62_135_596_800e6..253_402_300_800e6).contains(&micros)
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeFormat::Iso => "",
            TimeFormat::YearFirst => "year_first",
            TimeFormat::DayFirst => "day_first",
            TimeFormat::MonthFirst => "month_first",
            TimeFormat::UnixSeconds => "unix_seconds",
            TimeFormat::UnixMillis => "unix_millis",
            TimeFormat::UnixMicros => "unix_micros",
            TimeFormat::UnixNanos => "unix_nanos",
            TimeFormat::ExcelDays => "excel_days",
            TimeFormat::Year => "year",
            TimeFormat::Quarter => "quarter",
            TimeFormat::Period => "period",
            TimeFormat::Pattern(pattern) => pattern,
        })
    }
}

/// A timestamp as ISO 8601 in UTC, with as many decimals as it needs: `2024-05-31T10:00:00Z`.
///
/// ```
/// assert_eq!(tidemill_data::parse::write_iso(0), "1970-01-01T00:00:00Z");
/// assert_eq!(tidemill_data::parse::write_iso(253_402_214_400_000_000), "9999-12-31T00:00:00Z");
/// ```
pub fn write_iso(micros: i64) -> String {
    let last_day = || {
        // A timestamp ends a day before the calendar does, so that it can be shown in every zone.
        let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
        epoch.checked_add(jiff::SignedDuration::from_micros(micros)).map(|time| format!("{time}Z"))
    };
    let exact = jiff::Timestamp::from_microsecond(micros).map(|t| t.to_string());
    exact.or_else(|_| last_day()).unwrap_or_else(|_| micros.to_string())
}

fn by_pattern(pattern: &str, text: &str) -> Option<i64> {
    let parsed = jiff::fmt::strtime::parse(pattern, text).ok()?;
    if parsed.offset().is_some() {
        return parsed.to_timestamp().ok().map(|t| t.as_microsecond());
    }
    let first = || {
        // A pattern without a day means the first of the month, without a month the first of the year.
        let (year, month) = (parsed.year()?, parsed.month().unwrap_or(1));
        let told = parsed.day().is_none() && parsed.day_of_year().is_none();
        told.then(|| jiff::civil::Date::new(year, month, 1).ok()).flatten()
    };
    let midnight = |date: jiff::civil::Date| date.to_datetime(jiff::civil::Time::midnight());
    let moment = parsed.to_datetime().ok().or_else(|| parsed.to_date().ok().or_else(first).map(midnight))?;
    jiff::tz::Offset::UTC.to_timestamp(moment).ok().map(|t| t.as_microsecond())
}

/// `YYYY-MM-DD` or `YYYY-Www-D`, then perhaps `T` or a space and a clock; or both without signs between: `20240531T103000Z`.
fn iso(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    if b.len() >= 13 && b[8] == b'T' {
        let date = days(number(&b[..4])?, number(&b[4..6])?, number(&b[6..8])?)?;
        return Some(date * DAY + clock(&with_colons(text.get(9..)?)?)?);
    }
    if b.len() < 10 || b[4] != b'-' {
        return None;
    }
    let year = number(&b[..4])?;
    let date = match (b[5], b[7], b[8]) {
        (b'W', _, b'-') => {
            let day = number(&b[9..10]).filter(|day| (1..=7).contains(day))?;
            week_of(year, number(&b[6..8])?)? + (day - 1) * DAY
        }
        (_, b'-', _) => days(year, number(&b[5..7])?, number(&b[8..10])?)? * DAY,
        _ => return None,
    };
    match b.get(10) {
        None => Some(date),
        Some(b'T' | b't' | b' ') => Some(date + clock(text.get(11..)?)?),
        Some(_) => None,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Year,
    Day,
    Month,
}

/// Three parts of a date in this order, months in digits or by name, then perhaps a clock; the day of the week may stand before them.
fn any(text: &str, order: Order) -> Option<i64> {
    if let Some((clock, date)) = clock_before(text) {
        return any(&format!("{date} {clock}"), order);
    }
    let joined = match order {
        _ if text.contains(" de ") => Some(text.replace(" de ", " ")),
        // Of pictures (Exif): `2024:05:31 10:30:00`.
        Order::Year if matches!(text.as_bytes(), [_, _, _, _, b':', _, _, b':', ..]) => {
            Some(text.replacen(':', "-", 2))
        }
        _ if text.ends_with("г.") => Some(text.trim_end_matches("г.").trim_end().into()),
        Order::Month => with_year_before_clock(text),
        _ => None,
    };
    let text = joined.as_deref().unwrap_or(text);
    let (first, rest) = part(months::without_weekday(text))?;
    let (second, rest) = part(rest)?;
    let (third, rest) = match part(rest) {
        Some(found) => found,
        None if order == Order::Year && rest.is_empty() && first.len() == 4 => ("1", rest),
        None => return None,
    };
    let (year, month, day) = match order {
        Order::Year => (first, second, third),
        Order::Day => (third, second, first),
        Order::Month => (third, first, second),
    };
    if order == Order::Year && year.len() != 4 {
        return None;
    }
    let date = days(year_of(year)?, month_of(month)?, number(day.as_bytes()).filter(|_| day.len() <= 2)?)?;
    match rest.trim_start_matches(['T', 't', ',', ' ', ':']) {
        "" => Some(date * DAY),
        time => Some(date * DAY + clock(time)?),
    }
}

/// The clock that stands before a date, and the date: `10:30 31.05.2024`, `1:30 PM, 5/31/2024`.
fn clock_before(text: &str) -> Option<(&str, &str)> {
    let hour = text.bytes().take(3).take_while(u8::is_ascii_digit).count();
    if hour == 0 || text.as_bytes().get(hour) != Some(&b':') {
        return None;
    }
    let half = |t: &str| ["AM", "PM"].iter().any(|half| half.eq_ignore_ascii_case(t));
    let (face, rest) = text.split_once(' ')?;
    let end = rest
        .split([' ', ','])
        .next()
        .filter(|word| half(word))
        .map_or(face.len(), |word| face.len() + 1 + word.len());
    let date = text[end..].trim_start_matches([',', ' ']);
    (!date.contains(':')).then(|| (text[..end].trim_end_matches(','), date))
}

/// `Wed Oct 10 20:19:24 +0000 2018`, as Unix writes it, with the year before the clock.
fn with_year_before_clock(text: &str) -> Option<String> {
    let (rest, year) =
        text.rsplit_once(' ').filter(|(_, year)| year.len() == 4 && number(year.as_bytes()).is_some())?;
    let colon = rest.find(':')?;
    let (date, clock) = rest.split_at(rest[..colon].rfind(' ')?);
    date.starts_with(char::is_alphabetic).then(|| format!("{} {year}{clock}", date.trim_end()))
}

/// Splits off a run of digits or of letters, and the separators after it.
fn part(text: &str) -> Option<(&str, &str)> {
    let first = text.chars().next()?;
    let same = |c: char| if first.is_ascii_digit() { c.is_ascii_digit() } else { c.is_alphabetic() };
    if !first.is_ascii_digit() && !first.is_alphabetic() {
        return None;
    }
    let end = text.find(|c| !same(c)).unwrap_or(text.len());
    // A separator, or a clock's `T`, which stays for the caller.
    let rest = if first.is_ascii_digit() { without_ordinal(&text[end..]) } else { &text[end..] };
    let after = rest.trim_start_matches(SEPARATORS);
    let separators = rest[..rest.len() - after.len()].chars().count();
    let sound = rest.is_empty()
        || (1..=2).contains(&separators)
        || rest.starts_with(['T', 't'])
        // `31MAY2024:10:30`: a month needs no separators, and a colon may stand between a year and a clock.
        || (end == 4 && rest.starts_with(':'))
        || is_beside_month(&text[..end], rest);
    sound.then(|| (&text[..end], after))
}

/// Whether one of two runs, of digits and of letters, is a month.
fn is_beside_month(run: &str, rest: &str) -> bool {
    let letters = |text: &str| text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    let word = if run.starts_with(|c: char| c.is_ascii_digit()) { &rest[..letters(rest)] } else { run };
    rest.starts_with(char::is_alphanumeric) && months::month(word).is_some()
}

/// What stands between the parts of a date; the last ones are years, months and days in Chinese, Japanese and Korean.
const SEPARATORS: [char; 11] = ['-', '/', '.', ',', ' ', '年', '月', '日', '년', '월', '일'];

/// What follows a day without the ending of its number: `1st`, `1er`.
fn without_ordinal(rest: &str) -> &str {
    let ends = ["st", "nd", "rd", "th", "er"].iter().find_map(|end| rest.strip_prefix(end));
    ends.filter(|after| !after.starts_with(char::is_alphabetic)).unwrap_or(rest)
}

fn year_of(text: &str) -> Option<i64> {
    let year = number(text.as_bytes())?;
    match text.len() {
        4 => Some(year),
        2 => Some(if year >= 69 { 1900 + year } else { 2000 + year }),
        _ => None,
    }
}

fn month_of(text: &str) -> Option<i64> {
    if text.len() <= 2 {
        return number(text.as_bytes());
    }
    months::month(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: TimeFormat, text: &str) -> String {
        format.parse(text).map(write_iso).unwrap_or_else(|| "none".into())
    }

    #[test]
    fn usual_writings_are_read() {
        assert_eq!(
            shown(TimeFormat::Iso, "2024-02-29T23:59:59.123456789-05:30"),
            "2024-03-01T05:29:59.123456Z"
        );
        assert_eq!(shown(TimeFormat::Iso, "2023-02-29"), "none");
        assert_eq!(shown(TimeFormat::DayFirst, "31/12/99 23:05"), "1999-12-31T23:05:00Z");
        assert_eq!(shown(TimeFormat::DayFirst, "3 March 2021"), "2021-03-03T00:00:00Z");
        assert_eq!(shown(TimeFormat::MonthFirst, "12/31/2020 1:30 PM"), "2020-12-31T13:30:00Z");
        assert_eq!(shown(TimeFormat::MonthFirst, "Mar 3, 2021"), "2021-03-03T00:00:00Z");
        assert_eq!(shown(TimeFormat::MonthFirst, "31/12/2020"), "none");
        assert_eq!(shown(TimeFormat::YearFirst, "2021/3/4T05:06"), "2021-03-04T05:06:00Z");
        assert_eq!(shown(TimeFormat::YearFirst, "2021-03"), "2021-03-01T00:00:00Z");
        assert_eq!(shown(TimeFormat::Pattern("%Y%m%d".into()), "20210304"), "2021-03-04T00:00:00Z");
        assert_eq!(shown(TimeFormat::UnixMillis, "1500"), "1970-01-01T00:00:01.5Z");
        assert_eq!(shown(TimeFormat::Pattern("%Y-%m".into()), "2021-03"), "2021-03-01T00:00:00Z");
        assert_eq!(shown(TimeFormat::Pattern("%Y".into()), "2021"), "2021-01-01T00:00:00Z");
    }

    /// The moments by Python's `email.utils.parsedate_to_datetime`, `datetime.fromisocalendar` and the calendar.
    #[test]
    fn weeks_mail_headers_and_other_languages_are_read() {
        for (format, text, wanted) in [
            (TimeFormat::Iso, "2023-W01-1", "2023-01-02T00:00:00Z"),
            (TimeFormat::Iso, "2020-W53-7", "2021-01-03T00:00:00Z"),
            (TimeFormat::Iso, "2023-W01-1T10:30", "2023-01-02T10:30:00Z"),
            (TimeFormat::Iso, "2023-W01-8", "none"),
            (TimeFormat::Iso, "2023-W54-1", "none"),
            (TimeFormat::DayFirst, "Tue, 03 Jan 2023 10:00:00 +0000", "2023-01-03T10:00:00Z"),
            (TimeFormat::DayFirst, "Tue, 3 Jan 2023 10:00:00 EST", "2023-01-03T15:00:00Z"),
            (TimeFormat::DayFirst, "Dienstag, 3. Januar 2023", "2023-01-03T00:00:00Z"),
            (TimeFormat::DayFirst, "1. Januar 2023", "2023-01-01T00:00:00Z"),
            (TimeFormat::DayFirst, "1er août 2023", "2023-08-01T00:00:00Z"),
            (TimeFormat::DayFirst, "15 de março de 2023", "2023-03-15T00:00:00Z"),
            (TimeFormat::DayFirst, "24 Okt. 2023 14:05", "2023-10-24T14:05:00Z"),
            (TimeFormat::MonthFirst, "January 2nd, 2023", "2023-01-02T00:00:00Z"),
            (TimeFormat::MonthFirst, "Mar 3, 2021", "2021-03-03T00:00:00Z"),
            (TimeFormat::YearFirst, "2023年1月31日", "2023-01-31T00:00:00Z"),
            (TimeFormat::YearFirst, "2023年12月1日 08:15", "2023-12-01T08:15:00Z"),
            (TimeFormat::YearFirst, "2023년 3월 4일", "2023-03-04T00:00:00Z"),
            (TimeFormat::YearFirst, "2023年2月30日", "none"),
            (TimeFormat::UnixNanos, "1672704000123456789", "2023-01-03T00:00:00.123456Z"),
            (TimeFormat::UnixMicros, "1672704000123456", "2023-01-03T00:00:00.123456Z"),
            (TimeFormat::UnixNanos, "9", "1970-01-01T00:00:00Z"),
            (TimeFormat::UnixMicros, "9223372036854775807", "none"),
        ] {
            assert_eq!(shown(format, text), wanted, "{text}");
        }
    }

    /// The moments by Python's `datetime` with these offsets; those of Excel by its own date of each number.
    #[test]
    fn zones_by_name_and_days_of_excel_are_read() {
        for (format, text, wanted) in [
            (TimeFormat::Iso, "2024-03-31 02:30:00 CET", "2024-03-31T01:30:00Z"),
            (TimeFormat::Iso, "2024-10-27T02:30+02:00[Europe/Berlin]", "2024-10-27T00:30:00Z"),
            (TimeFormat::Iso, "2024-10-27T02:30Z[UTC]", "2024-10-27T02:30:00Z"),
            (TimeFormat::Iso, "2024-10-27 02:30 America/New_York", "2024-10-27T02:30:00Z"),
            (TimeFormat::Iso, "2024-10-27 02:30 GMT+2", "2024-10-27T00:30:00Z"),
            (TimeFormat::Iso, "2024-10-27 02:30 Berlin", "none"),
            (
                TimeFormat::MonthFirst,
                "Tue Mar 05 2024 10:00:00 GMT+0100 (Central European Standard Time)",
                "2024-03-05T09:00:00Z",
            ),
            (TimeFormat::Iso, "20240531T103000Z", "2024-05-31T10:30:00Z"),
            (TimeFormat::Iso, "20240531T1030+0200", "2024-05-31T08:30:00Z"),
            (TimeFormat::Iso, "20241331T1030", "none"),
            (TimeFormat::YearFirst, "2024-05-31-10.30.15.123456", "2024-05-31T10:30:15.123456Z"),
            (TimeFormat::YearFirst, "2024:05:31 10:30:15", "2024-05-31T10:30:15Z"),
            (TimeFormat::Iso, "2024-05-31 9.05", "2024-05-31T09:05:00Z"),
            (TimeFormat::Iso, "2024-05-31 9.5", "none"),
            (TimeFormat::DayFirst, "31MAY2024:10:30:15", "2024-05-31T10:30:15Z"),
            (TimeFormat::DayFirst, "31MAY2024", "2024-05-31T00:00:00Z"),
            (TimeFormat::DayFirst, "31ABC2024", "none"),
            (TimeFormat::DayFirst, "31/05/2024 1:30:00 p. m.", "2024-05-31T13:30:00Z"),
            (TimeFormat::DayFirst, "31/05/2024 12:05 a.m.", "2024-05-31T00:05:00Z"),
            (TimeFormat::DayFirst, "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36Z"),
            (TimeFormat::DayFirst, "10:30 31.05.2024", "2024-05-31T10:30:00Z"),
            (TimeFormat::MonthFirst, "1:30 PM, 5/31/2024", "2024-05-31T13:30:00Z"),
            (TimeFormat::DayFirst, "3 марта 2024 г.", "2024-03-03T00:00:00Z"),
            (TimeFormat::DayFirst, "3 sierpnia 2024", "2024-08-03T00:00:00Z"),
            (TimeFormat::DayFirst, "3. maj 2024", "2024-05-03T00:00:00Z"),
            (TimeFormat::DayFirst, "lundi 3 juin 2024", "2024-06-03T00:00:00Z"),
            (TimeFormat::MonthFirst, "Wed Oct 10 20:19:24 +0000 2018", "2018-10-10T20:19:24Z"),
            (TimeFormat::MonthFirst, "Sun Mar  3 10:00:00 CET 2024", "2024-03-03T09:00:00Z"),
            (TimeFormat::ExcelDays, "45292", "2024-01-01T00:00:00Z"),
            (TimeFormat::ExcelDays, "43831.75", "2020-01-01T18:00:00Z"),
            (TimeFormat::ExcelDays, "61", "1900-03-01T00:00:00Z"),
            (TimeFormat::ExcelDays, "59", "none"),
        ] {
            assert_eq!(shown(format, text), wanted, "{text}");
        }
    }

    #[test]
    fn years_and_quarters_are_their_first_day() {
        for text in ["1970 Q2", "1970Q2", "1970-q2", "Q2 1970", "Q2/1970"] {
            assert_eq!(shown(TimeFormat::Quarter, text), "1970-04-01T00:00:00Z", "{text}");
        }
        for text in ["1970 Q5", "Q1", "1970", "70 Q1", "1970 Q", ""] {
            assert_eq!(shown(TimeFormat::Quarter, text), "none", "{text}");
        }
        assert_eq!(shown(TimeFormat::Year, "1871"), "1871-01-01T00:00:00Z");
        assert_eq!(shown(TimeFormat::Year, "1871.0"), "1871-01-01T00:00:00Z");
        assert_eq!(shown(TimeFormat::Year, "187"), "none");
    }

    #[test]
    fn days_agree_with_another_calendar() {
        for n in (-700_000..2_900_000).step_by(317) {
            let Ok(moment) = jiff::Timestamp::from_second(n * 86_400) else { continue };
            let date = jiff::tz::Offset::UTC.to_datetime(moment).date();
            if date.year() >= 1 {
                let found = days(date.year().into(), date.month().into(), date.day().into());
                assert_eq!(found, Some(n), "{date}");
            }
        }
    }
}

//! Which way of writing timestamps explains the values of a column.

use super::facts::Facts;
use super::formats::{Doubt, Found, accept, explain};
use super::locale::Locale;
use crate::parse::{TimeFormat, is_place, zone_of};
use crate::plan::Weight;

pub(crate) fn time(facts: &Facts<'_>, locale: &Locale) -> Option<Found<TimeFormat>> {
    if let Some(found) = short_years_first(facts) {
        return Some(found);
    }
    let candidates = [TimeFormat::Iso, TimeFormat::YearFirst, TimeFormat::DayFirst, TimeFormat::MonthFirst];
    // Most columns of text are settled by their first values.
    let first = || facts.values.iter().take(50);
    let plausible = |format: &TimeFormat| {
        first().filter(|(t, _)| format.parse(t).is_some()).count() * 10 >= first().count() * 7
    };
    if !candidates.iter().any(plausible) {
        return None;
    }
    let explained = candidates.map(|format| {
        let found = explain(facts, &|t| format.parse(t).is_some());
        (format, found)
    });
    let best = explained.into_iter().reduce(|best, next| if next.1.1 < best.1.1 { next } else { best })?;
    let (format, (missing, bad)) = best;
    let mut found = accept(facts, format.clone(), (missing, bad - impossible(facts, &format)))?;
    found.bad = bad;
    found.doubt = partly_zoned(facts).or_else(|| places(facts));
    if found.format == TimeFormat::DayFirst && is_undecided(facts) {
        let (format, why) = order(facts, locale);
        let undecided = format != found.format || by_order(facts) || named_months(facts) == 0;
        found.doubt = undecided.then(|| doubt(&format, &why)).or(found.doubt);
        found.format = format;
    }
    Some(found)
}

/// Times of which some have a zone and others have none.
fn partly_zoned(facts: &Facts<'_>) -> Option<Doubt> {
    let zoned = |zoned: bool| {
        facts.values.iter().filter(move |v| zone_of(v.0).is_some_and(|zone| zone.is_empty() != zoned))
    };
    let with: u64 = zoned(true).map(|v| v.1).sum();
    let bare = zoned(false).next()?.0;
    let example = zoned(true).next()?.0;
    Some(Doubt {
        code: "mixed_zones",
        weight: Weight::Warning,
        message: format!(
            "{with} of {} times have a zone, such as '{example}', others, such as '{bare}', have none and are taken as UTC",
            facts.n_values
        ),
        remedy: "write all times with their zone, or all in one".into(),
    })
}

/// Times whose zone is named by a place: how far that is ahead of UTC is not known here.
fn places(facts: &Facts<'_>) -> Option<Doubt> {
    let zone = |text: &str| zone_of(text).filter(|zone| is_place(zone));
    let zones: Vec<String> = facts.values.iter().filter_map(|v| zone(v.0)).collect();
    let first = zones.first()?;
    let several = if zones.iter().any(|zone| zone != first) { ", and others name other places" } else { "" };
    let example = facts.values.iter().find(|v| zone(v.0).is_some())?.0;
    Some(Doubt {
        code: "zones_of_places",
        weight: if several.is_empty() { Weight::Remark } else { Weight::Warning },
        message: format!(
            "times such as '{example}' name a place for their zone{several}; the clock is read as it stands"
        ),
        remedy: "write the offset, such as +01:00, where times of several zones are compared".into(),
    })
}

/// Dates such as `24-03-15` that begin with a year of two digits: where no other order reads them, where only this one puts the rows in
/// order, or where the last part takes as many values as days do and the first as few as years.
fn short_years_first(facts: &Facts<'_>) -> Option<Found<TimeFormat>> {
    let first = facts.values.first()?.0.trim();
    let sign = first.chars().nth(2).filter(|c| ['-', '/', '.'].contains(c))?;
    let parts = |text: &str| -> Option<[u32; 3]> {
        let mut parts = text.trim().split(sign).map(|part| {
            (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok()).flatten()
        });
        let found = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(found)
    };
    let format = TimeFormat::Pattern(format!("%y{sign}%m{sign}%d"));
    let reads = |format: &TimeFormat| explain(facts, &|t| parts(t).is_some() && format.parse(t).is_some());
    let found = reads(&format);
    let others = [TimeFormat::DayFirst, TimeFormat::MonthFirst];
    let least = others.iter().map(|other| reads(other).1).min()?;
    let in_order = rises(facts, &format) && !others.iter().any(|other| rises(facts, other));
    let distinct = |at: usize| {
        let mut seen: Vec<u32> =
            facts.values.iter().filter_map(|v| parts(v.0)).map(|parts| parts[at]).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.len()
    };
    let like_days = distinct(2) >= 13 && distinct(2) > 2 * distinct(0);
    let why = match found.1 {
        bad if bad < least => "no other order reads every date",
        bad if bad > least => return None,
        _ if in_order => "that puts the rows in order",
        _ if like_days => "the last part takes many values and the first few",
        _ => return None,
    };
    let doubt = Doubt {
        code: "ambiguous_dates",
        weight: if found.1 < least { Weight::Remark } else { Weight::Warning },
        message: format!("dates such as '{first}' are read with the year first, since {why}"),
        remedy: "format = \"day_first\"".into(),
    };
    Some(Found { doubt: Some(doubt), ..accept(facts, format, found)? })
}

/// How many values are written as the dates of a format are, but are none in any order, such as `2023-02-30` and `0000-00-00`: faults in a
/// column of dates. None where they are more than a fifth.
fn impossible(facts: &Facts<'_>, format: &TimeFormat) -> u64 {
    let shape =
        |text: &str| -> String { text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect() };
    let orders = [TimeFormat::Iso, TimeFormat::YearFirst, TimeFormat::DayFirst, TimeFormat::MonthFirst];
    let reads = |text: &str| orders.iter().any(|order| order.parse(text).is_some());
    let Some(usual) = facts.values.iter().find(|v| format.parse(v.0).is_some()).map(|v| shape(v.0)) else {
        return 0;
    };
    let is_one =
        |text: &str| text.contains(|c: char| c.is_ascii_digit()) && shape(text) == usual && !reads(text);
    let n: u64 = facts.values.iter().filter(|v| is_one(v.0)).map(|v| v.1).sum();
    if n * 5 <= facts.n_values { n } else { 0 }
}

/// Whether day first and month first explain the values equally well.
fn is_undecided(facts: &Facts<'_>) -> bool {
    let reads = |format: TimeFormat| explain(facts, &|t| format.parse(t).is_some()).1;
    reads(TimeFormat::DayFirst) == reads(TimeFormat::MonthFirst)
}

/// How many values name the month in letters.
fn named_months(facts: &Facts<'_>) -> usize {
    facts.values.iter().filter(|(t, _)| t.chars().any(char::is_alphabetic)).count()
}

/// Which of day and month comes first where the values themselves do not tell: the reading in which the rows are in order; else as
/// in the other columns; else month first with a slash, as Americans write, and day first with a point or a dash.
fn order(facts: &Facts<'_>, locale: &Locale) -> (TimeFormat, String) {
    let (day, month) = (rises(facts, &TimeFormat::DayFirst), rises(facts, &TimeFormat::MonthFirst));
    if day != month {
        let format = if day { TimeFormat::DayFirst } else { TimeFormat::MonthFirst };
        return (format, "that puts the rows in order".into());
    }
    if let Some(day_first) = locale.day_first {
        let format = if day_first { TimeFormat::DayFirst } else { TimeFormat::MonthFirst };
        return (format, "another column is written so".into());
    }
    if locale.is_european() {
        return (TimeFormat::DayFirst, "the numbers of the file have decimal commas".into());
    }
    match facts.share(|t| t.contains('/')) > 0.5 {
        true => (TimeFormat::MonthFirst, "that is how most files with slashes are written".into()),
        false => (TimeFormat::DayFirst, "that is how most files with points or dashes are written".into()),
    }
}

fn by_order(facts: &Facts<'_>) -> bool {
    rises(facts, &TimeFormat::DayFirst) != rises(facts, &TimeFormat::MonthFirst)
}

/// Whether the different values, in the order in which they first come, rise or fall all along; at least ten of them.
fn rises(facts: &Facts<'_>, format: &TimeFormat) -> bool {
    let moments: Vec<i64> = facts.values.iter().filter_map(|v| format.parse(v.0)).collect();
    moments.len() >= 10
        && (moments.windows(2).all(|w| w[0] < w[1]) || moments.windows(2).all(|w| w[0] > w[1]))
}

fn doubt(format: &TimeFormat, why: &str) -> Doubt {
    let (taken, other) = match format {
        TimeFormat::DayFirst => ("day first", "month_first"),
        _ => ("month first", "day_first"),
    };
    Doubt {
        code: "ambiguous_dates",
        weight: Weight::Warning,
        message: format!(
            "every date can be read with the day or with the month first; read {taken}, since {why}"
        ),
        remedy: format!("format = \"{other}\""),
    }
}

/// Quarters and other periods of the calendar, and days of a year (`2024-032`): read as times only where somebody says that they are, since `01/2018` may be a code.
pub(crate) fn period(facts: &Facts<'_>) -> Option<TimeFormat> {
    let all = |format: &TimeFormat| facts.values.iter().all(|(text, _)| format.parse(text).is_some());
    let day_of_year = TimeFormat::Pattern("%Y-%j".into());
    // `2024-1` is a month, `2024-001` the first day.
    if facts.values.iter().any(|(text, _)| text.len() != "2024-001".len()) || !all(&day_of_year) {
        return [TimeFormat::Quarter, TimeFormat::Period]
            .into_iter()
            .find(|format| facts.n_distinct() > 0 && all(format));
    }
    (facts.n_distinct() > 0).then_some(day_of_year)
}

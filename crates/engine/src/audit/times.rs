//! Findings about columns of times: dates that stand for "no value", years of another calendar.

use tidemill_core::Role;
use tidemill_data::Profile;
use tidemill_data::profile::ColumnProfile;

use super::finding::{Finding, Severity, list};

/// Dates that programs write where there is none, with the distance in years from which on they are no part of the rest: the zero of
/// databases, of Excel and of Unix.
const FIRST: [(&str, i64); 6] = [
    ("0001-01-01", 100),
    ("1753-01-01", 100),
    ("1899-12-30", 30),
    ("1899-12-31", 30),
    ("1900-01-01", 30),
    ("1970-01-01", 20),
];
/// The ends of time.
const LAST: [&str; 7] =
    ["2099-12-31", "2100-01-01", "2199-12-31", "2262-04-11", "2999-12-31", "9999-12-30", "9999-12-31"];

/// Years of the Buddhist calendar are 543 ahead; these are 1957 to 2107.
const BUDDHIST: std::ops::RangeInclusive<i64> = 2500..=2650;

pub(super) fn findings(profile: &Profile) -> Vec<Finding> {
    let judged = |c: &&ColumnProfile| {
        matches!(c.role, Role::Feature | Role::Time | Role::Group | Role::Weight | Role::Target)
    };
    let columns = profile.columns.iter().filter(judged);
    let rules = [stand_in, other_calendar, short_years];
    columns.flat_map(|column| rules.into_iter().filter_map(move |rule| rule(column))).collect()
}

/// The day and the year of a time in ISO 8601.
fn day(time: &str) -> Option<(&str, i64)> {
    let day = time.get(..10)?;
    Some((day, day.get(..4)?.parse().ok()?))
}

fn stand_in(column: &ColumnProfile) -> Option<Finding> {
    let [first, last] = column.times.as_ref()?;
    let ((first, begins), (last, ends)) = (day(first)?, day(last)?);
    let early = FIRST.iter().any(|(zero, far)| *zero == first && ends - begins >= *far);
    let late = LAST.contains(&last) && begins < 2090;
    let found: Vec<&str> = [early.then_some(first), late.then_some(last)].into_iter().flatten().collect();
    if found.is_empty() {
        return None;
    }
    let message = format!(
        "column '{}' runs from {first} to {last}: many programs write {} where there is no date",
        column.name,
        found.join(" and ")
    );
    let finding = Finding::new(Severity::Warning, "time_stand_in", message).of(&[&column.name]);
    // The line acts where the cells hold just this text.
    let as_written = column.format.is_empty() && column.dates.iter().all(|d| d.example.len() == 10);
    Some(match as_written {
        true => finding.remedy("if so, say it").recipe(format!("[data]\nmissing = {}", list(&found))),
        false => finding.remedy("if so, name it as it is written in the file under `missing` in [data]"),
    })
}

/// Years of two digits that span more than half a century: some are probably of the century before.
fn short_years(column: &ColumnProfile) -> Option<Finding> {
    let [first, last] = column.times.as_ref()?;
    let ((first, begins), (last, ends)) = (day(first)?, day(last)?);
    let short = |shape: &str| !shape.contains("yyyy") && shape.split(['/', '.', '-', ' ']).count() == 3;
    if ends - begins <= 50 || ends < 2010 || !column.dates.iter().any(|d| short(&d.shape)) {
        return None;
    }
    let message = format!(
        "column '{}' has years of two digits, which are read as 1969 to 2068: it runs from {first} to {last}, and dates before 1969 \
         come out a century late",
        column.name
    );
    let finding = Finding::new(Severity::Warning, "short_years", message).of(&[&column.name]);
    Some(finding.remedy("write the years with four digits"))
}

fn other_calendar(column: &ColumnProfile) -> Option<Finding> {
    let [first, last] = column.times.as_ref()?;
    let ((_, begins), (_, ends)) = (day(first)?, day(last)?);
    if !(BUDDHIST.contains(&begins) && BUDDHIST.contains(&ends)) {
        return None;
    }
    let message = format!(
        "column '{}' runs from the year {begins} to {ends}, as years of the Buddhist calendar do: they are read as they stand, 543 \
         years ahead",
        column.name
    );
    let finding = Finding::new(Severity::Warning, "other_calendar", message).of(&[&column.name]);
    Some(finding.remedy("subtract 543 from each year; days of the week and holidays are wrong otherwise"))
}

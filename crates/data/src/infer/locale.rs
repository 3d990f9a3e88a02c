//! How the people behind a file write numbers and dates, judged over all its columns.

use arrow_array::Array;
use rayon::prelude::*;
use tidemill_core::{Batch, Kind, Result};

use super::as_text;
use super::facts::Facts;
use crate::parse::{Missing, NumberFormat, Thousands, TimeFormat, plain_number};

/// The different values of a column that are looked at.
const LOOKED_AT: usize = 500;

/// What the columns that leave no doubt say about those that do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Locale {
    /// Columns that read with a decimal comma alone.
    commas: usize,
    /// Columns that read with a decimal point alone.
    points: usize,
    /// Whether the cells are divided by semicolons, as where a comma stands before decimals.
    semicolons: bool,
    /// Whether dates begin with the day; `None` where no column tells, or two differ.
    pub(crate) day_first: Option<bool>,
}

#[derive(Clone, Copy, PartialEq)]
enum Vote {
    Comma,
    Point,
    Day,
    Month,
}

impl Locale {
    pub(crate) fn of(rows: &Batch, delimiter: Option<char>, missing: &Missing) -> Result<Self> {
        let texts = rows.schema().places(|c| c.kind == Kind::Text);
        let votes: Vec<Option<Vote>> = texts
            .par_iter()
            .map(|&place| {
                let texts = as_text(rows, place)?;
                let texts = texts.slice(0, texts.len().min(4 * LOOKED_AT));
                Ok(vote(&Facts::of(&texts, missing)))
            })
            .collect::<Result<_>>()?;
        let count = |vote: Vote| votes.iter().filter(|v| **v == Some(vote)).count();
        let (day, month) = (count(Vote::Day), count(Vote::Month));
        Ok(Locale {
            commas: count(Vote::Comma),
            points: count(Vote::Point),
            semicolons: delimiter == Some(';'),
            day_first: (day.min(month) == 0 && day + month > 0).then_some(day > 0),
        })
    }

    /// What one column says, and the delimiter of its file.
    pub(crate) fn of_column(facts: &Facts<'_>, delimiter: Option<char>) -> Self {
        let vote = vote(facts);
        Locale {
            commas: usize::from(vote == Some(Vote::Comma)),
            points: usize::from(vote == Some(Vote::Point)),
            semicolons: delimiter == Some(';'),
            day_first: None,
        }
    }

    /// Whether a comma stands before decimals.
    pub(crate) fn is_european(&self) -> bool {
        self.points == 0 && (self.commas > 0 || self.semicolons)
    }

    /// The same, where not only the delimiter says so.
    pub(crate) fn has_commas(&self) -> bool {
        self.points == 0 && self.commas > 0
    }

    /// Whether a point stands before decimals.
    pub(crate) fn is_anglo(&self) -> bool {
        self.points > 0 && self.commas == 0
    }
}

fn vote(facts: &Facts<'_>) -> Option<Vote> {
    let values = || facts.values.iter().take(LOOKED_AT).map(|v| v.0);
    let n = values().count();
    let most = |reads: &dyn Fn(&str) -> bool| n > 0 && values().filter(|t| reads(t)).count() * 10 >= n * 9;
    let digit = values().next().is_some_and(|t| t.bytes().any(|b| b.is_ascii_digit()));
    if !digit {
        return None;
    }
    let dressed = NumberFormat { percent: true, currency: true, censored: true, ..Default::default() };
    let european = NumberFormat { decimal_comma: true, thousands: Some(Thousands::Point), ..dressed.clone() };
    let anglo = NumberFormat { thousands: Some(Thousands::Comma), ..dressed.clone() };
    let divides = |t: &str, sign: char| decimals(dressed.bare(t), sign);
    if most(&|t| european.parse(t).is_some()) && values().any(|t| divides(t, ',')) {
        return Some(Vote::Comma);
    }
    if most(&|t| anglo.parse(t).is_some()) && values().any(|t| divides(t, '.') && anglo.parse(t).is_some()) {
        return Some(Vote::Point);
    }
    let (day, month) = (TimeFormat::DayFirst, TimeFormat::MonthFirst);
    let dates = |t: &str| day.parse(t).is_some() || month.parse(t).is_some();
    if !most(&dates) {
        return None;
    }
    let only = |one: &TimeFormat, other: &TimeFormat| {
        values().any(|t| one.parse(t).is_some() && other.parse(t).is_none())
    };
    match (only(&day, &month), only(&month, &day)) {
        (true, false) => Some(Vote::Day),
        (false, true) => Some(Vote::Month),
        _ => None,
    }
}

/// Whether this sign stands before decimals and nothing else: not before exactly three digits, or behind a leading zero.
fn decimals(text: &str, sign: char) -> bool {
    let text = text.trim().trim_start_matches(['-', '+']);
    let Some((whole, after)) = text.rsplit_once(sign) else { return false };
    let digits = !after.is_empty() && after.bytes().all(|b| b.is_ascii_digit());
    let plain = whole.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b',');
    digits && plain && !whole.contains(sign) && (after.len() != 3 || whole == "0" || whole.is_empty())
}

/// Whether a number reads plainly, and as well with its point between thousands: `1.234`, but not `0.123`, `1.5` or `1234.567`.
pub(super) fn may_group(text: &str, sign: char) -> bool {
    let text = text.trim().trim_start_matches(['-', '+']);
    let Some((whole, after)) = text.split_once(sign) else { return false };
    (1..=3).contains(&whole.len())
        && !whole.starts_with('0')
        && after.len() == 3
        && plain_number(whole).is_some()
        && after.bytes().all(|b| b.is_ascii_digit())
}

//! What training saw of a column beyond the names of its categories and the range of its numbers: by it every later cell says
//! whether it tells the model anything.

mod pictures;
mod series;
mod words;

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Column, Kind, Result, Schema};

use self::pictures::Pictures;
use self::series::Levels;
use self::words::Vocabulary;
use crate::parse::{write_iso, zone_of};
use crate::raw::{Raw, RawColumn};

/// A year in microseconds.
const YEAR: i64 = 366 * 86_400_000_000;
/// Stands among the zones of times for dates alone, none with a clock.
const NO_CLOCK: &str = "-";
/// Where timestamps are written in more zones than this, another one says nothing.
const MOST_ZONES: usize = 24;

/// What training saw of a column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seen {
    /// The words of texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vocabulary>,
    /// The zones that timestamps with a clock were written in: `Z`, `+02:00`, or empty for none; nothing where that was not looked at.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    zones: BTreeSet<String>,
    /// The sizes and modes of images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pictures: Option<Pictures>,
    /// The levels and steps of series.
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<Levels>,
    /// The keys of the rows, and those that they list as neighbours.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Vocabulary>,
    /// The first and the last of times, in microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<[i64; 2]>,
    /// Whether every row had a value.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    complete: bool,
}

/// Something that the model does not know from training, or not wholly.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unfamiliar {
    pub(crate) code: &'static str,
    pub(crate) says: String,
}

fn unfamiliar(code: &'static str, says: impl Into<String>) -> Option<Unfamiliar> {
    Some(Unfamiliar { code, says: says.into() })
}

impl Seen {
    /// Whether nothing was looked at.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Seen::default()
    }

    /// The zones of timestamps as they are written.
    pub(crate) fn of_times<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let zones: BTreeSet<String> = texts.filter_map(zone_of).collect();
        Seen { zones: if zones.len() > MOST_ZONES { BTreeSet::new() } else { zones }, ..Seen::default() }
    }

    /// The same of a whole column. Where none has a clock, one with a zone may fall on another day than the one that is meant.
    pub(crate) fn of_dates<'a, I: Iterator<Item = &'a str>>(texts: impl Fn() -> I) -> Self {
        let has_clock = texts().any(|text| zone_of(text).is_some());
        let mut seen = Self::of_times(texts());
        if !has_clock {
            seen.zones.insert(NO_CLOCK.into());
        }
        seen
    }

    /// The keys that rows and their lists of neighbours name.
    pub(crate) fn of_ties<'a>(
        lists: impl Iterator<Item = &'a str>,
        keys: impl Iterator<Item = &'a str>,
    ) -> Self {
        Seen { keys: Vocabulary::of_keys(lists, keys), ..Seen::default() }
    }

    /// Adds what a typed column shows.
    pub(crate) fn add(&mut self, column: &Column, array: &ArrayRef) -> Result<()> {
        self.complete = array.null_count() == 0;
        if !matches!(column.kind, Kind::Text | Kind::Image | Kind::Series) {
            return Ok(());
        }
        let batch =
            Batch::with_rows(Schema::new(vec![column.clone()])?.into(), vec![array.clone()], array.len())?;
        if column.kind == Kind::Series {
            let series = batch.series(0)?;
            self.series = Levels::of((0..batch.n_rows()).filter_map(|row| series.of(row)));
            return Ok(());
        }
        let cells = RawColumn::of(&batch, 0)?;
        let cells = (0..batch.n_rows()).map(|row| cells.cell(row));
        match column.kind {
            Kind::Text => self.words = Vocabulary::of(cells),
            _ => self.pictures = Pictures::of(cells),
        }
        Ok(())
    }

    /// Adds the first and the last of a column of times.
    pub(crate) fn add_times(&mut self, array: &ArrayRef) {
        let times = array.as_primitive_opt::<TimestampMicrosecondType>().into_iter().flatten().flatten();
        self.times = times.fold(None, |span, at| match span {
            None => Some([at, at]),
            Some([first, last]) => Some([at.min(first), at.max(last)]),
        });
    }

    /// What is unfamiliar about a time: that it lies further from those of training than these are apart, and than a year.
    fn judge_time(&self, at: i64) -> Option<Unfamiliar> {
        let [first, last] = self.times?;
        let span = last.saturating_sub(first).max(YEAR);
        let far = at > last.saturating_add(span) || at < first.saturating_sub(span);
        let says =
            || format!("in training the times lay between {} and {}", write_iso(first), write_iso(last));
        far.then(says).and_then(|says| unfamiliar("outside_training_range", says))
    }

    /// What is unfamiliar about a cell that was read.
    pub(crate) fn judge(&self, cell: Raw<'_>) -> Option<Unfamiliar> {
        match cell {
            Raw::Text(list) if self.keys.is_some() => self.keys.as_ref()?.judge_neighbors(list),
            Raw::Text(text) => self.words.as_ref()?.judge(text),
            Raw::Image(bytes) => self.pictures.as_ref()?.judge(bytes),
            Raw::Points(points) => {
                let (times, values): (Vec<i64>, Vec<f64>) = points.iter().copied().unzip();
                self.judge_series(&times, &values)
            }
            Raw::Time(at) => self.judge_time(at),
            Raw::Missing if self.complete => {
                unfamiliar("missing_value", "it is missing; in training every row had it")
            }
            _ => None,
        }
    }

    /// What is unfamiliar about a series.
    pub(crate) fn judge_series(&self, times: &[i64], values: &[f64]) -> Option<Unfamiliar> {
        self.series.as_ref()?.judge(times, values)
    }

    /// What is unfamiliar about the way in which a cell was written.
    pub(crate) fn judge_written(&self, raw: Raw<'_>) -> Option<Unfamiliar> {
        let Raw::Text(text) = raw else { return None };
        if self.zones.is_empty() {
            return None;
        }
        let zone = zone_of(text).filter(|zone| !self.zones.contains(zone))?;
        // A clock without a zone stays on its day.
        if zone.is_empty() && self.zones.contains(NO_CLOCK) {
            return None;
        }
        let named = |zone: &str| match zone {
            "" => "no time zone".into(),
            NO_CLOCK => "no clock".into(),
            zone => format!("the time zone {zone}"),
        };
        let known: Vec<String> = self.zones.iter().take(3).map(|zone| named(zone)).collect();
        unfamiliar(
            "other_time_zone",
            format!("it is written with {}; in training timestamps had {}", named(&zone), known.join(" or ")),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::TimestampMicrosecondArray;

    use super::*;

    #[test]
    fn times_far_from_those_of_training_are_said() {
        let seen = |times: Vec<Option<i64>>| {
            let mut seen = Seen::default();
            seen.add_times(&(Arc::new(TimestampMicrosecondArray::from(times)) as ArrayRef));
            seen
        };
        let code = |seen: &Seen, at| seen.judge(Raw::Time(at)).map(|found| found.code);
        let odd = Some("outside_training_range");
        let decade = seen(vec![Some(0), None, Some(10 * YEAR)]);
        assert_eq!([-10 * YEAR, 5 * YEAR, 20 * YEAR].map(|at| code(&decade, at)), [None; 3]);
        assert_eq!([-10 * YEAR - 1, 20 * YEAR + 1].map(|at| code(&decade, at)), [odd; 2]);
        // Of a few days the next ones are not far.
        let moment = seen(vec![Some(7)]);
        assert_eq!([7 + YEAR, 8 + YEAR].map(|at| code(&moment, at)), [None, odd]);
        assert_eq!(code(&seen(vec![None]), i64::MAX), None);
    }

    #[test]
    fn a_zone_that_training_lacked_is_told() {
        let seen = Seen::of_times(
            ["2024-01-01T10:00:00+01:00", "2024-07-01T10:00:00+02:00", "2024-01-01"].into_iter(),
        );
        let code = |text: &str| seen.judge_written(Raw::Text(text)).map(|found| found.code);
        assert_eq!(code("2024-01-01 10:00+0100"), None);
        assert_eq!(code("2024-01-01"), None);
        assert_eq!(code("2024-01-01T10:00:00+09:00"), Some("other_time_zone"));
        assert_eq!(code("2024-01-01T10:00:00Z"), Some("other_time_zone"));
        assert_eq!(code("2024-01-01T10:00:00"), Some("other_time_zone"));
        assert!(Seen::of_times(["2024-01-01"].into_iter()).is_empty());
        // Of dates alone, a zone may move the day.
        let days = Seen::of_dates(|| ["01/06/2024", "15/06/2024"].into_iter());
        let code = |text: &str| days.judge_written(Raw::Text(text)).map(|found| found.code);
        assert_eq!(
            ["16/06/2024", "2024-06-16", "2024-06-16T02:00:00", "2024-06-16 10:00 PM"].map(code),
            [None; 4]
        );
        assert_eq!(
            ["2024-06-16T02:00:00+05:30", "2024-06-16T02:00:00Z"].map(code),
            [Some("other_time_zone"); 2]
        );
        let said = days.judge_written(Raw::Text("2024-06-16T02:00:00+05:30")).unwrap().says;
        assert!(said.ends_with("in training timestamps had no clock"), "{said}");
    }
}

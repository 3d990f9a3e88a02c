//! Time as people count it: steps of seconds, days, weekdays, months and years, and the season that goes with them.

mod dates;
mod infer;
mod open;
mod text;

use dates::{date_of, day_in, day_of, first_weekday, last_weekday, month_of, rank, ranked};
pub use open::Open;
use serde::{Deserialize, Serialize};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The distance of neighbouring timestamps.
///
/// Written as `30 minutes`, `30 minutes 09:00-17:00 mon tue wed thu fri` (those times of those days alone), `1 day`,
/// `weekdays mon tue wed thu fri`, `1 month`, `3 months end` (at the months' ends), `1 month first weekday`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Step {
    /// A fixed length, in microseconds.
    Clock(i64),
    /// The days of the week whose bit is set, Monday being bit 0.
    Weekdays(u8),
    /// A part of each day, such as the hours of a shop.
    Open(Open),
    /// Whole months.
    Months {
        /// How many.
        n: i64,
        /// On which of their days.
        on: MonthDay,
    },
}

/// The day of a month on which timestamps are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonthDay {
    /// The same in each.
    Same,
    /// The last.
    Last,
    /// The first from Monday to Friday.
    FirstWeekday,
    /// The last from Monday to Friday.
    LastWeekday,
}

/// What timestamps show of their step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The usual step.
    pub step: Step,
    /// The share of neighbours that are a whole number of steps apart.
    pub regular: f64,
}

impl Step {
    /// How many steps lie between two timestamps, rounded.
    ///
    /// ```
    /// use tidemill_kernel::calendar::{MonthDay, Step};
    /// let day = 86_400_000_000;
    /// let month = Step::Months { n: 1, on: MonthDay::Same };
    /// assert_eq!(month.between(0, 31 * day), 1); // 1970-02-01
    /// assert_eq!(month.between(0, (365 * 40 + 10) * day), 480);
    /// ```
    pub fn between(self, from: i64, to: i64) -> i64 {
        match self {
            Step::Clock(length) => ((to - from) as f64 / length.max(1) as f64).round() as i64,
            Step::Weekdays(mask) => rank(mask, day_of(to).0) - rank(mask, day_of(from).0),
            Step::Open(open) => open.between(from, to),
            Step::Months { n, .. } => {
                let (from, to) = (month_of(date_of(from).0), month_of(date_of(to).0));
                let place = |(month, day): (i64, i64)| month as f64 + (day - 1) as f64 / 31.0;
                // Whole months by the calendar; days count only where several months make a step.
                let apart = if n == 1 { (to.0 - from.0) as f64 } else { place(to) - place(from) };
                (apart / n as f64).round() as i64
            }
        }
    }

    /// The timestamp so many steps later, at the same clock time. A day that a month lacks becomes its last; `day` says which
    /// day of the month is meant where `from` itself may be one that was cut short (see [`Step::day_of_month`]).
    ///
    /// ```
    /// use tidemill_kernel::calendar::{MonthDay, Step};
    /// let day = 86_400_000_000;
    /// let weekdays = Step::Weekdays(0b1_1111);
    /// assert_eq!(weekdays.later(day, 1, None), 4 * day); // from Friday 1970-01-02 to Monday
    /// let ends = Step::Months { n: 1, on: MonthDay::Last };
    /// assert_eq!(ends.later(30 * day, 1, None), 58 * day); // from 31 January to 28 February
    /// ```
    pub fn later(self, from: i64, steps: i64, day: Option<i64>) -> i64 {
        let (today, clock) = day_of(from);
        match self {
            Step::Clock(length) => from + steps * length,
            Step::Weekdays(mask) => ranked(mask, rank(mask, today) + steps) * DAY + clock,
            Step::Open(open) => open.later(from, steps),
            Step::Months { n, on } => {
                let (today, clock) = if on == MonthDay::Same { date_of(from) } else { (today, clock) };
                let (month, of_month) = month_of(today);
                let target = month + steps * n;
                let next = match on {
                    MonthDay::Same => day_in(target, day.unwrap_or(of_month)),
                    MonthDay::Last => day_in(target, 31),
                    MonthDay::FirstWeekday => first_weekday(target),
                    MonthDay::LastWeekday => last_weekday(target),
                };
                next * DAY + clock
            }
        }
    }

    /// The day of the month that a series means: the latest that occurs in it.
    pub fn day_of_month(times: impl Iterator<Item = i64>) -> Option<i64> {
        times.map(|time| month_of(date_of(time).0).1).max()
    }

    /// The season that the calendar suggests, in steps: 12 months, 4 quarters, 7 days (or the table's weekdays), 52 weeks, 24 hours,
    /// 48 half hours, 96 quarters of an hour, 60 minutes or seconds; `None` for years and what else has none.
    pub fn season(self) -> Option<usize> {
        match self {
            Step::Months { n, .. } => (n < 12 && 12 % n == 0).then_some((12 / n) as usize),
            Step::Weekdays(mask) => Some(mask.count_ones() as usize).filter(|n| *n > 1),
            Step::Open(open) => Some(open.n as usize),
            Step::Clock(length) if length == 7 * DAY => Some(52),
            Step::Clock(length) if length == DAY => Some(7),
            Step::Clock(length) if length >= 15 * 60 * SECOND && DAY % length == 0 && length < DAY => {
                Some((DAY / length) as usize)
            }
            Step::Clock(length) if length >= 60 * SECOND && HOUR % length == 0 => {
                Some((HOUR / length) as usize)
            }
            Step::Clock(length) if length > 0 && (60 * SECOND) % length == 0 && length >= SECOND => {
                Some((60 * SECOND / length) as usize)
            }
            Step::Clock(_) => None,
        }
        .filter(|season| *season > 1)
    }

    /// How many steps a length of time has, in microseconds, rounded: of a shop's hours, a day has as many as it is open.
    pub fn steps_in(self, time: i64) -> i64 {
        match self {
            Step::Open(open) => open.steps_in(time),
            _ => (time as f64 / self.length() as f64).round() as i64,
        }
    }

    /// About how long a step is, in microseconds.
    pub fn length(self) -> i64 {
        match self {
            Step::Clock(length) => length,
            Step::Weekdays(mask) => 7 * DAY / i64::from(mask.count_ones().max(1)),
            Step::Open(open) => 7 * DAY / (open.n * i64::from(open.days.count_ones())).max(1),
            Step::Months { n, .. } => (n as f64 * 365.2425 / 12.0 * DAY as f64) as i64,
        }
    }
}

#[cfg(test)]
mod tests;

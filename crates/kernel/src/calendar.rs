//! Time as people count it: steps of seconds, days, weekdays, months and years, and the season that goes with them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// The distance of neighbouring timestamps.
///
/// Written as `30 minutes`, `1 day`, `weekdays mon tue wed thu fri`, `1 month`, `3 months end` (at the months' ends).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Step {
    /// A fixed length, in microseconds.
    Clock(i64),
    /// The days of the week whose bit is set, Monday being bit 0.
    Weekdays(u8),
    /// Whole months; `end` for the last day of each.
    Months {
        /// How many.
        n: i64,
        /// Whether timestamps are the last day of their month.
        end: bool,
    },
}

/// What timestamps show of their step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The usual step.
    pub step: Step,
    /// The share of neighbours that are a whole number of steps apart.
    pub regular: f64,
}

/// The day since 1970 and the microseconds into it.
fn day_of(time: i64) -> (i64, i64) {
    (time.div_euclid(DAY), time.rem_euclid(DAY))
}

/// 0 for a Monday; 1970-01-01 was a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// Year, month from 1 and day of the month from 1 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(day: i64) -> (i64, i64, i64) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// The day since 1970 of a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn month_length(month: i64) -> i64 {
    let (year, of_year) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let next = if of_year == 12 { days(year + 1, 1, 1) } else { days(year, of_year + 1, 1) };
    next - days(year, of_year, 1)
}

/// Months since year 0, and the day of the month from 1.
fn month_of(day: i64) -> (i64, i64) {
    let (year, month, of_month) = civil(day);
    (year * 12 + month - 1, of_month)
}

/// Days of the set up to (not including) a day.
fn rank(mask: u8, day: i64) -> i64 {
    let monday = day - weekday(day);
    let whole = monday.div_euclid(7) * i64::from(mask.count_ones());
    whole + i64::from((mask & ((1u16 << weekday(day)) - 1) as u8).count_ones())
}

impl Step {
    /// How many steps lie between two timestamps, rounded.
    ///
    /// ```
    /// use tidemill_kernel::calendar::Step;
    /// let day = 86_400_000_000;
    /// let month = Step::Months { n: 1, end: false };
    /// assert_eq!(month.between(0, 31 * day), 1); // 1970-02-01
    /// assert_eq!(month.between(0, (365 * 40 + 10) * day), 480);
    /// ```
    pub fn between(self, from: i64, to: i64) -> i64 {
        match self {
            Step::Clock(length) => ((to - from) as f64 / length.max(1) as f64).round() as i64,
            Step::Weekdays(mask) => rank(mask, day_of(to).0) - rank(mask, day_of(from).0),
            Step::Months { n, .. } => {
                let place = |time: i64| {
                    let (month, day) = month_of(day_of(time).0);
                    month as f64 + (day - 1) as f64 / 31.0
                };
                let (from_month, to_month) = (month_of(day_of(from).0).0, month_of(day_of(to).0).0);
                // Whole months by the calendar; days count only where several months make a step.
                let apart = if n == 1 { (to_month - from_month) as f64 } else { place(to) - place(from) };
                (apart / n as f64).round() as i64
            }
        }
    }

    /// The timestamp so many steps later, at the same clock time. A day that a month lacks becomes its last; `day` says which
    /// day of the month is meant where `from` itself may be one that was cut short (see [`Step::day_of_month`]).
    ///
    /// ```
    /// use tidemill_kernel::calendar::Step;
    /// let day = 86_400_000_000;
    /// let weekdays = Step::Weekdays(0b1_1111);
    /// assert_eq!(weekdays.later(day, 1, None), 4 * day); // from Friday 1970-01-02 to Monday
    /// let ends = Step::Months { n: 1, end: true };
    /// assert_eq!(ends.later(30 * day, 1, None), 58 * day); // from 31 January to 28 February
    /// ```
    pub fn later(self, from: i64, steps: i64, day: Option<i64>) -> i64 {
        let (today, clock) = day_of(from);
        match self {
            Step::Clock(length) => from + steps * length,
            Step::Weekdays(mask) => {
                let size = i64::from(mask.count_ones().max(1));
                let target = rank(mask, today) + steps;
                let mut next = target.div_euclid(size) * 7 - 3;
                let mut left = target.rem_euclid(size);
                // The week begins on a Monday; the wanted day is the one with so many of the set before it.
                for at in 0..7 {
                    if mask >> at & 1 == 1 {
                        if left == 0 {
                            next += at;
                            break;
                        }
                        left -= 1;
                    }
                }
                while rank(mask, next) < target {
                    next += 1;
                }
                while rank(mask, next) > target {
                    next -= 1;
                }
                while mask != 0 && mask >> weekday(next) & 1 == 0 {
                    next += 1;
                }
                next * DAY + clock
            }
            Step::Months { n, end } => {
                let (month, of_month) = month_of(today);
                let target = month + steps * n;
                let wanted = if end { 31 } else { day.unwrap_or(of_month) };
                let (year, of_year) = (target.div_euclid(12), target.rem_euclid(12) + 1);
                days(year, of_year, wanted.min(month_length(target))) * DAY + clock
            }
        }
    }

    /// The day of the month that a series means: the latest that occurs in it.
    pub fn day_of_month(times: impl Iterator<Item = i64>) -> Option<i64> {
        times.map(|time| month_of(day_of(time).0).1).max()
    }

    /// The step that timestamps in ascending order show, over all series together; `None` where no two differ.
    pub fn infer(series: &[Vec<i64>]) -> Option<Found> {
        let gaps = || series.iter().flat_map(|s| s.windows(2).map(|w| (w[0], w[1]))).filter(|(a, b)| b > a);
        let mut lengths: Vec<i64> = gaps().map(|(a, b)| b - a).collect();
        if lengths.is_empty() {
            return None;
        }
        let middle = lengths.len() / 2;
        let usual = *lengths.select_nth_unstable(middle).1;
        let times = || series.iter().flatten().map(|t| day_of(*t).0);
        let step = if usual >= 26 * DAY {
            let months = gaps().map(|(a, b)| month_of(day_of(b).0).0 - month_of(day_of(a).0).0);
            let mut months: Vec<i64> = months.collect();
            let n = *months.select_nth_unstable(middle).1;
            let last = |day: i64| {
                let (month, of_month) = month_of(day);
                of_month == month_length(month)
            };
            let same = |n: i64| {
                gaps().filter(|(a, b)| (b - a) % (n * 7 * DAY) == 0).count() * 10 > 9 * lengths.len()
            };
            if usual % (7 * DAY) == 0 && same(usual / (7 * DAY)) {
                Step::Clock(usual)
            } else {
                let end = times().all(last) && times().any(|d| month_of(d).1 < 31)
                    || times().all(|d| month_of(d).1 == 31);
                Step::Months { n: n.max(1), end }
            }
        } else if (DAY - HOUR..=6 * DAY + HOUR).contains(&usual) {
            let mut seen = [0usize; 7];
            times().for_each(|d| seen[weekday(d) as usize] += 1);
            let n: usize = seen.iter().sum();
            // A weekday that comes less than a fiftieth as often as it might is not one of the table's.
            let mask = (0..7).filter(|&d| seen[d] * 50 * 7 > n).fold(0u8, |mask, d| mask | 1 << d);
            let few = mask.count_ones() < 7 && n >= 14;
            if usual <= DAY + HOUR {
                if few { Step::Weekdays(mask) } else { Step::Clock(DAY) }
            } else {
                // Mondays, Wednesdays and Fridays: each timestamp is on the next of the table's weekdays.
                let next = |&(a, b): &(i64, i64)| Step::Weekdays(mask).between(a, b) == 1;
                let days = few && gaps().filter(next).count() * 10 > 9 * lengths.len();
                if days { Step::Weekdays(mask) } else { Step::Clock(usual) }
            }
        } else {
            Step::Clock(usual)
        };
        // A clock that is put forward or back an hour is no irregularity of days.
        let whole = |&(a, b): &(i64, i64)| match step {
            Step::Clock(length) => {
                let steps = step.between(a, b);
                let off = (b - a - steps * length).abs();
                steps >= 1 && (off == 0 || (length % DAY == 0 && off <= HOUR))
            }
            Step::Weekdays(mask) => mask >> weekday(day_of(b).0) & 1 == 1 && step.between(a, b) >= 1,
            Step::Months { .. } => {
                let steps = step.between(a, b);
                let off = (step.later(a, steps, None) - b).abs();
                steps >= 1 && off <= 4 * DAY
            }
        };
        let regular = gaps().filter(whole).count() as f64 / lengths.len() as f64;
        Some(Found { step, regular })
    }

    /// The season that the calendar suggests, in steps: 12 months, 4 quarters, 7 days (or the table's weekdays), 52 weeks, 24 hours,
    /// 48 half hours, 96 quarters of an hour, 60 minutes or seconds; `None` for years and what else has none.
    pub fn season(self) -> Option<usize> {
        match self {
            Step::Months { n, .. } => (n < 12 && 12 % n == 0).then_some((12 / n) as usize),
            Step::Weekdays(mask) => Some(mask.count_ones() as usize).filter(|n| *n > 1),
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

    /// About how long a step is, in microseconds.
    pub fn length(self) -> i64 {
        match self {
            Step::Clock(length) => length,
            Step::Weekdays(mask) => 7 * DAY / i64::from(mask.count_ones().max(1)),
            Step::Months { n, .. } => (n as f64 * 365.2425 / 12.0 * DAY as f64) as i64,
        }
    }
}

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const UNITS: [(&str, i64); 6] = [
    ("week", 7 * DAY),
    ("day", DAY),
    ("hour", HOUR),
    ("minute", 60 * SECOND),
    ("second", SECOND),
    ("microsecond", 1),
];

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |f: &mut fmt::Formatter<'_>, n: i64, unit: &str| {
            write!(f, "{n} {unit}{}", if n == 1 { "" } else { "s" })
        };
        match *self {
            Step::Clock(length) => {
                let (unit, size) = UNITS.into_iter().find(|(_, size)| length % size == 0).unwrap_or(UNITS[5]);
                counted(f, length / size, unit)
            }
            Step::Weekdays(mask) => {
                f.write_str("weekdays")?;
                (0..7).filter(|d| mask >> d & 1 == 1).try_for_each(|d| write!(f, " {}", NAMES[d]))
            }
            Step::Months { n, end } => {
                if n % 12 == 0 { counted(f, n / 12, "year") } else { counted(f, n, "month") }?;
                f.write_str(if end { " end" } else { "" })
            }
        }
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "'{text}' is not a step; write '1 day', '30 minutes', '1 month', '3 months end' or 'weekdays mon tue wed thu fri'"
            )
        };
        let mut words = text.split_whitespace();
        let first = words.next().ok_or_else(wrong)?;
        if first == "weekdays" {
            let bit = |word: &str| NAMES.iter().position(|n| *n == word).map(|d| 1u8 << d).ok_or_else(wrong);
            let mask = words.map(bit).try_fold(0u8, |mask, bit| bit.map(|bit| mask | bit))?;
            return if mask == 0 { Err(wrong()) } else { Ok(Step::Weekdays(mask)) };
        }
        let n: i64 = first.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
        let unit = words.next().ok_or_else(wrong)?.trim_end_matches('s');
        let end = match words.next() {
            None => false,
            Some("end") => true,
            Some(_) => return Err(wrong()),
        };
        let months = match unit {
            "month" => Some(n),
            "quarter" => n.checked_mul(3),
            "year" => n.checked_mul(12),
            _ => None,
        };
        if let Some(n) = months.filter(|n| *n <= 12_000) {
            return Ok(Step::Months { n, end });
        }
        let length =
            UNITS.into_iter().find(|(name, _)| *name == unit).and_then(|(_, size)| n.checked_mul(size));
        length.filter(|_| !end).map(Step::Clock).ok_or_else(wrong)
    }
}

impl From<Step> for String {
    fn from(step: Step) -> String {
        step.to_string()
    }
}

impl TryFrom<String> for Step {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: i64, month: i64, day: i64) -> i64 {
        days(year, month, day) * DAY
    }

    fn found(times: &[i64]) -> Found {
        Step::infer(&[times.to_vec()]).unwrap()
    }

    #[test]
    fn days_and_dates_are_each_other() {
        for day in (-800_000..800_000).step_by(37) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
        assert_eq!(civil(0), (1970, 1, 1));
    }

    #[test]
    fn months_quarters_and_years_come_on_their_first_or_last_day() {
        let first: Vec<i64> = (0..30).map(|i| at(2020 + i / 12, i % 12 + 1, 1)).collect();
        let step = found(&first).step;
        assert_eq!((step, step.season()), (Step::Months { n: 1, end: false }, Some(12)));
        for (i, time) in first.iter().enumerate() {
            assert_eq!(step.later(first[0], i as i64, None), *time);
            assert_eq!(step.between(first[0], *time), i as i64);
        }
        let ends: Vec<i64> = first.iter().skip(1).map(|t| t - DAY).collect();
        let step = found(&ends).step;
        assert_eq!(step, Step::Months { n: 1, end: true });
        assert!(ends.windows(2).all(|w| step.later(w[0], 1, None) == w[1]));
        let quarters: Vec<i64> = (0..200).map(|i| at(1956 + i / 4, i % 4 * 3 + 1, 1)).collect();
        let step = found(&quarters).step;
        assert_eq!((step, step.season()), (Step::Months { n: 3, end: false }, Some(4)));
        assert_eq!(step.between(quarters[0], quarters[199]), 199);
        let years: Vec<i64> = (1871..1970).map(|y| at(y, 1, 1)).collect();
        let step = found(&years).step;
        assert_eq!((step.to_string().as_str(), step.season()), ("1 year", None));
        assert_eq!(step.later(years[98], 3, None), at(1972, 1, 1));
    }

    #[test]
    fn a_day_that_a_month_lacks_is_its_last() {
        let times = [at(2023, 1, 30), at(2023, 2, 28), at(2023, 3, 30), at(2023, 4, 30)];
        let step = found(&times).step;
        assert_eq!(step, Step::Months { n: 1, end: false });
        let day = Step::day_of_month(times.into_iter());
        assert_eq!(step.later(at(2023, 2, 28), 1, day), at(2023, 3, 30));
    }

    #[test]
    fn weekdays_are_those_of_the_table() {
        let all = (0..400).map(|d| at(2022, 1, 1) + d * DAY);
        let working: Vec<i64> = all.filter(|t| weekday(t / DAY) < 5).collect();
        let Found { step, regular } = found(&working);
        assert_eq!((step, regular), (Step::Weekdays(0b1_1111), 1.0));
        assert!(
            working.windows(2).all(|w| step.later(w[0], 1, None) == w[1] && step.between(w[0], w[1]) == 1)
        );
        assert_eq!(step.season(), Some(5));
        let shop: Vec<i64> =
            (0..100).map(|d| at(2022, 1, 1) + d * DAY).filter(|t| weekday(t / DAY) != 0).collect();
        let step = found(&shop).step;
        assert!(shop.windows(2).all(|w| step.later(w[0], 1, None) == w[1]));
        // A holiday is a step that is missing, not another step.
        let mut holiday = working.clone();
        holiday.remove(40);
        assert_eq!(found(&holiday).step, Step::Weekdays(0b1_1111));
    }

    #[test]
    fn weekdays_with_days_between_them() {
        let monday = days(2024, 1, 1);
        for (mask, name) in [
            (0b1_0101, "weekdays mon wed fri"),
            (0b110_0000, "weekdays sat sun"),
            (0b1010, "weekdays tue thu"),
        ] {
            let on = |day: &i64| mask >> weekday(*day) & 1 == 1;
            let times: Vec<i64> = (monday..monday + 70).filter(on).map(|day| day * DAY).collect();
            let found = found(&times);
            assert_eq!((found.step.to_string().as_str(), found.regular), (name, 1.0));
        }
        // Every second day is on any weekday.
        let second: Vec<i64> = (0..40).map(|i| (monday + 2 * i) * DAY).collect();
        assert_eq!(found(&second).step, Step::Clock(2 * DAY));
    }

    #[test]
    fn clocks_and_a_changed_clock() {
        let hours: Vec<i64> = (0..50).map(|h| h * HOUR).collect();
        assert_eq!(found(&hours), Found { step: Step::Clock(HOUR), regular: 1.0 });
        // Midnight in a zone whose clock goes forward after day 20.
        let local: Vec<i64> = (0..40).map(|d| d * DAY - if d > 20 { HOUR } else { 0 }).collect();
        assert_eq!(found(&local), Found { step: Step::Clock(DAY), regular: 1.0 });
        let odd: Vec<i64> = (0..40).map(|i| i * i * HOUR).collect();
        assert!(found(&odd).regular < 0.9);
    }

    #[test]
    fn steps_are_read_as_they_are_written() {
        let steps = [
            Step::Clock(30 * 60 * SECOND),
            Step::Clock(7 * DAY),
            Step::Clock(1_500_000),
            Step::Weekdays(0b101_0101),
            Step::Months { n: 3, end: true },
            Step::Months { n: 12, end: false },
        ];
        for step in steps {
            assert_eq!(step.to_string().parse(), Ok(step));
        }
        assert_eq!("1 quarter".parse(), Ok(Step::Months { n: 3, end: false }));
        for wrong in
            ["", "soon", "0 days", "1 fortnight", "weekdays", "weekdays someday", "-1 month", "1 day end"]
        {
            assert!(wrong.parse::<Step>().is_err(), "{wrong}");
        }
    }
}

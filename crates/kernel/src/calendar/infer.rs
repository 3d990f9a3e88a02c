//! The step that timestamps show.

use super::dates::{day_of, first_weekday, last_weekday, month_length, month_of, weekday};
use super::{DAY, Found, HOUR, MonthDay, Open, Step};

/// The share of timestamps that must be on the first or last weekday of their month; the others are put off by holidays.
const ON_WEEKDAYS: f64 = 0.8;
/// How many days holidays may put off the first or last weekday of a month.
const PUT_OFF: i64 = 3;

impl Step {
    /// The step that timestamps in ascending order show, over all series together; `None` where no two differ.
    pub fn infer(series: &[Vec<i64>]) -> Option<Found> {
        let gaps = || series.iter().flat_map(|s| s.windows(2).map(|w| (w[0], w[1]))).filter(|(a, b)| b > a);
        let mut lengths: Vec<i64> = gaps().map(|(a, b)| b - a).collect();
        if lengths.is_empty() {
            return None;
        }
        let middle = lengths.len() / 2;
        let usual = *lengths.select_nth_unstable(middle).1;
        let times: Vec<i64> = series.iter().flatten().map(|t| day_of(*t).0).collect();
        let pairs: Vec<(i64, i64)> = gaps().collect();
        let step = match usual {
            _ if usual >= 26 * DAY => of_months(usual, &pairs, &times),
            _ if (DAY - HOUR..=6 * DAY + HOUR).contains(&usual) => of_days(usual, &pairs, &times),
            _ => Open::infer(series, usual).map_or(Step::Clock(usual), Step::Open),
        };
        let regular = pairs.iter().filter(|pair| is_whole(step, **pair)).count() as f64 / pairs.len() as f64;
        Some(Found { step, regular })
    }
}

/// Weeks, or months.
fn of_months(usual: i64, gaps: &[(i64, i64)], days: &[i64]) -> Step {
    let mut months: Vec<i64> =
        gaps.iter().map(|(a, b)| Step::Months { n: 1, on: MonthDay::Same }.between(*a, *b)).collect();
    let middle = months.len() / 2;
    let n = *months.select_nth_unstable(middle).1;
    let same =
        |n: i64| gaps.iter().filter(|(a, b)| (b - a) % (n * 7 * DAY) == 0).count() * 10 > 9 * gaps.len();
    if usual % (7 * DAY) == 0 && same(usual / (7 * DAY)) {
        return Step::Clock(usual);
    }
    let last = |day: &i64| {
        let (month, of_month) = month_of(*day);
        of_month == month_length(month)
    };
    let end = days.iter().all(last) && days.iter().any(|d| month_of(*d).1 < 31)
        || days.iter().all(|d| month_of(*d).1 == 31);
    let on = if end { MonthDay::Last } else { weekday_of_month(days) };
    Step::Months { n: n.max(1), on }
}

/// The first or last weekday of the month, where that is not the same day in each.
fn weekday_of_month(days: &[i64]) -> MonthDay {
    let first = month_of(days[0]).1;
    if days.len() < 6 || days.iter().all(|day| month_of(*day).1 == first) {
        return MonthDay::Same;
    }
    let mostly = |off: &dyn Fn(i64) -> i64| {
        let near = days.iter().all(|day| (0..=PUT_OFF).contains(&off(*day)));
        let on = days.iter().filter(|day| off(**day) == 0).count() as f64;
        near && on >= ON_WEEKDAYS * days.len() as f64
    };
    if mostly(&|day| day - first_weekday(month_of(day).0)) {
        MonthDay::FirstWeekday
    } else if mostly(&|day| last_weekday(month_of(day).0) - day) {
        MonthDay::LastWeekday
    } else {
        MonthDay::Same
    }
}

/// Days, or some days of the week.
fn of_days(usual: i64, gaps: &[(i64, i64)], days: &[i64]) -> Step {
    let mut seen = [0usize; 7];
    days.iter().for_each(|d| seen[weekday(*d) as usize] += 1);
    let n: usize = seen.iter().sum();
    // A weekday that comes less than a fiftieth as often as it might is not one of the table's.
    let mask = (0..7).filter(|&d| seen[d] * 50 * 7 > n).fold(0u8, |mask, d| mask | 1 << d);
    let few = mask.count_ones() < 7 && n >= 14;
    if usual <= DAY + HOUR {
        return if few { Step::Weekdays(mask) } else { Step::Clock(DAY) };
    }
    // Mondays, Wednesdays and Fridays: each timestamp is on the next of the table's weekdays.
    let next = |&&(a, b): &&(i64, i64)| Step::Weekdays(mask).between(a, b) == 1;
    let named = few && gaps.iter().filter(next).count() * 10 > 9 * gaps.len();
    if named { Step::Weekdays(mask) } else { Step::Clock(usual) }
}

/// Whether two timestamps are a whole number of steps apart. A clock that is put forward or back an hour is no irregularity of days.
fn is_whole(step: Step, (a, b): (i64, i64)) -> bool {
    let steps = step.between(a, b);
    match step {
        Step::Clock(length) => {
            let off = (b - a - steps * length).abs();
            steps >= 1 && (off == 0 || (length % DAY == 0 && off <= HOUR))
        }
        Step::Weekdays(mask) => mask >> weekday(day_of(b).0) & 1 == 1 && steps >= 1,
        Step::Open(open) => open.has(b) && steps >= 1,
        Step::Months { .. } => {
            let off = (step.later(a, steps, None) - b).abs();
            steps >= 1 && off <= 4 * DAY
        }
    }
}

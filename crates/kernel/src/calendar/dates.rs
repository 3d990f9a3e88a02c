//! Days since 1970 as dates, and back.

use super::{DAY, HOUR};

/// From here on it is past midnight in some zone whose clock is put forward in summer; no such zone has midnight now before, now after it.
const EVENING: i64 = 19 * HOUR;

/// The day since 1970 and the microseconds into it.
pub(super) fn day_of(time: i64) -> (i64, i64) {
    (time.div_euclid(DAY), time.rem_euclid(DAY))
}

/// The same, where the evening before a month is its first day: midnight in a zone whose clock is put forward in summer, as London's, is
/// now on the first of a month and now, by universal time, on the last of the one before. The time of day is then below 0.
pub(super) fn date_of(time: i64) -> (i64, i64) {
    let (day, clock) = day_of(time);
    let (month, of_month) = month_of(day);
    if clock >= EVENING && of_month == month_length(month) { (day + 1, clock - DAY) } else { (day, clock) }
}

/// 0 for a Monday; 1970-01-01 was a Thursday.
pub(super) fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// Year, month from 1 and day of the month from 1 (Hinnant, "chrono-compatible low-level date algorithms").
pub(super) fn civil(day: i64) -> (i64, i64, i64) {
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
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

pub(super) fn month_length(month: i64) -> i64 {
    let (year, of_year) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let next = if of_year == 12 { days(year + 1, 1, 1) } else { days(year, of_year + 1, 1) };
    next - days(year, of_year, 1)
}

/// Months since year 0, and the day of the month from 1.
pub(super) fn month_of(day: i64) -> (i64, i64) {
    let (year, month, of_month) = civil(day);
    (year * 12 + month - 1, of_month)
}

/// The day since 1970 of a day of a month since year 0; one that the month lacks is its last.
pub(super) fn day_in(month: i64, of_month: i64) -> i64 {
    let (year, of_year) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    days(year, of_year, of_month.min(month_length(month)))
}

/// The first day of a month from Monday to Friday.
pub(super) fn first_weekday(month: i64) -> i64 {
    let first = day_in(month, 1);
    first + (7 - weekday(first)) * i64::from(weekday(first) > 4)
}

/// The last one.
pub(super) fn last_weekday(month: i64) -> i64 {
    let last = day_in(month, 31);
    last - (weekday(last) - 4).max(0)
}

/// Days of the set up to (not including) a day.
pub(super) fn rank(mask: u8, day: i64) -> i64 {
    let monday = day - weekday(day);
    let whole = monday.div_euclid(7) * i64::from(mask.count_ones());
    whole + i64::from((mask & ((1u16 << weekday(day)) - 1) as u8).count_ones())
}

/// The day of the set that has so many before it.
pub(super) fn ranked(mask: u8, target: i64) -> i64 {
    let size = i64::from(mask.count_ones().max(1));
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
    next
}

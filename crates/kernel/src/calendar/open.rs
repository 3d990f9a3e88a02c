//! Times of day that come with gaps between them: hours at which a shop is open, or a market.

use super::dates::{day_of, rank, ranked, weekday};
use super::{DAY, MINUTE, Step};

/// Every day of the week.
pub(super) const EVERY_DAY: u8 = 0b111_1111;
/// A shorter part of a day without any timestamp is no closing time.
const CLOSED: f64 = 0.2;
/// A time of day that comes less than this share as often as the usual one is not one of the table's.
const RARE: f64 = 0.02;
/// Of fewer days, no hours are known.
const DAYS: usize = 5;
/// The share of neighbours that must be one step apart.
const REGULAR: f64 = 0.8;

/// Steps of a fixed length within a part of each day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// The distance of neighbouring times of a day, in microseconds; whole minutes.
    pub length: i64,
    /// The first time of a day, in microseconds from midnight; whole minutes.
    pub first: i64,
    /// How many times a day has.
    pub n: i64,
    /// The days of the week whose bit is set, Monday being bit 0; a night belongs to the day on which it begins.
    pub days: u8,
}

impl Open {
    /// Steps since 1970, where a moment outside the hours counts as the next one within.
    fn place(self, time: i64) -> i64 {
        let (day, clock) = day_of(time - self.first);
        let open = self.days >> weekday(day) & 1 == 1;
        let slot = (clock as f64 / self.length as f64).round() as i64;
        rank(self.days, day) * self.n + if open { slot.min(self.n) } else { 0 }
    }

    pub(super) fn between(self, from: i64, to: i64) -> i64 {
        self.place(to) - self.place(from)
    }

    pub(super) fn later(self, from: i64, steps: i64) -> i64 {
        let place = self.place(from) + steps;
        let day = ranked(self.days, place.div_euclid(self.n));
        day * DAY + self.first + place.rem_euclid(self.n) * self.length
    }

    /// Whether a timestamp is one of its own.
    pub(super) fn has(self, time: i64) -> bool {
        let (day, clock) = day_of(time - self.first);
        self.days >> weekday(day) & 1 == 1 && clock % self.length == 0 && clock / self.length < self.n
    }

    /// Steps of a length of time: of whole days, those of so many days.
    pub(super) fn steps_in(self, time: i64) -> i64 {
        let (days, rest) = (time / DAY, time % DAY);
        let whole =
            days / 7 * i64::from(self.days.count_ones()) + (days % 7).min(i64::from(self.days.count_ones()));
        whole * self.n + ((rest as f64 / self.length as f64).round() as i64).min(self.n)
    }

    /// The hours that timestamps show which are mostly so far apart; `None` where they go round the clock.
    pub(super) fn infer(series: &[Vec<i64>], length: i64) -> Option<Open> {
        if length % MINUTE != 0 || DAY % length != 0 || length > DAY / 3 {
            return None;
        }
        let n_clocks = (DAY / length) as usize;
        let times = || series.iter().flatten().copied();
        let offset = times().next()?.rem_euclid(length);
        if offset % MINUTE != 0 {
            return None;
        }
        let mut seen = vec![0usize; n_clocks];
        times()
            .filter(|time| time.rem_euclid(length) == offset)
            .for_each(|time| seen[(time.rem_euclid(DAY) / length) as usize] += 1);
        let most = seen.iter().max().copied().unwrap_or(0) as f64;
        let open: Vec<bool> = seen.iter().map(|&n| n > 0 && n as f64 >= RARE * most).collect();
        let (after, closed) = longest_gap(&open)?;
        if (closed as f64) < CLOSED * n_clocks as f64 || closed + 1 >= n_clocks {
            return None;
        }
        let first = (after % n_clocks) as i64 * length + offset;
        let own = Open { length, first, n: (n_clocks - closed) as i64, days: EVERY_DAY };
        let mut weekdays = [0usize; 7];
        times().for_each(|time| weekdays[weekday(day_of(time - first).0) as usize] += 1);
        let all: usize = weekdays.iter().sum();
        if all < DAYS * own.n as usize {
            return None;
        }
        let days = (0..7).filter(|&d| weekdays[d] * 50 * 7 > all).fold(0u8, |days, d| days | 1 << d);
        let own = Open { days: if all < 14 * own.n as usize { EVERY_DAY } else { days }, ..own };
        let pairs = || series.iter().flat_map(|s| s.windows(2)).filter(|w| w[1] > w[0]);
        let next = pairs().filter(|w| own.has(w[1]) && own.between(w[0], w[1]) == 1).count();
        (next as f64 >= REGULAR * pairs().count() as f64).then_some(own)
    }
}

/// The longest run of times that never come, round the clock: the place behind it, and its length.
fn longest_gap(open: &[bool]) -> Option<(usize, usize)> {
    let n = open.len();
    let start = open.iter().position(|open| *open)?;
    let (mut best, mut run) = ((start, 0), 0);
    for at in start + 1..=start + n {
        if open[at % n] {
            if run > best.1 {
                best = (at, run);
            }
            run = 0;
        } else {
            run += 1;
        }
    }
    Some(best)
}

impl From<Open> for Step {
    fn from(open: Open) -> Step {
        Step::Open(open)
    }
}

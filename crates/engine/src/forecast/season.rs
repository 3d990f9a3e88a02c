//! The season of a series: the calendar's, tested by the data.

use tidemill_kernel::autocorrelation;
use tidemill_kernel::calendar::Step;

/// The longest season that is looked for, in steps.
const LONGEST: usize = 400;
/// A season other than the calendar's must resemble itself more by this much.
const LOUDER: f64 = 0.2;
/// A day in microseconds.
pub(super) const DAY: i64 = 86_400_000_000;
/// The most steps of a day that is a season.
const LONGEST_DAY: i64 = 1_440;
/// Parts of a day whose means are compared with those of the day before.
const HOURS: usize = 24;
/// The latest days that are compared.
const MOST_DAYS: usize = 60;
/// Of fewer pairs of days, chance is not to be told from a season by how much they differ.
const FEW_PAIRS: usize = 4;

/// The season of the calendar, where the series has two of it, or another that the series shows far more clearly.
pub(super) fn season(series: &[f64], step: Step) -> Option<usize> {
    // Of minutes the calendar says an hour; most of what is counted by the minute goes with the day.
    let day = day(step).filter(|day| step.season().is_some_and(|hour| hour < *day));
    if let Some(day) = day.filter(|day| days_are_alike(series, *day)) {
        return Some(day);
    }
    let shown = autocorrelation::season(series, LONGEST);
    let usual = step.season().filter(|season| series.len() >= 2 * season);
    match (usual, shown) {
        (Some(usual), Some(shown)) if usual != shown => {
            let acf = autocorrelation::acf(series, usual.max(shown));
            let louder = acf[shown] > acf[usual] + LOUDER && !shown.is_multiple_of(usual);
            Some(if louder { shown } else { usual })
        }
        (usual, shown) => usual.or(shown),
    }
}

/// The steps of a day, where it has a whole number of them, and not too many.
fn day(step: Step) -> Option<usize> {
    let Step::Clock(length) = step else { return None };
    let whole = length > 0 && DAY % length == 0 && DAY / length <= LONGEST_DAY;
    whole.then(|| (DAY / length) as usize)
}

/// Whether the hours of a day go as those of the day before. Each day is taken without its own straight line, so that neither what grows nor
/// what merely wanders looks alike: its days then differ as often as they agree.
fn days_are_alike(series: &[f64], day: usize) -> bool {
    let n = (series.len() / day).min(MOST_DAYS);
    let tail = &series[series.len() - n * day..];
    let days: Vec<Vec<f64>> = tail.chunks_exact(day).map(shape).collect();
    let alike: Vec<f64> = days.windows(2).filter_map(|w| correlation(&w[0], &w[1])).collect();
    let (count, mean) = (alike.len() as f64, alike.iter().sum::<f64>() / alike.len() as f64);
    if alike.len() <= FEW_PAIRS {
        return !alike.is_empty() && mean > 0.7;
    }
    let variance = alike.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (count - 1.0);
    mean > 0.2 && mean > 3.0 * (variance / count).sqrt()
}

/// The means of a day's hours, less the line through them; `NaN` where nothing is known.
fn shape(day: &[f64]) -> Vec<f64> {
    let hours = day.chunks(day.len().div_ceil(HOURS)).map(|hour| {
        let known: Vec<f64> = hour.iter().copied().filter(|x| !x.is_nan()).collect();
        known.iter().sum::<f64>() / known.len() as f64
    });
    let mut hours: Vec<f64> = hours.collect();
    let known = || hours.iter().enumerate().filter(|(_, x)| !x.is_nan()).map(|(i, x)| (i as f64, *x));
    let n = known().count() as f64;
    let (when, level) = known().fold((0.0, 0.0), |(t, y), (i, x)| (t + i / n, y + x / n));
    let spread: f64 = known().map(|(i, _)| (i - when).powi(2)).sum();
    let slope = known().map(|(i, x)| (i - when) * (x - level)).sum::<f64>() / spread.max(1.0);
    hours.iter_mut().enumerate().for_each(|(i, x)| *x -= level + slope * (i as f64 - when));
    hours
}

/// How much two days go alike; `None` where half of their hours are not known, or one is flat.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let both: Vec<(f64, f64)> =
        a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan()).map(|(a, b)| (*a, *b)).collect();
    let sum = |of: fn(&(f64, f64)) -> f64| both.iter().map(of).sum::<f64>();
    let (ab, aa, bb) = (sum(|(a, b)| a * b), sum(|(a, _)| a * a), sum(|(_, b)| b * b));
    (2 * both.len() >= a.len() && aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

#[cfg(test)]
mod tests {
    use tidemill_kernel::Random;

    use super::*;

    const MINUTE: i64 = 60_000_000;

    /// Days of steps of so many minutes: a wave of the day, noise, and what wanders.
    fn series(minutes: i64, days: usize, wave: f64, noise: f64, wander: f64) -> Vec<f64> {
        let day = (1_440 / minutes) as usize;
        let (mut random, mut level) = (Random::new(5, days as u64), 0.0);
        let one = |i: usize| {
            level += wander * random.normal();
            let turn = std::f64::consts::TAU * (i % day) as f64 / day as f64;
            20.0 + wave * (turn.sin() + 0.5 * (2.0 * turn).cos()) + noise * random.normal() + level
        };
        (0..days * day).map(one).collect()
    }

    #[test]
    fn a_day_of_minutes_is_the_season_where_days_go_alike() {
        for minutes in [1, 2, 5, 10] {
            let step = Step::Clock(minutes * MINUTE);
            let day = (1_440 / minutes) as usize;
            assert_eq!(season(&series(minutes, 3, 1.0, 0.1, 0.0), step), Some(day), "{minutes} minutes");
            for days in [7, 14, 30] {
                for noise in [0.1, 1.0] {
                    let found = season(&series(minutes, days, 1.0, noise, 0.0), step);
                    assert_eq!(found, Some(day), "{minutes} minutes, {days} days, noise {noise}");
                }
                let wandering = series(minutes, days, 0.0, 0.1, 0.3);
                assert_ne!(season(&wandering, step), Some(day), "{minutes} minutes, {days} days");
            }
        }
    }

    #[test]
    fn what_grows_or_has_gaps_is_no_other_case() {
        let step = Step::Clock(10 * MINUTE);
        let mut random = Random::new(7, 0);
        let grows: Vec<f64> =
            (0..2_000).map(|i| 100.0 * (f64::from(i) / 40_000.0).exp() + random.normal()).collect();
        assert_ne!(season(&grows, step), Some(144));
        let mut gaps = series(10, 14, 1.0, 0.5, 0.0);
        gaps[300..420].fill(f64::NAN);
        assert_eq!(season(&gaps, step), Some(144));
    }

    #[test]
    fn longer_steps_have_the_season_of_the_calendar() {
        let hourly = series(60, 14, 1.0, 0.5, 0.0);
        assert_eq!(season(&hourly, Step::Clock(60 * MINUTE)), Some(24));
    }
}

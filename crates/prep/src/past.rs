//! The past of a series as seen from a timestamp: its values on a grid of equal steps.

use tidemill_core::Point;
use tidemill_kernel::calendar::Step;

/// The longest past that is kept, in steps.
pub(crate) const LONGEST: usize = 100_000;

/// Values step by step up to the last one known, `NaN` where there is none.
pub(crate) struct Past {
    grid: Vec<f64>,
    ahead: usize,
}

/// What values have in common; `NaN` where there is none.
pub(crate) struct Spread {
    pub(crate) mean: f64,
    pub(crate) std: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Past {
    /// Of these points, in the order of time, those before `timestamp` (all of them without one), and of them the last `most` steps, at
    /// least 1.
    pub(crate) fn of(
        points: impl Iterator<Item = Point>,
        moment: Option<i64>,
        step: Step,
        most: usize,
    ) -> Self {
        let known: Vec<Point> = points.filter(|(at, _)| moment.is_none_or(|m| *at < m)).collect();
        let Some(&(last, _)) = known.last() else { return Past { grid: Vec::new(), ahead: 1 } };
        let steps = |from: i64, to: i64| step.between(from, to);
        let depth = steps(known[0].0, last).clamp(0, most as i64 - 1);
        let mut grid = vec![f64::NAN; depth as usize + 1];
        for &(at, value) in &known {
            let back = steps(at, last);
            if (0..=depth).contains(&back) {
                grid[(depth - back) as usize] = value;
            }
        }
        let ahead = moment.map_or(1, |m| steps(last, m).clamp(1, LONGEST as i64)) as usize;
        Past { grid, ahead }
    }

    /// How many steps it has.
    pub(crate) fn len(&self) -> usize {
        self.grid.len()
    }

    /// Steps from the last value to the moment, at least 1.
    pub(crate) fn ahead(&self) -> usize {
        self.ahead
    }

    /// The value so many steps before the last.
    pub(crate) fn back(&self, steps: usize) -> f64 {
        self.grid.len().checked_sub(steps + 1).map_or(f64::NAN, |at| self.grid[at])
    }

    /// The last value.
    pub(crate) fn last(&self) -> f64 {
        self.back(0)
    }

    /// The known values at the moment's place in a season, the latest first.
    pub(crate) fn same_place(&self, season: usize) -> Vec<f64> {
        let first = (season - self.ahead % season) % season;
        (first..self.grid.len()).step_by(season).map(|steps| self.back(steps)).collect()
    }

    /// What the last `n` values have in common.
    pub(crate) fn spread(&self, n: usize) -> Spread {
        let from = self.grid.len().saturating_sub(n);
        let known: Vec<f64> = self.grid[from..].iter().copied().filter(|x| !x.is_nan()).collect();
        let count = known.len() as f64;
        let mean = known.iter().sum::<f64>() / count;
        let std = (known.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        let fold = |with: fn(f64, f64) -> f64| known.iter().copied().fold(f64::NAN, with);
        Spread { mean, std, min: fold(f64::min), max: fold(f64::max) }
    }

    /// The last values, the oldest first; for one that is missing the one before it, before the first the first, without any 0.
    pub(crate) fn window(&self, out: &mut [f32]) {
        let first = self.grid.iter().copied().find(|x| !x.is_nan()).unwrap_or(0.0);
        let n = out.len();
        let from = self.grid.len().saturating_sub(n);
        let before = self.grid[..from].iter().rev().copied().find(|x| !x.is_nan());
        let mut held = before.unwrap_or(first);
        let lead = n - (self.grid.len() - from);
        out[..lead].fill(held as f32);
        for (slot, &x) in out[lead..].iter_mut().zip(&self.grid[from..]) {
            held = if x.is_nan() { held } else { x };
            *slot = held as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use tidemill_kernel::calendar::MonthDay;

    use super::*;

    fn past(values: &[(i64, f64)], moment: Option<i64>) -> Past {
        Past::of(values.iter().copied(), moment, Step::Clock(10), LONGEST)
    }

    #[test]
    fn gaps_and_the_time_before_are_filled_in_the_window_alone() {
        let past = past(&[(0, 1.0), (10, 2.0), (30, 4.0)], Some(50));
        assert_eq!((past.ahead(), past.last(), past.back(2)), (2, 4.0, 2.0));
        assert!(past.back(1).is_nan() && past.back(9).is_nan());
        let mut window = [0.0; 6];
        past.window(&mut window);
        assert_eq!(window, [1.0, 1.0, 1.0, 2.0, 2.0, 4.0]);
        assert_eq!(past.spread(2).mean, 4.0);
    }

    #[test]
    fn the_same_place_of_a_season_is_never_later_than_the_past() {
        let values: Vec<(i64, f64)> = (0..10).map(|i| (i * 10, i as f64)).collect();
        // Place 9 is the last; seasons of 4: the moment 10 is at the places 6 and 2, 12 at 8, 4 and 0.
        assert_eq!(past(&values, Some(100)).same_place(4), [6.0, 2.0]);
        assert_eq!(past(&values, Some(120)).same_place(4), [8.0, 4.0, 0.0]);
        assert_eq!(past(&values, Some(170)).same_place(4), [9.0, 5.0, 1.0]);
    }

    #[test]
    fn what_comes_at_or_after_the_moment_is_not_seen() {
        let values: Vec<(i64, f64)> = (0..10).map(|i| (i * 10, i as f64)).collect();
        let seen = past(&values, Some(50));
        assert_eq!((seen.last(), seen.ahead()), (4.0, 1));
        let none = past(&values, Some(0));
        assert!(none.last().is_nan() && none.spread(3).std.is_nan() && none.same_place(2).is_empty());
        let mut window = [1.0; 3];
        none.window(&mut window);
        assert_eq!(window, [0.0; 3]);
    }

    #[test]
    fn what_lies_further_back_than_asked_for_changes_nothing() {
        let values: Vec<(i64, f64)> = (0..10).map(|i| (i * 10, i as f64)).collect();
        let whole = Past::of(values.iter().copied(), Some(100), Step::Clock(10), 4);
        let cut = Past::of(values[6..].iter().copied(), Some(100), Step::Clock(10), LONGEST);
        assert_eq!((whole.grid.as_slice(), whole.len()), (cut.grid.as_slice(), 4));
        assert_eq!(whole.same_place(2), cut.same_place(2));
    }

    #[test]
    fn months_of_unequal_length_are_a_step_each() {
        let day = 86_400_000_000;
        let starts = [0, 31, 59, 90, 120, 151, 181].map(|d| (d * day, d as f64));
        let past =
            Past::of(starts.into_iter(), Some(212 * day), Step::Months { n: 1, on: MonthDay::Same }, LONGEST);
        assert_eq!((past.grid.len(), past.ahead()), (7, 1));
        assert!(past.grid.iter().all(|x| !x.is_nan()));
    }
}

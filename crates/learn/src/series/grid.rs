//! Points in time as values step by step.

use tidemill_core::Point;
use tidemill_kernel::calendar::Step;

/// The farthest step that is answered.
const MOST: i64 = 100_000;

/// A series on steps of its calendar; a step without a value lies on the line between its neighbours.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    /// The first timestamp.
    pub first: i64,
    /// The last one.
    pub last: i64,
    pub values: Vec<f64>,
}

impl Grid {
    /// The latest `most` steps of points in ascending order; of several in one step the last counts.
    pub(super) fn of(points: impl Iterator<Item = Point>, step: Step, most: usize) -> Grid {
        let points: Vec<Point> = points.collect();
        let (Some(&(mut first, _)), Some(&(last, _))) = (points.first(), points.last()) else {
            return Grid { first: 0, last: 0, values: Vec::new() };
        };
        let mut from = 0;
        while step.between(first, last) >= most.max(1) as i64 {
            from += 1;
            first = points[from].0;
        }
        let mut values: Vec<f64> = vec![f64::NAN; step.between(first, last).max(0) as usize + 1];
        for &(time, value) in &points[from..] {
            let at = step.between(first, time).max(0) as usize;
            values[at] = value;
        }
        fill(&mut values);
        Grid { first, last, values }
    }

    /// Steps from the last value to a moment, at least 1; 1 without a moment.
    pub(super) fn ahead(&self, moment: Option<i64>, step: Step) -> usize {
        let apart = moment.filter(|_| !self.values.is_empty()).map_or(1, |m| step.between(self.last, m));
        apart.clamp(1, MOST) as usize
    }
}

/// Lines over what is not there; the first and the last value are.
fn fill(values: &mut [f64]) {
    let mut known = 0;
    for at in 1..values.len() {
        if values[at].is_nan() {
            continue;
        }
        let (from, to) = (values[known], values[at]);
        let width = (at - known) as f64;
        for (steps, between) in values[known..at].iter_mut().enumerate().skip(1) {
            *between = from + (to - from) * steps as f64 / width;
        }
        known = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_bridged_and_steps_counted() {
        let step = Step::Clock(10);
        let grid = Grid::of([(0, 1.0), (10, 2.0), (40, 5.0)].into_iter(), step, 100);
        assert_eq!(grid.values, [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(
            (grid.ahead(Some(60), step), grid.ahead(None, step), grid.ahead(Some(0), step)),
            (2, 1, 1)
        );
        assert!(Grid::of(std::iter::empty(), step, 100).values.is_empty());
        let recent = Grid::of([(0, 1.0), (10, 2.0), (20, 3.0)].into_iter(), step, 2);
        assert_eq!((recent.first, recent.values), (10, vec![2.0, 3.0]));
    }
}

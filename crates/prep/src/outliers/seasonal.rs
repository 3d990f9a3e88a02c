//! Numbers far from what is usual at their place in a season.

use serde::{Deserialize, Serialize};

use crate::mapping::Saved;
use crate::numbers::{MAD_TO_DEVIATION, median};
use crate::ordered::Ordered;
use crate::placing::Place;

/// The most phases of a season, and the most numbers that all seasons together may have.
const PHASES: usize = 1000;
const MOST: usize = 4_000_000;

/// What is usual along a line, group by group: the median over one season around a place, and how far the median at the same phase of
/// all seasons lies from it. What is left over has a spread, and numbers too many of these away are outliers.
///
/// Medians stand in for the means of a classical decomposition, so that outliers do not shift what they are held against.
#[derive(Debug)]
pub(super) struct Seasons {
    period: f64,
    phases: usize,
    threshold: f64,
    /// The known places, each with the median around it.
    levels: Ordered,
    /// By group and column, the distance of each phase.
    profiles: Vec<f64>,
    /// By group and column, the spread; 0 where nothing is an outlier.
    spreads: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notes {
    phases: usize,
    n_groups: usize,
    ends: Vec<usize>,
}

impl Seasons {
    /// From rows of `p` numbers and their places.
    pub(super) fn fit(
        x: &[f64],
        p: usize,
        (places, n_groups): (&[Place], usize),
        period: f64,
        threshold: f64,
    ) -> Self {
        let known = Ordered::learn(x, p, places, n_groups);
        let phases = phases(&known, p, period);
        let mut this = Seasons {
            period,
            phases,
            threshold,
            profiles: Vec::with_capacity(n_groups * p * phases),
            spreads: Vec::with_capacity(n_groups * p),
            levels: Ordered::default(),
        };
        let mut levels = Vec::new();
        for (group, j) in (0..n_groups).flat_map(|group| (0..p).map(move |j| (group, j))) {
            let (at, values) = known.of(group, j);
            let own = around(at, values, period);
            let mut left: Vec<f64> = values.iter().zip(&own).map(|(x, level)| x - level).collect();
            let mut by_phase = vec![Vec::new(); phases];
            at.iter().zip(&left).for_each(|(at, x)| by_phase[this.phase(*at)].push(*x));
            let profile: Vec<f64> = by_phase.iter_mut().map(|x| median(x).unwrap_or(0.0)).collect();
            left.iter_mut().zip(at).for_each(|(x, at)| *x = (*x - profile[this.phase(*at)]).abs());
            this.spreads.push(MAD_TO_DEVIATION * median(&mut left).unwrap_or(0.0));
            this.profiles.extend(profile);
            levels.extend(own);
        }
        this.levels = known.with_values(levels);
        this
    }

    fn phase(&self, at: f64) -> usize {
        let share = at.rem_euclid(self.period) / self.period;
        // Of places in equal steps, rounding must not move one to the phase before.
        ((share * self.phases as f64 + 1e-6) as usize).min(self.phases - 1)
    }

    /// Between which numbers a column's number at this place is no outlier; `None` where nothing is known of it.
    pub(super) fn bounds(&self, Place { group, at: x }: Place, j: usize, p: usize) -> Option<[f64; 2]> {
        let group = group.map(|g| g as usize).filter(|g| *g < self.levels.n_groups())?;
        let (at, levels) = self.levels.of(group, j);
        let spread = self.spreads[group * p + j];
        if x.is_nan() || at.is_empty() || spread.is_nan() || spread <= 0.0 {
            return None;
        }
        let level = self.level(at, levels, x);
        let usual = level + self.profiles[(group * p + j) * self.phases + self.phase(x)];
        Some([usual - self.threshold * spread, usual + self.threshold * spread])
    }

    /// The level at a place: that of the last known place, after all of them moved on by at most one season as it moved in the last.
    fn level(&self, at: &[f64], levels: &[f64], x: f64) -> f64 {
        let n = at.partition_point(|at| *at <= x);
        let own = levels[n.saturating_sub(1)];
        let (last, ago) =
            (at[at.len() - 1], at.partition_point(|place| *place <= at[at.len() - 1] - self.period));
        match ago.checked_sub(1) {
            Some(ago) if n == at.len() && x > last => {
                own + (own - levels[ago]) / (last - at[ago]) * (x - last).min(self.period)
            }
            _ => own,
        }
    }

    pub(super) fn save(&self) -> (Notes, Vec<f64>) {
        let (ends, known) = self.levels.save();
        let notes = Notes { phases: self.phases, n_groups: self.levels.n_groups(), ends };
        let floats = [self.period, self.threshold].into_iter().chain(self.spreads.iter().copied());
        (notes, floats.chain(self.profiles.iter().copied()).chain(known).collect())
    }

    /// The inverse of [`Seasons::save`], for `p` inputs.
    pub(super) fn load(notes: Notes, saved: &Saved, p: usize) -> Result<Self, String> {
        let broken = || "its seasons are not whole".to_string();
        let Notes { phases, n_groups, ends } = notes;
        let [period, threshold, rest @ ..] = &saved.floats[..] else { return Err(broken()) };
        let n = n_groups.checked_mul(p).filter(|n| *n == ends.len()).ok_or_else(broken)?;
        let (spreads, rest) = rest.split_at_checked(n).ok_or_else(broken)?;
        let n = n.checked_mul(phases).filter(|n| *n <= MOST.max(spreads.len())).ok_or_else(broken)?;
        let (profiles, known) = rest.split_at_checked(n).ok_or_else(broken)?;
        let sound = *period > 0.0 && period.is_finite() && *threshold > 0.0;
        if !sound || !(1..=PHASES).contains(&phases) {
            return Err(broken());
        }
        let levels = Ordered::load(ends, known, p)?;
        let (profiles, spreads) = (profiles.to_vec(), spreads.to_vec());
        Ok(Seasons { period: *period, phases, threshold: *threshold, levels, profiles, spreads })
    }
}

/// As many phases as a season has usual steps.
fn phases(known: &Ordered, p: usize, period: f64) -> usize {
    let lines = (0..known.n_groups()).flat_map(|group| (0..p).map(move |j| (group, j)));
    let mut gaps: Vec<f64> =
        lines.flat_map(|(group, j)| known.of(group, j).0.windows(2).map(|w| w[1] - w[0])).collect();
    let steps = median(&mut gaps).map_or(1.0, |gap| (period / gap).round());
    let most = (MOST / (known.n_groups() * p).max(1)).clamp(1, PHASES);
    if steps.is_finite() { (steps as usize).clamp(1, most) } else { 1 }
}

/// Of each number the median of those within a season around it; at the ends that of the first or the last season, moved on as the
/// season beside it says.
fn around(at: &[f64], values: &[f64], period: f64) -> Vec<f64> {
    let (Some(first), Some(last)) = (at.first(), at.last()) else { return Vec::new() };
    let half = period / 2.0;
    let (earliest, latest) = match last - first > period {
        true => (first + half, last - half),
        false => ((first + last) / 2.0, (first + last) / 2.0),
    };
    let near = |middle: f64| median_within(at, values, middle - half, middle + half);
    let slope =
        |from: f64, to: f64| if latest - earliest >= period { (near(to) - near(from)) / period } else { 0.0 };
    let (rise, last_rise) = (slope(earliest, earliest + period), slope(latest - period, latest));
    let (first_level, last_level) = (near(earliest), near(latest));
    let level = |x: &f64| match *x {
        x if x < earliest => first_level + rise * (x - earliest),
        x if x > latest => last_level + last_rise * (x - latest),
        x => near(x),
    };
    at.iter().map(level).collect()
}

/// The median of the numbers from one place up to, but not at, another; of none, that of the nearest.
fn median_within(at: &[f64], values: &[f64], from: f64, to: f64) -> f64 {
    let low = at.partition_point(|at| *at < from).min(at.len() - 1);
    let high = at.partition_point(|at| *at < to).max(low + 1);
    median(&mut values[low..high].to_vec()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four weeks of days that rise, with a peak each Saturday; one day that is no peak lies as high as peaks do.
    #[test]
    fn a_peak_in_season_is_usual_and_the_same_height_out_of_season_is_not() {
        let usual = |day: usize| {
            let noise = ((day * 37) % 11) as f64 / 50.0;
            0.05 * day as f64 + if day % 7 == 5 { 10.0 } else { 0.0 } + noise
        };
        let mut x: Vec<f64> = (0..70).map(usual).collect();
        x[30] += 10.0;
        let places: Vec<Place> = (0..70).map(|day| Place { group: Some(0), at: day as f64 }).collect();
        let seasons = Seasons::fit(&x, 1, (&places, 1), 7.0, 3.5);
        assert_eq!(seasons.phases, 7);
        let outside =
            |place: Place, x: f64| seasons.bounds(place, 0, 1).is_some_and(|[low, high]| x < low || x > high);
        let found: Vec<usize> = (0..70).filter(|day| outside(places[*day], x[*day])).collect();
        assert_eq!(found, [30]);
        // Later rows are held to the level that goes on, and to the season.
        assert!(!outside(Place { group: Some(0), at: 75.0 }, usual(75)));
        assert!(outside(Place { group: Some(0), at: 76.0 }, usual(76) + 10.0));
        assert!(outside(Place { group: Some(0), at: 75.0 }, usual(75) - 10.0), "a peak that is missing");
        // Of an unknown group nothing is known.
        assert!(!outside(Place { group: None, at: 75.0 }, 1e9));
        let (notes, floats) = seasons.save();
        let saved = Saved { floats, ..Saved::default() };
        let loaded = Seasons::load(notes, &saved, 1).unwrap();
        assert_eq!(loaded.bounds(places[3], 0, 1), seasons.bounds(places[3], 0, 1));
        let (notes, _) = seasons.save();
        assert!(Seasons::load(notes, &Saved::default(), 1).is_err());
    }
}

//! Tracks as a model keeps them: the fixes of training, by the track that they are of.

use serde::{Deserialize, Serialize};
use tidemill_kernel::geo::Metric;

use super::motion::{Fix, Measure, Trail, say_first};
use super::rotation::Rotation;
use crate::joint::Joint;
use crate::mapping::Saved;
use crate::placing::Place;

/// What a row says of a fix beside its time: x, y, then its height and its pose where they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    pub(super) degrees: bool,
    pub(super) height: bool,
    pub(super) pose: bool,
}

impl Parts {
    /// How many numbers they are.
    pub(super) fn len(self) -> usize {
        2 + usize::from(self.height) + 4 * usize::from(self.pose)
    }

    pub(super) fn measure(self, unit: f64, stop_speed: f64) -> Measure {
        Measure { metric: Metric { degrees: self.degrees }, unit, stop_speed }
    }

    /// The parts of a fix as they are kept: an unknown height is infinite, an unknown pose a quaternion of length 0.
    fn stored(self, row: &[f64]) -> Vec<f64> {
        let mut row = row.to_vec();
        let (head, pose) = row.split_at_mut(2 + usize::from(self.height));
        if pose.iter().any(|q| !q.is_finite()) {
            pose.fill(0.0);
        }
        head.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = f64::INFINITY);
        row
    }

    /// The fix that they say; `None` where its time or its place is missing or cannot be one.
    pub(super) fn fix(self, at: f64, row: &[f64]) -> Option<Fix> {
        let (&[x, y], rest) = row.split_first_chunk::<2>()?;
        let (place, metric) = ([x, y], Metric { degrees: self.degrees });
        if at.is_nan() || metric.fault(place).is_some() {
            return None;
        }
        let (height, pose) = rest.split_at(usize::from(self.height));
        let height = height.first().copied().filter(|x| x.is_finite()).unwrap_or(f64::INFINITY);
        let pose = pose.first_chunk::<4>().and_then(|q| Rotation::of(*q));
        Some(Fix { at, place, height, pose })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    parts: Parts,
    /// Whether fixes are ordered by time, else by a number.
    by_time: bool,
    /// The end of each track among the fixes.
    ends: Vec<usize>,
}

/// The tracks of training.
pub(super) struct Known {
    parts: Parts,
    measure: Measure,
    by_time: bool,
    ends: Vec<usize>,
    /// Track after track in the order of time, each time once: the time, and the parts.
    fixes: Vec<f64>,
    /// By fix: the trail up to it. Follows from these.
    trails: Vec<Trail>,
}

/// What of some rows is no use as a fix.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    /// Rows whose quaternion has length zero.
    pub(super) unturned: Vec<usize>,
    /// Rows whose place cannot be one.
    pub(super) nowhere: Vec<usize>,
    /// Rows at a time that a row before them of the same track has.
    pub(super) repeated: Vec<usize>,
}

impl Known {
    /// Of rows of so many numbers as `parts` has, and their places.
    pub(super) fn learn(
        x: &[f64],
        places: &[Place],
        n_tracks: usize,
        (parts, by_time, stop_speed): (Parts, bool, f64),
    ) -> (Self, Flaws) {
        let mut flaws = Flaws::default();
        let width = parts.len();
        let mut tracks: Vec<Vec<(f64, usize)>> = vec![Vec::new(); n_tracks];
        for (i, (row, place)) in x.chunks_exact(width).zip(places).enumerate() {
            let quaternion = &row[width - 4 * usize::from(parts.pose)..];
            if parts.pose && quaternion.iter().all(|q| *q == 0.0) {
                flaws.unturned.push(i);
            }
            match (parts.fix(place.at, row), place.group) {
                (Some(_), Some(track)) => tracks[track as usize].push((place.at, i)),
                (None, _) if row[..2].iter().all(|x| !x.is_nan()) && !place.at.is_nan() => {
                    flaws.nowhere.push(i)
                }
                _ => {}
            }
        }
        let (mut ends, mut fixes) = (Vec::with_capacity(n_tracks), Vec::new());
        for track in &mut tracks {
            track.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            for (j, &(at, i)) in track.iter().enumerate() {
                // Of several at one time the last counts.
                if track.get(j + 1).is_some_and(|next| next.0 == at) {
                    flaws.repeated.push(track[j + 1].1);
                    continue;
                }
                fixes.push(at);
                fixes.extend(parts.stored(&x[i * width..(i + 1) * width]));
            }
            ends.push(fixes.len() / (width + 1));
        }
        (Known::new(parts, by_time, stop_speed, ends, fixes), flaws)
    }

    fn new(parts: Parts, by_time: bool, stop_speed: f64, ends: Vec<usize>, fixes: Vec<f64>) -> Self {
        let measure = parts.measure(if by_time { 1e-6 } else { 1.0 }, stop_speed);
        let mut trails: Vec<Trail> = Vec::with_capacity(ends.last().copied().unwrap_or(0));
        let mut start = 0;
        let read: Vec<Option<Fix>> =
            fixes.chunks_exact(parts.len() + 1).map(|fix| parts.fix(fix[0], &fix[1..])).collect();
        for &end in &ends {
            let mut trail: Option<Trail> = None;
            for fix in read[start..end].iter().flatten() {
                let next = trail.map_or_else(|| Trail::begin(*fix), |trail| trail.then(*fix, &measure));
                trails.push(next);
                trail = Some(next);
            }
            start = end;
        }
        Known { parts, measure, by_time, ends, fixes, trails }
    }

    /// The trails of a track.
    fn of(&self, track: Option<u32>) -> &[Trail] {
        let Some(track) = track.map(|t| t as usize).filter(|t| *t < self.ends.len()) else { return &[] };
        let start = if track == 0 { 0 } else { self.ends[track - 1] };
        &self.trails[start..self.ends[track]]
    }
}

impl Joint for Known {
    fn save(&self) -> Saved {
        let notes = Notes { parts: self.parts, by_time: self.by_time, ends: self.ends.clone() };
        let floats = [self.measure.stop_speed].into_iter().chain(self.fixes.iter().copied()).collect();
        Saved::new(notes, floats)
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let Notes { parts, by_time, ends } = saved.read()?;
        let (stop_speed, fixes) = saved.floats.split_first().ok_or("its stop speed is missing")?;
        let width = parts.len() + 1;
        let n = ends.last().copied().unwrap_or(0);
        let rising = ends.windows(2).all(|pair| pair[0] <= pair[1]);
        if p != parts.len() || !rising || n.checked_mul(width) != Some(fixes.len()) {
            return Err("its tracks are not whole".into());
        }
        let known = Known::new(parts, by_time, *stop_speed, ends, fixes.to_vec());
        let ordered = |track: u32| known.of(Some(track)).windows(2).all(|pair| pair[0].at() < pair[1].at());
        if known.trails.len() != n || !(0..known.ends.len() as u32).all(ordered) {
            return Err("a fix of its tracks has no place, or they are out of order".into());
        }
        Ok(known)
    }

    fn work(&self, _: &mut [f64], _: &mut [f64]) {}

    fn work_at(&self, Place { group, at }: Place, row: &mut [f64], added: &mut [f64]) {
        let Some(fix) = self.parts.fix(at, row) else { return };
        let trails = self.of(group);
        let n = trails.partition_point(|trail| trail.at() < at);
        match n.checked_sub(1).map(|last| &trails[last]) {
            Some(trail) => trail.say(&fix, &self.measure, added),
            None => say_first(added),
        }
    }
}

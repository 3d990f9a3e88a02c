//! How something moved, fix by fix: what one fix says beside those before it.

use tidemill_kernel::geo::{Metric, Place};

use super::rotation::Rotation;

/// The endings of the names of what is said of every fix, in the order in which it is said.
pub(super) const MOTION: [&str; 19] = [
    "gap",
    "distance",
    "speed",
    "acceleration",
    "heading_sin",
    "heading_cos",
    "turn_rate",
    "stopped",
    "still_for",
    "from_start",
    "from_start_sin",
    "from_start_cos",
    "elapsed",
    "travelled",
    "mean_speed",
    "top_speed",
    "still_share",
    "turned",
    "straightness",
];
/// The one of them that is a flag.
pub(super) const STOPPED: &str = "stopped";
/// What is said where poses are known.
pub(super) const POSE: [&str; 7] =
    ["rotation_angle", "rotation_x", "rotation_y", "rotation_z", "moved_x", "moved_y", "moved_z"];

/// Where something was at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fix {
    /// Microseconds, or the number along which fixes are ordered.
    pub(super) at: f64,
    pub(super) place: Place,
    /// How high; infinite where that is not known.
    pub(super) height: f64,
    pub(super) pose: Option<Rotation>,
}

/// How fixes are measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measure {
    pub(super) metric: Metric,
    /// What one of [`Fix::at`] is in seconds; 1 along numbers.
    pub(super) unit: f64,
    /// Up to this speed it stands.
    pub(super) stop_speed: f64,
}

/// From one fix to the next.
#[derive(Clone, Copy, Debug)]
struct Step {
    gap: f64,
    distance: f64,
    speed: f64,
    /// The direction in which it set out and that in which it arrived, in degrees from north; `NaN` where it did not move.
    heading: [f64; 2],
}

impl Measure {
    fn step(&self, from: &Fix, to: &Fix) -> Step {
        let flat = self.metric.distance(from.place, to.place);
        let distance = flat.hypot(rise(from, to));
        let gap = self.unit * (to.at - from.at);
        // On a sphere a straight way changes its bearing.
        let arrival = (self.metric.bearing(to.place, from.place) + 180.0).rem_euclid(360.0);
        let heading = [self.metric.bearing(from.place, to.place), arrival];
        Step { gap, distance, speed: distance / gap, heading }
    }
}

/// How much higher it is; nothing where that is not known.
fn rise(from: &Fix, to: &Fix) -> f64 {
    let rise = to.height - from.height;
    if rise.is_finite() { rise } else { 0.0 }
}

/// What is remembered of the fixes up to one of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trail {
    first: Fix,
    last: Fix,
    /// The speed of the last step, and in which direction it arrived.
    speed: f64,
    arrival: f64,
    /// Since when it stands; when it arrived at the last fix where it does not.
    still_since: f64,
    /// The sums over all steps: distances, times that it stood, and turns in degrees.
    travelled: f64,
    still: f64,
    turned: f64,
    top_speed: f64,
}

impl Trail {
    /// That of the first fix.
    pub(super) fn begin(first: Fix) -> Self {
        Trail {
            first,
            last: first,
            speed: f64::NAN,
            arrival: f64::NAN,
            still_since: first.at,
            travelled: 0.0,
            still: 0.0,
            turned: 0.0,
            top_speed: 0.0,
        }
    }

    /// When the last of its fixes was.
    pub(super) fn at(&self) -> f64 {
        self.last.at
    }

    /// With one more fix, which must be later than the last.
    pub(super) fn then(&self, fix: Fix, measure: &Measure) -> Self {
        self.after(&measure.step(&self.last, &fix), fix, measure)
    }

    fn after(&self, step: &Step, fix: Fix, measure: &Measure) -> Self {
        let stands = step.speed <= measure.stop_speed;
        let turn = self.turn(step).abs();
        Trail {
            first: self.first,
            last: fix,
            speed: step.speed,
            arrival: step.heading[1],
            still_since: if stands { self.still_since } else { fix.at },
            travelled: self.travelled + step.distance,
            still: self.still + if stands { step.gap } else { 0.0 },
            turned: self.turned + if turn.is_nan() { 0.0 } else { turn },
            top_speed: self.top_speed.max(step.speed),
        }
    }

    /// By how many degrees a step turns to the right of the one before, from -180 to below 180; `NaN` where one of both has no direction.
    fn turn(&self, step: &Step) -> f64 {
        (step.heading[0] - self.arrival + 180.0).rem_euclid(360.0) - 180.0
    }

    /// What a later fix says: numbers for [`MOTION`], and for [`POSE`] where there is room for it.
    pub(super) fn say(&self, fix: &Fix, measure: &Measure, out: &mut [f64]) {
        let step = measure.step(&self.last, fix);
        let now = self.after(&step, *fix, measure);
        let heading = step.heading[0].to_radians();
        let (start, back) = way(&self.first, fix, measure);
        let elapsed = measure.unit * (fix.at - self.first.at);
        let said: [f64; MOTION.len()] = [
            step.gap,
            step.distance,
            step.speed,
            (step.speed - self.speed) / step.gap,
            heading.sin(),
            heading.cos(),
            self.turn(&step) / step.gap,
            f64::from(u8::from(step.speed <= measure.stop_speed)),
            measure.unit * (fix.at - now.still_since),
            start,
            back.sin(),
            back.cos(),
            elapsed,
            now.travelled,
            now.travelled / elapsed,
            now.top_speed,
            now.still / elapsed,
            now.turned,
            // 0 of 0: what never moved is neither straight nor crooked.
            start / now.travelled,
        ];
        let Some((motion, pose)) = out.split_at_mut_checked(said.len()) else { return };
        motion.copy_from_slice(&said);
        if let (true, Some(before)) = (pose.len() == POSE.len(), self.last.pose) {
            say_pose(before, &self.last, fix, &step, pose);
        }
    }
}

/// What the first fix of a track says: that it begins.
pub(super) fn say_first(out: &mut [f64]) {
    for (name, x) in MOTION.iter().zip(out) {
        if ["from_start", "elapsed", "travelled", "turned"].contains(name) {
            *x = 0.0;
        }
    }
}

/// How far a fix is from the start, and in which direction from there, in radians.
fn way(start: &Fix, fix: &Fix, measure: &Measure) -> (f64, f64) {
    let distance = measure.metric.distance(start.place, fix.place).hypot(rise(start, fix));
    (distance, measure.metric.bearing(start.place, fix.place).to_radians())
}

/// The rotation since the fix before and the way from there, both as seen by one who looked along with the earlier pose: east, north
/// and up are the axes of a pose that is not turned.
fn say_pose(before: Rotation, from: &Fix, to: &Fix, step: &Step, out: &mut [f64]) {
    let flat = (step.distance.powi(2) - rise(from, to).powi(2)).max(0.0).sqrt();
    // It has no direction where it did not move.
    let (sin, cos) = if flat > 0.0 { step.heading[0].to_radians().sin_cos() } else { (0.0, 0.0) };
    let moved = before.inverse().turned([flat * sin, flat * cos, rise(from, to)]);
    out[4..].copy_from_slice(&moved);
    if let Some(pose) = to.pose {
        let vector = before.inverse().then_of(pose).vector();
        let degrees = vector.map(f64::to_degrees);
        out[0] = degrees.iter().map(|x| x * x).sum::<f64>().sqrt();
        out[1..4].copy_from_slice(&degrees);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANE: Measure = Measure { metric: Metric { degrees: false }, unit: 1.0, stop_speed: 0.1 };

    fn said(fixes: &[(f64, f64, f64)]) -> Vec<f64> {
        let fix =
            |&(at, x, y): &(f64, f64, f64)| Fix { at, place: [x, y], height: f64::INFINITY, pose: None };
        let (last, before) = fixes.split_last().unwrap();
        let trail = before[1..].iter().fold(Trail::begin(fix(&before[0])), |t, f| t.then(fix(f), &PLANE));
        let mut out = vec![f64::NAN; MOTION.len()];
        trail.say(&fix(last), &PLANE, &mut out);
        out
    }

    fn of(said: &[f64], name: &str) -> f64 {
        said[MOTION.iter().position(|n| *n == name).unwrap()]
    }

    #[test]
    fn a_turn_to_the_right_is_positive_and_never_more_than_half_a_circle() {
        let right = said(&[(0.0, 0.0, 0.0), (1.0, 0.0, 1.0), (3.0, 2.0, 1.0)]);
        assert!((of(&right, "turn_rate") - 45.0).abs() < 1e-12);
        assert_eq!((of(&right, "speed"), of(&right, "acceleration")), (1.0, 0.0));
        assert_eq!(
            (of(&right, "travelled"), of(&right, "mean_speed"), of(&right, "turned")),
            (3.0, 1.0, 90.0)
        );
        // From 350 degrees to 10 is 20 to the right.
        let (s, c) = 10f64.to_radians().sin_cos();
        let across = said(&[(0.0, 0.0, 0.0), (1.0, -s, c), (2.0, 0.0, 2.0 * c)]);
        assert!((of(&across, "turn_rate") - 20.0).abs() < 1e-9);
    }

    #[test]
    fn what_stands_has_stood_since_it_arrived() {
        let fixes = [(0.0, 0.0, 0.0), (10.0, 50.0, 0.0), (20.0, 50.0, 0.5), (35.0, 50.0, 0.5)];
        let still = said(&fixes);
        assert_eq!((of(&still, "stopped"), of(&still, "still_for")), (1.0, 25.0));
        assert_eq!((of(&still, "still_share"), of(&still, "top_speed")), (25.0 / 35.0, 5.0));
        assert!(of(&still, "heading_sin").is_nan() && of(&still, "turn_rate").is_nan());
        let moving = said(&fixes[..2]);
        assert_eq!((of(&moving, "stopped"), of(&moving, "still_for")), (0.0, 0.0));
        assert!(of(&moving, "acceleration").is_nan());
    }
}

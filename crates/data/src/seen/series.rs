//! The series that training saw.

use serde::{Deserialize, Serialize};

use super::{Unfamiliar, unfamiliar};

/// The steps of the first series are all looked at; beyond them, those of every fiftieth.
const STEPPED: usize = 2_000;
const THINNED: usize = 50;

/// Between which values series lay, and how far apart their points were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Levels {
    /// The least and the greatest value.
    values: [f64; 2],
    /// The least and the greatest of the usual distances of neighbours, in microseconds.
    steps: Option<[i64; 2]>,
}

impl Levels {
    pub(super) fn of<'a>(cells: impl Iterator<Item = (&'a [i64], &'a [f64])>) -> Option<Self> {
        let mut values = [f64::INFINITY, f64::NEG_INFINITY];
        let mut steps: Option<[i64; 2]> = None;
        for (at, (times, points)) in cells.enumerate() {
            values = points.iter().fold(values, |[least, most], x| [least.min(*x), most.max(*x)]);
            // Series that overlap, as those of a forecast do, have the same steps.
            if (at < STEPPED || at % THINNED == 0)
                && let Some(step) = usual_step(times)
            {
                steps = Some(steps.map_or([step; 2], |[a, b]| [a.min(step), b.max(step)]));
            }
        }
        (values[0] <= values[1]).then_some(Levels { values, steps })
    }

    pub(super) fn judge(&self, times: &[i64], values: &[f64]) -> Option<Unfamiliar> {
        if values.is_empty() {
            return unfamiliar("empty_history", "it has no points; the model knows nothing of it");
        }
        let [least, greatest] = self.values;
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        if mean < least || mean > greatest {
            let says = format!(
                "its mean lies beyond all values of training ({least} to {greatest}): is it in another unit?"
            );
            return unfamiliar("other_history_level", says);
        }
        let ([least, greatest], step) = (self.steps?, usual_step(times)?);
        // Months are not of one length, nor are days where clocks change.
        if (step as f64) < 0.8 * least as f64 || step as f64 > 1.25 * greatest as f64 {
            let says = format!(
                "its points are {} apart; in training they were {}",
                length(step),
                if least == greatest {
                    length(least)
                } else {
                    format!("{} to {}", length(least), length(greatest))
                }
            );
            return unfamiliar("other_history_step", says);
        }
        None
    }
}

/// The middle distance of neighbouring points.
fn usual_step(times: &[i64]) -> Option<i64> {
    let mut gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = gaps.len() / 2;
    (!gaps.is_empty()).then(|| *gaps.select_nth_unstable(middle).1)
}

fn length(micros: i64) -> String {
    let secs = micros as f64 / 1e6;
    let (n, unit) = match secs {
        s if s >= 86_400.0 => (s / 86_400.0, "day"),
        s if s >= 3600.0 => (s / 3600.0, "hour"),
        s if s >= 60.0 => (s / 60.0, "minute"),
        s => (s, "second"),
    };
    let n = (n * 100.0).round() / 100.0;
    format!("{n} {unit}{}", if n == 1.0 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_of_another_kind_is_told() {
        const DAY: i64 = 86_400_000_000;
        let points = |level: f64, step: i64| {
            (0..10).map(|i| (i * step, level + i as f64)).collect::<Vec<(i64, f64)>>()
        };
        let split = |points: &[(i64, f64)]| points.iter().copied().unzip::<_, _, Vec<i64>, Vec<f64>>();
        let training = [split(&points(10.0, DAY)), split(&points(12.0, DAY))];
        let seen = Levels::of(training.iter().map(|(times, values)| (&times[..], &values[..]))).unwrap();
        let code = |points: &[(i64, f64)]| {
            let (times, values) = split(points);
            seen.judge(&times, &values).map(|found| found.code)
        };
        assert_eq!(code(&points(11.0, DAY)), None);
        assert_eq!(code(&[]), Some("empty_history"));
        assert_eq!(code(&points(10_000.0, DAY)), Some("other_history_level"));
        assert_eq!(code(&points(11.0, DAY / 24)), Some("other_history_step"));
    }
}

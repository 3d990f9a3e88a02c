//! How the size of steps changes over training.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the size of steps changes over training, after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Not at all.
    Constant,
    /// Down to 0 along half a wave (Loshchilov and Hutter 2017).
    Cosine,
    /// A tenth after each third of the steps.
    Step,
    /// Up from a 25th over the first 30%, then down to almost nothing, both along half a wave (Smith and Topin 2018; PyTorch's
    /// `OneCycleLR`). It needs no warm-up.
    OneCycle,
    /// Half, each time a third of `patience` epochs went by without progress on the rows watched.
    Plateau,
}

/// Where one cycle peaks, what share of the peak it starts from, and what share of that it ends at.
const PEAK: f64 = 0.3;
const START: f64 = 1.0 / 25.0;
const END: f64 = START / 1e4;

/// From `from` to `to` along half a wave, as `share` goes from 0 to 1.
fn wave(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
}

impl Schedule {
    /// The share of the learning rate that step `step` of `total` (from 0) takes; a plateau's halving is not in it.
    pub(crate) fn share(self, step: u64, total: u64, warm_up: f64) -> f64 {
        let (at, last) = (step as f64, (total.max(2) - 1) as f64);
        let warm = (warm_up * total as f64).floor();
        if at < warm {
            return (at + 1.0) / warm;
        }
        let gone = ((at - warm) / (last - warm).max(1.0)).min(1.0);
        match self {
            Schedule::Constant | Schedule::Plateau => 1.0,
            Schedule::Cosine => wave(1.0, 0.0, gone),
            Schedule::Step => 0.1f64.powi((gone * 3.0).min(2.0) as i32),
            Schedule::OneCycle => {
                // PyTorch's phases end at whole steps: the peak is at step `0.3 * total - 1`.
                let peak = (PEAK * total as f64 - 1.0).max(0.0);
                if at <= peak {
                    wave(START, 1.0, if peak == 0.0 { 1.0 } else { at / peak })
                } else {
                    wave(1.0, END, ((at - peak) / (last - peak).max(1.0)).min(1.0))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(schedule: Schedule, total: u64, warm_up: f64) -> Vec<f64> {
        (0..total).map(|step| schedule.share(step, total, warm_up)).collect()
    }

    fn near(found: &[f64], wanted: &[f64]) {
        for (f, w) in found.iter().zip(wanted) {
            assert!((f - w).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn warm_up_rises_and_the_wave_ends_at_nothing() {
        near(&shares(Schedule::Cosine, 5, 0.0), &[1.0, 0.853553, 0.5, 0.146447, 0.0]);
        near(&shares(Schedule::Cosine, 7, 0.3), &[0.5, 1.0, 1.0, 0.853553, 0.5, 0.146447, 0.0]);
        near(&shares(Schedule::Step, 7, 0.0), &[1.0, 1.0, 0.1, 0.1, 0.01, 0.01, 0.01]);
        near(&shares(Schedule::Constant, 1, 0.0), &[1.0]);
    }

    /// Step sizes of PyTorch's schedules, from `reference/torch_steps.py`.
    #[test]
    fn schedules_are_those_of_pytorch() {
        let all = include_str!("../../tests/reference/torch_steps.json");
        let all: serde_json::Value = serde_json::from_str(all).unwrap();
        for (name, schedule) in [("one_cycle", Schedule::OneCycle), ("cosine", Schedule::Cosine)] {
            let wanted = all[name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap());
            near(&shares(schedule, 20, 0.0), &wanted.collect::<Vec<_>>());
        }
    }
}

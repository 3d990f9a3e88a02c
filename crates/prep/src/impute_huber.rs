//! `impute_huber`: missing numbers become a mean in which values far out count for less.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Builtin, BuiltinStep, Columns, Fitted, KeyPath, Registry, Result, Slot, State};

use crate::impute::Infinite;
use crate::numbers::{MAD_TO_DEVIATION, median};
use crate::within_groups::{self, Location, statistic_step};

/// Steps at most: each leaves about half of the way.
const MOST_STEPS: usize = 200;

/// Fills missing numbers with Huber's location of the finite training values: the mean after values further than `k` deviations from
/// it are brought to that distance (Huber 1964, "Robust estimation of a location parameter").
///
/// The deviation is the median absolute deviation, made to agree with the standard deviation for normal values; where it is 0, the
/// median is filled in. With the default, 95% as efficient as the mean for normal values, and a few outliers hardly move it. Agrees
/// with the M-estimate of location that SciPy finds by root search. `NaN` counts as missing. A column without any value in training
/// is filled with 0, with a warning. The weight column is not used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeHuber {
    /// The columns to fill; by default, every feature that is a number.
    pub columns: Columns,
    /// The columns that define groups. A missing value is filled with the statistic of the row's group, or with that of all rows if the
    /// group did not occur in training.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// How many deviations from the location a value counts in full, 1 to 10.
    pub k: f64,
    /// Whether to add a flag column `NAME_missing` for each column that misses values in training.
    pub flag: bool,
    /// How infinite numbers are treated.
    pub infinite: Infinite,
}

impl Default for ImputeHuber {
    fn default() -> Self {
        let (columns, infinite) = (Columns::default(), Infinite::default());
        ImputeHuber { columns, by: Vec::new(), k: 1.345, flag: false, infinite }
    }
}

statistic_step!(ImputeHuber);

impl Builtin for ImputeHuber {
    const KIND: &'static str = "impute_huber";

    fn check(&self) -> Result<(), KeyPath> {
        match self.k {
            k if (1.0..=10.0).contains(&k) => Ok(()),
            k => Err(KeyPath::new("k", format!("must be from 1 to 10, but is {k}"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        within_groups::load_step::<Self>(&state)
    }
}

impl BuiltinStep for ImputeHuber {
    const SLOT: Slot = Slot::Missing;
    const DONE: &'static str = "missing values filled with Huber's location";
}

impl Location for ImputeHuber {
    fn of(&self, values: &mut [f64]) -> f64 {
        let middle = median(values).unwrap_or(0.0);
        let mut apart: Vec<f64> = values.iter().map(|x| (x - middle).abs()).collect();
        let reach = self.k * MAD_TO_DEVIATION * median(&mut apart).unwrap_or(0.0);
        if !(reach > 0.0 && reach.is_finite()) {
            return middle;
        }
        let n = values.len() as f64;
        let mut location = middle;
        // At least half of the values lie within reach of the middle, so each step leaves about half of the way, or less.
        for _ in 0..MOST_STEPS {
            let step = values.iter().map(|x| (x - location).clamp(-reach, reach) / n).sum::<f64>();
            location += step;
            if step.abs() <= 1e-14 * reach {
                break;
            }
        }
        location
    }
}

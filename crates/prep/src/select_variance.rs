//! `select_variance`: number columns that hardly vary are dropped.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Columns, Context, Estimator, Fitted, KeyPath, Registry, Result, Slot, State,
    Training,
};

use crate::joint;
use crate::numbers::{summary, variance};
use crate::selection::{dropped, load_dropped};

/// Drops number columns whose variance in training is no greater than a threshold; without one, those that are constant.
///
/// Agrees with scikit-learn's `VarianceThreshold`, but that a column without any value in training is dropped too. Missing and
/// infinite values are left out. Rows to predict may lack the dropped columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SelectVariance {
    /// The columns to choose from; by default, every feature that is a number.
    pub columns: Columns,
    /// The greatest variance of a column that is dropped, from 0, in the square of its unit.
    pub threshold: f64,
}

impl Estimator for SelectVariance {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = joint::number_places(Self::KIND, &self.columns, schema)?;
        let batch = training.train.collect()?;
        let mut names = Vec::new();
        for at in places {
            let values = batch.numbers(at)?;
            let found = summary(values);
            // What rounding leaves of the variance of a constant is not a variance.
            let constant = found.n == 0 || found.min == found.max;
            if constant || variance(values, found.n, found.mean) <= self.threshold {
                names.push(schema.columns()[at].name.clone());
            }
        }
        Ok(dropped((Self::KIND, Self::VERSION), names))
    }
}

impl Builtin for SelectVariance {
    const KIND: &'static str = "select_variance";

    fn check(&self) -> Result<(), KeyPath> {
        match self.threshold {
            x if x >= 0.0 && x.is_finite() => Ok(()),
            x => Err(KeyPath::new("threshold", format!("must be a number from 0 up, but is {x}"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        load_dropped((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for SelectVariance {
    const SLOT: Slot = Slot::Select;
    const DONE: &'static str = "dropped where it hardly varies";
}

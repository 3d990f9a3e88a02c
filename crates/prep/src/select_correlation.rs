//! `select_correlation`: of number columns that say the same, one stays.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Columns, Context, Estimator, Fitted, KeyPath, Registry, Result, Slot, State,
    Training,
};
use tidemill_kernel::CoMoments;

use crate::joint;
use crate::numbers::summary;
use crate::selection::{dropped, load_dropped};

/// Rows read at a time.
const ROWS: usize = 65_536;

/// Drops each number column that is correlated with an earlier one that stays, in the order of the columns.
///
/// Pearson's correlation over the training rows that have both numbers, whatever its sign; agrees with pandas' `corr`. A column
/// that is constant is correlated with none. Rows to predict may lack the dropped columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SelectCorrelation {
    /// The columns to choose from, those to keep first; by default, every feature that is a number.
    pub columns: Columns,
    /// The greatest correlation, without its sign, of two columns that both stay; above 0, at most 1.
    pub threshold: f64,
}

impl Default for SelectCorrelation {
    fn default() -> Self {
        SelectCorrelation { columns: Columns::default(), threshold: 0.95 }
    }
}

impl Estimator for SelectCorrelation {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = joint::number_places(Self::KIND, &self.columns, schema)?;
        let batch = training.train.collect()?;
        let centres = places.iter().map(|&at| Ok(summary(batch.numbers(at)?).mean));
        let mut sums = CoMoments::new(centres.collect::<Result<_>>()?);
        for start in (0..batch.n_rows()).step_by(ROWS) {
            context.check()?;
            let part = batch.slice(start, ROWS.min(batch.n_rows() - start));
            let finite = |x: Option<f64>| x.filter(|x| x.is_finite()).unwrap_or(f64::NAN);
            let columns =
                places.iter().map(|&at| Ok(part.numbers(at)?.iter().map(finite).collect::<Vec<_>>()));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            sums.add(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        let mut kept: Vec<usize> = Vec::new();
        let mut names = Vec::new();
        for (j, &at) in places.iter().enumerate() {
            let alike = |other: &usize| sums.correlation(*other, j).is_some_and(|r| r.abs() > self.threshold);
            match kept.iter().any(alike) {
                true => names.push(schema.columns()[at].name.clone()),
                false => kept.push(j),
            }
        }
        Ok(dropped((Self::KIND, Self::VERSION), names))
    }
}

impl Builtin for SelectCorrelation {
    const KIND: &'static str = "select_correlation";

    fn check(&self) -> Result<(), KeyPath> {
        match self.threshold {
            x if x > 0.0 && x <= 1.0 => Ok(()),
            x => Err(KeyPath::new("threshold", format!("must be above 0 and at most 1, but is {x}"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        load_dropped((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for SelectCorrelation {
    const SLOT: Slot = Slot::Select;
    const DONE: &'static str = "dropped where another column says the same";
}

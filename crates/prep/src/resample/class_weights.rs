//! `class_weights`: rows of rare classes count for more.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{BuiltinResampler, Context, Error, KeyPath, Resampler, Result, Table, nearest};

use super::check_quantiles;
use super::classes::ByClass;
use crate::weights;

/// Weighs the rows of each class, and leaves their number as it is: for learners that read weights, which all here do but those
/// that say otherwise.
///
/// The weights of all rows sum to as much as before. `balanced` agrees with scikit-learn's `class_weight="balanced"`,
/// `effective_number` with Cui and others 2019, "Class-balanced loss based on effective number of samples". With
/// `correct = false` costs act as they are meant: probabilities then answer for what mistakes cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClassWeights {
    /// What a class's weight follows from.
    pub by: Weighing,
    /// For `effective_number`: how far further rows of a class say something new, from 0 (not at all: all classes count alike
    /// row by row) to below 1 (all of them do: as `balanced`).
    #[schemars(extend("with" = { "key": "by", "is": ["effective_number"], "name": "beta" }))]
    pub beta: f64,
    /// For `cost`: what overlooking a row of a class costs, by the name of the class; 1 for those not named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("with" = { "key": "by", "is": ["cost"], "name": "costs" }))]
    pub costs: BTreeMap<String, f64>,
    /// For a number to predict, the quantiles that cut it into bins, which are then balanced like classes: `[0.05, 0.95]` makes the
    /// least and the greatest twentieth as frequent as all between.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
}

/// What a class's weight follows from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weighing {
    /// One over its number of rows: all classes count alike.
    #[default]
    Balanced,
    /// One over its effective number of rows, `(1 - beta^n) / (1 - beta)`.
    EffectiveNumber,
    /// What overlooking one of its rows costs.
    Cost,
}

impl Default for ClassWeights {
    fn default() -> Self {
        ClassWeights { by: Weighing::Balanced, beta: 0.999, costs: BTreeMap::new(), quantiles: Vec::new() }
    }
}

impl BuiltinResampler for ClassWeights {
    const KIND: &'static str = "class_weights";

    fn check(&self) -> Result<(), KeyPath> {
        if !(0.0..1.0).contains(&self.beta) {
            return Err(KeyPath::new("beta", format!("must be from 0 to below 1, but is {}", self.beta)));
        }
        if let Some((class, cost)) = self.costs.iter().find(|(_, cost)| !(**cost > 0.0 && cost.is_finite())) {
            return Err(KeyPath::new("costs", format!("'{class}' must cost more than 0, but costs {cost}")));
        }
        check_quantiles(&self.quantiles)?;
        if self.by == Weighing::Cost && !self.quantiles.is_empty() {
            return Err(KeyPath::new("quantiles", "cut a number into bins, and costs are those of classes"));
        }
        match (self.by == Weighing::Cost, self.costs.is_empty()) {
            (true, true) => {
                Err(KeyPath::new("costs", "is missing: by = \"cost\" needs what each class costs"))
            }
            (false, false) => Err(KeyPath::new("costs", "has an effect only with by = \"cost\"")),
            _ => Ok(()),
        }
    }
}

impl Resampler for ClassWeights {
    fn resample(&self, train: &Table, _: &Context) -> Result<Table> {
        let batch = train.batch();
        let by = ByClass::cut(Self::KIND, batch, &self.quantiles)?;
        let names: Vec<&str> = by.names().collect();
        if let Some(unknown) = self.costs.keys().find(|class| !names.contains(&class.as_str())) {
            let near =
                nearest(unknown, names.iter().copied()).map(|name| format!("; did you mean '{name}'?"));
            return Err(Error::data(
                format!("'costs' names the class '{unknown}', which the target does not have"),
                format!("the classes are {}{}", names.join(", "), near.unwrap_or_default()),
            ));
        }
        let old = batch.weights()?.unwrap_or_else(|| vec![1.0; batch.n_rows()]);
        let mut sizes = vec![0.0; names.len()];
        by.codes.iter().zip(&old).for_each(|(code, w)| sizes[*code as usize] += w);
        let factor = |(class, n): (usize, &f64)| match self.by {
            Weighing::Balanced => 1.0 / n,
            Weighing::EffectiveNumber => (1.0 - self.beta) / (1.0 - self.beta.powf(*n)),
            Weighing::Cost => self.costs.get(names[class]).copied().unwrap_or(1.0),
        };
        let factors: Vec<f64> = sizes.iter().enumerate().map(factor).collect();
        // A class without weight has no row to weigh.
        let present = || sizes.iter().zip(&factors).filter(|(n, _)| **n > 0.0);
        let (before, after) = present().fold((0.0, 0.0), |(a, b), (n, factor)| (a + n, b + n * factor));
        let scaled = weights::scaled(batch, |row| {
            let class = by.codes[row] as usize;
            if sizes[class] > 0.0 { factors[class] * before / after } else { 0.0 }
        })?;
        Ok(Table::new(scaled))
    }
}

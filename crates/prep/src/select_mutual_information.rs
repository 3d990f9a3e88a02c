//! `select_mutual_information`: columns that tell little of the target are dropped.

use std::sync::Arc;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result, Slot,
    State, Target, Training,
};
use tidemill_kernel::Random;
use tidemill_kernel::mutual_information::{Variable, of};

use crate::selection::{self, dropped, load_dropped};

/// Drops number, flag and category columns that, each by itself, tell little of the target: by mutual information in nats (0 where they
/// have nothing to do with each other; for classes at most the logarithm of their number).
///
/// Agrees with scikit-learn's `mutual_info_classif` and `mutual_info_regression` but for the noise that both add to numbers. Estimated
/// from at most 10,000 training rows, drawn at random; for each column from those that have it. A column that tells something only
/// together with another is not recognised. Rows to predict may lack the dropped columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SelectMutualInformation {
    /// The columns to choose from; by default, every feature that is a number, a flag or a category.
    pub columns: Columns,
    /// How many of them stay, those that tell most; by default all that reach `threshold`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_features: Option<usize>,
    /// What a column must tell to stay, in nats, from 0. With few hundred rows estimates are off by some hundredths.
    pub threshold: f64,
    /// How many nearest neighbours an estimate rests on.
    pub n_neighbors: usize,
}

impl Default for SelectMutualInformation {
    fn default() -> Self {
        let (columns, n_features) = (Columns::default(), None);
        SelectMutualInformation { columns, n_features, threshold: 0.01, n_neighbors: 3 }
    }
}

/// Values of the rows that are looked at; `None` where one is missing.
enum Values {
    Numbers(Vec<Option<f64>>),
    Classes(Vec<Option<u32>>),
}

impl SelectMutualInformation {
    /// What each of the columns tells of the target, in nats.
    fn told(&self, batch: &Batch, places: &[usize], context: &Context) -> Result<Vec<f64>> {
        let target = match Target::of(batch)? {
            Target::Number(y) => {
                Values::Numbers(y.into_iter().map(|y| Some(y).filter(|y| y.is_finite())).collect())
            }
            Target::Class { codes, .. } => Values::Classes(codes.into_iter().map(Some).collect()),
        };
        let one = |(j, &at): (usize, &usize)| {
            context.check()?;
            let seed = context.seed_for("select_mutual_information");
            Ok(told(&values(batch, at)?, &target, self.n_neighbors, seed, j as u64))
        };
        let all: Vec<Result<f64>> = places.par_iter().enumerate().map(one).collect();
        all.into_iter().collect()
    }
}

fn values(batch: &Batch, at: usize) -> Result<Values> {
    Ok(match batch.schema().columns()[at].kind {
        Kind::Number => {
            Values::Numbers(batch.numbers(at)?.iter().map(|x| x.filter(|x| x.is_finite())).collect())
        }
        Kind::Flag => Values::Classes(batch.flags(at)?.iter().map(|x| x.map(u32::from)).collect()),
        _ => Values::Classes(batch.codes(at)?.iter().collect()),
    })
}

/// Over the rows that have both.
fn told(x: &Values, y: &Values, k: usize, seed: u64, column: u64) -> f64 {
    let known = |values: &Values, i: usize| match values {
        Values::Numbers(values) => values[i].is_some(),
        Values::Classes(values) => values[i].is_some(),
    };
    let n = match x {
        Values::Numbers(values) => values.len(),
        Values::Classes(values) => values.len(),
    };
    let rows: Vec<usize> = (0..n).filter(|i| known(x, *i) && known(y, *i)).collect();
    // The target's noise is the same for every column.
    let mut of_x = Random::new(seed, 2 * column + 3);
    let mut of_y = Random::new(seed, 1);
    let (x, y) = (Kept::of(x, &rows, &mut of_x), Kept::of(y, &rows, &mut of_y));
    of(x.variable(), y.variable(), k)
}

/// Values of rows that have both.
enum Kept {
    Numbers(Vec<f64>),
    Classes(Vec<u32>),
}

impl Kept {
    /// Numbers at a deviation of 1, with a noise that breaks ties, as in the reference.
    fn of(values: &Values, rows: &[usize], random: &mut Random) -> Self {
        match values {
            Values::Classes(values) => Kept::Classes(rows.iter().filter_map(|i| values[*i]).collect()),
            Values::Numbers(values) => {
                let mut kept: Vec<f64> = rows.iter().filter_map(|i| values[*i]).collect();
                let n = kept.len().max(1) as f64;
                let mean = kept.iter().map(|x| x / n).sum::<f64>();
                let deviation = kept.iter().map(|x| (x - mean) * ((x - mean) / n)).sum::<f64>().sqrt();
                let sound = deviation > 0.0 && deviation.is_finite();
                kept.iter_mut().for_each(|x| *x /= if sound { deviation } else { 1.0 });
                let size = kept.iter().map(|x| x.abs() / n).sum::<f64>().max(1.0);
                kept.iter_mut().for_each(|x| *x += 1e-10 * size * random.normal());
                Kept::Numbers(kept)
            }
        }
    }

    fn variable(&self) -> Variable<'_> {
        match self {
            Kept::Numbers(values) => Variable::Numbers(values),
            Kept::Classes(values) => Variable::Classes(values),
        }
    }
}

impl Estimator for SelectMutualInformation {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = selection::candidates(Self::KIND, &self.columns, schema)?;
        let batch = selection::sample(training.train.collect()?, "select_mutual_information", context)?;
        let told = self.told(&batch, &places, context)?;
        let mut order: Vec<usize> = (0..places.len()).collect();
        // Those that tell most first; of equals the first.
        order.sort_by(|a, b| told[*b].total_cmp(&told[*a]).then(a.cmp(b)));
        let n = self.n_features.unwrap_or(usize::MAX);
        let kept = |rank: usize, j: usize| match self.n_features {
            Some(_) => rank < n,
            None => told[j] >= self.threshold,
        };
        let gone = order.iter().enumerate().filter(|(rank, j)| !kept(*rank, **j));
        let names = gone.map(|(_, j)| schema.columns()[places[*j]].name.clone());
        Ok(dropped((Self::KIND, Self::VERSION), names))
    }
}

impl Builtin for SelectMutualInformation {
    const KIND: &'static str = "select_mutual_information";

    fn check(&self) -> Result<(), KeyPath> {
        if self.n_features == Some(0) {
            return Err(KeyPath::new("n_features", "must be at least 1; it is 0"));
        }
        if !(1..=1000).contains(&self.n_neighbors) {
            return Err(KeyPath::new(
                "n_neighbors",
                format!("must be 1 to 1000, but is {}", self.n_neighbors),
            ));
        }
        match self.threshold {
            x if x >= 0.0 && x.is_finite() => Ok(()),
            x => Err(KeyPath::new("threshold", format!("must be a number from 0 up, but is {x}"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        load_dropped((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for SelectMutualInformation {
    const SLOT: Slot = Slot::Select;
    const DONE: &'static str = "dropped where it tells little of the target";
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{Values, told};

    #[derive(Deserialize)]
    struct Reference {
        x: Vec<Vec<f64>>,
        letters: Vec<u32>,
        classes: Vec<u32>,
        y: Vec<f64>,
        of_classes: Vec<f64>,
        of_numbers: Vec<f64>,
    }

    /// Stored by `tests/reference/mutual_information.py`; letters come last.
    #[test]
    fn information_agrees_with_scikit_learn() {
        let case: Reference =
            serde_json::from_str(include_str!("../tests/reference/mutual_information.json")).unwrap();
        let numbers = |values: &[f64]| Values::Numbers(values.iter().copied().map(Some).collect());
        let classes = |codes: &[u32]| Values::Classes(codes.iter().copied().map(Some).collect());
        let features: Vec<Values> =
            case.x.iter().map(|x| numbers(x)).chain([classes(&case.letters)]).collect();
        for (target, wanted) in
            [(classes(&case.classes), case.of_classes), (numbers(&case.y), case.of_numbers)]
        {
            assert_eq!(features.len(), wanted.len());
            for (j, (x, wanted)) in features.iter().zip(wanted).enumerate() {
                let found = told(x, &target, 3, 9, j as u64);
                assert!((found - wanted).abs() < 1e-9, "feature {j}: {found}, not {wanted}");
            }
        }
    }
}

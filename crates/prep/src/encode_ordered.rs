//! `encode_ordered`: each category becomes what the target was on average where it occurred before.

use std::sync::Arc;

use arrow_array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result, Slot,
    State, Table, Training,
};
use tidemill_kernel::Random;

use crate::encode_target::{Answers, Averages, Smooth, average, slots};
use crate::mapping::{self, ColumnOf, Mapping};

/// Replaces each category column by the average of the target among rows of the same category, as CatBoost does (Prokhorenkova and
/// others 2018, "CatBoost: unbiased boosting with categorical features"): training rows come in a random order, and each is encoded by
/// those before it alone, so that no row sees its own target.
///
/// Every average is drawn towards that of all training rows, as if so many more rows as `smooth` says had it. Rows to predict are
/// encoded by all training rows. Of a numeric target the encoding is a number, of two classes the share of the second, of more
/// classes a vector with the share of each. Compared with `encode_target` it uses each row once for all later ones and needs no
/// folds, but encodes the first rows by little. Agrees with category_encoders' `CatBoostEncoder` (given the order). Values that
/// training did not have become the overall average; missing values are a category of their own. The weight column is not used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EncodeOrdered {
    /// The columns to encode; by default, every category that is a feature.
    pub columns: Columns,
    /// How many rows the overall average counts for, above 0.
    pub smooth: f64,
}

impl Default for EncodeOrdered {
    fn default() -> Self {
        EncodeOrdered { columns: Columns::default(), smooth: 1.0 }
    }
}

impl EncodeOrdered {
    fn learn(&self, table: &Table, answers: &Answers, context: &Context) -> Result<Mapping<Averages>> {
        let batch = table.batch();
        let handles = |c: &Column| c.kind == Kind::Category;
        let places = self.columns.places(batch.schema(), "a category", handles)?;
        mapping::learn_columns(Self::KIND, Self::VERSION, batch, &places, context, |from, _| {
            let names = from.column().categories()?.clone();
            let slots = slots(from.codes()?, names.len());
            let smooth = Smooth::Rows(self.smooth);
            let (encodings, prior) = average(&slots, names.len() + 1, answers, |_| true, smooth);
            Ok(Averages { names, classes: answers.classes.clone(), prior, encodings })
        })
    }

    /// The rows in random order, in runs of those that belong together.
    fn runs(&self, n_rows: usize, together: Option<&[u32]>, context: &Context) -> Vec<Vec<u32>> {
        let mut order: Vec<u32> = (0..n_rows as u32).collect();
        Random::new(context.seed_for(Self::KIND), 0).shuffle(&mut order);
        let Some(blocks) = together else { return order.into_iter().map(|row| vec![row]).collect() };
        // Each block where its first row came.
        let mut first = vec![u32::MAX; blocks.iter().max().map_or(0, |most| *most as usize + 1)];
        for (place, row) in (0..).zip(&order) {
            let first = &mut first[blocks[*row as usize] as usize];
            *first = (*first).min(place);
        }
        order.sort_by_key(|row| first[blocks[*row as usize] as usize]);
        order.chunk_by(|a, b| blocks[*a as usize] == blocks[*b as usize]).map(<[u32]>::to_vec).collect()
    }

    /// What each training row becomes: of the rows of its category in earlier runs, the average.
    fn encode(
        &self,
        whole: &Averages,
        from: ColumnOf<'_>,
        answers: &Answers,
        runs: &[Vec<u32>],
    ) -> Result<Vec<ArrayRef>> {
        let n_out = whole.prior.len();
        let slots = slots(from.codes()?, whole.names.len());
        let mut sums = vec![0.0; (whole.names.len() + 1) * n_out];
        let mut counts = vec![0.0; whole.names.len() + 1];
        let mut numbers = vec![0.0; answers.n_rows * n_out];
        for run in runs {
            for &row in run {
                let to = &mut numbers[row as usize * n_out..][..n_out];
                match slots[row as usize] {
                    None => to.copy_from_slice(&whole.prior),
                    Some(slot) => {
                        let own = sums[slot * n_out..].iter().zip(&whole.prior);
                        let rows = counts[slot] + self.smooth;
                        to.iter_mut().zip(own).for_each(|(to, (sum, prior))| {
                            *to = (sum + self.smooth * prior) / rows;
                        });
                    }
                }
            }
            for &row in run {
                let Some(slot) = slots[row as usize] else { continue };
                counts[slot] += 1.0;
                let own = sums[slot * n_out..].iter_mut().zip(&answers.outputs);
                own.for_each(|(sum, y)| *sum += y[row as usize]);
            }
        }
        whole.array(numbers.into_iter(), answers.n_rows, n_out)
    }
}

impl Estimator for EncodeOrdered {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let table = Table::new(training.train.collect()?);
        Ok(Arc::new(self.learn(&table, &Answers::of(&table)?, context)?))
    }

    fn fit_apply(&self, training: Training<'_>, context: &Context) -> Result<(Arc<dyn Fitted>, Table)> {
        context.check()?;
        let table = Table::new(training.train.collect()?);
        let answers = Answers::of(&table)?;
        let fitted = self.learn(&table, &answers, context)?;
        let runs = self.runs(answers.n_rows, table.batch().blocks()?.as_deref(), context);
        let encoded = fitted.replace(table.batch(), |whole, from| {
            context.check()?;
            self.encode(whole, from, &answers, &runs)
        })?;
        Ok((Arc::new(fitted), Table::new(encoded)))
    }
}

impl Builtin for EncodeOrdered {
    const KIND: &'static str = "encode_ordered";

    fn check(&self) -> Result<(), KeyPath> {
        match self.smooth {
            x if x > 0.0 && x.is_finite() => Ok(()),
            x => Err(KeyPath::new("smooth", format!("must be a number above 0, but is {x}"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(mapping::load_columns::<Averages>(Self::KIND, Self::VERSION, &state)?))
    }
}

impl BuiltinStep for EncodeOrdered {
    const SLOT: Slot = Slot::Encode;
    const DONE: &'static str = "replaced by the mean of the target in earlier rows";
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, UInt32Array};
    use serde::Deserialize;
    use tidemill_core::{Batch, Categories, Role, Schema};

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        letters: Vec<Option<String>>,
        y: Vec<f64>,
        smooth: f64,
        train: Vec<f64>,
        later: Vec<f64>,
    }

    fn case() -> Case {
        serde_json::from_str(include_str!("../tests/reference/ordered.json")).unwrap()
    }

    fn table(letters: &[Option<String>], y: &[f64]) -> Table {
        let names = Categories::new(["a", "b", "c", "d"]);
        let codes = letters.iter().map(|l| l.as_ref().map(|l| names.code(l)));
        let codes = names.column(UInt32Array::from_iter(codes)).unwrap();
        let columns = vec![Column::category("letter", names), Column::number("y").with_role(Role::Target)];
        let arrays = vec![codes, Arc::new(Float64Array::from(y.to_vec())) as ArrayRef];
        Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
    }

    /// Stored by `tests/reference/ordered.py`.
    #[test]
    fn in_the_order_of_the_rows_it_agrees_with_category_encoders() {
        let case = case();
        let table = table(&case.letters, &case.y);
        let step = EncodeOrdered { smooth: case.smooth, ..EncodeOrdered::default() };
        let answers = Answers::of(&table).unwrap();
        let fitted = step.learn(&table, &answers, &Context::default()).unwrap();
        let runs: Vec<Vec<u32>> = (0..answers.n_rows as u32).map(|row| vec![row]).collect();
        let train = fitted.replace(table.batch(), |whole, from| step.encode(whole, from, &answers, &runs));
        let later = Arc::new(fitted).bind(table.batch().schema()).unwrap().apply(table.batch());
        for (found, wanted) in [(train, case.train), (later, case.later)] {
            for (found, wanted) in found.unwrap().numbers(0).unwrap().values().iter().zip(wanted) {
                assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
            }
        }
    }

    #[test]
    fn no_training_row_sees_its_own_target_or_that_of_its_copy() {
        let case = case();
        let of = |y: &[f64]| {
            let batch = table(&case.letters, y).batch().clone();
            let mut columns = batch.schema().columns().to_vec();
            columns.push(Column::number("(block)").with_role(Role::Block));
            let blocks: ArrayRef =
                Arc::new(Float64Array::from_iter_values((0..y.len()).map(|row| (row % 20) as f64)));
            let arrays = [batch.columns(), &[blocks]].concat();
            let marked = Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap());
            let step = EncodeOrdered::default();
            let (_, out) = step.fit_apply(Training::on(&marked), &Context::default()).unwrap();
            out.batch().numbers(0).unwrap().values().to_vec()
        };
        let before = of(&case.y);
        let n = case.y.len();
        for row in 0..20 {
            let mut y = case.y.clone();
            y[row] += 1000.0;
            let after = of(&y);
            // The overall average moves by so much, and an encoding by no more than it where its own target is not seen.
            let most = 1000.0 / n as f64 + 1e-9;
            let moved = |row: usize| (before[row] - after[row]).abs();
            assert!((row..n).step_by(20).all(|copy| moved(copy) <= most), "row {row}");
        }
        let last = of(&case.y.iter().map(|y| 2.0 * y).collect::<Vec<f64>>());
        assert!(
            last.iter().zip(&before).all(|(x, y)| (x - 2.0 * y).abs() < 1e-9),
            "averages follow the target"
        );
    }
}

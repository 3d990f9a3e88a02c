//! `select_l1`: columns that a linear model with an L1 penalty does without are dropped.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind, Registry,
    Result, Role, Schema, Slot, State, Table, Target, Training, dense_vector,
};

use crate::selection::{self, dropped, load_dropped};

/// Drops number, flag and category columns whose coefficients are all 0 in a linear model with an L1 penalty: the lasso for a number
/// to predict (Tibshirani 1996), logistic regression for classes.
///
/// Agrees with scikit-learn's `SelectFromModel` over `Lasso` or `LogisticRegression(penalty="l1")` on standardised columns. Unlike
/// `select_mutual_information` it looks at all columns together: of several that say the same, few stay. It sees linear relations
/// alone. Numbers and flags are standardised for this, a missing or infinite one counts as the mean; a category counts as one column
/// of 0 and 1 for each of its names. The weight column is not used. Rows to predict may lack the dropped columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SelectL1 {
    /// The columns to choose from; by default, every feature that is a number, a flag or a category.
    pub columns: Columns,
    /// The penalty as a share of the least one that drops every column, above 0 and below 1: the greater, the fewer stay.
    pub strength: f64,
    /// How many of them stay at most, those with the greatest mean effect on the model's score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_features: Option<usize>,
}

impl Default for SelectL1 {
    fn default() -> Self {
        SelectL1 { columns: Columns::default(), strength: 0.05, n_features: None }
    }
}

impl SelectL1 {
    /// The mean size of the contribution of each of the columns; 0 for one that the model does without.
    fn effects(&self, batch: &Batch, places: &[usize], context: &Context) -> Result<Vec<f64>> {
        let target = Target::of(batch)?;
        let columns = places.iter().map(|at| readied(batch, *at)).collect::<Result<Vec<_>>>()?;
        let n = batch.n_rows();
        let Some(learner) = self.learner(&target, &columns, n) else { return Ok(vec![0.0; places.len()]) };
        let table = rows(batch, &columns)?;
        context.check()?;
        let (kind, params) = learner;
        let fitted =
            context.build(kind, params)?.fit(Training::on(&table), &context.with_stream(Self::KIND))?;
        let linear =
            fitted.as_linear().ok_or_else(|| Error::internal(format!("'{kind}' is no linear model")))?;
        let used = linear.columns();
        let mut effects = vec![0.0; places.len()];
        for row in linear.parts(table.batch())?.chunks_exact(used.len().max(1)) {
            for (name, part) in used.iter().zip(row) {
                let at = name.parse::<usize>().ok().filter(|at| *at < effects.len());
                let at = at.ok_or_else(|| Error::internal("a column that was not there"))?;
                effects[at] += part.abs() / n as f64;
            }
        }
        Ok(effects)
    }

    /// The learner and its parameters; `None` where the target does not vary with any column.
    fn learner(&self, target: &Target, columns: &[Readied], n: usize) -> Option<(&'static str, Value)> {
        let (codes, n_classes) = match target {
            Target::Number(_) => return Some(("lasso", json!({ "alpha_ratio": self.strength }))),
            Target::Class { codes, n_classes } => (codes, *n_classes),
        };
        let mut shares = vec![0.0; n_classes];
        codes.iter().for_each(|code| shares[*code as usize] += 1.0 / n as f64);
        // The steepest way up from a model without any column, whose probabilities are the shares.
        let mut steepest: f64 = 0.0;
        for column in columns {
            for x in column.values.chunks_exact(n.max(1)) {
                let mut slopes = vec![0.0; n_classes];
                for (x, code) in x.iter().zip(codes) {
                    slopes[*code as usize] += x;
                    slopes.iter_mut().zip(&shares).for_each(|(slope, share)| *slope -= x * share);
                }
                steepest = slopes.iter().fold(steepest, |most, slope| most.max(slope.abs()));
            }
        }
        // Rounding leaves something of what cancels out.
        let varies = steepest > 1e-9 * n as f64;
        varies.then(|| ("logistic", json!({ "penalty": "l1", "c": 1.0 / (self.strength * steepest) })))
    }
}

/// A column as the model reads it.
struct Readied {
    /// One number a row, or all rows of the first name, then of the next.
    values: Vec<f64>,
    width: usize,
}

fn readied(batch: &Batch, at: usize) -> Result<Readied> {
    let numbers = match batch.schema().columns()[at].kind {
        Kind::Number => batch.numbers(at)?.iter().map(|x| x.filter(|x| x.is_finite())).collect(),
        Kind::Flag => batch.flags(at)?.iter().map(|x| x.map(|x| f64::from(u8::from(x)))).collect(),
        _ => {
            let (codes, n) = (batch.codes(at)?, batch.n_rows());
            let width = batch.schema().columns()[at].categories()?.len();
            let mut values = vec![0.0; n * width];
            for (row, code) in codes.iter().enumerate() {
                // A missing name and one that was not seen before are none of the names.
                if let Some(code) = code.filter(|code| (*code as usize) < width) {
                    values[code as usize * n + row] = 1.0;
                }
            }
            return Ok(Readied { values, width });
        }
    };
    Ok(Readied { values: standardised(numbers), width: 1 })
}

/// At mean 0 and deviation 1, 0 where one is missing; zeros where nothing varies.
fn standardised(values: Vec<Option<f64>>) -> Vec<f64> {
    // Squares of very large numbers would overflow.
    let most = values.iter().flatten().fold(0.0, |most, x| f64::max(most, x.abs()));
    let n = values.iter().flatten().count().max(1) as f64;
    let scaled = || values.iter().flatten().map(|x| x / most);
    let mean = scaled().map(|x| x / n).sum::<f64>();
    let deviation = scaled().map(|x| (x - mean) * ((x - mean) / n)).sum::<f64>().sqrt();
    // What rounding leaves of the deviation of a constant is not a deviation.
    let varies = most > 0.0 && deviation > 1e-12;
    let one = |x: Option<f64>| x.filter(|_| varies).map_or(0.0, |x| (x / most - mean) / deviation);
    values.into_iter().map(one).collect()
}

/// The columns, named by their place, with the target.
fn rows(batch: &Batch, columns: &[Readied]) -> Result<Table> {
    let n = batch.n_rows();
    let mut schema = Vec::with_capacity(columns.len() + 1);
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len() + 1);
    for (j, Readied { values, width }) in columns.iter().enumerate() {
        if *width == 1 {
            schema.push(Column::number(j.to_string()));
            arrays.push(Arc::new(Float64Array::from(values.clone())));
        } else if *width > 1 {
            schema.push(Column::vector(
                j.to_string(),
                (0..*width).map(|k| k.to_string()).collect::<Vec<String>>(),
            ));
            let by_row = (0..n * width).map(|at| values[at % width * n + at / width] as f32).collect();
            arrays.push(dense_vector(by_row, *width)?);
        }
    }
    let at = batch.schema().role(Role::Target).ok_or_else(|| Error::internal("a target without a column"))?;
    let mut target = batch.schema().columns()[at].clone();
    target.name = "target".into();
    schema.push(target);
    arrays.push(batch.column(at).clone());
    Ok(Table::new(Batch::with_rows(Arc::new(Schema::new(schema)?), arrays, n)?))
}

impl Estimator for SelectL1 {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = selection::candidates(Self::KIND, &self.columns, schema)?;
        let batch = training.train.collect()?;
        if places.is_empty() || batch.n_rows() == 0 {
            return Ok(dropped((Self::KIND, Self::VERSION), Vec::new()));
        }
        let effects = self.effects(&batch, &places, context)?;
        let mut order: Vec<usize> = (0..places.len()).collect();
        // The greatest first; of equals the first.
        order.sort_by(|a, b| effects[*b].total_cmp(&effects[*a]).then(a.cmp(b)));
        let most = self.n_features.unwrap_or(usize::MAX);
        let gone = order.iter().enumerate().filter(|(rank, j)| *rank >= most || effects[**j] == 0.0);
        let names = gone.map(|(_, j)| schema.columns()[places[*j]].name.clone());
        Ok(dropped((Self::KIND, Self::VERSION), names))
    }
}

impl Builtin for SelectL1 {
    const KIND: &'static str = "select_l1";

    fn check(&self) -> Result<(), KeyPath> {
        if self.n_features == Some(0) {
            return Err(KeyPath::new("n_features", "must be at least 1; it is 0"));
        }
        match self.strength {
            x if x > 0.0 && x < 1.0 => Ok(()),
            x => Err(KeyPath::new("strength", format!("must be above 0 and below 1, but is {x}"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        load_dropped((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for SelectL1 {
    const SLOT: Slot = Slot::Select;
    const DONE: &'static str = "dropped where a linear model with an L1 penalty does without it";
}

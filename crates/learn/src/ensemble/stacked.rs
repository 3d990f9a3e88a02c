//! `stacked`: a linear learner learns from what other learners say of rows that they did not learn from.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidemill_core::recipe::Spec;
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Categories, Cell, Column, Context, Error, Estimator, Family, FitCost,
    Fitted, KeyPath, Needs, Registry, Result, Role, Row, Run, Schema, Shape, State, Table, Training,
};
use tidemill_kernel::answer::{Answer, output};
use tidemill_kernel::{Place, Random, blocks};

use super::inner::{self, Truth};
use super::members::Members;
use crate::linear::{Logistic, Ridge};
use crate::rows;
use crate::trees::RandomForest;

/// Stacked generalisation (Wolpert 1992): several learners answer, and a final one, logistic regression for classes and ridge for
/// numbers, learns from their answers. It learns from answers to rows that the learners did not learn from, fold by fold; what
/// answers later is fitted on all rows. As scikit-learn's `StackingClassifier` and `StackingRegressor`.
///
/// Of two classes a learner gives the probability of the second, of more that of each. All learners get the same preparation:
/// that which suits the most demanding of them.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_core::recipe::Spec;
/// use tidemill_learn::ensemble::Stacked;
/// let mut stacked = Stacked::default();
/// stacked.learners = vec![Spec::new("boosted_trees"), Spec::new("k_neighbors").with("n_neighbors", 10)];
/// assert!(stacked.check().is_ok());
/// stacked.folds = 1;
/// assert!(stacked.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stacked {
    /// The learners, each a table with its `kind` and its own parameters; by default, a random forest and a linear learner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub learners: Vec<Spec>,
    /// Into how many folds the training rows are divided, 2 to 100.
    pub folds: usize,
    /// The parameters of the final learner: of `logistic` for classes, of `ridge` for numbers.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub final_params: Map<String, Value>,
    #[serde(skip)]
    needs: Needs,
}

impl Default for Stacked {
    fn default() -> Self {
        Stacked { learners: Vec::new(), folds: 5, final_params: Map::new(), needs: Needs::default() }
    }
}

impl Stacked {
    /// The learners; those of classes where none is named.
    fn specs(&self, classes: bool) -> Vec<Spec> {
        match self.learners.as_slice() {
            [] => vec![Spec::new(RandomForest::KIND), Spec::new(last_kind(classes))],
            named => named.to_vec(),
        }
    }

    /// The fold of each row: rows in random order, classes one after the other, dealt out in turn; what belongs together together.
    fn folds_of(&self, truth: &Truth, batch: &Batch, context: &Context) -> Result<Vec<u32>> {
        let mut order: Vec<u32> = (0..batch.n_rows() as u32).collect();
        Random::new(context.seed_for(Self::KIND), 0).shuffle(&mut order);
        if let Truth::Classes(codes, _) = truth {
            order.sort_by_key(|&row| codes[row as usize]);
        }
        let folds = blocks::deal(&order, batch.blocks()?.as_deref(), self.folds);
        if folds.iter().all(|fold| Some(fold) == folds.first()) {
            return Err(Error::data(
                format!("{} rows that may be divided are too few for 'stacked'", batch.n_rows()),
                "give more rows, or take one of its learners alone",
            ));
        }
        Ok(folds)
    }
}

/// The learner at the end.
fn last_kind(classes: bool) -> &'static str {
    if classes { Logistic::KIND } else { Ridge::KIND }
}

impl Builtin for Stacked {
    const KIND: &'static str = "stacked";

    fn check(&self) -> Result<(), KeyPath> {
        match self.folds {
            2..=100 => Ok(()),
            n => Err(KeyPath::new("folds", format!("is {n}, but must be 2 to 100"))),
        }
    }

    fn load(registry: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let Saved { inputs, classes } = state.params()?;
        let mut members = state.children.into_iter().map(|c| registry.load(c)).collect::<Result<Vec<_>>>()?;
        let classes = classes.map(Categories::new);
        let last = members.pop().filter(|_| !members.is_empty());
        let last = last.ok_or_else(|| Error::state(Self::KIND, "it needs learners and a final one"))?;
        let columns = Columns { width: classes.as_ref().map_or(1, |c| c.len()) };
        if columns.used().len() * members.len() != inputs.len() {
            return Err(Error::state(Self::KIND, "it has not a name for each answer of its learners"));
        }
        Ok(Arc::new(FittedStacked { members, inputs, classes, last }))
    }
}

impl BuiltinLearner for Stacked {
    const FAMILY: Family = Family::Ensemble;
    const COLUMN_ORDER_MATTERS: bool = true;
    const MEMORISES: bool = true;

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        let each = |spec| (spec, self.folds as f64 + 1.0);
        FitCost::Fits(self.specs(shape.classes > 1.0).into_iter().map(each).collect())
    }
}

impl Estimator for Stacked {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        self.needs
    }

    fn assemble(&mut self, registry: &Registry) -> Result<(), KeyPath> {
        let mut needs = Vec::new();
        for (i, spec) in self.specs(true).iter().enumerate() {
            let at = format!("learners[{i}]");
            needs.push(inner::needs(registry, spec, &format!("{at}.kind"), &at)?);
        }
        self.needs = needs.into_iter().reduce(Needs::and).unwrap_or_default();
        let of_classes: Result<Logistic, _> = serde_json::from_value(json!(self.final_params));
        let of_numbers: Result<Ridge, _> = serde_json::from_value(json!(self.final_params));
        match (of_classes, of_numbers) {
            (Ok(logistic), _) if logistic.check().is_ok() => Ok(()),
            (_, Ok(ridge)) if ridge.check().is_ok() => Ok(()),
            (Ok(logistic), _) => {
                logistic.check().map_err(|e| KeyPath::new(format!("final_params.{}", e.path), e.problem))
            }
            (Err(e), _) => Err(KeyPath::new("final_params", e.to_string())),
        }
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let batch = rows::collect(training, context)?;
        rows::weights(&batch)?;
        let truth = Truth::of(&batch)?;
        let specs = self.specs(truth.classes().is_some());
        let folds = self.folds_of(&truth, &batch, context)?;
        let said = out_of_fold(&specs, &folds, &batch, &truth, context)?;
        let columns = Columns { width: truth.width() };
        let inputs = columns.names(&specs, truth.classes());
        let stacked = columns.beside(&batch, &inputs, &said)?;
        let kind = last_kind(truth.classes().is_some());
        let last = Spec { kind: kind.into(), params: self.final_params.clone() };
        let last = inner::fit(&last, &Table::new(stacked), &context.with_stream("final"))?;
        let whole = Table::new(batch);
        let member = |(i, spec): (usize, &Spec)| {
            inner::fit(spec, &whole, &context.with_stream(&format!("member {i}")))
        };
        let members = specs.iter().enumerate().map(member).collect::<Result<_>>()?;
        Ok(Arc::new(FittedStacked { members, inputs, classes: truth.classes().cloned(), last }))
    }
}

/// What each learner says of all rows, each row answered by a learner that was not fitted on its fold.
fn out_of_fold(
    specs: &[Spec],
    folds: &[u32],
    batch: &Batch,
    truth: &Truth,
    context: &Context,
) -> Result<Vec<Vec<f64>>> {
    let width = truth.width();
    let mut held: Vec<u32> = folds.to_vec();
    held.sort_unstable();
    held.dedup();
    let jobs: Vec<(usize, u32)> =
        (0..specs.len()).flat_map(|member| held.iter().map(move |&fold| (member, fold))).collect();
    let one = |&(member, fold): &(usize, u32)| -> Result<(Vec<u32>, Vec<f64>)> {
        let rows = |inside: bool| {
            (0..folds.len() as u32).filter(move |&row| (folds[row as usize] == fold) == inside)
        };
        let train = Table::new(batch.take(&rows(false).collect::<Vec<_>>())?);
        let stream = context.with_stream(&format!("member {member} fold {fold}")).quiet();
        let fitted = inner::fit(&specs[member], &train, &stream)?;
        let rows: Vec<u32> = rows(true).collect();
        let answers = inner::answers(&fitted, &batch.take(&rows)?)?;
        Ok((rows, answers))
    };
    let done = jobs.par_iter().map(one).collect::<Result<Vec<_>>>()?;
    let mut said = vec![vec![0.0; folds.len() * width]; specs.len()];
    for ((member, _), (rows, answers)) in jobs.iter().zip(done) {
        for (&row, answer) in rows.iter().zip(answers.chunks_exact(width.max(1))) {
            let row = row as usize;
            said[*member][row * width..(row + 1) * width].copy_from_slice(answer);
        }
    }
    Ok(said)
}

/// What the final learner reads of answers of `width` numbers each.
#[derive(Clone, Copy)]
struct Columns {
    width: usize,
}

impl Columns {
    /// The numbers of an answer that say something: of two probabilities the second.
    fn used(self) -> std::ops::Range<usize> {
        if self.width == 2 { 1..2 } else { 0..self.width }
    }

    fn names(self, specs: &[Spec], classes: Option<&Arc<Categories>>) -> Vec<String> {
        let of = |(i, spec): (usize, &Spec)| {
            let name = format!("{}_{}", spec.kind, i + 1);
            let used = self.used();
            match classes {
                None => vec![name],
                Some(classes) => used.map(|class| format!("{name}_{}", classes.name(class as u32))).collect(),
            }
        };
        specs.iter().enumerate().flat_map(of).collect()
    }

    fn schema(self, inputs: &[String]) -> Vec<Column> {
        inputs.iter().map(Column::number).collect()
    }

    fn arrays(self, said: &[Vec<f64>]) -> Vec<ArrayRef> {
        let column = |of: &[f64], class: usize| -> ArrayRef {
            Arc::new(of.iter().skip(class).step_by(self.width.max(1)).copied().collect::<Float64Array>())
        };
        said.iter().flat_map(|of| self.used().map(move |class| column(of, class))).collect()
    }

    /// The answers as features, with the target and the weights of the rows.
    fn beside(self, batch: &Batch, inputs: &[String], said: &[Vec<f64>]) -> Result<Batch> {
        let mut columns = self.schema(inputs);
        let mut arrays = self.arrays(said);
        for role in [Role::Target, Role::Weight] {
            let Some(at) = batch.schema().role(role) else { continue };
            columns.push(batch.schema().columns()[at].clone());
            arrays.push(batch.column(at).clone());
        }
        Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, batch.n_rows())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    inputs: Vec<String>,
    classes: Option<Vec<String>>,
}

/// Learners, and the final one that reads their answers.
pub struct FittedStacked {
    members: Vec<Arc<dyn Fitted>>,
    /// What the final learner calls the answers.
    inputs: Vec<String>,
    classes: Option<Arc<Categories>>,
    last: Arc<dyn Fitted>,
}

impl FittedStacked {
    fn columns(&self) -> Columns {
        Columns { width: self.classes.as_ref().map_or(1, |c| c.len()) }
    }
}

impl Fitted for FittedStacked {
    fn parts(&self) -> Vec<&Arc<dyn Fitted>> {
        self.members.iter().chain([&self.last]).collect()
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        for member in &self.members {
            member.output(input)?;
        }
        output(input, self.classes.as_ref())
    }

    fn state(&self) -> State {
        let classes = self.classes.as_ref().map(|c| c.names().iter().map(|n| n.to_string()).collect());
        let saved = Saved { inputs: self.inputs.clone(), classes };
        let state = State::new(Stacked::KIND, Stacked::VERSION, saved);
        self.parts().into_iter().fold(state, |state, part| state.child(part.state()))
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let columns = self.columns();
        let members = Members::bind(Stacked::KIND, &self.members, columns.width, input)?;
        let schema = Arc::new(Schema::new(columns.schema(&self.inputs))?);
        let place = Place::of(&self.last.output(&schema)?)?;
        if place.width() != columns.width {
            return Err(Error::state(Stacked::KIND, "its final learner answers another question"));
        }
        let last = self.last.clone().bind(&schema)?;
        let answer = Answer::bind(input, self.classes.as_ref())?;
        Ok(Box::new(BoundStacked { fitted: self, members, schema, last, place, answer, said: Vec::new() }))
    }

    fn size(&self) -> u64 {
        self.parts().into_iter().map(|part| part.size()).sum()
    }

    fn operations(&self) -> u64 {
        self.parts().into_iter().map(|part| part.operations()).sum()
    }
}

struct BoundStacked {
    fitted: Arc<FittedStacked>,
    members: Members,
    /// Of what the final learner reads.
    schema: Arc<Schema>,
    last: Box<dyn Run>,
    place: Place,
    answer: Answer,
    said: Vec<f64>,
}

impl Run for BoundStacked {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let said = self.members.of_batch(batch)?;
        let arrays = self.fitted.columns().arrays(&said);
        let stacked = Batch::with_rows(self.schema.clone(), arrays, batch.n_rows())?;
        let values = self.place.values(&self.last.apply(&stacked)?)?;
        match self.fitted.classes {
            None => self.answer.numbers(batch, values),
            Some(_) => self.answer.probabilities(batch, values),
        }
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.members.of_row(row, &mut self.said)?;
        let columns = self.fitted.columns();
        let read =
            |answer: &[f64]| answer[columns.used()].iter().map(|x| Cell::Number(*x)).collect::<Vec<_>>();
        let cells = self.said.chunks_exact(columns.width.max(1)).flat_map(read).collect();
        let mut stacked = Row { cells };
        self.last.row(&mut stacked)?;
        let values = self.place.of_row(&stacked)?;
        match self.fitted.classes {
            None => self.answer.number(row, values.first().copied().unwrap_or(f64::NAN)),
            Some(_) => self.answer.probability(row, values.to_vec()),
        }
        Ok(())
    }
}

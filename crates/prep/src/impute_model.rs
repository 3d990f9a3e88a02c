//! `impute_model`: each column with missing values is predicted from the others by a learner.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, UInt32Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Categories, Cell, Column, Columns, Context, Error, Estimator, Fitted, Kind,
    Registry, Result, Role, Row, Run, Schema, Slot, State, Table, Training,
};

use crate::impute::MISSING;
use crate::joint;
use crate::mapping::unique;
use crate::recode::{recode, strings};

/// Fills missing numbers and categories with what a learner predicts from the other features, each column by a model of its own.
///
/// The learner must read missing values and categories as they are: trees do. It learns from the training rows that have the column;
/// the others' gaps stay gaps to it, so the order of columns does not matter, and the target is never looked at. Columns that miss no
/// value in training are left alone unless they are named. Infinite numbers are missing. Where training has too little to learn from,
/// the mean or the most frequent name is filled in, with a warning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeModel {
    /// The columns to fill; by default, every feature that is a number or a category and misses values in training.
    pub columns: Columns,
    /// The learner: `boosted_trees`, `random_forest` or `extra_trees`.
    pub learner: String,
    /// The learner's own parameters.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// Whether to add a flag column `NAME_missing` for each column that misses values in training.
    pub flag: bool,
}

impl Default for ImputeModel {
    fn default() -> Self {
        let (columns, params) = (Columns::default(), Map::new());
        ImputeModel { columns, learner: "boosted_trees".into(), params, flag: false }
    }
}

/// Columns that a model may read.
fn is_read(column: &Column) -> bool {
    column.role == Role::Feature && matches!(column.kind, Kind::Number | Kind::Flag | Kind::Category)
}

/// By row, whether there is no value to keep.
fn missing(batch: &Batch, at: usize) -> Result<Vec<bool>> {
    Ok(match batch.schema().columns()[at].kind {
        Kind::Number => batch.numbers(at)?.iter().map(|x| !x.is_some_and(f64::is_finite)).collect(),
        _ => batch.codes(at)?.iter().map(|code| code.is_none()).collect(),
    })
}

impl ImputeModel {
    fn learner(&self, context: &Context) -> Result<Box<dyn Estimator>> {
        let learner = context.build(&self.learner, Value::Object(self.params.clone()))?;
        let needs = learner.needs();
        if needs.complete || needs.numeric || needs.scaled {
            return Err(Error::data(
                format!(
                    "step 'impute_model': '{}' cannot read missing values and categories as they are",
                    self.learner
                ),
                "take learner = \"boosted_trees\", \"random_forest\" or \"extra_trees\"",
            ));
        }
        Ok(learner)
    }

    /// Learns to predict the column at `at`.
    fn learn(&self, batch: &Batch, at: usize, context: &Context) -> Result<Predicted> {
        let column = &batch.schema().columns()[at];
        let gaps = missing(batch, at)?;
        let unseen = column.categories.as_ref().map(|names| names.unseen());
        let known = |row: &u32| {
            let row = *row as usize;
            // A name that was not seen at fit is no class to learn.
            !gaps[row]
                && unseen.is_none_or(|unseen| batch.codes(at).is_ok_and(|codes| codes.value(row) != unseen))
        };
        let rows: Vec<u32> = (0..batch.n_rows() as u32).filter(known).collect();
        let others = batch.schema().places(|c| is_read(c) && c.name != column.name);
        let fallback = fallback(batch, at, &rows)?;
        let mut predicted = Predicted {
            name: column.name.clone(),
            kind: column.kind,
            names: column.categories.as_ref().map(|names| with(names, &fallback)),
            fallback,
            flag: None,
            model: None,
        };
        let mut places = others.clone();
        places.push(at);
        let part = batch.select(&places)?.take(&rows)?;
        let mut columns = part.schema().columns().to_vec();
        if let Some(target) = columns.last_mut() {
            target.role = Role::Target;
        }
        let table = Table::new(Batch::new(Arc::new(Schema::new(columns)?), part.columns().to_vec())?);
        let stream = context.quiet().with_stream(&column.name);
        let fitted = match others.is_empty() || rows.len() < 2 {
            true => Err("there is too little to learn from".to_string()),
            false => match self.learner(context)?.fit(Training::on(&table), &stream) {
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                fitted => fitted.map_err(|e| e.to_string()),
            },
        };
        match fitted {
            Ok(fitted) => predicted.model = Some(fitted),
            Err(why) => {
                let filled = predicted.fallback.words();
                context.warn(
                    "impute_fallback",
                    format!("column '{}' is filled with {filled}: {why}", column.name),
                );
            }
        }
        Ok(predicted)
    }
}

/// The mean of the known numbers, or the most frequent name, the first of equals.
fn fallback(batch: &Batch, at: usize, rows: &[u32]) -> Result<Fallback> {
    if batch.schema().columns()[at].kind == Kind::Number {
        let (numbers, n) = (batch.numbers(at)?, rows.len().max(1) as f64);
        return Ok(Fallback::Number(rows.iter().map(|row| numbers.value(*row as usize) / n).sum()));
    }
    let (codes, names) = (batch.codes(at)?, batch.schema().columns()[at].categories()?);
    let mut counts = vec![0usize; names.len()];
    rows.iter().for_each(|row| counts[codes.value(*row as usize) as usize] += 1);
    let most = (0..names.len()).rev().max_by_key(|code| counts[*code]).filter(|code| counts[*code] > 0);
    Ok(Fallback::Name(most.map_or(MISSING, |code| names.name(code as u32)).to_string()))
}

fn with(names: &Categories, fallback: &Fallback) -> Arc<Categories> {
    let more = match fallback {
        Fallback::Name(name) => Some(name.as_str()),
        Fallback::Number(_) => None,
    };
    Categories::new(names.names().iter().map(|name| &**name).chain(more))
}

impl Estimator for ImputeModel {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        self.learner(context)?;
        let schema = training.train.schema();
        let handled = |c: &Column| matches!(c.kind, Kind::Number | Kind::Category);
        let places = self.columns.places(schema, "a number or a category", handled)?;
        joint::refuse_target(Self::KIND, schema, &places)?;
        let batch = training.train.collect()?;
        let mut taken = schema.names().map(String::from).collect();
        let mut columns = Vec::new();
        for at in places {
            context.check()?;
            let misses = missing(&batch, at)?.contains(&true);
            if !misses && self.columns.0.is_empty() {
                continue;
            }
            let mut predicted = self.learn(&batch, at, context)?;
            if misses && self.flag {
                predicted.flag = Some(unique(format!("{}_missing", predicted.name), &mut taken));
            }
            columns.push(predicted);
        }
        let reads = schema.columns().iter().filter(|c| is_read(c)).map(|c| c.name.clone()).collect();
        Ok(Arc::new(FittedModels { reads, columns }))
    }
}

impl Builtin for ImputeModel {
    const KIND: &'static str = "impute_model";

    fn load(registry: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let Saved { reads, columns } = state.params()?;
        let wrong = |problem: &str| Error::state(Self::KIND, problem);
        let n_numbers = columns.iter().filter(|c| c.kind == Kind::Number).count();
        let means = state.floats_of("means", n_numbers)?.to_vec();
        let mut means = means.iter();
        let mut models = state.children.into_iter();
        let mut loaded = Vec::with_capacity(columns.len());
        for SavedColumn { name, kind, names, fallback, flag, model } in columns {
            let fallback = match (kind, fallback) {
                (Kind::Number, None) => Fallback::Number(means.next().copied().unwrap_or(0.0)),
                (Kind::Category, Some(name)) if names.contains(&name) => Fallback::Name(name),
                _ => return Err(wrong("a column has nothing to be filled with")),
            };
            let names = (kind == Kind::Category).then(|| Categories::new(&names));
            let model = match model {
                true => Some(registry.load(models.next().ok_or_else(|| wrong("a model is missing"))?)?),
                false => None,
            };
            loaded.push(Predicted { name, kind, names, fallback, flag, model });
        }
        match models.next() {
            Some(_) => Err(wrong("there are more models than columns")),
            None => Ok(Arc::new(FittedModels { reads, columns: loaded })),
        }
    }
}

impl BuiltinStep for ImputeModel {
    const SLOT: Slot = Slot::Missing;
    const DONE: &'static str = "missing values predicted by a model";
}

/// What is filled in where there is no model.
enum Fallback {
    Number(f64),
    Name(String),
}

impl Fallback {
    fn words(&self) -> String {
        match self {
            Fallback::Number(x) => x.to_string(),
            Fallback::Name(name) => format!("'{name}'"),
        }
    }
}

/// A column and the model that predicts it.
struct Predicted {
    name: String,
    kind: Kind,
    /// Of a category: the names of training.
    names: Option<Arc<Categories>>,
    fallback: Fallback,
    /// The column that marks what was filled.
    flag: Option<String>,
    model: Option<Arc<dyn Fitted>>,
}

struct FittedModels {
    /// The columns that models read; none reads its own.
    reads: Vec<String>,
    columns: Vec<Predicted>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    reads: Vec<String>,
    columns: Vec<SavedColumn>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedColumn {
    name: String,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fallback: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flag: Option<String>,
    model: bool,
}

impl Fitted for FittedModels {
    fn parts(&self) -> Vec<&Arc<dyn Fitted>> {
        self.columns.iter().filter_map(|column| column.model.as_ref()).collect()
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut columns = input.columns().to_vec();
        for predicted in &self.columns {
            let at = input.index(&predicted.name)?;
            let old = &input.columns()[at];
            if old.kind != predicted.kind {
                let wanted = format!("the {} it was in training", predicted.kind.word());
                return Err(Error::WrongKind { column: old.name.clone(), found: old.kind, wanted });
            }
            let filled = Column::new(&old.name, old.kind).derived_from(old).with_role(old.role);
            columns[at] = Column { categories: predicted.names.clone(), ..filled };
            columns
                .extend(predicted.flag.as_ref().map(|name| Column::new(name, Kind::Flag).derived_from(old)));
        }
        Schema::new(columns)
    }

    fn state(&self) -> State {
        let mut means = Vec::new();
        let column = |c: &Predicted| {
            let fallback = match &c.fallback {
                Fallback::Number(mean) => {
                    means.push(*mean);
                    None
                }
                Fallback::Name(name) => Some(name.clone()),
            };
            let names = c.names.as_ref().map(|names| strings(names.names())).unwrap_or_default();
            let (name, kind, flag) = (c.name.clone(), c.kind, c.flag.clone());
            SavedColumn { name, kind, names, fallback, flag, model: c.model.is_some() }
        };
        let columns = self.columns.iter().map(column).collect();
        let saved = Saved { reads: self.reads.clone(), columns };
        let state = State::new(ImputeModel::KIND, ImputeModel::VERSION, saved).floats("means", &means);
        self.parts().into_iter().fold(state, |state, model| state.child(model.state()))
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let output = Arc::new(self.output(input)?);
        let bind = |predicted: &Predicted| {
            let at = input.index(&predicted.name)?;
            let reads = self.reads.iter().filter(|name| **name != predicted.name);
            let reads: Vec<usize> = reads.map(|name| input.index(name)).collect::<Result<_>>()?;
            let schema = Schema::new(reads.iter().map(|at| input.columns()[*at].clone()).collect())?;
            let answer = |model: &Arc<dyn Fitted>| -> Result<Model> {
                let said = model.output(&schema)?;
                let prediction = said
                    .role(Role::Prediction)
                    .ok_or_else(|| Error::internal("a model without an answer"))?;
                let codes = match (&said.columns()[prediction].categories, &predicted.names) {
                    (Some(from), Some(to)) => recode(from, to),
                    _ => Vec::new(),
                };
                Ok(Model { run: model.clone().bind(&schema)?, prediction, codes })
            };
            let model = predicted.model.as_ref().map(answer).transpose()?;
            let codes = match (&input.columns()[at].categories, &predicted.names) {
                (Some(from), Some(to)) => recode(from, to),
                _ => Vec::new(),
            };
            Ok(BoundColumn { at, reads, model, codes })
        };
        let columns = self.columns.iter().map(bind).collect::<Result<_>>()?;
        Ok(Box::new(BoundModels { n_columns: input.len(), output, columns, fitted: self }))
    }
}

struct Model {
    run: Box<dyn Run>,
    /// The place of the prediction in its answer.
    prediction: usize,
    /// The code of each class that it predicts.
    codes: Vec<u32>,
}

struct BoundColumn {
    at: usize,
    /// The places of what the model reads.
    reads: Vec<usize>,
    model: Option<Model>,
    /// The code of each code that comes in.
    codes: Vec<u32>,
}

struct BoundModels {
    n_columns: usize,
    output: Arc<Schema>,
    columns: Vec<BoundColumn>,
    fitted: Arc<FittedModels>,
}

impl BoundModels {
    fn check(&self, n: usize) -> Result<()> {
        if n == self.n_columns {
            return Ok(());
        }
        Err(Error::internal(format!("{n} columns came where {} were bound", self.n_columns)))
    }
}

/// What becomes of a code.
fn code(codes: &[u32], code: u32, names: &Categories) -> u32 {
    codes.get(code as usize).copied().unwrap_or(names.unseen())
}

impl Run for BoundModels {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        self.check(batch.columns().len())?;
        let mut columns = batch.columns().to_vec();
        for (bound, predicted) in self.columns.iter_mut().zip(&self.fitted.columns) {
            let gaps = missing(batch, bound.at)?;
            let rows: Vec<u32> = (0..gaps.len() as u32).filter(|row| gaps[*row as usize]).collect();
            let answers = match &mut bound.model {
                Some(model) if !rows.is_empty() => {
                    Some(model.run.apply(&batch.select(&bound.reads)?.take(&rows)?)?)
                }
                _ => None,
            };
            let answered = bound.model.as_ref().zip(answers.as_ref());
            columns[bound.at] = match (&predicted.fallback, &predicted.names) {
                (Fallback::Name(fallback), Some(names)) => {
                    let fill = names.code(fallback);
                    let said =
                        answered.map(|(model, said)| Ok::<_, Error>((model, said.codes(model.prediction)?)));
                    let said = said.transpose()?;
                    let filled = said.map(|(model, said)| {
                        said.iter()
                            .map(|c| c.map_or(fill, |c| code(&model.codes, c, names)))
                            .collect::<Vec<_>>()
                    });
                    let mut filled = filled.into_iter().flatten();
                    let codes = batch.codes(bound.at)?.iter();
                    let codes = codes.map(|c| match c {
                        Some(c) => code(&bound.codes, c, names),
                        None => filled.next().unwrap_or(fill),
                    });
                    names.column(UInt32Array::from_iter_values(codes))?
                }
                (fallback, _) => {
                    let fill = if let Fallback::Number(mean) = fallback { *mean } else { 0.0 };
                    let said = answered.map(|(model, said)| said.numbers(model.prediction)).transpose()?;
                    let mut filled = said.into_iter().flatten().map(|x| x.unwrap_or(fill));
                    let numbers = batch.numbers(bound.at)?.iter().zip(&gaps);
                    let numbers = numbers.map(|(x, gap)| match x {
                        Some(x) if !gap => x,
                        _ => filled.next().unwrap_or(fill),
                    });
                    Arc::new(Float64Array::from_iter_values(numbers)) as ArrayRef
                }
            };
            if predicted.flag.is_some() {
                columns.push(Arc::new(BooleanArray::from(gaps)));
            }
        }
        Batch::with_rows(self.output.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.check(row.cells.len())?;
        let mut filled = Vec::with_capacity(self.columns.len());
        for (bound, predicted) in self.columns.iter_mut().zip(&self.fitted.columns) {
            let names = predicted.names.as_ref();
            let kept = match (&row.cells[bound.at], names) {
                (Cell::Number(x), _) if x.is_finite() => Some(Cell::Number(*x)),
                (Cell::Code(c), Some(names)) => Some(Cell::Code(code(&bound.codes, *c, names))),
                _ => None,
            };
            let gap = kept.is_none();
            let fill = || match (&predicted.fallback, names) {
                (Fallback::Name(name), Some(names)) => Cell::Code(names.code(name)),
                (Fallback::Number(mean), _) => Cell::Number(*mean),
                _ => Cell::Missing,
            };
            let cell = match (kept, &mut bound.model) {
                (Some(kept), _) => kept,
                (None, None) => fill(),
                (None, Some(model)) => {
                    let mut part =
                        Row { cells: bound.reads.iter().map(|at| row.cells[*at].clone()).collect() };
                    model.run.row(&mut part)?;
                    match (part.cells.get(model.prediction), names) {
                        (Some(Cell::Code(c)), Some(names)) => Cell::Code(code(&model.codes, *c, names)),
                        (Some(Cell::Number(x)), None) if !x.is_nan() => Cell::Number(*x),
                        _ => fill(),
                    }
                }
            };
            filled.push((bound.at, cell, predicted.flag.is_some().then_some(gap)));
        }
        for (at, cell, mark) in filled {
            row.cells[at] = cell;
            row.cells.extend(mark.map(Cell::Flag));
        }
        Ok(())
    }
}

//! What every column-by-column step shares: learn something about each of its columns, then replace each of them by
//! the columns derived from it, in place, and pass all others on untouched.
//!
//! A step says which columns it handles and what it learns of one ([`ColumnStep`]), and what was learned says what
//! it makes of a column ([`Learned`], or the shorter [`NumberMap`] where a number simply becomes another number).
//! Schemas, names, saving, loading, binding, threads and the one-row path are here.

use std::collections::BTreeSet;
use std::mem::take;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, Cell, Column, Columns, Context, Error, Fitted, Kind, Result, Role, Row, Run, Schema,
    State, Training,
};

mod column_of;

pub(crate) use column_of::ColumnOf;

use crate::PrepError;

/// Below so many cells a batch is not worth handing to other threads.
const PARALLEL_CELLS: usize = 32_768;

/// A step that works on one column at a time.
pub(crate) trait ColumnStep: Builtin {
    /// What it learns about one column.
    type Learned: Learned;
    /// What it handles, in words: "a number".
    const WANTED: &'static str;

    /// The columns that the user named.
    fn columns(&self) -> &Columns;

    /// Whether it can work on this column.
    fn handles(&self, column: &Column) -> bool;

    /// Learns what there is to learn about one column; `notes` takes warnings.
    fn learn(&self, from: ColumnOf<'_>, notes: &mut Notes) -> Result<Self::Learned>;

    /// The places of the columns to work on.
    fn places(&self, schema: &Schema) -> Result<Vec<usize>> {
        self.columns().places(schema, Self::WANTED, |c| self.handles(c))
    }
}

/// What was learned about one column.
pub(crate) trait Learned: Send + Sync + Sized + 'static {
    /// Everything needed to build an equal one.
    fn save(&self) -> Saved;

    /// The inverse of [`Learned::save`]; the error says what is wrong.
    fn load(saved: Saved) -> Result<Self, String>;

    /// The columns that replace `input`. The mapping keeps their names unique.
    fn output(&self, input: &Column) -> Result<Vec<Column>>;

    /// Prepares for columns like `input`.
    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>>;
}

/// What was learned about one column, in the form that does the work.
pub(crate) trait Bound: Send + Sync {
    /// The arrays of the columns that replace this one.
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>>;

    /// The same for the cell of one row: pushes the cells that replace it.
    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()>;
}

/// The short form of [`Learned`] for steps that turn a number into a number, value by value.
pub(crate) trait NumberMap: Copy + Send + Sync + 'static {
    /// What was learned, as numbers.
    fn floats(&self) -> Vec<f64>;

    /// The inverse of [`NumberMap::floats`]; `None` when their number is wrong.
    fn from_floats(floats: &[f64]) -> Option<Self>;

    /// What a number becomes. Missing values stay missing and never come here, except as `NaN`.
    fn map(&self, x: f64) -> f64;
}

/// The saved form of a [`Learned`]: names and counts in `notes`, every float in `floats`.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    pub(crate) notes: Value,
    pub(crate) floats: Vec<f64>,
}

impl Saved {
    pub(crate) fn new(notes: impl Serialize, floats: Vec<f64>) -> Self {
        // Plain structs of names, counts and choices cannot fail to serialise.
        Saved { notes: serde_json::to_value(notes).unwrap_or_default(), floats }
    }

    /// The notes as `T`.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, String> {
        T::deserialize(&self.notes).map_err(|e| e.to_string())
    }
}

/// The warnings of one column; shown in the order of the columns, whichever thread was first.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<(&'static str, String)>);

impl Notes {
    pub(crate) fn warn(&mut self, code: &'static str, message: String) {
        self.0.push((code, message));
    }
}

/// Fits a step: [`ColumnStep::learn`] on each of its columns, in parallel.
pub(crate) fn fit<S: ColumnStep>(
    step: &S,
    training: Training<'_>,
    context: &Context,
) -> Result<Arc<dyn Fitted>> {
    context.check()?;
    let places = step.places(training.train.schema())?;
    let batch = training.train.collect()?;
    let learn = |from: ColumnOf<'_>, notes: &mut Notes| step.learn(from, notes);
    Ok(Arc::new(learn_columns(S::KIND, S::VERSION, &batch, &places, context, learn)?))
}

/// Learns about the columns at `places` and gives the derived columns names that nothing else has.
pub(crate) fn learn_columns<L: Learned>(
    kind: &'static str,
    version: u32,
    batch: &Batch,
    places: &[usize],
    context: &Context,
    learn: impl Fn(ColumnOf<'_>, &mut Notes) -> Result<L> + Sync,
) -> Result<Mapping<L>> {
    let schema = batch.schema();
    let target = places.iter().map(|&at| &schema.columns()[at]).find(|c| c.role == Role::Target);
    if let Some(target) = target {
        return Err(PrepError::TargetNamed { step: kind, column: target.name.clone() }.into());
    }
    let places: BTreeSet<usize> = places.iter().copied().collect();
    let learn_one = |&at: &usize| {
        context.check()?;
        let mut notes = Notes::default();
        let learned = learn(ColumnOf { batch, at }, &mut notes)?;
        Ok((at, learned, notes))
    };
    let all: Vec<Result<(usize, L, Notes)>> =
        Vec::from_iter(&places).into_par_iter().map(learn_one).collect();

    let mut taken: BTreeSet<String> = schema.names().map(String::from).collect();
    let mut columns = Vec::with_capacity(all.len());
    for one in all {
        let (at, learned, notes) = one?;
        notes.0.into_iter().for_each(|(code, message)| context.warn(code, message));
        let column = &schema.columns()[at];
        let outputs = learned
            .output(column)?
            .into_iter()
            .map(|c| if c.name == column.name { c.name } else { unique(c.name, &mut taken) });
        let outputs = outputs.collect();
        columns.push(Mapped { name: column.name.clone(), kind: column.kind, outputs, learned });
    }
    Ok(Mapping { kind, version, columns })
}

/// `name`, or with a number behind it when there is such a column already.
pub(crate) fn unique(name: String, taken: &mut BTreeSet<String>) -> String {
    let mut free = name.clone();
    let mut n = 2;
    while !taken.insert(free.clone()) {
        free = format!("{name}_{n}");
        n += 1;
    }
    free
}

/// A fitted column-by-column step.
pub(crate) struct Mapping<L> {
    kind: &'static str,
    version: u32,
    columns: Vec<Mapped<L>>,
}

struct Mapped<L> {
    name: String,
    kind: Kind,
    outputs: Vec<String>,
    learned: L,
}

/// The JSON beside the floats.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedColumn {
    name: String,
    kind: Kind,
    outputs: Vec<String>,
    n_floats: usize,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    learned: Value,
}

/// Builds the mapping that [`Mapping::state`] saved.
pub(crate) fn load<S: ColumnStep>(state: &State) -> Result<Arc<dyn Fitted>> {
    Ok(Arc::new(load_columns::<S::Learned>(S::KIND, S::VERSION, state)?))
}

/// As [`load`], for steps that are no [`ColumnStep`].
pub(crate) fn load_columns<L: Learned>(
    kind: &'static str,
    version: u32,
    state: &State,
) -> Result<Mapping<L>> {
    let saved: Vec<SavedColumn> = state.params()?;
    let total = saved.iter().map(|c| c.n_floats).try_fold(0usize, usize::checked_add);
    let total = total.ok_or_else(|| Error::state(kind, "more floats than there can be"))?;
    let mut floats = state.floats_of("floats", total)?;
    let mut columns = Vec::with_capacity(saved.len());
    for column in saved {
        let (own, rest) = floats.split_at(column.n_floats);
        floats = rest;
        let learned = L::load(Saved { notes: column.learned, floats: own.to_vec() })
            .map_err(|problem| Error::state(kind, format!("column '{}': {problem}", column.name)))?;
        columns.push(Mapped { name: column.name, kind: column.kind, outputs: column.outputs, learned });
    }
    Ok(Mapping { kind, version, columns })
}

impl<L: Learned> Mapping<L> {
    /// What was learned about each column, by its name.
    pub(crate) fn learned(&self) -> impl Iterator<Item = (&str, &L)> {
        self.columns.iter().map(|mapped| (mapped.name.as_str(), &mapped.learned))
    }

    /// For each column of `input` what is to become of it; errors name the column that is missing or of another kind.
    fn resolve<'a>(&'a self, input: &Schema) -> Result<Vec<Option<&'a Mapped<L>>>> {
        let mut resolved = vec![None; input.len()];
        for mapped in &self.columns {
            let at = input.index(&mapped.name)?;
            let found = input.columns()[at].kind;
            if found != mapped.kind {
                let wanted = format!("the {} it was in training", mapped.kind.word());
                return Err(Error::WrongKind { column: mapped.name.clone(), found, wanted });
            }
            resolved[at] = Some(mapped);
        }
        Ok(resolved)
    }

    /// The batch with the learned columns replaced by what `arrays` says they become.
    pub(crate) fn replace(
        &self,
        batch: &Batch,
        mut arrays: impl FnMut(&L, ColumnOf<'_>) -> Result<Vec<ArrayRef>>,
    ) -> Result<Batch> {
        let mut columns = Vec::with_capacity(batch.columns().len());
        for (at, mapped) in self.resolve(batch.schema())?.into_iter().enumerate() {
            match mapped {
                Some(m) => columns.extend(arrays(&m.learned, ColumnOf { batch, at })?),
                None => columns.push(batch.column(at).clone()),
            }
        }
        Batch::with_rows(Arc::new(self.output(batch.schema())?), columns, batch.n_rows())
    }
}

impl<L> Mapped<L> {
    fn columns(&self, input: &Column) -> Result<Vec<Column>>
    where
        L: Learned,
    {
        let mut columns = self.learned.output(input)?;
        if columns.len() != self.outputs.len() {
            return Err(Error::internal(format!("'{}' gives other columns than at fit", self.name)));
        }
        for (column, name) in columns.iter_mut().zip(&self.outputs) {
            column.name.clone_from(name);
        }
        Ok(columns)
    }
}

impl<L: Learned> Fitted for Mapping<L> {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut columns = Vec::with_capacity(input.len());
        for (column, mapped) in input.columns().iter().zip(self.resolve(input)?) {
            match mapped {
                Some(mapped) => columns.extend(mapped.columns(column)?),
                None => columns.push(column.clone()),
            }
        }
        Schema::new(columns)
    }

    fn state(&self) -> State {
        let mut floats = Vec::new();
        let mut columns = Vec::with_capacity(self.columns.len());
        for mapped in &self.columns {
            let saved = mapped.learned.save();
            columns.push(SavedColumn {
                name: mapped.name.clone(),
                kind: mapped.kind,
                outputs: mapped.outputs.clone(),
                n_floats: saved.floats.len(),
                learned: saved.notes,
            });
            floats.extend(saved.floats);
        }
        State::new(self.kind, self.version, columns).floats("floats", &floats)
    }

    fn by_column(&self) -> bool {
        true
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let resolved = self.resolve(input)?;
        let mut bound = Vec::with_capacity(input.len());
        for (column, mapped) in input.columns().iter().zip(&resolved) {
            bound.push(match mapped {
                Some(mapped) => Some(mapped.learned.bind(column)?),
                None => None,
            });
        }
        let one_to_one = resolved.iter().flatten().all(|m| m.outputs.len() == 1);
        Ok(Box::new(BoundMapping {
            output: Arc::new(self.output(input)?),
            bound,
            one_to_one,
            spare: Vec::new(),
        }))
    }
}

struct BoundMapping {
    output: Arc<Schema>,
    /// By place in the input: what to do with the column; `None` passes it on.
    bound: Vec<Option<Box<dyn Bound>>>,
    /// Whether each column is replaced by exactly one, so that cells can stay where they are.
    one_to_one: bool,
    /// Where the cells of the next row are put together.
    spare: Vec<Cell>,
}

impl Run for BoundMapping {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        self.check(batch.columns().len())?;
        let one = |at: usize| match &self.bound[at] {
            Some(bound) => bound.apply(ColumnOf { batch, at }),
            None => Ok(vec![batch.column(at).clone()]),
        };
        let places = 0..self.bound.len();
        let parts: Vec<Result<Vec<ArrayRef>>> = if batch.n_rows() * self.bound.len() < PARALLEL_CELLS {
            places.map(one).collect()
        } else {
            places.into_par_iter().map(one).collect()
        };
        let mut columns = Vec::with_capacity(self.output.len());
        for part in parts {
            columns.extend(part?);
        }
        Batch::with_rows(self.output.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.check(row.cells.len())?;
        self.spare.clear();
        if self.one_to_one {
            for (cell, bound) in row.cells.iter_mut().zip(&self.bound) {
                if let Some(bound) = bound {
                    bound.row(take(cell), &mut self.spare)?;
                    *cell = self.spare.pop().unwrap_or_default();
                }
            }
            return Ok(());
        }
        for (cell, bound) in row.cells.drain(..).zip(&self.bound) {
            match bound {
                Some(bound) => bound.row(cell, &mut self.spare)?,
                None => self.spare.push(cell),
            }
        }
        std::mem::swap(&mut row.cells, &mut self.spare);
        Ok(())
    }
}

impl BoundMapping {
    fn check(&self, n: usize) -> Result<()> {
        if n == self.bound.len() {
            return Ok(());
        }
        Err(Error::internal(format!("{n} columns came where {} were bound", self.bound.len())))
    }
}

impl<T: NumberMap> Learned for T {
    fn save(&self) -> Saved {
        Saved { notes: Value::Null, floats: self.floats() }
    }

    fn load(saved: Saved) -> Result<Self, String> {
        T::from_floats(&saved.floats).ok_or_else(|| format!("{} floats do not fit", saved.floats.len()))
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        Ok(vec![
            Column { name: input.name.clone(), ..Column::number("").derived_from(input) }
                .with_role(input.role),
        ])
    }

    fn bind(&self, _: &Column) -> Result<Box<dyn Bound>> {
        Ok(Box::new(Numbers(*self)))
    }
}

/// A [`NumberMap`] at work.
struct Numbers<T>(T);

impl<T: NumberMap> Bound for Numbers<T> {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let input = from.numbers()?;
        // The slots of missing values are mapped along: cheaper than asking for each.
        let values: Vec<f64> = input.values().iter().map(|&x| self.0.map(x)).collect();
        Ok(vec![Arc::new(Float64Array::new(values.into(), input.nulls().cloned()))])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        out.push(match cell {
            Cell::Number(x) => Cell::Number(self.0.map(x)),
            Cell::Missing => Cell::Missing,
            other => return Err(wrong_cell("a number", &other)),
        });
        Ok(())
    }
}

/// The caller broke its promise about the kind of a cell.
pub(crate) fn wrong_cell(wanted: &str, found: &Cell) -> Error {
    Error::internal(format!("{wanted} was promised, {found:?} came"))
}

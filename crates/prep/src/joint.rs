//! What steps share that look at several number columns of a row together: reading them, changing some in place, adding columns
//! behind all others, saving, loading, threads and the one-row path.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Cell, Column, Columns, Error, Fitted, Kind, Result, Role, Row, Run, Schema, State,
};

use crate::PrepError;
use crate::mapping::{Saved, unique, wrong_cell};
use crate::numbers::absent;
use crate::placing::{BoundPlacing, Place, Placing};

/// Rows that one thread takes at a time.
const CHUNK: usize = 1024;

/// What was learned about several number columns.
pub(crate) trait Joint: Send + Sync + Sized + 'static {
    /// Everything needed to build an equal one for the same columns.
    fn save(&self) -> Saved;

    /// The inverse of [`Joint::save`], for `p` inputs; the error says what is wrong.
    fn load(saved: Saved, p: usize) -> Result<Self, String>;

    /// Changes the inputs of one row in place (`NaN` where one is missing, before and after) and writes what is added.
    fn work(&self, row: &mut [f64], added: &mut [f64]);

    /// The same for many rows of `p` inputs, one after the other, and what is added to each, `a` numbers: for what works faster on
    /// many at a time. The answer for a row must not depend on the others.
    fn work_rows(&self, rows: &mut [f64], added: &mut [f64], (p, a): (usize, usize)) {
        let rows = rows.chunks_exact_mut(p).enumerate();
        rows.for_each(|(i, row)| self.work(row, &mut added[i * a..(i + 1) * a]));
    }

    /// As [`Joint::work`], for what depends on the place of the row too: see [`Together::placed`].
    fn work_at(&self, _: Place, row: &mut [f64], added: &mut [f64]) {
        self.work(row, added);
    }
}

/// A column behind all others.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Added {
    pub(crate) name: String,
    /// Whether it is a flag (any number but 0 is true) or a number.
    pub(crate) flag: bool,
    /// The input that it is derived from.
    pub(crate) from: usize,
}

/// A fitted step over several number columns.
pub(crate) struct Together<J> {
    kind: &'static str,
    version: u32,
    inputs: Vec<String>,
    /// By input: whether it is changed in place.
    changed: Vec<bool>,
    added: Vec<Added>,
    /// What tells the place of a row, where that matters.
    placing: Option<Placing>,
    learned: J,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    inputs: Vec<String>,
    changed: Vec<bool>,
    added: Vec<Added>,
    n_floats: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    placing: Option<Placing>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    learned: Value,
}

/// The inputs of a batch, one row after the other, `NaN` where one is missing.
pub(crate) fn matrix(batch: &Batch, places: &[usize]) -> Result<Vec<f64>> {
    let p = places.len();
    let columns: Vec<&Float64Array> = places.iter().map(|at| batch.numbers(*at)).collect::<Result<_>>()?;
    let mut x = vec![0.0; batch.n_rows() * p];
    x.par_chunks_mut((CHUNK * p).max(1)).enumerate().for_each(|(chunk, rows)| {
        let start = chunk * CHUNK;
        for (j, column) in columns.iter().enumerate() {
            rows.chunks_exact_mut(p).zip(&column.values()[start..]).for_each(|(row, x)| row[j] = *x);
            if let Some(nulls) = column.nulls().filter(|nulls| nulls.null_count() > 0) {
                let missing = absent(&nulls.slice(start, rows.len() / p));
                missing.into_iter().for_each(|row| rows[row * p + j] = f64::NAN);
            }
        }
    });
    Ok(x)
}

/// Refuses a step that names the target.
pub(crate) fn refuse_target(kind: &'static str, schema: &Schema, places: &[usize]) -> Result<()> {
    match places.iter().map(|&at| &schema.columns()[at]).find(|c| c.role == Role::Target) {
        Some(c) => Err(PrepError::TargetNamed { step: kind, column: c.name.clone() }.into()),
        None => Ok(()),
    }
}

/// The indices of the number columns that a step works on: the named ones, or all features that are numbers.
///
/// # Errors
/// A named column does not exist, is not a number, or is the target.
pub(crate) fn number_places(kind: &'static str, columns: &Columns, schema: &Schema) -> Result<Vec<usize>> {
    let places = columns.places(schema, "a number", |c: &Column| c.kind == Kind::Number)?;
    refuse_target(kind, schema, &places)?;
    Ok(places)
}

impl<J: Joint> Together<J> {
    /// Over the columns at `places` of `schema`; added columns get names that nothing else has.
    pub(crate) fn new(
        (kind, version): (&'static str, u32),
        schema: &Schema,
        places: &[usize],
        changed: Vec<bool>,
        mut added: Vec<Added>,
        learned: J,
    ) -> Self {
        let mut taken: BTreeSet<String> = schema.names().map(String::from).collect();
        for column in &mut added {
            column.name = unique(std::mem::take(&mut column.name), &mut taken);
        }
        let inputs = places.iter().map(|&at| schema.columns()[at].name.clone()).collect();
        Together { kind, version, inputs, changed, added, placing: None, learned }
    }

    /// The same, told the place of each row ([`Joint::work_at`]).
    pub(crate) fn placed(self, placing: Placing) -> Self {
        Together { placing: Some(placing), ..self }
    }

    /// Builds what [`Fitted::state`] saved.
    pub(crate) fn load((kind, version): (&'static str, u32), state: &State) -> Result<Arc<dyn Fitted>> {
        let Layout { inputs, changed, added, n_floats, placing, learned } = state.params()?;
        let floats = state.floats_of("floats", n_floats)?.to_vec();
        let wrong = |problem: String| Error::state(kind, problem);
        if changed.len() != inputs.len() || added.iter().any(|a| a.from >= inputs.len()) {
            return Err(wrong("its columns do not fit together".into()));
        }
        let learned = J::load(Saved { notes: learned, floats }, inputs.len()).map_err(wrong)?;
        Ok(Arc::new(Together { kind, version, inputs, changed, added, placing, learned }))
    }

    fn places(&self, input: &Schema) -> Result<Vec<usize>> {
        let place = |name: &String| {
            let at = input.index(name)?;
            match input.columns()[at].kind {
                Kind::Number => Ok(at),
                found => {
                    let wanted = "the number it was in training".into();
                    Err(Error::WrongKind { column: name.clone(), found, wanted })
                }
            }
        };
        self.inputs.iter().map(place).collect()
    }
}

impl<J: Joint> Fitted for Together<J> {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let places = self.places(input)?;
        let mut columns = input.columns().to_vec();
        for (at, _) in places.iter().zip(&self.changed).filter(|(_, changed)| **changed) {
            let old = &input.columns()[*at];
            columns[*at] = Column::number(&old.name).derived_from(old).with_role(old.role);
        }
        columns.extend(self.added.iter().map(|added| {
            let kind = if added.flag { Kind::Flag } else { Kind::Number };
            Column::new(&added.name, kind).derived_from(&input.columns()[places[added.from]])
        }));
        Schema::new(columns)
    }

    fn state(&self) -> State {
        let Saved { notes, floats } = self.learned.save();
        let layout = Layout {
            inputs: self.inputs.clone(),
            changed: self.changed.clone(),
            added: self.added.clone(),
            n_floats: floats.len(),
            placing: self.placing.clone(),
            learned: notes,
        };
        State::new(self.kind, self.version, layout).floats("floats", &floats)
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        Ok(Box::new(BoundTogether {
            places: self.places(input)?,
            output: Arc::new(self.output(input)?),
            n_columns: input.len(),
            row: vec![f64::NAN; self.inputs.len()],
            added: vec![f64::NAN; self.added.len()],
            placing: self.placing.as_ref().map(|placing| placing.bind(input)).transpose()?,
            fitted: self,
        }))
    }
}

struct BoundTogether<J> {
    fitted: Arc<Together<J>>,
    output: Arc<Schema>,
    places: Vec<usize>,
    n_columns: usize,
    row: Vec<f64>,
    added: Vec<f64>,
    placing: Option<BoundPlacing>,
}

impl<J> BoundTogether<J> {
    fn check(&self, n: usize) -> Result<()> {
        if n == self.n_columns {
            return Ok(());
        }
        Err(Error::internal(format!("{n} columns came where {} were bound", self.n_columns)))
    }
}

/// Column `j` of rows of `p` numbers; `NaN` is missing.
fn column(rows: &[f64], p: usize, j: usize) -> impl Iterator<Item = Option<f64>> + '_ {
    rows.iter().skip(j).step_by(p.max(1)).map(|x| (!x.is_nan()).then_some(*x))
}

/// The same as an array.
fn numbers(rows: &[f64], p: usize, j: usize) -> Float64Array {
    let values: Vec<f64> = rows.chunks_exact(p.max(1)).map(|row| row[j]).collect();
    if values.iter().fold(false, |any, x| any | x.is_nan()) {
        return column(rows, p, j).collect();
    }
    Float64Array::from(values)
}

impl<J: Joint> Run for BoundTogether<J> {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        self.check(batch.columns().len())?;
        let (p, a) = (self.places.len(), self.fitted.added.len());
        let mut x = matrix(batch, &self.places)?;
        let mut added = vec![f64::NAN; batch.n_rows() * a];
        if let Some(placing) = &mut self.placing {
            let places = placing.of(batch)?;
            // Of nothing added each row has an empty part; `chunks_mut` knows no parts of length 0.
            let mut nothing = vec![f64::NAN; if a == 0 { batch.n_rows() } else { 0 }];
            let parts = if a == 0 { &mut nothing } else { &mut added };
            let rows = x.par_chunks_mut(p.max(1)).zip(parts.par_chunks_mut(a.max(1))).zip(&places);
            let work = |((row, added), place): ((&mut [f64], &mut [f64]), &Place)| {
                self.fitted.learned.work_at(*place, row, &mut added[..a]);
            };
            rows.with_min_len(CHUNK).for_each(work);
        } else if a > 0 && p > 0 {
            let chunks = x.par_chunks_mut(CHUNK * p).zip(added.par_chunks_mut(CHUNK * a));
            chunks.for_each(|(x, added)| self.fitted.learned.work_rows(x, added, (p, a)));
        } else if p > 0 {
            let chunks = x.par_chunks_mut(CHUNK * p);
            chunks.for_each(|x| self.fitted.learned.work_rows(x, &mut [], (p, a)));
        }
        let mut columns = batch.columns().to_vec();
        let changed: Vec<usize> = (0..p).filter(|j| self.fitted.changed[*j]).collect();
        let arrays: Vec<Float64Array> = changed.par_iter().map(|j| numbers(&x, p, *j)).collect();
        for (j, array) in changed.into_iter().zip(arrays) {
            columns[self.places[j]] = Arc::new(array);
        }
        columns.extend(self.fitted.added.iter().enumerate().map(|(j, to)| -> ArrayRef {
            match to.flag {
                true => {
                    let flags = column(&added, a, j).map(|x| x.map(|x| x != 0.0));
                    Arc::new(flags.collect::<BooleanArray>())
                }
                false => Arc::new(numbers(&added, a, j)),
            }
        }));
        Batch::with_rows(self.output.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.check(row.cells.len())?;
        for (to, &at) in self.row.iter_mut().zip(&self.places) {
            *to = match &row.cells[at] {
                Cell::Number(x) => *x,
                Cell::Missing => f64::NAN,
                other => return Err(wrong_cell("a number", other)),
            };
        }
        self.added.fill(f64::NAN);
        if let Some(placing) = &mut self.placing {
            self.fitted.learned.work_at(placing.of_row(row), &mut self.row, &mut self.added);
        } else if !self.row.is_empty() {
            self.fitted.learned.work(&mut self.row, &mut self.added);
        }
        let cell = |x: f64| if x.is_nan() { Cell::Missing } else { Cell::Number(x) };
        for (j, &at) in self.places.iter().enumerate().filter(|(j, _)| self.fitted.changed[*j]) {
            row.cells[at] = cell(self.row[j]);
        }
        row.cells.extend(self.added.iter().zip(&self.fitted.added).map(|(x, to)| match to.flag {
            true if !x.is_nan() => Cell::Flag(*x != 0.0),
            _ => cell(*x),
        }));
        Ok(())
    }
}

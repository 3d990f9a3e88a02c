//! `categorical_nb`: classes from categories as they are, and from numbers beside them.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Cell, Column, Context, Error, Estimator, Family, Fitted, KeyPath, Kind,
    Needs, Registry, Result, Role, Row, Run, Schema, Search, State, Training,
};
use tidemill_kernel::reduce::in_chunks;

use super::additive::Terms;
use super::gaussian::{FittedGaussianNb, GaussianNb};
use super::{check_alpha, gaussian, log_priors};
use crate::sample::Sample;
use crate::scorer::Scorer;
use tidemill_kernel::Classes;
use tidemill_kernel::answer::{Answer, output};

/// Rows that one thread takes at a time.
const CHUNK: usize = 4096;
/// The code of a value that says nothing: missing, or not met in training.
const NOTHING: u32 = u32::MAX;

/// Naive Bayes for categories, read as they are: within a class, each name of a column has its smoothed share,
/// `(count + alpha) / (rows + alpha * names)`, over the names that occur in training. Agrees with scikit-learn's
/// `CategoricalNB` where every name occurs. Flags are categories of two names. Numbers and dense vectors, where there
/// are any, count as in `gaussian_nb`, so that one model reads a mixed table.
///
/// A missing value, and a name not met in training, is left out of a row's score.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::bayes::CategoricalNb;
/// assert!(CategoricalNb::default().check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CategoricalNb {
    /// Smoothing: so much is added to the count of every name, above 0.
    pub alpha: f64,
    /// Whether frequent classes are more probable from the start.
    pub fit_prior: bool,
}

impl Default for CategoricalNb {
    fn default() -> Self {
        CategoricalNb { alpha: 1.0, fit_prior: true }
    }
}

fn is_named(column: &Column) -> bool {
    matches!(column.kind, Kind::Category | Kind::Flag)
}

/// The code of row `i` of a category or flag column; [`NOTHING`] where it is missing.
fn code(batch: &Batch, place: usize, i: usize) -> Result<u32> {
    if batch.column(place).is_null(i) {
        return Ok(NOTHING);
    }
    match batch.schema().columns()[place].kind {
        Kind::Flag => Ok(u32::from(batch.flags(place)?.value(i))),
        _ => Ok(batch.codes(place)?.value(i)),
    }
}

/// The names behind the codes of a category or flag column.
fn names_of(column: &Column) -> Result<Vec<String>> {
    match column.kind {
        Kind::Flag => Ok(vec!["false".into(), "true".into()]),
        Kind::Category => Ok(column.categories()?.names().iter().map(|n| n.to_string()).collect()),
        found => Err(Error::WrongKind {
            column: column.name.clone(),
            found,
            wanted: "a category or a flag, as in training,".into(),
        }),
    }
}

/// One column of names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    column: String,
    /// The names that occurred in training.
    names: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    classes: Vec<String>,
    named: Vec<Named>,
}

impl Builtin for CategoricalNb {
    const KIND: &'static str = "categorical_nb";

    fn check(&self) -> Result<(), KeyPath> {
        check_alpha(self.alpha)
    }

    fn load(_: &Registry, mut state: State) -> Result<Arc<dyn Fitted>> {
        let Saved { classes, named } = state.params()?;
        let classes = Classes::load(&state, classes)?;
        let tables = named
            .iter()
            .enumerate()
            .map(|(i, column)| {
                let len = column.names.len().checked_mul(classes.k());
                let len = len.ok_or_else(|| Error::state(Self::KIND, "more names than memory can hold"))?;
                Ok(state.floats_of(&format!("shares_{i}"), len)?.to_vec())
            })
            .collect::<Result<_>>()?;
        let numbers = match state.children.pop() {
            Some(child) if child.kind == GaussianNb::KIND => {
                child.check_version(GaussianNb::VERSION)?;
                FittedGaussianNb::of(child)?
            }
            _ => return Err(Error::state(Self::KIND, "the part for numbers is missing")),
        };
        if numbers.present() != classes.present {
            return Err(Error::state(Self::KIND, "the part for numbers knows other classes"));
        }
        Ok(Arc::new(FittedCategoricalNb { classes, named, tables, numbers: Arc::new(numbers) }))
    }
}

impl BuiltinLearner for CategoricalNb {
    const FAMILY: Family = Family::Bayes;
}

impl Estimator for CategoricalNb {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: false, scaled: false, tabular: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        vec![Search { key: "alpha", values: [1.0, 0.1, 0.01, 10.0].map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let sample = Sample::of_columns(training, context, |c| !is_named(c))?;
        let (classes, codes) = sample.classes()?;
        classes.warn_if_one(context);
        sample.check_sizes()?;
        let batch = sample.batch();
        let places = batch.schema().places(|c| c.role == Role::Feature && is_named(c));
        let (mut named, mut tables) = (Vec::new(), Vec::new());
        for place in places {
            context.check()?;
            let (column, table) = self.learn(&sample, place, &codes, classes.k())?;
            named.push(column);
            tables.push(table);
        }
        let (means, variances) = gaussian::moments(&sample, &codes, classes.k(), 1e-9);
        let priors = log_priors(&classes, self.fit_prior);
        let numbers =
            Arc::new(FittedGaussianNb::new(classes.clone(), sample.features, means, variances, priors));
        Ok(Arc::new(FittedCategoricalNb { classes, named, tables, numbers }))
    }
}

impl CategoricalNb {
    /// The names of one column that occur, and for each the logarithm of its share in each class.
    fn learn(&self, sample: &Sample, place: usize, classes: &[u32], k: usize) -> Result<(Named, Vec<f64>)> {
        let batch = sample.batch();
        let column = &batch.schema().columns()[place];
        let all = names_of(column)?;
        let mut sums = vec![0.0; all.len() * k];
        for (i, &class) in classes.iter().enumerate() {
            // A name unseen when the table was read has a code past the last: it says nothing.
            let at = code(batch, place, sample.table_row(i))? as usize;
            if at < all.len() {
                sums[at * k + class as usize] += sample.weight(i);
            }
        }
        let occurs = |at: &usize| sums[at * k..(at + 1) * k].iter().any(|&s| s > 0.0);
        let kept: Vec<usize> = (0..all.len()).filter(occurs).collect();
        let mut totals = vec![self.alpha * kept.len() as f64; k];
        for at in &kept {
            totals.iter_mut().zip(&sums[at * k..(at + 1) * k]).for_each(|(t, s)| *t += s);
        }
        let share = |at: usize| (sums[at] + self.alpha).ln() - totals[at % k].ln();
        let table = kept.iter().flat_map(|at| at * k..(at + 1) * k).map(share).collect();
        let names = kept.iter().map(|&at| all[at].clone()).collect();
        Ok((Named { column: column.name.clone(), names }, table))
    }
}

/// What [`CategoricalNb`] learned.
#[derive(Clone, Debug)]
pub struct FittedCategoricalNb {
    classes: Classes,
    named: Vec<Named>,
    /// For each column of names, `names * classes present` logarithms.
    tables: Vec<Vec<f64>>,
    /// The priors, and the features that are numbers.
    numbers: Arc<FittedGaussianNb>,
}

impl FittedCategoricalNb {
    /// For each column of names: its place, and the place in its table of each code.
    fn inputs(&self, input: &Schema) -> Result<Vec<(usize, Vec<u32>)>> {
        let mut inputs = Vec::with_capacity(self.named.len());
        for Named { column, names } in &self.named {
            let place = input.index(column)?;
            let found = names_of(&input.columns()[place])?;
            let known = |name: &String| names.iter().position(|n| n == name).map_or(NOTHING, |at| at as u32);
            inputs.push((place, found.iter().map(known).collect()));
        }
        Ok(inputs)
    }

    /// Adds what a name says to the scores; `places` holds the place in its table of each code.
    fn add(&self, input: usize, places: &[u32], code: u32, scores: &mut [f64]) {
        let k = scores.len();
        if let Some(&at) = places.get(code as usize)
            && at != NOTHING
        {
            let at = at as usize * k;
            let shares = &self.tables[input][at..at + k];
            scores.iter_mut().zip(shares).for_each(|(score, share)| *score += share);
        }
    }
}

impl Terms for FittedCategoricalNb {
    fn classes(&self) -> &Classes {
        &self.classes
    }

    fn columns(&self) -> Vec<&str> {
        let named = self.named.iter().map(|named| named.column.as_str());
        named.chain(Terms::columns(&*self.numbers)).collect()
    }

    fn starts(&self) -> &[f64] {
        self.numbers.starts()
    }

    fn terms(&self, batch: &Batch) -> Result<Vec<f64>> {
        let (inputs, numbers) = (self.inputs(batch.schema())?, self.numbers.terms(batch)?);
        let k = self.classes.k();
        let of_numbers = Terms::columns(&*self.numbers).len() * k;
        let mut terms = Vec::with_capacity(batch.n_rows() * (inputs.len() * k + of_numbers));
        for row in 0..batch.n_rows() {
            for (input, (place, places)) in inputs.iter().enumerate() {
                let start = terms.len();
                terms.resize(start + k, 0.0);
                self.add(input, places, code(batch, *place, row)?, &mut terms[start..]);
            }
            terms.extend_from_slice(&numbers[row * of_numbers..(row + 1) * of_numbers]);
        }
        Ok(terms)
    }
}

impl Fitted for FittedCategoricalNb {
    fn output(&self, input: &Schema) -> Result<Schema> {
        output(input, Some(&self.classes.names))
    }

    fn state(&self) -> State {
        let saved = Saved { classes: self.classes.words(), named: self.named.clone() };
        let state = State::new(CategoricalNb::KIND, CategoricalNb::VERSION, saved);
        let state = self.classes.save(state).child(self.numbers.state());
        let tables = self.tables.iter().enumerate();
        tables.fold(state, |state, (i, table)| state.floats(&format!("shares_{i}"), table))
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let inputs = self.inputs(input)?;
        let gather = tidemill_kernel::Gather::bind(self.numbers.features(), input)?;
        let answer = Answer::bind(input, Some(&self.classes.names))?;
        Ok(Box::new(Bound { numbers: vec![0.0; gather.n_columns()], fitted: self, inputs, gather, answer }))
    }
}

struct Bound {
    fitted: Arc<FittedCategoricalNb>,
    /// For each column of names: its place, and the place in its table of each code.
    inputs: Vec<(usize, Vec<u32>)>,
    gather: tidemill_kernel::Gather,
    answer: Answer,
    numbers: Vec<f64>,
}

impl Bound {
    fn add(&self, input: usize, code: u32, scores: &mut [f64]) {
        self.fitted.add(input, &self.inputs[input].1, code, scores);
    }

    fn chunk(&self, batch: &Batch, rows: Range<usize>) -> Result<Vec<f64>> {
        let (classes, p) = (&self.fitted.classes, self.gather.n_columns());
        let numbers = self.gather.rows(batch, rows.clone())?;
        let mut out = vec![0.0; rows.len() * classes.names.len()];
        let mut scores = vec![0.0; classes.k()];
        for ((at, i), out) in rows.enumerate().zip(out.chunks_exact_mut(classes.names.len())) {
            self.fitted.numbers.scores(&numbers[at * p..(at + 1) * p], &mut scores);
            for (input, (place, _)) in self.inputs.iter().enumerate() {
                self.add(input, code(batch, *place, i)?, &mut scores);
            }
            classes.softmax(&mut scores, out);
        }
        Ok(out)
    }
}

impl Run for Bound {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let parts = in_chunks(batch.n_rows(), CHUNK, |rows| self.chunk(batch, rows));
        let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
        self.answer.probabilities(batch, parts.concat())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.gather.row(row, &mut self.numbers)?;
        let classes = &self.fitted.classes;
        let mut scores = vec![0.0; classes.k()];
        self.fitted.numbers.scores(&self.numbers, &mut scores);
        for (input, (place, _)) in self.inputs.iter().enumerate() {
            let code = match row.cells.get(*place) {
                Some(Cell::Missing) => NOTHING,
                Some(Cell::Code(code)) => *code,
                Some(Cell::Flag(flag)) => u32::from(*flag),
                other => return Err(Error::internal(format!("a category came as {other:?}"))),
            };
            self.add(input, code, &mut scores);
        }
        let mut out = vec![0.0; classes.names.len()];
        classes.softmax(&mut scores, &mut out);
        self.answer.probability(row, out);
        Ok(())
    }
}

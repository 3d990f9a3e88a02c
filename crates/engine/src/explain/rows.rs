//! Which training rows taught a model what it says: the nearest in its own space, and what each is worth.

use std::sync::Arc;

use arrow_array::Array;
use serde::Serialize;
use serde_json::Value;
use tidemill_core::{Batch, Context, Error, Fitted, Kind, Result, Role, Source, Trees};
use tidemill_eval::explain::{RowSpace, taught_by};

use super::method::as_trees;
use super::{chosen, evenly, links, of_other, read};
use crate::error::EngineError;
use crate::model::Opened;
use crate::rows::value;
use crate::search::apply;

/// The most rows that are looked at, and the most comparisons that all of it may take.
const MOST_ROWS: usize = 2_000;
const COMPARISONS: u64 = 20_000_000_000;
/// How many training rows are named for each row.
const NEAREST: usize = 5;
/// Rows that equal a training row: more than this share of them seem to be training rows themselves.
const OWN: f64 = 0.5;

/// Whose teachers are asked for.
#[derive(Clone, Debug)]
pub struct AskedRows {
    /// The rows, counted from 1; all without any, thinned out where they are many.
    pub rows: Vec<u64>,
    /// How many nearest training rows form an answer whose worth is divided among them.
    pub neighbors: usize,
}

impl Default for AskedRows {
    fn default() -> Self {
        AskedRows { rows: Vec::new(), neighbors: 5 }
    }
}

/// Which training rows taught a model what it says.
#[derive(Clone, Debug, Serialize)]
pub struct Teachers {
    /// The target.
    pub target: String,
    /// `rows`.
    pub method: &'static str,
    /// Where rows are near each other: `leaves` of the model's trees, or `columns` as the model reads them.
    pub space: &'static str,
    /// How many training rows there are.
    pub n_training: usize,
    /// How many rows there were.
    pub n_rows: usize,
    /// How many of them were looked at, evenly spaced.
    pub n_asked: usize,
    /// How many of these have a known target.
    pub n_known: usize,
    /// How many neighbours form an answer.
    pub neighbors: usize,
    /// Whether many of the rows seem to be training rows themselves: they then teach themselves.
    pub among_training: bool,
    /// Row by row: the nearest training rows.
    pub rows: Vec<TaughtRow>,
    /// The training rows, those of the least worth first; empty where no row has a known target.
    pub worth: Vec<TrainingRow>,
}

/// A row, and the training rows that are nearest to it.
#[derive(Clone, Debug, Serialize)]
pub struct TaughtRow {
    /// Its number in the data, from 1.
    pub row: u64,
    /// The key, where the model knows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// The answer.
    pub prediction: Value,
    /// The nearest training rows, the nearest first.
    pub nearest: Vec<Teacher>,
}

/// A training row near a row.
#[derive(Clone, Debug, Serialize)]
pub struct Teacher {
    /// The training row.
    #[serde(flatten)]
    pub row: TrainingCells,
    /// In `leaves` the share of the trees that send both to different leaves; in `columns` the distance in standard deviations.
    pub distance: f64,
}

/// A training row and its worth.
#[derive(Clone, Debug, Serialize)]
pub struct TrainingRow {
    /// The training row.
    #[serde(flatten)]
    pub row: TrainingCells,
    /// What it adds to how right answers of its neighbourhood are, on average over the rows.
    pub worth: f64,
}

/// What is shown of a training row.
#[derive(Clone, Debug, Serialize)]
pub struct TrainingCells {
    /// Its number in the training data, from 1.
    pub training_row: u64,
    /// The key, where the model knows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// Its target.
    pub target: Value,
}

/// Finds the training rows that are nearest to rows, and what each training row is worth for those whose answer is known.
///
/// # Errors
/// Rows that lack a column, training rows without a target, too many training rows.
pub fn teachers(
    opened: &Opened,
    source: &dyn Source,
    training: &dyn Source,
    asked: &AskedRows,
    context: &Context,
) -> Result<Teachers> {
    let steps = links(&opened.model);
    let typed = read(&opened.model, source)?;
    let places = chosen(&typed, &asked.rows)?;
    let training =
        known(read(&opened.model, training).map_err(|e| of_other(e, "the training file", "--training"))?)?;
    let (at, trees) = place(steps, &training.0)?;
    let (learned, wanted) = (apply(&steps[..at], training.0.clone())?, typed.take(&places)?);
    let taught = space(steps, at, trees, &learned, &learned)?;
    let most =
        (COMPARISONS / (taught.n_rows() as u64 * taught.width().max(1) as u64).max(1)).min(MOST_ROWS as u64);
    if most == 0 {
        let problem = format!("{} training rows are too many to be compared", taught.n_rows());
        return Err(EngineError::usage(problem, "give a part of them").into());
    }
    let (rows, numbers) = thinned(&wanted, &places, most as usize)?;
    let prepared = apply(&steps[..at], rows.clone())?;
    let right = Right::of(&training.0, &rows)?;
    let says = |row: usize, teacher: usize| right.as_ref().map_or(0.0, |right| right.says(row, teacher));
    let judged = right.as_ref().map(|_| &says as &(dyn Fn(usize, usize) -> f64 + Sync));
    let found = taught_by(
        &taught,
        &space(steps, at, trees, &prepared, &learned)?,
        NEAREST.max(asked.neighbors).min(50),
        asked.neighbors,
        judged,
        context,
    )?;
    let cells = |at: usize| training_cells(&training, at);
    let answered = apply(steps, rows.clone())?;
    let (prediction, key) = (answered.schema().role(Role::Prediction), rows.schema().role(Role::Key));
    let mut told = Vec::with_capacity(numbers.len());
    for (i, (row, nearest)) in numbers.into_iter().zip(&found.nearest).enumerate() {
        let teacher =
            |(at, distance): &(u32, f64)| Ok(Teacher { row: cells(*at as usize)?, distance: *distance });
        told.push(TaughtRow {
            row,
            key: key.map(|at| value(&rows, at, i)).transpose()?,
            prediction: prediction.map(|at| value(&answered, at, i)).transpose()?.unwrap_or_default(),
            nearest: nearest.iter().take(NEAREST).map(teacher).collect::<Result<_>>()?,
        });
    }
    let own =
        found.nearest.iter().filter(|nearest| nearest.first().is_some_and(|(_, far)| *far == 0.0)).count();
    // Rows without a known target say nothing of anybody's worth.
    let n_known = right.as_ref().map_or(0, Right::n_known);
    let known_share = n_known as f64 / told.len().max(1) as f64;
    let mut worth = Vec::new();
    for (at, value) in found.worth.into_iter().flatten().enumerate() {
        worth.push(TrainingRow { row: cells(at)?, worth: value / known_share });
    }
    worth.sort_by(|a, b| a.worth.total_cmp(&b.worth));
    let plan = opened.model.intake()?.plan();
    Ok(Teachers {
        target: plan.target().map(|column| column.name.clone()).unwrap_or_default(),
        method: "rows",
        space: if trees { "leaves" } else { "columns" },
        n_training: taught.n_rows(),
        n_rows: places.len(),
        n_asked: told.len(),
        n_known,
        neighbors: asked.neighbors,
        among_training: !trees && own as f64 > OWN * told.len() as f64,
        rows: told,
        worth,
    })
}

/// Where rows are compared: before the trees that answer, else before the first link that does.
fn place(steps: &[Arc<dyn Fitted>], rows: &Batch) -> Result<(usize, bool)> {
    if let Some(at) = steps.iter().position(|step| as_trees(step).is_some()) {
        return Ok((at, true));
    }
    let mut schema = rows.schema().as_ref().clone();
    for (at, step) in steps.iter().enumerate() {
        let next = step.output(&schema)?;
        if next.role(Role::Prediction).is_some() || next.role(Role::Probability).is_some() {
            return Ok((at, false));
        }
        schema = next;
    }
    Ok((steps.len(), false))
}

/// The rows that have a target, and the number of each in the data.
fn known(rows: Batch) -> Result<(Batch, Vec<u32>)> {
    let missing = || {
        let remedy = "give the rows that the model was trained on, with the target";
        Error::from(EngineError::usage("the training rows have no known target", remedy))
    };
    let at = rows.schema().role(Role::Target).ok_or_else(missing)?;
    let known: Vec<u32> =
        (0..rows.n_rows() as u32).filter(|&i| rows.column(at).is_valid(i as usize)).collect();
    if known.is_empty() {
        return Err(missing());
    }
    Ok((rows.take(&known)?, known))
}

/// A limited number of the rows, and their numbers from 1.
fn thinned(rows: &Batch, places: &[u32], most: usize) -> Result<(Batch, Vec<u64>)> {
    let step = rows.n_rows().div_ceil(most.max(1)).max(1);
    Ok((evenly(rows, most)?, places.iter().step_by(step).map(|place| u64::from(*place) + 1).collect()))
}

fn training_cells(training: &(Batch, Vec<u32>), at: usize) -> Result<TrainingCells> {
    let (rows, numbers) = training;
    let cell = |role: Role| rows.schema().role(role).map(|place| value(rows, place, at)).transpose();
    Ok(TrainingCells {
        training_row: u64::from(numbers.get(at).copied().unwrap_or_default()) + 1,
        key: cell(Role::Key)?,
        target: cell(Role::Target)?.unwrap_or_default(),
    })
}

/// How right the target of a training row is for a row.
enum Right {
    /// The codes of both; a row without a target has none.
    Classes(Vec<u32>, Vec<Option<u32>>),
    /// The numbers of both, and twice the variance of the training rows: what two rows differ by when they have nothing in common.
    Numbers(Vec<f64>, Vec<f64>, f64),
}

impl Right {
    /// `None` where no row has a known target.
    fn of(training: &Batch, rows: &Batch) -> Result<Option<Self>> {
        let (Some(from), Some(to)) = (training.schema().role(Role::Target), rows.schema().role(Role::Target))
        else {
            return Ok(None);
        };
        if rows.column(to).null_count() == rows.n_rows() {
            return Ok(None);
        }
        Ok(match training.schema().columns()[from].kind {
            Kind::Category => Some(Right::Classes(
                training.codes(from)?.values().to_vec(),
                rows.codes(to)?.iter().collect(),
            )),
            Kind::Flag => {
                let code = |flag: Option<bool>| flag.map(u32::from);
                let taught = training.flags(from)?.iter().map(|flag| code(flag).unwrap_or_default());
                Some(Right::Classes(taught.collect(), rows.flags(to)?.iter().map(code).collect()))
            }
            Kind::Number => {
                let taught = training.numbers(from)?.values().to_vec();
                let n = taught.len() as f64;
                let mean = taught.iter().sum::<f64>() / n;
                let twice = 2.0 * taught.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / n;
                let told = rows.numbers(to)?.iter().map(|y| y.unwrap_or(f64::NAN)).collect();
                (twice > 0.0).then_some(Right::Numbers(taught, told, twice))
            }
            _ => None,
        })
    }

    /// How many rows have a known target.
    fn n_known(&self) -> usize {
        match self {
            Right::Classes(_, told) => told.iter().flatten().count(),
            Right::Numbers(_, told, _) => told.iter().filter(|y| !y.is_nan()).count(),
        }
    }

    fn says(&self, row: usize, teacher: usize) -> f64 {
        match self {
            Right::Classes(taught, told) => f64::from(u8::from(told[row] == Some(taught[teacher]))),
            Right::Numbers(_, told, _) if told[row].is_nan() => 0.0,
            Right::Numbers(taught, told, twice) => 1.0 - (taught[teacher] - told[row]).powi(2) / twice,
        }
    }
}

/// Prepared rows in the space in which they are compared; `training` says what one unit of a number is.
fn space(
    steps: &[Arc<dyn Fitted>],
    at: usize,
    trees: bool,
    rows: &Batch,
    training: &Batch,
) -> Result<RowSpace> {
    if !trees {
        return of_columns(rows, training);
    }
    let gone = || Error::internal("the trees are gone");
    let fitted = steps.get(at).and_then(as_trees).ok_or_else(gone)?;
    let trees = steps.get(at).and_then(|step| step.as_trees()).ok_or_else(gone)?;
    let x = fitted.feature_rows(rows)?;
    let leaves = x.chunks_exact(trees.n_features().max(1)).flat_map(|row| leaves(trees, row)).collect();
    Ok(RowSpace::Leaves { n_trees: trees.n_trees(), leaves })
}

fn leaves<'a>(trees: &'a Trees, row: &'a [f64]) -> impl Iterator<Item = u32> + 'a {
    trees.roots().map(move |root| {
        let mut node = root;
        while let Some((feature, _)) = trees.question(node) {
            node = trees.child(node, row.get(feature).copied().unwrap_or(f64::NAN));
        }
        node as u32
    })
}

/// Numbers and flags in units of their spread, dense vectors as they are, categories as codes; what is missing is as the mean.
fn of_columns(rows: &Batch, training: &Batch) -> Result<RowSpace> {
    let n = rows.n_rows();
    let (mut numbers, mut codes): (Vec<Vec<f64>>, Vec<Vec<u32>>) = (Vec::new(), Vec::new());
    for (place, column) in rows.schema().columns().iter().enumerate() {
        if column.role != Role::Feature {
            continue;
        }
        let from = training.schema().index(&column.name)?;
        match column.kind {
            Kind::Number | Kind::Flag => {
                let taught = plain(training, from)?;
                numbers.push(standardised(&plain(rows, place)?, &taught));
            }
            Kind::Category => {
                codes.push(rows.codes(place)?.iter().map(|code| code.unwrap_or(u32::MAX)).collect())
            }
            Kind::Vector { len, sparse: false } => {
                let values = rows.vector(place)?;
                let part =
                    |at: usize| values.iter().skip(at).step_by(len.max(1)).map(|x| f64::from(*x)).collect();
                numbers.extend((0..len).map(part));
            }
            _ => {}
        }
    }
    if numbers.is_empty() && codes.is_empty() {
        return Err(EngineError::usage(
            "rows of this model cannot be compared: it reads no numbers, flags, categories or dense vectors",
            "`--method permutation_shap` explains it by its columns",
        )
        .into());
    }
    Ok(RowSpace::Features { n_rows: n, numbers: by_row(&numbers, n), codes: by_row(&codes, n) })
}

fn plain(batch: &Batch, place: usize) -> Result<Vec<f64>> {
    if batch.schema().columns()[place].kind == Kind::Flag {
        let flags = batch.flags(place)?.iter();
        return Ok(flags.map(|flag| flag.map_or(f64::NAN, |flag| f64::from(u8::from(flag)))).collect());
    }
    Ok(batch.numbers(place)?.iter().map(|x| x.unwrap_or(f64::NAN)).collect())
}

/// Values as distances from the mean of the training rows in units of their standard deviation.
fn standardised(values: &[f64], training: &[f64]) -> Vec<f64> {
    let finite = || training.iter().filter(|x| x.is_finite());
    let n = finite().count().max(1) as f64;
    let mean = finite().sum::<f64>() / n;
    let spread = (finite().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
    let unit = if spread > 0.0 { 1.0 / spread } else { 0.0 };
    values.iter().map(|x| if x.is_finite() { (x - mean) * unit } else { 0.0 }).collect()
}

fn by_row<T: Copy>(columns: &[Vec<T>], n_rows: usize) -> Vec<T> {
    (0..n_rows).flat_map(|i| columns.iter().map(move |column| column[i])).collect()
}

//! Effects: how a model's answer goes along with each column over many rows, and with pairs of columns.

use serde::Serialize;
use tidemill_core::{Batch, Context, Kind, Result, Source};
use tidemill_eval::explain::{
    AccumulatedEffects, AccumulatedPair, Cells, GridValue, PartialDependence, Together, accumulated_effects,
    accumulated_pair, pair_dependence, partial_dependence,
};

use super::answering::Answering;
use super::explained::output_names;
use super::{chosen, evenly, features, links, read};
use crate::error::EngineError;
use crate::model::{Model, Opened};

/// The most columns that are looked at where none is named.
const MOST_COLUMNS: usize = 100;
/// The most rows that are looked at, and the fewest, however long an answer takes.
const MOST_ROWS: u64 = 500;
const FEWEST_ROWS: u64 = 30;
/// About how many operations all of it may take.
const OPERATIONS: u64 = 20_000_000_000;
/// Values of a column, and stretches for accumulated effects.
const POINTS: usize = 20;
/// Values per column at which every pair of the strongest columns is evaluated; two pairs are shown.
const PAIRED: usize = 5;
const PAIR_POINTS: usize = 8;
const PAIRS: usize = 2;
/// Rows whose own lines are kept.
const STRANDS: usize = 40;

/// Whose effects are asked for.
#[derive(Clone, Debug, Default)]
pub struct AskedEffects {
    /// The rows to look at, counted from 1; all without any, thinned out to 500 at most.
    pub rows: Vec<u64>,
    /// The columns; without any, all numbers, flags and categories that the model reads, up to 100.
    pub columns: Vec<String>,
}

/// How a model's answer goes along with its columns.
#[derive(Clone, Debug, Serialize)]
pub struct Effects {
    /// The target.
    pub target: String,
    /// `effects`.
    pub method: &'static str,
    /// What answers are: `probability` or `prediction`.
    pub units: &'static str,
    /// What each output is about: a class, or the target itself.
    pub outputs: Vec<String>,
    /// How many rows there were to look at.
    pub n_rows: usize,
    /// At how many of them, evenly spaced, the model was asked.
    pub n_asked: usize,
    /// The columns, those that move the answer most first.
    pub columns: Vec<ColumnEffect>,
    /// The two pairs of the strongest columns that work together most.
    pub pairs: Vec<PairEffect>,
    /// Columns that the model reads and whose values have no order to follow, or that are empty here.
    pub passed_over: Vec<String>,
}

/// How the answer goes along with one column.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnEffect {
    /// The column.
    pub column: String,
    /// Its values that were looked at, ascending.
    pub grid: Vec<GridValue>,
    /// Partial dependence (Friedman 2001), by output and value: the mean answer, had all rows this value.
    pub partial: Vec<Vec<f64>>,
    /// By output: the greatest less the least of these.
    pub reach: Vec<f64>,
    /// Individual conditional expectation (Goldstein et al. 2015): the same of single rows, by row, output and value.
    pub individual: Vec<Strand>,
    /// Accumulated local effects (Apley and Zhu 2020), of a number of two values or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulated: Option<Accumulated>,
}

/// The answers to one row, were its value another.
#[derive(Clone, Debug, Serialize)]
pub struct Strand {
    /// Its number in the data, from 1.
    pub row: u64,
    /// By output and value.
    pub answers: Vec<Vec<f64>>,
}

/// How the answer changes along a number among rows that are near: 0 on average.
#[derive(Clone, Debug, Serialize)]
pub struct Accumulated {
    /// The ends of stretches of about equally many rows.
    pub edges: Vec<f64>,
    /// By output and edge.
    pub effects: Vec<Vec<f64>>,
    /// How many rows lie in each stretch.
    pub n_rows: Vec<usize>,
}

/// How the answer goes along with two columns together.
#[derive(Clone, Debug, Serialize)]
pub struct PairEffect {
    /// The columns.
    pub columns: [String; 2],
    /// The values of each that were looked at.
    pub grids: [Vec<GridValue>; 2],
    /// By output, value of the first and value of the second column: the mean answer, had all rows these values.
    pub partial: Vec<Vec<Vec<f64>>>,
    /// By output: what the two do together that they do not do apart.
    pub together: Vec<Together>,
    /// Of two numbers of two values or more, the same among rows that are near (accumulated local effects of second order).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulated: Option<AccumulatedTogether>,
}

/// What two numbers do together beyond what each does by itself, among rows that are near: 0 on average.
#[derive(Clone, Debug, Serialize)]
pub struct AccumulatedTogether {
    /// The ends of the stretches of each.
    pub edges: [Vec<f64>; 2],
    /// By output, edge of the first and edge of the second column.
    pub effects: Vec<Vec<Vec<f64>>>,
}

impl Effects {
    /// The output that the columns move most: of many classes, one is shown.
    pub fn most_moved(&self) -> usize {
        let moved = |output: usize| self.columns.iter().map(|column| column.reach[output]).sum::<f64>();
        let moved: Vec<f64> = (0..self.outputs.len()).map(moved).collect();
        (0..moved.len()).rev().max_by(|a, b| moved[*a].total_cmp(&moved[*b])).unwrap_or(0)
    }
}

impl ColumnEffect {
    /// Whether partial dependence and accumulated effects lead different ways or differ by more than half: the column goes along with
    /// others, and putting its values into all rows makes up rows such as never occur.
    pub fn disagrees(&self, output: usize) -> bool {
        let (Some(accumulated), Some(partial)) = (&self.accumulated, self.partial.get(output)) else {
            return false;
        };
        let along =
            |values: &[f64]| values.last().zip(values.first()).map_or(0.0, |(last, first)| last - first);
        let (partial, local) = (along(partial), along(&accumulated.effects[output]));
        let most = partial.abs().max(local.abs());
        // What hardly moves the answer is not worth a word.
        most > 0.25 * self.reach[output].max(1e-9) && (partial - local).abs() > 0.5 * most
    }
}

/// Works out the effects of the columns of a model, on rows of a source.
///
/// # Errors
/// Rows that lack a column; a column that the model does not read or whose values have no order; more than 100 columns where none is
/// named.
pub fn effects(
    opened: &Opened,
    source: &dyn Source,
    asked: &AskedEffects,
    context: &Context,
) -> Result<Effects> {
    let typed = read(&opened.model, source)?;
    let numbers = chosen(&typed, &asked.rows)?;
    let rows = typed.take(&numbers)?;
    let (columns, passed_over) = columns(&rows, &asked.columns)?;
    let asks = (POINTS + 2) * columns.len() + PAIR_POINTS * PAIR_POINTS * PAIRED * (PAIRED - 1) / 2;
    let most = most_rows(&opened.model, asks, OPERATIONS).clamp(FEWEST_ROWS, MOST_ROWS) as usize;
    let step = rows.n_rows().div_ceil(most).max(1);
    let numbers: Vec<u64> = numbers.iter().step_by(step).map(|row| u64::from(*row) + 1).collect();
    let (n_rows, rows) = (rows.n_rows(), evenly(&rows, most)?);
    let found = of_columns(&opened.model, &rows, &numbers, &columns, context)?;
    let pairs = of_pairs(&opened.model, &rows, &found.columns, context)?;
    Ok(Effects { n_rows, pairs, passed_over, ..found })
}

/// The number of rows for which `asks` predictions each fit into this number of operations.
pub(super) fn most_rows(model: &Model, asks: usize, operations: u64) -> u64 {
    let answer: u64 = links(model).iter().map(|step| step.operations()).sum();
    operations / answer.max(1).saturating_mul(asks as u64).max(1)
}

/// The effects of some columns on all of these rows, `numbers` being theirs in the data; no pairs.
pub(super) fn of_columns(
    model: &Model,
    rows: &Batch,
    numbers: &[u64],
    columns: &[String],
    context: &Context,
) -> Result<Effects> {
    let (plan, answering) = (model.intake()?.plan(), Answering::new(links(model), rows.schema()));
    let n_outputs = answering.n_outputs(rows)?;
    let predict = |batch: &Batch| answering.answers(batch);
    let mut found = Vec::with_capacity(columns.len());
    for column in columns {
        context.check()?;
        let partial = partial_dependence(rows, column, POINTS, n_outputs, context, predict)?;
        let accumulated = match may_accumulate(rows, column)? {
            true => Some(accumulated_effects(rows, column, POINTS, n_outputs, context, predict)?),
            false => None,
        };
        found.push(of_column(&partial, accumulated, numbers));
    }
    found.sort_by(|a, b| strength(&b.reach).total_cmp(&strength(&a.reach)));
    Ok(Effects {
        target: plan.target().map(|column| column.name.clone()).unwrap_or_default(),
        method: "effects",
        units: answering.units(rows)?,
        outputs: output_names(plan, n_outputs),
        n_rows: rows.n_rows(),
        n_asked: rows.n_rows(),
        columns: found,
        pairs: Vec::new(),
        passed_over: Vec::new(),
    })
}

/// Of the strongest columns the pairs that work together most.
fn of_pairs(
    model: &Model,
    rows: &Batch,
    columns: &[ColumnEffect],
    context: &Context,
) -> Result<Vec<PairEffect>> {
    let answering = Answering::new(links(model), rows.schema());
    let n_outputs = answering.n_outputs(rows)?;
    let strongest: Vec<&str> = columns.iter().take(PAIRED).map(|column| column.column.as_str()).collect();
    let mut pairs = Vec::new();
    for (i, &first) in strongest.iter().enumerate() {
        for &second in &strongest[i + 1..] {
            let predict = |batch: &Batch| answering.answers(batch);
            let pair = pair_dependence(rows, [first, second], PAIR_POINTS, n_outputs, context, predict)?;
            pairs.push(of_pair(&pair));
        }
    }
    let size = |pair: &PairEffect| pair.together.iter().map(|t| t.size).fold(0.0, f64::max);
    pairs.sort_by(|a, b| size(b).total_cmp(&size(a)));
    pairs.truncate(PAIRS);
    for pair in &mut pairs {
        let [first, second] = pair.columns.each_ref().map(String::as_str);
        if may_accumulate(rows, first)? && may_accumulate(rows, second)? {
            let predict = |batch: &Batch| answering.answers(batch);
            let found = accumulated_pair(rows, [first, second], PAIR_POINTS, n_outputs, context, predict)?;
            pair.accumulated = Some(accumulated_together(found));
        }
    }
    Ok(pairs)
}

/// The columns to look at and those passed over.
pub(super) fn columns(rows: &Batch, asked: &[String]) -> Result<(Vec<String>, Vec<String>)> {
    let cells = Cells::of(rows);
    if !asked.is_empty() {
        for name in asked {
            let at = rows.schema().index(name)?;
            if !cells.names().contains(name) {
                let kind = rows.schema().columns()[at].kind.word();
                let problem = format!(
                    "'{name}' is of kind {kind}; the effect of a number, a flag or a category can be shown"
                );
                return Err(EngineError::usage(problem, "name others with --columns, or leave it out").into());
            }
        }
        return Ok((asked.to_vec(), Vec::new()));
    }
    let values = cells.read(rows)?;
    let p = cells.names().len();
    // A value that training never saw is none to look at.
    let there = |at: usize| {
        let known = |x: &f64| x.is_finite() && cells.n_categories()[at].is_none_or(|n| *x < n as f64);
        values.iter().skip(at).step_by(p).any(known)
    };
    let looked_at: Vec<String> =
        cells.names().iter().enumerate().filter(|(at, _)| there(*at)).map(|(_, name)| name.clone()).collect();
    let all = features(rows).into_iter().map(|at| rows.schema().columns()[at].name.clone());
    let passed_over = all.filter(|name| !looked_at.contains(name)).collect();
    let refused = |problem: String, remedy: &str| Err(EngineError::usage(problem, remedy).into());
    match looked_at.len() {
        0 => refused(
            "these rows have no value in any number, flag or category".into(),
            "give rows in which there is one, or use --method permutation_shap",
        ),
        n if n > MOST_COLUMNS => refused(
            format!(
                "the model reads {n} columns; the effects of {MOST_COLUMNS} at most are worked out at a time"
            ),
            "name some with --columns a,b,c",
        ),
        _ => Ok((looked_at, passed_over)),
    }
}

/// Whether it is a number of two values or more.
fn may_accumulate(rows: &Batch, column: &str) -> Result<bool> {
    let place = rows.schema().index(column)?;
    if rows.schema().columns()[place].kind != Kind::Number {
        return Ok(false);
    }
    let mut values = rows.numbers(place)?.iter().flatten().filter(|x| x.is_finite());
    let first = values.next();
    Ok(values.any(|x| Some(x) != first))
}

fn strength(reach: &[f64]) -> f64 {
    reach.iter().copied().fold(0.0, f64::max)
}

/// Numbers by value and output as lists by output.
fn by_output(values: &[f64], n_outputs: usize) -> Vec<Vec<f64>> {
    (0..n_outputs).map(|output| values.iter().skip(output).step_by(n_outputs).copied().collect()).collect()
}

fn of_column(
    found: &PartialDependence,
    accumulated: Option<AccumulatedEffects>,
    numbers: &[u64],
) -> ColumnEffect {
    let k = found.n_outputs;
    let partial = by_output(&found.average, k);
    let reach = |values: &Vec<f64>| {
        let ends = values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], v| [l.min(*v), h.max(*v)]);
        ends[1] - ends[0]
    };
    let step = numbers.len().div_ceil(STRANDS).max(1);
    let strands = numbers.iter().enumerate().step_by(step);
    ColumnEffect {
        column: found.column.clone(),
        grid: found.grid.clone(),
        reach: partial.iter().map(reach).collect(),
        partial,
        individual: strands
            .map(|(i, row)| Strand { row: *row, answers: by_output(found.of_row(i), k) })
            .collect(),
        accumulated: accumulated.map(|found| Accumulated {
            effects: by_output(&found.effects, k),
            edges: found.edges,
            n_rows: found.n_rows,
        }),
    }
}

fn of_pair(found: &tidemill_eval::explain::PairDependence) -> PairEffect {
    let [n, m] = [0, 1].map(|side: usize| found.grids[side].len());
    let outputs = 0..found.n_outputs;
    let rows = |output: usize| (0..n).map(|i| (0..m).map(|j| found.at(i, j, output)).collect()).collect();
    PairEffect {
        columns: found.columns.clone(),
        grids: found.grids.clone(),
        partial: outputs.clone().map(rows).collect(),
        together: outputs.map(|output| found.together(output)).collect(),
        accumulated: None,
    }
}

fn accumulated_together(found: AccumulatedPair) -> AccumulatedTogether {
    let [n, m] = [0, 1].map(|side: usize| found.edges[side].len());
    let rows = |output: usize| (0..n).map(|i| (0..m).map(|j| found.at(i, j, output)).collect()).collect();
    AccumulatedTogether { effects: (0..found.n_outputs).map(rows).collect(), edges: found.edges }
}

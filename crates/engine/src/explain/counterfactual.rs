//! Counterfactuals: what of a row would have to be otherwise for another answer, in the user's own columns.

use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;
use tidemill_core::recipe::{Changeable as Direction, Recipe};
use tidemill_core::{Batch, Context, Error, Result, Role, Source};
use tidemill_eval::explain::{Cells, CounterfactualSettings, Counterfactuals as Searched};

use super::answering::Answering;
use super::changeable::{self, ChangeableColumn, Marked};
use super::wanted::{Wanted, chances};
use super::{SEEN, chosen, evenly, features, links, of_other, read};
use crate::error::EngineError;
use crate::model::{Opened, Reference};
use crate::rows::value;

/// The most rows that are looked at in one go.
const MOST_ROWS: usize = 200;
/// Changed rows that are answered at a time, and cells at most, so that wide tables fit into memory.
const ASKED: usize = 8_192;
const CELLS: usize = 4_000_000;

/// What is asked about other answers.
#[derive(Clone, Debug, Default)]
pub struct WhatIf {
    /// The rows, counted from 1; all without any.
    pub rows: Vec<u64>,
    /// The answer that is wanted: a class, or of numbers `>= 5`, `< 3`, `5..8`. Without it, any other class.
    pub wanted: Option<String>,
    /// The columns that may change and which way; without any those that the recipe marks.
    pub columns: Vec<(String, Direction)>,
}

/// What would have to be otherwise for another answer.
#[derive(Clone, Debug, Serialize)]
pub struct Counterfactuals {
    /// The target.
    pub target: String,
    /// `counterfactual`.
    pub method: &'static str,
    /// The answer that is wanted; of `None` any other class.
    pub wanted: Option<String>,
    /// The columns that may change.
    pub changeable: Vec<ChangeableColumn>,
    /// Who said so.
    pub marked: Marked,
    /// The columns that the model reads and that are held as they are.
    pub held: Vec<String>,
    /// Row by row.
    pub rows: Vec<CounterfactualRow>,
}

/// What of one row would have to be otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct CounterfactualRow {
    /// Its number in the data, from 1.
    pub row: u64,
    /// The key, where the model knows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// The answer to the row as it is.
    pub prediction: Value,
    /// Its probability, where the model gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Whether that is the wanted answer already.
    pub already: bool,
    /// The ways found: the fewest columns first, among equally many the nearest; each changes other columns.
    pub offers: Vec<Offer>,
    /// How many changed rows the model was asked about.
    pub n_asked: usize,
    /// How many columns were changed together at most.
    pub n_columns: usize,
    /// Whether all combinations of candidate values for this number of columns were tried.
    pub complete: bool,
}

/// A way to the wanted answer.
#[derive(Clone, Debug, Serialize)]
pub struct Offer {
    /// What changes, in the order of the columns.
    pub changes: Vec<ChangedCell>,
    /// How far that is: numbers in median absolute deviations, 1 for a category or a flag, added up.
    pub distance: f64,
    /// What the model says then.
    pub prediction: Value,
    /// With what probability, where it gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
}

/// A cell that changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangedCell {
    /// The column.
    pub column: String,
    /// What the row says.
    pub from: Value,
    /// What it would have to say.
    pub to: Value,
}

/// Searches for the smallest changes of each row that change the model's prediction. The usual range of numbers is that of `background`, else
/// that stored in the model file, else that of the rows themselves. The model confirms every change that is returned.
///
/// # Errors
/// Rows that lack a column, a row number beyond the last, more than 200 rows; a class that the model does not know, no range for a
/// model of numbers; a column that is not a number, flag or category that the model reads.
pub fn counterfactuals(
    opened: &Opened,
    recipe: &Recipe,
    source: &dyn Source,
    background: Option<&dyn Source>,
    asked: &WhatIf,
    context: &Context,
) -> Result<Counterfactuals> {
    let model = &opened.model;
    let plan = model.intake()?.plan();
    let wanted = Wanted::parse(asked.wanted.as_deref(), &plan.classes)?;
    let typed = read(model, source)?;
    let numbers = chosen(&typed, &asked.rows)?;
    check_number(numbers.len())?;
    let width = typed.schema().len().max(1);
    let seen = (CELLS / width).clamp(20, SEEN);
    let usual = match (background, Reference::in_package(&opened.package)?) {
        (Some(rows), _) => {
            let rows = read(model, rows).map_err(|e| of_other(e, "the background", "--background"))?;
            evenly(&rows, seen)?
        }
        (None, Some(reference)) => reference.rows(model)?,
        (None, None) => evenly(&typed, seen)?,
    };
    let (columns, marked) =
        changeable::columns(plan, recipe, &asked.columns, &usual, &evenly(&typed, seen)?)?;
    let rows = typed.take(&numbers)?;
    let held = features(&rows).into_iter().map(|at| rows.schema().columns()[at].name.clone());
    let held = held.filter(|name| columns.iter().all(|column| column.column != *name)).collect();
    let answering = Answering::new(links(model), rows.schema());
    let finder = Finder { answering, cells: Cells::of(&rows), columns: &columns, wanted, context };
    let answered = finder.answering.apply(&rows)?;
    let of_row = |i: usize| finder.row(&rows, &answered, i, u64::from(numbers[i]) + 1);
    let found = (0..rows.n_rows()).into_par_iter().map(of_row).collect::<Result<Vec<_>>>()?;
    Ok(Counterfactuals {
        target: plan.target().map(|column| column.name.clone()).unwrap_or_default(),
        method: "counterfactual",
        wanted: asked.wanted.as_deref().map(|text| text.trim().to_string()),
        changeable: columns.clone(),
        marked,
        held,
        rows: found,
    })
}

fn check_number(n_rows: usize) -> Result<()> {
    if n_rows <= MOST_ROWS {
        return Ok(());
    }
    let problem = format!("other answers are searched for row by row, and {n_rows} rows would take long");
    Err(EngineError::usage(problem, "name up to 200 rows, such as --rows 3,7-9").into())
}

/// What searches, row by row.
struct Finder<'a> {
    answering: Answering,
    cells: Cells,
    columns: &'a [ChangeableColumn],
    wanted: Wanted,
    context: &'a Context,
}

impl Finder<'_> {
    fn row(&self, rows: &Batch, answered: &Batch, i: usize, number: u64) -> Result<CounterfactualRow> {
        let (row, answer) = (rows.slice(i, 1), answered.slice(i, 1));
        let (prediction, probability) = said(&answer, 0)?;
        let key = rows.schema().role(Role::Key).map(|at| value(&row, at, 0)).transpose()?;
        let own = prediction.as_str().map(String::from);
        let already = self.wanted.gaps(&answer, own.as_deref())?[0] == 0.0;
        let (found, offers) = match already {
            true => (Searched::default(), Vec::new()),
            false => self.search(&row, own.as_deref())?,
        };
        let (n_asked, n_columns, complete) = (found.n_evaluations, found.n_columns, found.complete);
        Ok(CounterfactualRow {
            row: number,
            key,
            prediction,
            probability,
            already,
            offers,
            n_asked,
            n_columns,
            complete,
        })
    }

    fn search(&self, row: &Batch, own: Option<&str>) -> Result<(Searched, Vec<Offer>)> {
        let cells = self.cells.read(row)?;
        let columns: Vec<_> = self.columns.iter().map(|column| column.of_row(cells[column.cell])).collect();
        let gap = |changed: &[Vec<(usize, f64)>]| {
            let parts = changed.chunks((CELLS / cells.len().max(1)).clamp(1, ASKED)).map(|part| {
                let answered = self.answering.apply(&self.changed(row, &cells, part)?)?;
                self.wanted.gaps(&answered, own)
            });
            Ok::<_, Error>(parts.collect::<Result<Vec<_>>>()?.concat())
        };
        let settings = CounterfactualSettings::default();
        let found = tidemill_eval::explain::counterfactuals(&columns, settings, self.context, gap)?;
        let changes: Vec<_> = found.found.iter().map(|one| one.changes.clone()).collect();
        if changes.is_empty() {
            return Ok((found, Vec::new()));
        }
        let table = self.changed(row, &cells, &changes)?;
        let answered = self.answering.apply(&table)?;
        let gaps = self.wanted.gaps(&answered, own)?;
        let mut offers = Vec::with_capacity(changes.len());
        for (k, one) in found.found.iter().enumerate().filter(|(k, _)| gaps[*k] == 0.0) {
            let cell = |&(at, _): &(usize, f64)| {
                let name = &self.columns[at].column;
                let place = table.schema().index(name)?;
                let [from, to] = [value(row, place, 0)?, value(&table, place, k)?];
                Ok(ChangedCell { column: name.clone(), from, to })
            };
            let (prediction, probability) = said(&answered, k)?;
            let changes = one.changes.iter().map(cell).collect::<Result<_>>()?;
            offers.push(Offer { changes, distance: one.distance, prediction, probability });
        }
        Ok((found, offers))
    }

    /// The row with these changes, a row for each.
    fn changed(&self, row: &Batch, cells: &[f64], changes: &[Vec<(usize, f64)>]) -> Result<Batch> {
        let mut all = Vec::with_capacity(cells.len() * changes.len());
        for changes in changes {
            let start = all.len();
            all.extend_from_slice(cells);
            changes.iter().for_each(|&(at, to)| all[start + self.columns[at].cell] = to);
        }
        Ok(self.cells.table(row, &all)?)
    }
}

/// The model's prediction for a row, and if it is a class, its probability.
fn said(answered: &Batch, i: usize) -> Result<(Value, Option<f64>)> {
    let at = answered.schema().role(Role::Prediction);
    let prediction = at.map(|at| value(answered, at, i)).transpose()?.unwrap_or_default();
    let probability = match prediction.as_str() {
        Some(class) => chances(answered, class)?.map(|chances| chances[i]),
        None => None,
    };
    Ok((prediction, probability))
}

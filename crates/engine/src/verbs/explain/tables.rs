//! Explanations as tables to be written.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray};
use serde_json::Value;
use tidemill_core::{Batch, Column, Kind, Result, Schema};
use tidemill_eval::explain::GridValue;

use crate::error::EngineError;
use crate::explain::{
    Coefficients, Counterfactuals, Effects, Explained, ExplainedRow, Method, Surrogate, Teachers, Test,
};

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A row per explained row: its number and key, the prediction, and for each output the base and a number per column.
pub(super) fn explained(explained: &Explained) -> Result<Batch> {
    let word = explained.method.prefix();
    let mut columns = vec![Column::number("row")];
    let mut arrays: Vec<ArrayRef> =
        vec![Arc::new(Float64Array::from_iter_values(explained.rows.iter().map(|r| r.row as f64)))];
    if explained.rows.iter().any(|row| row.key.is_some()) {
        columns.push(Column::new("key", Kind::Text));
        let keys = explained.rows.iter().map(|row| row.key.as_ref().and_then(text));
        arrays.push(Arc::new(keys.collect::<StringArray>()));
    }
    columns.push(Column::new("prediction", Kind::Text));
    arrays.push(Arc::new(explained.rows.iter().map(|row| text(&row.prediction)).collect::<StringArray>()));
    for (at, output) in explained.outputs.iter().enumerate() {
        let of = if explained.outputs.len() > 1 { format!("_{output}") } else { String::new() };
        columns.push(Column::number(format!("base{of}")));
        let base = explained
            .rows
            .iter()
            .map(|row| row.local.get(at).map_or(explained.base[at], |fit| fit.intercept));
        arrays.push(Arc::new(Float64Array::from_iter_values(base)));
        if explained.method == Method::Lime {
            let r2 = explained.rows.iter().map(|row| row.local.get(at).map(|fit| fit.r2));
            columns.push(Column::number(format!("r2{of}")));
            arrays.push(Arc::new(r2.collect::<Float64Array>()));
        }
        for (place, column) in explained.columns.iter().enumerate() {
            columns.push(Column::number(format!("{word}{of}_{column}")));
            let values = explained.rows.iter().map(|row| row.values[at][place]);
            arrays.push(Arc::new(Float64Array::from_iter_values(values)));
        }
        if explained.interactions.is_some() {
            together(explained, at, &format!("{word}{of}"), &mut columns, &mut arrays)?;
        }
    }
    Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, explained.rows.len())
}

/// The most columns of pairs that a table gets.
const MOST_PAIRS: usize = 5_000;

/// For each column what it adds alone, and for each pair what both add together: with the base these sum to what is explained.
fn together(
    explained: &Explained,
    output: usize,
    word: &str,
    columns: &mut Vec<Column>,
    arrays: &mut Vec<ArrayRef>,
) -> Result<()> {
    let (names, p) = (&explained.columns, explained.columns.len());
    if p * p.saturating_sub(1) / 2 > MOST_PAIRS {
        let problem = format!("{p} columns have more pairs than a table can hold");
        return Err(EngineError::usage(problem, "leave -o out: --json holds all of them").into());
    }
    for first in 0..p {
        for second in first..p {
            let (name, shares) = match first == second {
                true => (format!("{word}_{} alone", names[first]), 1.0),
                // Both cells of a pair.
                false => (format!("{word}_{} × {}", names[first], names[second]), 2.0),
            };
            columns.push(Column::number(name));
            let of_row = |row: &ExplainedRow| shares * row.interactions[output][first * p + second];
            arrays.push(Arc::new(Float64Array::from_iter_values(explained.rows.iter().map(of_row))));
        }
    }
    Ok(())
}

/// Columns of a table that is written, one after the other.
#[derive(Default)]
struct Columns {
    columns: Vec<Column>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn number(mut self, name: &str, values: impl Iterator<Item = Option<f64>>) -> Self {
        self.columns.push(Column::number(name));
        self.arrays.push(Arc::new(values.collect::<Float64Array>()));
        self
    }

    fn text(mut self, name: &str, values: impl Iterator<Item = Option<String>>) -> Self {
        self.columns.push(Column::new(name, Kind::Text));
        self.arrays.push(Arc::new(values.collect::<StringArray>()));
        self
    }

    fn table(self, n_rows: usize) -> Result<Batch> {
        Batch::with_rows(Arc::new(Schema::new(self.columns)?), self.arrays, n_rows)
    }
}

/// A row per changed cell: of which row and of which of its ways, from what to what, and where that leads. A row for which nothing
/// was found stands there once, without a way.
pub(super) fn counterfactuals(found: &Counterfactuals) -> Result<Batch> {
    let lines: Vec<_> = found
        .rows
        .iter()
        .flat_map(|row| {
            let ways = row.offers.iter().enumerate();
            let mut lines: Vec<_> = ways
                .flat_map(|(way, offer)| {
                    offer.changes.iter().map(move |change| (row, Some((way + 1, offer, change))))
                })
                .collect();
            if lines.is_empty() {
                lines.push((row, None));
            }
            lines
        })
        .collect();
    let rows = || lines.iter().map(|(row, _)| *row);
    let ways = || lines.iter().map(|(_, way)| *way);
    let mut table = Columns::default().number("row", rows().map(|row| Some(row.row as f64)));
    if found.rows.iter().any(|row| row.key.is_some()) {
        table = table.text("key", rows().map(|row| row.key.as_ref().and_then(text)));
    }
    table
        .text("prediction", rows().map(|row| text(&row.prediction)))
        .number("way", ways().map(|way| way.map(|(at, ..)| at as f64)))
        .text("column", ways().map(|way| way.map(|(.., change)| change.column.clone())))
        .text("from", ways().map(|way| way.and_then(|(.., change)| text(&change.from))))
        .text("to", ways().map(|way| way.and_then(|(.., change)| text(&change.to))))
        .number("distance", ways().map(|way| way.map(|(_, offer, _)| offer.distance)))
        .text("answer", ways().map(|way| way.and_then(|(_, offer, _)| text(&offer.prediction))))
        .number("probability", ways().map(|way| way.and_then(|(_, offer, _)| offer.probability)))
        .table(lines.len())
}

/// A row per coefficient.
pub(super) fn coefficients(found: &Coefficients) -> Result<Batch> {
    let lines = &found.lines;
    let mut table = Columns::default();
    if found.outputs.len() > 1 {
        table = table.text("class", lines.iter().map(|line| found.outputs.get(line.output).cloned()));
    }
    table
        .text("column", lines.iter().map(|line| line.column.clone()))
        .text("part", lines.iter().map(|line| line.part.clone()))
        .text("compared_with", lines.iter().map(|line| line.against.clone()))
        .text("own_units", lines.iter().map(|line| Some(line.own_units.to_string())))
        .number("coefficient", lines.iter().map(|line| Some(line.value)))
        .number("standard_error", lines.iter().map(|line| line.error))
        .number(found.statistic(), lines.iter().map(|line| line.statistic))
        .number("low", lines.iter().map(|line| line.interval.map(|ends| ends[0])))
        .number("high", lines.iter().map(|line| line.interval.map(|ends| ends[1])))
        .table(lines.len())
}

/// A row per condition of each leaf, from left to right; a leaf without any has one row.
pub(super) fn surrogate(found: &Surrogate) -> Result<Batch> {
    let lines: Vec<_> = found
        .leaves
        .iter()
        .enumerate()
        .flat_map(|(at, leaf)| {
            let n = leaf.conditions.len().max(1);
            (0..n).map(move |asked| (at, leaf, leaf.conditions.get(asked)))
        })
        .collect();
    let bound = |upper: bool| {
        lines.iter().map(move |(.., asked)| match asked.map(|asked| &asked.test) {
            Some(Test::UpTo(x)) if upper => Some(*x),
            Some(Test::Above(x)) if !upper => Some(*x),
            _ => None,
        })
    };
    let names = lines.iter().map(|(.., asked)| match asked.map(|asked| &asked.test) {
        Some(Test::OneOf(names)) => Some(names.join("|")),
        _ => None,
    });
    Columns::default()
        .number("leaf", lines.iter().map(|(at, ..)| Some(*at as f64 + 1.0)))
        .number("answer", lines.iter().map(|(_, leaf, _)| Some(leaf.answer)))
        .number("share", lines.iter().map(|(_, leaf, _)| Some(leaf.share)))
        .text("column", lines.iter().map(|(.., asked)| asked.map(|asked| asked.column.clone())))
        .number("above", bound(false))
        .number("up_to", bound(true))
        .text("one_of", names)
        .text("or_missing", lines.iter().map(|(.., asked)| asked.map(|asked| asked.or_missing.to_string())))
        .table(lines.len())
}

/// A row per training row, that of the least worth first; where no answer is known, a row per nearest training row of each row.
pub(super) fn teachers(found: &Teachers) -> Result<Batch> {
    if !found.worth.is_empty() {
        let rows = || found.worth.iter().map(|line| &line.row);
        return Columns::default()
            .number("training_row", rows().map(|row| Some(row.training_row as f64)))
            .text("key", rows().map(|row| row.key.as_ref().and_then(text)))
            .text("target", rows().map(|row| text(&row.target)))
            .number("worth", found.worth.iter().map(|line| Some(line.worth)))
            .table(found.worth.len());
    }
    let lines: Vec<_> =
        found.rows.iter().flat_map(|row| row.nearest.iter().map(move |near| (row, near))).collect();
    Columns::default()
        .number("row", lines.iter().map(|(row, _)| Some(row.row as f64)))
        .number("training_row", lines.iter().map(|(_, near)| Some(near.row.training_row as f64)))
        .text("key", lines.iter().map(|(_, near)| near.row.key.as_ref().and_then(text)))
        .text("target", lines.iter().map(|(_, near)| text(&near.row.target)))
        .number("distance", lines.iter().map(|(_, near)| Some(near.distance)))
        .table(lines.len())
}

/// A line of the table of effects.
struct EffectLine<'a> {
    effect: &'static str,
    columns: [Option<&'a str>; 2],
    values: [Option<String>; 2],
    row: Option<u64>,
    output: &'a str,
    answer: f64,
}

/// A row per number: of which effect (`partial`, `individual`, `accumulated`, `pair`), column, value and output.
pub(super) fn effects(found: &Effects) -> Result<Batch> {
    let mut lines = Vec::new();
    for (at, output) in found.outputs.iter().enumerate() {
        for column in &found.columns {
            let name = Some(column.column.as_str());
            let mut line = |effect, value: String, row, answer: f64| {
                lines.push(EffectLine {
                    effect,
                    columns: [name, None],
                    values: [Some(value), None],
                    row,
                    output,
                    answer,
                });
            };
            for (value, answer) in column.grid.iter().zip(&column.partial[at]) {
                line("partial", said(value), None, *answer);
            }
            for strand in &column.individual {
                for (value, answer) in column.grid.iter().zip(&strand.answers[at]) {
                    line("individual", said(value), Some(strand.row), *answer);
                }
            }
            if let Some(found) = &column.accumulated {
                for (edge, effect) in found.edges.iter().zip(&found.effects[at]) {
                    line("accumulated", edge.to_string(), None, *effect);
                }
            }
        }
        for pair in &found.pairs {
            for (first, row) in pair.grids[0].iter().zip(&pair.partial[at]) {
                for (second, answer) in pair.grids[1].iter().zip(row) {
                    lines.push(EffectLine {
                        effect: "pair",
                        columns: pair.columns.each_ref().map(|name| Some(name.as_str())),
                        values: [Some(said(first)), Some(said(second))],
                        row: None,
                        output,
                        answer: *answer,
                    });
                }
            }
        }
    }
    let owned = |name: Option<&str>| name.map(String::from);
    Columns::default()
        .text("effect", lines.iter().map(|line| Some(line.effect.into())))
        .text("column", lines.iter().map(|line| owned(line.columns[0])))
        .text("value", lines.iter().map(|line| line.values[0].clone()))
        .text("other_column", lines.iter().map(|line| owned(line.columns[1])))
        .text("other_value", lines.iter().map(|line| line.values[1].clone()))
        .number("row", lines.iter().map(|line| line.row.map(|row| row as f64)))
        .text("output", lines.iter().map(|line| Some(line.output.into())))
        .number("answer", lines.iter().map(|line| Some(line.answer)))
        .table(lines.len())
}

fn said(value: &GridValue) -> String {
    match value {
        GridValue::Number(x) => x.to_string(),
        GridValue::Flag(yes) => yes.to_string(),
        GridValue::Name(name) => name.clone(),
    }
}

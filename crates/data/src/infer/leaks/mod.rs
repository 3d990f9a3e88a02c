//! Columns that give the target away: alone ([`alone`]), or several together by a formula ([`formula`]).
//!
//! Everything is judged on the sample, at most [`ROWS`] rows of it, and only where there are rows enough to tell a leak from luck.

mod alone;
mod formula;

use rayon::prelude::*;
use tidemill_core::{Batch, Context, Kind, Result, Role};

use crate::cell::{RawColumn, Read, Reader};
use crate::plan::{InferredColumn, InferredSchema, Leak};

/// The most rows that leaks are looked for in.
const ROWS: usize = 20_000;
/// The fewest.
const ENOUGH: usize = 30;
/// The code of a missing category.
const NONE: u32 = u32::MAX;

/// The values of one feature.
struct Feature<'a> {
    name: &'a str,
    values: Values,
}

enum Values {
    /// `NaN` where missing.
    Numbers(Vec<f64>),
    /// [`NONE`] where missing.
    Codes(Vec<u32>),
    /// Of texts and times: whether there is one.
    Presence(Vec<bool>),
}

/// What is given away, by row; rows without a target are left out.
struct Answer {
    numbers: Option<Vec<f64>>,
    /// The class of each row, and how many classes there are.
    classes: Option<(Vec<u32>, usize)>,
}

/// The suspected leaks, single columns first.
pub(super) fn find(plan: &InferredSchema, rows: &Batch, context: &Context) -> Result<Vec<Leak>> {
    let Some(at) = plan.columns.iter().position(|c| c.role == Role::Target) else { return Ok(Vec::new()) };
    let step = rows.n_rows().div_ceil(ROWS).max(1);
    let all: Vec<usize> = (0..rows.n_rows()).step_by(step).collect();
    let answer = read(plan, rows, at, &all)?;
    let kept: Vec<usize> = match &answer {
        Values::Numbers(y) => all.iter().zip(y).filter(|(_, y)| !y.is_nan()).map(|(&i, _)| i).collect(),
        Values::Codes(y) => all.iter().zip(y).filter(|(_, y)| **y != NONE).map(|(&i, _)| i).collect(),
        Values::Presence(_) => Vec::new(),
    };
    if kept.len() < ENOUGH {
        return Ok(Vec::new());
    }
    let answer = Answer::of(read(plan, rows, at, &kept)?, plan);
    let features: Vec<Feature<'_>> = plan
        .columns
        .par_iter()
        .enumerate()
        .filter(|(_, c)| c.role == Role::Feature)
        .map(|(place, column)| {
            context.check()?;
            Ok(Feature { name: &column.name, values: read(plan, rows, place, &kept)? })
        })
        .collect::<Result<_>>()?;
    let target = &plan.columns[at].name;
    let mut leaks: Vec<Leak> =
        features.par_iter().filter_map(|feature| alone::leak(feature, &answer, target)).collect();
    context.check()?;
    if let Some(y) = &answer.numbers {
        let rest: Vec<&Feature<'_>> =
            features.iter().filter(|f| leaks.iter().all(|l| l.columns[0] != f.name)).collect();
        leaks.extend(formula::leak(&rest, y, target));
    }
    Ok(leaks)
}

impl Answer {
    fn of(values: Values, plan: &InferredSchema) -> Self {
        match values {
            Values::Numbers(y) => Answer { numbers: Some(y), classes: None },
            Values::Codes(y) => {
                let names: Option<Vec<f64>> =
                    plan.classes.iter().map(|c| crate::parse::plain_number(c)).collect();
                // A formula that hits two numbers proves nothing.
                let numbers = names.filter(|names| names.len() > 2).map(|names| {
                    y.iter().map(|&c| names.get(c as usize).copied().unwrap_or(f64::NAN)).collect()
                });
                Answer { numbers, classes: Some((y, plan.classes.len())) }
            }
            Values::Presence(_) => Answer { numbers: None, classes: None },
        }
    }
}

/// The values of a column in these rows.
fn read(plan: &InferredSchema, rows: &Batch, place: usize, kept: &[usize]) -> Result<Values> {
    let column: &InferredColumn = &plan.columns[place];
    let reader = Reader::new(plan, column);
    let raw = RawColumn::of(rows, place)?;
    let cells = kept.iter().map(|&row| raw.cell(row));
    Ok(match column.kind {
        Kind::Number => Values::Numbers(
            cells.map(|c| if let Read::Value(x) = reader.number(c) { x } else { f64::NAN }).collect(),
        ),
        Kind::Flag => {
            Values::Numbers(
                cells
                    .map(|c| {
                        if let Read::Value(yes) = reader.flag(c) {
                            f64::from(u8::from(yes))
                        } else {
                            f64::NAN
                        }
                    })
                    .collect(),
            )
        }
        Kind::Category if column.role == Role::Target => {
            Values::Codes(cells.map(|c| reader.code(c).unwrap_or(NONE)).collect())
        }
        Kind::Category => {
            let mut codes = hashbrown::HashMap::new();
            let mut code = |name: String| {
                let next = codes.len() as u32;
                *codes.entry(name).or_insert(next)
            };
            Values::Codes(cells.map(|c| reader.name(c).map_or(NONE, |n| code(n.into_owned()))).collect())
        }
        Kind::Time => Values::Presence(cells.map(|c| matches!(reader.time(c), Read::Value(_))).collect()),
        _ => Values::Presence(cells.map(|c| reader.text(c).is_some()).collect()),
    })
}

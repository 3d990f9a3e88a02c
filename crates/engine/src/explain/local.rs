//! LIME: a linear model of what the model does near each row, in the columns that the user knows.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, TimestampMicrosecondArray, UInt32Array};
use rayon::prelude::*;
use tidemill_core::{Batch, Cell, Context, Error, Fitted, Kind, Result, Row};
use tidemill_eval::explain::{Lime, LimeSettings, ShapValues};

use super::answering::{Answering, positive};
use super::method::as_trees;
use super::values::Found;
use super::{LocalFit, Method, features};
use crate::error::EngineError;

/// Made-up rows that are answered at a time.
const ASKED: usize = 4096;

/// The local model of each row. `seen` are rows from which it is learned what is usual in each column.
pub(super) fn values(
    steps: &[Arc<dyn Fitted>],
    rows: &Batch,
    seen: &Batch,
    settings: LimeSettings,
    context: &Context,
) -> Result<Found> {
    let columns = Columns::of(rows)?;
    let lime = Lime::new(&columns.matrix(seen)?, &columns.n_categories, settings)?;
    let (matrix, answering) = (columns.matrix(rows)?, Answering::new(steps, rows.schema()));
    let (p, n_outputs) = (columns.places.len(), answering.n_outputs(rows)?);
    // What the model does not go by is as in the first row.
    let own = rows.slice(0, 1);
    let predict = |made_up: &[f64]| {
        let parts = made_up.par_chunks(ASKED * p).map(|part| {
            context.check()?;
            match columns.answers_of_trees(steps, part) {
                Some(answers) => Ok(answers),
                None => answering.answers(&columns.rows(&own, part)?),
            }
        });
        Ok::<_, Error>(parts.collect::<Result<Vec<_>>>()?.concat())
    };
    let found = lime.explain_rows(&matrix, n_outputs, &context.with_stream("explain"), predict)?;
    let mut shap = ShapValues::zeros(found.len(), vec![0.0; n_outputs], p);
    let (mut errors, mut local) = (Vec::with_capacity(shap.values().len()), Vec::with_capacity(found.len()));
    for (row, models) in found.iter().enumerate() {
        for (output, model) in models.iter().enumerate() {
            shap.of_mut(row, output).copy_from_slice(&model.coefficients);
            errors.extend_from_slice(&model.spreads);
        }
        local.push(models.iter().map(LocalFit::of).collect());
    }
    let ranges = (0..rows.n_rows()).map(|row| {
        let range = |j: usize| lime.stretch(j, matrix[row * p + j]).map(|(low, high)| [low, high]);
        (0..p).map(range).collect()
    });
    let ranges = ranges.collect();
    let units = answering.units(rows)?;
    Ok(Found { local, ranges, ..Found::shap(Method::Lime, units, columns.names, shap, Some(errors)) })
}

/// The columns that LIME varies; all others stay as in the row.
struct Columns {
    places: Vec<usize>,
    names: Vec<String>,
    kinds: Vec<Kind>,
    /// How many categories; `None` for numbers and times.
    n_categories: Vec<Option<usize>>,
}

impl Columns {
    fn of(rows: &Batch) -> Result<Self> {
        let all = rows.schema().columns();
        let varied =
            |at: &usize| matches!(all[*at].kind, Kind::Number | Kind::Flag | Kind::Category | Kind::Time);
        let (places, held): (Vec<usize>, Vec<usize>) = features(rows).into_iter().partition(varied);
        if let Some(first) = held.first() {
            let names: Vec<String> = held.iter().map(|at| format!("'{}'", all[*at].name)).collect();
            return Err(EngineError::usage(
                format!(
                    "lime varies numbers, categories, flags and times alone, but the model reads {}, which is of kind {}",
                    names.join(", "),
                    all[*first].kind.word()
                ),
                "use --method permutation_shap, which takes columns of any kind",
            )
            .into());
        }
        let n_categories = places.iter().map(|at| match all[*at].kind {
            Kind::Flag => Ok(Some(2)),
            Kind::Category => Ok(Some(all[*at].categories()?.len())),
            _ => Ok(None),
        });
        Ok(Columns {
            n_categories: n_categories.collect::<Result<_>>()?,
            names: places.iter().map(|at| all[*at].name.clone()).collect(),
            kinds: places.iter().map(|at| all[*at].kind).collect(),
            places,
        })
    }

    /// A number per column, row after row: codes of categories, microseconds of times, `NaN` where nothing is known.
    fn matrix(&self, rows: &Batch) -> Result<Vec<f64>> {
        let mut out = Vec::with_capacity(rows.n_rows() * self.places.len());
        for row in 0..rows.n_rows() {
            let row = Row::of(rows, row)?;
            for (&place, n) in self.places.iter().zip(&self.n_categories) {
                out.push(match &row.cells[place] {
                    Cell::Number(x) => *x,
                    Cell::Flag(yes) => f64::from(u8::from(*yes)),
                    Cell::Code(code) if n.is_some_and(|n| (*code as usize) < n) => f64::from(*code),
                    Cell::Time(at) => *at as f64,
                    _ => f64::NAN,
                });
            }
        }
        Ok(out)
    }

    /// The answers to made-up rows of trees alone that read these columns as they are.
    fn answers_of_trees(&self, steps: &[Arc<dyn Fitted>], made_up: &[f64]) -> Option<Vec<f64>> {
        let ([trees], []) = steps.split_at_checked(1)? else { return None };
        let fitted = as_trees(trees).filter(|_| !self.kinds.contains(&Kind::Time))?;
        let answers = fitted.answers_of_cells(&self.names, made_up)?;
        let width = answers.len() / (made_up.len() / self.names.len()).max(1);
        Some(if width == 2 { positive(&answers) } else { answers })
    }

    /// Made-up rows as the model reads them; what is not varied is as in `own`, a single row.
    fn rows(&self, own: &Batch, made_up: &[f64]) -> Result<Batch> {
        let p = self.places.len();
        let n = made_up.len() / p.max(1);
        let mut columns = own.take(&vec![0; n])?.columns().to_vec();
        for (j, (&place, kind)) in self.places.iter().zip(&self.kinds).enumerate() {
            let values = made_up[j..].iter().step_by(p).map(|x| (!x.is_nan()).then_some(*x));
            columns[place] = match kind {
                Kind::Number => Arc::new(values.collect::<Float64Array>()) as ArrayRef,
                Kind::Flag => Arc::new(values.map(|x| x.map(|x| x == 1.0)).collect::<BooleanArray>()),
                Kind::Time => {
                    let times = values.map(|x| x.map(|x| x as i64)).collect::<TimestampMicrosecondArray>();
                    Arc::new(times.with_timezone("UTC"))
                }
                _ => {
                    let codes = values.map(|x| x.map(|x| x as u32)).collect::<UInt32Array>();
                    own.schema().columns()[place].categories()?.column(codes)?
                }
            };
        }
        Batch::with_rows(Arc::clone(own.schema()), columns, n)
    }
}

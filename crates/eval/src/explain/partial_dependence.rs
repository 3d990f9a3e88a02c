//! Partial dependence and individual conditional expectation.

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::{Batch, Context};

use super::effect_grid::{GridValue, grid, with_value};
use crate::{Error, Result};

/// What a model says of rows, were a column of theirs something else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartialDependence {
    /// The column.
    pub column: String,
    /// Its values that were looked at, ascending.
    pub grid: Vec<GridValue>,
    /// How many outputs the model has.
    pub n_outputs: usize,
    /// The mean answer over all rows, by value and output (value after value).
    pub average: Vec<f64>,
    /// The answer for each row (individual conditional expectation; Goldstein et al. 2015), row after row, within a row by
    /// value and output.
    pub individual: Vec<f64>,
}

impl PartialDependence {
    /// The answers for one row, by value and output.
    pub fn of_row(&self, row: usize) -> &[f64] {
        let width = self.grid.len() * self.n_outputs;
        &self.individual[row * width..(row + 1) * width]
    }
}

/// The partial dependence (Friedman 2001) of a model on one column, by its definition (scikit-learn's `brute`): each of about
/// `n_points` values (20 is usual) is put into all rows, and the answers are averaged. Rows that this makes up may be such as
/// never occur where columns are correlated; [`super::accumulated_effects`] stays near the data.
///
/// `predict` gives `n_outputs` numbers per row, row after row. Errors when there are no rows, for a column whose values have
/// no order, when `predict` errors, and once cancelled.
pub fn partial_dependence<E>(
    rows: &Batch,
    column: &str,
    n_points: usize,
    n_outputs: usize,
    context: &Context,
    predict: impl Fn(&Batch) -> Result<Vec<f64>, E> + Sync,
) -> Result<PartialDependence, E>
where
    E: From<Error> + Send,
{
    let place = rows.schema().index(column).map_err(Error::from)?;
    let grid = grid(rows, place, n_points)?;
    let n = rows.n_rows();
    let answer = |value: &GridValue| -> Result<Vec<f64>, E> {
        context.check().map_err(Error::from)?;
        let answers = predict(&with_value(rows, place, value)?)?;
        match answers.len() == n * n_outputs {
            true => Ok(answers),
            false => {
                let (what, found, wanted) = ("answers of the model", answers.len(), n * n_outputs);
                Err(Error::Lengths { what, found, wanted }.into())
            }
        }
    };
    let by_value = grid.par_iter().map(answer).collect::<Result<Vec<Vec<f64>>, E>>()?;
    let mean =
        |answers: &[f64], output: usize| answers[output..].iter().step_by(n_outputs).sum::<f64>() / n as f64;
    let average =
        by_value.iter().flat_map(|answers| (0..n_outputs).map(move |output| mean(answers, output))).collect();
    let mut individual = Vec::with_capacity(n * n_outputs * grid.len());
    for row in 0..n {
        let answers = by_value.iter().map(|answers| &answers[row * n_outputs..(row + 1) * n_outputs]);
        answers.for_each(|answers| individual.extend_from_slice(answers));
    }
    Ok(PartialDependence { column: column.into(), grid, n_outputs, average, individual })
}

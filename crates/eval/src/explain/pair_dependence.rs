//! Partial dependence on two columns together.

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::{Batch, Context};

use super::effect_grid::{GridValue, grid, with_value};
use crate::{Error, Result};

/// What a model says on average, were two columns of the rows something else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairDependence {
    /// The two columns.
    pub columns: [String; 2],
    /// The values of each that were looked at, ascending.
    pub grids: [Vec<GridValue>; 2],
    /// How many outputs the model has.
    pub n_outputs: usize,
    /// The mean answer over all rows, by value of the first column, value of the second and output.
    pub average: Vec<f64>,
}

/// What two columns do together that they do not do apart, over a grid of their values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Together {
    /// The root mean square of what no sum of an effect of one column and an effect of the other explains, in units of the answer.
    pub size: f64,
    /// Its share of the variance over the grid, from 0 to 1 (the square of the H statistic of Friedman and Popescu 2008, every
    /// value of the grid counting once).
    pub share: f64,
}

impl PairDependence {
    /// The mean answer at these values of the first and the second column.
    pub fn at(&self, first: usize, second: usize, output: usize) -> f64 {
        self.average[(first * self.grids[1].len() + second) * self.n_outputs + output]
    }

    /// How far the two columns work together on an output: an analysis of variance with two factors.
    pub fn together(&self, output: usize) -> Together {
        let [n, m] = [0, 1].map(|side: usize| self.grids[side].len());
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let by_row: Vec<f64> =
            (0..n).map(|i| mean(&(0..m).map(|j| self.at(i, j, output)).collect::<Vec<_>>())).collect();
        let by_column: Vec<f64> =
            (0..m).map(|j| mean(&(0..n).map(|i| self.at(i, j, output)).collect::<Vec<_>>())).collect();
        let all = mean(&by_row);
        let (mut rest, mut total) = (0.0, 0.0);
        for (i, row) in by_row.iter().enumerate() {
            for (j, column) in by_column.iter().enumerate() {
                let value = self.at(i, j, output);
                rest += (value - row - column + all).powi(2);
                total += (value - all).powi(2);
            }
        }
        // What is left of equal numbers is rounding.
        let share = if total > 1e-24 * all.abs().max(1.0).powi(2) { rest / total } else { 0.0 };
        Together { size: (rest / (n * m) as f64).sqrt(), share }
    }
}

/// The partial dependence (Friedman 2001) of a model on two columns: each pair of about `n_points` values of both is put into all rows,
/// and the answers are averaged, as by [`super::partial_dependence()`] of one column.
///
/// `predict` gives `n_outputs` numbers per row, row after row. Errors when there are no rows, for columns whose values have no
/// order, when `predict` errors, and once cancelled.
pub fn pair_dependence<E>(
    rows: &Batch,
    columns: [&str; 2],
    n_points: usize,
    n_outputs: usize,
    context: &Context,
    predict: impl Fn(&Batch) -> Result<Vec<f64>, E> + Sync,
) -> Result<PairDependence, E>
where
    E: From<Error> + Send,
{
    let place = |name: &str| rows.schema().index(name).map_err(Error::from);
    let places = [place(columns[0])?, place(columns[1])?];
    let grids = [grid(rows, places[0], n_points)?, grid(rows, places[1], n_points)?];
    let n = rows.n_rows();
    let mean = |pair: (&GridValue, &GridValue)| -> Result<Vec<f64>, E> {
        context.check().map_err(Error::from)?;
        let changed = with_value(&with_value(rows, places[0], pair.0)?, places[1], pair.1)?;
        let answers = predict(&changed)?;
        if answers.len() != n * n_outputs {
            let (what, found, wanted) = ("answers of the model", answers.len(), n * n_outputs);
            return Err(Error::Lengths { what, found, wanted }.into());
        }
        let of = |output: usize| answers[output..].iter().step_by(n_outputs).sum::<f64>() / n as f64;
        Ok((0..n_outputs).map(of).collect())
    };
    let pairs: Vec<_> = grids[0].iter().flat_map(|a| grids[1].iter().map(move |b| (a, b))).collect();
    let average = pairs.into_par_iter().map(mean).collect::<Result<Vec<_>, E>>()?.concat();
    Ok(PairDependence { columns: columns.map(String::from), grids, n_outputs, average })
}

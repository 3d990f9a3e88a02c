//! Accumulated local effects of two columns together.

use std::sync::Arc;

use arrow_array::{Array, Float64Array};
use serde::Serialize;
use tidemill_core::{Batch, Context};

use super::accumulated_effects::edges;
use super::effect_grid::{present, with_column};
use crate::{Error, Result};

/// What two columns do together beyond what each does by itself, among rows that are near.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccumulatedPair {
    /// The columns.
    pub columns: [String; 2],
    /// The ends of the stretches of each, ascending: quantiles of the column.
    pub edges: [Vec<f64>; 2],
    /// How many outputs the model has.
    pub n_outputs: usize,
    /// The effect by edge of the first column, edge of the second, and output.
    pub effects: Vec<f64>,
    /// How many rows lie in each cell, by stretch of the first and of the second column.
    pub n_rows: Vec<usize>,
}

impl AccumulatedPair {
    /// The effect at these edges of the first and the second column.
    pub fn at(&self, first: usize, second: usize, output: usize) -> f64 {
        self.effects[(first * self.edges[1].len() + second) * self.n_outputs + output]
    }
}

/// The accumulated local effects of two number columns together, without their effects one by one (Apley and Zhu 2020, section 4): in
/// each cell of up to `n_bins` stretches of both, the change along one column of the change along the other, averaged over the rows
/// that lie there, added up along both and centred. A cell without rows takes the change of the nearest cell that has some. 0 where
/// the columns do not work together.
///
/// Rows without one of the numbers are left out. `predict` gives `n_outputs` numbers per row, row after row. Errors for columns that
/// are not numbers or have a single value, when `predict` errors, and once cancelled.
pub fn accumulated_pair<E>(
    rows: &Batch,
    columns: [&str; 2],
    n_bins: usize,
    n_outputs: usize,
    context: &Context,
    predict: impl Fn(&Batch) -> Result<Vec<f64>, E>,
) -> Result<AccumulatedPair, E>
where
    E: From<Error>,
{
    let place = |name: &str| rows.schema().index(name).map_err(Error::from);
    let places = [place(columns[0])?, place(columns[1])?];
    let ends = |side: usize| -> Result<Vec<f64>> {
        let found = edges(&present(rows, places[side])?, n_bins.max(1));
        if found.len() > 1 {
            return Ok(found);
        }
        let what = format!("'{}' has fewer than two values in these rows", columns[side]);
        Err(Error::Explain { what, remedy: "give more rows, or name another column".into() })
    };
    let edges = [ends(0)?, ends(1)?];
    let numbers = |side: usize| rows.numbers(places[side]).map_err(Error::from);
    let numbers = [numbers(0)?, numbers(1)?];
    let known = |row: usize| numbers.iter().all(|of| of.is_valid(row) && of.value(row).is_finite());
    let there: Vec<u32> = (0..rows.n_rows() as u32).filter(|&row| known(row as usize)).collect();
    let bin = |side: usize, row: usize| {
        let inner = &edges[side][1..edges[side].len() - 1];
        inner.partition_point(|edge| *edge < numbers[side].value(row))
    };
    let bins: Vec<[usize; 2]> =
        there.iter().map(|&row| [bin(0, row as usize), bin(1, row as usize)]).collect();
    let near = rows.take(&there).map_err(Error::from)?;
    let corner = |first: usize, second: usize| -> Result<Vec<f64>, E> {
        context.check().map_err(Error::from)?;
        let moved = |side: usize, upper: usize| -> Float64Array {
            bins.iter().map(|bin| Some(edges[side][bin[side] + upper])).collect()
        };
        let changed = with_column(&near, places[0], Arc::new(moved(0, first)))?;
        let answers = predict(&with_column(&changed, places[1], Arc::new(moved(1, second)))?)?;
        if answers.len() != bins.len() * n_outputs {
            let (what, found, wanted) = ("answers of the model", answers.len(), bins.len() * n_outputs);
            return Err(Error::Lengths { what, found, wanted }.into());
        }
        Ok(answers)
    };
    let corners = [corner(0, 0)?, corner(0, 1)?, corner(1, 0)?, corner(1, 1)?];
    let cells = Cells::of(&bins, &edges, &corners, n_outputs);
    let by_output: Vec<Vec<f64>> = (0..n_outputs).map(|output| cells.effects(output)).collect();
    let n = by_output.first().map_or(0, Vec::len);
    let effects = (0..n).flat_map(|at| by_output.iter().map(move |of| of[at])).collect();
    let columns = columns.map(String::from);
    Ok(AccumulatedPair { columns, n_outputs, effects, n_rows: cells.n_rows, edges })
}

/// The mean change in each cell.
struct Cells {
    /// How many stretches of each column.
    n: [usize; 2],
    n_rows: Vec<usize>,
    /// By output and cell.
    changes: Vec<Vec<f64>>,
}

impl Cells {
    fn of(bins: &[[usize; 2]], edges: &[Vec<f64>; 2], corners: &[Vec<f64>; 4], n_outputs: usize) -> Self {
        let n = [edges[0].len() - 1, edges[1].len() - 1];
        let mut n_rows = vec![0usize; n[0] * n[1]];
        let mut changes = vec![vec![0.0; n[0] * n[1]]; n_outputs];
        for (row, bin) in bins.iter().enumerate() {
            let cell = bin[0] * n[1] + bin[1];
            n_rows[cell] += 1;
            for (output, changes) in changes.iter_mut().enumerate() {
                let said = |corner: usize| corners[corner][row * n_outputs + output];
                changes[cell] += (said(3) - said(2)) - (said(1) - said(0));
            }
        }
        for changes in &mut changes {
            changes.iter_mut().zip(&n_rows).for_each(|(change, &n)| *change /= n.max(1) as f64);
        }
        let mut cells = Cells { n, n_rows, changes };
        cells.fill(edges);
        cells
    }

    /// Cells without rows take the change of the nearest one that has some, in shares of the range of each column.
    fn fill(&mut self, edges: &[Vec<f64>; 2]) {
        let middle = |side: usize, at: usize| {
            let (first, last) = (edges[side][0], edges[side][self.n[side]]);
            (edges[side][at] + edges[side][at + 1]) / (2.0 * (last - first))
        };
        let centre = |cell: usize| [middle(0, cell / self.n[1]), middle(1, cell % self.n[1])];
        let filled: Vec<usize> = (0..self.n_rows.len()).filter(|&cell| self.n_rows[cell] > 0).collect();
        let nearest = |cell: usize| {
            let [a, b] = centre(cell);
            let far = |other: &usize| {
                let [c, d] = centre(*other);
                (a - c).powi(2) + (b - d).powi(2)
            };
            filled.iter().copied().min_by(|x, y| far(x).total_cmp(&far(y)))
        };
        let empty = (0..self.n_rows.len()).filter(|&cell| self.n_rows[cell] == 0);
        let found: Vec<(usize, usize)> =
            empty.filter_map(|cell| nearest(cell).map(|near| (cell, near))).collect();
        for changes in &mut self.changes {
            found.iter().for_each(|&(cell, near)| changes[cell] = changes[near]);
        }
    }

    /// Changes added up along both columns, less what each column does by itself and less the mean: by edge of the first and of the
    /// second column.
    fn effects(&self, output: usize) -> Vec<f64> {
        let ([n, m], changes) = (self.n, &self.changes[output]);
        let at = |i: usize, j: usize| i * (m + 1) + j;
        let mut effects = vec![0.0; (n + 1) * (m + 1)];
        for i in 1..=n {
            let mut along = 0.0;
            for j in 1..=m {
                along += changes[(i - 1) * m + j - 1];
                effects[at(i, j)] = effects[at(i - 1, j)] + along;
            }
        }
        let weight = |i: usize, j: usize| self.n_rows[i * m + j] as f64;
        // The mean change along one column over the rows of each of its stretches, added up.
        let main = |stretches: usize, others: usize, change: &dyn Fn(usize, usize) -> (f64, f64)| {
            let mut main = vec![0.0; stretches + 1];
            for stretch in 0..stretches {
                let (mut sum, mut rows) = (0.0, 0.0);
                for other in 0..others {
                    let (change, weight) = change(stretch, other);
                    (sum, rows) = (sum + weight * change, rows + weight);
                }
                main[stretch + 1] = main[stretch] + if rows > 0.0 { sum / rows } else { 0.0 };
            }
            main
        };
        let first = main(n, m, &|i, j| {
            let change = |j: usize| effects[at(i + 1, j)] - effects[at(i, j)];
            (0.5 * (change(j) + change(j + 1)), weight(i, j))
        });
        let second = main(m, n, &|j, i| {
            let change = |i: usize| effects[at(i, j + 1)] - effects[at(i, j)];
            (0.5 * (change(i) + change(i + 1)), weight(i, j))
        });
        for i in 0..=n {
            (0..=m).for_each(|j| effects[at(i, j)] -= first[i] + second[j]);
        }
        let (mut sum, mut rows) = (0.0, 0.0);
        for (i, j) in (0..n).flat_map(|i| (0..m).map(move |j| (i, j))) {
            let corners = [(i, j), (i + 1, j), (i, j + 1), (i + 1, j + 1)];
            sum += weight(i, j) * corners.iter().map(|&(i, j)| effects[at(i, j)]).sum::<f64>() / 4.0;
            rows += weight(i, j);
        }
        effects.iter_mut().for_each(|effect| *effect -= sum / rows.max(1.0));
        effects
    }
}

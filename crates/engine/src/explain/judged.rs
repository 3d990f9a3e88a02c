//! How well an explanation says which columns matter: its columns are taken away, and given, in its own order.

use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::{Batch, Context, Fitted, Result};
use tidemill_eval::explain::RemovalCurves;

use super::row_game::RowGames;
use super::sampled::BACKGROUND;
use super::{Explained, evenly};

/// The most rows that are looked at.
const MOST: usize = 200;

/// What is answered while columns are taken away or given, those that speak most for the answer first; the mean over rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// How many rows were looked at.
    pub n_rows: usize,
    /// What answers are: `probability` or `prediction`.
    pub units: &'static str,
    /// The answer when the first columns are those of usual rows, from none to all.
    pub deletion: Vec<f64>,
    /// The answer when only the first columns are the row's own, from none to all.
    pub insertion: Vec<f64>,
    /// The area under each curve over the share of columns.
    pub deletion_area: f64,
    /// As `deletion_area`, of insertion.
    pub insertion_area: f64,
}

impl Judged {
    /// How much more is under insertion than under deletion: 0 on average for an order by chance, and the more the better.
    pub fn gain(&self) -> f64 {
        self.insertion_area - self.deletion_area
    }

    /// Of an explanation of these rows. Of several classes, the curves are those of the one that is predicted.
    pub(super) fn of(
        steps: &[Arc<dyn Fitted>],
        rows: &Batch,
        usual: &Batch,
        explained: &Explained,
        context: &Context,
    ) -> Result<Option<Self>> {
        let games = RowGames::new(steps, rows, &evenly(usual, BACKGROUND)?)?;
        let of_player: Vec<Option<usize>> = games
            .places
            .iter()
            .map(|&place| explained.columns.iter().position(|c| *c == rows.schema().columns()[place].name))
            .collect();
        let of_row = |row: usize| {
            context.check()?;
            let told = &explained.rows[row];
            let said = told.prediction.as_str().unwrap_or_default();
            let output = explained.outputs.iter().position(|name| name == said).unwrap_or(0);
            let values: Vec<f64> =
                of_player.iter().map(|at| at.map_or(0.0, |at| told.values[output][at])).collect();
            RemovalCurves::of(&games.of_row(row)?, output.min(games.n_outputs.saturating_sub(1)), &values)
        };
        let step = rows.n_rows().div_ceil(MOST).max(1);
        let looked_at: Vec<usize> = (0..rows.n_rows()).step_by(step).collect();
        let curves = looked_at.par_iter().map(|&row| of_row(row)).collect::<Result<Vec<_>>>()?;
        let Some(mean) = RemovalCurves::mean(&curves) else { return Ok(None) };
        let [deletion_area, insertion_area] = mean.areas();
        let RemovalCurves { deletion, insertion } = mean;
        let (n_rows, units) = (curves.len(), games.units);
        Ok(Some(Judged { n_rows, units, deletion, insertion, deletion_area, insertion_area }))
    }
}

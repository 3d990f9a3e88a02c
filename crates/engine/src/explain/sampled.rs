//! Values of any model, by sampling orders of its columns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use tidemill_core::{Batch, Context, Error, Fitted, Kind, Result};
use tidemill_eval::explain::{
    Cells, Game, Group, MOST_EXACT, Sampling, ShapEstimate, ShapValues, column_groups, exact_shap,
    kernel_shap, partition_shap, permutation_shap,
};

use super::row_game::{RowGame, RowGames};
use super::values::Found;
use super::{Method, evenly, features};

/// Rows that stand for what is not known: each coalition costs an answer for each of them.
pub(super) const BACKGROUND: usize = 20;
/// With so few columns every coalition is asked about.
const EXACT: usize = 7;
/// The most coalitions that groups of columns are asked about with.
pub(super) const GROUPED: usize = 4096;

/// The most answers that a row costs: each coalition is asked about with every row of the background.
pub(super) fn answers_per_row(n_columns: u64) -> u64 {
    let most = Sampling::default().max_evaluations as u64;
    let coalitions = if n_columns <= EXACT as u64 { 1 << n_columns } else { most };
    coalitions * BACKGROUND as u64
}

/// The Shapley values of the answers themselves, by orders of the columns or by coalitions of them.
pub(super) fn values(
    method: Method,
    steps: &[Arc<dyn Fitted>],
    rows: &Batch,
    usual: &Batch,
    context: &Context,
) -> Result<Found> {
    each(method, steps, rows, usual, context, &|game, context| {
        if game.n_players() <= EXACT.min(MOST_EXACT) {
            return exact_shap(game, context);
        }
        match method {
            Method::KernelShap => kernel_shap(game, Sampling::default(), context),
            _ => permutation_shap(game, Sampling::default(), context),
        }
    })
}

/// The columns that a model may go by in groups of those that go together in these rows; all but numbers and flags are joined last.
pub(super) fn groups(rows: &Batch) -> Result<Group> {
    let (places, cells) = (features(rows), Cells::of(rows));
    let (p, known) = (places.len(), cells.names().len());
    let read = cells.read(rows)?;
    let mut values = vec![f64::NAN; rows.n_rows() * p];
    for (player, &place) in places.iter().enumerate() {
        let column = &rows.schema().columns()[place];
        let at = cells.names().iter().position(|name| *name == column.name);
        if let Some(at) = at.filter(|_| matches!(column.kind, Kind::Number | Kind::Flag)) {
            let to = values.iter_mut().skip(player).step_by(p);
            to.zip(read.iter().skip(at).step_by(known)).for_each(|(to, x)| *to = *x);
        }
    }
    column_groups(&values, p).ok_or_else(|| Error::data("there are no columns", "give rows with some"))
}

/// The Owen values of the answers themselves.
pub(super) fn of_groups(
    groups: &Group,
    steps: &[Arc<dyn Fitted>],
    rows: &Batch,
    usual: &Batch,
    context: &Context,
) -> Result<Found> {
    let undivided = AtomicBool::new(false);
    let found = each(Method::PartitionShap, steps, rows, usual, context, &|game, context| {
        let found = partition_shap(game, groups, GROUPED, context)?;
        undivided.fetch_or(!found.converged, Ordering::Relaxed);
        Ok(found)
    })?;
    warn_undivided(undivided.into_inner(), context);
    Ok(Found { errors: None, ..found })
}

/// Says that some groups were not divided.
pub(super) fn warn_undivided(undivided: bool, context: &Context) {
    if undivided {
        let message = format!(
            "{GROUPED} coalitions do not divide every group of columns, words or patches: those of an undivided group share what it adds evenly"
        );
        context.warn("groups_not_divided", message);
    }
}

/// The values of each row as a game of its columns.
fn each(
    method: Method,
    steps: &[Arc<dyn Fitted>],
    rows: &Batch,
    usual: &Batch,
    context: &Context,
    play: &(impl Fn(&RowGame<'_>, &Context) -> Result<ShapEstimate> + Sync),
) -> Result<Found> {
    let games = RowGames::new(steps, rows, &evenly(usual, BACKGROUND)?)?;
    let of_row = |row: usize| {
        context.check()?;
        play(&games.of_row(row)?, &context.with_stream(&format!("explain {row}")))
    };
    let found = (0..rows.n_rows()).into_par_iter().map(of_row).collect::<Result<Vec<_>>>()?;
    let base = found.first().map(|first| first.base.clone()).unwrap_or_default();
    let mut shap = ShapValues::zeros(found.len(), base, games.places.len());
    let mut errors = Vec::with_capacity(shap.values().len());
    for (row, estimate) in found.iter().enumerate() {
        for output in 0..games.n_outputs {
            shap.of_mut(row, output).copy_from_slice(estimate.of(output));
        }
        errors.extend_from_slice(&estimate.standard_errors);
    }
    let columns = games.places.iter().map(|place| rows.schema().columns()[*place].name.clone()).collect();
    Ok(Found::shap(method, games.units, columns, shap, Some(errors)))
}

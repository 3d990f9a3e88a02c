//! By time: what is judged came later than what was learnt from.

use arrow_array::Array;
use tidemill_core::{Batch, Context, Error as CoreError, Kind, Result, Role};

use crate::Error;

/// The rows in the order of time, and the places where the time changes: a row of each place is later than the one
/// before it.
struct Line {
    rows: Vec<u32>,
    changes: Vec<usize>,
    name: String,
}

impl Line {
    fn of(batch: &Batch, rows: &[u32]) -> Result<Self> {
        let column = super::needed(batch, Role::Time, "time", "time")?;
        let about = &batch.schema().columns()[column];
        let name = about.name.clone();
        let mut dated = Vec::with_capacity(rows.len());
        for &row in rows {
            dated.push((moment(batch, column, row as usize)?, row));
        }
        let missing = dated.iter().filter(|(moment, _)| moment.is_none()).count();
        if missing > 0 {
            return Err(Error::split(
                format!(
                    "'{name}' is missing in {missing} of {} rows, so they have no place in time",
                    rows.len()
                ),
                "fill in the times, drop those rows, or choose another split.kind",
            )
            .into());
        }
        dated.sort_unstable();
        let changes: Vec<usize> = (1..dated.len()).filter(|&i| dated[i].0 != dated[i - 1].0).collect();
        if changes.is_empty() {
            let problem = format!("'{name}' is the same in every row, so there is no later part");
            return Err(Error::split(problem, "choose another split.kind").into());
        }
        Ok(Line { rows: dated.into_iter().map(|(_, row)| row).collect(), changes, name })
    }

    /// The change of time nearest to a place; of two equally near, the earlier.
    fn near(&self, place: f64) -> usize {
        let far = |at: &&usize| (**at as f64 - place).abs();
        self.changes.iter().min_by(|a, b| far(a).total_cmp(&far(b))).copied().unwrap_or(0)
    }
}

/// A key that orders like the time; `None` when it is missing.
fn moment(batch: &Batch, column: usize, row: usize) -> Result<Option<i64>> {
    if batch.column(column).is_null(row) {
        return Ok(None);
    }
    let about = &batch.schema().columns()[column];
    match about.kind {
        Kind::Time => Ok(Some(batch.times(column)?.value(row))),
        Kind::Number => {
            let x = batch.numbers(column)?.value(row) + 0.0; // -0 is 0
            // The bits of a float order like the float once those of negative ones are turned round.
            let bits = x.to_bits() as i64;
            Ok((!x.is_nan()).then_some(bits ^ (((bits >> 63) as u64) >> 1) as i64))
        }
        found => {
            let (column, wanted) = (about.name.clone(), "a time (or a number such as a year)".into());
            Err(CoreError::WrongKind { column, found, wanted })
        }
    }
}

/// The latest rows; rows of one time stay together, so the share is met as nearly as they allow.
pub(super) fn test(batch: &Batch, rows: &[u32], share: f64) -> Result<(Vec<u32>, String)> {
    let line = Line::of(batch, rows)?;
    let cut = line.near((1.0 - share) * rows.len() as f64);
    Ok((line.rows[cut..].to_vec(), format!("by time, the latest rows by '{}' to test on", line.name)))
}

/// Expanding windows (as scikit-learn's `TimeSeriesSplit`): of `n + 1` blocks, each but the first is judged once; see
/// [`before`] for what is trained on.
pub(super) fn folds(batch: &Batch, rows: &[u32], n: usize, context: &Context) -> Result<Vec<Vec<u32>>> {
    let line = Line::of(batch, rows)?;
    let block = rows.len() as f64 / (n + 1) as f64;
    let mut cuts: Vec<usize> = (1..=n).map(|i| line.near(block * i as f64)).collect();
    cuts.dedup();
    if cuts.len() < n {
        let message =
            format!("'{}' has too few different times for {n} folds; there are {}", line.name, cuts.len());
        context.warn("folds_few_times", message);
    }
    cuts.push(rows.len());
    Ok(cuts.windows(2).map(|w| line.rows[w[0]..w[1]].to_vec()).collect())
}

/// Those of `rows` that are earlier than all of `judged`, in the order of the table.
pub(super) fn before(batch: &Batch, rows: &[u32], judged: &[u32]) -> Result<Vec<u32>> {
    let column = super::needed(batch, Role::Time, "time", "time")?;
    let moments = judged.iter().map(|&row| moment(batch, column, row as usize));
    let first = moments.collect::<Result<Vec<_>>>()?.into_iter().min().flatten();
    let mut earlier = Vec::new();
    for &row in rows {
        if moment(batch, column, row as usize)? < first {
            earlier.push(row);
        }
    }
    Ok(earlier)
}

//! What a report shows beyond the metrics (importance, weak slices, examples), computed while the evaluated model is still in memory.

use std::sync::Arc;

use tidemill_core::{Batch, Context, Error, Event, Fitted, Kind, Result, Role, Schema};
use tidemill_eval::explain::{Importance, permutation};
use tidemill_eval::slices::{Slices, Slicing, slices};
use tidemill_eval::{Answers, Metric};
use tidemill_kernel::geo::Located;

use super::columns::{self, Picture};
use crate::search;

/// The model that was judged and the rows it was judged on.
pub struct Seen<'a> {
    /// Preparation, learner and what comes after it; `None` where several models judged parts of the rows.
    pub steps: Option<&'a [Arc<dyn Fitted>]>,
    /// The training rows, typed but not prepared, where they are at hand.
    pub train: Option<&'a Batch>,
    /// The rows that were judged, typed but not prepared.
    pub rows: &'a Batch,
    /// The same rows with what the model said of them.
    pub answered: &'a Batch,
    /// The metric that counts.
    pub metric: &'a Metric,
}

/// How often each column is shuffled; less often where the table is wide.
const REPEATS: [usize; 3] = [5, 2, 1];
/// About how many predictions of single rows importance may cost.
const PREDICTIONS: usize = 400_000;
/// About how many cells of these rows may be prepared for it: each prediction prepares all columns again.
const CELLS: usize = 100_000_000;
/// Importance on fewer rows is mostly chance.
const FEWEST: usize = 50;
/// The share of the time left that importance may take, where there is a limit.
const TIME: f64 = 0.3;

/// What a report needs and `metrics.json` does not say.
pub struct Evidence {
    answered: Batch,
    importance: Vec<Importance>,
    weak: Option<Slices>,
    columns: Vec<Picture>,
    located: Option<Located>,
}

impl Evidence {
    /// Looks at the rows. Costs some predictions of them for each column.
    pub fn gather(seen: &Seen<'_>, context: &Context) -> Result<Self> {
        context.tell(&Event::Begin { what: "looking for weak spots".into(), steps: None });
        let answers = Answers::of(seen.answered)?;
        let judged = [Role::Target, Role::Weight, Role::Prediction, Role::Probability];
        let places = seen.answered.schema().places(|c| judged.contains(&c.role));
        let shown = for_people(seen.metric, &answers);
        // Of few rows, numbers are cut into fewer parts: a part must have rows enough to be worth a word.
        let usual = Slicing::default();
        let n_bins = (seen.rows.n_rows() / (usual.min_rows + 5)).clamp(2, usual.n_bins);
        let how = Slicing { n_bins, ..usual };
        let weak = optional(slices(seen.rows, &answers, shown, &how, context).map_err(Error::from))?;
        let evidence = Evidence {
            answered: seen.answered.select(&places)?,
            importance: optional(importance(seen, context))?.unwrap_or_default(),
            weak,
            located: Located::of(seen.rows)?,
            columns: seen.train.map(columns::pictures).transpose()?.unwrap_or_default(),
        };
        context.tell(&Event::End);
        Ok(evidence)
    }

    pub(crate) fn answered(&self) -> &Batch {
        &self.answered
    }

    pub(crate) fn importance(&self) -> &[Importance] {
        &self.importance
    }

    pub(crate) fn weak(&self) -> Option<&Slices> {
        self.weak.as_ref()
    }

    /// Where the judged rows are.
    pub(crate) fn located(&self) -> Option<&Located> {
        self.located.as_ref()
    }

    pub(crate) fn columns(&self) -> &[Picture] {
        &self.columns
    }
}

/// A part of a report that rows may not bear (a metric undefined for them, say) is left out; a wish to stop is heard.
fn optional<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::Cancelled) => Err(Error::Cancelled),
        Err(_) => Ok(None),
    }
}

/// The metric in which a weak spot is told: the share that is right, or how far off it is on average, say more to people
/// than log loss and squares.
fn for_people<'a>(metric: &'a Metric, answers: &Answers<'_>) -> &'a Metric {
    let name = match (metric.name, answers) {
        ("log_loss", _) => "accuracy",
        ("rmse" | "mse", Answers::Numbers(_)) => "mae",
        _ => return metric,
    };
    tidemill_eval::metric(name).unwrap_or(metric)
}

/// Importance over all rows, or over evenly spaced ones where that would take long; of none where it would take long on few.
fn importance(seen: &Seen<'_>, context: &Context) -> Result<Vec<Importance>> {
    let Some(steps) = seen.steps.filter(|_| !context.out_of_time()) else { return Ok(Vec::new()) };
    let Some((repeats, most)) = affordable(seen.rows.schema()) else { return Ok(Vec::new()) };
    let step = seen.rows.n_rows().div_ceil(most).max(1);
    let kept: Vec<u32> = (0..seen.rows.n_rows() as u32).step_by(step).collect();
    let rows = if step == 1 { seen.rows.clone() } else { seen.rows.take(&kept)? };
    let predict =
        |rows: &Batch| -> Result<Answers<'static>> { Ok(Answers::of(&search::apply(steps, rows.clone())?)?) };
    if let Some(left) = context.time_left() {
        let began = context.now();
        predict(&rows)?;
        let n_columns = rows.schema().with_role(Role::Feature).len();
        let once = context.now().duration_since(began).as_secs_f64();
        if once * (n_columns * repeats) as f64 > TIME * left.as_secs_f64() * context.threads as f64 {
            return Ok(Vec::new());
        }
    }
    permutation(&rows, seen.metric, repeats, context, predict)
}

/// How often each column may be shuffled, and on how many rows; `None` where these columns are too many.
fn affordable(schema: &Schema) -> Option<(usize, usize)> {
    let places = schema.with_role(Role::Feature);
    let n_columns = places.len().max(1);
    let width = |place: &usize| match schema.columns()[*place].kind {
        Kind::Vector { len, sparse: false } => len.max(1),
        _ => 1,
    };
    let width: usize = places.iter().map(width).sum::<usize>().max(1);
    let rows = |repeats: usize| {
        let asked = n_columns * repeats;
        (PREDICTIONS / asked).max(100).min(CELLS / asked.saturating_mul(width)).min(10_000)
    };
    REPEATS.into_iter().map(|repeats| (repeats, rows(repeats))).find(|(_, rows)| *rows >= FEWEST)
}

#[cfg(test)]
mod tests {
    use tidemill_core::Column;

    use super::*;

    #[test]
    fn wide_tables_are_shuffled_less_often_on_fewer_rows_or_not_at_all() {
        let of = |n: usize| {
            let columns = (0..n).map(|i| Column::new(format!("x{i}"), Kind::Number)).collect();
            affordable(&Schema::new(columns).unwrap())
        };
        assert_eq!(of(8), Some((5, 10_000)));
        assert_eq!(of(60), Some((5, 1_333)));
        assert_eq!(of(1_000), Some((2, 50)));
        assert_eq!(of(1_400), Some((1, 51)));
        assert_eq!(of(100_000), None);
    }
}

//! What the rows show beyond the figures: gathered while the model that was judged is still there.

use std::sync::Arc;

use tidemill_core::{Batch, Context, Error, Event, Fitted, Result, Role};
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

/// How often each column is shuffled.
const REPEATS: usize = 5;
/// About how many predictions of single rows importance may cost.
const PREDICTIONS: usize = 400_000;

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

/// Importance over all rows, or over evenly spaced ones where that would take long.
fn importance(seen: &Seen<'_>, context: &Context) -> Result<Vec<Importance>> {
    let Some(steps) = seen.steps.filter(|_| !context.out_of_time()) else { return Ok(Vec::new()) };
    let n_columns = seen.rows.schema().with_role(Role::Feature).len().max(1);
    let most = (PREDICTIONS / (n_columns * REPEATS)).clamp(100, 10_000);
    let step = seen.rows.n_rows().div_ceil(most).max(1);
    let kept: Vec<u32> = (0..seen.rows.n_rows() as u32).step_by(step).collect();
    let rows = if step == 1 { seen.rows.clone() } else { seen.rows.take(&kept)? };
    permutation(&rows, seen.metric, REPEATS, context, |rows: &Batch| -> Result<Answers<'static>> {
        Ok(Answers::of(&search::apply(steps, rows.clone())?)?)
    })
}

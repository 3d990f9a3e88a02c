//! What the test rows show beyond the figures: gathered while the model that was judged is still there.

use std::sync::Arc;

use tidemill_core::{Batch, Context, Fitted, Result, Role};
use tidemill_eval::Metric;

use super::columns::{self, Picture};

/// The model that was judged and the rows it was judged on.
pub struct Seen<'a> {
    /// Preparation and learner, fitted on the training rows; empty where no single model answered all test rows.
    pub steps: &'a [Arc<dyn Fitted>],
    /// The training rows, typed but not prepared.
    pub train: &'a Batch,
    /// The test rows, typed but not prepared.
    pub test: &'a Batch,
    /// The test rows with what the model said of them.
    pub answered: &'a Batch,
    /// The metric that counts.
    pub metric: &'a Metric,
}

/// How much a column matters.
#[derive(Clone, Debug)]
pub(super) struct Importance {
    /// The column.
    pub column: String,
    /// How much worse the metric becomes when it is shuffled.
    pub mean: f64,
    /// The standard deviation between shuffles.
    pub spread: f64,
}

/// Rows on which the model does clearly worse.
#[derive(Clone, Debug)]
pub(super) struct Weak {
    /// What they have in common.
    pub conditions: Vec<String>,
    /// By which metric.
    pub metric: String,
    /// Its value there.
    pub value: f64,
    /// Its value on all rows.
    pub overall: f64,
    /// How many rows.
    pub rows: usize,
}

/// What a report needs and `metrics.json` does not say.
pub struct Evidence {
    answered: Batch,
    importance: Vec<Importance>,
    weak: Vec<Weak>,
    columns: Vec<Picture>,
}

impl Evidence {
    /// Looks at the rows. Costs some predictions of the test rows for each column.
    pub fn gather(seen: &Seen<'_>, context: &Context) -> Result<Self> {
        context.check()?;
        let judged = [Role::Target, Role::Weight, Role::Prediction, Role::Probability];
        let places = seen.answered.schema().places(|c| judged.contains(&c.role));
        Ok(Evidence {
            answered: seen.answered.select(&places)?,
            importance: Vec::new(),
            weak: Vec::new(),
            columns: columns::pictures(seen.train)?,
        })
    }

    pub(super) fn answered(&self) -> &Batch {
        &self.answered
    }

    pub(super) fn importance(&self) -> &[Importance] {
        &self.importance
    }

    pub(super) fn weak(&self) -> &[Weak] {
        &self.weak
    }

    pub(super) fn columns(&self) -> &[Picture] {
        &self.columns
    }
}

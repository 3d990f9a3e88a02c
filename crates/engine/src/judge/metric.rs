//! The metric used for evaluation.

use tidemill_core::Result;
use tidemill_core::recipe::{Recipe, Task};
use tidemill_eval::Metric;

use crate::error::EngineError;

/// The metric that a recipe names, or the usual one of the task.
pub(crate) fn metric_of(recipe: &Recipe, task: Task) -> Result<&'static Metric> {
    metric_named(recipe.train.metric.as_deref(), task)
}

/// The metric of this name, or the usual one of the task.
pub(crate) fn metric_named(name: Option<&str>, task: Task) -> Result<&'static Metric> {
    let metric = match name {
        Some(name) => tidemill_eval::metric(name)?,
        None => tidemill_eval::default_metric(task),
    };
    if metric.tasks.contains(&task) {
        return Ok(metric);
    }
    Err(EngineError::usage(
        format!("the metric '{}' does not judge a {} task", metric.name, task.word()),
        "choose one that does: `docs/metrics.md` lists them",
    )
    .into())
}

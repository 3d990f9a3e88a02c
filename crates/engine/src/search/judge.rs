//! Scores of the predictions for a fold.

use std::sync::Arc;

use tidemill_core::{Batch, Error, Result, Role, Target};
use tidemill_eval::{Answers, Metric};

use super::threshold::LabelMetric;
use crate::links::answer::most_probable;

/// What is true of the rows of a fold that judge.
pub(crate) struct Truth {
    pub target: Target,
    pub weights: Option<Vec<f64>>,
}

impl Truth {
    pub(crate) fn of(batch: &Batch) -> Result<Self> {
        Ok(Truth { target: Target::of(batch)?, weights: batch.weights()? })
    }

    /// The class of each row; none for a number.
    pub(crate) fn codes(&self) -> &[u32] {
        match &self.target {
            Target::Class { codes, .. } => codes,
            Target::Number(_) => &[],
        }
    }
}

/// A metric, and the names of the classes it may need.
pub(crate) struct Judge<'a> {
    pub metric: &'a Metric,
    pub classes: Option<Arc<[String]>>,
    /// Where the threshold is part of what is chosen: the metric at its best threshold.
    labels: Option<LabelMetric>,
}

impl<'a> Judge<'a> {
    /// The judge of answers to the target of these rows.
    pub(crate) fn of(metric: &'a Metric, batch: &Batch) -> Result<Self> {
        let target = batch.schema().role(Role::Target).map(|at| &batch.schema().columns()[at]);
        let classes = target.and_then(|c| c.categories.as_ref());
        let classes: Option<Arc<[String]>> =
            classes.map(|c| c.names().iter().map(|n| n.to_string()).collect());
        let labels = LabelMetric::of(metric, classes.as_ref().map_or(0, |c| c.len()));
        Ok(Judge { metric, classes, labels })
    }

    /// The metric of raw answers (a number a row, or a probability per class): `NaN` where it is undefined on these rows. Metrics of
    /// the labels of two classes are taken at the threshold that is best on these rows: it is found anew for what is chosen.
    ///
    /// # Errors
    /// Answers that are not finite or no probabilities.
    pub(crate) fn score(&self, truth: &Truth, answers: &[f64]) -> Result<f64> {
        // This refuses answers that are not finite, whatever is made of them.
        let built = self.answers(truth, answers)?;
        match self.labels {
            Some(labels) => Ok(labels.best(truth, answers)),
            None => Ok(self.metric.score(&built)?.value),
        }
    }

    /// Raw answers as the metrics take them.
    pub(crate) fn answers<'b>(&self, truth: &'b Truth, answers: &'b [f64]) -> Result<Answers<'b>> {
        let built = match (&truth.target, &self.classes) {
            (Target::Number(values), _) => Answers::numbers(&values[..], answers)?,
            (Target::Class { codes, n_classes }, Some(classes)) => {
                let predicted: Vec<u32> = answers.chunks_exact(*n_classes).map(most_probable).collect();
                Answers::classes(&codes[..], predicted, classes.iter())?.with_probability(answers)?
            }
            _ => return Err(Error::internal("classes without names")),
        };
        Ok(match &truth.weights {
            Some(weights) => built.with_weights(&weights[..])?,
            None => built,
        })
    }

    /// A score as "more is better".
    pub(crate) fn gain(&self, score: f64) -> f64 {
        if self.metric.greater_is_better { score } else { -score }
    }
}

/// The mean of the scores that are defined; `NaN` where none is.
pub(crate) fn mean(scores: &[f64]) -> f64 {
    let defined = scores.iter().filter(|s| !s.is_nan());
    let (sum, n) = defined.fold((0.0, 0.0), |(sum, n), s| (sum + s, n + 1.0));
    sum / n
}

/// The standard deviation of the scores that are defined; `None` for fewer than two.
pub(crate) fn spread(scores: &[f64]) -> Option<f64> {
    let defined: Vec<f64> = scores.iter().copied().filter(|s| !s.is_nan()).collect();
    let n = defined.len() as f64;
    let mean = mean(&defined);
    let squares: f64 = defined.iter().map(|s| (s - mean) * (s - mean)).sum();
    (defined.len() > 1).then(|| (squares / (n - 1.0)).sqrt())
}

impl Truth {
    /// What is true of these rows.
    pub(crate) fn take(&self, rows: &[u32]) -> Truth {
        let target = match &self.target {
            Target::Number(values) => Target::Number(rows.iter().map(|&r| values[r as usize]).collect()),
            Target::Class { codes, n_classes } => {
                let codes = rows.iter().map(|&r| codes[r as usize]).collect();
                Target::Class { codes, n_classes: *n_classes }
            }
        };
        let weights = self.weights.as_ref().map(|w| rows.iter().map(|&r| w[r as usize]).collect());
        Truth { target, weights }
    }
}

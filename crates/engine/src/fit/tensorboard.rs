//! What a training leaves for TensorBoard, where the user asked for it, beside the curves that learners write on their way:
//!
//! | run | what |
//! |---|---|
//! | `learners/NN-KIND` | a line of the leaderboard, the best first: its settings (as hyper-parameters), its score on each fold (the fold is the step) and what it costs |
//! | `model` | the model: its settings, its scores on the test rows, the learning curve (rows are the step), precision over recall of each class, the distribution of its weights and leaf values, and some pictures of the table |

use std::path::Path;

use arrow_array::Array;
use serde_json::{Map, Value};
use tidemill_core::{Batch, Context, EventFile, Kind, PrCurve, Result, Role, Runtime, State, TensorData};
use tidemill_eval::Answers;
use tidemill_eval::curves::{PrecisionRecall, precision_recall};
use tidemill_kernel::picture;

use crate::facts::Outcome;
use crate::judge::Evidence;
use crate::model::Model;
use crate::search::CandidateScore;

/// Thresholds of precision over recall.
const THRESHOLDS: usize = 101;
/// Pictures of each column.
const PICTURES: usize = 10;

/// What was trained.
pub(super) struct Trained<'a> {
    pub(super) facts: &'a Outcome,
    pub(super) evidence: &'a Evidence,
    pub(super) model: &'a Model,
    /// All rows, typed but not prepared.
    pub(super) typed: &'a Batch,
}

impl Trained<'_> {
    /// Writes event files where the user asked for them.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(super) fn write(&self, context: &Context) -> Result<()> {
        let runtime = context.runtime();
        let Some(folder) = &runtime.tensorboard else { return Ok(()) };
        for (at, line) in self.facts.leaderboard.iter().enumerate() {
            let run = folder.join("learners").join(format!("{:02}-{}", at + 1, line.learner));
            candidate(&run, line, runtime.began)?;
        }
        self.model(&folder.join("model"), runtime.began)
    }

    fn model(&self, folder: &Path, began: f64) -> Result<()> {
        let mut events = EventFile::create(folder, began)?;
        let Outcome { chosen, test, learning_curve, .. } = self.facts;
        events.settings("model", &settings(&chosen.kind, &chosen.params))?;
        for line in test.lines.iter().filter(|line| line.value.is_finite()) {
            events.scalar(0, &format!("test/{}", line.name), line.value)?;
        }
        for point in learning_curve {
            let sides = [("train", point.train), ("validation", point.valid)];
            for (side, value) in sides.into_iter().filter_map(|(side, value)| Some((side, value?))) {
                events.scalar(point.rows as u64, &format!("learning_curve/{side}"), value)?;
            }
        }
        let answers = Answers::of(self.evidence.answered())?;
        // Of numbers, and of classes without probabilities, there is no such curve.
        for curve in precision_recall(&answers, usize::MAX).unwrap_or_default() {
            events.pr_curve(0, &curve.class, &at_thresholds(&curve, test.weight))?;
        }
        for (at, link) in self.model.chain.0.iter().enumerate() {
            weights(&mut events, &format!("{at}"), &link.state())?;
        }
        self.pictures(&mut events)?;
        events.flush()
    }

    fn pictures(&self, events: &mut EventFile) -> Result<()> {
        for place in self.typed.schema().with_role(Role::Feature) {
            let column = &self.typed.schema().columns()[place];
            if column.kind != Kind::Image {
                continue;
            }
            let images = self.typed.images(place)?;
            for row in (0..images.len()).filter(|row| images.is_valid(*row)).take(PICTURES) {
                // One that cannot be read is told of elsewhere.
                if let Ok(size) = picture::size(images.value(row)) {
                    events.image(0, &format!("{}/row {}", column.name, row + 1), size, images.value(row))?;
                }
            }
        }
        Ok(())
    }
}

/// The work on one of several targets, whose event files go to a folder of their own.
pub(super) fn part(context: &Context, target: usize) -> Context {
    let runtime = context.runtime();
    let Some(folder) = &runtime.tensorboard else { return context.clone() };
    let own = folder.join(format!("target-{}", target + 1));
    context.clone().with_runtime(Runtime { tensorboard: Some(own), ..runtime.clone() })
}

/// A line of the leaderboard.
fn candidate(folder: &Path, line: &CandidateScore, began: f64) -> Result<()> {
    let mut events = EventFile::create(folder, began)?;
    for (fold, score) in line.folds.iter().enumerate().filter(|(_, score)| score.is_finite()) {
        events.scalar(fold as u64 + 1, "score/fold", *score)?;
    }
    let scores = [("score/mean", line.mean), ("score/spread", line.spread), ("score/train", line.train)];
    let costs = [("cost/bytes", Some(line.bytes as f64)), ("cost/work", Some(line.work as f64))];
    for (tag, value) in scores.into_iter().chain(costs) {
        value.filter(|value| value.is_finite()).map_or(Ok(()), |value| events.scalar(0, tag, value))?;
    }
    events.settings(&line.learner, &settings(&line.learner, &line.params))?;
    events.flush()
}

fn settings(learner: &str, params: &Map<String, Value>) -> Map<String, Value> {
    let own = [("learner".to_string(), Value::from(learner))];
    own.into_iter().chain(params.iter().map(|(name, value)| (name.clone(), value.clone()))).collect()
}

/// A curve at evenly spaced thresholds, of rows of this weight.
fn at_thresholds(curve: &PrecisionRecall, weight: f64) -> PrCurve {
    let positive = curve.prevalence * weight;
    let mut all = PrCurve::default();
    for step in 0..THRESHOLDS {
        let threshold = step as f64 / (THRESHOLDS - 1) as f64;
        // The last point that predicts no row of a smaller probability; the first predicts none.
        let at = curve.threshold.partition_point(|t| *t >= threshold).max(1) - 1;
        let (precision, recall) = (curve.precision[at], curve.recall[at]);
        let hits = recall * positive;
        let wrong = if precision > 0.0 { hits * (1.0 / precision - 1.0) } else { 0.0 };
        all.true_positives.push(hits);
        all.false_positives.push(wrong);
        all.true_negatives.push(weight - positive - wrong);
        all.false_negatives.push(positive - hits);
        all.precision.push(precision);
        all.recall.push(recall);
    }
    all
}

/// The distribution of each array of floats of a state and of its parts; of trees that of their leaf values.
fn weights(events: &mut EventFile, path: &str, state: &State) -> Result<()> {
    let path = format!("{path}-{}", state.kind);
    let are_trees = state.tensors.contains_key("roots");
    for (name, tensor) in &state.tensors {
        let name = match name.as_str() {
            "values" if are_trees => "leaf_values",
            _ if are_trees => continue,
            name => name,
        };
        let tag = format!("{path}/{name}");
        match &tensor.data {
            TensorData::F64(values) => events.histogram(0, &tag, values.iter().copied())?,
            TensorData::F32(values) => events.histogram(0, &tag, values.iter().map(|&x| f64::from(x)))?,
            _ => {}
        }
    }
    let mut parts = state.children.iter().enumerate();
    parts.try_for_each(|(at, child)| weights(events, &format!("{path}/{at}"), child))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_at_thresholds_are_those_of_the_rows() {
        let answers = Answers::classes(vec![0, 0, 1, 1], vec![0, 0, 0, 1], ["no", "yes"]).unwrap();
        let answers = answers.with_probability(vec![0.9, 0.1, 0.6, 0.4, 0.65, 0.35, 0.2, 0.8]).unwrap();
        let curve = &precision_recall(&answers, usize::MAX).unwrap()[0];
        let found = at_thresholds(curve, 4.0);
        // At 0.38 the second negative (0.4) and the second positive (0.8) are predicted as the class.
        let counts = |at: usize| {
            let PrCurve { true_positives, false_positives, true_negatives, false_negatives, .. } = &found;
            [true_positives[at], false_positives[at], true_negatives[at], false_negatives[at]]
        };
        assert_eq!(counts(38), [1.0, 1.0, 1.0, 1.0]);
        assert_eq!(counts(0), [2.0, 2.0, 0.0, 0.0]);
        assert_eq!(counts(100), [0.0, 0.0, 2.0, 2.0]);
        assert_eq!((found.precision[60], found.recall[60]), (1.0, 0.5));
    }
}

//! A compressed model, and how its predictions changed.

use std::path::PathBuf;

use serde::Serialize;
use tidemill_core::Warning;
use tidemill_core::recipe::Spec;

use super::Costs;

/// What `compress` made, and how much its answers differ from those of the model it was.
#[derive(Clone, Debug, Serialize)]
pub struct CompressedFacts {
    /// The model's file.
    pub parent: String,
    /// Its learner.
    pub learner: Option<Spec>,
    /// The rows that both were asked about, as the user named them.
    pub source: String,
    /// What is predicted.
    pub target: String,
    /// The share of weights or leaves that went.
    pub prune: f64,
    /// Whether weights and leaf values are stored in 8 bits.
    pub eight_bits: bool,
    /// How far answers were allowed to change.
    pub bound: Bound,
    /// How far they did.
    pub change: AnswerChange,
    /// Both against the truth, of rows that have it.
    pub truth: Option<BeforeAndAfter>,
    /// What both cost, the model first.
    pub cost: Costs,
    /// The smaller file.
    pub model: PathBuf,
    /// What names it.
    pub hash: String,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

/// How far answers may change, in probability or in units of the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bound {
    /// The change of any answer at most.
    pub greatest: Option<f64>,
    /// The mean change at most.
    pub mean: Option<f64>,
}

impl Bound {
    /// Whether there is none.
    pub fn is_open(&self) -> bool {
        self.greatest.is_none() && self.mean.is_none()
    }

    /// Whether a change is within.
    pub fn holds(&self, change: &AnswerChange) -> bool {
        self.greatest.is_none_or(|most| change.greatest <= most)
            && self.mean.is_none_or(|most| change.mean <= most)
    }
}

/// How far the answers of two models are apart on the same rows.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AnswerChange {
    /// The rows.
    pub rows: usize,
    /// The greatest change of a number, or of the probability of a class.
    pub greatest: f64,
    /// The mean of these changes over all rows (and classes).
    pub mean: f64,
    /// The share of rows whose predicted class stays.
    pub same: Option<f64>,
    /// The standard deviation of the model's answers, where they are numbers.
    pub spread: Option<f64>,
}

/// The usual metric of both against the truth.
#[derive(Clone, Debug, Serialize)]
pub struct BeforeAndAfter {
    /// The metric, by name.
    pub metric: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Rows that have the truth.
    pub rows: usize,
    /// Of the model; it may have learned from these rows.
    pub before: Option<f64>,
    /// Of the smaller one.
    pub after: Option<f64>,
}

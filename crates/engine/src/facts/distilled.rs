//! A distilled model (a student), and how it differs from its teacher.

use std::path::PathBuf;

use serde::Serialize;
use tidemill_core::Warning;
use tidemill_core::recipe::Spec;

/// What `distill` made, and how much its answers differ from its teacher's.
#[derive(Clone, Debug, Serialize)]
pub struct DistilledFacts {
    /// The teacher's file.
    pub teacher: String,
    /// The teacher's learner.
    pub teacher_learner: Option<Spec>,
    /// The rows, as the user named them.
    pub source: String,
    /// What is predicted.
    pub target: String,
    /// The student's learner.
    pub learner: Spec,
    /// Rows that the student of the comparison learned from; the one in the file learned from those held out too.
    pub learned: usize,
    /// How far the answers of the two are apart, on rows that were held out.
    pub change: Change,
    /// Both against the truth, of held-out rows that have it.
    pub truth: Option<AgainstTruth>,
    /// What both cost.
    pub cost: Costs,
    /// The student's file.
    pub model: PathBuf,
    /// What names it.
    pub hash: String,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

/// How far a student's answers are from its teacher's.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Change {
    /// Of classes.
    Classes {
        /// Rows that were held out.
        rows: usize,
        /// The share of rows for which both predict the same class.
        agreement: f64,
        /// The mean Kullback-Leibler divergence of the student's probabilities from the teacher's, in nats: by how much the student's
        /// log loss exceeds the teacher's, if the teacher is right.
        divergence: f64,
    },
    /// Of numbers.
    Numbers {
        /// Rows that were held out.
        rows: usize,
        /// The root of the mean squared difference.
        rmse: f64,
        /// The share of the variance of the teacher's answers that the student has.
        r2: f64,
    },
}

/// The usual metric of both against the truth.
#[derive(Clone, Debug, Serialize)]
pub struct AgainstTruth {
    /// The metric, by name.
    pub metric: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Held-out rows that have the truth.
    pub rows: usize,
    /// Of the teacher; it may have learned from these rows.
    pub teacher: Option<f64>,
    /// Of the student.
    pub student: Option<f64>,
}

/// What a teacher and a student cost, in this order.
#[derive(Clone, Debug, Serialize)]
pub struct Costs {
    /// Bytes of the model files.
    pub bytes: [u64; 2],
    /// Operations of an answer, about.
    pub operations: [u64; 2],
    /// Microseconds of a row, in batches, on this machine.
    pub micros: [f64; 2],
}

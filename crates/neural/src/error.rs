//! What keeps a net from learning.

use tidemill_core::Coded;

/// The errors of nets.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NeuralError {
    /// There is nothing to learn from.
    #[error("there is no row to learn from")]
    NoRows,
    /// Every row counts for nothing.
    #[error("every row of the weight column is 0")]
    NoWeight,
    /// A number to predict is not a number.
    #[error("target '{column}' is not a finite number in row {row}")]
    TargetNotFinite {
        /// The target.
        column: String,
        /// The row, from 0.
        row: usize,
    },
    /// The loss does not suit the target.
    #[error("loss '{loss}' is for {wanted}, but target '{column}' is not")]
    LossUnsuited {
        /// The loss as the recipe names it.
        loss: String,
        /// What it is for.
        wanted: &'static str,
        /// The target.
        column: String,
    },
    /// A learner that asks a row's neighbours was told of none.
    #[error("'{learner}' asks a row's neighbours, and nothing says who they are")]
    NoGraph {
        /// The learner.
        learner: &'static str,
    },
    /// The loss left the numbers, again and again.
    #[error(
        "the loss is not a number any more in epoch {epoch}, after {retries} retries with smaller steps{suspect}"
    )]
    Diverged {
        /// The pass over the rows, from 1.
        epoch: usize,
        /// How often training went on from the last good state with a smaller step.
        retries: usize,
        /// `": column 'x' has a value of …"`, or nothing.
        suspect: String,
    },
}

impl Coded for NeuralError {
    fn code(&self) -> &'static str {
        match self {
            NeuralError::NoRows => "no_rows",
            NeuralError::NoWeight => "no_weight",
            NeuralError::TargetNotFinite { .. } => "target_not_finite",
            NeuralError::LossUnsuited { .. } => "wrong_kind",
            NeuralError::NoGraph { .. } => "no_graph",
            NeuralError::Diverged { .. } => "diverged",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(
            match self {
                NeuralError::NoRows => "give more rows, or loosen the filters before this learner",
                NeuralError::NoWeight => "give some rows a positive weight, or no weight column",
                NeuralError::TargetNotFinite { .. } => "correct or remove the row",
                NeuralError::LossUnsuited { .. } => {
                    "choose another loss, or none: it then follows from the target"
                }
                NeuralError::NoGraph { .. } => {
                    "name the rows and their ties: [data] key = \"…\" and [graph] edges = \"edges.csv\", or neighbors = 8"
                }
                NeuralError::Diverged { .. } => {
                    "choose a smaller learning_rate or clip_norm, and look at the outliers of the columns"
                }
            }
            .into(),
        )
    }
}

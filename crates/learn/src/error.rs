//! What keeps a learner from learning.

use tidemill_core::Coded;

/// The errors of learners.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LearnError {
    /// There is nothing to learn from.
    #[error("there is no row to learn from")]
    NoRows,
    /// Every row counts for nothing.
    #[error("every row of weight column '{column}' is 0")]
    NoWeight {
        /// The column of weights.
        column: String,
    },
    /// A number to predict is not a number.
    #[error("target '{column}' is not a finite number in row {row}")]
    TargetNotFinite {
        /// The target.
        column: String,
        /// The row, from 0.
        row: usize,
    },
    /// A number to predict is one that the learner's distribution does not know.
    #[error("target '{column}' is {value} in row {row}, but {wanted}")]
    TargetOutside {
        /// The target.
        column: String,
        /// The row, from 0.
        row: usize,
        /// What is there.
        value: f64,
        /// What may be.
        wanted: &'static str,
    },
    /// Squares of the values do not fit a 64-bit float.
    #[error("the values of {columns} are too large to learn from: their squares exceed the largest number")]
    TooLarge {
        /// The columns.
        columns: String,
    },
    /// A learner that reads counts met a value that is none.
    #[error("feature '{column}' is {value} in row {row}, but counts are from 0 up")]
    NegativeCount {
        /// The feature.
        column: String,
        /// The row, from 0.
        row: usize,
        /// What is there.
        value: f64,
    },
    /// A learner that asks a row's neighbours was told of none.
    #[error("'{learner}' asks a row's neighbours, and nothing says who they are")]
    NoGraph {
        /// The learner.
        learner: &'static str,
    },
    /// More rows than a learner can count.
    #[error("{found} rows are more than the {most} that trees can learn from")]
    TooManyRows {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
}

impl Coded for LearnError {
    fn code(&self) -> &'static str {
        match self {
            LearnError::NoRows => "no_rows",
            LearnError::NoWeight { .. } => "no_weight",
            LearnError::TargetNotFinite { .. } => "target_not_finite",
            LearnError::TargetOutside { .. } => "target_outside",
            LearnError::TooLarge { .. } => "values_too_large",
            LearnError::NegativeCount { .. } => "negative_count",
            LearnError::NoGraph { .. } => "no_graph",
            LearnError::TooManyRows { .. } => "too_many_rows",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(
            match self {
                LearnError::NoRows => "give more rows, or loosen the filters before this learner",
                LearnError::NoWeight { .. } => "give some rows a positive weight, or no weight column",
                LearnError::TargetNotFinite { .. } => "correct or remove the row",
                LearnError::TargetOutside { .. } => {
                    "correct or remove such rows, or choose a learner for any number, as ridge"
                }
                LearnError::NoGraph { .. } => {
                    "name the rows and their ties: [data] key = \"…\" and [graph] edges = \"edges.csv\", or neighbors = 8"
                }
                LearnError::TooManyRows { .. } => "train on a sample of the rows",
                LearnError::TooLarge { .. } => {
                    "scale these columns before this learner, or correct their outliers"
                }
                LearnError::NegativeCount { .. } => {
                    "scale the column by scale_min_max, drop it, or use gaussian_nb"
                }
            }
            .into(),
        )
    }
}

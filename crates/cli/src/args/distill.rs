//! The arguments of `tidemill distill`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tidemill_engine::verbs::distill::To;

use super::lang::Lang;

/// `tidemill distill`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill distill churned-model/model.tidemill customers.csv --to logistic -o small.tidemill
  tidemill distill model.tidemill unlabelled.parquet --to boosted_trees -o small.tidemill
  tidemill compare model.tidemill small.tidemill labelled.csv")]
pub(crate) struct Distill {
    /// The teacher: the model to learn from.
    pub model: PathBuf,
    /// Rows for the teacher to predict. They need no labels; if there are some, both models are evaluated on them.
    pub data: String,
    /// The kind of the lighter model.
    #[arg(long, value_enum)]
    pub to: ToArg,
    /// The file for the lighter model.
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// The seed of all random numbers.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The number of threads. The result does not depend on it [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}

/// The kinds of students.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum ToArg {
    /// A hundred small boosted trees.
    BoostedTrees,
    /// Logistic regression; ridge for regression.
    Logistic,
    /// A net with one small layer.
    SmallNet,
}

impl From<ToArg> for To {
    fn from(to: ToArg) -> Self {
        match to {
            ToArg::BoostedTrees => To::BoostedTrees,
            ToArg::Logistic => To::Logistic,
            ToArg::SmallNet => To::SmallNet,
        }
    }
}

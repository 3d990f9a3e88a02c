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
    /// The model to learn from: the teacher.
    pub model: PathBuf,
    /// Rows to ask it about; labels are not needed, and compared where there are some.
    pub data: String,
    /// What the lighter model is.
    #[arg(long, value_enum)]
    pub to: ToArg,
    /// Where the lighter model goes.
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// From which every random choice is derived.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// How many threads may work; the result does not depend on it [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// In which language.
    #[command(flatten)]
    pub lang: Lang,
}

/// The sorts of students.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum ToArg {
    /// A hundred small boosted trees.
    BoostedTrees,
    /// Logistic regression; ridge for a number.
    Logistic,
    /// A net of one small layer.
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

//! The arguments of `tidemill explain`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::lang::Lang;

/// `tidemill explain`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill explain model.tidemill new.csv                     what matters, and the first rows one by one
  tidemill explain model.tidemill new.csv --rows 3,7-9        these rows, counted from 1
  tidemill explain model.tidemill new.csv -o shap.parquet     every value, a row for each row")]
pub(crate) struct Explain {
    /// The model file.
    pub model: PathBuf,
    /// A table (CSV, TSV, Parquet, JSON lines, Arrow; gzip or zstd), a glob, or `-`.
    pub data: String,
    /// Rows to explain, such as `3,7-9`, counted from 1 [default: all].
    #[arg(long, value_name = "ROWS")]
    pub rows: Option<String>,
    /// How [default: exact where the model allows it, else sampled].
    #[arg(long, value_enum, value_name = "METHOD", default_value_t = MethodArg::Auto)]
    pub method: MethodArg,
    /// Rows that stand for what is usual [default: the data themselves].
    #[arg(long, value_name = "FILE")]
    pub background: Option<String>,
    /// Where the values of every row go: .csv, .tsv, .parquet, .jsonl or .arrow.
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<String>,
    /// How many threads may work [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// In which language.
    #[command(flatten)]
    pub lang: Lang,
}

/// A way of explaining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum MethodArg {
    /// The best that the model allows.
    Auto,
    /// Exact for trees.
    TreeShap,
    /// Exact for linear functions.
    LinearShap,
    /// Sampled, for any model.
    PermutationShap,
}

//! The arguments of `tidemill prepare`.

use std::path::PathBuf;

use clap::Args;

use super::DataArgs;
use super::lang::Lang;

/// `tidemill prepare`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill prepare customers.csv --target churned -o clean.parquet
  tidemill prepare tidemill.toml -o train.csv --save prep.tidemill --report prepared.html
  tidemill prepare new.csv --with prep.tidemill -o new-clean.csv
  tidemill prepare customers.csv --target churned --for ridge -o numbers.parquet")]
pub(crate) struct Prepare {
    /// A table (CSV, TSV, Parquet, JSON lines, Arrow; gzip or zstd), a glob, `-`, or a recipe (`.toml`).
    pub data: String,
    /// What the command line declares about the data.
    #[command(flatten)]
    pub about: DataArgs,
    /// The file for the prepared rows: .csv, .tsv, .jsonl, .parquet or .arrow; - for CSV on standard output.
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<String>,
    /// Save the fitted preparation, to apply it to other rows.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Apply a saved preparation instead of fitting one, in bounded memory.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["save", "learner", "balance"])]
    pub with: Option<PathBuf>,
    /// Add what this learner needs, such as ridge: numeric, scaled and complete columns.
    #[arg(long = "for", value_name = "LEARNER")]
    pub learner: Option<String>,
    /// Apply the recipe's [balance] to the written rows. Use them for training, never for evaluation.
    #[arg(long)]
    pub balance: bool,
    /// Write an HTML page with each column before and after.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The seed of all random numbers.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The number of threads. The result does not depend on it [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}

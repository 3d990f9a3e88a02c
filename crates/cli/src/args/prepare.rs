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
    /// What is known about the data.
    #[command(flatten)]
    pub about: DataArgs,
    /// Where the prepared rows go: .csv, .tsv, .jsonl, .parquet or .arrow; - for CSV on standard output.
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<String>,
    /// Keep the fitted preparation, to prepare other rows alike.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Apply a saved preparation instead of fitting one; rows stream through it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["save", "learner", "balance"])]
    pub with: Option<PathBuf>,
    /// Meet this learner's needs too, such as ridge: numbers, scaled, complete.
    #[arg(long = "for", value_name = "LEARNER")]
    pub learner: Option<String>,
    /// Apply the recipe's [balance] to the rows that are written: for learning, never for judging.
    #[arg(long)]
    pub balance: bool,
    /// Write a page for people: one HTML file with each column before and after.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// From which every random choice is derived.
    #[arg(long)]
    pub seed: Option<u64>,
    /// How many threads may work; the result does not depend on it [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// In which language.
    #[command(flatten)]
    pub lang: Lang,
}

//! The arguments of `tidemill synthesize`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::DataArgs;
use super::lang::Lang;

/// What makes new rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// A Gaussian copula: seconds.
    Copula,
    /// A conditional GAN: minutes, and not bound to correlations.
    Gan,
}

/// `tidemill synthesize`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill synthesize customers.csv -n 1000 -o rows.csv
  tidemill synthesize customers.csv --target churned -n 1000 -o rows.parquet --report rows.html
  tidemill synthesize customers.csv --method gan --steps 5000 -o rows.csv
  tidemill synthesize tidemill.toml -n 100 --seed 7 -o - > rows.csv")]
pub(crate) struct Synthesize {
    /// A table (CSV, TSV, Parquet, JSON lines, Arrow; gzip or zstd), a glob, `-`, or a recipe (`.toml`).
    pub data: String,
    /// What is known about the data.
    #[command(flatten)]
    pub about: DataArgs,
    /// How many rows to make.
    #[arg(short, default_value_t = 1000, value_name = "ROWS")]
    pub n: usize,
    /// What makes them.
    #[arg(long, value_enum, default_value_t = Method::Copula)]
    pub method: Method,
    /// With `--method gan`, the steps of training [default: 5000].
    #[arg(long, value_name = "STEPS")]
    pub steps: Option<usize>,
    /// Where the new rows go: .csv, .tsv, .jsonl, .parquet or .arrow; - for CSV on standard output.
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<String>,
    /// Write a page for people: one HTML file with the fidelity, use and privacy of the rows.
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

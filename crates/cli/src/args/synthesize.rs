//! The arguments of `tidemill synthesize`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::DataArgs;
use super::lang::Lang;

/// How rows are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// A Gaussian copula. Takes seconds.
    Copula,
    /// A conditional GAN. Takes minutes, and is not limited to correlations.
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
    /// What the command line declares about the data.
    #[command(flatten)]
    pub about: DataArgs,
    /// The number of rows to generate.
    #[arg(short, default_value_t = 1000, value_name = "ROWS")]
    pub n: usize,
    /// How they are generated.
    #[arg(long, value_enum, default_value_t = Method::Copula)]
    pub method: Method,
    /// With `--method gan`, the number of training steps [default: 5000].
    #[arg(long, value_name = "STEPS")]
    pub steps: Option<usize>,
    /// The file for the new rows: .csv, .tsv, .jsonl, .parquet or .arrow; - for CSV on standard output.
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<String>,
    /// Write an HTML page with the fidelity, utility and privacy of the rows.
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

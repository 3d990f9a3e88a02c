//! The arguments of `tidemill compress`.

use std::path::PathBuf;

use clap::Args;

use super::lang::Lang;

/// `tidemill compress`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill compress forest.tidemill customers.csv --prune 0.8 --int8 -o small.tidemill
  tidemill compress net.tidemill customers.csv --int8 --mean-change 0.01 -o small.tidemill")]
pub(crate) struct Compress {
    /// The model to compress, which contains trees or nets.
    pub model: PathBuf,
    /// Rows on which the change of predictions is measured. They need no labels; if there are some, both models are evaluated on them.
    pub data: Option<String>,
    /// The share of weights or leaves to remove, from 0 to below 1; with a bound, the maximum.
    #[arg(long, value_name = "SHARE")]
    pub prune: Option<f64>,
    /// Store weights and leaf values in 8 bits.
    #[arg(long)]
    pub int8: bool,
    /// Prune as much as keeps the change of every prediction within this bound (in probability, or units of the target).
    #[arg(long, value_name = "CHANGE")]
    pub max_change: Option<f64>,
    /// Prune as much as keeps the mean change within this bound.
    #[arg(long, value_name = "CHANGE")]
    pub mean_change: Option<f64>,
    /// The file for the smaller model.
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// The number of threads. The result does not depend on it [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}

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
    /// The model to make smaller: of trees or nets.
    pub model: PathBuf,
    /// Rows to show the change of answers on; labels are not needed, and both are judged where there are some.
    pub data: Option<String>,
    /// The share of weights or leaves that goes, from 0 to below 1; with a bound the most that may go.
    #[arg(long, value_name = "SHARE")]
    pub prune: Option<f64>,
    /// Store weights and leaf values in 8 bits.
    #[arg(long)]
    pub int8: bool,
    /// Prune as much as keeps the change of every answer within this (in probability, or units of the target).
    #[arg(long, value_name = "CHANGE")]
    pub max_change: Option<f64>,
    /// Prune as much as keeps the mean change within this.
    #[arg(long, value_name = "CHANGE")]
    pub mean_change: Option<f64>,
    /// Where the smaller model goes.
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// How many threads may work; the result does not depend on it [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// In which language.
    #[command(flatten)]
    pub lang: Lang,
}

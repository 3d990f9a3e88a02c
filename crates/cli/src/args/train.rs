//! The arguments of `tidemill train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tidemill_engine::core::recipe::{OptimizeFor, Quality};

use super::DataArgs;
use super::lang::Lang;

/// `tidemill train`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill train penguins.csv --target species
  tidemill train 'logs/*.parquet' --target bikers --time hour --drop-leaks --out bikes
  tidemill train images/                           a folder of images for each class
  tidemill train payments.csv --target fraud --decide cost:fn=10
  tidemill train sales.csv --target sold --horizon 4w
  tidemill train patients.csv --target outcome --target days    a model for each target, in one file
  tidemill train rows.csv --target y --quality best
  tidemill train tidemill.toml --trials 20 --time-limit 10m
  zcat rows.csv.gz | tidemill train - --target y")]
pub(crate) struct Train {
    /// A table (CSV, TSV, Parquet, JSON lines, Arrow; gzip or zstd), a glob, a folder of images, `-`, or a recipe (`.toml`).
    pub data: String,
    /// What is known about the data.
    #[command(flatten)]
    pub about: DataArgs,
    /// Forecast the target from its past, this far ahead: a number of steps, or a time span such as 24h, 7d or 4w.
    #[arg(long, value_name = "STEPS|TIME")]
    pub horizon: Option<String>,
    /// The folder for the model, the resolved recipe, the metrics and the report [default: NAME-model].
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// A model to start from. It is used if that helps on held-out rows.
    #[arg(long, value_name = "MODEL")]
    pub start: Option<String>,
    /// The metric by which learners are compared [default: log_loss or rmse].
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<String>,
    /// The rule for the positive class: a metric to optimise such as f1, costs such as cost:fn=10, or a threshold.
    #[arg(long, value_name = "METRIC|cost:fn=N|P")]
    pub decide: Option<String>,
    /// The seed of all random numbers.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The number of threads. The result does not depend on it [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// The budget of the search.
    #[arg(long, value_enum)]
    pub quality: Option<QualityArg>,
    /// The number of settings tried for each learner, whatever that costs.
    #[arg(long)]
    pub trials: Option<usize>,
    /// The time limit, such as 90s, 10m or 2h. The best model found by then is used.
    #[arg(long, value_name = "TIME")]
    pub time_limit: Option<String>,
    /// What matters most in a model. For latency and size, the best is chosen among learners within one standard error of the best score.
    #[arg(long, value_enum)]
    pub optimize_for: Option<OptimizeForArg>,
    /// How nets are trained.
    #[command(flatten)]
    pub nets: NetArgs,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}

/// Options for training nets.
#[derive(Debug, Args)]
pub(crate) struct NetArgs {
    /// The device on which nets are trained: auto, cpu or cuda:0. With auto, the first GPU is used for nets that benefit [default: auto].
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// A folder in which training regularly saves its state, so that it can be resumed.
    #[arg(long, value_name = "DIR")]
    pub checkpoint: Option<PathBuf>,
    /// Resume from the checkpoints: the model is the same as without the interruption.
    #[arg(long, requires = "checkpoint")]
    pub resume: bool,
    /// A folder for TensorBoard's event files: settings and scores of each learner, losses of nets and boosting, precision over recall,
    /// the distribution of weights, pictures.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
}

/// How much work a search may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum QualityArg {
    /// One good setting of one learner per family.
    Fast,
    /// About a minute for up to a million cells on two cores.
    Default,
    /// Up to ten times that.
    Best,
}

impl From<QualityArg> for Quality {
    fn from(quality: QualityArg) -> Self {
        match quality {
            QualityArg::Fast => Quality::Fast,
            QualityArg::Default => Quality::Default,
            QualityArg::Best => Quality::Best,
        }
    }
}

/// What matters most in a model.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OptimizeForArg {
    /// The score.
    Quality,
    /// The number of operations per prediction.
    Latency,
    /// The size in bytes.
    Size,
}

impl From<OptimizeForArg> for OptimizeFor {
    fn from(what: OptimizeForArg) -> Self {
        match what {
            OptimizeForArg::Quality => OptimizeFor::Quality,
            OptimizeForArg::Latency => OptimizeFor::Latency,
            OptimizeForArg::Size => OptimizeFor::Size,
        }
    }
}

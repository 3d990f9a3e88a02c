//! The arguments of verbs about the business side.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::lang::Lang;

/// `tidemill market`, `finance`, `team`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill finance plan.toml
  tidemill market plan.toml --report market.html
  tidemill team plan.toml --json")]
pub(crate) struct PlanArgs {
    /// A plan (`.toml`); `tidemill plan --template saas -o plan.toml` writes one to begin with.
    pub plan: PathBuf,
    /// Write a page for people: one HTML file with charts.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub lang: Lang,
}

/// `tidemill plan`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill plan --template saas -o plan.toml     a plan to begin with
  tidemill plan plan.toml                        the market, the money, the team
  tidemill plan plan.toml --report plan.html     a page to send to an investor")]
pub(crate) struct WholePlan {
    /// A plan (`.toml`).
    #[arg(required_unless_present = "template", conflicts_with = "template")]
    pub plan: Option<PathBuf>,
    /// Write a plan to begin with instead.
    #[arg(long, value_enum)]
    pub template: Option<Template>,
    /// Where the template goes; standard output without it.
    #[arg(long, short, value_name = "FILE", requires = "template")]
    pub out: Option<PathBuf>,
    /// Write a page for people: one HTML file with charts.
    #[arg(long, value_name = "FILE", conflicts_with = "template")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub lang: Lang,
}

/// The plans to begin with.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Template {
    /// Software sold by subscription to firms of any size.
    Saas,
    /// A few large customers with yearly contracts and services.
    B2b,
    /// An application for many private customers.
    B2c,
}

impl Template {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Template::Saas => "saas",
            Template::B2b => "b2b",
            Template::B2c => "b2c",
        }
    }
}

/// `tidemill cost`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill cost model.tidemill --rows new.csv                      measure, with the sample prices
  tidemill cost model.tidemill --cpu-us 120 --prices prices.toml   with your own
  tidemill cost model.tidemill --store tidemill.db                 what was predicted, by version and API key
  tidemill cost --sample-prices > prices.toml                      prices to edit")]
pub(crate) struct Cost {
    /// A model file.
    #[arg(required_unless_present = "sample_prices")]
    pub model: Option<PathBuf>,
    /// What computing costs [default: a dated sample].
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// CPU time of a prediction in microseconds, as measured in service.
    #[arg(long, value_name = "N", conflicts_with = "rows")]
    pub cpu_us: Option<f64>,
    /// Measure the CPU time by answering these rows.
    #[arg(long, value_name = "DATA", required_unless_present_any = ["cpu_us", "store", "sample_prices"])]
    pub rows: Option<String>,
    /// What the predictions in this log cost, by version and API key: an SQLite file, or postgres://…. Without --rows and --cpu-us,
    /// a prediction takes as long as its request did.
    #[arg(long, value_name = "STORE", conflicts_with = "per_month")]
    pub store: Option<String>,
    /// How far back in the log, such as 730h; never before the model was first served.
    #[arg(long, value_name = "TIME", default_value = "730h", requires = "store")]
    pub since: String,
    /// What the model is called in the log [default: by its file].
    #[arg(long, requires = "store")]
    pub name: Option<String>,
    /// Predictions a month.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub per_month: u64,
    /// Memory held while serving, in megabytes [default: what this process holds with the model open].
    #[arg(long, value_name = "MB")]
    pub memory_mb: Option<u64>,
    /// How many copies of the server run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub copies: u64,
    /// Bytes sent for an answer.
    #[arg(long, value_name = "BYTES", default_value_t = 300)]
    pub answer_bytes: u64,
    /// CPU time of a training in seconds: adds what one training costs.
    #[arg(long, value_name = "S")]
    pub training_cpu_s: Option<f64>,
    /// Print the sample prices instead, to be edited.
    #[arg(long)]
    pub sample_prices: bool,
    #[command(flatten)]
    pub lang: Lang,
}

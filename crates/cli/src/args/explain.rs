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
  tidemill explain model.tidemill new.csv --rows 3 --method lime    a linear model near the row, and how faithful it is
  tidemill explain model.tidemill new.csv --method lime --judge    how well the values say which columns matter
  tidemill explain model.tidemill new.csv --rows 3 --method counterfactual    what would lead to another answer
  tidemill explain model.tidemill new.csv --method effects --report page.html   how the answer depends on each column
  tidemill explain model.tidemill train.csv --method coefficients    a linear model's coefficients and how sure they are
  tidemill explain model.tidemill new.csv --method rows --training train.csv    which training rows stand behind answers
  tidemill explain model.tidemill new.csv -o shap.parquet     every value, a row for each row")]
pub(crate) struct Explain {
    /// The model file.
    pub model: PathBuf,
    /// A table (CSV, TSV, Parquet, JSON lines, Arrow; gzip or zstd), a glob, or `-`.
    pub data: String,
    /// Rows to explain, such as `3,7-9`, counted from 1 [default: all].
    #[arg(long, value_name = "ROWS")]
    pub rows: Option<String>,
    /// Of a model of several targets, the one to explain.
    #[arg(long, value_name = "COL")]
    pub target: Option<String>,
    /// How [default: exact where the model allows it, else sampled].
    #[arg(long, value_enum, value_name = "METHOD", default_value_t = MethodArg::Auto)]
    pub method: MethodArg,
    /// Of lime, how far "near" reaches, in the local model's own units [default: 0.75 times the root of the number of columns].
    #[arg(long, value_name = "WIDTH")]
    pub kernel_width: Option<f64>,
    /// Of lime, made-up rows of each run [default: 5000].
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
    /// Of lime, runs that show how steady it is [default: 3].
    #[arg(long, value_name = "N")]
    pub repeats: Option<usize>,
    /// Of counterfactual, the answer that is wanted: a class, or of numbers '>= 5', '< 3' or '5..8' [default: any other class].
    #[arg(long, value_name = "ANSWER")]
    pub wanted: Option<String>,
    /// Of counterfactual, the columns that may change, such as `age=up,plan`; of effects, those to look at [default: those that the
    /// recipe marks `changeable`, else all].
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Judge the explanation: how the answer changes as columns are taken away and given in its order (deletion and insertion curves).
    #[arg(long)]
    pub judge: bool,
    /// Background rows: what the rows explained are compared with [default: the data themselves].
    #[arg(long, value_name = "FILE")]
    pub background: Option<String>,
    /// Of rows, the rows that the model was trained on.
    #[arg(long, value_name = "FILE")]
    pub training: Option<String>,
    /// Of rows, how many of the most alike training rows form an answer whose worth they share [default: 5].
    #[arg(long, value_name = "N")]
    pub neighbors: Option<usize>,
    /// Where the values of every row go: .csv, .tsv, .parquet, .jsonl or .arrow.
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<String>,
    /// Where a page with pictures goes, as one HTML file.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
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
    /// Exact for trees, compared with rows of a background (--background).
    #[value(alias = "interventional")]
    InterventionalTreeShap,
    /// Exact for linear functions.
    LinearShap,
    /// Sampled, for any model: orders of the columns.
    #[value(alias = "permutation")]
    PermutationShap,
    /// Sampled, for any model: coalitions of the columns.
    #[value(alias = "kernel")]
    KernelShap,
    /// For any model: columns that go together share what they add (Owen values).
    #[value(alias = "owen")]
    PartitionShap,
    /// Gradients along the way from a usual row, for nets.
    #[value(alias = "integrated_gradients")]
    Gradients,
    /// A linear model near each row, for any model, with how faithful and how steady it is.
    Lime,
    /// The nearest few changes to each row that lead to another answer, for any model.
    Counterfactual,
    /// The coefficients of a linear model on your own scale, with standard errors from rows whose answer is known.
    Coefficients,
    /// The training rows most like each row, and what each training row is worth; needs --training.
    Rows,
    /// A small tree that says nearly what the model says, with its fidelity; for any model.
    Surrogate,
    /// How the answer depends on each column: partial dependence, single rows, accumulated local effects; for any model.
    Effects,
}

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
  tidemill explain model.tidemill new.csv --interactions --report page.html    which columns of trees work together
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
    /// For a model of several targets: the one to explain.
    #[arg(long, value_name = "COL")]
    pub target: Option<String>,
    /// The method [default: exact SHAP values if the model supports them, else sampled ones].
    #[arg(long, value_enum, value_name = "METHOD", default_value_t = MethodArg::Auto)]
    pub method: MethodArg,
    /// For lime: the width of the neighbourhood, in the local model's own units [default: 0.75 times the root of the number of columns].
    #[arg(long, value_name = "WIDTH")]
    pub kernel_width: Option<f64>,
    /// For lime: the number of generated rows per run [default: 5000].
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
    /// For lime: the number of runs, which show how stable it is [default: 3].
    #[arg(long, value_name = "N")]
    pub repeats: Option<usize>,
    /// For counterfactual: the wanted prediction, a class or '>= 5', '< 3', '5..8' [default: any other class].
    #[arg(long, value_name = "ANSWER")]
    pub wanted: Option<String>,
    /// For counterfactual: the columns that may change, such as `age=up,plan`. For effects: the columns to show [default: those that the
    /// recipe marks `changeable`, else all].
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Evaluate the explanation: how the prediction changes as columns are removed and added in its order (deletion and insertion curves).
    #[arg(long)]
    pub judge: bool,
    /// For tree_shap: also the interaction values of each pair of columns.
    #[arg(long)]
    pub interactions: bool,
    /// Background rows, with which the explained rows are compared [default: the data].
    #[arg(long, value_name = "FILE")]
    pub background: Option<String>,
    /// For rows: the rows on which the model was trained.
    #[arg(long, value_name = "FILE")]
    pub training: Option<String>,
    /// For rows: the number of nearest training rows whose vote is divided among them [default: 5].
    #[arg(long, value_name = "N")]
    pub neighbors: Option<usize>,
    /// The file for the values of all rows: .csv, .tsv, .parquet, .jsonl or .arrow.
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<String>,
    /// The file for an HTML page with charts.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The number of threads [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum MethodArg {
    /// The best method that the model supports.
    Auto,
    /// Exact for trees.
    TreeShap,
    /// Exact for trees, compared with rows of a background (--background).
    #[value(alias = "interventional")]
    InterventionalTreeShap,
    /// Exact for linear functions.
    LinearShap,
    /// The same where columns are correlated: what is not known is what is usual in rows like it; up to 14 prepared columns.
    CorrelatedLinearShap,
    /// Exact for naive Bayes: of its log odds.
    AdditiveShap,
    /// Of the answer itself (the probability), compared with rows of a background: trees, linear functions, naive Bayes and blends.
    InterventionalShap,
    /// Sampled, for any model: orders of the columns.
    #[value(alias = "permutation")]
    PermutationShap,
    /// Sampled, for any model: coalitions of the columns.
    #[value(alias = "kernel")]
    KernelShap,
    /// For any model: columns that go together share what they add (Owen values).
    #[value(alias = "owen")]
    PartitionShap,
    /// Integrated gradients from a typical row, for nets.
    #[value(alias = "integrated_gradients")]
    Gradients,
    /// A linear model near each row, with its fidelity and stability; for any model.
    Lime,
    /// The smallest changes to each row that lead to another prediction, for any model.
    Counterfactual,
    /// The coefficients of a linear model on your own scale, with standard errors from rows with a known target.
    Coefficients,
    /// The training rows most similar to each row, and the value of each training row; needs --training.
    Rows,
    /// A small tree that approximates the model, with its fidelity; for any model.
    Surrogate,
    /// How the prediction depends on each column: partial dependence, individual curves, accumulated local effects; for any model.
    Effects,
}

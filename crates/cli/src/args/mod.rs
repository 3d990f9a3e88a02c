//! The arguments as written; each verb's own module turns them into work.

pub(crate) mod backup;
pub(crate) mod business;
pub(crate) mod compress;
pub(crate) mod data;
pub(crate) mod distill;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod lang;
pub(crate) mod language;
pub(crate) mod prepare;
pub(crate) mod service;
pub(crate) mod synthesize;
pub(crate) mod train;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tidemill_engine::core::recipe::Task;
use tidemill_engine::judge::PredictionColumns;

use self::lang::Lang;

/// Trains, evaluates, explains and serves machine-learning models, and improves them with feedback.
#[derive(Debug, Parser)]
#[command(name = "tidemill", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Print one JSON document on standard output instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but errors on standard error.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  tidemill check customers.csv --target churned       find problems of the table
  tidemill train customers.csv --target churned       train and evaluate a model
  tidemill predict churned-model/model.tidemill new.csv -o answers.csv
  tidemill evaluate answers.csv --truth churned --pred prediction
  tidemill compare old.tidemill new.tidemill labelled.csv
  tidemill init customers.csv --target churned        write a recipe to edit first
  tidemill serve churned-model/model.tidemill         predict over HTTP, and log every prediction
  tidemill improve churned-model/model.tidemill       retrain with feedback, promote if better
Exit codes: 0 success, 1 success but the answer is 'no', 2 failure.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Find problems of a table before training: each with its severity, rows and remedy.
    Check(Check),
    /// Train a model on a table, and evaluate it on held-out rows.
    Train(train::Train),
    /// Prepare rows without training (impute, encode, scale), and report what was changed.
    Prepare(prepare::Prepare),
    /// Generate synthetic rows with the distribution of a table, and report their fidelity, utility and privacy.
    Synthesize(synthesize::Synthesize),
    /// Store, compare and restore snapshots of tables.
    Data(data::Data),
    /// Evaluate a model on rows with known targets, or a column of predictions without a model.
    Evaluate(Evaluate),
    /// Test whether one of two models is better on rows with known targets by more than chance.
    Compare(Compare),
    /// Predict the rows of a file of any size.
    Predict(Predict),
    /// Explain predictions: SHAP values, counterfactuals, effects, coefficients and more.
    Explain(explain::Explain),
    /// Import a model of LightGBM, XGBoost or scikit-learn (trees in ONNX), to predict, explain and serve it.
    Import(import::Import),
    /// Train a lighter model on the predictions of a model, and report how much predictions change.
    Distill(distill::Distill),
    /// Prune and quantise a model, and report how much predictions change.
    Compress(compress::Compress),
    /// Show the contents of a model file.
    Inspect(Inspect),
    /// Write a recipe for a table, with everything that is inferred, to edit.
    Init(Init),
    /// Serve models over HTTP: predictions, feedback, metrics.
    Serve(service::Serve),
    /// Create, list and revoke API keys.
    Keys(service::Keys),
    /// Import feedback from a file.
    Feedback(service::FeedbackArgs),
    /// Delete everything that is stored about a key.
    Forget(service::Forget),
    /// Back up data, models and stores to a second place, and test that they can be restored.
    Backup(backup::Backup),
    /// Show the live scores of a model in service next to its test score, and ratings.
    Monitor(service::Monitor),
    /// Train a challenger with feedback, and promote it if it is better.
    Improve(service::Improve),
    /// Restore the previous version of a model.
    Rollback(service::Rollback),
    /// Replay a dated table through serving, feedback and improvement, as if its users were arriving.
    Replay(service::Replay),
    /// Generate text from a prompt or a chat with a large language model.
    Generate(language::Generate),
    /// Turn texts into vectors with a sentence encoder.
    Embed(language::Embed),
    /// Evaluate texts against references: overlap, perplexity, which of two answers wins, memorised training text.
    Judge(language::Judge),
    /// Write a checkpoint with its adapter merged in, as a folder that Hugging Face's libraries read.
    Merge(language::Merge),
    /// Search texts by meaning, or find duplicates.
    Search(language::Search),
    /// Tune an adapter of a large language model on pairs of prompt and response, or on preferences.
    Tune(language::Tune),
    /// Compute the market of a business plan: size, growth, customer value.
    Market(business::PlanArgs),
    /// Compute the finances of a business plan: profit and loss, cash flow, balance sheet, risk.
    Finance(business::PlanArgs),
    /// Find work in a business plan that nobody covers, and whom to hire.
    Team(business::PlanArgs),
    /// Compute a whole business plan, also as a page for investors; or write a template.
    Plan(business::WholePlan),
    /// Compute the cost of a model's predictions.
    Cost(business::Cost),
    /// Print the JSON Schema of the recipe.
    Schema,
    /// Print the completion script of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the generated reference pages into a folder.
    #[command(hide = true)]
    Docs {
        /// The folder.
        folder: PathBuf,
    },
}

/// What the command line declares about the data. It takes precedence over the recipe.
#[derive(Debug, Default, Args)]
pub(crate) struct DataArgs {
    /// The column to predict. Repeat it, or separate columns by commas, to predict several with one model.
    #[arg(long, short)]
    pub target: Vec<String>,
    /// The kind of prediction [default: inferred from the target].
    #[arg(long, value_enum)]
    pub task: Option<TaskArg>,
    /// The class that counts as positive in a binary task.
    #[arg(long, value_name = "CLASS")]
    pub positive: Option<String>,
    /// The column that identifies a row. It is never a feature.
    #[arg(long, value_name = "COL")]
    pub key: Option<String>,
    /// The column with the time of a row. The latest rows become the test part.
    #[arg(long, value_name = "COL")]
    pub time: Option<String>,
    /// Rows with the same value in this column are never split between parts.
    #[arg(long, value_name = "COL")]
    pub group: Option<String>,
    /// The column with the weight of a row.
    #[arg(long, value_name = "COL")]
    pub weight: Option<String>,
    /// A column to ignore. Can be repeated.
    #[arg(long, value_name = "COL")]
    pub ignore: Vec<String>,
    /// Drop columns that give the target away instead of warning about them.
    #[arg(long)]
    pub drop_leaks: bool,
}

/// The kinds of prediction.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TaskArg {
    /// A number.
    Regression,
    /// One of two classes.
    Binary,
    /// One of several classes.
    Multiclass,
    /// A class for each pixel: the target names masks.
    Masks,
}

impl From<TaskArg> for Task {
    fn from(task: TaskArg) -> Self {
        match task {
            TaskArg::Regression => Task::Regression,
            TaskArg::Binary => Task::Binary,
            TaskArg::Multiclass => Task::Multiclass,
            TaskArg::Masks => Task::Masks,
        }
    }
}

/// `tidemill check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill check customers.csv --target churned
  tidemill check customers.csv --target churned --strict    exit code 1 if a finding is severe
  tidemill check customers.csv --report audit.html          an HTML page
  tidemill check 'days/*.parquet' --json")]
pub(crate) struct Check {
    /// A table (CSV, TSV, Parquet, JSON lines, Arrow; gzip or zstd), a glob, `-`, or a recipe (`.toml`).
    pub data: String,
    /// What is known about the data.
    #[command(flatten)]
    pub about: DataArgs,
    /// List the rows whose label is probably wrong, with the probable label. Takes as long as a small training.
    #[arg(long)]
    pub labels: bool,
    /// Exit with code 1 if a finding is severe.
    #[arg(long)]
    pub strict: bool,
    /// Write a page for people: one HTML file with charts.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The number of threads. The result does not depend on it [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}

/// The columns of a table of predictions.
#[derive(Debug, Args)]
pub(crate) struct Answers {
    /// Without a model: the column with the true values.
    #[arg(long, value_name = "COL", requires = "pred")]
    pub truth: Option<String>,
    /// Without a model: the column with the weight of each row.
    #[arg(long, value_name = "COL", requires = "truth")]
    pub weight: Option<String>,
    /// Without a model: the kind of prediction [default: inferred from the true values].
    #[arg(long, value_enum, requires = "truth")]
    pub task: Option<TaskArg>,
    /// Without a model: the class that counts as positive.
    #[arg(long, value_name = "CLASS", requires = "truth")]
    pub positive: Option<String>,
}

impl Answers {
    /// The columns, with the predictions in `predicted`.
    pub(crate) fn labels(&self, truth: &str, predicted: &str) -> PredictionColumns {
        PredictionColumns {
            truth: truth.into(),
            predicted: predicted.into(),
            weight: self.weight.clone(),
            task: self.task.map(Into::into),
            positive: self.positive.clone(),
        }
    }
}

/// `tidemill evaluate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill evaluate model.tidemill new.csv
  tidemill evaluate model.tidemill new.csv --report evaluation.html
  tidemill evaluate answers.csv --truth churned --pred prediction")]
pub(crate) struct Evaluate {
    /// A model file, or the table itself with --truth and --pred.
    pub model: String,
    /// The table to evaluate on.
    pub data: Option<String>,
    /// Without a model: the column with the predictions (classes, numbers, or scores of the positive class).
    #[arg(long, value_name = "COL", requires = "truth")]
    pub pred: Option<String>,
    #[command(flatten)]
    pub answers: Answers,
    /// Write a page for people: one HTML file with charts.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}

/// `tidemill compare`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill compare old.tidemill new.tidemill labelled.csv
  tidemill compare old.tidemill new.tidemill labelled.csv --metric roc_auc
  tidemill compare a.csv b.csv labelled.csv --truth churned --pred prediction    what `predict` wrote, row for row
  tidemill compare both.csv both.csv --truth churned --pred ours --pred theirs   columns of one file
Exit codes: 0 the second is better, 1 it is not (with --not-worse: 0 unless it is worse), 2 failure.")]
pub(crate) struct Compare {
    /// A model file, or with --truth a table of predictions.
    pub first: String,
    /// The other one.
    pub second: String,
    /// The table with the true values [default with --truth: the files of the predictions].
    pub data: Option<String>,
    /// Without models: the column with the predictions (classes, numbers, or scores of the positive class). Give it twice if the
    /// names differ.
    #[arg(long, value_name = "COL", requires = "truth")]
    pub pred: Vec<String>,
    #[command(flatten)]
    pub answers: Answers,
    /// The metric to compare by [default: log_loss or rmse; accuracy for labels without probabilities].
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<String>,
    /// Test whether the second is no worse, instead of whether it is better.
    #[arg(long)]
    pub not_worse: bool,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}

/// `tidemill predict`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill predict model.tidemill new.csv                     to standard output, as CSV
  tidemill predict model.tidemill 'days/*.parquet' -o all.parquet")]
pub(crate) struct Predict {
    /// The model file.
    pub model: PathBuf,
    /// A table (CSV, TSV, Parquet, JSON lines, Arrow; gzip or zstd), a glob, or `-`.
    pub data: String,
    /// The file for the predictions: .csv, .tsv, .parquet, .jsonl, .arrow, or `-`.
    #[arg(long, short, default_value = "-", value_name = "FILE")]
    pub out: String,
    /// For a mask model: write each mask as a PNG into this folder, and its path to the predictions.
    #[arg(long, value_name = "FOLDER")]
    pub masks: Option<PathBuf>,
    /// The number of threads [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
}

/// `tidemill inspect`
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The model file; for a language model its checkpoint, an adapter, or its model file.
    pub model: PathBuf,
    /// Write its word vectors: word2vec's text, its binary format (NAME.bin), or GloVe's text ("glove" in the name).
    #[arg(long, value_name = "FILE")]
    pub vectors: Option<PathBuf>,
    /// The column whose vectors to write, if several have some.
    #[arg(long, value_name = "COL", requires = "vectors")]
    pub column: Option<String>,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}

/// `tidemill init`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tidemill init customers.csv --target churned && tidemill train tidemill.toml")]
pub(crate) struct Init {
    /// A table (CSV, TSV, Parquet, JSON lines, Arrow; gzip or zstd) or a glob.
    pub data: String,
    /// What is known about the data.
    #[command(flatten)]
    pub about: DataArgs,
    /// The recipe to write; an existing file is not overwritten.
    #[arg(long, short, default_value = "tidemill.toml", value_name = "FILE")]
    pub out: PathBuf,
}

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

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tidemill_engine::core::recipe::{OptimizeFor, Quality, Task};
use tidemill_engine::judge::PredictionColumns;

use self::lang::Lang;

/// From a table to a tested, packaged model, and round the loop again.
#[derive(Debug, Parser)]
#[command(name = "tidemill", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Print one JSON document on standard output instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing on standard error but errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  tidemill check customers.csv --target churned       what is wrong with the table, and what to do
  tidemill train customers.csv --target churned       learn, judge and package a model
  tidemill predict churned-model/model.tidemill new.csv -o answers.csv
  tidemill evaluate answers.csv --truth churned --pred prediction
  tidemill compare old.tidemill new.tidemill labelled.csv
  tidemill init customers.csv --target churned        write a recipe to edit first
  tidemill serve churned-model/model.tidemill         answer over HTTP, keep what was answered
  tidemill improve churned-model/model.tidemill       learn from feedback, promote if better
Exit codes: 0 done, 1 done but the answer is 'no', 2 could not do it.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Audit a table before learning from it: each fault with its severity, rows and remedy.
    Check(Check),
    /// Learn from a table: infer, split, prepare, compare, judge, package.
    Train(Train),
    /// Prepare rows without learning from them: fill, treat, encode, and say what was changed.
    Prepare(prepare::Prepare),
    /// Make rows that are distributed like those of a table, and say how like them they are and what they give away.
    Synthesize(synthesize::Synthesize),
    /// Snapshots of tables: keep rows, compare them, bring them back.
    Data(data::Data),
    /// Judge a model on rows with known answers, or a column of predictions without any model.
    Evaluate(Evaluate),
    /// Say which of two models is better on rows with known answers, and whether that is more than chance.
    Compare(Compare),
    /// Predict the rows of a file of any size.
    Predict(Predict),
    /// Say why: what each column adds to what a model says of rows.
    Explain(explain::Explain),
    /// Take over a model of LightGBM or XGBoost: it predicts, explains itself and is served as ours are.
    Import(import::Import),
    /// Train a lighter model on what a model says of rows, and show by how much its answers change.
    Distill(distill::Distill),
    /// Write a model to a smaller file, and show by how much its answers change.
    Compress(compress::Compress),
    /// Show what is in a model file.
    Inspect(Inspect),
    /// Write a commented recipe with what was inferred from a table.
    Init(Init),
    /// Serve models over HTTP: predictions, feedback, figures.
    Serve(service::Serve),
    /// Make, list and revoke API keys.
    Keys(service::Keys),
    /// Bring feedback in from a file.
    Feedback(service::FeedbackArgs),
    /// Delete everything known of a key.
    Forget(service::Forget),
    /// Keep copies of data, models and stores in a second place, and show that they can be restored.
    Backup(backup::Backup),
    /// Show how a model in service does: live scores against the test score, ratings.
    Monitor(service::Monitor),
    /// Train a challenger on feedback, and put it in place if it is better.
    Improve(service::Improve),
    /// Put the version a model was improved from back in its place.
    Rollback(service::Rollback),
    /// Play a dated table through the whole loop, as if its users were arriving.
    Replay(service::Replay),
    /// Answer a prompt or a chat with a large language model.
    Generate(language::Generate),
    /// Turn texts into vectors with a sentence encoder.
    Embed(language::Embed),
    /// Tune an adapter of a large language model on pairs of prompt and response, or on preferences.
    Tune(language::Tune),
    /// Size the market of a business plan: ranges, growth, the worth of customers.
    Market(business::PlanArgs),
    /// Play a business plan through: profit and loss, cash, balance, risk.
    Finance(business::PlanArgs),
    /// Say which work of a business plan nobody does, and whom to hire.
    Team(business::PlanArgs),
    /// The whole of a business plan, as a page to send to an investor; or a plan to begin with.
    Plan(business::WholePlan),
    /// Say what a model's predictions cost.
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

/// What can be said about the data on the command line; it goes before what the recipe says.
#[derive(Debug, Default, Args)]
pub(crate) struct DataArgs {
    /// The column to predict; for several, which one model then answers, repeated or with commas.
    #[arg(long, short)]
    pub target: Vec<String>,
    /// What kind of prediction; inferred from the target without it.
    #[arg(long, value_enum)]
    pub task: Option<TaskArg>,
    /// The class that counts as positive in a binary task.
    #[arg(long, value_name = "CLASS")]
    pub positive: Option<String>,
    /// The column that names the row; never a feature.
    #[arg(long, value_name = "COL")]
    pub key: Option<String>,
    /// The column that says when the row happened: the latest rows become the test part.
    #[arg(long, value_name = "COL")]
    pub time: Option<String>,
    /// Rows that share a value of this column are never split across parts.
    #[arg(long, value_name = "COL")]
    pub group: Option<String>,
    /// The column that says how much a row counts.
    #[arg(long, value_name = "COL")]
    pub weight: Option<String>,
    /// Columns not to use; may be repeated.
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
  tidemill check customers.csv --target churned --strict    exit code 1 when something is severe
  tidemill check customers.csv --report audit.html          a page for people
  tidemill check 'days/*.parquet' --json")]
pub(crate) struct Check {
    /// A table (CSV, TSV, Parquet, JSON lines, Arrow; gzip or zstd), a glob, `-`, or a recipe (`.toml`).
    pub data: String,
    /// What is known about the data.
    #[command(flatten)]
    pub about: DataArgs,
    /// List the rows whose label is probably wrong, with the label they probably should have; takes as long as a small training.
    #[arg(long)]
    pub labels: bool,
    /// Exit with code 1 when a finding is severe.
    #[arg(long)]
    pub strict: bool,
    /// Write a page for people: one HTML file with charts.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How many threads may work; the result does not depend on it [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// In which language.
    #[command(flatten)]
    pub lang: Lang,
}

/// `tidemill train`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill train penguins.csv --target species
  tidemill train 'logs/*.parquet' --target bikers --time hour --drop-leaks --out bikes
  tidemill train images/                           a folder of images for each class
  tidemill train payments.csv --target fraud --decide cost:fn=10
  tidemill train sales.csv --target sold --horizon 4w
  tidemill train patients.csv --target outcome --target days    a model for each, in one file
  tidemill train rows.csv --target y --quality best
  tidemill train tidemill.toml --trials 20 --time-limit 10m
  zcat rows.csv.gz | tidemill train - --target y")]
pub(crate) struct Train {
    /// A table (CSV, TSV, Parquet, JSON lines, Arrow; gzip or zstd), a glob, a folder of images, `-`, or a recipe (`.toml`).
    pub data: String,
    /// What is known about the data.
    #[command(flatten)]
    pub about: DataArgs,
    /// Forecast the target so far ahead, from its past: a number of steps, or a length of time such as 24h, 7d or 4w.
    #[arg(long, value_name = "STEPS|TIME")]
    pub horizon: Option<String>,
    /// The folder for the model, the resolved recipe, the metrics and the report [default: NAME-model].
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// A model to start from: boosted trees and ridge go on from what it says, where that helps held-out rows.
    #[arg(long, value_name = "MODEL")]
    pub start: Option<String>,
    /// The metric that chooses the best learner [default: log_loss or rmse].
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<String>,
    /// What the positive class is predicted by: a metric of labels such as f1, costs such as cost:fn=10, or a threshold.
    #[arg(long, value_name = "METRIC|cost:fn=N|P")]
    pub decide: Option<String>,
    /// From which every random choice is derived.
    #[arg(long)]
    pub seed: Option<u64>,
    /// How many threads may work; the result does not depend on it [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// How much work the search may do: default ends within about a minute for up to a million cells on two cores.
    #[arg(long, value_enum)]
    pub quality: Option<QualityArg>,
    /// How many settings of each learner are tried, whatever that costs.
    #[arg(long)]
    pub trials: Option<usize>,
    /// When all must have ended, such as 90s, 10m or 2h; the best so far is taken.
    #[arg(long, value_name = "TIME")]
    pub time_limit: Option<String>,
    /// What matters most in the model: of learners within one standard error of the best, the quickest or the smallest.
    #[arg(long, value_enum)]
    pub optimize_for: Option<OptimizeForArg>,
    /// How nets are trained.
    #[command(flatten)]
    pub nets: NetArgs,
    /// In which language.
    #[command(flatten)]
    pub lang: Lang,
}

/// What training a net does beside its result.
#[derive(Debug, Args)]
pub(crate) struct NetArgs {
    /// Where nets are trained: auto, cpu or cuda:0; auto is the first GPU for nets that gain by one [default: auto].
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// A folder where training leaves its state now and then, so that it can go on after a cut.
    #[arg(long, value_name = "DIR")]
    pub checkpoint: Option<PathBuf>,
    /// Go on from what is in the folder of checkpoints: the model is the same as without the cut.
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
    /// Its score.
    Quality,
    /// How little work the answer for a row is.
    Latency,
    /// How few bytes it has.
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

/// What is known of a table of predictions beside these.
#[derive(Debug, Args)]
pub(crate) struct Answers {
    /// Without a model: the column with the right answers.
    #[arg(long, value_name = "COL", requires = "pred")]
    pub truth: Option<String>,
    /// Without a model: the column with the weight of each row.
    #[arg(long, value_name = "COL", requires = "truth")]
    pub weight: Option<String>,
    /// Without a model: what kind of prediction; inferred from the truth without it.
    #[arg(long, value_enum, requires = "truth")]
    pub task: Option<TaskArg>,
    /// Without a model: the class that counts as positive.
    #[arg(long, value_name = "CLASS", requires = "truth")]
    pub positive: Option<String>,
}

impl Answers {
    /// Which columns hold what, the predictions in this one.
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
    /// The table to judge on.
    pub data: Option<String>,
    /// Without a model: the column with the predictions (classes, numbers, or scores of the positive class).
    #[arg(long, value_name = "COL", requires = "truth")]
    pub pred: Option<String>,
    #[command(flatten)]
    pub answers: Answers,
    /// Write a page for people: one HTML file with charts.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// In which language.
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
Exit codes: 0 the second is better, 1 it is not (with --not-worse: 0 unless it is worse), 2 could not say.")]
pub(crate) struct Compare {
    /// A model file, or with --truth a table of predictions.
    pub first: String,
    /// The other one.
    pub second: String,
    /// The table with the known answers; with --truth, those of the predictions' own files without it.
    pub data: Option<String>,
    /// Without models: the column with the predictions (classes, numbers, or scores of the positive class); twice where
    /// the second's has another name.
    #[arg(long, value_name = "COL", requires = "truth")]
    pub pred: Vec<String>,
    #[command(flatten)]
    pub answers: Answers,
    /// The metric to compare by [default: log_loss or rmse; accuracy for labels without probabilities].
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<String>,
    /// Ask whether the second is no worse instead of whether it is better.
    #[arg(long)]
    pub not_worse: bool,
    /// In which language.
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
    /// Where the answers go: .csv, .tsv, .parquet, .jsonl, .arrow, or `-`.
    #[arg(long, short, default_value = "-", value_name = "FILE")]
    pub out: String,
    /// Of a model of masks: write each as a PNG into this folder, and its path into the answers.
    #[arg(long, value_name = "FOLDER")]
    pub masks: Option<PathBuf>,
    /// How many threads may work [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
}

/// `tidemill inspect`
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The model file; of a language model its checkpoint, an adapter, or the model file beside it.
    pub model: PathBuf,
    /// Write the vectors of words in it: word2vec's text, its binary format (NAME.bin), or GloVe's text ("glove" in the name).
    #[arg(long, value_name = "FILE")]
    pub vectors: Option<PathBuf>,
    /// Of vectors of several columns, whose to write.
    #[arg(long, value_name = "COL", requires = "vectors")]
    pub column: Option<String>,
    /// In which language.
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

//! The arguments of the verbs that keep a model in service and make it better.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use tidemill_server::app::KV_CACHE;

use super::DataArgs;
use super::lang::Lang;
use super::language::Bits;

/// The database when nothing is said.
const STORE: &str = "tidemill.db";

/// `tidemill serve`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill serve churned-model/model.tidemill
  tidemill serve a.tidemill b.tidemill --listen 127.0.0.1:9000 --store postgres://me@localhost/loop
  curl localhost:8080/v1/models/churned/predict -d '{\"age\": 31, \"plan\": \"basic\"}'
  tidemill serve SmolLM2-135M-Instruct.gguf       a language model, with the API of OpenAI")]
pub(crate) struct Serve {
    /// The model files; of a folder, all that are in it or come into it later. Language models: a checkpoint's folder, a GGUF file, an
    /// adapter's folder.
    #[arg(required = true)]
    pub models: Vec<PathBuf>,
    /// Where to listen; beyond this machine only with API keys.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where predictions and feedback are kept: an SQLite file, or postgres://….
    #[arg(long, default_value = STORE, value_name = "STORE")]
    pub store: String,
    /// What to call the model, where there is one [default: by its file].
    #[arg(long)]
    pub name: Option<String>,
    /// When a prediction counts as kept.
    #[arg(long, value_enum, default_value_t = DurabilityArg::Durable)]
    pub durability: DurabilityArg,
    /// The most bytes of a request's body.
    #[arg(long, default_value_t = 16 << 20, value_name = "BYTES")]
    pub max_body: usize,
    /// The most rows of a request.
    #[arg(long, default_value_t = 50_000, value_name = "ROWS")]
    pub max_rows: usize,
    /// How long a request may take, such as 30s.
    #[arg(long, default_value = "30s", value_name = "TIME")]
    pub timeout: String,
    /// How long new requests are still answered once the server is told to end.
    #[arg(long, default_value = "1s", value_name = "TIME")]
    pub drain: String,
    /// How long predictions are kept, such as 2160h; they go at most a tenth of that later [default: for ever].
    #[arg(long, value_name = "TIME")]
    pub retention: Option<String>,
    /// A recipe with [backup]: every so often itself, its data, the models and the store are copied to a second place.
    #[arg(long, value_name = "RECIPE")]
    pub backup: Option<PathBuf>,
    /// A site whose pages may ask this server, such as https://app.example; may be repeated.
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,
    /// In how many bits the weights of language models are held: int8 takes a quarter of the memory, and answers a little
    /// otherwise.
    #[arg(long, value_enum, default_value = "float32")]
    pub precision: Bits,
    /// The most bytes of keys and values of a language model: of the answers that are generated together, and of prompts that are
    /// kept for later ones.
    #[arg(long, default_value_t = KV_CACHE, value_name = "BYTES")]
    pub kv_cache: usize,
    /// How many threads may work [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
}

/// When a prediction counts as kept.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DurabilityArg {
    /// Before the answer leaves, it is kept: safe against a killed process, the database's own included.
    Durable,
    /// Before the answer leaves, it is on disk: safe against a power cut.
    DurablePower,
    /// Soon after the answer left.
    Relaxed,
}

/// `tidemill keys`
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// What to do.
    #[command(subcommand)]
    pub act: KeysAct,
    /// Where keys are kept: an SQLite file, or postgres://….
    #[arg(long, global = true, default_value = STORE, value_name = "STORE")]
    pub store: String,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysAct {
    /// Make a key. Its token is shown once, and only its hash is kept.
    Create {
        /// What people call it.
        name: String,
        /// What it may do: predict, feedback, read, admin; may be repeated [default: predict and feedback].
        #[arg(long, value_name = "SCOPE")]
        scope: Vec<String>,
        /// When it ends, from now, such as 720h.
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// List all keys.
    List,
    /// Revoke a key. A running server knows within a second.
    Revoke {
        /// Its id, or its name where no other live key has it.
        key: String,
    },
}

/// `tidemill feedback`
#[derive(Debug, Args)]
pub(crate) struct FeedbackArgs {
    /// What to do.
    #[command(subcommand)]
    pub act: FeedbackAct,
}

/// What to do with feedback.
#[derive(Debug, Subcommand)]
pub(crate) enum FeedbackAct {
    /// Read feedback from a table with the columns prediction_id, kind, value, at, user, idempotency_key.
    Import {
        /// CSV, TSV, Parquet, JSON lines or Arrow.
        file: String,
        /// The kind of the rows that say none, such as label.
        #[arg(long)]
        kind: Option<String>,
        /// Where feedback is kept: an SQLite file, or postgres://….
        #[arg(long, default_value = STORE, value_name = "STORE")]
        store: String,
    },
}

/// `tidemill forget`
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 forgotten, 1 nothing was found or a copy could not be reached, 2 could not do it.")]
pub(crate) struct Forget {
    /// The value of the key column, or the user of feedback.
    pub key: String,
    /// Where predictions and feedback are kept: an SQLite file, or postgres://….
    #[arg(long, default_value = STORE, value_name = "STORE")]
    pub store: String,
    /// A model whose key column is private, where the store was made by an earlier version and does not know.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// What that model is called [default: by its file].
    #[arg(long)]
    pub name: Option<String>,
    /// The age identity file for sealed keys and sealed snapshots.
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// A folder of snapshots to forget the key in; may be repeated [default: tidemill-snapshots, where it is there].
    #[arg(long, value_name = "DIR")]
    pub snapshots: Vec<PathBuf>,
    /// The column that names rows, of snapshots that do not say it.
    #[arg(long, value_name = "COL")]
    pub column: Option<String>,
}

/// `tidemill monitor`
#[derive(Debug, Args)]
pub(crate) struct Monitor {
    /// The model file.
    pub model: PathBuf,
    /// Where predictions and feedback are kept: an SQLite file, or postgres://….
    #[arg(long, default_value = STORE, value_name = "STORE")]
    pub store: String,
    /// What the model is called [default: by its file].
    #[arg(long)]
    pub name: Option<String>,
    /// In which language.
    #[command(flatten)]
    pub lang: Lang,
}

/// `tidemill improve`
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 a better model is in place, 1 the old one stays, 2 could not do it.")]
pub(crate) struct Improve {
    /// The model file; a better one takes its place, the old one is kept in `versions` beside it. Of a language model, the checkpoint
    /// that is served; what it learns is put beside it.
    pub model: PathBuf,
    /// Where predictions and feedback are kept: an SQLite file, or postgres://….
    #[arg(long, default_value = STORE, value_name = "STORE")]
    pub store: String,
    /// What the model is called [default: by its file].
    #[arg(long)]
    pub name: Option<String>,
    /// The training rows [default: the source in the model's recipe].
    #[arg(long, value_name = "DATA")]
    pub source: Option<String>,
    /// Keep the learner and its parameters instead of comparing all again.
    #[arg(long)]
    pub quick: bool,
    /// The age identity file for sealed columns.
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// A user, or the id of an API key, whose labels may decide alone; may be repeated. The labels of every other user count for at most a
    /// third of all.
    #[arg(long, value_name = "USER")]
    pub trust: Vec<String>,
    /// Promote also what is far worse on the recipe's own test rows: the world has changed.
    #[arg(long)]
    pub despite_tests: bool,
    /// Of a language model: put its base into the model file, too, so that one file is all.
    #[arg(long)]
    pub with_base: bool,
    /// Let feedback count again that led to a version which was rolled back.
    #[arg(long)]
    pub again: bool,
    /// How many threads may work [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
}

/// `tidemill rollback`
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The model file, or the checkpoint of a language model.
    pub model: PathBuf,
}

/// `tidemill replay`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tidemill replay bikeshare.csv --time dteday --target cnt --ignore casual --ignore registered --improve-every 30d")]
pub(crate) struct Replay {
    /// A dated table.
    pub data: String,
    /// What is known about the data; --time and --target are needed.
    #[command(flatten)]
    pub about: DataArgs,
    /// How long after its row a right answer is known, such as 2d.
    #[arg(long, default_value = "2d", value_name = "TIME")]
    pub label_delay: String,
    /// How often the model may improve, such as 7d.
    #[arg(long, default_value = "7d", value_name = "TIME")]
    pub improve_every: String,
    /// The share of the rows, from the first, that the first model is trained on.
    #[arg(long, default_value_t = 0.2, value_name = "SHARE")]
    pub start: f64,
    /// Compare all learners again at every improvement, instead of keeping the first model's.
    #[arg(long)]
    pub search: bool,
    /// From which every random choice is derived.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// How many settings of each learner are tried.
    #[arg(long)]
    pub trials: Option<usize>,
    /// The metric that is watched [default: log_loss or rmse].
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<String>,
    /// How many threads may work [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// Where models, store, chart and figures go [default: NAME-replay].
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

//! The arguments of the verbs that keep a model in service and make it better.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use tidemill_server::app::KV_CACHE;

use super::DataArgs;
use super::lang::Lang;
use super::language::Bits;

/// The default database.
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
    /// Model files, or a folder of them, which is watched for new ones. Language models: the folder of a checkpoint, a GGUF file, or
    /// the folder of an adapter.
    #[arg(required = true)]
    pub models: Vec<PathBuf>,
    /// The address to listen on. Beyond this machine, API keys are required.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// The store of predictions and feedback: an SQLite file, or postgres://….
    #[arg(long, default_value = STORE, value_name = "STORE")]
    pub store: String,
    /// The name of the model, if there is only one [default: from its file].
    #[arg(long)]
    pub name: Option<String>,
    /// When a prediction counts as stored.
    #[arg(long, value_enum, default_value_t = DurabilityArg::Durable)]
    pub durability: DurabilityArg,
    /// The maximum size of a request body, in bytes.
    #[arg(long, default_value_t = 16 << 20, value_name = "BYTES")]
    pub max_body: usize,
    /// The maximum number of rows in a request.
    #[arg(long, default_value_t = 50_000, value_name = "ROWS")]
    pub max_rows: usize,
    /// The maximum time for a request, such as 30s.
    #[arg(long, default_value = "30s", value_name = "TIME")]
    pub timeout: String,
    /// How long an idle connection is kept open. It must be longer than a proxy in front keeps it.
    #[arg(long, default_value = "75s", value_name = "TIME")]
    pub keep_alive: String,
    /// How long new requests are still answered after the server is told to stop.
    #[arg(long, default_value = "1s", value_name = "TIME")]
    pub drain: String,
    /// How long predictions are kept, such as 2160h. They are deleted at most a tenth of that later [default: forever].
    #[arg(long, value_name = "TIME")]
    pub retention: Option<String>,
    /// A recipe with [backup]: the recipe, its data, the models and the store are regularly backed up to a second place.
    #[arg(long, value_name = "RECIPE")]
    pub backup: Option<PathBuf>,
    /// Prices of computing, to show the cost of predictions in /metrics and on the page. `tidemill cost --sample-prices` prints such a file.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// A website whose pages may call this server, such as https://app.example. Can be repeated.
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,
    /// The precision of the weights of language models. int8 takes a quarter of the memory, and gives slightly different
    /// answers.
    #[arg(long, value_enum, default_value = "float32")]
    pub precision: Bits,
    /// The maximum size in bytes of the key-value cache of a language model, for answers generated together and for prompts kept for
    /// later requests.
    #[arg(long, default_value_t = KV_CACHE, value_name = "BYTES")]
    pub kv_cache: usize,
    /// The number of threads [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
}

/// When a prediction counts as stored.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DurabilityArg {
    /// It is stored before the response is sent: survives a killed server or database process.
    Durable,
    /// It is on disk before the response is sent: survives a power cut.
    DurablePower,
    /// It is stored soon after the response is sent.
    Relaxed,
}

/// `tidemill keys`
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// The action.
    #[command(subcommand)]
    pub act: KeysAct,
    /// The store of keys: an SQLite file, or postgres://….
    #[arg(long, global = true, default_value = STORE, value_name = "STORE")]
    pub store: String,
}

/// Actions on keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysAct {
    /// Create a key. Its token is shown once, and only its hash is stored.
    Create {
        /// The name of the key.
        name: String,
        /// A scope: predict, feedback, read or admin. Can be repeated [default: predict and feedback].
        #[arg(long, value_name = "SCOPE")]
        scope: Vec<String>,
        /// The time until it expires, such as 720h.
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// List all keys.
    List,
    /// Revoke a key. A running server rejects it within a second.
    Revoke {
        /// Its id, or its name if no other valid key has it.
        key: String,
    },
}

/// `tidemill feedback`
#[derive(Debug, Args)]
pub(crate) struct FeedbackArgs {
    /// The action.
    #[command(subcommand)]
    pub act: FeedbackAct,
}

/// Actions on feedback.
#[derive(Debug, Subcommand)]
pub(crate) enum FeedbackAct {
    /// Read feedback from a table with the columns prediction_id, kind, value, at, user, idempotency_key.
    Import {
        /// CSV, TSV, Parquet, JSON lines or Arrow.
        file: String,
        /// The kind of rows without one, such as label.
        #[arg(long)]
        kind: Option<String>,
        /// The store of feedback: an SQLite file, or postgres://….
        #[arg(long, default_value = STORE, value_name = "STORE")]
        store: String,
    },
}

/// `tidemill forget`
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 forgotten, 1 nothing was found or a copy still holds it, 2 could not do it.")]
pub(crate) struct Forget {
    /// The value of the key column, or the user of feedback.
    pub key: String,
    /// The store of predictions and feedback: an SQLite file, or postgres://….
    #[arg(long, default_value = STORE, value_name = "STORE")]
    pub store: String,
    /// A model with a private key column, for stores of earlier versions that do not record that.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// The name of that model [default: from its file].
    #[arg(long)]
    pub name: Option<String>,
    /// The age identity file for encrypted keys and snapshots.
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// A folder of snapshots from which to delete the key. Can be repeated [default: tidemill-snapshots, if it exists].
    #[arg(long, value_name = "DIR")]
    pub snapshots: Vec<PathBuf>,
    /// The key column, for snapshots that do not record it.
    #[arg(long, value_name = "COL")]
    pub column: Option<String>,
    /// Delete the key from the copies that `tidemill backup STORE` made, too, if they can be opened.
    #[arg(long)]
    pub in_copies: bool,
    /// Exit with 0 even if backup sets, which expire, may still contain the key. They are named.
    #[arg(long)]
    pub despite_backups: bool,
}

/// `tidemill monitor`
#[derive(Debug, Args)]
pub(crate) struct Monitor {
    /// The model file.
    pub model: PathBuf,
    /// The store of predictions and feedback: an SQLite file, or postgres://….
    #[arg(long, default_value = STORE, value_name = "STORE")]
    pub store: String,
    /// The name of the model [default: from its file].
    #[arg(long)]
    pub name: Option<String>,
    /// The language.
    #[command(flatten)]
    pub lang: Lang,
}

/// `tidemill improve`
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 a better model is in place, 1 the old one stays, 2 could not do it.")]
pub(crate) struct Improve {
    /// The model file. A better model replaces it, and the old one is kept in `versions` next to it. For a language model, the
    /// checkpoint that is served; its adapter is written next to it.
    pub model: PathBuf,
    /// The store of predictions and feedback: an SQLite file, or postgres://….
    #[arg(long, default_value = STORE, value_name = "STORE")]
    pub store: String,
    /// The name of the model [default: from its file].
    #[arg(long)]
    pub name: Option<String>,
    /// The training rows [default: the source in the model's recipe].
    #[arg(long, value_name = "DATA")]
    pub source: Option<String>,
    /// Keep the learner and its parameters, instead of comparing all learners again.
    #[arg(long)]
    pub quick: bool,
    /// The age identity file for encrypted columns.
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// A user, or the id of an API key, whose labels may decide alone. Can be repeated. The labels of any other user count for at most
    /// a third of all.
    #[arg(long, value_name = "USER")]
    pub trust: Vec<String>,
    /// Promote the challenger even if it is far worse on the recipe's own test rows, because the world has changed.
    #[arg(long)]
    pub despite_tests: bool,
    /// For a language model: store its base in the model file, too, so that one file contains everything.
    #[arg(long)]
    pub with_base: bool,
    /// Use feedback again that led to a version that was rolled back.
    #[arg(long)]
    pub again: bool,
    /// The number of threads [default: all cores].
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
    /// What the command line declares about the data. --time and --target are required.
    #[command(flatten)]
    pub about: DataArgs,
    /// The delay after which the true value of a row is known, such as 2d.
    #[arg(long, default_value = "2d", value_name = "TIME")]
    pub label_delay: String,
    /// The interval between improvements, such as 7d.
    #[arg(long, default_value = "7d", value_name = "TIME")]
    pub improve_every: String,
    /// The share of the rows, from the first, on which the first model is trained.
    #[arg(long, default_value_t = 0.2, value_name = "SHARE")]
    pub start: f64,
    /// Compare all learners again at every improvement, instead of keeping that of the first model.
    #[arg(long)]
    pub search: bool,
    /// The seed of all random numbers.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The number of settings tried for each learner.
    #[arg(long)]
    pub trials: Option<usize>,
    /// The metric to report [default: log_loss or rmse].
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<String>,
    /// The number of threads [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
    /// The folder for models, store, chart and scores [default: NAME-replay].
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

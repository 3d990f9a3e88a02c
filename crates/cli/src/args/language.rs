//! The arguments of verbs that work with large language models.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `tidemill generate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill generate SmolLM2-135M-Instruct.gguf --prompt 'What is the capital of France?'
  tidemill generate checkpoint/ --chat messages.json --temperature 0.7 --seed 3
  tidemill generate checkpoint/ --prompt 'Hello' --adapter adapter/
  tidemill generate checkpoint/ --prompt 'A person, please.' --schema person.json
  tidemill generate checkpoint/ --prompt 'Yes or no?' --regex 'Yes|No' --precision int8")]
pub(crate) struct Generate {
    /// A checkpoint: a folder with config.json, tokenizer.json and safetensors, or a GGUF file.
    pub model: PathBuf,
    /// What to answer; the model's chat template is applied where it has one.
    #[arg(long, value_name = "TEXT", required_unless_present = "chat", conflicts_with = "chat")]
    pub prompt: Option<String>,
    /// A JSON file with a list of messages, each with role and content.
    #[arg(long, value_name = "FILE")]
    pub chat: Option<PathBuf>,
    /// Go on from the prompt as it stands, without the chat template.
    #[arg(long, conflicts_with = "chat")]
    pub raw: bool,
    /// An adapter that `tidemill tune` or peft wrote.
    #[arg(long, value_name = "DIR")]
    pub adapter: Option<PathBuf>,
    /// The most tokens to generate.
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub max_tokens: usize,
    /// 0 takes the likeliest token each time; higher is more varied.
    #[arg(long, default_value_t = 0.0)]
    pub temperature: f32,
    /// Draw from the so many likeliest tokens only; 0 for all.
    #[arg(long, default_value_t = 0)]
    pub top_k: usize,
    /// Draw from the likeliest tokens that together have this probability only.
    #[arg(long, default_value_t = 1.0)]
    pub top_p: f32,
    /// Draw from tokens with at least this share of the likeliest's probability only.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub min_p: f32,
    /// Divide the logits of tokens of prompt and answer by this; 1 changes nothing.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub repetition_penalty: f32,
    /// Take this from the logits of tokens that the answer holds already.
    #[arg(long, default_value_t = 0.0, value_name = "LOGIT", allow_negative_numbers = true)]
    pub presence_penalty: f32,
    /// The same, once for each time that they came.
    #[arg(long, default_value_t = 0.0, value_name = "LOGIT", allow_negative_numbers = true)]
    pub frequency_penalty: f32,
    /// From which the draws follow: the same seed gives the same text.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// A JSON Schema file: the answer is JSON that it allows, unless --max-tokens cuts it.
    #[arg(long, value_name = "FILE", conflicts_with = "regex")]
    pub schema: Option<PathBuf>,
    /// A regular expression that matches the whole answer, unless --max-tokens cuts it.
    #[arg(long, value_name = "PATTERN")]
    pub regex: Option<String>,
    /// In how many bits weights are held and multiplied: int8 takes a quarter of the memory, and answers a little otherwise.
    #[arg(long, value_enum, default_value = "float32")]
    pub precision: Bits,
    /// A text that ends the answer; may be repeated.
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
}

/// `tidemill embed`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill embed all-MiniLM-L6-v2/ reviews.csv --column review -o vectors.parquet
  tidemill embed all-MiniLM-L6-v2/ lines.txt
  tidemill embed roberta/ lines.txt --pooling cls --normalize true -o vectors.jsonl")]
pub(crate) struct Embed {
    /// A sentence encoder: a folder with config.json, tokenizer.json and safetensors.
    pub model: PathBuf,
    /// The texts: a column of a CSV file, a key of JSON lines, or the lines of any other file.
    pub texts: PathBuf,
    /// The column or key that holds the texts.
    #[arg(long, default_value = "text", value_name = "COL")]
    pub column: String,
    /// Where the vectors go: JSON lines with text and vector (`-` for standard output), or a table with a column for each number
    /// (.parquet, .csv, .tsv, .arrow).
    #[arg(long, short, default_value = "-", value_name = "FILE")]
    pub out: String,
    /// How the states of a text's tokens become its vector [default: as the folder says].
    #[arg(long, value_enum)]
    pub pooling: Option<PoolingArg>,
    /// Whether vectors are scaled to length 1 [default: as the folder says].
    #[arg(long, value_name = "BOOL")]
    pub normalize: Option<bool>,
}

/// How the states of a text's tokens become its vector.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PoolingArg {
    /// Their mean.
    Mean,
    /// That of the first.
    Cls,
    /// That of the last.
    Last,
}

impl From<PoolingArg> for tidemill_language::Pooling {
    fn from(pooling: PoolingArg) -> Self {
        match pooling {
            PoolingArg::Mean => Self::Mean,
            PoolingArg::Cls => Self::Cls,
            PoolingArg::Last => Self::Last,
        }
    }
}

/// `tidemill search`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill search reviews.csv --column review --model all-MiniLM-L6-v2/ --query 'arrived too late'
  tidemill search vectors.parquet --model all-MiniLM-L6-v2/ --query 'arrived too late' -k 3
  tidemill search vectors.parquet --queries other.parquet --approximate -o found.csv
  tidemill search vectors.parquet --duplicates 0.95 -o pairs.csv")]
pub(crate) struct Search {
    /// Where to search: what `tidemill embed` wrote, or with --model texts as for `embed`.
    pub texts: PathBuf,
    /// The texts to search for: as the first file, or with --model texts as for `embed`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["query", "duplicates"], required_unless_present_any = ["query", "duplicates"])]
    pub queries: Option<PathBuf>,
    /// A text to search for; may be repeated.
    #[arg(long, value_name = "TEXT", requires = "model", conflicts_with = "duplicates")]
    pub query: Vec<String>,
    /// Find pairs of texts that are at least this similar instead: 1 is the same meaning, 0 none in common.
    #[arg(long, value_name = "SIMILARITY")]
    pub duplicates: Option<f64>,
    /// The sentence encoder that makes vectors of texts: the same for both files.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// The column or key that holds the texts.
    #[arg(long, default_value = "text", value_name = "COL")]
    pub column: String,
    /// How many texts to find for each query.
    #[arg(short, default_value_t = 5, value_name = "N")]
    pub k: usize,
    /// Search through a graph of neighbours (HNSW): far quicker where both files are large, and misses some.
    #[arg(long, conflicts_with = "duplicates")]
    pub approximate: bool,
    /// Where the finds go, by the file's ending (.csv, .tsv, .jsonl, .parquet, .arrow); `-` for CSV on standard output.
    #[arg(long, short, default_value = "-", value_name = "FILE")]
    pub out: String,
}

/// `tidemill judge`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill judge answers.jsonl                                 each line with reference and answer
  tidemill judge questions.jsonl --model smollm2.gguf --adapter adapter/       each line with prompt and reference
  tidemill judge questions.jsonl --model smollm2.gguf --adapter a/ --other-adapter b/
  tidemill judge answers.jsonl --train pairs.jsonl             what of the answers was learned by heart
  tidemill judge two.jsonl --judge-url http://localhost:8080/v1 --judge-model qwen       each line with prompt, answer and other")]
pub(crate) struct Judge {
    /// The texts: JSON lines or CSV with reference, and where there are such prompt, answer, and other (a second answer).
    pub texts: PathBuf,
    /// A checkpoint that answers the prompts, and says how likely it holds the references (perplexity).
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// The adapter that answers with it.
    #[arg(long, value_name = "DIR", requires = "model")]
    pub adapter: Option<PathBuf>,
    /// A second adapter on the same checkpoint (`none` for the checkpoint alone), whose answers the first's are compared with.
    #[arg(long, value_name = "DIR", requires = "model")]
    pub other_adapter: Option<PathBuf>,
    /// The most tokens of an answer.
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub max_tokens: usize,
    /// By which measure an answer wins against the other.
    #[arg(long, value_enum, default_value = "token-f1")]
    pub by: Measure,
    /// Pairs that were tuned on: how much of the texts was in them.
    #[arg(long, value_name = "FILE")]
    pub train: Option<PathBuf>,
    /// Ask a model with the API of OpenAI at this address (http://…/v1) which of two answers is better. Prompts and answers are sent there.
    #[arg(long, value_name = "URL", requires = "judge_model")]
    pub judge_url: Option<String>,
    /// What the model is called there. Its key is read from TIDEMILL_JUDGE_KEY.
    #[arg(long, value_name = "NAME", requires = "judge_url")]
    pub judge_model: Option<String>,
}

/// By which measure an answer wins against another.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Measure {
    /// Words that answer and reference share.
    TokenF1,
    /// The longest sequence of words that both have.
    RougeL,
    /// Runs of up to six characters that both have.
    Chrf,
    /// Characters that were to be changed.
    EditDistance,
}

/// `tidemill merge`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill merge checkpoint/ --adapter adapter/ -o merged/
  tidemill merge smollm2.gguf -o folder/                       with the adapter that `improve` put in service, if there is one
  tidemill merge smollm2.gguf --dtype bfloat16 -o folder/")]
pub(crate) struct Merge {
    /// A checkpoint: a folder with config.json, tokenizer.json and safetensors, or a GGUF file.
    pub model: PathBuf,
    /// The adapter to merge in, as `tidemill tune` or peft wrote it [default: the one in service beside the checkpoint, if any].
    #[arg(long, value_name = "DIR")]
    pub adapter: Option<PathBuf>,
    /// In which numbers weights are written.
    #[arg(long, value_enum, default_value = "float32")]
    pub dtype: Dtype,
    /// The new folder.
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
}

/// In which numbers weights are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Dtype {
    /// 32-bit floats: nothing is lost.
    Float32,
    /// 16-bit floats with 8 bits of exponent.
    Bfloat16,
    /// 16-bit floats with 5 bits of exponent.
    Float16,
}

impl From<Dtype> for tidemill_language::Numbers {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Float32 => Self::Float32,
            Dtype::Bfloat16 => Self::Bf16,
            Dtype::Float16 => Self::F16,
        }
    }
}

/// `tidemill tune`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill tune checkpoint/ pairs.jsonl -o adapter/            each line with prompt and response
  tidemill tune SmolLM2-135M-Instruct.gguf pairs.csv -o adapter/ --epochs 5
  tidemill tune checkpoint/ pairs.jsonl --held-out newer.jsonl --progress tuning.part      stops early; goes on where it was
  tidemill tune checkpoint/ preferences.jsonl --method dpo     each line with prompt, chosen and rejected
  tidemill tune smollm2.gguf --method dpo --store tidemill.db  what users preferred")]
pub(crate) struct Tune {
    /// A checkpoint: a folder with config.json, tokenizer.json and safetensors, or a GGUF file.
    pub model: PathBuf,
    /// Pairs of prompt and response, or with dpo prompts with a chosen and a rejected answer: CSV with these columns, or JSON lines.
    #[arg(required_unless_present = "store")]
    pub pairs: Option<PathBuf>,
    /// How to learn from them.
    #[arg(long, value_enum, default_value = "sft")]
    pub method: Method,
    /// With dpo: learn from what users preferred, by this store of `serve` (an SQLite file, or postgres://…).
    #[arg(long, value_name = "STORE", conflicts_with = "pairs")]
    pub store: Option<String>,
    /// With --store: what the model is called [default: by its file].
    #[arg(long, requires = "store")]
    pub name: Option<String>,
    /// With --store: the age identity file for sealed columns.
    #[arg(long, value_name = "FILE", requires = "store")]
    pub identity: Option<PathBuf>,
    /// With dpo: how much a margin between two answers counts; smaller lets the model go further from what it was.
    #[arg(long, default_value_t = 0.1)]
    pub beta: f64,
    /// The folder for the adapter, in peft's layout.
    #[arg(long, short, value_name = "DIR", default_value = "adapter")]
    pub out: PathBuf,
    /// Go on from this adapter instead of a new one.
    #[arg(long, value_name = "DIR")]
    pub adapter: Option<PathBuf>,
    /// The width of the adapter's matrices.
    #[arg(long, default_value_t = 8)]
    pub rank: usize,
    /// The adapter's part is multiplied by alpha / rank.
    #[arg(long, default_value_t = 16.0)]
    pub alpha: f64,
    /// Passes over the pairs.
    #[arg(long, default_value_t = 3)]
    pub epochs: usize,
    /// Pairs of one step.
    #[arg(long, default_value_t = 8)]
    pub batch: usize,
    /// The first learning rate; it falls to 0 in a straight line [default: 2e-4, with dpo 5e-5].
    #[arg(long)]
    pub learning_rate: Option<f64>,
    /// With sft: pairs that are not learned from. After each epoch their loss is measured, and the adapter of the lowest is kept.
    #[arg(long, value_name = "FILE")]
    pub held_out: Option<PathBuf>,
    /// With --held-out: epochs without a lower loss after which no more are taken; 0 takes all.
    #[arg(long, default_value_t = 1, value_name = "EPOCHS", requires = "held_out")]
    pub patience: usize,
    /// With sft: a file that says after each epoch how far it came. Where it is there, tuning goes on from it, to the same adapter.
    #[arg(long, value_name = "FILE")]
    pub progress: Option<PathBuf>,
    /// Tokens of a pair beyond this many are left out.
    #[arg(long, default_value_t = 1024, value_name = "N")]
    pub max_length: usize,
    /// From which order and first weights follow.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// In how many bits weights are held and multiplied.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Bits {
    /// 32-bit floats.
    Float32,
    /// 8-bit integers, 32 of which share a scale.
    Int8,
}

impl From<Bits> for tidemill_language::Precision {
    fn from(bits: Bits) -> Self {
        match bits {
            Bits::Float32 => Self::Float32,
            Bits::Int8 => Self::Int8,
        }
    }
}

/// How an adapter learns.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Method {
    /// Supervised: the responses are learned, prompts are masked.
    Sft,
    /// Direct preference optimisation: the chosen answers become likelier than the rejected ones.
    Dpo,
}

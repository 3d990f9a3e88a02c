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
    /// The prompt; the model's chat template is applied if it has one.
    #[arg(long, value_name = "TEXT", required_unless_present = "chat", conflicts_with = "chat")]
    pub prompt: Option<String>,
    /// A JSON file with a list of messages, each with role and content.
    #[arg(long, value_name = "FILE")]
    pub chat: Option<PathBuf>,
    /// Continue the prompt as it is, without the chat template.
    #[arg(long, conflicts_with = "chat")]
    pub raw: bool,
    /// An adapter written by `tidemill tune` or peft.
    #[arg(long, value_name = "DIR")]
    pub adapter: Option<PathBuf>,
    /// The maximum number of tokens to generate.
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub max_tokens: usize,
    /// The sampling temperature: 0 always takes the most likely token; higher values vary more.
    #[arg(long, default_value_t = 0.0)]
    pub temperature: f32,
    /// Sample from this many of the most likely tokens; 0 for all.
    #[arg(long, default_value_t = 0)]
    pub top_k: usize,
    /// Sample from the most likely tokens whose probabilities add up to this.
    #[arg(long, default_value_t = 1.0)]
    pub top_p: f32,
    /// Sample from tokens with at least this share of the most likely token's probability.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub min_p: f32,
    /// Repetition penalty: logits of tokens in the prompt or the answer are divided by this; 1 has no effect.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub repetition_penalty: f32,
    /// Presence penalty: subtracted from the logits of tokens that are already in the answer.
    #[arg(long, default_value_t = 0.0, value_name = "LOGIT", allow_negative_numbers = true)]
    pub presence_penalty: f32,
    /// Frequency penalty: subtracted once for each time the token is in the answer.
    #[arg(long, default_value_t = 0.0, value_name = "LOGIT", allow_negative_numbers = true)]
    pub frequency_penalty: f32,
    /// The random seed: the same seed gives the same text.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// A JSON Schema file: the answer is valid JSON for it, unless --max-tokens cuts it off.
    #[arg(long, value_name = "FILE", conflicts_with = "regex")]
    pub schema: Option<PathBuf>,
    /// A regular expression that the whole answer matches, unless --max-tokens cuts it off.
    #[arg(long, value_name = "PATTERN")]
    pub regex: Option<String>,
    /// The precision of the weights: int8 needs a quarter of the memory, and its answers differ slightly.
    #[arg(long, value_enum, default_value = "float32")]
    pub precision: Bits,
    /// A text that stops generation; may be repeated.
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
    /// The output: JSON lines with text and vector (`-` for standard output), or a table with a column for each number
    /// (.parquet, .csv, .tsv, .arrow).
    #[arg(long, short, default_value = "-", value_name = "FILE")]
    pub out: String,
    /// How token states are pooled into a vector [default: as configured in the folder].
    #[arg(long, value_enum)]
    pub pooling: Option<PoolingArg>,
    /// Whether vectors are scaled to length 1 [default: as configured in the folder].
    #[arg(long, value_name = "BOOL")]
    pub normalize: Option<bool>,
}

/// How token states are pooled into a vector.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PoolingArg {
    /// The mean of all tokens.
    Mean,
    /// The first token.
    Cls,
    /// The last token.
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
    /// What to search: the output of `tidemill embed`, or with --model also texts as for `embed`.
    pub texts: PathBuf,
    /// The texts to search for: the output of `tidemill embed`, or with --model also texts as for `embed`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["query", "duplicates"], required_unless_present_any = ["query", "duplicates"])]
    pub queries: Option<PathBuf>,
    /// A text to search for; may be repeated.
    #[arg(long, value_name = "TEXT", requires = "model", conflicts_with = "duplicates")]
    pub query: Vec<String>,
    /// Find pairs of texts with at least this cosine similarity instead, up to 1.
    #[arg(long, value_name = "SIMILARITY")]
    pub duplicates: Option<f64>,
    /// The sentence encoder for texts; both files must use the same.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// The column or key that holds the texts.
    #[arg(long, default_value = "text", value_name = "COL")]
    pub column: String,
    /// How many texts to find for each query.
    #[arg(short, default_value_t = 5, value_name = "N")]
    pub k: usize,
    /// Search approximately with a graph of neighbours (HNSW): much faster for large files, but misses some matches.
    #[arg(long, conflicts_with = "duplicates")]
    pub approximate: bool,
    /// The output file, in the format of its extension (.csv, .tsv, .jsonl, .parquet, .arrow); `-` for CSV on standard output.
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
    /// The texts: JSON lines or CSV with the column reference, and optionally prompt, answer and other (a second answer).
    pub texts: PathBuf,
    /// A checkpoint that answers the prompts and computes the perplexity of the references.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// The adapter for its answers.
    #[arg(long, value_name = "DIR", requires = "model")]
    pub adapter: Option<PathBuf>,
    /// A second adapter of the same checkpoint (`none` for the checkpoint alone) to compare with.
    #[arg(long, value_name = "DIR", requires = "model")]
    pub other_adapter: Option<PathBuf>,
    /// The maximum number of tokens of an answer.
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub max_tokens: usize,
    /// The measure that decides which of two answers wins.
    #[arg(long, value_enum, default_value = "token-f1")]
    pub by: Measure,
    /// The pairs used for tuning, to report how much of the texts they contain.
    #[arg(long, value_name = "FILE")]
    pub train: Option<PathBuf>,
    /// Ask a model behind an OpenAI-compatible API at this address (http://…/v1) which of two answers is better. Prompts and answers are sent there.
    #[arg(long, value_name = "URL", requires = "judge_model")]
    pub judge_url: Option<String>,
    /// The name of that model. The API key is read from TIDEMILL_JUDGE_KEY.
    #[arg(long, value_name = "NAME", requires = "judge_url")]
    pub judge_model: Option<String>,
}

/// The measure that decides which of two answers wins.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Measure {
    /// F1 of the words that answer and reference share.
    TokenF1,
    /// F1 of their longest common subsequence of words.
    RougeL,
    /// F-score of their common character n-grams up to 6.
    Chrf,
    /// The number of characters to change.
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
    /// The number format of the written weights.
    #[arg(long, value_enum, default_value = "float32")]
    pub dtype: Dtype,
    /// The new folder.
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
}

/// The number format of the written weights.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Dtype {
    /// 32-bit floats, without loss.
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
    /// The tuning method.
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
    /// With dpo: the strength of the KL penalty; smaller values let the model move further from the original.
    #[arg(long, default_value_t = 0.1)]
    pub beta: f64,
    /// The folder for the adapter, in peft's layout.
    #[arg(long, short, value_name = "DIR", default_value = "adapter")]
    pub out: PathBuf,
    /// Continue from this adapter instead of a new one.
    #[arg(long, value_name = "DIR")]
    pub adapter: Option<PathBuf>,
    /// The rank of the adapter's matrices.
    #[arg(long, default_value_t = 8)]
    pub rank: usize,
    /// The adapter's output is scaled by alpha / rank.
    #[arg(long, default_value_t = 16.0)]
    pub alpha: f64,
    /// The number of passes over the pairs.
    #[arg(long, default_value_t = 3)]
    pub epochs: usize,
    /// The number of pairs per step.
    #[arg(long, default_value_t = 8)]
    pub batch: usize,
    /// The initial learning rate, which decays linearly to 0 [default: 2e-4, with dpo 5e-5].
    #[arg(long)]
    pub learning_rate: Option<f64>,
    /// With sft: held-out pairs. Their loss is measured after each epoch, and the adapter with the lowest loss is kept.
    #[arg(long, value_name = "FILE")]
    pub held_out: Option<PathBuf>,
    /// With --held-out: stop after this many epochs without a lower loss; 0 never stops early.
    #[arg(long, default_value_t = 1, value_name = "EPOCHS", requires = "held_out")]
    pub patience: usize,
    /// With sft: a checkpoint file, written after each epoch. If it exists, tuning resumes from it and gives the same adapter.
    #[arg(long, value_name = "FILE")]
    pub progress: Option<PathBuf>,
    /// The maximum number of tokens of a pair; longer pairs are truncated.
    #[arg(long, default_value_t = 1024, value_name = "N")]
    pub max_length: usize,
    /// The random seed, for the order of the pairs and the initial weights.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// The precision of the weights.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Bits {
    /// 32-bit floats.
    Float32,
    /// 8-bit integers in blocks of 32 with a common scale.
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

/// How an adapter is tuned.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Method {
    /// Supervised fine-tuning on the responses; prompts are masked.
    Sft,
    /// Direct preference optimisation: chosen answers become more likely than rejected ones.
    Dpo,
}

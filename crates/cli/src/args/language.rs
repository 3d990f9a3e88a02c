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
  tidemill embed all-MiniLM-L6-v2/ reviews.csv --column review -o vectors.jsonl
  tidemill embed all-MiniLM-L6-v2/ lines.txt")]
pub(crate) struct Embed {
    /// A sentence encoder: a folder with config.json, tokenizer.json and safetensors.
    pub model: PathBuf,
    /// The texts: a column of a CSV file, a key of JSON lines, or the lines of any other file.
    pub texts: PathBuf,
    /// The column or key that holds the texts.
    #[arg(long, default_value = "text", value_name = "COL")]
    pub column: String,
    /// Where the vectors go, as JSON lines with text and vector; `-` for standard output.
    #[arg(long, short, default_value = "-", value_name = "FILE")]
    pub out: String,
}

/// `tidemill tune`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill tune checkpoint/ pairs.jsonl -o adapter/            each line with prompt and response
  tidemill tune SmolLM2-135M-Instruct.gguf pairs.csv -o adapter/ --epochs 5
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

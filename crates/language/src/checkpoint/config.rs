//! The sizes of a decoder, from `config.json`.

use std::path::Path;

use serde_json::Value;
use tidemill_core::{Error, Result};

use super::gpt2_config;
use crate::error::LanguageError;

/// A family of decoders whose blocks are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Llama and SmolLM.
    Llama,
    /// Mistral.
    Mistral,
    /// Qwen 2 and 2.5.
    Qwen2,
    /// Qwen 3.
    Qwen3,
    /// GPT-2: learned positions, layer norms, no gates.
    Gpt2,
}

/// What the feed-forward part does with its inner numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `silu(gate) * up`.
    SwiGlu,
    /// The Gaussian error linear unit, exact.
    Gelu,
    /// The same by `tanh`.
    GeluTanh,
}

/// How rotary positions are stretched beyond the length that a model was first trained on.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// They are not.
    None,
    /// Each frequency is divided by this.
    Linear(f64),
    /// Llama 3: low frequencies are divided, high ones kept, those between blended.
    Llama3 {
        /// By how much low frequencies are divided.
        factor: f64,
        /// Below this many turns in the first length a frequency is low.
        low: f64,
        /// Above this many turns it is high.
        high: f64,
        /// The first length, in tokens.
        original: f64,
    },
    /// YaRN (Peng et al. 2023): low frequencies are divided, high ones kept, those between blended by their place, and what is turned
    /// is made larger.
    Yarn {
        /// By how much low frequencies are divided.
        factor: f64,
        /// Up to this place frequencies are kept.
        from: f64,
        /// From this place on they are divided.
        to: f64,
        /// By what queries and keys are multiplied.
        size: f64,
    },
    /// Each frequency is divided by its own factor (GGUF holds them as a tensor).
    Factors(Vec<f32>),
    /// LongRoPE (Ding et al. 2024): each frequency is divided by its own factor, of which a sequence beyond the first length has others, and
    /// what is turned is made larger.
    LongRope {
        /// The factors of sequences within the first length.
        short: Vec<f32>,
        /// Those of longer ones.
        long: Vec<f32>,
        /// The first length, in tokens.
        original: usize,
        /// By what queries and keys are multiplied.
        size: f64,
    },
}

/// The sizes of a decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which family.
    pub family: Family,
    /// Tokens of the vocabulary, as rows of the embedding.
    pub vocabulary: usize,
    /// Numbers of a token's state.
    pub hidden: usize,
    /// Numbers within the feed-forward part.
    pub inner: usize,
    /// Blocks.
    pub layers: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`.
    pub kv_heads: usize,
    /// Numbers of a head; even.
    pub head_size: usize,
    /// The most tokens the model can look at.
    pub context: usize,
    /// What the feed-forward part does with its inner numbers.
    pub activation: Activation,
    /// Added to the mean square (or the variance) before its root.
    pub norm_epsilon: f32,
    /// The base of rotary positions.
    pub rope_base: f64,
    /// How rotary positions are stretched.
    pub rope_scaling: RopeScaling,
    /// Whether the output uses the embedding.
    pub tied: bool,
    /// Whether queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// Whether attention's output has a bias.
    pub out_bias: bool,
    /// Whether the feed-forward part has biases.
    pub inner_bias: bool,
    /// Whether queries and keys are normalised by head.
    pub qk_norm: bool,
    /// How many tokens back attention looks, itself included; without, all.
    pub window: Option<usize>,
    /// Tokens that end an answer.
    pub eos: Vec<u32>,
}

impl Config {
    /// From the value of a `config.json`, as transformers 4 or 5 writes it.
    ///
    /// # Errors
    /// When the architecture, the activation or the rope type is unknown, code is asked for, or sizes are missing or
    /// disagree.
    pub(crate) fn of_json(raw: &Value, file: &Path) -> Result<Self> {
        let family = family(raw, file)?;
        let read = Fields { raw, file };
        if family == Family::Gpt2 {
            return gpt2_config::config(&read)?.checked(file);
        }
        let (hidden, heads) = (read.size("hidden_size")?, read.size("num_attention_heads")?);
        let bias = raw["attention_bias"].as_bool().unwrap_or(false);
        let mut config = Config {
            family,
            vocabulary: read.size("vocab_size")?,
            hidden,
            inner: read.size("intermediate_size")?,
            layers: read.size("num_hidden_layers")?,
            heads,
            kv_heads: read.size_or("num_key_value_heads", heads)?,
            head_size: read.size_or("head_dim", hidden / heads)?,
            context: read.size("max_position_embeddings")?,
            activation: Activation::SwiGlu,
            norm_epsilon: raw["rms_norm_eps"].as_f64().unwrap_or(1e-6) as f32,
            rope_base: 10_000.0,
            rope_scaling: RopeScaling::None,
            tied: raw["tie_word_embeddings"].as_bool().unwrap_or(false),
            qkv_bias: bias || family == Family::Qwen2,
            out_bias: bias && family != Family::Qwen2,
            inner_bias: raw["mlp_bias"].as_bool().unwrap_or(false),
            qk_norm: family == Family::Qwen3,
            window: None,
            eos: Vec::new(),
        };
        config.add_eos(&raw["eos_token_id"]);
        config.read_rope(&read)?;
        config.read_window(&read)?;
        let activation = raw["hidden_act"].as_str().unwrap_or("silu");
        if activation != "silu" {
            return Err(read.unsupported("activation", activation, "silu"));
        }
        config.checked(file)
    }

    /// Adds the token or tokens that end an answer.
    pub(crate) fn add_eos(&mut self, value: &Value) {
        let several = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for id in several.iter().filter_map(Value::as_u64).filter_map(|id| u32::try_from(id).ok()) {
            if !self.eos.contains(&id) {
                self.eos.push(id);
            }
        }
    }

    /// transformers 5 writes `rope_parameters`, 4 wrote `rope_theta` and `rope_scaling`.
    fn read_rope(&mut self, read: &Fields<'_>) -> Result<()> {
        let raw = read.raw;
        let rope =
            if raw["rope_parameters"].is_object() { &raw["rope_parameters"] } else { &raw["rope_scaling"] };
        let base = rope["rope_theta"].as_f64().or(raw["rope_theta"].as_f64());
        self.rope_base = base.unwrap_or(self.rope_base);
        for partial in [&raw["partial_rotary_factor"], &rope["partial_rotary_factor"]] {
            if partial.as_f64().is_some_and(|factor| factor != 1.0) {
                return Err(read.unsupported("partial_rotary_factor", &partial.to_string(), "1.0"));
            }
        }
        let number = |key: &str| {
            let missing = || LanguageError::checkpoint(read.file, format!("rope scaling lacks '{key}'"));
            rope[key].as_f64().filter(|x| x.is_finite() && *x > 0.0).ok_or_else(missing)
        };
        let kind = rope["rope_type"].as_str().or(rope["type"].as_str()).unwrap_or("default");
        self.rope_scaling = match kind {
            // Dynamic NTK: of a sequence of n tokens the base is `base * (factor * n / context - (factor - 1))^(d / (d - 2))`, where n is
            // at least the context. Within the context, beyond which nothing is read, that is the base itself.
            "default" => RopeScaling::None,
            "dynamic" => number("factor").map(|_| RopeScaling::None)?,
            "linear" => RopeScaling::Linear(number("factor")?),
            "llama3" => RopeScaling::Llama3 {
                factor: number("factor")?,
                low: number("low_freq_factor")?,
                high: number("high_freq_factor")?,
                original: number("original_max_position_embeddings")?,
            },
            "yarn" => self.yarn(rope, number("factor")?, number("original_max_position_embeddings")?),
            "longrope" => self.longrope(read, rope)?,
            other => return Err(read.unsupported("rope type", other, ROPES)),
        };
        Ok(())
    }

    /// By the defaults that transformers has.
    fn yarn(&self, rope: &Value, factor: f64, original: f64) -> RopeScaling {
        let given = |key: &str| rope[key].as_f64().filter(|x| x.is_finite() && *x > 0.0);
        let size = |scale: f64| if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 };
        let larger = match (given("attention_factor"), given("mscale"), given("mscale_all_dim")) {
            (Some(size), _, _) => size,
            (None, Some(own), Some(all)) => size(own) / size(all),
            _ => size(1.0),
        };
        // The place of the frequency that turns so many times within the first length.
        let width = self.head_size as f64;
        let place = |turns: f64| {
            width * (original / (turns * std::f64::consts::TAU)).ln() / (2.0 * self.rope_base.ln())
        };
        let (mut from, mut to) =
            (place(given("beta_fast").unwrap_or(32.0)), place(given("beta_slow").unwrap_or(1.0)));
        if rope["truncate"].as_bool() != Some(false) {
            (from, to) = (from.floor(), to.ceil());
        }
        RopeScaling::Yarn { factor, from: from.max(0.0), to: to.min(width - 1.0), size: larger }
    }

    /// By the definition of transformers: what is turned is made larger by `sqrt(1 + ln(factor) / ln(original))`, where the factor is how many
    /// times longer the context is than the first length.
    fn longrope(&self, read: &Fields<'_>, rope: &Value) -> Result<RopeScaling> {
        let wrong = |problem: String| Error::from(LanguageError::checkpoint(read.file, problem));
        let given = |key: &str| rope[key].as_f64().filter(|x| x.is_finite() && *x > 0.0);
        let factors = |key: &str| {
            let numbers = rope[key].as_array().into_iter().flatten();
            let numbers: Vec<f32> = numbers.filter_map(Value::as_f64).map(|x| x as f32).collect();
            let whole =
                numbers.len() == self.head_size / 2 && numbers.iter().all(|x| x.is_finite() && *x > 0.0);
            let problem = || format!("rope scaling needs {} numbers above 0 at '{key}'", self.head_size / 2);
            if whole { Ok(numbers) } else { Err(wrong(problem())) }
        };
        let key = "original_max_position_embeddings";
        let original = given(key).or_else(|| read.raw[key].as_f64()).unwrap_or(self.context as f64);
        if !(2.0..=LARGEST as f64).contains(&original) || original.fract() != 0.0 {
            return Err(wrong(format!("'{key}' is {original}; a whole number from 2 on was expected")));
        }
        let factor = given("factor").unwrap_or(self.context as f64 / original);
        let larger = if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / original.ln()).sqrt() };
        Ok(RopeScaling::LongRope {
            short: factors("short_factor")?,
            long: factors("long_factor")?,
            original: original as usize,
            size: given("attention_factor").unwrap_or(larger),
        })
    }

    /// Whether the rotary positions of a sequence of so many tokens are those of long ones.
    pub(crate) fn turned_long(&self, tokens: usize) -> bool {
        matches!(&self.rope_scaling, RopeScaling::LongRope { original, .. } if tokens > *original)
    }

    fn read_window(&mut self, read: &Fields<'_>) -> Result<()> {
        let window = read.raw["sliding_window"].as_u64().map(|w| w as usize).filter(|w| *w > 0);
        if self.family == Family::Mistral {
            self.window = window.filter(|w| *w < self.context);
        } else if read.raw["use_sliding_window"].as_bool() == Some(true) && window.is_some() {
            return Err(read.unsupported("use_sliding_window", "true", "false"));
        }
        Ok(())
    }

    /// The same, when its sizes agree with each other.
    pub(crate) fn checked(self, file: &Path) -> Result<Self> {
        let wrong = |problem: String| Err(LanguageError::checkpoint(file, problem).into());
        if !self.heads.is_multiple_of(self.kv_heads) {
            return wrong(format!("{} heads are no multiple of {} heads of keys", self.heads, self.kv_heads));
        }
        if self.family == Family::Gpt2 && self.heads * self.head_size != self.hidden {
            return wrong(format!(
                "{} numbers of a state are no multiple of {} heads",
                self.hidden, self.heads
            ));
        }
        if self.family != Family::Gpt2 && !self.head_size.is_multiple_of(2) {
            return wrong(format!(
                "a head has {} numbers; rotary positions need an even number",
                self.head_size
            ));
        }
        if !(self.rope_base.is_finite() && self.rope_base > 0.0) {
            return wrong(format!("the base of rotary positions is {}", self.rope_base));
        }
        if !(self.norm_epsilon.is_finite() && self.norm_epsilon >= 0.0) {
            return wrong(format!("the epsilon of norms is {}", self.norm_epsilon));
        }
        Ok(self)
    }

    /// The number of queries, keys and values of a token together.
    pub(crate) fn qkv(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_size
    }

    /// The numbers of all weights.
    pub fn n_parameters(&self) -> usize {
        let (d, q, kv) = (self.hidden, self.heads * self.head_size, self.kv_heads * self.head_size);
        if self.family == Family::Gpt2 {
            let block = 4 * d * d + 2 * d * self.inner + 9 * d + self.inner;
            let head = if self.tied { 0 } else { self.vocabulary * d };
            return self.layers * block + (self.vocabulary + self.context + 2) * d + head;
        }
        let block = d * (2 * q + 2 * kv) + 3 * d * self.inner + 2 * d;
        self.layers * block + self.vocabulary * d * if self.tied { 1 } else { 2 } + d
    }
}

const ROPES: &str = "default, linear, dynamic, llama3, yarn, longrope";

fn family(raw: &Value, file: &Path) -> Result<Family> {
    if !raw["auto_map"].is_null() {
        let problem = "asks for code of its own ('auto_map'), which is never run";
        return Err(LanguageError::checkpoint(file, problem).into());
    }
    if !raw["quantization_config"].is_null() {
        let method = raw["quantization_config"]["quant_method"].as_str().unwrap_or("unknown");
        let read = Fields { raw, file };
        return Err(read.unsupported("quantization_config", method, "f32, f16, bf16, or a GGUF file"));
    }
    let named = raw["architectures"][0].as_str().or(raw["model_type"].as_str()).unwrap_or("none");
    match named {
        "LlamaForCausalLM" | "LlamaModel" | "llama" => Ok(Family::Llama),
        "MistralForCausalLM" | "MistralModel" | "mistral" => Ok(Family::Mistral),
        "Qwen2ForCausalLM" | "Qwen2Model" | "qwen2" => Ok(Family::Qwen2),
        "Qwen3ForCausalLM" | "Qwen3Model" | "qwen3" => Ok(Family::Qwen3),
        "GPT2LMHeadModel" | "GPT2Model" | "gpt2" => Ok(Family::Gpt2),
        other => Err(Fields { raw, file }.unsupported("architecture", other, FAMILIES)),
    }
}

pub(crate) const FAMILIES: &str =
    "LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, GPT2LMHeadModel";

/// No size of a model is beyond this: products of two of them stay far from overflow.
pub(crate) const LARGEST: u64 = 1 << 24;

/// A config's values, with the file that holds them.
pub(super) struct Fields<'a> {
    pub(super) raw: &'a Value,
    pub(super) file: &'a Path,
}

impl Fields<'_> {
    /// A size that must be there.
    pub(super) fn size(&self, key: &str) -> Result<usize> {
        let found = &self.raw[key];
        match found.as_u64() {
            Some(n) if (1..=LARGEST).contains(&n) => Ok(n as usize),
            _ => {
                let problem = format!("'{key}' is {found}; a whole number from 1 to {LARGEST} was expected");
                Err(LanguageError::checkpoint(self.file, problem).into())
            }
        }
    }

    /// A size that may be missing or null.
    pub(super) fn size_or(&self, key: &str, default: usize) -> Result<usize> {
        if self.raw[key].is_null() { Ok(default) } else { self.size(key) }
    }

    /// Something that this build does not have.
    pub(super) fn unsupported(&self, what: &'static str, found: &str, known: &'static str) -> Error {
        LanguageError::Unsupported { file: self.file.into(), what, found: found.into(), known }.into()
    }
}

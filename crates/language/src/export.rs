//! A checkpoint with its adapter merged in, as a folder that Hugging Face's libraries read.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use half::{bf16, f16};
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use tidemill_core::{Error, Result};

use crate::checkpoint::{
    Activation, Checkpoint, Config, Family, RopeScaling, Tensors, read_bounded, read_json,
};
use crate::error::LanguageError;
use crate::tune::lora::{Adapter, Pair, Site};

/// Files beside the weights that are not copied are at least this long.
const LARGEST: u64 = 256 << 20;

/// In which numbers weights are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// 32-bit floats: nothing is lost.
    #[default]
    Float32,
    /// 16-bit floats with 8 bits of exponent.
    Bf16,
    /// 16-bit floats with 5 bits of exponent.
    F16,
}

impl Numbers {
    /// As safetensors names it, as `config.json` does, and its bytes.
    fn names(self) -> (&'static str, &'static str, usize) {
        match self {
            Numbers::Float32 => ("F32", "float32", 4),
            Numbers::Bf16 => ("BF16", "bfloat16", 2),
            Numbers::F16 => ("F16", "float16", 2),
        }
    }

    fn write(self, values: &[f32], to: &mut impl Write) -> std::io::Result<()> {
        match self {
            Numbers::Float32 => values.iter().try_for_each(|x| to.write_all(&x.to_le_bytes())),
            Numbers::Bf16 => values.iter().try_for_each(|x| to.write_all(&bf16::from_f32(*x).to_le_bytes())),
            Numbers::F16 => values.iter().try_for_each(|x| to.write_all(&f16::from_f32(*x).to_le_bytes())),
        }
    }
}

/// A tensor of a checkpoint, and the adapter's site whose part is added to it.
struct Part {
    name: String,
    shape: Vec<usize>,
    site: Option<(usize, Site)>,
}

/// Writes a checkpoint to a new folder, with `W + scale * B A` where the adapter has a part: `config.json`, `model.safetensors`, the
/// tokenizer and the chat template. A GGUF file becomes such a folder, too. Gives the number of tensors.
///
/// # Errors
/// When the checkpoint cannot be read, the folder holds a checkpoint already, or a weight does not fit the numbers.
pub fn export(checkpoint: &Path, adapter: Option<&Adapter>, numbers: Numbers, out: &Path) -> Result<usize> {
    let Checkpoint { config, tokenizer, template, bos, eos, mut tensors } = Checkpoint::open(checkpoint)?;
    if out.join("config.json").exists() {
        let problem = format!("{} holds a checkpoint already", out.display());
        return Err(Error::data(problem, "name a new folder"));
    }
    std::fs::create_dir_all(out).map_err(|e| Error::io(out, e))?;
    let parts = parts(&config);
    weights(&parts, tensors.as_mut(), adapter, numbers, &out.join("model.safetensors"))?;
    let (_, dtype, _) = numbers.names();
    if checkpoint.is_dir() {
        let mut raw = read_json(&checkpoint.join("config.json"))?;
        // transformers 5 writes `dtype`, 4 wrote `torch_dtype`.
        let key = if raw["torch_dtype"].is_null() { "dtype" } else { "torch_dtype" };
        raw[key] = dtype.into();
        write_json(&out.join("config.json"), &raw)?;
        copy_rest(checkpoint, out)?;
    } else {
        write_json(&out.join("config.json"), &config_of(&config, dtype)?)?;
        write_json(&out.join("generation_config.json"), &json!({ "eos_token_id": config.eos }))?;
        write(&out.join("tokenizer.json"), &tokenizer)?;
        let words = json!({ "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos, "eos_token": eos,
            "model_max_length": config.context });
        write_json(&out.join("tokenizer_config.json"), &words)?;
        if let Some(template) = template {
            write(&out.join("chat_template.jinja"), template.as_bytes())?;
        }
    }
    Ok(parts.len())
}

/// All tensors of a model, in the order in which they are written.
fn parts(config: &Config) -> Vec<Part> {
    let d = config.hidden;
    let plain = |name: String, shape: &[usize]| Part { name, shape: shape.to_vec(), site: None };
    let mut all = Vec::new();
    let gpt2 = config.family == Family::Gpt2;
    if gpt2 {
        all.push(plain("transformer.wte.weight".into(), &[config.vocabulary, d]));
        all.push(plain("transformer.wpe.weight".into(), &[config.context, d]));
    } else {
        all.push(plain("model.embed_tokens.weight".into(), &[config.vocabulary, d]));
    }
    for layer in 0..config.layers {
        let blocks = if gpt2 { "transformer.h" } else { "model.layers" };
        for site in Site::ALL {
            let Some((block, name)) = site.names(config.family) else { continue };
            let (inputs, outputs) = site.sizes(config);
            let name = format!("{blocks}.{layer}.{block}.{name}");
            let shape = if gpt2 { vec![inputs, outputs] } else { vec![outputs, inputs] };
            all.push(Part { name: format!("{name}.weight"), shape, site: Some((layer, site)) });
            let biased = match site {
                Site::Q | Site::K | Site::V | Site::Qkv => config.qkv_bias,
                Site::O => config.out_bias,
                Site::Gate | Site::Up | Site::Down => config.inner_bias,
            };
            // GPT-2 has all of them, whatever its file says of each.
            if biased || gpt2 {
                all.push(plain(format!("{name}.bias"), &[outputs]));
            }
        }
        let norms: &[&str] = match gpt2 {
            true => &["ln_1.weight", "ln_1.bias", "ln_2.weight", "ln_2.bias"],
            false => &["input_layernorm.weight", "post_attention_layernorm.weight"],
        };
        all.extend(norms.iter().map(|norm| plain(format!("{blocks}.{layer}.{norm}"), &[d])));
        if config.qk_norm {
            let by_head =
                ["q_norm", "k_norm"].map(|norm| format!("{blocks}.{layer}.self_attn.{norm}.weight"));
            all.extend(by_head.map(|name| plain(name, &[config.head_size])));
        }
    }
    let last: &[&str] =
        if gpt2 { &["transformer.ln_f.weight", "transformer.ln_f.bias"] } else { &["model.norm.weight"] };
    all.extend(last.iter().map(|name| plain(name.to_string(), &[d])));
    if !config.tied {
        all.push(plain("lm_head.weight".into(), &[config.vocabulary, d]));
    }
    all
}

/// Writes the weights one after the other; no two of them lie in memory at once.
fn weights(
    parts: &[Part],
    tensors: &mut dyn Tensors,
    adapter: Option<&Adapter>,
    numbers: Numbers,
    file: &Path,
) -> Result<()> {
    let (kind, _, bytes) = numbers.names();
    let (mut header, mut at) = (Map::new(), 0);
    header.insert("__metadata__".into(), json!({ "format": "pt" }));
    for part in parts {
        let to = at + bytes * part.shape.iter().product::<usize>();
        let entry = json!({ "dtype": kind, "shape": part.shape, "data_offsets": [at, to] });
        header.insert(part.name.clone(), entry);
        at = to;
    }
    let mut header = Value::Object(header).to_string();
    // Tensors begin at a multiple of eight bytes.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    let fault = |e| Error::io(file, e);
    let mut to = BufWriter::with_capacity(1 << 20, File::create(file).map_err(fault)?);
    to.write_all(&(header.len() as u64).to_le_bytes()).map_err(fault)?;
    to.write_all(header.as_bytes()).map_err(fault)?;
    // Some checkpoints were saved without the head, and so without its prefix.
    let bare = !tensors.left().iter().any(|name| name.starts_with("transformer."));
    for part in parts {
        let name = match part.name.strip_prefix("transformer.") {
            Some(name) if bare => name,
            _ => &part.name,
        };
        let mut values = tensors.take(name, &part.shape)?;
        if let (Some(adapter), Some((layer, site))) = (adapter, part.site)
            && let Some(pair) = &adapter.pairs[layer][site as usize]
        {
            add(pair, adapter, &mut values);
        }
        if numbers == Numbers::F16 && values.iter().any(|x| x.abs() > f16::MAX.to_f32()) {
            let problem = format!("tensor '{}' has numbers beyond those of 16-bit floats", part.name);
            return Err(LanguageError::checkpoint(file, problem).into());
        }
        numbers.write(&values, &mut to).map_err(fault)?;
    }
    to.flush().map_err(fault)
}

/// `W += scale * B A`, each sum in 64 bits.
fn add(pair: &Pair, adapter: &Adapter, weight: &mut [f32]) {
    let (rank, scale) = (adapter.rank, f64::from(adapter.scale()));
    let inputs = pair.a.len() / rank;
    let outputs = pair.b.len() / rank;
    let delta = |output: usize, input: usize| {
        let b = &pair.b[output * rank..(output + 1) * rank];
        let terms = b.iter().enumerate().map(|(r, b)| f64::from(*b) * f64::from(pair.a[r * inputs + input]));
        scale * terms.sum::<f64>()
    };
    let more = |to: &mut f32, by: f64| *to = (f64::from(*to) + by) as f32;
    // GPT-2 has its weights the other way round.
    if adapter.family == Family::Gpt2 {
        let rows = weight.par_chunks_mut(outputs).enumerate();
        rows.for_each(|(input, row)| {
            row.iter_mut().enumerate().for_each(|(o, to)| more(to, delta(o, input)))
        });
    } else {
        let rows = weight.par_chunks_mut(inputs).enumerate();
        rows.for_each(|(output, row)| {
            row.iter_mut().enumerate().for_each(|(i, to)| more(to, delta(output, i)))
        });
    }
}

/// The `config.json` of a model that was in a GGUF file.
fn config_of(config: &Config, dtype: &str) -> Result<Value> {
    if config.family == Family::Gpt2 {
        let activation = if config.activation == Activation::Gelu { "gelu" } else { "gelu_new" };
        return Ok(json!({
            "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": config.vocabulary,
            "n_embd": config.hidden, "n_inner": config.inner, "n_layer": config.layers, "n_head": config.heads,
            "n_positions": config.context, "activation_function": activation,
            "layer_norm_epsilon": config.norm_epsilon, "tie_word_embeddings": config.tied,
            "eos_token_id": config.eos.first(), "dtype": dtype,
        }));
    }
    let (architecture, kind) = match config.family {
        Family::Mistral => ("MistralForCausalLM", "mistral"),
        Family::Qwen2 => ("Qwen2ForCausalLM", "qwen2"),
        Family::Qwen3 => ("Qwen3ForCausalLM", "qwen3"),
        _ => ("LlamaForCausalLM", "llama"),
    };
    let mut rope = rope_of(&config.rope_scaling, config.context)?;
    rope["rope_theta"] = config.rope_base.into();
    Ok(json!({
        "architectures": [architecture], "model_type": kind, "vocab_size": config.vocabulary,
        "hidden_size": config.hidden, "intermediate_size": config.inner, "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads, "num_key_value_heads": config.kv_heads, "head_dim": config.head_size,
        "max_position_embeddings": config.context, "hidden_act": "silu", "rms_norm_eps": config.norm_epsilon,
        "rope_parameters": rope, "rope_theta": config.rope_base, "tie_word_embeddings": config.tied,
        "attention_bias": config.out_bias, "mlp_bias": config.inner_bias, "sliding_window": config.window,
        "eos_token_id": config.eos, "dtype": dtype,
    }))
}

fn rope_of(scaling: &RopeScaling, context: usize) -> Result<Value> {
    Ok(match scaling {
        RopeScaling::None => json!({ "rope_type": "default" }),
        RopeScaling::Linear(factor) => json!({ "rope_type": "linear", "factor": factor }),
        // The same for short and for long sequences.
        RopeScaling::Factors(factors) => json!({
            "rope_type": "longrope", "short_factor": factors, "long_factor": factors, "attention_factor": 1.0,
            "original_max_position_embeddings": context,
        }),
        other => return Err(Error::internal(format!("a GGUF file with {other:?}"))),
    })
}

/// Copies what lies beside the weights: tokenizer, template, settings, licence.
fn copy_rest(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from).map_err(|e| Error::io(from, e))? {
        let entry = entry.map_err(|e| Error::io(from, e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let weights =
            [".safetensors", ".index.json", ".bin", ".pt", ".pth", ".gguf", ".h5", ".onnx", ".tidemill"];
        let about = std::fs::metadata(entry.path()).map_err(|e| Error::io(entry.path(), e))?;
        let skipped = weights.iter().any(|ending| name.ends_with(ending))
            || name == "config.json"
            || name.starts_with('.');
        if skipped || !about.is_file() || about.len() >= LARGEST {
            continue;
        }
        write(&to.join(&name), &read_bounded(&entry.path(), LARGEST)?)?;
    }
    Ok(())
}

fn write_json(file: &Path, value: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::internal(format!("{e}")))?;
    write(file, (text + "\n").as_bytes())
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(file, bytes).map_err(|e| Error::io(file, e))
}

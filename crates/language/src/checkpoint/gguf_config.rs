//! The sizes of a decoder, from the metadata of a GGUF file.

use tidemill_core::{Error, Result};

use super::config::{Activation, Config, Family, LARGEST, RopeScaling};
use super::gguf::Gguf;
use crate::error::LanguageError;

/// The architectures whose blocks are known here.
const FAMILIES: &str = "llama, qwen2, qwen3, gpt2";

/// # Errors
/// When the architecture or the rope type is unknown, or sizes are missing or disagree.
pub(crate) fn config(gguf: &mut Gguf) -> Result<Config> {
    let path = gguf.path.clone();
    let name = gguf.text("general.architecture").unwrap_or("none").to_owned();
    let family = match name.as_str() {
        "llama" => Family::Llama,
        "qwen2" => Family::Qwen2,
        "qwen3" => Family::Qwen3,
        "gpt2" => Family::Gpt2,
        _ => return Err(unsupported(gguf, "architecture", &name, FAMILIES)),
    };
    let key = |rest: &str| format!("{name}.{rest}");
    let size = |rest: &str| size(gguf, &key(rest));
    let size_or = |rest: &str, default: usize| {
        if gguf.meta.contains_key(&key(rest)) { size(rest) } else { Ok(default) }
    };
    let (hidden, heads) = (size("embedding_length")?, size("attention.head_count")?);
    let head_size = size_or("attention.key_length", hidden / heads)?;
    if size_or("rope.dimension_count", head_size)? != head_size {
        return Err(unsupported(gguf, "rope.dimension_count", "part of a head", "all of a head"));
    }
    if gguf.whole(&key("expert_count")).unwrap_or(0) > 0 {
        return Err(unsupported(gguf, "architecture", "mixture of experts", FAMILIES));
    }
    let Some(embedding) = gguf.places.get("token_embd.weight") else {
        return Err(LanguageError::checkpoint(path, "lacks tensor 'token_embd.weight'").into());
    };
    let config = Config {
        family,
        vocabulary: embedding.shape.first().copied().unwrap_or(0),
        hidden,
        inner: size("feed_forward_length")?,
        layers: size("block_count")?,
        heads,
        kv_heads: size_or("attention.head_count_kv", heads)?,
        head_size,
        context: size("context_length")?,
        activation: if family == Family::Gpt2 { Activation::GeluTanh } else { Activation::SwiGlu },
        norm_epsilon: match family {
            Family::Gpt2 => gguf.number(&key("attention.layer_norm_epsilon")).unwrap_or(1e-5) as f32,
            _ => gguf.number(&key("attention.layer_norm_rms_epsilon")).unwrap_or(1e-6) as f32,
        },
        rope_base: gguf.number(&key("rope.freq_base")).unwrap_or(10_000.0),
        rope_scaling: scaling(gguf, &name)?,
        tied: !gguf.places.contains_key("output.weight"),
        qkv_bias: gguf.places.contains_key("blk.0.attn_q.bias"),
        out_bias: gguf.places.contains_key("blk.0.attn_output.bias"),
        inner_bias: gguf.places.contains_key("blk.0.ffn_gate.bias"),
        qk_norm: family == Family::Qwen3,
        window: None,
        eos: ends(gguf),
    };
    let mut config = config.checked(&path)?;
    if let Some(place) = gguf.places.get("rope_freqs.weight").cloned() {
        if place.shape != [config.head_size / 2] {
            return Err(
                LanguageError::checkpoint(path, "tensor 'rope_freqs.weight' has another shape").into()
            );
        }
        config.rope_scaling = RopeScaling::Factors(gguf.read(&place)?);
    }
    Ok(config)
}

fn scaling(gguf: &Gguf, name: &str) -> Result<RopeScaling> {
    let key = |rest: &str| format!("{name}.rope.{rest}");
    match gguf.text(&key("scaling.type")) {
        Some("linear") => {
            let factor = gguf.number(&key("scaling.factor")).unwrap_or(1.0);
            if factor.is_finite() && factor > 0.0 {
                return Ok(RopeScaling::Linear(factor));
            }
            Err(LanguageError::checkpoint(&gguf.path, format!("rope.scaling.factor is {factor}")).into())
        }
        None | Some("none" | "default") => Ok(RopeScaling::None),
        Some(other) => Err(unsupported(gguf, "rope type", other, "none, linear, and factors as a tensor")),
    }
}

/// The tokens that end a text, a turn or a message.
fn ends(gguf: &Gguf) -> Vec<u32> {
    let mut ends: Vec<u32> = ["eos_token_id", "eot_token_id", "eom_token_id"]
        .iter()
        .filter_map(|key| gguf.whole(&format!("tokenizer.ggml.{key}")))
        .filter_map(|id| u32::try_from(id).ok())
        .collect();
    ends.dedup();
    ends
}

fn size(gguf: &Gguf, key: &str) -> Result<usize> {
    match gguf.whole(key) {
        Some(n) if (1..=LARGEST).contains(&n) => Ok(n as usize),
        _ => {
            let found = gguf.meta.get(key).map_or("missing".into(), |found| format!("{found:?}"));
            let problem = format!("'{key}' is {found}; a whole number from 1 to {LARGEST} was expected");
            Err(LanguageError::checkpoint(&gguf.path, problem).into())
        }
    }
}

fn unsupported(gguf: &Gguf, what: &'static str, found: &str, known: &'static str) -> Error {
    LanguageError::Unsupported { file: gguf.path.clone(), what, found: found.into(), known }.into()
}

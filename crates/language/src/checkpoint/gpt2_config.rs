//! The sizes of a GPT-2, from `config.json`: it has names of its own for them.

use serde_json::json;
use tidemill_core::Result;

use super::config::{Activation, Config, Family, Fields, RopeScaling};

/// Switches that change what the blocks compute, with the only value that is known here.
const ONLY: [(&str, bool); 3] = [
    ("scale_attn_weights", true),
    ("scale_attn_by_inverse_layer_idx", false),
    ("add_cross_attention", false),
];

/// # Errors
/// When the activation or a switch of attention is unknown, or sizes are missing or disagree.
pub(super) fn config(read: &Fields<'_>) -> Result<Config> {
    let raw = read.raw;
    for (key, only) in ONLY {
        let found = raw[key].as_bool().unwrap_or(only);
        if found != only {
            return Err(read.unsupported(
                key,
                &json!(found).to_string(),
                if only { "true" } else { "false" },
            ));
        }
    }
    let activation = match raw["activation_function"].as_str().unwrap_or("gelu_new") {
        "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
        "gelu" => Activation::Gelu,
        other => return Err(read.unsupported("activation", other, "gelu_new, gelu_pytorch_tanh, gelu")),
    };
    let (hidden, heads) = (read.size("n_embd")?, read.size("n_head")?);
    let mut config = Config {
        family: Family::Gpt2,
        vocabulary: read.size("vocab_size")?,
        hidden,
        inner: read.size_or("n_inner", 4 * hidden)?,
        layers: read.size("n_layer")?,
        heads,
        kv_heads: heads,
        head_size: hidden / heads,
        context: read.size("n_positions")?,
        activation,
        norm_epsilon: raw["layer_norm_epsilon"].as_f64().unwrap_or(1e-5) as f32,
        rope_base: 10_000.0,
        rope_scaling: RopeScaling::None,
        tied: raw["tie_word_embeddings"].as_bool().unwrap_or(true),
        qkv_bias: true,
        out_bias: true,
        inner_bias: true,
        qk_norm: false,
        window: None,
        eos: Vec::new(),
    };
    config.add_eos(&raw["eos_token_id"]);
    Ok(config)
}

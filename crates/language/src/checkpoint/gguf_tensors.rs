//! The tensors of a GGUF file under the names, and in the order of rows, that Hugging Face gives them.

use std::collections::BTreeSet;

use tidemill_core::Result;

use super::config::{Config, Family};
use super::gguf::Gguf;
use super::{Tensors, transposed};
use crate::error::LanguageError;

/// The tensors of a file.
pub(crate) struct GgufTensors {
    gguf: Gguf,
    /// Of the Llama family alone, ggml interleaves the halves of each head of queries and keys.
    interleaved: bool,
    head_size: usize,
    left: BTreeSet<String>,
}

impl GgufTensors {
    pub(crate) fn new(gguf: Gguf, config: &Config) -> Self {
        let left = gguf.places.keys().filter(|name| *name != "rope_freqs.weight").cloned().collect();
        GgufTensors { gguf, interleaved: config.family == Family::Llama, head_size: config.head_size, left }
    }
}

impl Tensors for GgufTensors {
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let own = ggml_name(name);
        let Some(place) = self.gguf.places.get(&own).cloned() else {
            return Err(LanguageError::checkpoint(&self.gguf.path, format!("lacks tensor '{own}'")).into());
        };
        // What lies as `[inputs, outputs]` in the folder of a GPT-2 lies the other way round here.
        let turned = name.contains(".c_") && shape.len() == 2;
        let shape: Vec<usize> = if turned { shape.iter().rev().copied().collect() } else { shape.to_vec() };
        if place.shape != shape {
            let problem = format!("tensor '{own}' has shape {:?}; {shape:?} was expected", place.shape);
            return Err(LanguageError::checkpoint(&self.gguf.path, problem).into());
        }
        self.left.remove(&own);
        let values = self.gguf.read(&place)?;
        if turned {
            return Ok(transposed(&values, shape[1]));
        }
        let tangled = self.interleaved && (name.contains("q_proj") || name.contains("k_proj"));
        Ok(if tangled { untangle(&values, &shape, self.head_size) } else { values })
    }

    fn left(&self) -> Vec<String> {
        self.left.iter().cloned().collect()
    }
}

/// Rows `2 i + j` of each head become rows `j * half + i`.
fn untangle(values: &[f32], shape: &[usize], head_size: usize) -> Vec<f32> {
    let width = shape.get(1).copied().unwrap_or(1);
    let half = head_size / 2;
    let mut out = vec![0.0; values.len()];
    for (from, to) in values.chunks_exact(head_size * width).zip(out.chunks_exact_mut(head_size * width)) {
        for (row, values) in from.chunks_exact(width).enumerate() {
            let at = (row % 2) * half + row / 2;
            to[at * width..(at + 1) * width].copy_from_slice(values);
        }
    }
    out
}

/// `model.layers.3.self_attn.q_proj.weight` is `blk.3.attn_q.weight` there.
fn ggml_name(name: &str) -> String {
    let rest = match name {
        "model.embed_tokens.weight" | "wte.weight" => return "token_embd.weight".into(),
        "wpe.weight" => return "position_embd.weight".into(),
        "model.norm.weight" | "ln_f.weight" => return "output_norm.weight".into(),
        "ln_f.bias" => return "output_norm.bias".into(),
        "lm_head.weight" => return "output.weight".into(),
        _ => name.strip_prefix("model.layers.").or(name.strip_prefix("h.")).unwrap_or(name),
    };
    let Some((layer, part)) = rest.split_once('.') else { return name.into() };
    let part = part
        .replace("self_attn.q_proj", "attn_q")
        .replace("self_attn.k_proj", "attn_k")
        .replace("self_attn.v_proj", "attn_v")
        .replace("self_attn.o_proj", "attn_output")
        .replace("self_attn.q_norm", "attn_q_norm")
        .replace("self_attn.k_norm", "attn_k_norm")
        .replace("attn.c_attn", "attn_qkv")
        .replace("attn.c_proj", "attn_output")
        .replace("mlp.c_fc", "ffn_up")
        .replace("mlp.c_proj", "ffn_down")
        .replace("ln_1", "attn_norm")
        .replace("ln_2", "ffn_norm")
        .replace("mlp.gate_proj", "ffn_gate")
        .replace("mlp.up_proj", "ffn_up")
        .replace("mlp.down_proj", "ffn_down")
        .replace("input_layernorm", "attn_norm")
        .replace("post_attention_layernorm", "ffn_norm");
    format!("blk.{layer}.{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_ggml() {
        assert_eq!(ggml_name("model.layers.12.self_attn.o_proj.weight"), "blk.12.attn_output.weight");
        assert_eq!(ggml_name("model.layers.0.input_layernorm.weight"), "blk.0.attn_norm.weight");
        assert_eq!(ggml_name("model.layers.0.post_attention_layernorm.weight"), "blk.0.ffn_norm.weight");
        assert_eq!(ggml_name("lm_head.weight"), "output.weight");
        assert_eq!(ggml_name("h.11.attn.c_attn.bias"), "blk.11.attn_qkv.bias");
        assert_eq!(ggml_name("h.0.mlp.c_proj.weight"), "blk.0.ffn_down.weight");
    }

    #[test]
    fn heads_are_untangled() {
        let rows: Vec<f32> = (0..8).map(|i| i as f32).collect();
        assert_eq!(untangle(&rows, &[8, 1], 4), [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    }
}

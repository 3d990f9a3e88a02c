//! How a decoder is read from the tensors of GPT-2 (Radford et al. 2019): learned positions, layer norms, and weights that lie
//! the other way round, `[inputs, outputs]`.

use std::path::Path;

use tidemill_core::Result;

use super::decoder::{Block, Decoder, nothing_left};
use super::layer_norm::LayerNorm;
use super::linear::Linear;
use super::matrix::Matrix;
use super::norm::Norm;
use super::precision::Precision;
use super::rope::Rope;
use crate::checkpoint::{Config, Tensors, transposed};

struct Named<'a> {
    tensors: &'a mut dyn Tensors,
    /// `transformer.` where the checkpoint was saved with its head.
    prefix: &'static str,
    config: &'a Config,
    precision: Precision,
}

/// Takes the weights; every tensor must be there and none may be left over.
pub(super) fn load(
    config: &Config,
    tensors: &mut dyn Tensors,
    file: &Path,
    precision: Precision,
) -> Result<Decoder> {
    let inside = tensors.left().iter().any(|name| name.starts_with("transformer."));
    let prefix = if inside { "transformer." } else { "" };
    let mut from = Named { tensors, prefix, config, precision };
    let d = config.hidden;
    let words = from.take("wte.weight", &[config.vocabulary, d])?;
    let positions = from.take("wpe.weight", &[config.context, d])?;
    let blocks = (0..config.layers).map(|i| from.block(i)).collect::<Result<_>>()?;
    let norm = from.norm("ln_f")?;
    let head = match config.tied {
        true => None,
        false => Some(from.tensors.take("lm_head.weight", &[config.vocabulary, d])?),
    };
    // Old checkpoints hold the masks of attention, and tied ones may repeat the embedding as the head.
    let harmless = |name: &String| {
        (config.tied && name == "lm_head.weight")
            || name.ends_with(".attn.bias")
            || name.ends_with(".attn.masked_bias")
    };
    nothing_left(tensors, file, harmless)?;
    let rows = |values: Vec<f32>| Matrix::new(&values, d, precision);
    let (embedding, head) = (rows(words), head.map(rows));
    Ok(Decoder { embedding, positions, blocks, norm, head, rope: Rope::new(config) })
}

impl Named<'_> {
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.tensors.take(&format!("{}{name}", self.prefix), shape)
    }

    fn block(&mut self, i: usize) -> Result<Block> {
        let (d, inner) = (self.config.hidden, self.config.inner);
        let name = |part: &str| format!("h.{i}.{part}");
        Ok(Block {
            attention_norm: self.norm(&name("ln_1"))?,
            qkv: self.linear(&name("attn.c_attn"), d, 3 * d)?,
            q_norm: Vec::new(),
            k_norm: Vec::new(),
            out: self.linear(&name("attn.c_proj"), d, d)?,
            inner_norm: self.norm(&name("ln_2"))?,
            inner: self.linear(&name("mlp.c_fc"), d, inner)?,
            down: self.linear(&name("mlp.c_proj"), inner, d)?,
        })
    }

    fn norm(&mut self, name: &str) -> Result<Norm> {
        let size = [self.config.hidden];
        let weight = self.take(&format!("{name}.weight"), &size)?;
        let bias = self.take(&format!("{name}.bias"), &size)?;
        Ok(Norm::Layer(LayerNorm { weight, bias, epsilon: self.config.norm_epsilon }))
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<Linear> {
        let weight = self.take(&format!("{name}.weight"), &[inputs, outputs])?;
        let bias = self.take(&format!("{name}.bias"), &[outputs])?;
        Ok(Linear::new(&transposed(&weight, outputs), bias, inputs, self.precision))
    }
}

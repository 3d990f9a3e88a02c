//! The encoder of BERT (Devlin et al. 2019) and RoBERTa (Liu et al. 2019): its weights, and the way forwards over several texts at once.
//!
//! Texts lie one after the other in one matrix, without padding: a text has the same bits in any company.

use std::path::Path;

use rayon::prelude::*;
use tidemill_core::Result;

use super::attention::{Memory, attend_all};
use super::decoder::add;
use super::gelu::gelu;
use super::layer_norm::LayerNorm;
use super::linear::Linear;
use super::precision::Precision;
use crate::checkpoint::{EncoderConfig, Tensors};
use crate::error::LanguageError;

/// All weights.
pub(crate) struct Bert {
    /// Of tokens and of positions, row-major.
    words: Vec<f32>,
    positions: Vec<f32>,
    /// Of the first segment.
    segment: Vec<f32>,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

struct Layer {
    qkv: Linear,
    out: Linear,
    attention_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
}

struct Named<'a> {
    tensors: &'a mut dyn Tensors,
    /// `bert.` or `roberta.` where the encoder was saved within a larger model.
    prefix: &'static str,
    epsilon: f32,
}

impl Bert {
    /// Takes the weights; the pooler and heads of larger models are left alone.
    pub(crate) fn load(config: &EncoderConfig, tensors: &mut dyn Tensors, folder: &Path) -> Result<Self> {
        let names = tensors.left();
        let inside = |prefix: &&str| names.iter().any(|name| name.starts_with(prefix));
        let prefix = ["bert.", "roberta."].into_iter().find(inside).unwrap_or_default();
        let mut from = Named { tensors, prefix, epsilon: config.norm_epsilon };
        let d = config.hidden;
        let words = from.take("embeddings.word_embeddings.weight", &[config.vocabulary, d])?;
        let positions = from.take("embeddings.position_embeddings.weight", &[config.positions, d])?;
        let mut segment = from.take("embeddings.token_type_embeddings.weight", &[config.segments, d])?;
        segment.truncate(d);
        let norm = from.norm("embeddings.LayerNorm", d)?;
        let layers = (0..config.layers).map(|i| Layer::load(config, &mut from, i)).collect::<Result<_>>()?;
        let harmless = |name: &str| {
            ["pooler.", "cls.", "lm_head."].iter().any(|part| name.contains(part)) || name.ends_with("_ids")
        };
        if let Some(name) = tensors.left().into_iter().find(|name| !harmless(name)) {
            let problem = format!("holds tensor '{name}', which this architecture does not have");
            return Err(LanguageError::checkpoint(folder, problem).into());
        }
        Ok(Bert { words, positions, segment, norm, layers })
    }

    /// The states of the tokens of each text, one text after the other, `[tokens, hidden]`. Every token is below the
    /// vocabulary's size, and no text longer than there are positions.
    pub(crate) fn states(&self, config: &EncoderConfig, texts: &[Vec<u32>]) -> Vec<f32> {
        let d = config.hidden;
        let places = texts.iter().flat_map(|text| text.iter().enumerate());
        let mut state = vec![0.0; texts.iter().map(Vec::len).sum::<usize>() * d];
        for (row, (i, token)) in state.chunks_exact_mut(d).zip(places) {
            let (word, position) = (
                &self.words[*token as usize * d..][..d],
                &self.positions[(config.first_position + i) * d..][..d],
            );
            for j in 0..d {
                row[j] = word[j] + (self.segment[j] + position[j]);
            }
        }
        self.norm.apply(&mut state);
        for layer in &self.layers {
            layer.forward(config, texts, &mut state);
        }
        state
    }
}

impl Layer {
    fn load(config: &EncoderConfig, from: &mut Named<'_>, i: usize) -> Result<Self> {
        let name = |part: &str| format!("encoder.layer.{i}.{part}");
        let (d, inner) = (config.hidden, config.inner);
        let attention = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Ok(Layer {
            qkv: from.linear(&attention.each_ref().map(String::as_str), d, d)?,
            out: from.linear(&[&name("attention.output.dense")], d, d)?,
            attention_norm: from.norm(&name("attention.output.LayerNorm"), d)?,
            up: from.linear(&[&name("intermediate.dense")], d, inner)?,
            down: from.linear(&[&name("output.dense")], inner, d)?,
            norm: from.norm(&name("output.LayerNorm"), d)?,
        })
    }

    fn forward(&self, config: &EncoderConfig, texts: &[Vec<u32>], state: &mut [f32]) {
        let d = config.hidden;
        let qkv = self.qkv.apply(state);
        let mut rest = qkv.as_slice();
        let of_texts = texts.iter().map(|text| {
            let (own, others) = rest.split_at(text.len() * 3 * d);
            rest = others;
            own
        });
        let of_texts: Vec<&[f32]> = of_texts.collect();
        let attended: Vec<Vec<f32>> = of_texts.into_par_iter().map(|qkv| attended(config, qkv)).collect();
        let attended = attended.concat();
        add(state, &self.out.apply(&attended));
        self.attention_norm.apply(state);
        let mut hidden = self.up.apply(state);
        gelu(&mut hidden);
        add(state, &self.down.apply(&hidden));
        self.norm.apply(state);
    }
}

/// The answer of attention within one text, from its queries, keys and values side by side.
fn attended(config: &EncoderConfig, qkv: &[f32]) -> Vec<f32> {
    let d = config.hidden;
    let mut queries = Vec::with_capacity(qkv.len() / 3);
    let mut memory = Memory::default();
    for row in qkv.chunks_exact(3 * d) {
        queries.extend_from_slice(&row[..d]);
        memory.keys.extend_from_slice(&row[d..2 * d]);
        memory.values.extend_from_slice(&row[2 * d..]);
    }
    attend_all(d / config.heads, config.heads, &queries, &memory)
}

impl Named<'_> {
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.tensors.take(&format!("{}{name}", self.prefix), shape)
    }

    fn norm(&mut self, name: &str, size: usize) -> Result<LayerNorm> {
        let weight = self.take(&format!("{name}.weight"), &[size])?;
        let bias = self.take(&format!("{name}.bias"), &[size])?;
        Ok(LayerNorm { weight, bias, epsilon: self.epsilon })
    }

    /// Layers of equal sizes, one below the other.
    fn linear(&mut self, names: &[&str], inputs: usize, outputs: usize) -> Result<Linear> {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            weight.extend(self.take(&format!("{name}.weight"), &[outputs, inputs])?);
            bias.extend(self.take(&format!("{name}.bias"), &[outputs])?);
        }
        Ok(Linear::new(&weight, bias, inputs, Precision::Float32))
    }
}

//! A decoder: its weights, and the way forwards. How the Llama family's weights are read is here, those of GPT-2 in `gpt2`.
//!
//! The weights of queries, keys and values lie in one matrix, as do those of gates and ups: fewer and larger products. Tokens of
//! several sequences go through the blocks together, so that weights are read once for all of them; only attention tells
//! the sequences apart.

use std::path::Path;

use rayon::prelude::*;
use tidemill_core::Result;

use super::attention::{Memory, Place, attend};
use super::gpt2;
use super::linear::Linear;
use super::matrix::Matrix;
use super::norm::{Norm, rms_norm_in_place};
use super::precision::Precision;
use super::rope::{Rope, Turns};
use super::{gelu, swiglu};
use crate::checkpoint::{Activation, Config, Family, Tensors};
use crate::decode::cache::Cache;
use crate::error::LanguageError;
use crate::tune::lora::{Adapter, Site};

/// One block.
pub(crate) struct Block {
    pub(crate) attention_norm: Norm,
    pub(crate) qkv: Linear,
    /// Of queries and of keys, by head; empty where the family has none.
    pub(crate) q_norm: Vec<f32>,
    pub(crate) k_norm: Vec<f32>,
    pub(crate) out: Linear,
    pub(crate) inner_norm: Norm,
    /// Gates and ups, or without gates ups alone.
    pub(crate) inner: Linear,
    pub(crate) down: Linear,
}

/// All weights.
pub(crate) struct Decoder {
    pub(crate) embedding: Matrix,
    /// Of positions, row-major; empty where they are rotary.
    pub(super) positions: Vec<f32>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) norm: Norm,
    pub(super) head: Option<Matrix>,
    pub(crate) rope: Rope,
}

/// Tokens of a sequence that go on from what its cache holds.
pub(crate) struct Part<'a> {
    pub(crate) tokens: &'a [u32],
    pub(crate) cache: &'a mut Cache,
}

/// What the backward pass needs of one block, of `n` tokens.
#[derive(Default)]
pub(crate) struct Trace {
    /// The state that came in.
    pub(crate) before: Vec<f32>,
    /// Queries, keys and values before norms by head and rotation, where there are such norms.
    pub(crate) raw: Vec<f32>,
    /// Queries after rotation.
    pub(crate) queries: Vec<f32>,
    /// Keys after rotation, and values, of each sequence.
    pub(crate) memories: Vec<Memory>,
    /// The answer of attention.
    pub(crate) attended: Vec<f32>,
    /// The state between attention and the feed-forward part.
    pub(crate) between: Vec<f32>,
    /// Gates and ups.
    pub(crate) gate_up: Vec<f32>,
}

impl Trace {
    /// The bytes of the traces of all blocks, for `n` tokens.
    pub(crate) fn bytes(config: &Config, n: usize) -> usize {
        let raw = if config.qk_norm { config.qkv() } else { 0 };
        let heads = (config.heads + config.kv_heads) * config.head_size;
        size_of::<f32>() * config.layers * n * (2 * (config.hidden + config.inner + heads) + raw)
    }
}

impl Decoder {
    /// Takes the weights; every tensor must be there and none may be left over.
    pub(crate) fn load(
        config: &Config,
        from: &mut dyn Tensors,
        file: &Path,
        precision: Precision,
    ) -> Result<Self> {
        match config.family {
            Family::Gpt2 => gpt2::load(config, from, file, precision),
            _ => Self::load_llama(config, from, file, precision),
        }
    }

    fn load_llama(
        config: &Config,
        from: &mut dyn Tensors,
        file: &Path,
        precision: Precision,
    ) -> Result<Self> {
        let d = config.hidden;
        let rows = |values: &[f32]| Matrix::new(values, d, precision);
        let embedding = rows(&from.take("model.embed_tokens.weight", &[config.vocabulary, d])?);
        let blocks =
            (0..config.layers).map(|i| Block::load(config, from, i, precision)).collect::<Result<_>>()?;
        let norm = rms(config, from.take("model.norm.weight", &[d])?);
        let head = match config.tied {
            true => None,
            false => Some(rows(&from.take("lm_head.weight", &[config.vocabulary, d])?)),
        };
        // Tied checkpoints may repeat the embedding as the head, and old ones hold what rotary positions follow from.
        let harmless =
            |name: &String| (config.tied && name == "lm_head.weight") || name.ends_with("inv_freq");
        nothing_left(from, file, harmless)?;
        Ok(Decoder { embedding, positions: Vec::new(), blocks, norm, head, rope: Rope::new(config) })
    }

    /// The matrix from states to logits.
    pub(crate) fn head(&self) -> &Matrix {
        self.head.as_ref().unwrap_or(&self.embedding)
    }

    /// The bytes of all matrices in memory.
    pub(crate) fn bytes(&self) -> usize {
        let linear = |block: &Block| {
            [&block.qkv, &block.out, &block.inner, &block.down]
                .iter()
                .map(|l| l.weight.bytes())
                .sum::<usize>()
        };
        let blocks: usize = self.blocks.iter().map(linear).sum();
        blocks + self.embedding.bytes() + self.head.as_ref().map_or(0, Matrix::bytes)
    }

    /// The embeddings of tokens, each below the vocabulary's size, at their positions.
    pub(crate) fn embed(&self, tokens: &[u32], positions: impl Iterator<Item = usize>) -> Vec<f32> {
        let d = self.embedding.inputs();
        let mut state = vec![0.0; tokens.len() * d];
        for ((row, token), position) in state.chunks_exact_mut(d).zip(tokens).zip(positions) {
            self.embedding.row(*token as usize, row);
            if !self.positions.is_empty() {
                add(row, &self.positions[position * d..(position + 1) * d]);
            }
        }
        state
    }

    /// The states of the tokens of all parts, one part after the other, after the last block and its norm, `[tokens, hidden]`; the
    /// caches then hold them, too. A part has the same bits alone and among others.
    pub(crate) fn states(
        &self,
        config: &Config,
        parts: &mut [Part<'_>],
        adapter: Option<&Adapter>,
    ) -> Vec<f32> {
        let run =
            |(i, part): (usize, &Part<'_>)| Place::run(i, part.cache.n..part.cache.n + part.tokens.len());
        let places: Vec<Place> = parts.iter().enumerate().flat_map(run).collect();
        let turns =
            self.rope.turns(places.iter().map(|place| (place.position, parts[place.sequence].cache.long)));
        let tokens: Vec<u32> = parts.iter().flat_map(|part| part.tokens).copied().collect();
        let mut state = self.embed(&tokens, places.iter().map(|place| place.position));
        for (layer, block) in self.blocks.iter().enumerate() {
            let pass = Pass { config, block, layer, adapter, turns: &turns, places: &places };
            let mut memories: Vec<&mut Memory> =
                parts.iter_mut().map(|part| &mut part.cache.memories[layer]).collect();
            state = pass.forward(state, &mut memories, None);
        }
        for part in parts {
            part.cache.n += part.tokens.len();
        }
        self.norm.apply(&mut state);
        state
    }

    /// The logits of states, `[states, vocabulary]`.
    pub(crate) fn logits(&self, states: &[f32]) -> Vec<f32> {
        let head = self.head();
        let mut logits = vec![0.0; states.len() / head.inputs() * head.outputs()];
        head.times(states, &mut logits);
        logits
    }
}

impl Block {
    fn load(config: &Config, from: &mut dyn Tensors, layer: usize, precision: Precision) -> Result<Self> {
        let name = |part: &str| format!("model.layers.{layer}.{part}");
        let (d, inner, size) = (config.hidden, config.inner, config.head_size);
        let (q, kv) = (config.heads * size, config.kv_heads * size);
        let mut linear = |parts: &[(&str, usize)], inputs: usize, biased: bool| -> Result<Linear> {
            let (mut weight, mut bias) = (Vec::new(), Vec::new());
            for (part, outputs) in parts {
                weight.extend(from.take(&name(&format!("{part}.weight")), &[*outputs, inputs])?);
                if biased {
                    bias.extend(from.take(&name(&format!("{part}.bias")), &[*outputs])?);
                }
            }
            Ok(Linear::new(&weight, bias, inputs, precision))
        };
        let qkv = [("self_attn.q_proj", q), ("self_attn.k_proj", kv), ("self_attn.v_proj", kv)];
        let qkv = linear(&qkv, d, config.qkv_bias)?;
        let out = linear(&[("self_attn.o_proj", d)], q, config.out_bias)?;
        let gate_up = linear(&[("mlp.gate_proj", inner), ("mlp.up_proj", inner)], d, config.inner_bias)?;
        let down = linear(&[("mlp.down_proj", d)], inner, config.inner_bias)?;
        let mut norm = |part: &str, size: usize| from.take(&name(part), &[size]);
        let by_head = |norm: &mut dyn FnMut(&str, usize) -> Result<Vec<f32>>, part: &str| {
            if config.qk_norm { norm(part, size) } else { Ok(Vec::new()) }
        };
        let q_norm = by_head(&mut norm, "self_attn.q_norm.weight")?;
        let k_norm = by_head(&mut norm, "self_attn.k_norm.weight")?;
        let attention_norm = rms(config, norm("input_layernorm.weight", d)?);
        let inner_norm = rms(config, norm("post_attention_layernorm.weight", d)?);
        Ok(Block { attention_norm, qkv, q_norm, k_norm, out, inner_norm, inner: gate_up, down })
    }
}

fn rms(config: &Config, weight: Vec<f32>) -> Norm {
    Norm::Rms { weight, epsilon: config.norm_epsilon }
}

/// Refuses a checkpoint with tensors that nobody took, but for harmless ones.
pub(super) fn nothing_left(
    from: &dyn Tensors,
    file: &Path,
    harmless: impl Fn(&String) -> bool,
) -> Result<()> {
    match from.left().into_iter().find(|name| !harmless(name)) {
        Some(name) => {
            let problem = format!("holds tensor '{name}', which this architecture does not have");
            Err(LanguageError::checkpoint(file, problem).into())
        }
        None => Ok(()),
    }
}

/// One block with what surrounds it.
pub(crate) struct Pass<'a> {
    pub(crate) config: &'a Config,
    pub(crate) block: &'a Block,
    pub(crate) layer: usize,
    pub(crate) adapter: Option<&'a Adapter>,
    pub(crate) turns: &'a Turns,
    /// Where each token stands; those of a sequence lie side by side.
    pub(crate) places: &'a [Place],
}

impl Pass<'_> {
    /// The state of tokens after this block; keys and values are added to the memory of their sequence.
    pub(crate) fn forward(
        &self,
        mut state: Vec<f32>,
        memories: &mut [&mut Memory],
        mut trace: Option<&mut Trace>,
    ) -> Vec<f32> {
        let block = self.block;
        let normed = block.attention_norm.of(&state);
        let qkv = self.linear(&block.qkv, &normed, &Site::ATTENTION);
        let queries = self.remember(&qkv, memories);
        let attended = attend(self.config, &queries, self.places, memories);
        let added = self.linear(&block.out, &attended, &[Site::O]);
        if let Some(trace) = trace.as_deref_mut() {
            trace.before.clone_from(&state);
            trace.raw = if block.q_norm.is_empty() { Vec::new() } else { qkv };
            (trace.queries, trace.attended) = (queries, attended);
        }
        add(&mut state, &added);
        let normed = block.inner_norm.of(&state);
        let gate_up = self.linear(&block.inner, &normed, &Site::INNER);
        let hidden = activated(self.config, &gate_up);
        let added = self.linear(&block.down, &hidden, &[Site::Down]);
        if let Some(trace) = trace {
            trace.between.clone_from(&state);
            trace.gate_up = gate_up;
        }
        add(&mut state, &added);
        state
    }

    fn linear(&self, linear: &Linear, x: &[f32], sites: &[Site]) -> Vec<f32> {
        let mut out = linear.apply(x);
        if let Some(adapter) = self.adapter {
            adapter.add(self.layer, sites, x, linear.weight.outputs(), &mut out);
        }
        out
    }

    /// Normalises and turns queries and keys, keeps keys and values, gives queries.
    fn remember(&self, qkv: &[f32], memories: &mut [&mut Memory]) -> Vec<f32> {
        let config = self.config;
        let q = config.heads * config.head_size;
        let mut queries = vec![0.0; self.places.len() * q];
        let mut first = 0;
        for run in self.places.chunk_by(|a, b| a.sequence == b.sequence) {
            let rows = first..first + run.len();
            let (qkv, queries) = (
                &qkv[rows.start * config.qkv()..rows.end * config.qkv()],
                &mut queries[rows.start * q..rows.end * q],
            );
            self.remember_run(first, qkv, queries, memories[run[0].sequence]);
            first = rows.end;
        }
        queries
    }

    /// The same for tokens of one sequence, the first of which is row `first`.
    fn remember_run(&self, first: usize, qkv: &[f32], queries: &mut [f32], memory: &mut Memory) {
        let Pass { config, block, .. } = self;
        let (q, kv) = (config.heads * config.head_size, config.kv_heads * config.head_size);
        let from = memory.grow(qkv.len() / config.qkv(), kv);
        let kept = memory.keys[from..].par_chunks_mut(kv).zip(memory.values[from..].par_chunks_mut(kv));
        let rows = queries.par_chunks_mut(q).zip(kept).zip(qkv.par_chunks(config.qkv())).enumerate();
        rows.with_min_len(16).for_each(|(i, ((queries, (keys, values)), row))| {
            let keep = |to: &mut [f32], heads: &[f32], norm: &[f32]| {
                to.copy_from_slice(heads);
                if !norm.is_empty() {
                    rms_norm_in_place(to, norm, config.norm_epsilon);
                }
                self.turns.apply(first + i, to);
            };
            keep(queries, &row[..q], &block.q_norm);
            keep(keys, &row[q..q + kv], &block.k_norm);
            values.copy_from_slice(&row[q + kv..]);
        });
    }
}

/// What the feed-forward part makes of its inner numbers.
pub(crate) fn activated(config: &Config, x: &[f32]) -> Vec<f32> {
    let bent = |bend: fn(&mut [f32])| {
        let mut out = x.to_vec();
        bend(&mut out);
        out
    };
    match config.activation {
        Activation::SwiGlu => swiglu::swiglu(x, config.inner),
        Activation::Gelu => bent(gelu::gelu),
        Activation::GeluTanh => bent(gelu::gelu_tanh),
    }
}

/// The gradient at the inner numbers from that at what was made of them.
pub(crate) fn activated_backward(config: &Config, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let sloped = |slope: fn(&[f32], &mut [f32])| {
        let mut out = dy.to_vec();
        slope(x, &mut out);
        out
    };
    match config.activation {
        Activation::SwiGlu => swiglu::backward(x, config.inner, dy),
        Activation::Gelu => sloped(gelu::gelu_backward),
        Activation::GeluTanh => sloped(gelu::gelu_tanh_backward),
    }
}

/// `to += added`.
pub(crate) fn add(to: &mut [f32], added: &[f32]) {
    to.iter_mut().zip(added).for_each(|(to, added)| *to += added);
}

//! A transformer encoder (Vaswani et al. 2017) that normalises before each part (Xiong et al. 2020), with learned places.

use std::sync::Arc;

use burn::tensor::Tensor;
use tidemill_core::Result;

use crate::body::Activation;
use crate::graph::Pass;
use crate::ops::attention::{self, attention};
use crate::ops::embedding::embedding;
use crate::ops::layer_norm::{self, layer_norm};
use crate::ops::linear::{self, linear};
use crate::ops::segments::{Segments, means};
use crate::parameters::{Declared, Part, Start};

/// Its sizes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transformer {
    /// How many tokens there are, 0 (nothing) among them.
    pub(super) vocabulary: usize,
    /// Tokens of the longest text.
    pub(super) longest: usize,
    /// Numbers of a token's state.
    pub(super) width: usize,
    /// A divisor of the width.
    pub(super) heads: usize,
    /// Layers of attention and feed-forward.
    pub(super) layers: usize,
}

/// The feed-forward part is so many times as wide as a state.
const WIDER: usize = 4;
/// Arrays before the layers, and of each layer.
const TABLES: usize = 2;
const PER_LAYER: usize = 12;

impl Transformer {
    /// Parameters named as those of PyTorch's `TransformerEncoder`.
    pub(super) fn declare(&self, prefix: &str) -> Vec<Declared> {
        let Transformer { vocabulary, longest, width, layers, .. } = *self;
        let wide = WIDER * width;
        // Small beside the norm that comes first, as in GPT-2.
        let table = |name: &str, n| {
            Declared::new(format!("{prefix}.{name}.weight"), &[n, width], Start::Uniform(0.035))
        };
        let mut declared = vec![table("embedding", vocabulary), table("positions", longest)];
        let norm = |name: String| {
            let bias = Declared::new(format!("{name}.bias"), &[width], Start::Zeros);
            [Declared::new(format!("{name}.weight"), &[width], Start::Ones), bias]
        };
        let bias = |name: String, n: usize| Declared::new(name, &[n], Start::Zeros);
        for k in 0..layers {
            let name = |array: &str| format!("{prefix}.layers.{k}.{array}");
            declared.extend(norm(name("norm1")));
            declared.push(Declared::glorot(name("self_attn.in_proj_weight"), &[3 * width, width]));
            declared.push(bias(name("self_attn.in_proj_bias"), 3 * width));
            declared.push(Declared::glorot(name("self_attn.out_proj.weight"), &[width, width]));
            declared.push(bias(name("self_attn.out_proj.bias"), width));
            declared.extend(norm(name("norm2")));
            declared.push(Declared::he(name("linear1.weight"), &[wide, width]));
            declared.push(bias(name("linear1.bias"), wide));
            declared.push(Declared::glorot(name("linear2.weight"), &[width, wide]));
            declared.push(bias(name("linear2.bias"), width));
        }
        declared.extend(norm(format!("{prefix}.norm")));
        declared
    }

    /// Multiplications for the longest text.
    pub(super) fn operations(&self) -> usize {
        let Transformer { longest, width, layers, .. } = *self;
        // Of a token and layer: four maps of its state and two of the wider one; then each token with each other, twice.
        layers * longest * ((4 + 2 * WIDER) * width * width + 2 * longest * width)
    }

    /// The mean state of each text, `[texts, width]`, whose tokens `which` names in order, each with its place.
    pub(super) fn forward(
        &self,
        which: Arc<Vec<[u32; 2]>>,
        segments: &Segments,
        dropout: f32,
        pass: &Pass<'_>,
    ) -> Result<Tensor<2>> {
        let mut x = pass.dropout(embedding(pass.parameter(0)?, pass.parameter(1)?, which), dropout);
        for k in 0..self.layers {
            let at = TABLES + k * PER_LAYER;
            let plain = |x: Tensor<2>, i: usize| {
                Ok::<_, tidemill_core::Error>(linear(
                    x,
                    pass.parameter(at + i)?,
                    pass.parameter(at + i + 1)?,
                    None,
                ))
            };
            let normed = layer_norm(x.clone(), pass.parameter(at)?, pass.parameter(at + 1)?);
            let seen = attention(plain(normed, 2)?, segments, self.heads);
            x = x + pass.dropout(plain(seen, 4)?, dropout);
            let normed = layer_norm(x.clone(), pass.parameter(at + 6)?, pass.parameter(at + 7)?);
            let wide =
                linear(normed, pass.parameter(at + 8)?, pass.parameter(at + 9)?, Some(Activation::Gelu));
            x = x + pass.dropout(plain(wide, 10)?, dropout);
        }
        let at = TABLES + self.layers * PER_LAYER;
        Ok(means(layer_norm(x, pass.parameter(at)?, pass.parameter(at + 1)?), segments))
    }

    /// The same in plain Rust, with these parameters.
    pub(super) fn plain(&self, parameters: Part<'_>) -> PlainTransformer {
        let n = TABLES + self.layers * PER_LAYER + 2;
        PlainTransformer { sizes: *self, arrays: (0..n).map(|i| parameters.array(i).to_vec()).collect() }
    }
}

/// A transformer that has learned all it will.
pub(super) struct PlainTransformer {
    sizes: Transformer,
    arrays: Vec<Vec<f32>>,
}

impl PlainTransformer {
    /// The mean state of one text, into `out`.
    pub(super) fn row(&self, which: &[[u32; 2]], out: &mut [f32]) {
        let Transformer { width, .. } = self.sizes;
        out.fill(0.0);
        for row in self.states(which, |_| ()).chunks_exact(width) {
            out.iter_mut().zip(row).for_each(|(out, x)| *out += x / which.len() as f32);
        }
    }

    /// The share of each token in the mean state of one text, by attention rollout.
    pub(super) fn rollout(&self, which: &[[u32; 2]]) -> Vec<f32> {
        let mut layers = Vec::with_capacity(self.sizes.layers);
        self.states(which, |shares| layers.push(shares.to_vec()));
        rollout(&layers, which.len())
    }

    /// The state of each token of one text at the end; `seen` is shown the share of every token in every other, `[heads, n, n]`, layer by
    /// layer.
    fn states(&self, which: &[[u32; 2]], mut seen: impl FnMut(&[f32])) -> Vec<f32> {
        let Transformer { width, heads, layers, .. } = self.sizes;
        let n = which.len();
        if n == 0 {
            return Vec::new();
        }
        let mut x = Vec::with_capacity(n * width);
        for &[token, place] in which {
            let row = |table: usize, at: u32| &self.arrays[table][at as usize * width..][..width];
            x.extend(row(0, token).iter().zip(row(1, place)).map(|(a, b)| a + b));
        }
        let mut moments = vec![0.0; 2 * n];
        for k in 0..layers {
            let at = TABLES + k * PER_LAYER;
            let normed = self.norm(at, &x, &mut moments);
            let projected = self.linear(at + 2, &normed, None);
            let mut taken = vec![0.0; n * width];
            seen(&attention::forward(
                &attention::Item { n, width, heads, projected: &projected },
                &mut taken,
            ));
            add(&mut x, &self.linear(at + 4, &taken, None));
            let normed = self.norm(at + 6, &x, &mut moments);
            let wide = self.linear(at + 8, &normed, Some(Activation::Gelu));
            add(&mut x, &self.linear(at + 10, &wide, None));
        }
        self.norm(TABLES + layers * PER_LAYER, &x, &mut moments)
    }

    fn norm(&self, at: usize, x: &[f32], moments: &mut [f32]) -> Vec<f32> {
        layer_norm::rows(x, &self.arrays[at], &self.arrays[at + 1], moments)
    }

    fn linear(&self, at: usize, x: &[f32], activation: Option<Activation>) -> Vec<f32> {
        linear::rows(
            x,
            x.len() / (self.arrays[at].len() / self.arrays[at + 1].len()),
            &self.arrays[at],
            &self.arrays[at + 1],
            activation,
            None,
        )
    }
}

fn add(x: &mut [f32], other: &[f32]) {
    x.iter_mut().zip(other).for_each(|(x, other)| *x += other);
}

/// Attention rollout (Abnar and Zuidema 2020): the share of each of `n` tokens in the mean of what comes out. In each layer a token is half
/// itself, by the way around attention, and half what its heads take from all tokens, on average: `[heads, n, n]`, the first layer first.
fn rollout(layers: &[Vec<f32>], n: usize) -> Vec<f32> {
    // From the end: what of each token is in the mean.
    let mut shares = vec![1.0 / n as f32; n];
    for layer in layers.iter().rev() {
        let heads = (layer.len() / (n * n).max(1)).max(1) as f32;
        let mut before: Vec<f32> = shares.iter().map(|share| 0.5 * share).collect();
        for head in layer.chunks_exact((n * n).max(1)) {
            for (taken, share) in head.chunks_exact(n).zip(&shares) {
                before.iter_mut().zip(taken).for_each(|(to, x)| *to += 0.5 * share * x / heads);
            }
        }
        shares = before;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::rollout;

    fn near(found: &[f32], wanted: &[f32]) {
        assert_eq!(found.len(), wanted.len());
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}, not {wanted:?}");
    }

    /// By hand: with half of each token its own, the layers are [[0.9, 0.1], [0.2, 0.8]] and [[0.75, 0.25], [0, 1]]; the second times the first
    /// is [[0.725, 0.275], [0.2, 0.8]], and the mean of its lines [0.4625, 0.5375].
    #[test]
    fn rollout_is_the_product_of_the_layers() {
        let [first, second] = [vec![0.8, 0.2, 0.4, 0.6], vec![0.5, 0.5, 0.0, 1.0]];
        near(&rollout(&[first.clone(), second.clone()], 2), &[0.4625, 0.5375]);
        // Two heads whose mean is the first layer.
        let heads = vec![1.0, 0.0, 0.2, 0.8, 0.6, 0.4, 0.6, 0.4];
        near(&rollout(&[heads, second], 2), &[0.4625, 0.5375]);
        near(&rollout(&[], 4), &[0.25; 4]);
        assert!(rollout(&[Vec::new()], 0).is_empty());
    }
}

//! The layers of a U-Net: their parameters, the graph for training, and the same in plain Rust.

use burn::tensor::Tensor;
use tidemill_core::Result;

use crate::graph::Pass;
use crate::ops::convolution::{self, convolution};
use crate::ops::group_norm::{GroupNorm, group_norm};
use crate::ops::pool::{Windows, max_pool};
use crate::ops::rise::{Joined, rise};
use crate::parameters::{Declared, Parameters, Start};

/// Arrays of a convolution with its norm: weight and bias of either.
const PER_LAYER: usize = 4;
/// Convolutions of a block.
const PER_BLOCK: usize = 2;

/// What the layers of a U-Net follow from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layers {
    /// Numbers of a pixel of the picture.
    pub(super) planes: usize,
    /// Filters of each level, the finest first.
    pub(super) filters: Vec<usize>,
    /// How many classes.
    pub(super) classes: usize,
}

/// A convolution, by the channels that go in and out.
#[derive(Clone, Copy, Debug)]
struct Layer {
    channels: usize,
    filters: usize,
}

impl Layer {
    fn norm(self) -> GroupNorm {
        // At most 8 groups, as wide as each other: few numbers make no good mean.
        let groups = [8, 4, 2].into_iter().find(|g| self.filters.is_multiple_of(*g)).unwrap_or(1);
        GroupNorm { groups, relu: true }
    }

    fn sizes(self, [height, width]: [usize; 2], kernel: usize) -> convolution::Sizes {
        let Layer { channels, filters } = self;
        convolution::Sizes { height, width, channels, filters, kernel: [kernel, kernel] }
    }
}

impl Layers {
    /// So many times a picture is halved.
    pub(super) fn depth(&self) -> usize {
        self.filters.len().saturating_sub(1)
    }

    /// Sides are multiples of this.
    pub(super) fn step(&self) -> usize {
        1 << self.depth()
    }

    /// The blocks in the order of their parameters: down, the lowest, and up again; each with its level.
    fn blocks(&self) -> Vec<(String, usize, [Layer; PER_BLOCK])> {
        let of = |channels: usize, filters: usize| {
            [Layer { channels, filters }, Layer { channels: filters, filters }]
        };
        let before = |level: usize| if level == 0 { self.planes } else { self.filters[level - 1] };
        let down = (0..self.filters.len()).map(|l| (format!("down.{l}"), l, of(before(l), self.filters[l])));
        let joined = |l: usize| self.filters[l + 1] + self.filters[l];
        let up = (0..self.depth()).rev().map(|l| (format!("up.{l}"), l, of(joined(l), self.filters[l])));
        down.chain(up).collect()
    }

    fn head(&self) -> Layer {
        Layer { channels: self.filters.first().copied().unwrap_or(0), filters: self.classes }
    }

    /// Parameters named as a PyTorch user would: `down.0.conv1.weight` `[filters, channels, 3, 3]`, `down.0.norm1.weight` and so on;
    /// `head.weight` `[classes, channels, 1, 1]`.
    pub(super) fn declare(&self) -> Vec<Declared> {
        let of_block = |(name, _, layers): (String, usize, [Layer; PER_BLOCK])| {
            let of_layer = move |(k, layer): (usize, Layer)| {
                let name = |array: &str| format!("{name}.{}", array.replace('#', &(k + 1).to_string()));
                [
                    Declared::he(name("conv#.weight"), &[layer.filters, layer.channels, 3, 3]),
                    Declared::new(name("conv#.bias"), &[layer.filters], Start::Zeros),
                    Declared::new(name("norm#.weight"), &[layer.filters], Start::Ones),
                    Declared::new(name("norm#.bias"), &[layer.filters], Start::Zeros),
                ]
            };
            layers.into_iter().enumerate().flat_map(of_layer).collect::<Vec<_>>()
        };
        let Layer { channels, filters } = self.head();
        let head = [
            Declared::glorot("head.weight", &[filters, channels, 1, 1]),
            Declared::new("head.bias", &[filters], Start::Zeros),
        ];
        self.blocks().into_iter().flat_map(of_block).chain(head).collect()
    }

    /// Multiplications for a picture of `[height, width]`.
    pub(super) fn operations(&self, [height, width]: [usize; 2]) -> usize {
        let at = |level: usize| [height >> level, width >> level];
        let of_block = |(_, level, layers): (String, usize, [Layer; PER_BLOCK])| {
            layers.iter().map(|layer| layer.sizes(at(level), 3).operations()).sum::<usize>()
        };
        let blocks: usize = self.blocks().into_iter().map(of_block).sum();
        blocks + self.head().sizes([height, width], 1).operations()
    }

    /// The scores of pictures `[rows, height, width, planes]`, `[rows, height, width, classes]`.
    pub(super) fn forward(&self, mut x: Tensor<4>, pass: &Pass<'_>) -> Result<Tensor<4>> {
        let mut beside = Vec::with_capacity(self.depth());
        let blocks = self.blocks();
        let (down, up) = blocks.split_at(self.filters.len());
        let mut at = 0;
        let mut block = |mut x: Tensor<4>, layers: &[Layer; PER_BLOCK]| -> Result<Tensor<4>> {
            for layer in layers {
                x = convolution(x, pass.parameter(at)?, pass.parameter(at + 1)?);
                x = group_norm(x, pass.parameter(at + 2)?, pass.parameter(at + 3)?, layer.norm());
                at += PER_LAYER;
            }
            Ok(x)
        };
        for (_, level, layers) in down {
            if *level > 0 {
                beside.push(x.clone());
                x = max_pool(x, [2, 2]);
            }
            x = block(x, layers)?;
        }
        for (_, _, layers) in up {
            if let Some(beside) = beside.pop() {
                x = block(rise(x, beside), layers)?;
            }
        }
        Ok(convolution(x, pass.parameter(at)?, pass.parameter(at + 1)?))
    }

    /// The same in plain Rust, with these parameters.
    pub(super) fn plain(&self, parameters: &Parameters) -> PlainLayers {
        let blocks = self.blocks();
        let layers =
            blocks.iter().flat_map(|(_, level, layers)| layers.iter().map(move |layer| (*level, *layer)));
        let layer = |(k, (level, layer)): (usize, (usize, Layer))| {
            let array = |i: usize| parameters.array(k * PER_LAYER + i);
            let filters = layer.sizes([1, 1], 3).filters_by_patch(array(0));
            let norm = [array(2).to_vec(), array(3).to_vec()];
            PlainLayer { layer, level, filters, bias: array(1).to_vec(), norm }
        };
        let layers: Vec<PlainLayer> = layers.enumerate().map(layer).collect();
        let head = self.head();
        let at = layers.len() * PER_LAYER;
        PlainLayers {
            layers,
            n_down: self.filters.len() * PER_BLOCK,
            head,
            head_filters: head.sizes([1, 1], 1).filters_by_patch(parameters.array(at)),
            head_bias: parameters.array(at + 1).to_vec(),
        }
    }
}

/// A U-Net that has learned all it will.
pub(super) struct PlainLayers {
    layers: Vec<PlainLayer>,
    /// How many of these are on the way down.
    n_down: usize,
    head: Layer,
    head_filters: Vec<f32>,
    head_bias: Vec<f32>,
}

struct PlainLayer {
    layer: Layer,
    level: usize,
    filters: Vec<f32>,
    bias: Vec<f32>,
    norm: [Vec<f32>; 2],
}

impl PlainLayer {
    fn apply(&self, x: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
        let sizes = self.layer.sizes([height >> self.level, width >> self.level], 3);
        let convolved = sizes.forward(x, &self.filters, &self.bias);
        let mut normed = vec![0.0; convolved.len()];
        let moments = &mut vec![0.0; 2 * sizes.filters];
        self.layer.norm().row(&convolved, &self.norm[0], &self.norm[1], &mut normed, moments);
        normed
    }
}

impl PlainLayers {
    /// The scores of one picture `[height, width, planes]`, `[height, width, classes]`.
    pub(super) fn row(&self, picture: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
        let size = [height, width];
        let mut x = picture.to_vec();
        // What goes beside, and its channels.
        let mut beside: Vec<(Vec<f32>, usize)> = Vec::new();
        let blocks = self.layers.chunks_exact(PER_BLOCK);
        for (at, block) in blocks.enumerate() {
            let level = block[0].level;
            let [high, wide] = [height >> level, width >> level];
            if at * PER_BLOCK < self.n_down {
                if at > 0 {
                    let channels = block[0].layer.channels;
                    let windows = Windows { window: [2, 2], height: 2 * high, width: 2 * wide, channels };
                    let smaller = windows.largest(&x).0;
                    beside.push((std::mem::replace(&mut x, smaller), channels));
                }
            } else if let Some((other, others)) = beside.pop() {
                let channels = block[0].layer.channels - others;
                x = Joined { height: high / 2, width: wide / 2, channels, others }.forward(1, &x, &other);
            }
            for layer in block {
                x = layer.apply(&x, size);
            }
        }
        self.head.sizes(size, 1).forward(&x, &self.head_filters, &self.head_bias)
    }
}

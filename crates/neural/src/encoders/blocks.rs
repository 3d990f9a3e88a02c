//! Convolutional blocks, for images and series: convolution, group norm, rectifier, and the largest of each small window;
//! at the end the mean over all places.

use burn::tensor::Tensor;
use tidemill_core::Result;

use crate::graph::Pass;
use crate::ops::convolution::{self, convolution};
use crate::ops::group_norm::{GroupNorm, group_norm};
use crate::ops::pool::{Windows, max_pool};
use crate::ops::segments::{Segments, means};
use crate::parameters::{Declared, Part, Start};

/// The sizes of one block.
#[derive(Clone, Copy, Debug)]
struct Block {
    convolution: convolution::Sizes,
    norm: GroupNorm,
    /// Rows and columns of the windows of which the largest number stays.
    window: [usize; 2],
}

/// One block after the other.
#[derive(Clone, Debug)]
pub(super) struct Blocks(Vec<Block>);

/// Arrays of a block: of the convolution and of the norm, weight and bias each.
const PER_BLOCK: usize = 4;

impl Blocks {
    /// For images of `[height, width, channels]`: a block for each of `filters`. Each halves the image where it can.
    pub(super) fn new(
        [mut height, mut width, mut channels]: [usize; 3],
        filters: &[usize],
        kernel: [usize; 2],
    ) -> Self {
        let block = |&filters: &usize| {
            let convolution = convolution::Sizes { height, width, channels, filters, kernel };
            let window = [height.min(2), width.min(2)];
            (height, width, channels) = (height / window[0], width / window[1], filters);
            // At most 8 groups, as wide as each other: few numbers make no good mean.
            let groups = [8, 4, 2].into_iter().find(|g| filters.is_multiple_of(*g)).unwrap_or(1);
            Block { convolution, norm: GroupNorm { groups, relu: true }, window }
        };
        Blocks(filters.iter().map(block).collect())
    }

    /// How many numbers a row becomes.
    pub(super) fn width(&self) -> usize {
        self.0.last().map_or(0, |block| block.convolution.filters)
    }

    /// Parameters named as a PyTorch user would: `conv1.weight` `[filters, channels, rows, columns]`, or without the rows
    /// where they are 1, `norm1.weight` and so on.
    pub(super) fn declare(&self, prefix: &str) -> Vec<Declared> {
        let block = |(k, block): (usize, &Block)| {
            let s = block.convolution;
            let name = |array: &str| format!("{prefix}.{}", array.replace('#', &(k + 1).to_string()));
            let shape = [s.filters, s.channels, s.kernel[0], s.kernel[1]];
            let weight = match s.kernel[0] {
                1 => Declared::he(name("conv#.weight"), &[s.filters, s.channels, s.kernel[1]]),
                _ => Declared::he(name("conv#.weight"), &shape),
            };
            [
                weight,
                Declared::new(name("conv#.bias"), &[s.filters], Start::Zeros),
                Declared::new(name("norm#.weight"), &[s.filters], Start::Ones),
                Declared::new(name("norm#.bias"), &[s.filters], Start::Zeros),
            ]
        };
        self.0.iter().enumerate().flat_map(block).collect()
    }

    /// Multiplications for an image.
    pub(super) fn operations(&self) -> usize {
        self.0.iter().map(|block| block.convolution.operations()).sum()
    }

    /// Of images `[rows, height, width, channels]`, `[rows, filters]`.
    pub(super) fn forward(&self, mut x: Tensor<4>, pass: &Pass<'_>) -> Result<Tensor<2>> {
        for (k, block) in self.0.iter().enumerate() {
            let (s, at) = (block.convolution, k * PER_BLOCK);
            let shape = [s.filters, s.channels, s.kernel[0], s.kernel[1]];
            let weight = match s.kernel[0] {
                1 => pass.parameter::<3>(at)?.reshape(shape),
                _ => pass.parameter::<4>(at)?,
            };
            x = convolution(x, weight, pass.parameter(at + 1)?);
            x = group_norm(x, pass.parameter(at + 2)?, pass.parameter(at + 3)?, block.norm);
            if block.window != [1, 1] {
                x = max_pool(x, block.window);
            }
        }
        let [rows, height, width, channels] = x.dims();
        let segments = Segments::of_lengths(std::iter::repeat_n(height * width, rows));
        Ok(means(x.reshape([rows * height * width, channels]), &segments))
    }

    /// The same in plain Rust, with these parameters.
    pub(super) fn plain(&self, parameters: Part<'_>) -> PlainBlocks {
        let block = |(k, block): (usize, &Block)| {
            let array = |i: usize| parameters.array(k * PER_BLOCK + i);
            PlainBlock {
                block: *block,
                filters: block.convolution.filters_by_patch(array(0)),
                bias: array(1).to_vec(),
                norm: [array(2).to_vec(), array(3).to_vec()],
            }
        };
        PlainBlocks(self.0.iter().enumerate().map(block).collect())
    }
}

/// Blocks that have learned all they will.
pub(super) struct PlainBlocks(Vec<PlainBlock>);

struct PlainBlock {
    block: Block,
    filters: Vec<f32>,
    bias: Vec<f32>,
    norm: [Vec<f32>; 2],
}

impl PlainBlocks {
    /// What one image becomes, into `out`.
    pub(super) fn row(&self, picture: &[f32], out: &mut [f32]) {
        let places = self.places(picture);
        let share = out.len() as f32 / places.len() as f32;
        out.fill(0.0);
        for pixel in places.chunks_exact(out.len()) {
            out.iter_mut().zip(pixel).for_each(|(out, x)| *out += x * share);
        }
    }

    /// What the last block says of each place, place after place: its mean is what the image becomes.
    pub(super) fn places(&self, picture: &[f32]) -> Vec<f32> {
        let mut x = picture.to_vec();
        for PlainBlock { block, filters, bias, norm } in &self.0 {
            let sizes = block.convolution;
            let convolved = sizes.forward(&x, filters, bias);
            let mut normed = vec![0.0; convolved.len()];
            block.norm.row(&convolved, &norm[0], &norm[1], &mut normed, &mut vec![0.0; 2 * sizes.filters]);
            let (window, height, width) = (block.window, sizes.height, sizes.width);
            x = match window {
                [1, 1] => normed,
                _ => Windows { window, height, width, channels: sizes.filters }.largest(&normed).0,
            };
        }
        x
    }

    /// Rows and columns of these places.
    pub(super) fn grid(&self) -> [usize; 2] {
        self.0.last().map_or([0, 0], |PlainBlock { block, .. }| {
            let sizes = block.convolution;
            [sizes.height / block.window[0], sizes.width / block.window[1]]
        })
    }
}

//! Convolution of images and series whose channels run fastest, as one operation.
//!
//! The pixels under the kernel at each place become a row of a matrix (im2col: Chellapilla, Puri and Simard 2006), some
//! places at a time so that the matrix stays in the cache; what remains is a product. With the channels running fastest
//! such a row is few long runs of memory. The backward pass builds the same matrix again rather than keep it.

use burn::backend::DispatchTensor;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, module};
use faer::Accum;

use super::fused::{Array, Op, apply};
use super::node::{self, Layer};
use super::product::{add_rows, by_rows, multiply};
use super::sums::{product_over_rows, sum_of_rows};

/// `x` `[batch, height, width, channels]` under each of the filters `weight` `[filters, channels, rows, columns]` (PyTorch's
/// order) plus `bias` `[filters]`: `[batch, height, width, filters]`. Beyond its border an image is 0, as much as keeps its
/// size. A series is an image of height 1.
pub(crate) fn convolution(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let inputs = [x.clone().into_dispatch(), weight.clone().into_dispatch(), bias.clone().into_dispatch()];
    match apply(Convolution, inputs) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => as_node(x, weight, bias),
    }
}

/// [`convolution`] of burn's own operations, as one node: there, too, the pixels under the kernel become a matrix.
fn as_node(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let inputs = [x.clone().into_dispatch(), weight.clone().into_dispatch(), bias.clone().into_dispatch()];
    node::apply(&Convolution, inputs, || composed(x, weight, bias))
}

/// [`convolution`] of burn's own operations, the graph left to burn.
fn composed(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let [_, height, width, _] = x.dims();
    let [_, _, rows, columns] = weight.dims();
    let options = ConvOptions::new([1, 1], [rows / 2, columns / 2], [1, 1], 1);
    let answer = module::conv2d(x.permute([0, 3, 1, 2]), weight, Some(bias), options);
    // A kernel of even size gives a row or a column too many.
    answer.narrow(2, 0, height).narrow(3, 0, width).permute([0, 2, 3, 1])
}

/// The pixels under a kernel of `[rows, columns]` at each place of `x`, `[places, rows * columns * channels]`, where the kernel
/// reaches so many rows above and columns to the left of its place.
fn under(x: Tensor<4>, kernel: [usize; 2], before: [usize; 2]) -> Tensor<2> {
    let [batch, height, width, channels] = x.dims();
    let [above, left] = before;
    let [below, right] = [kernel[0] - 1 - above, kernel[1] - 1 - left];
    let padded = x.pad([(0, 0), (above, below), (left, right), (0, 0)], 0.0);
    let offsets = (0..kernel[0]).flat_map(|row| (0..kernel[1]).map(move |column| (row, column)));
    let parts = offsets.map(|(row, column)| padded.clone().narrow(1, row, height).narrow(2, column, width));
    let matrix: Tensor<4> = Tensor::cat(parts.collect(), 3);
    matrix.reshape([batch * height * width, kernel[0] * kernel[1] * channels])
}

impl Layer<3> for Convolution {
    type Kept = ();

    fn forward(&self, [x, weight, bias]: [DispatchTensor; 3]) -> (DispatchTensor, ()) {
        let (x, weight) = (Tensor::<4>::from_dispatch(x), Tensor::<4>::from_dispatch(weight));
        let [batch, height, width, _] = x.dims();
        let [filters, channels, rows, columns] = weight.dims();
        let pixels = under(x, [rows, columns], [rows / 2, columns / 2]);
        let matrix = weight.permute([0, 2, 3, 1]).reshape([filters, rows * columns * channels]);
        let bias = Tensor::<1>::from_dispatch(bias).unsqueeze::<2>();
        let answer = pixels.matmul(matrix.transpose()) + bias;
        (answer.reshape([batch, height, width, filters]).into_dispatch(), ())
    }

    fn backward(
        &self,
        [x, weight, _]: [DispatchTensor; 3],
        (): (),
        gradient: DispatchTensor,
        wanted: [bool; 3],
    ) -> [Option<DispatchTensor>; 3] {
        let (x, weight) = (Tensor::<4>::from_dispatch(x), Tensor::<4>::from_dispatch(weight));
        let (gradient, shape) = (Tensor::<4>::from_dispatch(gradient), x.dims());
        let [filters, channels, rows, columns] = weight.dims();
        let kernel = [rows, columns];
        let flat = gradient.clone().reshape([-1, filters as i32]);
        let of_weight = wanted[1].then(|| {
            let pixels = under(x, kernel, [rows / 2, columns / 2]);
            let matrix = product_over_rows(flat.clone(), pixels);
            matrix.reshape([filters, rows, columns, channels]).permute([0, 3, 1, 2]).into_dispatch()
        });
        let of_bias = wanted[2].then(|| sum_of_rows(flat).into_dispatch());
        // The gradient by the images is that by the answer under the kernel turned round.
        let of_x = wanted[0].then(|| {
            let turned = weight.flip([2, 3]).permute([2, 3, 0, 1]);
            let turned = turned.reshape([rows * columns * filters, channels]);
            let before = [rows - 1 - rows / 2, columns - 1 - columns / 2];
            under(gradient, kernel, before).matmul(turned).reshape(shape).into_dispatch()
        });
        [of_x, of_weight, of_bias]
    }
}

#[derive(Clone, Debug)]
struct Convolution;

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Rows of an image.
    pub(crate) height: usize,
    /// Columns of an image.
    pub(crate) width: usize,
    /// Numbers of a pixel.
    pub(crate) channels: usize,
    /// Numbers of a pixel of the answer.
    pub(crate) filters: usize,
    /// Rows and columns of the kernel.
    pub(crate) kernel: [usize; 2],
}

/// Places whose matrix is built at once: with 288 numbers a place, 400 kB.
const PLACES: usize = 360;

impl Sizes {
    fn of([x, weight, _]: &[Array; 3]) -> Self {
        let [_, height, width, channels] = x.dims();
        let [filters, _, rows, columns] = weight.dims();
        Sizes { height, width, channels, filters, kernel: [rows, columns] }
    }

    /// Numbers under the kernel.
    fn patch(self) -> usize {
        self.kernel[0] * self.kernel[1] * self.channels
    }

    /// Multiplications for an image.
    pub(crate) fn operations(self) -> usize {
        self.pixels() * self.patch() * self.filters
    }

    fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Numbers of a row of the padded image.
    fn padded_row(self) -> usize {
        (self.width + self.kernel[1] - 1) * self.channels
    }

    /// A padded image of zeros.
    fn canvas(self) -> Vec<f32> {
        vec![0.0; (self.height + self.kernel[0] - 1) * self.padded_row()]
    }

    /// Where row `y` of the image lies in the padded image.
    fn inner_row(self, y: usize) -> std::ops::Range<usize> {
        let start = (y + self.kernel[0] / 2) * self.padded_row() + self.kernel[1] / 2 * self.channels;
        start..start + self.width * self.channels
    }

    fn pad(self, picture: &[f32], canvas: &mut [f32]) {
        for (y, row) in picture.chunks_exact(self.width * self.channels).enumerate() {
            canvas[self.inner_row(y)].copy_from_slice(row);
        }
    }

    /// The rows of an image, some at a time.
    fn strips(self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let per_strip = (PLACES / self.width.max(1)).clamp(1, self.height.max(1));
        (0..self.height).step_by(per_strip).map(move |y| y..self.height.min(y + per_strip))
    }

    /// For each place of the rows `strip` and each row of the kernel, where its run begins in the padded image.
    fn runs(self, strip: std::ops::Range<usize>) -> impl Iterator<Item = usize> {
        strip.flat_map(move |y| {
            (0..self.width).flat_map(move |x| {
                (0..self.kernel[0]).map(move |i| (y + i) * self.padded_row() + x * self.channels)
            })
        })
    }

    fn patches(self, canvas: &[f32], strip: std::ops::Range<usize>, patches: &mut Vec<f32>) {
        let run = self.kernel[1] * self.channels;
        patches.clear();
        for start in self.runs(strip) {
            patches.extend_from_slice(&canvas[start..start + run]);
        }
    }

    /// `[filters, channels, rows, columns]` as `[filters, rows, columns, channels]`, the order of a patch.
    pub(crate) fn filters_by_patch(self, weight: &[f32]) -> Vec<f32> {
        let [rows, columns] = self.kernel;
        let area = rows * columns;
        let filters = weight.chunks_exact(self.patch().max(1));
        filters
            .flat_map(|f| (0..area).flat_map(move |k| (0..self.channels).map(move |c| f[c * area + k])))
            .collect()
    }

    /// The inverse of [`Sizes::filters_by_patch`].
    fn filters_by_channel(self, by_patch: &[f32]) -> Vec<f32> {
        let area = self.kernel[0] * self.kernel[1];
        let filters = by_patch.chunks_exact(self.patch().max(1));
        let channels = self.channels;
        filters
            .flat_map(|f| (0..channels).flat_map(move |c| (0..area).map(move |k| f[k * channels + c])))
            .collect()
    }
}

impl Sizes {
    /// [`convolution`] of the images in a slice, each for itself, by filters in the order of a patch.
    pub(crate) fn forward(self, pictures: &[f32], by_patch: &[f32], bias: &[f32]) -> Vec<f32> {
        let of_patch = by_rows(by_patch, self.filters, self.patch()).transpose();
        let per_picture = (self.pixels() * self.channels).max(1);
        let mut answer = bias.repeat(pictures.len() / per_picture * self.pixels());
        let (mut canvas, mut patches) = (self.canvas(), Vec::new());
        let answers = answer.chunks_exact_mut((self.pixels() * self.filters).max(1));
        for (picture, out) in pictures.chunks_exact(per_picture).zip(answers) {
            self.pad(picture, &mut canvas);
            for strip in self.strips() {
                self.patches(&canvas, strip.clone(), &mut patches);
                let out =
                    &mut out[strip.start * self.width * self.filters..strip.end * self.width * self.filters];
                multiply(
                    out,
                    Accum::Add,
                    by_rows(&patches, strip.len() * self.width, self.patch()),
                    of_patch,
                );
            }
        }
        answer
    }
}

impl Op<3> for Convolution {
    type Kept = ();

    fn forward(&self, inputs: &[Array; 3], _: bool) -> (Array, ()) {
        let s = Sizes::of(inputs);
        let [batch, ..] = inputs[0].dims::<4>();
        let [x, weight, bias] = inputs.each_ref().map(Array::values);
        let answer = s.forward(x, &s.filters_by_patch(weight), bias);
        (Array::new(answer, [batch, s.height, s.width, s.filters]), ())
    }

    fn backward(
        &self,
        inputs: &[Array; 3],
        _: &(),
        gradient: &Array,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        let s = Sizes::of(inputs);
        let weight = s.filters_by_patch(inputs[1].values());
        let weight = by_rows(&weight, s.filters, s.patch());
        let mut of_x = Vec::with_capacity(if wanted[0] { inputs[0].values().len() } else { 0 });
        let mut of_weight = vec![0.0; s.filters * s.patch()];
        let mut of_bias = vec![0.0; s.filters];
        add_rows(&mut of_bias, gradient.values());
        let (mut canvas, mut of_canvas, mut patches) = (s.canvas(), s.canvas(), Vec::new());
        let pictures = inputs[0].values().chunks_exact((s.pixels() * s.channels).max(1));
        for (picture, gradient) in
            pictures.zip(gradient.values().chunks_exact((s.pixels() * s.filters).max(1)))
        {
            s.pad(picture, &mut canvas);
            of_canvas.fill(0.0);
            for strip in s.strips() {
                let gradient = &gradient[strip.start * s.width * s.filters..strip.end * s.width * s.filters];
                let gradient = by_rows(gradient, strip.len() * s.width, s.filters);
                s.patches(&canvas, strip.clone(), &mut patches);
                let rows = by_rows(&patches, strip.len() * s.width, s.patch());
                multiply(&mut of_weight, Accum::Add, gradient.transpose(), rows);
                if wanted[0] {
                    multiply(&mut patches, Accum::Replace, gradient, weight);
                    let run = s.kernel[1] * s.channels;
                    for (start, of_run) in s.runs(strip).zip(patches.chunks_exact(run)) {
                        of_canvas[start..start + run].iter_mut().zip(of_run).for_each(|(x, g)| *x += g);
                    }
                }
            }
            if wanted[0] {
                (0..s.height).for_each(|y| of_x.extend_from_slice(&of_canvas[s.inner_row(y)]));
            }
        }
        [
            wanted[0].then(|| inputs[0].shaped_as(of_x)),
            Some(inputs[1].shaped_as(s.filters_by_channel(&of_weight))),
            Some(Array::new(of_bias, [s.filters])),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::agreement::{agree, differs_as_its_gradients_say, inputs};
    use super::*;

    #[test]
    fn agrees_with_burn() {
        let cases = [
            ([1, 1, 1, 1], 1, [1, 1]),
            ([2, 5, 7, 3], 4, [3, 3]),
            ([3, 1, 11, 2], 5, [1, 5]),
            ([1, 40, 31, 2], 3, [5, 3]),
            ([2, 6, 5, 2], 3, [2, 4]),
        ];
        for (shape, filters, [rows, columns]) in cases {
            let weight = [filters, shape[3], rows, columns];
            let ours = |x: &[Tensor<1>]| {
                convolution(x[0].clone().reshape(shape), x[1].clone().reshape(weight), x[2].clone())
                    .reshape([-1])
            };
            let inputs = inputs(&[shape.iter().product(), weight.iter().product(), filters]);
            for other in [as_node, composed] {
                agree(&inputs, &ours, &|x: &[Tensor<1>]| {
                    other(x[0].clone().reshape(shape), x[1].clone().reshape(weight), x[2].clone())
                        .reshape([-1])
                });
            }
            differs_as_its_gradients_say(&inputs, &ours);
        }
    }
}

//! Group normalisation (Wu and He 2018; PyTorch's `GroupNorm`) of images and series whose channels run fastest, with the
//! rectifier that may follow, as one operation.

use burn::backend::DispatchTensor;
use burn::tensor::{DType, Tensor, activation};
use pulp::NullaryFnOnce;
use tidemill_kernel::vector::wide;

use super::fused::{Array, Op, apply};
use super::layer_norm::EPSILON;
use super::node::{self, Layer};
use super::sums::sum_of_rows;

/// What is normalised together, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupNorm {
    /// Into so many groups the channels of a row fall; a divisor of their number.
    pub(crate) groups: usize,
    /// Negative answers become 0.
    pub(crate) relu: bool,
}

/// Each group of channels of each row of `x` `[batch, height, width, channels]` less its mean, by its spread, times
/// `weight` plus `bias`, both `[channels]`.
pub(crate) fn group_norm(x: Tensor<4>, weight: Tensor<1>, bias: Tensor<1>, norm: GroupNorm) -> Tensor<4> {
    let inputs = [x.clone().into_dispatch(), weight.clone().into_dispatch(), bias.clone().into_dispatch()];
    match apply(norm, inputs) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => as_node(x, weight, bias, norm),
    }
}

/// [`group_norm`] of burn's own operations, the norm as one node; moments are formed in 32 bits.
fn as_node(x: Tensor<4>, weight: Tensor<1>, bias: Tensor<1>, norm: GroupNorm) -> Tensor<4> {
    let inputs = [x.clone().into_dispatch(), weight.clone().into_dispatch(), bias.clone().into_dispatch()];
    let plain = GroupNorm { relu: false, ..norm };
    let answer = node::apply(&plain, inputs, || composed(x, weight, bias, plain));
    if norm.relu { activation::relu(answer) } else { answer }
}

/// [`group_norm`] of burn's own operations, the graph left to burn.
fn composed(x: Tensor<4>, weight: Tensor<1>, bias: Tensor<1>, norm: GroupNorm) -> Tensor<4> {
    let ([batch, height, width, channels], dtype) = (x.dims(), x.dtype());
    let grouped = x.cast(DType::F32).reshape([batch, height * width, norm.groups, channels / norm.groups]);
    let centred = grouped.clone() - grouped.mean_dim(1).mean_dim(3);
    let variance = (centred.clone() * centred.clone()).mean_dim(1).mean_dim(3);
    let unit = (centred / (variance + EPSILON).sqrt()).reshape([batch, height, width, channels]).cast(dtype);
    let answer = unit * weight.reshape([1, 1, 1, channels]) + bias.reshape([1, 1, 1, channels]);
    if norm.relu { activation::relu(answer) } else { answer }
}

/// The mean of each group of each row, `[batch, height, width, groups, channels of a group]`, in short stages.
fn means(x: Tensor<5>) -> Tensor<5> {
    x.mean_dim(2).mean_dim(1).mean_dim(4)
}

impl GroupNorm {
    /// Images with their channels by groups, in 32 bits.
    fn grouped(self, x: Tensor<4>) -> Tensor<5> {
        let [batch, height, width, channels] = x.dims();
        x.cast(DType::F32).reshape([batch, height, width, self.groups, channels / self.groups])
    }
}

/// The norm without the rectifier.
impl Layer<3> for GroupNorm {
    /// The images at mean 0 and variance 1, and what each group was multiplied by to get there, in 32 bits.
    type Kept = (Tensor<5>, Tensor<5>);

    fn forward(&self, [x, weight, bias]: [DispatchTensor; 3]) -> (DispatchTensor, Self::Kept) {
        let x = Tensor::<4>::from_dispatch(x);
        let (shape, dtype) = (x.dims(), x.dtype());
        let x = self.grouped(x);
        let centred = x.clone() - means(x);
        let factor = (means(centred.clone() * centred.clone()) + EPSILON).sqrt().recip();
        let unit = centred * factor.clone();
        let [weight, bias] =
            [weight, bias].map(|x| Tensor::<1>::from_dispatch(x).reshape([1, 1, 1, shape[3]]));
        ((unit.clone().reshape(shape).cast(dtype) * weight + bias).into_dispatch(), (unit, factor))
    }

    fn backward(
        &self,
        [x, weight, _]: [DispatchTensor; 3],
        (unit, factor): Self::Kept,
        gradient: DispatchTensor,
        wanted: [bool; 3],
    ) -> [Option<DispatchTensor>; 3] {
        let (shape, weight) = (Tensor::<4>::from_dispatch(x).dims(), Tensor::<1>::from_dispatch(weight));
        let gradient = Tensor::<4>::from_dispatch(gradient);
        let (channels, dtype) = (shape[3], gradient.dtype());
        let gradient = self.grouped(gradient);
        let sums = |x: Tensor<5>| sum_of_rows(x.reshape([-1, channels as i32])).cast(dtype).into_dispatch();
        let of_weight = wanted[1].then(|| sums(gradient.clone() * unit.clone()));
        let of_bias = wanted[2].then(|| sums(gradient.clone()));
        let of_x = wanted[0].then(|| {
            let weight = weight.cast(DType::F32);
            let scaled = gradient * weight.reshape([1, 1, 1, self.groups, channels / self.groups]);
            let along = unit.clone() * means(scaled.clone() * unit);
            let back = (scaled.clone() - means(scaled) - along) * factor;
            back.reshape(shape).cast(dtype).into_dispatch()
        });
        [of_x, of_weight, of_bias]
    }
}

impl GroupNorm {
    /// [`group_norm`] of one row; `moments`, zeros at first, receives the mean of each channel's group, then the inverse spread.
    pub(crate) fn row(self, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32], moments: &mut [f32]) {
        wide(Forward { norm: self, x, weight, bias, out, moments });
    }
}

impl Op<3> for GroupNorm {
    /// For each row, the mean of each channel's group, then the inverse spread of each channel's group.
    type Kept = std::sync::Arc<Vec<f32>>;

    fn forward(&self, [x, weight, bias]: &[Array; 3], _: bool) -> (Array, Self::Kept) {
        let [batch, height, width, channels] = x.dims();
        let mut answer = vec![0.0; x.values().len()];
        let mut moments = vec![0.0; batch * 2 * channels];
        let per_row = (height * width * channels).max(1);
        let rows = x.values().chunks_exact(per_row).zip(answer.chunks_exact_mut(per_row));
        for ((x, out), moments) in rows.zip(moments.chunks_exact_mut(2 * channels)) {
            self.row(x, weight.values(), bias.values(), out, moments);
        }
        (x.shaped_as(answer), moments.into())
    }

    fn backward(
        &self,
        [x, weight, bias]: &[Array; 3],
        moments: &Self::Kept,
        gradient: &Array,
        _: [bool; 3],
    ) -> [Option<Array>; 3] {
        let [_, height, width, channels] = x.dims();
        let per_row = (height * width * channels).max(1);
        let mut of_x = vec![0.0; x.values().len()];
        let mut of_scale = [vec![0.0; channels], vec![0.0; channels]];
        let rows = x.values().chunks_exact(per_row).zip(gradient.values().chunks_exact(per_row));
        let rows = rows.zip(moments.chunks_exact(2 * channels));
        for (((x, gradient), moments), out) in rows.zip(of_x.chunks_exact_mut(per_row)) {
            let (weight, bias) = (weight.values(), bias.values());
            wide(Backward { norm: *self, x, weight, bias, moments, gradient, out, of_scale: &mut of_scale });
        }
        let [of_weight, of_bias] = of_scale.map(|g| Array::new(g, [channels]));
        [Some(x.shaped_as(of_x)), Some(of_weight), Some(of_bias)]
    }
}

/// Each number becomes its group's sum times `share`.
#[inline(always)]
fn spread_over_groups(values: &mut [f32], groups: usize, share: f32) {
    for group in values.chunks_exact_mut(values.len() / groups) {
        let mean = group.iter().sum::<f32>() * share;
        group.fill(mean);
    }
}

struct Forward<'a> {
    norm: GroupNorm,
    x: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    out: &'a mut [f32],
    moments: &'a mut [f32],
}

impl NullaryFnOnce for Forward<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let channels = self.weight.len();
        let (groups, share) = (self.norm.groups, self.norm.groups as f32 / self.x.len() as f32);
        let (means, inverses) = self.moments.split_at_mut(channels);
        let inverses = &mut inverses[..channels];
        for pixel in self.x.chunks_exact(channels) {
            for c in 0..channels {
                means[c] += pixel[c];
            }
        }
        spread_over_groups(means, groups, share);
        for pixel in self.x.chunks_exact(channels) {
            for c in 0..channels {
                inverses[c] += (pixel[c] - means[c]) * (pixel[c] - means[c]);
            }
        }
        spread_over_groups(inverses, groups, share);
        inverses.iter_mut().for_each(|variance| *variance = 1.0 / (*variance + EPSILON).sqrt());
        let floor = if self.norm.relu { 0.0 } else { f32::NEG_INFINITY };
        let (weight, bias) = (&self.weight[..channels], &self.bias[..channels]);
        let pixels = self.x.chunks_exact(channels).zip(self.out.chunks_exact_mut(channels));
        for (pixel, out) in pixels {
            for c in 0..channels {
                let answer = (pixel[c] - means[c]) * inverses[c] * weight[c] + bias[c];
                out[c] = if answer < floor { floor } else { answer };
            }
        }
    }
}

/// `of_scale` holds the gradients by the weight and by the bias, to which those of this row are added.
struct Backward<'a> {
    norm: GroupNorm,
    x: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    moments: &'a [f32],
    gradient: &'a [f32],
    out: &'a mut [f32],
    of_scale: &'a mut [Vec<f32>; 2],
}

impl NullaryFnOnce for Backward<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let channels = self.weight.len();
        let (groups, share) = (self.norm.groups, self.norm.groups as f32 / self.x.len() as f32);
        let (means, inverses) = self.moments.split_at(channels);
        let inverses = &inverses[..channels];
        let (weight, bias) = (&self.weight[..channels], &self.bias[..channels]);
        let floor = if self.norm.relu { 0.0 } else { f32::NEG_INFINITY };
        let (mut tilts, mut levels) = (vec![0.0f32; channels], vec![0.0f32; channels]);
        let (tilts, levels) = (&mut tilts[..channels], &mut levels[..channels]);
        let pixels = self.x.chunks_exact(channels).zip(self.gradient.chunks_exact(channels));
        for ((pixel, gradient), out) in pixels.zip(self.out.chunks_exact_mut(channels)) {
            for c in 0..channels {
                let unit = (pixel[c] - means[c]) * inverses[c];
                let g = if unit * weight[c] + bias[c] > floor { gradient[c] } else { 0.0 };
                out[c] = g;
                tilts[c] += g * unit;
                levels[c] += g;
            }
        }
        for (total, own) in self.of_scale.iter_mut().zip([&*tilts, &*levels]) {
            total.iter_mut().zip(own).for_each(|(total, own)| *total += own);
        }
        for c in 0..channels {
            tilts[c] *= weight[c];
            levels[c] *= weight[c];
        }
        spread_over_groups(tilts, groups, share);
        spread_over_groups(levels, groups, share);
        for (pixel, out) in self.x.chunks_exact(channels).zip(self.out.chunks_exact_mut(channels)) {
            for c in 0..channels {
                let unit = (pixel[c] - means[c]) * inverses[c];
                out[c] = inverses[c] * (out[c] * weight[c] - levels[c] - unit * tilts[c]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::agreement::{agree, differs_as_its_gradients_say, inputs};
    use super::*;

    #[test]
    fn agrees_with_the_composed_layer() {
        for (shape, groups) in [([1, 1, 5, 3], 1), ([3, 4, 5, 6], 2), ([2, 7, 3, 32], 8)] {
            for relu in [false, true] {
                let norm = GroupNorm { groups, relu };
                let ours = |x: &[Tensor<1>]| {
                    group_norm(x[0].clone().reshape(shape), x[1].clone(), x[2].clone(), norm).reshape([-1])
                };
                let inputs = inputs(&[shape.iter().product(), shape[3], shape[3]]);
                for other in [as_node, composed] {
                    agree(&inputs, &ours, &|x: &[Tensor<1>]| {
                        other(x[0].clone().reshape(shape), x[1].clone(), x[2].clone(), norm).reshape([-1])
                    });
                }
                if !relu {
                    differs_as_its_gradients_say(&inputs, &ours);
                }
            }
        }
    }
}

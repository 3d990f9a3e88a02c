//! Layer normalisation (Ba, Kiros and Hinton 2016; PyTorch's `LayerNorm` over the last dimension), as one operation.

use burn::backend::DispatchTensor;
use burn::tensor::{DType, Tensor};
use pulp::NullaryFnOnce;
use tidemill_kernel::vector::wide;

use super::fused::{Array, Op, apply};
use super::math::{dot, sum};
use super::node::{self, Layer};
use super::sums::sum_of_rows;

/// Keeps a row without spread from dividing by 0.
pub(crate) const EPSILON: f32 = 1e-5;

/// Each row of `x` `[n, width]` less its mean, by its spread (that of `n`, not `n - 1`), times `weight` plus `bias`, both `[width]`.
pub(crate) fn layer_norm(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>) -> Tensor<2> {
    let inputs = [x.clone().into_dispatch(), weight.clone().into_dispatch(), bias.clone().into_dispatch()];
    match apply(LayerNorm, inputs) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => as_node(x, weight, bias),
    }
}

/// [`layer_norm`] of burn's own operations, as one node; moments are formed in 32 bits.
fn as_node(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>) -> Tensor<2> {
    let inputs = [x.clone().into_dispatch(), weight.clone().into_dispatch(), bias.clone().into_dispatch()];
    node::apply(&LayerNorm, inputs, || composed(x, weight, bias))
}

/// [`layer_norm`] of burn's own operations, the graph left to burn.
fn composed(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>) -> Tensor<2> {
    let dtype = x.dtype();
    let x = x.cast(DType::F32);
    let centred = x.clone() - x.mean_dim(1);
    let variance = (centred.clone() * centred.clone()).mean_dim(1);
    let unit = (centred / (variance + EPSILON).sqrt()).cast(dtype);
    unit * weight.unsqueeze::<2>() + bias.unsqueeze::<2>()
}

#[derive(Clone, Debug)]
struct LayerNorm;

impl Layer<3> for LayerNorm {
    /// The rows at mean 0 and variance 1, and what each was multiplied by to get there, in 32 bits.
    type Kept = (Tensor<2>, Tensor<2>);

    fn forward(&self, [x, weight, bias]: [DispatchTensor; 3]) -> (DispatchTensor, Self::Kept) {
        let x = Tensor::<2>::from_dispatch(x);
        let dtype = x.dtype();
        let x = x.cast(DType::F32);
        let centred = x.clone() - x.mean_dim(1);
        let factor = ((centred.clone() * centred.clone()).mean_dim(1) + EPSILON).sqrt().recip();
        let unit = centred * factor.clone();
        let [weight, bias] = [weight, bias].map(|x| Tensor::<1>::from_dispatch(x).unsqueeze::<2>());
        ((unit.clone().cast(dtype) * weight + bias).into_dispatch(), (unit, factor))
    }

    fn backward(
        &self,
        [_, weight, _]: [DispatchTensor; 3],
        (unit, factor): Self::Kept,
        gradient: DispatchTensor,
        wanted: [bool; 3],
    ) -> [Option<DispatchTensor>; 3] {
        let (gradient, weight) = (Tensor::<2>::from_dispatch(gradient), Tensor::<1>::from_dispatch(weight));
        let dtype = gradient.dtype();
        let gradient = gradient.cast(DType::F32);
        let back = |x: Tensor<1>| x.cast(dtype).into_dispatch();
        let of_weight = wanted[1].then(|| back(sum_of_rows(gradient.clone() * unit.clone())));
        let of_bias = wanted[2].then(|| back(sum_of_rows(gradient.clone())));
        let of_x = wanted[0].then(|| {
            let scaled = gradient * weight.cast(DType::F32).unsqueeze::<2>();
            let along = unit.clone() * (scaled.clone() * unit).mean_dim(1);
            ((scaled.clone() - scaled.mean_dim(1) - along) * factor).cast(dtype).into_dispatch()
        });
        [of_x, of_weight, of_bias]
    }
}

/// [`layer_norm`] of rows in a slice; `moments` receives each row's mean and inverse spread.
pub(crate) fn rows(x: &[f32], weight: &[f32], bias: &[f32], moments: &mut [f32]) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    wide(Forward { x, weight, bias, out: &mut out, moments });
    out
}

impl Op<3> for LayerNorm {
    /// Each row's mean and inverse spread.
    type Kept = std::sync::Arc<Vec<f32>>;

    fn forward(&self, [x, weight, bias]: &[Array; 3], _: bool) -> (Array, Self::Kept) {
        let [n, width] = x.dims();
        let mut moments = vec![0.0; 2 * n];
        let answer = rows(x.values(), weight.values(), bias.values(), &mut moments);
        (Array::new(answer, [n, width]), moments.into())
    }

    fn backward(
        &self,
        [x, weight, _]: &[Array; 3],
        moments: &Self::Kept,
        gradient: &Array,
        _: [bool; 3],
    ) -> [Option<Array>; 3] {
        let [n, width] = x.dims();
        let mut found = [vec![0.0; n * width], vec![0.0; width], vec![0.0; width]];
        let (gradient, weight) = (gradient.values(), weight.values());
        wide(Backward { x: x.values(), weight, moments, gradient, found: &mut found });
        let [of_x, of_weight, of_bias] = found;
        [Some(x.shaped_as(of_x)), Some(Array::new(of_weight, [width])), Some(Array::new(of_bias, [width]))]
    }
}

struct Forward<'a> {
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
        let width = self.weight.len();
        let share = 1.0 / width as f32;
        let rows = self.x.chunks_exact(width).zip(self.out.chunks_exact_mut(width));
        for ((x, out), moments) in rows.zip(self.moments.chunks_exact_mut(2)) {
            let mean = sum(x) * share;
            for (out, x) in out.iter_mut().zip(x) {
                *out = x - mean;
            }
            let inverse = 1.0 / (dot(out, out) * share + EPSILON).sqrt();
            for ((out, weight), bias) in out.iter_mut().zip(self.weight).zip(self.bias) {
                *out = *out * inverse * weight + bias;
            }
            (moments[0], moments[1]) = (mean, inverse);
        }
    }
}

/// `found` holds the gradients by the rows, by the weight and by the bias.
struct Backward<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    moments: &'a [f32],
    gradient: &'a [f32],
    found: &'a mut [Vec<f32>; 3],
}

impl NullaryFnOnce for Backward<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let width = self.weight.len();
        let share = 1.0 / width as f32;
        let [of_x, of_weight, of_bias] = self.found;
        let (of_weight, of_bias) = (&mut of_weight[..width], &mut of_bias[..width]);
        let (mut scaled, mut unit) = (vec![0.0f32; width], vec![0.0f32; width]);
        let (scaled, unit) = (&mut scaled[..width], &mut unit[..width]);
        let rows = self.x.chunks_exact(width).zip(self.gradient.chunks_exact(width));
        for (((x, g), moments), out) in
            rows.zip(self.moments.chunks_exact(2)).zip(of_x.chunks_exact_mut(width))
        {
            let (mean, inverse) = (moments[0], moments[1]);
            for u in 0..width {
                unit[u] = (x[u] - mean) * inverse;
                scaled[u] = g[u] * self.weight[u];
                of_weight[u] += g[u] * unit[u];
                of_bias[u] += g[u];
            }
            let (level, tilt) = (sum(scaled) * share, dot(scaled, unit) * share);
            for u in 0..width {
                out[u] = inverse * (scaled[u] - level - unit[u] * tilt);
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
        for (n, width) in [(1, 2), (7, 33), (40, 16)] {
            let ours = |x: &[Tensor<1>]| {
                layer_norm(x[0].clone().reshape([n, width]), x[1].clone(), x[2].clone()).reshape([-1])
            };
            let inputs = inputs(&[n * width, width, width]);
            for other in [as_node, composed] {
                agree(&inputs, &ours, &|x: &[Tensor<1>]| {
                    other(x[0].clone().reshape([n, width]), x[1].clone(), x[2].clone()).reshape([-1])
                });
            }
            if width > 2 {
                differs_as_its_gradients_say(&inputs, &ours);
            }
        }
    }
}

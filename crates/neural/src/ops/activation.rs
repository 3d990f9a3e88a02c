//! The activation function of a layer, with its gradient in the same pass.

use burn::tensor::{Tensor, activation};
use pulp::NullaryFnOnce;
use tidemill_kernel::vector::wide;

use super::math::normal;
use crate::body::Activation;
use crate::math::sigmoid;

/// Bends `values` in place; with `gradients`, as long, also the gradient at each.
pub(super) fn bend_all(activation: Activation, values: &mut [f32], slopes: Option<&mut [f32]>) {
    match (activation, slopes) {
        (Activation::Relu, None) => wide(Bend(values, relu)),
        (Activation::Gelu, None) => wide(Bend(values, gelu)),
        (Activation::Silu, None) => wide(Bend(values, silu)),
        (Activation::Relu, Some(slopes)) => wide(BendAndSlope(values, slopes, relu)),
        (Activation::Gelu, Some(slopes)) => wide(BendAndSlope(values, slopes, gelu)),
        (Activation::Silu, Some(slopes)) => wide(BendAndSlope(values, slopes, silu)),
    }
}

/// The same of burn's own operations.
pub(crate) fn composed<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Relu => activation::relu(x),
        Activation::Gelu => activation::gelu(x),
        Activation::Silu => activation::silu(x),
    }
}

#[inline(always)]
fn relu(x: f32) -> (f32, f32) {
    (if x < 0.0 { 0.0 } else { x }, if x > 0.0 { 1.0 } else { 0.0 })
}

#[inline(always)]
fn gelu(x: f32) -> (f32, f32) {
    let (below, density) = normal(x);
    (x * below, below + x * density)
}

#[inline(always)]
fn silu(x: f32) -> (f32, f32) {
    let s = sigmoid(x);
    (x * s, s * (1.0 + x * (1.0 - s)))
}

struct Bend<'a, F>(&'a mut [f32], F);

impl<F: Fn(f32) -> (f32, f32)> NullaryFnOnce for Bend<'_, F> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for x in self.0 {
            *x = (self.1)(*x).0;
        }
    }
}

struct BendAndSlope<'a, F>(&'a mut [f32], &'a mut [f32], F);

impl<F: Fn(f32) -> (f32, f32)> NullaryFnOnce for BendAndSlope<'_, F> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for (x, slope) in self.0.iter_mut().zip(self.1) {
            (*x, *slope) = (self.2)(*x);
        }
    }
}

/// The gradient by what was bent, from that by the bent.
pub(super) fn times_slopes(gradient: &[f32], slopes: &[f32]) -> Vec<f32> {
    gradient.iter().zip(slopes).map(|(g, s)| g * s).collect()
}

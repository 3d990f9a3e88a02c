//! The largest number of each small window of an image or series whose channels run fastest, as one operation.

use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Tensor, module};
use pulp::NullaryFnOnce;
use tidemill_kernel::vector::wide;

use super::fused::{Array, Op, apply};

/// The largest number of each channel in windows of `window` (rows, columns) that do not overlap: of
/// `[batch, height, width, channels]`, `[batch, height / rows, width / columns, channels]`. What fills no window is left out.
pub(crate) fn max_pool(x: Tensor<4>, window: [usize; 2]) -> Tensor<4> {
    match apply(MaxPool(window), [x.clone().into_dispatch()]) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => composed(x, window),
    }
}

/// [`max_pool`] of burn's own operations.
fn composed(x: Tensor<4>, window: [usize; 2]) -> Tensor<4> {
    let x = x.permute([0, 3, 1, 2]);
    module::max_pool2d(x, MaxPoolOptions::new(window)).permute([0, 2, 3, 1])
}

#[derive(Debug)]
struct MaxPool([usize; 2]);

/// The windows of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// Rows and columns of a window.
    pub(crate) window: [usize; 2],
    /// Rows of the image.
    pub(crate) height: usize,
    /// Columns of the image.
    pub(crate) width: usize,
    /// Numbers of a pixel.
    pub(crate) channels: usize,
}

impl Windows {
    /// The first number of each window's pixels, window by window, in an image.
    fn pixels(self, at: usize) -> impl Iterator<Item = usize> {
        let columns = self.width / self.window[1];
        let (y, x) = (at / columns * self.window[0], at % columns * self.window[1]);
        (0..self.window[0] * self.window[1]).map(move |k| {
            let (dy, dx) = (k / self.window[1], k % self.window[1]);
            ((y + dy) * self.width + x + dx) * self.channels
        })
    }

    /// How many there are.
    fn n(self) -> usize {
        (self.height / self.window[0]) * (self.width / self.window[1])
    }

    /// [`max_pool`] of the images in a slice, and which pixel of its window each answer is.
    pub(crate) fn largest(self, pictures: &[f32]) -> (Vec<f32>, Vec<u8>) {
        let batch = pictures.len() / (self.height * self.width * self.channels).max(1);
        let len = batch * self.n() * self.channels;
        let (mut answer, mut which) = (vec![0.0; len], vec![0; len]);
        wide(Forward { windows: self, x: pictures, out: &mut answer, which: &mut which });
        (answer, which)
    }
}

impl MaxPool {
    fn windows(&self, x: &Array) -> (usize, Windows) {
        let [batch, height, width, channels] = x.dims();
        (batch, Windows { window: self.0, height, width, channels })
    }
}

impl Op<1> for MaxPool {
    /// Which pixel of its window each answer is.
    type Kept = std::sync::Arc<Vec<u8>>;

    fn forward(&self, [x]: &[Array; 1], _: bool) -> (Array, Self::Kept) {
        let (batch, windows) = self.windows(x);
        let (answer, which) = windows.largest(x.values());
        let [rows, columns] = self.0;
        let shape = [batch, windows.height / rows, windows.width / columns, windows.channels];
        (Array::new(answer, shape), which.into())
    }

    fn backward(
        &self,
        [x]: &[Array; 1],
        which: &Self::Kept,
        gradient: &Array,
        _: [bool; 1],
    ) -> [Option<Array>; 1] {
        let (_, windows) = self.windows(x);
        let mut of_x = vec![0.0; x.values().len()];
        wide(Backward { windows, gradient: gradient.values(), which, out: &mut of_x });
        [Some(x.shaped_as(of_x))]
    }
}

struct Forward<'a> {
    windows: Windows,
    x: &'a [f32],
    out: &'a mut [f32],
    which: &'a mut [u8],
}

impl NullaryFnOnce for Forward<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let w = self.windows;
        let answers = self.out.chunks_exact_mut(w.channels).zip(self.which.chunks_exact_mut(w.channels));
        for (at, (out, which)) in answers.enumerate() {
            let x = &self.x[at / w.n() * w.height * w.width * w.channels..];
            for (k, start) in w.pixels(at % w.n()).enumerate() {
                let pixel = &x[start..start + w.channels];
                for c in 0..w.channels {
                    // A NaN stays the largest, as in PyTorch.
                    let larger = k == 0 || pixel[c] > out[c] || pixel[c].is_nan();
                    out[c] = if larger { pixel[c] } else { out[c] };
                    which[c] = if larger { k as u8 } else { which[c] };
                }
            }
        }
    }
}

struct Backward<'a> {
    windows: Windows,
    gradient: &'a [f32],
    which: &'a [u8],
    out: &'a mut [f32],
}

impl NullaryFnOnce for Backward<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let w = self.windows;
        let answers = self.gradient.chunks_exact(w.channels).zip(self.which.chunks_exact(w.channels));
        for (at, (gradient, which)) in answers.enumerate() {
            let out = &mut self.out[at / w.n() * w.height * w.width * w.channels..];
            for (k, start) in w.pixels(at % w.n()).enumerate() {
                let pixel = &mut out[start..start + w.channels];
                for c in 0..w.channels {
                    pixel[c] = if which[c] == k as u8 { gradient[c] } else { 0.0 };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::agreement::{agree, inputs};
    use super::*;

    #[test]
    fn agrees_with_burn() {
        for (shape, window) in
            [([1, 2, 2, 1], [2, 2]), ([2, 5, 7, 3], [2, 2]), ([3, 1, 9, 5], [1, 2]), ([2, 6, 6, 16], [3, 2])]
        {
            let ours = |x: &[Tensor<1>]| max_pool(x[0].clone().reshape(shape), window).reshape([-1]);
            let theirs = |x: &[Tensor<1>]| composed(x[0].clone().reshape(shape), window).reshape([-1]);
            agree(&inputs(&[shape.iter().product()]), &ours, &theirs);
        }
    }
}

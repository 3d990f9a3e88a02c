//! The way up of a U-shaped net, as one operation: a small image at twice its size, beside the image that was there before it was made
//! small.

use burn::tensor::Tensor;

use super::fused::{Array, Op, apply};

/// `x` `[batch, height, width, channels]` with each pixel as 2 by 2 (the nearest), its channels before those of `beside`
/// `[batch, 2 height, 2 width, others]`: `[batch, 2 height, 2 width, channels + others]`.
pub(crate) fn rise(x: Tensor<4>, beside: Tensor<4>) -> Tensor<4> {
    match apply(Rise, [x.clone().into_dispatch(), beside.clone().into_dispatch()]) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => composed(x, beside),
    }
}

/// [`rise`] of burn's own operations.
fn composed(x: Tensor<4>, beside: Tensor<4>) -> Tensor<4> {
    let [batch, height, width, channels] = x.dims();
    let wide: Tensor<4> = x.reshape([batch * height, width, 1, channels]).repeat_dim(2, 2);
    let high: Tensor<4> = wide.reshape([batch, height, 1, 2 * width * channels]).repeat_dim(2, 2);
    Tensor::cat(vec![high.reshape([batch, 2 * height, 2 * width, channels]), beside], 3)
}

#[derive(Clone, Debug)]
struct Rise;

/// The sizes of both images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joined {
    /// Rows of the small image.
    pub(crate) height: usize,
    /// Columns of the small image.
    pub(crate) width: usize,
    /// Numbers of a pixel of the small image.
    pub(crate) channels: usize,
    /// Numbers of a pixel of the large one.
    pub(crate) others: usize,
}

impl Joined {
    fn of([x, beside]: &[Array; 2]) -> (usize, Self) {
        let [batch, height, width, channels] = x.dims();
        let [_, _, _, others] = beside.dims();
        (batch, Joined { height, width, channels, others })
    }

    /// For each pixel of the large images, one after the other, which pixel of the small ones it shows.
    fn sources(self, batch: usize) -> impl Iterator<Item = usize> {
        let rows = (0..batch).flat_map(move |b| (0..2 * self.height).map(move |y| b * self.height + y / 2));
        rows.flat_map(move |row| (0..2 * self.width).map(move |x| row * self.width + x / 2))
    }

    /// [`rise`] of the images in two slices.
    pub(crate) fn forward(self, batch: usize, x: &[f32], beside: &[f32]) -> Vec<f32> {
        let mut answer = Vec::with_capacity(4 * x.len() + beside.len());
        for (source, other) in self.sources(batch).zip(beside.chunks_exact(self.others.max(1))) {
            answer.extend_from_slice(&x[source * self.channels..(source + 1) * self.channels]);
            answer.extend_from_slice(other);
        }
        answer
    }
}

impl Op<2> for Rise {
    type Kept = ();

    fn forward(&self, inputs: &[Array; 2], _: bool) -> (Array, ()) {
        let (batch, sizes) = Joined::of(inputs);
        let answer = sizes.forward(batch, inputs[0].values(), inputs[1].values());
        let shape = [batch, 2 * sizes.height, 2 * sizes.width, sizes.channels + sizes.others];
        (Array::new(answer, shape), ())
    }

    fn backward(&self, inputs: &[Array; 2], (): &(), gradient: &Array, _: [bool; 2]) -> [Option<Array>; 2] {
        let (batch, sizes) = Joined::of(inputs);
        let channels = sizes.channels;
        let mut of_x = vec![0.0; inputs[0].values().len()];
        let mut of_beside = Vec::with_capacity(inputs[1].values().len());
        let pixels = gradient.values().chunks_exact((channels + sizes.others).max(1));
        for (source, pixel) in sizes.sources(batch).zip(pixels) {
            let (low, high) = pixel.split_at(channels);
            let into = &mut of_x[source * channels..(source + 1) * channels];
            into.iter_mut().zip(low).for_each(|(sum, g)| *sum += g);
            of_beside.extend_from_slice(high);
        }
        [Some(inputs[0].shaped_as(of_x)), Some(inputs[1].shaped_as(of_beside))]
    }
}

#[cfg(test)]
mod tests {
    use super::super::agreement::{agree, differs_as_its_gradients_say, inputs};
    use super::*;

    #[test]
    fn agrees_with_burn() {
        for ([batch, height, width, channels], others) in
            [([1, 1, 1, 1], 1), ([2, 3, 2, 4], 3), ([3, 1, 5, 2], 2)]
        {
            let (small, large) = ([batch, height, width, channels], [batch, 2 * height, 2 * width, others]);
            let of = |way: fn(Tensor<4>, Tensor<4>) -> Tensor<4>| {
                move |x: &[Tensor<1>]| {
                    way(x[0].clone().reshape(small), x[1].clone().reshape(large)).reshape([-1])
                }
            };
            let inputs = inputs(&[small.iter().product(), large.iter().product()]);
            agree(&inputs, &of(rise), &of(composed));
            differs_as_its_gradients_say(&inputs, &of(rise));
        }
    }
}

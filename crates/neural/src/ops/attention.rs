//! Scaled dot-product attention in several heads (Vaswani et al. 2017), each item of the batch within itself, as one operation.

use burn::tensor::{DType, Tensor, TensorData, activation};
use faer::Accum;
use pulp::NullaryFnOnce;
use tidemill_kernel::vector::wide;

use super::fused::{Array, Op, apply};
use super::math::{dot, sum};
use super::product::{by_rows, by_strided_rows, multiply, multiply_strided};
use super::segments::Segments;
use crate::math::exp;

/// What each row takes from the rows of its item: `projected` holds queries, keys and values side by side,
/// `[rows, 3 width]` (PyTorch's `in_proj`); the answer is `[rows, width]`. `width` is a multiple of `heads`.
pub(crate) fn attention(projected: Tensor<2>, segments: &Segments, heads: usize) -> Tensor<2> {
    let op = Attention { segments: segments.clone(), heads };
    match apply(op, [projected.clone().into_dispatch()]) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => composed(projected, segments, heads),
    }
}

/// [`attention`] of burn's own operations: items side by side, as long as the longest. Shares are formed in 32 bits.
fn composed(projected: Tensor<2>, segments: &Segments, heads: usize) -> Tensor<2> {
    let (device, dtype) = (projected.device(), projected.dtype());
    let [items, n, three] = [segments.len(), segments.longest(), projected.dims()[1]];
    let per_head = three / 3 / heads;
    let all = segments.padded(projected).reshape([items, n, 3 * heads, per_head]).swap_dims(1, 2);
    let part = |k: usize| all.clone().narrow(1, k * heads, heads);
    let scores = part(0).matmul(part(1).swap_dims(2, 3)) / (per_head as f32).sqrt();
    let mut scores = scores.cast(DType::F32);
    if let Some(beyond) = segments.beyond() {
        let beyond = Tensor::<4>::from_data(TensorData::new(beyond, [items, 1, 1, n]), &device);
        scores = scores - beyond * NOTHING;
    }
    let shares = activation::softmax(scores, 3).cast(dtype);
    segments.unpadded(shares.matmul(part(2)).swap_dims(1, 2).reshape([items, n, three / 3]))
}

/// What a score is lowered by to get no share.
const NOTHING: f32 = 1e30;

#[derive(Debug)]
struct Attention {
    segments: Segments,
    heads: usize,
}

/// One item of the batch.
pub(crate) struct Item<'a> {
    /// Its rows, at least 1.
    pub(crate) n: usize,
    /// Numbers of a row of the answer.
    pub(crate) width: usize,
    /// A divisor of the width.
    pub(crate) heads: usize,
    /// `[n, 3 width]`
    pub(crate) projected: &'a [f32],
}

impl<'a> Item<'a> {
    /// The columns of queries (0), keys (1) or values (2) of a head, `[n, width / heads]`.
    fn part(&self, k: usize, head: usize) -> faer::MatRef<'a, f32> {
        let start = k * self.width + head * self.per_head();
        by_strided_rows(&self.projected[start..], self.n, self.per_head(), 3 * self.width)
    }

    fn per_head(&self) -> usize {
        self.width / self.heads
    }

    fn factor(&self) -> f32 {
        1.0 / (self.per_head() as f32).sqrt()
    }
}

impl Attention {
    /// Each item, and its rows.
    fn items<'a>(
        &'a self,
        projected: &'a Array,
    ) -> impl Iterator<Item = (Item<'a>, std::ops::Range<usize>)> + 'a {
        let [_, three] = projected.dims();
        self.segments.iter().filter(|rows| !rows.is_empty()).map(move |rows| {
            let projected = &projected.values()[rows.start * three..rows.end * three];
            (Item { n: rows.len(), width: three / 3, heads: self.heads, projected }, rows)
        })
    }
}

impl Op<1> for Attention {
    /// Of each item, the share of every row in every other, `[heads, n, n]`.
    type Kept = std::sync::Arc<Vec<Vec<f32>>>;

    fn forward(&self, [projected]: &[Array; 1], _: bool) -> (Array, Self::Kept) {
        let [n, three] = projected.dims();
        let width = three / 3;
        let mut answer = vec![0.0; n * width];
        let forward = |(item, rows): (Item<'_>, std::ops::Range<usize>)| {
            forward(&item, &mut answer[rows.start * width..rows.end * width])
        };
        let kept: Vec<_> = self.items(projected).map(forward).collect();
        (Array::new(answer, [n, width]), kept.into())
    }

    fn backward(
        &self,
        [projected]: &[Array; 1],
        kept: &Self::Kept,
        gradient: &Array,
        _: [bool; 1],
    ) -> [Option<Array>; 1] {
        let [n, three] = projected.dims();
        let mut answer = vec![0.0; n * three];
        for ((item, rows), kept) in self.items(projected).zip(kept.iter()) {
            let gradient = &gradient.values()[rows.start * item.width..rows.end * item.width];
            backward(&item, kept, gradient, &mut answer[rows.start * three..rows.end * three]);
        }
        [Some(Array::new(answer, [n, three]))]
    }
}

/// [`attention`] of one item into `out`, `[n, width]`; gives the share of every row in every other, `[heads, n, n]`.
pub(crate) fn forward(item: &Item<'_>, out: &mut [f32]) -> Vec<f32> {
    let (n, per_head) = (item.n, item.per_head());
    let mut shares = vec![0.0; item.heads * n * n];
    for (head, shares) in shares.chunks_exact_mut(n * n).enumerate() {
        multiply(shares, Accum::Replace, item.part(0, head), item.part(1, head).transpose());
        wide(Softmax { rows: shares, n, factor: item.factor() });
        let out = (&mut out[head * per_head..], item.width);
        multiply_strided(out, by_rows(shares, n, n), item.part(2, head), 1.0);
    }
    shares
}

fn backward(item: &Item<'_>, shares: &[f32], gradient: &[f32], out: &mut [f32]) {
    let (n, width, per_head) = (item.n, item.width, item.per_head());
    let mut of_shares = vec![0.0; n * n];
    for (head, shares) in shares.chunks_exact(n * n).enumerate() {
        let gradient = by_strided_rows(&gradient[head * per_head..], n, per_head, width);
        multiply(&mut of_shares, Accum::Replace, gradient, item.part(2, head).transpose());
        wide(SoftmaxBack { shares, of_shares: &mut of_shares, n });
        let of_scores = by_rows(&of_shares, n, n);
        let mut add = |k: usize, a, b, factor| {
            let start = k * width + head * per_head;
            multiply_strided((&mut out[start..], 3 * width), a, b, factor);
        };
        add(0, of_scores, item.part(1, head), item.factor());
        add(1, of_scores.transpose(), item.part(0, head), item.factor());
        add(2, by_rows(shares, n, n).transpose(), gradient, 1.0);
    }
}

/// Each row becomes `e^(factor x)` by its sum.
struct Softmax<'a> {
    rows: &'a mut [f32],
    n: usize,
    factor: f32,
}

impl NullaryFnOnce for Softmax<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for row in self.rows.chunks_exact_mut(self.n) {
            let top = row.iter().fold(f32::NEG_INFINITY, |top, x| if *x > top { *x } else { top });
            for x in row.iter_mut() {
                *x = exp((*x - top) * self.factor);
            }
            let share = 1.0 / sum(row);
            for x in row {
                *x *= share;
            }
        }
    }
}

/// From the gradient by the shares to that by the scores.
struct SoftmaxBack<'a> {
    shares: &'a [f32],
    of_shares: &'a mut [f32],
    n: usize,
}

impl NullaryFnOnce for SoftmaxBack<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for (shares, gradient) in
            self.shares.chunks_exact(self.n).zip(self.of_shares.chunks_exact_mut(self.n))
        {
            let level = dot(shares, gradient);
            for (g, share) in gradient.iter_mut().zip(shares) {
                *g = share * (*g - level);
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
        for (lengths, width, heads) in [(vec![1], 4, 2), (vec![3, 0, 1, 5], 6, 3), (vec![17, 33], 32, 4)] {
            let segments = Segments::of_lengths(lengths);
            let shape = [segments.n_rows(), 3 * width];
            let ours =
                |x: &[Tensor<1>]| attention(x[0].clone().reshape(shape), &segments, heads).reshape([-1]);
            let theirs =
                |x: &[Tensor<1>]| composed(x[0].clone().reshape(shape), &segments, heads).reshape([-1]);
            let inputs = inputs(&[shape[0] * shape[1]]);
            agree(&inputs, &ours, &theirs);
            differs_as_its_gradients_say(&inputs, &ours);
        }
    }
}

//! Rows of a batch of uneven length, one after the other in a matrix without padding, and their means.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::fused::{Array, Op, apply};

/// Where each item's rows lie in a matrix of all rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segments(Arc<Vec<usize>>);

impl Segments {
    /// Items of so many rows each, in order.
    pub(crate) fn of_lengths(lengths: impl IntoIterator<Item = usize>) -> Self {
        let ends = lengths.into_iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        Segments(Arc::new(std::iter::once(0).chain(ends).collect()))
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len() - 1
    }

    /// How many rows all items have.
    pub(crate) fn n_rows(&self) -> usize {
        self.0.last().copied().unwrap_or(0)
    }

    /// How many rows the longest item has.
    pub(crate) fn longest(&self) -> usize {
        self.iter().map(|rows| rows.len()).max().unwrap_or(0)
    }

    /// The rows of each item beside those of the others, `[items, longest, width]`, 0 beyond its last.
    pub(crate) fn padded(&self, x: Tensor<2>) -> Tensor<3> {
        let ([n_rows, width], longest) = (x.dims(), self.longest());
        if n_rows == self.len() * longest {
            return x.reshape([self.len(), longest, width]);
        }
        let places = self.iter().flat_map(|rows| {
            let beyond = longest - rows.len();
            rows.chain(std::iter::repeat_n(n_rows, beyond))
        });
        let places = places_on(&x.device(), places);
        let nothing = Tensor::zeros([1, width], (&x.device(), x.dtype()));
        Tensor::cat(vec![x, nothing], 0).select(0, places).reshape([self.len(), longest, width])
    }

    /// What [`Segments::padded`] did, undone.
    pub(crate) fn unpadded(&self, x: Tensor<3>) -> Tensor<2> {
        let [items, longest, width] = x.dims();
        let x = x.reshape([items * longest, width]);
        if self.n_rows() == items * longest {
            return x;
        }
        let places =
            self.iter().enumerate().flat_map(|(i, rows)| (0..rows.len()).map(move |at| i * longest + at));
        let places = places_on(&x.device(), places);
        x.select(0, places)
    }

    /// For each item and place of [`Segments::padded`], 1 where it is beyond the item's rows and 0 where not; nothing where all
    /// items are as long.
    pub(crate) fn beyond(&self) -> Option<Vec<f32>> {
        let longest = self.longest();
        let beyond = |rows: Range<usize>| (0..longest).map(move |at| f32::from(u8::from(at >= rows.len())));
        (self.n_rows() < self.len() * longest).then(|| self.iter().flat_map(beyond).collect())
    }

    /// The rows of each item.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.0.windows(2).map(|ends| ends[0]..ends[1])
    }
}

/// The mean row of each item: of `[rows, width]`, `[items, width]`; 0 for an item without rows.
pub(crate) fn means(x: Tensor<2>, segments: &Segments) -> Tensor<2> {
    match apply(Means(segments.clone()), [x.clone().into_dispatch()]) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => composed(x, segments),
    }
}

/// [`means`] of burn's own operations.
fn composed(x: Tensor<2>, segments: &Segments) -> Tensor<2> {
    let shares: Vec<f32> = segments.iter().map(|rows| 1.0 / rows.len().max(1) as f32).collect();
    let shares = TensorData::new(shares, [segments.len(), 1]);
    let (shares, width) = (Tensor::<2>::from_data(shares, (&x.device(), x.dtype())), x.dims()[1]);
    segments.padded(x).sum_dim(1).reshape([segments.len(), width]) * shares
}

/// Rows of a table, as what picks them.
pub(super) fn places_on(device: &Device, places: impl Iterator<Item = usize>) -> Tensor<1, Int> {
    let places: Vec<i32> = places.map(|place| place as i32).collect();
    let n = places.len();
    Tensor::from_data(TensorData::new(places, [n]), device)
}

#[derive(Debug)]
struct Means(Segments);

impl Op<1> for Means {
    type Kept = ();

    fn forward(&self, [x]: &[Array; 1], _: bool) -> (Array, ()) {
        let [_, width] = x.dims();
        let mut answer = vec![0.0; self.0.len() * width];
        for (out, rows) in answer.chunks_exact_mut(width.max(1)).zip(self.0.iter()) {
            let share = 1.0 / rows.len().max(1) as f32;
            for row in x.values()[rows.start * width..rows.end * width].chunks_exact(width) {
                out.iter_mut().zip(row).for_each(|(out, x)| *out += x * share);
            }
        }
        (Array::new(answer, [self.0.len(), width]), ())
    }

    fn backward(&self, [x]: &[Array; 1], _: &(), gradient: &Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let [n, width] = x.dims();
        let mut of_x = Vec::with_capacity(n * width);
        for (gradient, rows) in gradient.values().chunks_exact(width.max(1)).zip(self.0.iter()) {
            let share = 1.0 / rows.len().max(1) as f32;
            for _ in rows {
                of_x.extend(gradient.iter().map(|g| g * share));
            }
        }
        [Some(x.shaped_as(of_x))]
    }
}

#[cfg(test)]
mod tests {
    use super::super::agreement::{agree, inputs};
    use super::*;

    #[test]
    fn agrees_with_a_product() {
        let segments = Segments::of_lengths([3, 0, 1, 5]);
        let ours = |x: &[Tensor<1>]| means(x[0].clone().reshape([9, 7]), &segments).reshape([-1]);
        let theirs = |x: &[Tensor<1>]| composed(x[0].clone().reshape([9, 7]), &segments).reshape([-1]);
        agree(&inputs(&[63]), &ours, &theirs);
    }
}

//! A row of a table for each token, and for each place in the text, as one operation.

use std::sync::Arc;

use burn::backend::DispatchTensor;
use burn::tensor::{Int, Tensor};

use super::fused::{Array, Op, apply};
use super::node::{self, Layer};
use super::segments::places_on;

/// `tokens[t] + places[p]` for each token `t` at place `p`: of tables `[vocabulary, width]` and `[longest, width]`,
/// `[rows, width]`. Both lists are as long as there are rows and within their tables.
pub(crate) fn embedding(tokens: Tensor<2>, places: Tensor<2>, which: Arc<Vec<[u32; 2]>>) -> Tensor<2> {
    let inputs = [tokens.clone().into_dispatch(), places.clone().into_dispatch()];
    match apply(Embedding(which.clone()), inputs) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => as_node(tokens, places, which),
    }
}

/// [`embedding`] of burn's own operations, as one node.
fn as_node(tokens: Tensor<2>, places: Tensor<2>, which: Arc<Vec<[u32; 2]>>) -> Tensor<2> {
    let inputs = [tokens.clone().into_dispatch(), places.clone().into_dispatch()];
    node::apply(&Embedding(which.clone()), inputs, || composed(tokens, places, &which))
}

/// [`embedding`] of burn's own operations, the graph left to burn.
fn composed(tokens: Tensor<2>, places: Tensor<2>, which: &[[u32; 2]]) -> Tensor<2> {
    let pick = |table: Tensor<2>, k: usize| {
        let places = places_on(&table.device(), which.iter().map(|pair| pair[k] as usize));
        table.select(0, places)
    };
    pick(tokens, 0) + pick(places, 1)
}

/// Rows of a table whose gradient is found as one product.
const AT_ONCE: usize = 4096;

/// The sum of the rows of `gradient` that took row `r` of a table of `n`, for each `r`: as a product with ones and zeros, for on a
/// GPU sums of rows by place go one after the other.
fn by_place(gradient: &Tensor<2>, which: impl Iterator<Item = usize>, n: usize) -> Tensor<2> {
    let (device, dtype, rows) = (gradient.device(), gradient.dtype(), gradient.dims()[0]);
    let which = places_on(&device, which).reshape([1, rows]);
    let part = |start: usize| {
        let places = start as i64..n.min(start + AT_ONCE) as i64;
        let places = Tensor::<1, Int>::arange(places, (&device, which.dtype())).unsqueeze_dim::<2>(1);
        let took = places.equal(which.clone()).float().cast(dtype);
        took.matmul(gradient.clone())
    };
    Tensor::cat((0..n).step_by(AT_ONCE).map(part).collect(), 0)
}

impl Layer<2> for Embedding {
    type Kept = ();

    fn forward(&self, [tokens, places]: [DispatchTensor; 2]) -> (DispatchTensor, ()) {
        let answer = composed(Tensor::from_dispatch(tokens), Tensor::from_dispatch(places), &self.0);
        (answer.into_dispatch(), ())
    }

    fn backward(
        &self,
        tables: [DispatchTensor; 2],
        (): (),
        gradient: DispatchTensor,
        wanted: [bool; 2],
    ) -> [Option<DispatchTensor>; 2] {
        let gradient = Tensor::<2>::from_dispatch(gradient);
        let lengths = tables.map(|table| Tensor::<2>::from_dispatch(table).dims()[0]);
        [0, 1].map(|k| {
            let which = || self.0.iter().map(|pair| pair[k] as usize);
            wanted[k].then(|| by_place(&gradient, which(), lengths[k]).into_dispatch())
        })
    }
}

#[derive(Clone, Debug)]
struct Embedding(Arc<Vec<[u32; 2]>>);

impl Op<2> for Embedding {
    type Kept = ();

    fn forward(&self, [tokens, places]: &[Array; 2], _: bool) -> (Array, ()) {
        let [_, width] = tokens.dims();
        let (tokens, places) = (tokens.values(), places.values());
        let mut answer = Vec::with_capacity(self.0.len() * width);
        for &[token, place] in self.0.iter() {
            let token = &tokens[token as usize * width..][..width];
            let place = &places[place as usize * width..][..width];
            answer.extend(token.iter().zip(place).map(|(a, b)| a + b));
        }
        (Array::new(answer, [self.0.len(), width]), ())
    }

    fn backward(&self, tables: &[Array; 2], _: &(), gradient: &Array, _: [bool; 2]) -> [Option<Array>; 2] {
        let mut found = tables.each_ref().map(|table| vec![0.0; table.values().len()]);
        let [_, width] = gradient.dims();
        for (which, row) in self.0.iter().zip(gradient.values().chunks_exact(width.max(1))) {
            for (table, at) in found.iter_mut().zip(which) {
                let into = &mut table[*at as usize * width..][..width];
                into.iter_mut().zip(row).for_each(|(into, g)| *into += g);
            }
        }
        let [of_tokens, of_places] = found;
        [Some(tables[0].shaped_as(of_tokens)), Some(tables[1].shaped_as(of_places))]
    }
}

#[cfg(test)]
mod tests {
    use super::super::agreement::{agree, inputs};
    use super::*;

    #[test]
    fn agrees_with_burn() {
        let which = Arc::new(vec![[0, 0], [4, 1], [4, 2], [2, 0]]);
        let tables = |x: &[Tensor<1>]| (x[0].clone().reshape([5, 3]), x[1].clone().reshape([4, 3]));
        let ours = |x: &[Tensor<1>]| {
            let (tokens, places) = tables(x);
            embedding(tokens, places, which.clone()).reshape([-1])
        };
        let theirs = |x: &[Tensor<1>]| {
            let (tokens, places) = tables(x);
            composed(tokens, places, &which).reshape([-1])
        };
        agree(&inputs(&[15, 12]), &ours, &theirs);
        let node = |x: &[Tensor<1>]| {
            let (tokens, places) = tables(x);
            as_node(tokens, places, which.clone()).reshape([-1])
        };
        agree(&inputs(&[15, 12]), &node, &theirs);
    }
}

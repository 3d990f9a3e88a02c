//! A row of a table for each token, and for each place in the text, as one operation.

use std::sync::Arc;

use burn::tensor::{Int, Tensor, TensorData};

use super::fused::{Array, Op, apply};

/// `tokens[t] + places[p]` for each token `t` at place `p`: of tables `[vocabulary, width]` and `[longest, width]`,
/// `[rows, width]`. Both lists are as long as there are rows and within their tables.
pub(crate) fn embedding(tokens: Tensor<2>, places: Tensor<2>, which: Arc<Vec<[u32; 2]>>) -> Tensor<2> {
    let inputs = [tokens.clone().into_dispatch(), places.clone().into_dispatch()];
    match apply(Embedding(which.clone()), inputs) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => composed(tokens, places, &which),
    }
}

/// [`embedding`] of burn's own operations.
fn composed(tokens: Tensor<2>, places: Tensor<2>, which: &[[u32; 2]]) -> Tensor<2> {
    let pick = |table: Tensor<2>, k: usize| {
        let ids: Vec<i32> = which.iter().map(|pair| pair[k] as i32).collect();
        let n = ids.len();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [n]), &table.device());
        table.select(0, ids)
    };
    pick(tokens, 0) + pick(places, 1)
}

#[derive(Debug)]
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
    }
}

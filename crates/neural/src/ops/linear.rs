//! A fully connected layer with its activation, as one operation.

use burn::backend::DispatchTensor;
use burn::tensor::Tensor;
use faer::Accum;

use super::activation::{self, times_slopes};
use super::fused::{Array, Op, apply};
use super::node::{self, Layer};
use super::product::{add_rows, by_rows, multiply, product};
use super::sums::{product_over_rows, sum_of_rows};
use crate::body::Activation;

/// `x weight^T + bias`, bent where asked for: of rows `[n, in]`, with `weight` `[out, in]` and `bias` `[out]`, rows `[n, out]`.
pub(crate) fn linear(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    activation: Option<Activation>,
) -> Tensor<2> {
    let inputs = [x.clone().into_dispatch(), weight.clone().into_dispatch(), bias.clone().into_dispatch()];
    match apply(Linear(activation), inputs) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => as_node(x, weight, bias, activation),
    }
}

/// [`linear`] of burn's own operations, the sums as one node.
fn as_node(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, activation: Option<Activation>) -> Tensor<2> {
    let inputs = [x.clone().into_dispatch(), weight.clone().into_dispatch(), bias.clone().into_dispatch()];
    let sums = node::apply(&Sums, inputs, || composed(x, weight, bias, None));
    match activation {
        Some(activation) => activation::composed(sums, activation),
        None => sums,
    }
}

/// [`linear`] of burn's own operations, the graph left to burn.
fn composed(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, activation: Option<Activation>) -> Tensor<2> {
    let sums = x.matmul(weight.transpose()) + bias.unsqueeze::<2>();
    match activation {
        Some(activation) => activation::composed(sums, activation),
        None => sums,
    }
}

/// The sums of a layer.
#[derive(Clone, Debug)]
struct Sums;

impl Layer<3> for Sums {
    type Kept = ();

    fn forward(&self, [x, weight, bias]: [DispatchTensor; 3]) -> (DispatchTensor, ()) {
        let (x, weight) = (Tensor::<2>::from_dispatch(x), Tensor::<2>::from_dispatch(weight));
        let sums = x.matmul(weight.transpose()) + Tensor::<1>::from_dispatch(bias).unsqueeze::<2>();
        (sums.into_dispatch(), ())
    }

    fn backward(
        &self,
        [x, weight, _]: [DispatchTensor; 3],
        (): (),
        gradient: DispatchTensor,
        wanted: [bool; 3],
    ) -> [Option<DispatchTensor>; 3] {
        let gradient = Tensor::<2>::from_dispatch(gradient);
        let of_x = wanted[0].then(|| gradient.clone().matmul(Tensor::from_dispatch(weight)).into_dispatch());
        let of_weight =
            wanted[1].then(|| product_over_rows(gradient.clone(), Tensor::from_dispatch(x)).into_dispatch());
        [of_x, of_weight, wanted[2].then(|| sum_of_rows(gradient).into_dispatch())]
    }
}

#[derive(Debug)]
struct Linear(Option<Activation>);

/// [`linear`] of the `n` rows in a slice; with `gradients` and an activation, also the activation's gradient at each answer.
pub(crate) fn rows(
    x: &[f32],
    n: usize,
    weight: &[f32],
    bias: &[f32],
    activation: Option<Activation>,
    slopes: Option<&mut Vec<f32>>,
) -> Vec<f32> {
    let n_out = bias.len();
    let n_in = weight.len() / n_out.max(1);
    let mut answer = bias.repeat(n);
    multiply(&mut answer, Accum::Add, by_rows(x, n, n_in), by_rows(weight, n_out, n_in).transpose());
    if let Some(activation) = activation {
        let slopes = slopes.map(|slopes| {
            slopes.resize(answer.len(), 0.0);
            slopes.as_mut_slice()
        });
        activation::bend_all(activation, &mut answer, slopes);
    }
    answer
}

impl Op<3> for Linear {
    /// The gradients of the activation, `[n, out]`; none where nothing is bent.
    type Kept = std::sync::Arc<Vec<f32>>;

    fn forward(&self, [x, weight, bias]: &[Array; 3], keep: bool) -> (Array, Self::Kept) {
        let ([n, _], [n_out, _]) = (x.dims(), weight.dims());
        let mut slopes = Vec::new();
        let answer = rows(x.values(), n, weight.values(), bias.values(), self.0, keep.then_some(&mut slopes));
        (Array::new(answer, [n, n_out]), slopes.into())
    }

    fn backward(
        &self,
        [x, weight, _]: &[Array; 3],
        slopes: &Self::Kept,
        gradient: &Array,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        let ([n, n_in], [n_out, _]) = (x.dims(), weight.dims());
        let bent = (!slopes.is_empty()).then(|| times_slopes(gradient.values(), slopes));
        let of_sums = bent.as_deref().unwrap_or(gradient.values());
        let of_rows = by_rows(of_sums, n, n_out);
        let of_x = wanted[0].then(|| product(of_rows, by_rows(weight.values(), n_out, n_in)));
        let of_weight = wanted[1].then(|| product(of_rows.transpose(), by_rows(x.values(), n, n_in)));
        let of_bias = wanted[2].then(|| {
            let mut total = vec![0.0; n_out];
            add_rows(&mut total, of_sums);
            Array::new(total, [n_out])
        });
        [of_x.map(|g| x.shaped_as(g)), of_weight.map(|g| weight.shaped_as(g)), of_bias]
    }
}

#[cfg(test)]
mod tests {
    use super::super::agreement::{agree, differs_as_its_gradients_say, inputs};
    use super::*;

    #[test]
    fn agrees_with_the_composed_layer() {
        for (n, n_in, n_out) in [(1, 1, 1), (5, 7, 3), (33, 20, 17)] {
            for activation in [None, Some(Activation::Relu), Some(Activation::Gelu), Some(Activation::Silu)] {
                let shaped = |x: &[Tensor<1>]| {
                    let (weight, bias) = (x[1].clone().reshape([n_out, n_in]), x[2].clone());
                    (x[0].clone().reshape([n, n_in]), weight, bias)
                };
                let ours = |x: &[Tensor<1>]| {
                    let (x, weight, bias) = shaped(x);
                    linear(x, weight, bias, activation).reshape([-1])
                };
                let inputs = inputs(&[n * n_in, n_out * n_in, n_out]);
                for other in [as_node, composed] {
                    agree(&inputs, &ours, &|x: &[Tensor<1>]| {
                        let (x, weight, bias) = shaped(x);
                        other(x, weight, bias, activation).reshape([-1])
                    });
                }
                if activation != Some(Activation::Relu) {
                    differs_as_its_gradients_say(&inputs, &ours);
                }
            }
        }
    }
}

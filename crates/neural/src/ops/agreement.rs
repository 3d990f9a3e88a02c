//! Tests that hold an operation to the same composed of burn's own, and to finite differences.

use burn::tensor::{Device, Tensor, TensorData};
use tidemill_kernel::Random;

/// An operation of flat inputs, for tests.
pub(super) type Function<'a> = &'a dyn Fn(&[Tensor<1>]) -> Tensor<1>;

/// So many draws from the standard normal distribution for each input.
pub(super) fn inputs(lengths: &[usize]) -> Vec<Vec<f32>> {
    let draw = |(stream, &n): (usize, &usize)| {
        let mut random = Random::new(11, stream as u64);
        (0..n).map(|_| random.normal() as f32).collect()
    };
    lengths.iter().enumerate().map(draw).collect()
}

struct Found {
    answer: Vec<f32>,
    gradients: Vec<Vec<f32>>,
}

/// The answer, and the gradient of a weighted sum of it by each input; the weights differ from number to number.
fn run(inputs: &[Vec<f32>], function: Function<'_>) -> Found {
    let device = Device::flex().autodiff();
    let leaf = |values: &Vec<f32>| {
        Tensor::<1>::from_data(TensorData::new(values.clone(), [values.len()]), &device).require_grad()
    };
    let leaves: Vec<Tensor<1>> = inputs.iter().map(leaf).collect();
    let answer = function(&leaves);
    let weights = weights(answer.dims()[0]);
    let n = weights.len();
    let mut gradients =
        (answer.clone() * Tensor::from_data(TensorData::new(weights, [n]), &device)).sum().backward();
    let numbers = |tensor: Tensor<1>| tensor.into_data().try_to_vec::<f32>().unwrap();
    Found {
        answer: numbers(answer.inner()),
        gradients: leaves.iter().map(|leaf| numbers(leaf.grad_remove(&mut gradients).unwrap())).collect(),
    }
}

fn weights(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 37 % 19) as f32 - 9.0) / 9.0).collect()
}

/// The weighted sum of the answer without a graph, in 64 bits.
fn loss(inputs: &[Vec<f32>], function: Function<'_>) -> f64 {
    let leaf = |values: &Vec<f32>| {
        Tensor::<1>::from_data(TensorData::new(values.clone(), [values.len()]), &Device::flex())
    };
    let answer =
        function(&inputs.iter().map(leaf).collect::<Vec<_>>()).into_data().try_to_vec::<f32>().unwrap();
    answer.iter().zip(weights(answer.len())).map(|(a, w)| f64::from(*a) * f64::from(w)).sum()
}

fn assert_close(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let size = theirs.iter().fold(1.0f32, |size, x| size.max(x.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= 1e-5 * size, "{what}, number {i}: {a} and {b}");
    }
}

/// Both give the same answer and gradients, to 1e-5 of the largest number; and with and without a graph the same bits.
pub(super) fn agree(inputs: &[Vec<f32>], ours: Function<'_>, composed: Function<'_>) {
    let (a, b) = (run(inputs, ours), run(inputs, composed));
    assert_close(&a.answer, &b.answer, "answer");
    for (k, (a, b)) in a.gradients.iter().zip(&b.gradients).enumerate() {
        assert_close(a, b, &format!("gradient of input {k}"));
    }
    let weighted = a.answer.iter().zip(weights(a.answer.len())).map(|(a, w)| f64::from(*a) * f64::from(w));
    assert_eq!(loss(inputs, ours), weighted.sum::<f64>());
}

/// The gradients say how the answer changes, to a thousandth of the change's size: along a random direction of each input.
pub(super) fn differs_as_its_gradients_say(inputs: &[Vec<f32>], ours: Function<'_>) {
    const STEP: f32 = 1e-2;
    let found = run(inputs, ours);
    for (k, gradient) in found.gradients.iter().enumerate() {
        let mut random = Random::new(5, k as u64);
        let scale = 1.0 / (gradient.len() as f32).sqrt();
        let direction: Vec<f32> = gradient.iter().map(|_| scale * random.normal() as f32).collect();
        let moved = |step: f32| {
            let mut moved = inputs.to_vec();
            moved[k].iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
            loss(&moved, ours)
        };
        let change = (moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP);
        let said: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let length = gradient.iter().map(|g| f64::from(g * g)).sum::<f64>().sqrt();
        let size = 1.0 + length * f64::from(scale);
        assert!((change - said).abs() <= 3e-3 * size, "input {k}: {change} and {said}");
    }
}

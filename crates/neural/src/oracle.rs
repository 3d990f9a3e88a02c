//! The losses by burn's graph: what the plain ones are held to, in tests alone.

use burn::tensor::{Tensor, activation};

use crate::graph::Pass;
use crate::head::{Loss, NetLoss, Truth};

/// The weighted sum of the losses of some rows.
pub(crate) fn loss(
    loss: &Loss,
    outputs: Tensor<2>,
    truth: &Truth,
    weights: &[f32],
    pass: &Pass<'_>,
) -> Tensor<1> {
    let [n, k] = outputs.dims();
    let losses = match truth {
        Truth::Rows(values, _) => {
            let known: Vec<f32> = values.iter().map(|x| f32::from(u8::from(!x.is_nan()))).collect();
            let values = values.iter().map(|x| if x.is_nan() { 0.0 } else { *x }).collect();
            let error = (outputs - pass.numbers(values, [n, k])) * pass.numbers(known, [n, k]);
            error.clone() * error
        }
        Truth::Numbers(values) => {
            let error = outputs - pass.numbers(values.clone(), [n, 1]);
            match loss.kind {
                NetLoss::Absolute => error.abs(),
                NetLoss::Huber => {
                    // The part within the bound counts squared, what is beyond it by its size.
                    let within = error.clone().clamp(-loss.delta, loss.delta);
                    within.clone() * (error - within.mul_scalar(0.5))
                }
                _ => error.clone() * error,
            }
        }
        Truth::Classes(codes) => {
            let mut targets = vec![loss.smoothing / k as f32; n * k];
            let rows = codes.iter().zip(targets.chunks_exact_mut(k));
            rows.for_each(|(&class, row)| row[class as usize] += 1.0 - loss.smoothing);
            let logs = activation::log_softmax(outputs, 1);
            let losses = (pass.numbers(targets, [n, k]) * logs.clone()).neg();
            match loss.kind {
                NetLoss::Focal => losses * logs.exp().neg().add_scalar(1.0).powf_scalar(loss.gamma),
                _ => losses,
            }
        }
    };
    (losses * pass.numbers(weights.to_vec(), [n, 1])).sum()
}

//! A whole net and its losses by burn's graph: what the plain ones are held to, in tests alone.

use burn::tensor::{Tensor, activation};
use tidemill_core::Result;

use crate::Activation;
use crate::body::{Body, LAYER_NORM_EPSILON};
use crate::encoders::Read;
use crate::graph::Pass;
use crate::head::{Loss, NetLoss, Truth};
use crate::net::Net;

/// The outputs for some rows, `[rows, outputs]`.
pub(crate) fn outputs(net: &Net, reads: &[Read], pass: &Pass<'_>) -> Result<Tensor<2>> {
    let encoders = net.encoders.iter().zip(reads).enumerate();
    let encoded = encoders.map(|(e, (encoder, read))| encoder.forward(read, &pass.part(net.first(e))));
    let joined = Tensor::cat(encoded.collect::<Result<Vec<_>>>()?, 1);
    let n = net.encoders.len();
    let hidden = hidden(&net.body, joined, &pass.part(net.first(n)))?;
    let head = pass.part(net.first(n + 1));
    Ok(linear(hidden, head.parameter(0)?, head.parameter(1)?))
}

fn hidden(body: &Body, mut x: Tensor<2>, pass: &Pass<'_>) -> Result<Tensor<2>> {
    for (k, (inputs, outputs)) in body.layers().enumerate() {
        let at = k * body.per_layer();
        let mut y = linear(x.clone(), pass.parameter(at)?, pass.parameter(at + 1)?);
        if body.layer_norm {
            y = layer_norm(y, pass.parameter(at + 2)?, pass.parameter(at + 3)?);
        }
        let y = match body.activation {
            Activation::Relu => activation::relu(y),
            Activation::Gelu => activation::gelu(y),
            Activation::Silu => activation::silu(y),
        };
        x = if body.residual && inputs == outputs { x + y } else { y };
    }
    Ok(x)
}

/// `x` (`[rows, inputs]`) times the transpose of `weight` (`[outputs, inputs]`), plus `bias` (`[outputs]`).
fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    x.matmul(weight.transpose()) + bias.unsqueeze::<2>()
}

/// Each row to mean 0 and variance 1, then scaled and moved (Ba et al. 2016).
fn layer_norm(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(1);
    let variance = (centred.clone() * centred.clone()).mean_dim(1);
    centred / (variance + LAYER_NORM_EPSILON).sqrt() * weight.unsqueeze::<2>() + bias.unsqueeze::<2>()
}

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

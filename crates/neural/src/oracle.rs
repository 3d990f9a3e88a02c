//! A whole net and its losses by burn's graph: what the plain ones are held to, in tests alone.

use burn::tensor::{Tensor, activation};
use tidemill_core::Result;

use crate::Activation;
use crate::body::Body;
use crate::encoders::Read;
use crate::graph::{Pass, layer_norm, linear};
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
            codes
                .iter()
                .zip(targets.chunks_exact_mut(k))
                .for_each(|(&c, row)| row[c as usize] += 1.0 - loss.smoothing);
            let logs = activation::log_softmax(outputs, 1);
            let losses = pass.numbers(targets, [n, k]) * logs.clone();
            match loss.kind {
                NetLoss::Focal => losses.neg() * logs.exp().neg().add_scalar(1.0).powf_scalar(loss.gamma),
                _ => losses.neg(),
            }
        }
    };
    (losses * pass.numbers(weights.to_vec(), [n, 1])).sum()
}

//! The fully connected layers between the encoders and the head.

use burn::tensor::{Tensor, activation};
use pulp::NullaryFnOnce;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::Result;
use tidemill_kernel::vector::wide;

use crate::dense::Dense;
use crate::graph::{Pass, linear};
use crate::math;
use crate::parameters::{Declared, Part, Start};

/// What bends the sums of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// The positive part.
    Relu,
    /// `x` times the standard normal distribution function of `x` (Hendrycks and Gimpel 2016).
    Gelu,
    /// `x` times its logistic function (Elfwing et al. 2018).
    Silu,
}

impl Activation {
    fn graph(self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Activation::Relu => activation::relu(x),
            Activation::Gelu => activation::gelu(x),
            Activation::Silu => activation::silu(x),
        }
    }

    #[inline(always)]
    fn all(self, values: &mut [f32]) {
        match self {
            Activation::Relu => values.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { 0.0 }),
            Activation::Gelu => values.iter_mut().for_each(|x| {
                *x *= 0.5 + 0.5 * math::erf(*x * std::f32::consts::FRAC_1_SQRT_2);
            }),
            Activation::Silu => values.iter_mut().for_each(|x| *x *= math::sigmoid(*x)),
        }
    }
}

/// Added to the variance of a layer norm, as PyTorch does.
const EPSILON: f64 = 1e-5;

/// The shape of the body. Each layer is a linear map, a layer norm where asked for, the activation and dropout; with
/// `residual`, a layer as wide as the one before adds its own input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Body {
    /// Numbers of a row that come in.
    pub inputs: usize,
    /// The width of each layer; none is a linear model.
    pub hidden: Vec<usize>,
    pub activation: Activation,
    /// The share of each layer's numbers that training drops.
    pub dropout: f32,
    pub layer_norm: bool,
    pub residual: bool,
}

impl Body {
    /// Numbers of a row that go out.
    pub(crate) fn width(&self) -> usize {
        self.hidden.last().copied().unwrap_or(self.inputs)
    }

    /// The numbers that come into and go out of each layer.
    fn layers(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let inputs = std::iter::once(self.inputs).chain(self.hidden.iter().copied());
        inputs.zip(self.hidden.iter().copied())
    }

    /// How many arrays a layer has.
    fn per_layer(&self) -> usize {
        if self.layer_norm { 4 } else { 2 }
    }

    pub(crate) fn declare(&self) -> Vec<Declared> {
        let mut declared = Vec::new();
        for (k, (inputs, outputs)) in self.layers().enumerate() {
            declared.push(Declared::glorot(format!("body.{k}.weight"), &[outputs, inputs]));
            declared.push(Declared::new(format!("body.{k}.bias"), &[outputs], Start::Zeros));
            if self.layer_norm {
                declared.push(Declared::new(format!("norms.{k}.weight"), &[outputs], Start::Ones));
                declared.push(Declared::new(format!("norms.{k}.bias"), &[outputs], Start::Zeros));
            }
        }
        declared
    }

    pub(crate) fn forward(&self, mut x: Tensor<2>, pass: &Pass<'_>) -> Result<Tensor<2>> {
        for (k, (inputs, outputs)) in self.layers().enumerate() {
            let at = k * self.per_layer();
            let mut y = linear(x.clone(), pass.parameter(at)?, pass.parameter(at + 1)?);
            if self.layer_norm {
                y = layer_norm(y, pass.parameter(at + 2)?, pass.parameter(at + 3)?);
            }
            y = pass.dropout(self.activation.graph(y), self.dropout);
            x = if self.residual && inputs == outputs { x + y } else { y };
        }
        Ok(x)
    }

    pub(crate) fn plain(&self, parameters: Part<'_>) -> PlainBody {
        let layer = |(k, (inputs, outputs)): (usize, (usize, usize))| {
            let at = k * self.per_layer();
            let norm = |i| parameters.array(at + i).to_vec();
            PlainLayer {
                dense: Dense::new(parameters.array(at), parameters.array(at + 1), inputs),
                norm: self.layer_norm.then(|| (norm(2), norm(3))),
                activation: self.activation,
                adds_input: self.residual && inputs == outputs,
            }
        };
        PlainBody(self.layers().enumerate().map(layer).collect())
    }
}

/// Each row to mean 0 and variance 1, then scaled and moved (Ba et al. 2016).
pub(crate) fn layer_norm(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(1);
    let variance = (centred.clone() * centred.clone()).mean_dim(1);
    centred / (variance + EPSILON).sqrt() * weight.unsqueeze::<2>() + bias.unsqueeze::<2>()
}

/// The body in plain Rust.
pub(crate) struct PlainBody(Vec<PlainLayer>);

struct PlainLayer {
    dense: Dense,
    norm: Option<(Vec<f32>, Vec<f32>)>,
    activation: Activation,
    adds_input: bool,
}

impl PlainBody {
    /// What some rows become, row after row.
    pub(crate) fn run(&self, x: Vec<f32>, n_rows: usize) -> Vec<f32> {
        self.0.iter().fold(x, |x, layer| {
            let mut out = vec![0.0; n_rows * layer.dense.outputs()];
            layer.dense.apply(&x, &mut out);
            wide(Bend(layer, &mut out));
            if layer.adds_input {
                out.iter_mut().zip(&x).for_each(|(out, x)| *out += x);
            }
            out
        })
    }
}

/// A layer after its linear map.
struct Bend<'a>(&'a PlainLayer, &'a mut [f32]);

impl NullaryFnOnce for Bend<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Bend(layer, values) = self;
        if let Some((weight, bias)) = &layer.norm {
            values.chunks_exact_mut(weight.len().max(1)).for_each(|row| normalise(row, weight, bias));
        }
        layer.activation.all(values);
    }
}

/// One row of a layer norm; sums run in 64 bits.
#[inline(always)]
fn normalise(row: &mut [f32], weight: &[f32], bias: &[f32]) {
    let n = row.len() as f64;
    let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = row.iter().map(|&x| (f64::from(x) - mean) * (f64::from(x) - mean)).sum::<f64>() / n;
    let factor = 1.0 / (variance + EPSILON).sqrt();
    for ((x, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
        *x = ((f64::from(*x) - mean) * factor) as f32 * weight + bias;
    }
}

//! The fully connected layers between the encoders and the head.

use burn::tensor::Tensor;
use pulp::NullaryFnOnce;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::Result;
use tidemill_kernel::vector::wide;

use crate::dense::{Dense, column_sums, transpose};
use crate::graph::{Chance, Pass};
use crate::math;
use crate::ops::{activation, layer_norm::layer_norm, linear::linear};
use crate::parameters::{Declared, Part, Start};

/// The activation function of a layer.
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
    /// Turns gradients in what came out into gradients in what came in (`before`).
    #[inline(always)]
    fn slopes(self, before: &[f32], slopes: &mut [f32]) {
        let both = before.iter().zip(slopes);
        match self {
            Activation::Relu => both.for_each(|(x, d)| *d = if *x > 0.0 { *d } else { 0.0 }),
            Activation::Gelu => both.for_each(|(&x, d)| {
                let below = 0.5 + 0.5 * math::erf(x * std::f32::consts::FRAC_1_SQRT_2);
                *d *= below + x * 0.398_942_3 * math::exp(-0.5 * x * x);
            }),
            Activation::Silu => both.for_each(|(&x, d)| {
                let s = math::sigmoid(x);
                *d *= s * (1.0 + x * (1.0 - s));
            }),
        }
    }

    /// Bends numbers in place.
    fn bend(self, values: &mut [f32]) {
        wide(Bend(self, values));
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
pub(crate) const LAYER_NORM_EPSILON: f64 = 1e-5;

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
    pub(crate) fn layers(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let inputs = std::iter::once(self.inputs).chain(self.hidden.iter().copied());
        inputs.zip(self.hidden.iter().copied())
    }

    /// How many arrays a layer has.
    pub(crate) fn per_layer(&self) -> usize {
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

    /// What some rows become, `[rows, inputs]` to `[rows, width]`, as a graph.
    pub(crate) fn forward(&self, mut x: Tensor<2>, pass: &Pass<'_>) -> Result<Tensor<2>> {
        for (k, (inputs, outputs)) in self.layers().enumerate() {
            let at = k * self.per_layer();
            let (weight, bias) = (pass.parameter(at)?, pass.parameter(at + 1)?);
            let bent = match self.layer_norm {
                true => {
                    let sums = linear(x.clone(), weight, bias, None);
                    let normed = layer_norm(sums, pass.parameter(at + 2)?, pass.parameter(at + 3)?);
                    activation::composed(normed, self.activation)
                }
                false => linear(x.clone(), weight, bias, Some(self.activation)),
            };
            let kept = pass.dropout(bent, self.dropout);
            x = if self.residual && inputs == outputs { x + kept } else { kept };
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

/// The body in plain Rust.
pub(crate) struct PlainBody(Vec<PlainLayer>);

struct PlainLayer {
    dense: Dense,
    norm: Option<(Vec<f32>, Vec<f32>)>,
    activation: Activation,
    adds_input: bool,
}

/// What a layer did to some rows, as far as the backward pass needs it.
#[derive(Clone)]
pub(crate) struct Trace {
    /// What came in.
    x: Vec<f32>,
    /// With a layer norm, the sums at mean 0 and variance 1, and what each row was multiplied by to get there.
    normed: Option<(Vec<f32>, Vec<f32>)>,
    /// What came into the activation.
    before: Vec<f32>,
    /// What dropout multiplied by; empty where it did nothing.
    mask: Vec<f32>,
}

impl PlainBody {
    /// What some rows become, row after row.
    pub(crate) fn run(&self, x: Vec<f32>, n_rows: usize) -> Vec<f32> {
        self.0.iter().fold(x, |x, layer| {
            let mut out = vec![0.0; n_rows * layer.dense.outputs()];
            layer.dense.apply(&x, &mut out);
            if let Some((weight, bias)) = &layer.norm {
                out.chunks_exact_mut(weight.len()).for_each(|row| {
                    normalise(row);
                    scale(row, weight, bias);
                });
            }
            layer.activation.bend(&mut out);
            layer.add_input(&x, &mut out);
            out
        })
    }

    /// As [`PlainBody::run`] in training, `rate` of each layer's numbers dropped; with what the backward pass needs.
    pub(crate) fn trace(
        &self,
        x: Vec<f32>,
        n_rows: usize,
        rate: f32,
        chance: &Chance,
    ) -> (Vec<f32>, Vec<Trace>) {
        let mut traces = Vec::with_capacity(self.0.len());
        let out = self.0.iter().fold(x, |x, layer| {
            let mut out = vec![0.0; n_rows * layer.dense.outputs()];
            layer.dense.apply(&x, &mut out);
            let normed = layer.norm.as_ref().map(|(weight, bias)| {
                let factors = out.chunks_exact_mut(weight.len()).map(normalise).collect();
                let normed = out.clone();
                out.chunks_exact_mut(weight.len()).for_each(|row| scale(row, weight, bias));
                (normed, factors)
            });
            let before = out.clone();
            layer.activation.bend(&mut out);
            let mask = chance.mask(out.len(), rate);
            out.iter_mut().zip(&mask).for_each(|(out, mask)| *out *= mask);
            layer.add_input(&x, &mut out);
            traces.push(Trace { x, normed, before, mask });
            out
        });
        (out, traces)
    }
}

impl PlainLayer {
    fn add_input(&self, x: &[f32], out: &mut [f32]) {
        if self.adds_input {
            out.iter_mut().zip(x).for_each(|(out, x)| *out += x);
        }
    }
}

impl Body {
    /// The way back: from the gradients of a loss in the body's outputs to those in its parameters, added to `gradient` (all of
    /// the body's arrays, one after the other), and to those in its inputs, where they are wanted.
    pub(crate) fn backward(
        &self,
        parameters: Part<'_>,
        traces: Vec<Trace>,
        mut slopes: Vec<f32>,
        gradient: &mut [f32],
        inputs_too: bool,
    ) -> Vec<f32> {
        let layers: Vec<(usize, usize)> = self.layers().collect();
        let mut end = gradient.len();
        for (k, trace) in traces.into_iter().enumerate().rev() {
            let ((p, q), at) = (layers[k], k * self.per_layer());
            let start = end - (p * q + q) - if self.layer_norm { 2 * q } else { 0 };
            let (own, n) = (&mut gradient[start..end], slopes.len() / q);
            end = start;
            let (weights, rest) = own.split_at_mut(p * q);
            let (bias, norm) = rest.split_at_mut(q);
            let passed_on = (self.residual && p == q).then(|| slopes.clone());
            slopes.iter_mut().zip(&trace.mask).for_each(|(d, mask)| *d *= mask);
            wide(Unbend(self.activation, &trace.before, &mut slopes));
            if let Some((normed, factors)) = &trace.normed {
                let products: Vec<f32> = slopes.iter().zip(normed).map(|(d, x)| d * x).collect();
                norm[..q].copy_from_slice(&column_sums(&products, q));
                norm[q..].copy_from_slice(&column_sums(&slopes, q));
                let rows = slopes.chunks_exact_mut(q).zip(normed.chunks_exact(q)).zip(factors);
                rows.for_each(|((d, x), factor)| unnormalise(d, x, *factor, parameters.array(at + 2)));
            }
            Dense::times(&trace.x, n, p).apply(&transpose(&slopes, q), weights);
            bias.copy_from_slice(&column_sums(&slopes, q));
            if k > 0 || inputs_too {
                let mut back = vec![0.0; n * p];
                Dense::times(parameters.array(at), q, p).apply(&slopes, &mut back);
                back.iter_mut().zip(passed_on.iter().flatten()).for_each(|(d, passed)| *d += passed);
                slopes = back;
            }
        }
        slopes
    }
}

struct Bend<'a>(Activation, &'a mut [f32]);

impl NullaryFnOnce for Bend<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.all(self.1);
    }
}

struct Unbend<'a>(Activation, &'a [f32], &'a mut [f32]);

impl NullaryFnOnce for Unbend<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.slopes(self.1, self.2);
    }
}

/// A row to mean 0 and variance 1, sums in 64 bits; gives what it was multiplied by.
fn normalise(row: &mut [f32]) -> f32 {
    let n = row.len() as f64;
    let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = row.iter().map(|&x| (f64::from(x) - mean) * (f64::from(x) - mean)).sum::<f64>() / n;
    let factor = 1.0 / (variance + LAYER_NORM_EPSILON).sqrt();
    row.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) * factor) as f32);
    factor as f32
}

fn scale(row: &mut [f32], weight: &[f32], bias: &[f32]) {
    row.iter_mut().zip(weight).zip(bias).for_each(|((x, weight), bias)| *x = *x * weight + bias);
}

/// Gradients in a scaled, normalised row `x` to those in the row before.
fn unnormalise(slopes: &mut [f32], x: &[f32], factor: f32, weight: &[f32]) {
    slopes.iter_mut().zip(weight).for_each(|(d, weight)| *d *= weight);
    let n = slopes.len() as f64;
    let mean = slopes.iter().map(|&d| f64::from(d)).sum::<f64>() / n;
    let along = slopes.iter().zip(x).map(|(&d, &x)| f64::from(d) * f64::from(x)).sum::<f64>() / n;
    let back = |d: f32, x: f32| (f64::from(factor) * (f64::from(d) - mean - f64::from(x) * along)) as f32;
    slopes.iter_mut().zip(x).for_each(|(d, &x)| *d = back(*d, x));
}

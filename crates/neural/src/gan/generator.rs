//! What makes rows of noise and of what is asked for.

use tidemill_kernel::Random;

use super::columns::Span;
use super::condition::Asked;
use super::critic::{outer, product};
use crate::body::{Activation, Body, PlainBody, Trace};
use crate::dense::{Dense, column_sums};
use crate::graph::Chance;
use crate::math;
use crate::parameters::{Declared, Parameters, Start};

/// Numbers of noise of a row.
const NOISE: usize = 64;
/// The width of both layers.
pub(super) const WIDTH: usize = 128;
/// How sharp shares are in training (Jang et al. 2017, "Categorical reparameterization with Gumbel-softmax").
const TEMPERATURE: f32 = 0.2;

/// The shape of the generator.
pub(super) struct Generator {
    body: Body,
    outputs: usize,
}

/// What a step made, and what the way back needs.
pub(super) struct Made {
    /// The rows as the critic sees them.
    pub(super) rows: Vec<f32>,
    /// What came out of the layers, before shares and units.
    raw: Vec<f32>,
    hidden: Vec<f32>,
    traces: Vec<Trace>,
}

/// The generator in plain Rust.
pub(super) struct Plain {
    body: PlainBody,
    head: Dense,
}

impl Plain {
    /// What comes out of the layers, row after row.
    pub(super) fn run(&self, asked: Vec<f32>, n: usize) -> Vec<f32> {
        let hidden = self.body.run(asked, n);
        let mut out = vec![0.0; n * self.head.outputs()];
        self.head.apply(&hidden, &mut out);
        out
    }
}

impl Generator {
    pub(super) fn of(marks: usize, outputs: usize) -> Self {
        let body = Body {
            inputs: NOISE + marks,
            hidden: vec![WIDTH, WIDTH],
            activation: Activation::Relu,
            dropout: 0.0,
            layer_norm: true,
            residual: true,
        };
        Generator { body, outputs }
    }

    pub(super) fn inputs(&self) -> usize {
        self.body.inputs
    }

    pub(super) fn declare(&self) -> Vec<Declared> {
        let mut declared = self.body.declare();
        declared.push(Declared::glorot("head.weight", &[self.outputs, WIDTH]));
        declared.push(Declared::new("head.bias", &[self.outputs], Start::Zeros));
        declared
    }

    pub(super) fn plain(&self, parameters: &Parameters) -> Plain {
        let n = self.body.declare().len();
        let head = Dense::new(parameters.array(n), parameters.array(n + 1), WIDTH);
        Plain { body: self.body.plain(parameters.part(0)), head }
    }

    /// Adds the noise of a row.
    pub(super) fn noise(&self, random: &mut Random, into: &mut Vec<f32>) {
        into.extend((0..NOISE).map(|_| random.normal() as f32));
    }

    /// The rows that a step makes.
    pub(super) fn make(
        &self,
        parameters: &Parameters,
        asked: Vec<f32>,
        spans: &[Span],
        random: &mut Random,
    ) -> Made {
        let (n, plain) = (asked.len() / self.inputs(), self.plain(parameters));
        let (hidden, traces) = plain.body.trace(asked, n, 0.0, &Chance::new(0));
        let mut raw = vec![0.0; n * self.outputs];
        plain.head.apply(&hidden, &mut raw);
        let mut rows = raw.clone();
        for row in rows.chunks_exact_mut(self.outputs) {
            for span in spans {
                match *span {
                    Span::Unit(at) => row[at] = math::tanh(row[at]),
                    Span::Shares(first, n) => {
                        let own = &mut row[first..first + n];
                        own.iter_mut().for_each(|x| *x = (*x + gumbel(random)) / TEMPERATURE);
                        softmax(own);
                    }
                }
            }
        }
        Made { rows, raw, hidden, traces }
    }

    /// The way back: from the gradients in the rows, and from how sure the layers are of what each row was asked for, to those in the
    /// parameters. Gives the mean loss of the latter.
    pub(super) fn back(
        &self,
        parameters: &Parameters,
        made: Made,
        (mut slopes, spans): (Vec<f32>, &[Span]),
        asked: &[Option<Asked>],
        gradient: &mut [f32],
    ) -> f64 {
        let rows = slopes.chunks_exact_mut(self.outputs).zip(made.rows.chunks_exact(self.outputs));
        for (slopes, row) in rows {
            for span in spans {
                match *span {
                    Span::Unit(at) => slopes[at] *= 1.0 - row[at] * row[at],
                    Span::Shares(first, n) => {
                        let (own, shares) = (&mut slopes[first..first + n], &row[first..first + n]);
                        let along: f32 = own.iter().zip(shares).map(|(d, y)| d * y).sum();
                        own.iter_mut().zip(shares).for_each(|(d, y)| *d = y * (*d - along) / TEMPERATURE);
                    }
                }
            }
        }
        let each = 1.0 / asked.len() as f32;
        let mut loss = 0.0;
        let rows = slopes.chunks_exact_mut(self.outputs).zip(made.raw.chunks_exact(self.outputs));
        for ((slopes, raw), asked) in rows.zip(asked) {
            let Some(Asked { first, n, value }) = *asked else { continue };
            let mut shares = raw[first..first + n].to_vec();
            softmax(&mut shares);
            loss -= f64::from(each) * f64::from(shares[value].max(f32::MIN_POSITIVE)).ln();
            shares[value] -= 1.0;
            slopes[first..first + n].iter_mut().zip(shares).for_each(|(d, share)| *d += each * share);
        }
        let n = asked.len();
        let at = self.body.declare().len();
        let (own, head) = gradient.split_at_mut(parameters.range(at).start);
        let (weight, bias) = head.split_at_mut(self.outputs * WIDTH);
        weight.copy_from_slice(&outer(&slopes, self.outputs, &made.hidden, WIDTH));
        bias.copy_from_slice(&column_sums(&slopes, self.outputs));
        let back = product(&slopes, n, parameters.array(at), self.outputs, WIDTH);
        self.body.backward(parameters.part(0), made.traces, back, own, false);
        loss
    }

    /// Shares of rows that are kept: one value of each, as likely as its share.
    pub(super) fn choose(&self, spans: &[Span], rows: &mut [f32], random: &mut Random) {
        for row in rows.chunks_exact_mut(self.outputs.max(1)) {
            for span in spans {
                match *span {
                    Span::Unit(at) => row[at] = math::tanh(row[at]),
                    Span::Shares(first, n) => {
                        row[first..first + n].iter_mut().for_each(|x| *x += gumbel(random));
                    }
                }
            }
        }
    }
}

/// Noise under which the largest of some scores is each as often as their softmax says (Gumbel 1954).
fn gumbel(random: &mut Random) -> f32 {
    -(-(random.unit().max(f64::MIN_POSITIVE)).ln()).max(f64::MIN_POSITIVE).ln() as f32
}

fn softmax(scores: &mut [f32]) {
    let most = scores.iter().fold(f32::NEG_INFINITY, |most, x| most.max(*x));
    scores.iter_mut().for_each(|x| *x = math::exp(*x - most));
    let total: f32 = scores.iter().sum();
    scores.iter_mut().for_each(|x| *x /= total);
}

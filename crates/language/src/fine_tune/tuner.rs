//! Steps of AdamW on a net: on all of its weights, or on low-rank matrices beside them and the head.

use faer::Accum;
use rayon::prelude::*;
use tidemill_core::{Context, Result};
use tidemill_kernel::Random;

use super::net::{Goal, Net};
use super::ops::{product, rows};
use crate::error::LanguageError;
use crate::tune::adamw::AdamW;

/// Tokens that go through the net at once.
const TOKENS: usize = 2048;
/// The share of steps in which the rate grows.
const WARM: f64 = 0.1;
/// The longest gradient of a step.
const CLIP: f64 = 1.0;

/// What learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    /// All weights.
    Full,
    /// Matrices of this rank beside frozen ones, times `alpha / rank`, and the head.
    Lora { rank: usize, alpha: f64 },
}

/// How it learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Schedule {
    pub(super) epochs: usize,
    pub(super) batch: usize,
    pub(super) rate: f64,
    pub(super) weight_decay: f64,
}

/// Numbers that learn, with their running means and squares.
struct Parameter {
    values: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
    /// Whether they are drawn to 0: matrices are, biases and norms are not.
    decays: bool,
}

impl Parameter {
    fn new(values: Vec<f32>, decays: bool) -> Self {
        let zeros = vec![0.0; values.len()];
        Parameter { values, mean: zeros.clone(), square: zeros, decays }
    }
}

/// A low-rank pair of parameters, by its place in the net.
struct Beside {
    tensor: usize,
    base: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

/// A net under way.
pub(super) struct Tuner {
    pub(super) net: Net,
    way: Way,
    /// Of `Full` the net's tensors in their order; else `A` and `B` of each matrix, and the head's two.
    parameters: Vec<Parameter>,
    beside: Vec<Beside>,
    n_steps: usize,
}

/// Texts with what they should become.
pub(super) struct Material<'a> {
    pub(super) texts: &'a [Vec<u32>],
    pub(super) goals: &'a [Goal],
    pub(super) weights: &'a [f64],
}

impl Tuner {
    /// `A` is drawn as peft draws it (uniform within `1 / sqrt(inputs)`), `B` is 0.
    pub(super) fn new(net: Net, way: Way, seed: u64) -> Self {
        let mut beside = Vec::new();
        let mut parameters = Vec::new();
        match way {
            Way::Full => {
                let matrix = |shape: &Vec<usize>| shape.len() > 1;
                let each = net.tensors.iter().zip(&net.shapes);
                parameters.extend(each.map(|(values, shape)| Parameter::new(values.clone(), matrix(shape))));
            }
            Way::Lora { rank, .. } => {
                for (i, tensor) in net.matrices().into_iter().enumerate() {
                    let (outputs, inputs) = (net.shapes[tensor][0], net.shapes[tensor][1]);
                    let mut random = Random::new(seed, i as u64);
                    let bound = 1.0 / (inputs as f64).sqrt();
                    let a =
                        (0..rank * inputs).map(|_| ((2.0 * random.unit() - 1.0) * bound) as f32).collect();
                    parameters.push(Parameter::new(a, true));
                    parameters.push(Parameter::new(vec![0.0; outputs * rank], true));
                    beside.push(Beside { tensor, base: net.tensors[tensor].clone(), inputs, outputs });
                }
                let head = net.tensors.len() - 2;
                parameters.push(Parameter::new(net.tensors[head].clone(), true));
                parameters.push(Parameter::new(net.tensors[head + 1].clone(), false));
            }
        }
        Tuner { net, way, parameters, beside, n_steps: 0 }
    }

    /// Learns from all of the material; gives the loss of each step, before it.
    pub(super) fn learn(
        &mut self,
        material: &Material<'_>,
        schedule: &Schedule,
        context: &Context,
    ) -> Result<Vec<f64>> {
        let n = material.texts.len();
        let n_steps = n.div_ceil(schedule.batch) * schedule.epochs;
        let mut losses = Vec::with_capacity(n_steps);
        for epoch in 0..schedule.epochs {
            let mut order: Vec<usize> = (0..n).collect();
            Random::new(context.seed_for("order"), epoch as u64).shuffle(&mut order);
            for batch in order.chunks(schedule.batch) {
                context.check()?;
                let rate = schedule.rate * share(losses.len(), n_steps);
                let loss = self.step(material, batch, rate, schedule.weight_decay);
                losses.push(loss);
                if !loss.is_finite() {
                    return Err(LanguageError::Diverged { step: losses.len() }.into());
                }
                if context.out_of_time() {
                    return Ok(losses);
                }
            }
        }
        Ok(losses)
    }

    /// One step on these texts; gives their mean loss before it.
    pub(super) fn step(&mut self, material: &Material<'_>, batch: &[usize], rate: f64, decay: f64) -> f64 {
        let total: f64 = batch.iter().map(|&i| material.weights[i]).sum();
        let total = if total > 0.0 { total } else { 1.0 };
        let mut gradients: Vec<Vec<f32>> =
            self.net.tensors.iter().map(|tensor| vec![0.0; tensor.len()]).collect();
        let mut sum = 0.0;
        for part in parts(batch, material.texts) {
            let texts: Vec<&[u32]> = part.iter().map(|&i| material.texts[i].as_slice()).collect();
            let goals: Vec<Goal> = part.iter().map(|&i| material.goals[i]).collect();
            let weights: Vec<f64> = part.iter().map(|&i| material.weights[i] / total).collect();
            sum += self.net.learn(&texts, &goals, &weights, &mut gradients);
        }
        let mut gradients = self.own(gradients);
        let square = |gradient: &Vec<f32>| gradient.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        let length = gradients.iter().map(square).sum::<f64>().sqrt();
        let shrink = (CLIP / (length + 1e-6)).min(1.0) as f32;
        self.n_steps += 1;
        let (number, each) = (self.n_steps, self.parameters.par_iter_mut().zip(&mut gradients));
        each.for_each(|(parameter, gradient)| {
            gradient.iter_mut().for_each(|x| *x *= shrink);
            let optimizer = AdamW::new(if parameter.decays { decay } else { 0.0 });
            let Parameter { values, mean, square, .. } = parameter;
            optimizer.step(number, rate, values, gradient, mean, square);
        });
        self.install();
        sum
    }

    /// The gradients at what learns from those at the net's tensors.
    pub(super) fn own(&self, mut gradients: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
        let Way::Lora { rank, alpha } = self.way else { return gradients };
        let scale = (alpha / rank as f64) as f32;
        let mut own = Vec::with_capacity(self.parameters.len());
        for (i, Beside { tensor, inputs, outputs, .. }) in self.beside.iter().enumerate() {
            let (a, b) = (&self.parameters[2 * i].values, &self.parameters[2 * i + 1].values);
            let whole = rows(&gradients[*tensor], *inputs);
            let (mut da, mut db) = (vec![0.0; rank * inputs], vec![0.0; outputs * rank]);
            product(&mut da, Accum::Replace, rows(b, rank).transpose(), whole, scale);
            product(&mut db, Accum::Replace, whole, rows(a, *inputs).transpose(), scale);
            own.extend([da, db]);
        }
        let head = gradients.len() - 2;
        own.extend(gradients.drain(head..));
        own
    }

    /// Puts what was learned into the net.
    fn install(&mut self) {
        let Way::Lora { rank, alpha } = self.way else {
            let each = self.net.tensors.iter_mut().zip(&self.parameters);
            each.for_each(|(tensor, parameter)| tensor.copy_from_slice(&parameter.values));
            return;
        };
        let scale = (alpha / rank as f64) as f32;
        for (i, Beside { tensor, base, inputs, .. }) in self.beside.iter().enumerate() {
            let (a, b) = (&self.parameters[2 * i].values, &self.parameters[2 * i + 1].values);
            let to = &mut self.net.tensors[*tensor];
            to.copy_from_slice(base);
            product(to, Accum::Add, rows(b, rank), rows(a, *inputs), scale);
        }
        let (head, last) = (self.net.tensors.len() - 2, self.parameters.len() - 2);
        for i in 0..2 {
            self.net.tensors[head + i].copy_from_slice(&self.parameters[last + i].values);
        }
    }
}

/// The share of the rate at a step: it grows at first, and then falls to 0 in a straight line.
fn share(step: usize, n_steps: usize) -> f64 {
    let (step, n) = (step as f64, n_steps as f64);
    let warm = (WARM * n).ceil();
    if step < warm { (step + 1.0) / warm } else { (n - step) / (n - warm).max(1.0) }
}

/// Runs of a batch that go through the net together.
fn parts<'a>(batch: &'a [usize], texts: &[Vec<u32>]) -> Vec<&'a [usize]> {
    let (mut parts, mut from, mut tokens) = (Vec::new(), 0, 0);
    for (at, &i) in batch.iter().enumerate() {
        if at > from && tokens + texts[i].len() > TOKENS {
            parts.push(&batch[from..at]);
            (from, tokens) = (at, 0);
        }
        tokens += texts[i].len();
    }
    parts.push(&batch[from..]);
    parts
}

//! The layers of a graph, there and back: sums over neighbours, a linear map, the positive part, dropout.

use burn::tensor::{IndexingUpdateOp, Tensor, activation};
use tidemill_core::Result;

use super::plan::{Plan, Who};
use super::{GraphLayer, Layers, Stored};
use crate::dense::{Dense, column_sums, transpose};
use crate::encoders::Read;
use crate::graph::{Chance, Pass};
use crate::ops::linear::linear;
use crate::parameters::{Declared, Part, Start};

/// What the way there leaves for the way back.
#[derive(Debug)]
pub(crate) struct Trace {
    plan: Plan,
    layers: Vec<LayerTrace>,
}

#[derive(Debug)]
struct LayerTrace {
    /// The sums over neighbours.
    sums: Vec<f32>,
    /// With `sage`, the rows themselves.
    own: Vec<f32>,
    /// What came out, before dropout.
    bent: Vec<f32>,
    /// What dropout multiplied by; empty where it did nothing.
    mask: Vec<f32>,
}

impl Layers {
    /// The numbers that come into and go out of each layer.
    fn sizes(&self) -> impl DoubleEndedIterator<Item = (usize, usize)> + ExactSizeIterator + '_ {
        (0..self.widths.len())
            .map(|k| (if k == 0 { self.inputs } else { self.widths[k - 1] }, self.widths[k]))
    }

    /// How many arrays a layer has.
    fn per_layer(&self) -> usize {
        if self.layer == GraphLayer::Sage { 3 } else { 2 }
    }

    /// Under the names of PyTorch Geometric.
    pub(super) fn declare(&self) -> Vec<Declared> {
        let mut declared = Vec::new();
        for (k, (inputs, outputs)) in self.sizes().enumerate() {
            let shape = [outputs, inputs];
            match self.layer {
                GraphLayer::Gcn => {
                    declared.push(Declared::glorot(format!("convs.{k}.lin.weight"), &shape));
                    declared.push(Declared::new(format!("convs.{k}.bias"), &[outputs], Start::Zeros));
                }
                GraphLayer::Sage => {
                    declared.push(Declared::glorot(format!("convs.{k}.lin_l.weight"), &shape));
                    declared.push(Declared::new(format!("convs.{k}.lin_l.bias"), &[outputs], Start::Zeros));
                    declared.push(Declared::glorot(format!("convs.{k}.lin_r.weight"), &shape));
                }
            }
        }
        declared
    }

    /// The linear maps of each layer: of the sums and, with `sage`, of the rows themselves.
    pub(super) fn maps(&self, parameters: Part<'_>) -> Vec<(Dense, Option<Dense>)> {
        let map = |(k, (inputs, outputs)): (usize, (usize, usize))| {
            let at = k * self.per_layer();
            let own = (self.layer == GraphLayer::Sage)
                .then(|| Dense::new(parameters.array(at + 2), &vec![0.0; outputs], inputs));
            (Dense::new(parameters.array(at), parameters.array(at + 1), inputs), own)
        };
        self.sizes().enumerate().map(map).collect()
    }
}

/// What those of a plan say of themselves.
fn inputs(stored: &Stored, plan: &Plan, read: &Read) -> Vec<f32> {
    let p = stored.layers.inputs;
    let mut all = Vec::with_capacity(plan.who.len() * p);
    for who in &plan.who {
        all.extend_from_slice(match *who {
            Who::Asked(i) => &read.numbers[i * p..(i + 1) * p],
            Who::Stored(place) => &stored.numbers[place as usize * p..(place as usize + 1) * p],
        });
    }
    all
}

/// One layer for the first `n` of those whose numbers are `h`: the sums, the rows themselves where they count, and what comes out.
fn layer(
    (sums, own): &(Dense, Option<Dense>),
    plan: &Plan,
    h: &[f32],
    width: usize,
    n: usize,
) -> [Vec<f32>; 3] {
    let summed = plan.sums(h, width, n);
    let mut out = vec![0.0; n * sums.outputs()];
    sums.apply(&summed, &mut out);
    let mut rows = Vec::new();
    if let Some(own) = own {
        rows = h[..n * width].to_vec();
        let mut mapped = vec![0.0; out.len()];
        own.apply(&rows, &mut mapped);
        out.iter_mut().zip(mapped).for_each(|(out, x)| *out += x);
    }
    out.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { 0.0 });
    [summed, rows, out]
}

/// What the rows asked about become.
pub(super) fn run(stored: &Stored, maps: &[(Dense, Option<Dense>)], plan: &Plan, read: &Read) -> Vec<f32> {
    let mut h = inputs(stored, plan, read);
    for (k, (map, (width, _))) in maps.iter().zip(stored.layers.sizes()).enumerate() {
        let [_, _, out] = layer(map, plan, &h, width, plan.sizes[plan.n_layers() - 1 - k]);
        h = out;
    }
    h
}

/// As [`run`] in training, with what the way back needs.
pub(super) fn trace(
    stored: &Stored,
    parameters: Part<'_>,
    plan: Plan,
    read: &Read,
    chance: &Chance,
) -> (Vec<f32>, Trace) {
    let mut h = inputs(stored, &plan, read);
    let mut layers = Vec::new();
    for (k, (map, (width, _))) in stored.layers.maps(parameters).iter().zip(stored.layers.sizes()).enumerate()
    {
        let [sums, own, bent] = layer(map, &plan, &h, width, plan.sizes[plan.n_layers() - 1 - k]);
        let mask = chance.mask(bent.len(), stored.layers.dropout as f32);
        h.clone_from(&bent);
        h.iter_mut().zip(&mask).for_each(|(x, mask)| *x *= mask);
        layers.push(LayerTrace { sums, own, bent, mask });
    }
    (h, Trace { plan, layers })
}

/// The way back: from gradients in what came out to those in the parameters, added to `gradient`.
pub(super) fn back(
    stored: &Stored,
    parameters: Part<'_>,
    trace: Trace,
    slopes: &[f32],
    gradient: &mut [f32],
) {
    let layers = &stored.layers;
    let (plan, mut slopes, mut end) = (trace.plan, slopes.to_vec(), gradient.len());
    for ((k, (p, q)), kept) in layers.sizes().enumerate().rev().zip(trace.layers.into_iter().rev()) {
        let (n, at) = (kept.bent.len() / q, k * layers.per_layer());
        slopes.iter_mut().zip(&kept.mask).for_each(|(slope, mask)| *slope *= mask);
        slopes
            .iter_mut()
            .zip(&kept.bent)
            .filter(|(_, bent)| **bent <= 0.0)
            .for_each(|(slope, _)| *slope = 0.0);
        let turned = transpose(&slopes, q);
        let start = end - p * q - q - if layers.layer == GraphLayer::Sage { p * q } else { 0 };
        let (weight, rest) = gradient[start..end].split_at_mut(p * q);
        let (bias, own) = rest.split_at_mut(q);
        end = start;
        add_product(&kept.sums, n, p, &turned, weight);
        bias.iter_mut().zip(column_sums(&slopes, q)).for_each(|(sum, x)| *sum += x);
        if layers.layer == GraphLayer::Sage {
            add_product(&kept.own, n, p, &turned, own);
        }
        if k == 0 {
            return;
        }
        let times = |array: usize| {
            let mut out = vec![0.0; n * p];
            Dense::times(parameters.array(array), q, p).apply(&slopes, &mut out);
            out
        };
        let mut of_inputs = vec![0.0; plan.sizes[plan.n_layers() - k] * p];
        plan.back(&times(at), p, &mut of_inputs);
        if layers.layer == GraphLayer::Sage {
            of_inputs.iter_mut().zip(times(at + 2)).for_each(|(sum, x)| *sum += x);
        }
        slopes = of_inputs;
    }
}

/// Adds to a matrix of weights the gradient that follows from `n` rows of `p` inputs and the gradients of the outputs, these as columns.
fn add_product(rows: &[f32], n: usize, p: usize, turned: &[f32], weights: &mut [f32]) {
    let mut product = vec![0.0; weights.len()];
    Dense::times(rows, n, p).apply(turned, &mut product);
    weights.iter_mut().zip(product).for_each(|(sum, x)| *sum += x);
}

/// The same way there by burn's own operations: for GPUs, and what the way above is held to.
pub(super) fn composed(stored: &Stored, plan: &Plan, read: &Read, pass: &Pass<'_>) -> Result<Tensor<2>> {
    let layers = &stored.layers;
    let mut h = pass.numbers(inputs(stored, plan, read), [plan.who.len(), layers.inputs]);
    for (k, (p, q)) in layers.sizes().enumerate() {
        let (n, at) = (plan.sizes[plan.n_layers() - 1 - k], k * layers.per_layer());
        let (from, to, share) = plan.terms(n);
        let mut sums = pass.numbers(vec![0.0; n * p], [n, p]);
        if !from.is_empty() {
            let shares = pass.numbers(share.to_vec(), [share.len(), 1]);
            let terms = h.clone().select(0, pass.codes(from, [from.len()])) * shares;
            sums = sums.select_assign(0, pass.codes(&to, [to.len()]), terms, IndexingUpdateOp::Add);
        }
        let mut out = linear(sums, pass.parameter(at)?, pass.parameter(at + 1)?, None);
        if layers.layer == GraphLayer::Sage {
            let none = pass.numbers(vec![0.0; q], [q]);
            out = out + linear(h.slice([0..n, 0..p]), pass.parameter(at + 2)?, none, None);
        }
        h = pass.dropout(activation::relu(out), layers.dropout as f32);
    }
    Ok(h)
}

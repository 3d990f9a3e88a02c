//! The gradient of the loss over a batch: each shard on its own, summed in the order of the shards.
//!
//! On the processor, the body, the head and the loss go forwards and back in plain Rust, and so do encoders that can; others are
//! graphs of burn's, which get the gradients in what they gave. On a GPU, and in 16 bits, the whole net is one graph.

use burn::tensor::Tensor;
use rayon::prelude::*;
use tidemill_core::{Error, Result};

use super::batches::Shard;
use crate::body::PlainBody;
use crate::dense::{Dense, column_sums, transpose};
use crate::device::Arithmetic;
use crate::encoders::{Encoder, Kept, Read};
use crate::graph::{Chance, Leaves, Pass, numbers_of};
use crate::head::Loss;
use crate::net::Net;
use crate::parameters::Parameters;

/// The weighted sum of the losses of some rows, and its gradient.
pub(crate) struct Slope {
    pub loss: f64,
    pub gradient: Vec<f32>,
}

impl Slope {
    /// Nothing yet.
    pub(crate) fn none(n: usize) -> Self {
        Slope { loss: 0.0, gradient: vec![0.0; n] }
    }

    pub(crate) fn add(&mut self, other: &Slope) {
        self.loss += other.loss;
        self.gradient.iter_mut().zip(&other.gradient).for_each(|(sum, g)| *sum += g);
    }
}

/// Where and how gradients are computed.
pub(crate) struct Gradients<'a> {
    pub net: &'a Net,
    pub loss: Loss,
    pub arithmetic: Arithmetic,
}

/// What all shards of a batch share.
struct Shared<'a> {
    parameters: &'a Parameters,
    leaves: Leaves<'a>,
    body: PlainBody,
    head: Dense,
}

impl Gradients<'_> {
    /// Of a batch. `seed` tells what this batch drops; the gradients of the mean loss are multiplied by `scale` on their way back.
    pub(crate) fn of(
        &self,
        parameters: &Parameters,
        shards: &[Shard],
        seed: u64,
        scale: f32,
    ) -> Result<Slope> {
        match shards {
            [whole] if self.arithmetic.is_one_graph() => self.of_graph(parameters, whole, seed, scale),
            _ => self.of_shards(parameters, shards, seed),
        }
    }

    /// Of a batch that goes through the whole net as one graph; the loss and its gradients are found in 32 bits.
    fn of_graph(&self, parameters: &Parameters, batch: &Shard, seed: u64, scale: f32) -> Result<Slope> {
        let leaves = Leaves::of(parameters, parameters.declared().len(), &self.arithmetic).tracked();
        let chance = Chance::new(seed);
        let pass = leaves.training_pass(&chance);
        let outputs = self.net.forward(&batch.reads, &pass)?;
        let (loss, mut slopes) =
            self.loss.slopes(&numbers_of(outputs.clone())?, &batch.truth, &batch.weights);
        // Scaled are the gradients of a mean, whose size does not grow with the batch.
        let scale = scale / batch.truth.len() as f32;
        slopes.iter_mut().for_each(|slope| *slope *= scale);
        let shape = outputs.dims();
        let mut gradient = leaves.gradient(&(outputs * pass.numbers(slopes, shape)).sum())?;
        gradient.iter_mut().for_each(|slope| *slope /= scale);
        Ok(Slope { loss, gradient })
    }

    /// The outputs for some rows, by the graph of the whole net.
    pub(crate) fn outputs(&self, parameters: &Parameters, reads: &[Read]) -> Result<Vec<f32>> {
        let leaves = Leaves::of(parameters, parameters.declared().len(), &self.arithmetic);
        numbers_of(self.net.forward(reads, &leaves.pass())?)
    }

    fn of_shards(&self, parameters: &Parameters, shards: &[Shard], seed: u64) -> Result<Slope> {
        let net = self.net;
        let n = net.encoders.len();
        let head = parameters.part(net.first(n + 1));
        let n_leaves = if net.has_graphs() { net.first(n) } else { 0 };
        let shared = Shared {
            parameters,
            leaves: Leaves::of(parameters, n_leaves, &self.arithmetic),
            body: net.body.plain(parameters.part(net.first(n))),
            head: Dense::new(head.array(0), head.array(1), net.head.inputs),
        };
        let one = |(s, shard): (usize, &Shard)| self.of_shard(&shared, shard, seed.wrapping_add(s as u64));
        let slopes: Vec<Result<Slope>> = match shards.len() {
            1 => shards.iter().enumerate().map(one).collect(),
            _ => shards.par_iter().enumerate().map(one).collect(),
        };
        let mut slopes = slopes.into_iter();
        let mut sum = slopes.next().ok_or_else(|| Error::internal("a batch without rows"))??;
        for slope in slopes {
            sum.add(&slope?);
        }
        Ok(sum)
    }

    fn of_shard(&self, shared: &Shared<'_>, shard: &Shard, seed: u64) -> Result<Slope> {
        let (net, n_rows) = (self.net, shard.truth.len());
        let (h, k, n) = (net.head.inputs, net.head.outputs, net.encoders.len());
        let (leaves, chance) = (shared.leaves.tracked(), Chance::new(seed));
        let pass = leaves.training_pass(&chance);
        let Encoded { joined, graphs, kept } = self.encode(shared, shard, &pass, &chance)?;
        let (hidden, traces) = shared.body.trace(joined, n_rows, net.body.dropout, &chance);
        let mut outputs = vec![0.0; n_rows * k];
        shared.head.apply(&hidden, &mut outputs);
        let (loss, slopes) = self.loss.slopes(&outputs, &shard.truth, &shard.weights);

        let mut gradient = vec![0.0; shared.parameters.values.len()];
        let start = |array: usize| shared.parameters.range(array).start;
        let (rest, of_head) = gradient.split_at_mut(start(net.first(n + 1)));
        let (of_encoders, of_body) = rest.split_at_mut(start(net.first(n)));
        let (weights, bias) = of_head.split_at_mut(k * h);
        Dense::times(&hidden, n_rows, h).apply(&transpose(&slopes, k), weights);
        bias.copy_from_slice(&column_sums(&slopes, k));
        let mut back = vec![0.0; n_rows * h];
        Dense::times(shared.parameters.part(net.first(n + 1)).array(0), k, h).apply(&slopes, &mut back);
        let back =
            net.body.backward(shared.parameters.part(net.first(n)), traces, back, of_body, net.first(n) > 0);
        if let Some(sum) = self.against(graphs, &back, &pass) {
            of_encoders.copy_from_slice(&leaves.gradient(&sum)?);
        }
        self.back_by_hand(shared, shard, kept, &back, of_encoders);
        Ok(Slope { loss, gradient })
    }

    /// The encoders with their numbers, and where what each gives begins in a joined row.
    fn ways(&self) -> impl Iterator<Item = (usize, &dyn Encoder, usize)> {
        let encoders = self.net.encoders.iter().enumerate();
        encoders.scan(0, |at, (e, encoder)| {
            let start = *at;
            *at += encoder.width();
            Some((e, &**encoder, start))
        })
    }

    /// What the encoders give for a shard, side by side.
    fn encode(
        &self,
        shared: &Shared<'_>,
        shard: &Shard,
        pass: &Pass<'_>,
        chance: &Chance,
    ) -> Result<Encoded> {
        let (n_rows, total) = (shard.truth.len(), self.net.body.inputs);
        let joined = vec![0.0; n_rows * total];
        let mut encoded = Encoded { joined, graphs: Vec::new(), kept: Vec::new() };
        for ((e, encoder, at), read) in self.ways().zip(&shard.reads) {
            let (first, width) = (self.net.first(e), encoder.width());
            let mut own = vec![0.0; n_rows * width];
            if let Some(by_hand) = encoder.by_hand() {
                encoded.kept.push(by_hand.run(read, shared.parameters.part(first), chance, &mut own));
            } else if !self.net.is_graph(e) {
                encoder.plain(shared.parameters.part(first)).run(read, &mut own);
            } else {
                let graph = encoder.forward(read, &pass.part(first))?;
                own = numbers_of(graph.clone())?;
                encoded.graphs.push((at, graph));
            }
            let rows = encoded.joined.chunks_exact_mut(total.max(1)).zip(own.chunks_exact(width.max(1)));
            rows.for_each(|(row, own)| row[at..at + width].copy_from_slice(own));
        }
        Ok(encoded)
    }

    /// The numbers of one encoder in joined rows.
    fn own(&self, joined: &[f32], at: usize, width: usize) -> Vec<f32> {
        let rows = joined.chunks_exact(self.net.body.inputs.max(1));
        rows.flat_map(|row| &row[at..at + width]).copied().collect()
    }

    /// A number whose gradient in the encoders' parameters is that of the loss: what graphs gave, times the gradients there.
    fn against(&self, graphs: Vec<(usize, Tensor<2>)>, slopes: &[f32], pass: &Pass<'_>) -> Option<Tensor<1>> {
        let sums = graphs.into_iter().map(|(at, graph)| {
            let [n, width] = graph.dims();
            (graph * pass.numbers(self.own(slopes, at, width), [n, width])).sum()
        });
        sums.reduce(|sum, next| sum + next)
    }

    /// The way back of the encoders without a graph.
    fn back_by_hand(
        &self,
        shared: &Shared<'_>,
        shard: &Shard,
        kept: Vec<Kept>,
        slopes: &[f32],
        gradient: &mut [f32],
    ) {
        let start = |array: usize| shared.parameters.range(array).start;
        let mut kept = kept.into_iter();
        for ((e, encoder, at), read) in self.ways().zip(&shard.reads) {
            if let Some(by_hand) = encoder.by_hand() {
                let gradient = &mut gradient[start(self.net.first(e))..start(self.net.first(e + 1))];
                let (parameters, kept) = (shared.parameters.part(self.net.first(e)), kept.next().flatten());
                by_hand.back(read, parameters, kept, &self.own(slopes, at, encoder.width()), gradient);
            }
        }
    }
}

/// What encoders gave: the numbers, and the graphs of those that learn by one, each with the place of its numbers in a row.
struct Encoded {
    joined: Vec<f32>,
    graphs: Vec<(usize, Tensor<2>)>,
    /// Of each encoder without a graph that goes by hand, what its way back needs.
    kept: Vec<Kept>,
}

//! The gradient of the loss over a batch: one graph for each shard, summed in the order of the shards.

use burn::tensor::Device;
use rayon::prelude::*;
use tidemill_core::{Error, Result};

use super::batches::Shard;
use crate::graph::{Chance, Leaves};
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
    pub device: Device,
}

impl Gradients<'_> {
    /// Of a batch. `seed` tells what this batch drops.
    pub(crate) fn of(&self, parameters: &Parameters, shards: &[Shard], seed: u64) -> Result<Slope> {
        let leaves = Leaves::of(parameters, &self.device);
        let one = |(s, shard): (usize, &Shard)| self.of_shard(&leaves, shard, seed.wrapping_add(s as u64));
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

    fn of_shard(&self, leaves: &Leaves<'_>, shard: &Shard, seed: u64) -> Result<Slope> {
        let leaves = leaves.tracked();
        let chance = Chance::new(seed);
        let pass = leaves.training_pass(&chance);
        let outputs = self.net.forward(&shard.reads, &pass)?;
        let loss = self.loss.graph(outputs, &shard.truth, &shard.weights, &pass);
        let gradient = leaves.gradient(&loss)?;
        let loss = crate::graph::numbers_of(loss)?;
        Ok(Slope { loss: loss.first().copied().map_or(f64::NAN, f64::from), gradient })
    }
}

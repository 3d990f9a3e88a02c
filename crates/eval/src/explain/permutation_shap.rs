//! Shapley values of any model by random orders of its columns.

use tidemill_core::Context;
use tidemill_kernel::Random;

use super::estimate::{Sampling, ShapEstimate, is_sure};
use super::game::Game;
use crate::{Error, Result};

/// Orders between two looks at the errors.
const ROUND: usize = 4;
/// Orders before a first look.
const LEAST: usize = 8;

/// The Shapley values of any model, estimated by making its players known one by one in random orders (Castro, Gomez, Tejada
/// 2009), each order also backwards (antithetic pairs; Mitchell, Cooper, Frank, Holmes 2022), until the standard errors are
/// small enough or `max_evaluations` are used up. An order and its reverse ask about `2 (n_players - 1)` coalitions.
///
/// Whatever was drawn, base and values sum to the answer; models in which only pairs of players work together get exact values
/// from a single order. The standard error is that of the mean over the pairs of orders. The streams of random numbers follow
/// from the context's seed and the number of the order.
///
/// Errors when the model does and once cancelled.
pub fn permutation_shap<G: Game>(
    game: &G,
    sampling: Sampling,
    context: &Context,
) -> Result<ShapEstimate, G::Error> {
    let (p, k) = (game.n_players(), game.n_outputs());
    if p == 0 {
        return super::exact_shap(game, context);
    }
    let ends = game.values(&[vec![false; p], vec![true; p]].concat())?;
    let cost = (2 * p.saturating_sub(1)).max(1);
    let most = (sampling.max_evaluations.saturating_sub(2) / cost).max(2);
    let mut sums = Sums { mean: vec![0.0; k * p], square: vec![0.0; k * p], n: 0 };
    let seed = context.seed_for("permutation_shap");
    let mut sure = false;
    while sums.n < most && !sure {
        context.check().map_err(Error::from)?;
        let orders: Vec<Vec<usize>> =
            (sums.n..most.min(sums.n + ROUND)).map(|i| order(seed, i as u64, p)).collect();
        let values = game.values(&orders.iter().flat_map(|order| both_ways(order)).collect::<Vec<bool>>())?;
        let per_order = cost * k;
        for (i, order) in orders.iter().enumerate() {
            let values = if p > 1 { &values[i * per_order..(i + 1) * per_order] } else { &[] };
            sums.add(&gains(order, values, &ends, k));
        }
        sure = p == 1 || (sums.n >= LEAST && is_sure(&sums.mean, &sums.errors(), p, sampling.tolerance));
    }
    Ok(ShapEstimate {
        base: ends[..k].to_vec(),
        standard_errors: if p == 1 { vec![0.0; k] } else { sums.errors() },
        n_evaluations: 2 + if p == 1 { 0 } else { sums.n * cost },
        values: sums.mean,
        converged: sure,
    })
}

fn order(seed: u64, stream: u64, p: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p).collect();
    Random::new(seed, stream).shuffle(&mut order);
    order
}

/// The coalitions that grow from the front of the order, then those from its back, without the empty and the whole one.
fn both_ways(order: &[usize]) -> Vec<bool> {
    let p = order.len();
    let mut coalitions = Vec::with_capacity(2 * p * (p - 1));
    let mut grow = |players: &mut dyn Iterator<Item = &usize>| {
        let mut known = vec![false; p];
        for &player in players.take(p - 1) {
            known[player] = true;
            coalitions.extend(&known);
        }
    };
    grow(&mut order.iter());
    grow(&mut order.iter().rev());
    coalitions
}

/// What each player added on its way in, on average over both ways; output after output.
fn gains(order: &[usize], values: &[f64], ends: &[f64], k: usize) -> Vec<f64> {
    let p = order.len();
    let mut gains = vec![0.0; k * p];
    for (way, backwards) in [false, true].into_iter().enumerate() {
        let at = |known: usize, output: usize| match known {
            0 => ends[output],
            known if known == p => ends[k + output],
            known => values[(way * (p - 1) + known - 1) * k + output],
        };
        for i in 0..p {
            let player = order[if backwards { p - 1 - i } else { i }];
            for output in 0..k {
                gains[output * p + player] += 0.5 * (at(i + 1, output) - at(i, output));
            }
        }
    }
    gains
}

/// Means and sums of squared differences (Welford 1962).
struct Sums {
    mean: Vec<f64>,
    square: Vec<f64>,
    n: usize,
}

impl Sums {
    fn add(&mut self, gains: &[f64]) {
        self.n += 1;
        for ((mean, square), gain) in self.mean.iter_mut().zip(&mut self.square).zip(gains) {
            let off = gain - *mean;
            *mean += off / self.n as f64;
            *square += off * (gain - *mean);
        }
    }

    fn errors(&self) -> Vec<f64> {
        let n = self.n as f64;
        self.square.iter().map(|square| (square / (n - 1.0).max(1.0) / n).sqrt()).collect()
    }
}

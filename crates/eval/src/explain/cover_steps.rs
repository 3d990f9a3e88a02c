//! What a row does at each question of a tree, weighed by training rows, at the nodes of a quadrature rule.
//!
//! A feature that is known with probability `t` leaves the share `z + t (o - z)` of a row on its way: `o` is 1 where the
//! row's own value goes that way and 0 elsewhere, `z` is the share of the training rows that go it.

use tidemill_core::Trees;

use super::flat_tree::{FlatTree, NONE};
use super::quadrature::gauss_legendre;

/// Quadrature nodes that are worked on together.
pub(super) const LANES: usize = 4;
/// A number per quadrature node.
pub(super) type Lanes = [f64; LANES];

/// What one question does to both of its children.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// What the share of the row is multiplied by on its way left and right.
    pub times: [Lanes; 2],
    /// What the feature's value gains per unit of what arrives at the leaves on the left and on the right.
    pub gains: [Lanes; 2],
}

/// Steps of a question for a row that goes left, for one that goes right, and for one that an earlier question about the same
/// feature already sent elsewhere.
pub(super) const WAYS: usize = 3;

/// The steps of a whole tree.
#[derive(Debug)]
pub(super) struct Steps {
    /// The weights of the quadrature, a group of lanes after the other.
    pub weights: Vec<Lanes>,
    /// For each group of lanes, [`WAYS`] steps per question.
    pub steps: Vec<Step>,
}

/// How many bytes the steps of a tree take.
pub(super) fn bytes(flat: &FlatTree) -> usize {
    flat.deepest.div_ceil(2 * LANES).max(1) * flat.asked.len() * WAYS * size_of::<Step>()
}

/// The share of a node's training rows that go to each child.
pub(super) fn shares(trees: &Trees, flat: &FlatTree) -> Vec<[f64; 2]> {
    let share = |asked: &super::flat_tree::Asked| {
        let cover = |node: u32| trees.cover(flat.root + node as usize);
        let (left, right) = (cover(asked.left), cover(asked.left + 1));
        let all = left + right;
        // Where no training row came, the shares of no row are dealt.
        if all > 0.0 { [left / all, right / all] } else { [0.5, 0.5] }
    };
    flat.asked.iter().map(share).collect()
}

/// By node: the share of training rows that all questions about the feature of the edge to it let through.
pub(super) fn merged(flat: &FlatTree, shares: &[[f64; 2]]) -> Vec<f64> {
    let mut merged = vec![1.0; flat.n_nodes];
    for (asked, shares) in flat.asked.iter().zip(shares) {
        let before = if asked.above == NONE { 1.0 } else { merged[asked.above as usize] };
        (0..2).for_each(|side| merged[asked.left as usize + side] = before * shares[side]);
    }
    merged
}

impl Steps {
    pub(super) fn new(trees: &Trees, flat: &FlatTree) -> Self {
        let shares = shares(trees, flat);
        let merged = merged(flat, &shares);
        let (nodes, weights) = gauss_legendre(LANES * flat.deepest.div_ceil(2 * LANES).max(1));
        let mut steps = Vec::with_capacity(nodes.len() / LANES * flat.asked.len() * WAYS);
        for nodes in nodes.as_chunks::<LANES>().0 {
            for (asked, shares) in flat.asked.iter().zip(&shares) {
                let above = if asked.above == NONE { 1.0 } else { merged[asked.above as usize] };
                let below = [merged[asked.left as usize], merged[asked.left as usize + 1]];
                steps.extend([
                    taken(nodes, above, below, 0),
                    taken(nodes, above, below, 1),
                    Step { times: shares.map(|share| [share; LANES]), gains: [[0.0; LANES]; 2] },
                ]);
            }
        }
        Steps { weights: weights.as_chunks::<LANES>().0.to_vec(), steps }
    }
}

/// The step of a row that has come so far and goes to the child `side`: `above` is the share that the earlier questions about
/// the feature let through, `below` the share that each child gets.
fn taken(nodes: &Lanes, above: f64, below: [f64; 2], side: usize) -> Step {
    let mut step = Step { times: [[0.0; LANES]; 2], gains: [[0.0; LANES]; 2] };
    for (lane, &t) in nodes.iter().enumerate() {
        let share = |z: f64| z + t * (1.0 - z);
        let gain = |z: f64| (1.0 - z) / share(z);
        let other = 1 - side;
        step.times[side][lane] = share(below[side]) / share(above);
        step.gains[side][lane] = gain(below[side]) - gain(above);
        step.times[other][lane] = below[other] * (1.0 - t) / share(above);
        step.gains[other][lane] = -1.0 / (1.0 - t) - gain(above);
    }
    step
}

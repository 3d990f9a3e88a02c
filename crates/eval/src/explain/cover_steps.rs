//! What a row does at each question of a tree, weighed by training rows, at the nodes of a quadrature rule.
//!
//! A feature that is known with probability `t` leaves the share `z + t (o - z)` of a row on its way: `o` is 1 where the
//! row's own value goes that way and 0 elsewhere, `z` is the share of the training rows that go it.
//!
//! Of what comes to a question, the part that the row does not go is therefore `z (1 - t)`, `z` being the share of that side;
//! the rest goes the row's way. Where a question above asks about the same feature and the row has come by it, both are
//! relative to what that one let through, `a + t (1 - a)`.

use tidemill_core::Trees;

use super::flat_tree::{FlatTree, NONE};
use super::quadrature::gauss_legendre;

/// The fewest quadrature nodes, and how many are worked on together where these do not suffice.
pub(super) const FEW: usize = 4;
pub(super) const MANY: usize = 8;

/// A question, as far as it does not depend on `t`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The node and its left child, counted from the root.
    pub node: u32,
    pub left: u32,
    /// The feature's place among those of the tree.
    pub slot: u32,
    /// The place among [`CoverSteps::again`] where a question above asks about the same feature; or [`NONE`].
    pub again: u32,
    /// The share of the other side for a row that goes left and for one that goes right, all questions about the feature
    /// considered; and the share of the right side for a row that an earlier one already sent elsewhere.
    pub other: [f64; 3],
}

/// The steps of a whole tree.
#[derive(Debug)]
pub(super) struct CoverSteps {
    /// Parents before children.
    pub steps: Vec<Step>,
    /// By quadrature node: its weight, `1 - t`, and one over that.
    pub weights: Vec<f64>,
    pub unknown: Vec<f64>,
    pub over: Vec<f64>,
    /// How many questions ask about a feature again.
    pub n_again: usize,
    /// For each group of nodes worked on together and each such question: 1 over what the questions above let through.
    pub again: Vec<f64>,
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

impl CoverSteps {
    pub(super) fn new(trees: &Trees, flat: &FlatTree) -> Self {
        let shares = shares(trees, flat);
        let merged = merged(flat, &shares);
        // Half as many nodes as there are features on the longest way are exact.
        let n_nodes = match flat.deepest.div_ceil(2) {
            0..=FEW => FEW,
            n => n.next_multiple_of(MANY),
        };
        let (nodes, weights) = gauss_legendre(n_nodes);
        let mut above = Vec::new();
        let mut steps = Vec::with_capacity(flat.asked.len());
        for (asked, shares) in flat.asked.iter().zip(&shares) {
            let again = if asked.above == NONE { NONE } else { above.len() as u32 };
            if asked.above != NONE {
                above.push(merged[asked.above as usize]);
            }
            let below = [merged[asked.left as usize], merged[asked.left as usize + 1]];
            let other = [below[1], below[0], shares[1]];
            steps.push(Step { node: asked.node, left: asked.left, slot: asked.slot, again, other });
        }
        let group = if n_nodes == FEW { FEW } else { MANY };
        let again = nodes
            .chunks_exact(group)
            .flat_map(|nodes| {
                above.iter().flat_map(move |z| nodes.iter().map(move |t| 1.0 / (z + t * (1.0 - z))))
            })
            .collect();
        let unknown: Vec<f64> = nodes.iter().map(|t| 1.0 - t).collect();
        let over = unknown.iter().map(|q| 1.0 / q).collect();
        CoverSteps { steps, weights, unknown, over, n_again: above.len(), again }
    }
}

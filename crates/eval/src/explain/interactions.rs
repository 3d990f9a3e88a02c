//! Exact interaction values of trees.

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::{Context, Trees};

use super::cover_steps::{merged, shares};
use super::flat_tree::{FlatTree, ends, outputs};
use super::quadrature::gauss_legendre;
use super::tree_shap::{check_cover, expected};
use super::{Sources, check_rows};
use crate::{Error, Result};

/// What each pair of features adds to each output of each row.
///
/// The matrix of a row and output is symmetric; what a pair adds together is split between its two cells. A row of the matrix
/// sums to the Shapley value of its feature, so the diagonal is what the feature adds alone, and base and all cells sum to the
/// answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interactions {
    n_features: usize,
    base: Vec<f64>,
    values: Vec<f64>,
}

impl Interactions {
    /// The answer when nothing of a row is known, by output.
    pub fn base(&self) -> &[f64] {
        &self.base
    }

    /// How many features.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The matrix of one row and output, row after row.
    pub fn of(&self, row: usize, output: usize) -> &[f64] {
        let cells = self.n_features * self.n_features;
        &self.values[(row * self.base.len() + output) * cells..][..cells]
    }
}

/// The path-dependent SHAP interaction values (Lundberg, Erion, Lee 2018) of rows of `n_features` numbers, row after row.
///
/// The answer takes `n_features` squared numbers per row and output. Time per row and tree is the number of leaves times the
/// cube of the features on the way to one, halved. Errors as [`super::TreeShap`] does.
pub fn tree_interactions(trees: &Trees, x: &[f64], context: &Context) -> Result<Interactions> {
    let own: Vec<u32> = (0..trees.n_features() as u32).collect();
    of_groups(trees, &own, own.len(), x, context)
}

/// The same for the columns that features were derived from: what features of one column add together counts as what that column
/// adds alone. Takes no memory for the pairs of features.
pub fn tree_interactions_by_source(
    trees: &Trees,
    sources: &Sources,
    x: &[f64],
    context: &Context,
) -> Result<Interactions> {
    let (found, wanted) = (sources.of_feature.len(), trees.n_features());
    match found == wanted {
        true => of_groups(trees, &sources.of_feature, sources.names.len(), x, context),
        false => Err(Error::Lengths { what: "sources of features", found, wanted }),
    }
}

fn of_groups(
    trees: &Trees,
    groups: &[u32],
    n_groups: usize,
    x: &[f64],
    context: &Context,
) -> Result<Interactions> {
    let (n_features, p, k) = (trees.n_features(), n_groups, trees.n_outputs());
    let n_rows = check_rows(x, n_features)?;
    let ends = ends(trees);
    check_cover(trees, &ends)?;
    let flat: Vec<FlatTree> = ends.par_iter().map(|&(root, end)| FlatTree::new(trees, root, end)).collect();
    let ways: Vec<Ways> = flat.par_iter().map(|flat| Ways::new(trees, flat)).collect();
    let size = p.checked_mul(p).and_then(|cells| cells.checked_mul(n_rows * k));
    let mut values = vec![0.0; size.ok_or(Error::TooManyCells { n_features: p })?];
    let rows = x.par_chunks(n_features.max(1)).zip(values.par_chunks_mut((k * p * p).max(1)));
    rows.try_for_each(|(x, values)| {
        context.check()?;
        let mut room = Room::default();
        for (tree, (flat, ways)) in flat.iter().zip(&ways).enumerate() {
            ways.add(trees, tree, flat, (groups, p), x, values, &mut room);
        }
        values.chunks_exact_mut((p * p).max(1)).for_each(|cells| take_from_diagonal(cells, p));
        Ok::<(), Error>(())
    })?;
    Ok(Interactions { n_features: p, base: expected(trees, &flat), values })
}

/// The diagonal holds Shapley values; what a feature shares with others goes to their cells, and both triangles are filled.
fn take_from_diagonal(cells: &mut [f64], p: usize) {
    for i in 0..p {
        for j in i + 1..p {
            let shared = cells[i * p + j];
            cells[j * p + i] = shared;
            cells[i * p + i] -= shared;
            cells[j * p + j] -= shared;
        }
    }
}

/// The way to each leaf of a tree, and its quadrature.
struct Ways {
    /// The child and feature of each deciding question, leaf after leaf; features ascending.
    edges: Vec<(u32, u32)>,
    /// Where the edges of each leaf end.
    ends: Vec<usize>,
    /// By node.
    merged: Vec<f64>,
    nodes: Vec<f64>,
    weights: Vec<f64>,
}

/// What a row needs on its way; reused.
#[derive(Default)]
struct Room {
    held: Vec<bool>,
    /// What each feature changes, over its share, at each quadrature node.
    gains: Vec<f64>,
    product: Vec<f64>,
}

impl Ways {
    fn new(trees: &Trees, flat: &FlatTree) -> Self {
        let (mut edges, mut ends) = (Vec::new(), Vec::new());
        for &leaf in &flat.leaves {
            let mut way: Vec<(u32, u32)> = flat
                .way(leaf)
                .into_iter()
                .map(|(asked, child)| (child, flat.features[asked.slot as usize]))
                .collect();
            way.sort_by_key(|(_, feature)| *feature);
            edges.extend(way);
            ends.push(edges.len());
        }
        let (nodes, weights) = gauss_legendre(flat.deepest.div_ceil(2).max(1));
        Ways { edges, ends, merged: merged(flat, &shares(trees, flat)), nodes, weights }
    }

    #[expect(clippy::too_many_arguments, reason = "the innermost loop of one function")]
    fn add(
        &self,
        trees: &Trees,
        tree: usize,
        flat: &FlatTree,
        (groups, p): (&[u32], usize),
        x: &[f64],
        out: &mut [f64],
        room: &mut Room,
    ) {
        flat.hold(trees, x, &mut room.held);
        let mut start = 0;
        for (&leaf, &end) in flat.leaves.iter().zip(&self.ends) {
            let edges = &self.edges[start..end];
            start = end;
            self.shares(edges, room);
            let (q, values) = (self.nodes.len(), trees.values(flat.root + leaf as usize));
            for (a, &(_, i)) in edges.iter().enumerate() {
                for (b, &(_, j)) in edges.iter().enumerate().skip(a) {
                    let [one, other] = [groups[i as usize] as usize, groups[j as usize] as usize];
                    // What two features of one group do together is in their Shapley values.
                    if a != b && one == other {
                        continue;
                    }
                    let (of_a, of_b) = (&room.gains[a * q..(a + 1) * q], &room.gains[b * q..(b + 1) * q]);
                    let pairs = room.product.iter().zip(of_a).zip(of_b);
                    // On the diagonal the Shapley value, elsewhere half of what both add together.
                    let sum: f64 = match a == b {
                        true => pairs.map(|((share, gain), _)| share * gain).sum(),
                        false => pairs.map(|((share, gain), other)| share * gain * other).sum::<f64>() * 0.5,
                    };
                    for (output, value) in outputs(trees, tree).zip(values) {
                        out[(output * p + one.min(other)) * p + one.max(other)] += sum * value;
                    }
                }
            }
        }
    }

    /// The weighted share of the row that comes to a leaf, and what each feature changes.
    fn shares(&self, edges: &[(u32, u32)], room: &mut Room) {
        room.product.clone_from(&self.weights);
        room.gains.clear();
        for &(child, _) in edges {
            let z = self.merged[child as usize];
            let own = f64::from(u8::from(room.held[child as usize]));
            for (product, t) in room.product.iter_mut().zip(&self.nodes) {
                let share = z + t * (own - z);
                *product *= share;
                // A share of 0 has no gain either, nor has any other feature then.
                room.gains.push(if share > 0.0 { (own - z) / share } else { 0.0 });
            }
        }
    }
}

//! One tree laid out for explanations: nodes in the order in which they are stored (parents before children), and for each
//! question the nearest one above it about the same feature.

use tidemill_core::Trees;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// A question and what is known of it whatever the row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The node, counted from the tree's root.
    pub node: u32,
    /// Its left child, whose neighbour is the right one; counted from the root.
    pub left: u32,
    /// The nearest node above whose parent asks about the same feature: what a row must have come by so far; or [`NONE`].
    pub above: u32,
    /// The feature's place in [`FlatTree::features`].
    pub slot: u32,
    /// The feature's place on the way from the root, counting every feature once.
    pub bit: u32,
}

/// A tree as its questions and its leaves.
#[derive(Debug, Default)]
pub(super) struct FlatTree {
    /// The root's place among all nodes.
    pub root: usize,
    pub n_nodes: usize,
    /// Parents before children.
    pub asked: Vec<Asked>,
    /// Counted from the root.
    pub leaves: Vec<u32>,
    /// The features that the tree asks about, ascending.
    pub features: Vec<u32>,
    /// The most features on the way to a leaf.
    pub deepest: usize,
    /// By node: how many features are on the way to it.
    pub depth: Vec<u32>,
    /// By node: its parent's place in `asked`, or [`NONE`] for the root.
    pub parent: Vec<u32>,
}

impl FlatTree {
    /// Tree number `t`.
    pub(super) fn new(trees: &Trees, root: usize, end: usize) -> Self {
        let n_nodes = end - root;
        let question = |node: u32| trees.question(root + node as usize);
        let mut features: Vec<u32> =
            (0..n_nodes as u32).filter_map(question).map(|(feature, _)| feature as u32).collect();
        features.sort_unstable();
        features.dedup();
        let mut flat = FlatTree { root, n_nodes, features, ..FlatTree::default() };
        flat.parent = vec![NONE; n_nodes];
        flat.depth = vec![0; n_nodes];
        for node in 0..n_nodes as u32 {
            match question(node) {
                Some((feature, left)) => flat.ask(node, feature as u32, (left - root) as u32),
                None => {
                    flat.deepest = flat.deepest.max(flat.depth[node as usize] as usize);
                    flat.leaves.push(node);
                }
            }
        }
        flat
    }

    fn ask(&mut self, node: u32, feature: u32, left: u32) {
        let slot = self.features.binary_search(&feature).unwrap_or_default() as u32;
        let (mut above, mut bit) = (node, self.depth[node as usize]);
        loop {
            let parent = self.parent[above as usize];
            if parent == NONE {
                above = NONE;
                break;
            }
            let asked = self.asked[parent as usize];
            if asked.slot == slot {
                bit = asked.bit;
                break;
            }
            above = asked.node;
        }
        let depth = self.depth[node as usize] + u32::from(above == NONE);
        for child in [left, left + 1] {
            self.parent[child as usize] = self.asked.len() as u32;
            self.depth[child as usize] = depth;
        }
        self.asked.push(Asked { node, left, above, slot, bit });
    }

    /// The questions on the way to a node whose answers decide, the lowest about each feature, each with the child that
    /// the way goes by; from the node upwards.
    pub(super) fn way(&self, node: u32) -> Vec<(Asked, u32)> {
        let (mut way, mut at): (Vec<(Asked, u32)>, u32) = (Vec::new(), node);
        while self.parent[at as usize] != NONE {
            let asked = self.asked[self.parent[at as usize] as usize];
            if way.iter().all(|(lower, _)| lower.slot != asked.slot) {
                way.push((asked, at));
            }
            at = asked.node;
        }
        way
    }
}

/// Every tree laid out, in order.
pub(super) fn ends(trees: &Trees) -> Vec<(usize, usize)> {
    let roots: Vec<usize> = trees.roots().collect();
    let ends = roots.iter().skip(1).copied().chain([trees.n_nodes()]);
    roots.iter().copied().zip(ends).collect()
}

/// The outputs that a tree adds to, each with the place of its number in a leaf.
pub(super) fn outputs(trees: &Trees, tree: usize) -> std::ops::Range<usize> {
    match trees.is_whole() {
        true => 0..trees.n_outputs(),
        false => tree % trees.n_outputs()..tree % trees.n_outputs() + 1,
    }
}

impl FlatTree {
    /// By node: whether the row's value of the feature of the edge to it leads there, all questions about it considered.
    pub(super) fn hold(&self, trees: &Trees, x: &[f64], held: &mut Vec<bool>) {
        held.clear();
        held.resize(self.n_nodes, true);
        for asked in &self.asked {
            let value = x[self.features[asked.slot as usize] as usize];
            let child = trees.child(self.root + asked.node as usize, value) - self.root;
            let came = asked.above == NONE || held[asked.above as usize];
            let left = asked.left as usize;
            held[left] = came && child == left;
            held[left + 1] = came && child != left;
        }
    }
}

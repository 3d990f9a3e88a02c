//! The trees of an ensemble, which ONNX lays out as lists over all nodes of all trees.

use std::collections::BTreeMap;

use tidemill_core::Question;

use super::super::ensemble::Node;
use super::super::fault::Fault;
use super::super::xgboost::below;
use super::graph::Operator;

/// The nodes of all trees, and the weights of their leaves.
pub(super) struct Nodes<'a> {
    operator: &'a Operator<'a>,
    /// By tree, in their order: the places of its nodes in the lists.
    pub(super) trees: Vec<Vec<usize>>,
    /// By tree and number: the place of the node within its tree.
    places: BTreeMap<(i64, i64), usize>,
    /// Leaf after leaf (its place in the lists): the output that it adds to, and what.
    weights: Vec<(usize, usize, f32)>,
}

impl<'a> Nodes<'a> {
    /// The lists of an operator; those of the weights of leaves begin with `kind` (`class` or `target`), which go to `n_outputs`.
    pub(super) fn read(operator: &'a Operator<'a>, kind: &str, n_outputs: usize) -> Result<Self, Fault> {
        let (of_tree, of_node) = (operator.ints("nodes_treeids"), operator.ints("nodes_nodeids"));
        if of_tree.is_empty() {
            return Err(Fault::broken("the ensemble has no trees"));
        }
        for (name, n) in [
            ("nodes_nodeids", of_node.len()),
            ("nodes_featureids", operator.ints("nodes_featureids").len()),
            ("nodes_truenodeids", operator.ints("nodes_truenodeids").len()),
            ("nodes_falsenodeids", operator.ints("nodes_falsenodeids").len()),
            ("nodes_values", operator.floats("nodes_values").len()),
            ("nodes_modes", operator.texts("nodes_modes").len()),
        ] {
            same(name, n, of_tree.len())?;
        }
        let missing = operator.ints("nodes_missing_value_tracks_true");
        if !missing.is_empty() {
            same("nodes_missing_value_tracks_true", missing.len(), of_tree.len())?;
        }
        let (mut trees, mut known) = (Vec::<Vec<usize>>::new(), BTreeMap::<i64, usize>::new());
        let mut places = BTreeMap::new();
        for (at, (&tree, &node)) in of_tree.iter().zip(of_node).enumerate() {
            let own = *known.entry(tree).or_insert(trees.len());
            if own == trees.len() {
                trees.push(Vec::new());
            }
            if places.insert((tree, node), trees[own].len()).is_some() {
                return Err(Fault::broken(format!("tree {tree} has two nodes {node}")).at("nodes_nodeids"));
            }
            trees[own].push(at);
        }
        let mut nodes = Nodes { operator, trees, places, weights: Vec::new() };
        nodes.read_weights(kind, n_outputs, &known)?;
        Ok(nodes)
    }

    fn read_weights(
        &mut self,
        kind: &str,
        n_outputs: usize,
        known: &BTreeMap<i64, usize>,
    ) -> Result<(), Fault> {
        let name = |what: &str| format!("{kind}_{what}");
        let (trees, nodes) = (self.operator.ints(&name("treeids")), self.operator.ints(&name("nodeids")));
        let (ids, weights) = (self.operator.ints(&name("ids")), self.operator.floats(&name("weights")));
        for (what, n) in [("nodeids", nodes.len()), ("ids", ids.len()), ("weights", weights.len())] {
            same(&name(what), n, trees.len())?;
        }
        for (((tree, node), id), weight) in trees.iter().zip(nodes).zip(ids).zip(weights) {
            let place = self.places.get(&(*tree, *node)).zip(known.get(tree));
            let at = place.map(|(place, own)| self.trees[*own][*place]);
            let at = at.ok_or_else(|| {
                Fault::broken(format!("a leaf is node {node} of tree {tree}, which there is not"))
                    .at(name("nodeids"))
            })?;
            let output = usize::try_from(*id).ok().filter(|id| *id < n_outputs).ok_or_else(|| {
                Fault::broken(format!("a leaf adds to output {id}, but there are {n_outputs}"))
                    .at(name("ids"))
            })?;
            if !weight.is_finite() {
                return Err(Fault::broken(format!("the weight of a leaf is {weight}")).at(name("weights")));
            }
            self.weights.push((at, output, *weight));
        }
        self.weights.sort_by_key(|(at, output, _)| (*at, *output));
        Ok(())
    }

    /// How many features the questions are about at least.
    pub(super) fn n_features(&self) -> usize {
        let asked = self.operator.ints("nodes_featureids").iter().zip(self.operator.texts("nodes_modes"));
        let inner =
            asked.filter(|(_, mode)| **mode != "LEAF").filter_map(|(id, _)| usize::try_from(*id).ok());
        inner.max().map_or(0, |most| most.saturating_add(1))
    }

    /// The outputs that any leaf adds to.
    pub(super) fn outputs(&self) -> Vec<usize> {
        let mut outputs: Vec<usize> = self.weights.iter().map(|(_, output, _)| *output).collect();
        outputs.sort_unstable();
        outputs.dedup();
        outputs
    }

    /// The only output that the leaves of a tree add to: the first where there is no leaf; `None` where there are several.
    pub(super) fn output_of(&self, tree: usize) -> Option<usize> {
        let mut outputs =
            self.trees[tree].iter().flat_map(|at| self.of_leaf(*at)).map(|(_, output, _)| *output);
        let first = outputs.next().unwrap_or(0);
        outputs.all(|other| other == first).then_some(first)
    }

    fn of_leaf(&self, at: usize) -> &[(usize, usize, f32)] {
        let from = self.weights.partition_point(|(leaf, ..)| *leaf < at);
        let to = self.weights.partition_point(|(leaf, ..)| *leaf <= at);
        &self.weights[from..to]
    }

    /// The node at a place of a tree; `leaf` makes one from what it adds to each output.
    pub(super) fn node(
        &self,
        tree: usize,
        place: usize,
        leaf: impl Fn(&[(usize, usize, f32)]) -> Result<Node, Fault>,
    ) -> Result<Node, Fault> {
        let at = self.trees[tree].get(place).copied();
        let at = at.ok_or_else(|| Fault::broken("a child is in no tree"))?;
        let operator = self.operator;
        let (number, mode) = (operator.ints("nodes_nodeids")[at], operator.texts("nodes_modes")[at]);
        if mode == "LEAF" {
            return leaf(self.of_leaf(at));
        }
        let threshold = operator.floats("nodes_values")[at];
        if !threshold.is_finite() {
            return Err(
                Fault::broken(format!("the threshold of node {number} is {threshold}")).at("nodes_values")
            );
        }
        // Numbers are compared as 32 bits there.
        let threshold = match mode {
            "BRANCH_LEQ" => below(threshold.next_up()),
            "BRANCH_LT" => below(threshold),
            other => {
                return Err(Fault::refused(
                    format!("node {number} asks by '{other}', which is not taken over"),
                    "known are BRANCH_LEQ and BRANCH_LT, as scikit-learn's trees have them",
                )
                .at("nodes_modes"));
            }
        };
        let feature = usize::try_from(operator.ints("nodes_featureids")[at]).map_err(|_| {
            Fault::broken(format!("node {number} asks about no feature")).at("nodes_featureids")
        })?;
        let id = operator.ints("nodes_treeids")[at];
        let child = |list: &str| {
            let child = operator.ints(list)[at];
            self.places.get(&(id, child)).copied().ok_or_else(|| {
                Fault::broken(format!("a child of node {number} is {child}, which tree {id} has not"))
                    .at(list)
            })
        };
        let missing = operator.ints("nodes_missing_value_tracks_true").get(at);
        Ok(Node::Split {
            feature,
            question: Question::Number { threshold },
            missing_left: missing.is_some_and(|tracks| *tracks == 1),
            children: [child("nodes_truenodeids")?, child("nodes_falsenodeids")?],
        })
    }
}

fn same(name: &str, n: usize, wanted: usize) -> Result<(), Fault> {
    if n == wanted {
        return Ok(());
    }
    Err(Fault::broken(format!("it has {n} entries where there should be {wanted}")).at(name))
}

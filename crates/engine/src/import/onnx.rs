//! Trees in ONNX files (`TreeEnsembleRegressor` and `TreeEnsembleClassifier` of `ai.onnx.ml`), as skl2onnx writes scikit-learn's
//! forests, extremely randomised and boosted trees.
//!
//! Numbers are compared as 32 bits there; every threshold becomes the greatest 64-bit number that passes, so every row takes the same
//! way through every tree. What differs is the sum of the leaves, which onnxruntime forms in 32 bits. Everything else in a graph is
//! refused by the operator's name, but for those that only pass numbers on.

mod graph;
mod nodes;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use tidemill_learn::trees::losses::Link;

use super::ensemble::{Ensemble, Feature, FeatureReads, Grove, MOST_CLASSES, MOST_FEATURES, Node};
use super::fault::Fault;
use graph::{Graph, Input, Operator};
use nodes::Nodes;

/// How far the shares of a leaf may be off, for what 32 bits round away.
const ROUNDED: f64 = 1e-4;
/// What to do about a graph that holds more than trees.
const ALONE: &str = "convert the model of trees alone: to_onnx(model, …) without the pipeline around it";

/// Whether a file begins as ONNX files do: with the version of the format, then the next field of a model.
pub(super) fn is_onnx(start: &[u8]) -> bool {
    matches!(start, [0x08, 1..=32, 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42, ..])
}

/// Reads a file.
pub(super) fn read(bytes: &[u8]) -> Result<Ensemble, Fault> {
    let graph = Graph::read(bytes)?;
    let (operator, mut names) = trees_of(&graph)?;
    for attribute in ["nodes_values_as_tensor", "class_weights_as_tensor", "target_weights_as_tensor"] {
        if operator.has(attribute) {
            return Err(Fault::refused(
                "its trees hold 64-bit numbers, which are not taken over",
                "convert it for FloatTensorType",
            ));
        }
    }
    let classes = labels(operator);
    let answer = match operator.kind {
        "TreeEnsembleRegressor" => of_numbers(operator)?,
        _ => of_classes(operator, classes.len())?,
    };
    // A column whose width the file does not say is as wide as the questions need.
    if names.is_empty() {
        names = (0..answer.nodes.n_features().min(MOST_FEATURES)).map(|j| format!("f{j}")).collect();
    }
    let trees = grow(&answer, names.len())?;
    let feature = |name: String| Feature { name, reads: FeatureReads::Number, range: None };
    Ok(Ensemble {
        program: "ONNX",
        version: format!("{} {}", graph.producer, graph.version).trim().into(),
        objective: operator.kind.into(),
        features: names.into_iter().map(feature).collect(),
        link: answer.link,
        n_classes: (!classes.is_empty()).then_some(classes.len()),
        class_names: classes,
        trees,
        notes: vec![
            "the file does not say how many training rows went which way: answers are explained by sampling"
                .into(),
        ],
    })
}

/// The operator of trees, and the names of the columns that it reads; none where the file does not say how many.
fn trees_of<'a>(graph: &'a Graph<'a>) -> Result<(&'a Operator<'a>, Vec<String>), Fault> {
    let mut known: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for input in &graph.inputs {
        known.insert(input.name, columns(input, graph.inputs.len())?);
    }
    let (mut answers, mut found) = (BTreeSet::new(), None);
    for operator in &graph.operators {
        let read: Option<Vec<&Vec<String>>> = operator.inputs.iter().map(|name| known.get(name)).collect();
        let after = operator.inputs.iter().any(|name| answers.contains(name));
        match (operator.kind, read) {
            ("TreeEnsembleRegressor" | "TreeEnsembleClassifier", Some(read)) => {
                let names = read.concat_columns();
                if found.replace((operator, names)).is_some() {
                    return Err(Fault::refused("it holds two ensembles of trees", ALONE));
                }
                answers.extend(operator.outputs.iter().copied());
            }
            ("Cast" | "Identity" | "Concat", Some(read)) if operator.kind != "Cast" || is_float(operator) => {
                let names = read.concat_columns();
                operator.outputs.iter().for_each(|output| drop(known.insert(output, names.clone())));
            }
            ("Normalizer", _) if after && operator.text("norm") != Some("L1") => {
                return Err(Fault::refused("it normalises probabilities by another norm than L1", ALONE));
            }
            ("Cast" | "Identity" | "ZipMap" | "Normalizer" | "ArrayFeatureExtractor", _) if after => {
                answers.extend(operator.outputs.iter().copied());
            }
            _ => {
                let kind = tidemill_core::escaped(operator.kind);
                let problem = format!("its graph holds the operator '{kind}', which is not taken over");
                return Err(Fault::refused(problem, ALONE));
            }
        }
    }
    found.ok_or_else(|| Fault::refused("its graph holds no ensemble of trees", ALONE))
}

/// Lists of columns side by side.
trait ConcatColumns {
    fn concat_columns(&self) -> Vec<String>;
}

impl ConcatColumns for Vec<&Vec<String>> {
    fn concat_columns(&self) -> Vec<String> {
        self.iter().flat_map(|names| names.iter().cloned()).collect()
    }
}

fn is_float(cast: &Operator<'_>) -> bool {
    cast.int("to").is_some_and(|to| to == FLOAT as i64)
}

/// ONNX's codes of 32-bit floats and of whole numbers.
const FLOAT: u64 = 1;
const INTS: [u64; 2] = [6, 7];

/// The columns of an input: one is called as the input, many of the only input `f0`, `f1`, ….
fn columns(input: &Input<'_>, n_inputs: usize) -> Result<Vec<String>, Fault> {
    if input.element != FLOAT && !INTS.contains(&input.element) {
        let name = tidemill_core::escaped(input.name);
        let problem = format!("its input '{name}' holds no 32-bit numbers");
        return Err(Fault::refused(problem, "convert it for FloatTensorType"));
    }
    match (input.width, n_inputs) {
        (Some(width), _) if width > MOST_FEATURES => Err(Fault::refused(
            format!("it has {width} columns"),
            format!("at most {MOST_FEATURES} are read"),
        )),
        (Some(1), _) => Ok(vec![input.name.into()]),
        (Some(width), 1) => Ok((0..width).map(|j| format!("f{j}")).collect()),
        (Some(width), _) => Ok((0..width).map(|j| format!("{}_{j}", input.name)).collect()),
        (None, 1) => Ok(Vec::new()),
        (None, _) => {
            let problem =
                format!("it does not say how wide its input '{}' is", tidemill_core::escaped(input.name));
            Err(Fault::refused(problem, "convert it with a number of columns: FloatTensorType([None, 1])"))
        }
    }
}

/// The names of the classes.
fn labels(operator: &Operator<'_>) -> Vec<String> {
    let texts = operator.texts("classlabels_strings").iter().map(|text| (*text).to_string());
    texts.chain(operator.ints("classlabels_int64s").iter().map(i64::to_string)).collect()
}

/// What the sum of the trees means.
struct Answer<'a> {
    nodes: Nodes<'a>,
    link: Link,
    start: Vec<f64>,
    leaves: Leaves,
}

/// What a leaf becomes.
#[derive(Clone, Copy)]
enum Leaves {
    /// A number, times this.
    Number(f64),
    /// The share of each class, from the shares of all but the first of two, or of each.
    SecondOfTwo,
    Each,
}

fn of_numbers<'a>(operator: &'a Operator<'a>) -> Result<Answer<'a>, Fault> {
    if operator.int("n_targets").unwrap_or(1) != 1 {
        return Err(Fault::refused("it predicts several numbers at once", "train a model for each"));
    }
    transform(operator, "NONE")?;
    let nodes = Nodes::read(operator, "target", 1)?;
    let scale = match operator.text("aggregate_function").unwrap_or("SUM") {
        "SUM" => 1.0,
        "AVERAGE" => 1.0 / nodes.trees.len() as f64,
        other => {
            let problem = format!("its trees are put together by '{}'", tidemill_core::escaped(other));
            return Err(Fault::refused(problem, "only sums and means of trees are taken over"));
        }
    };
    let start = start(operator, 1)?;
    Ok(Answer { nodes, link: Link::Identity, start, leaves: Leaves::Number(scale) })
}

fn of_classes<'a>(operator: &'a Operator<'a>, n_classes: usize) -> Result<Answer<'a>, Fault> {
    if !(2..=MOST_CLASSES).contains(&n_classes) {
        return Err(Fault::broken(format!("an ensemble of {n_classes} classes")));
    }
    let nodes = Nodes::read(operator, "class", n_classes)?;
    // Of two classes one score tells both.
    let one_score = n_classes == 2 && nodes.outputs().len() <= 1;
    let number = Leaves::Number(1.0);
    match (operator.text("post_transform").unwrap_or("NONE"), one_score) {
        ("LOGISTIC", true) => {
            Ok(Answer { nodes, link: Link::Sigmoid, start: start(operator, 1)?, leaves: number })
        }
        ("SOFTMAX", false) => {
            Ok(Answer { nodes, link: Link::Softmax, start: start(operator, n_classes)?, leaves: number })
        }
        ("NONE", _) if operator.floats("base_values").iter().all(|x| *x == 0.0) => {
            let leaves = if one_score { Leaves::SecondOfTwo } else { Leaves::Each };
            Ok(Answer { nodes, link: Link::Mean, start: vec![0.0; n_classes], leaves })
        }
        (other, _) => Err(unknown(other)),
    }
}

fn unknown(transform: &str) -> Fault {
    let transform = tidemill_core::escaped(transform);
    Fault::refused(
        format!("its scores become answers by '{transform}', which does not suit its trees"),
        "known are forests, extremely randomised and boosted trees of scikit-learn",
    )
    .at("post_transform")
}

fn transform(operator: &Operator<'_>, wanted: &str) -> Result<(), Fault> {
    match operator.text("post_transform").unwrap_or("NONE") {
        found if found == wanted => Ok(()),
        other => Err(unknown(other)),
    }
}

/// What every answer begins with.
fn start(operator: &Operator<'_>, n: usize) -> Result<Vec<f64>, Fault> {
    let base = operator.floats("base_values");
    match base.len() {
        0 => Ok(vec![0.0; n]),
        found if found == n && base.iter().all(|x| x.is_finite()) => {
            Ok(base.iter().map(|x| f64::from(*x)).collect())
        }
        found => {
            Err(Fault::broken(format!("{found} numbers to begin with, for {n} scores")).at("base_values"))
        }
    }
}

fn grow(answer: &Answer<'_>, n_features: usize) -> Result<tidemill_core::Trees, Fault> {
    let (nodes, k) = (&answer.nodes, answer.start.len());
    let whole = answer.link == Link::Mean;
    let mut grove = Grove::new(n_features, answer.start.clone(), whole);
    let plant = |grove: &mut Grove, tree: usize| {
        grove.plant(nodes.trees[tree].len(), |place| nodes.node(tree, place, |weights| answer.leaf(weights)))
    };
    if whole || k == 1 {
        (0..nodes.trees.len()).try_for_each(|tree| plant(&mut grove, tree))?;
        return Ok(grove.trees());
    }
    // A tree for each class in turn.
    let mut rounds: Vec<Vec<usize>> = vec![Vec::new(); k];
    for tree in 0..nodes.trees.len() {
        let class = nodes.output_of(tree).ok_or_else(|| {
            Fault::refused("the leaves of one tree add to the scores of several classes", ALONE)
        })?;
        rounds[class].push(tree);
    }
    for round in 0..rounds.iter().map(Vec::len).max().unwrap_or(0) {
        for own in &rounds {
            match own.get(round) {
                Some(&tree) => plant(&mut grove, tree)?,
                None => grove.plant_nothing(),
            }
        }
    }
    Ok(grove.trees())
}

impl Answer<'_> {
    fn leaf(&self, weights: &[(usize, usize, f32)]) -> Result<Node, Fault> {
        let n = self.nodes.trees.len() as f64;
        let sum = || weights.iter().map(|(.., weight)| f64::from(*weight)).sum::<f64>();
        let mut values = match self.leaves {
            Leaves::Number(scale) => return Ok(Node::Leaf { value: sum() * scale, cover: 0.0 }),
            Leaves::SecondOfTwo => vec![1.0 - sum() * n, sum() * n],
            Leaves::Each => {
                let mut values = vec![0.0; self.start.len()];
                weights.iter().for_each(|(_, class, weight)| values[*class] += f64::from(*weight) * n);
                values
            }
        };
        let total: f64 = values.iter().sum();
        if (total - 1.0).abs() > ROUNDED
            || values.iter().any(|share| !(-ROUNDED..=1.0 + ROUNDED).contains(share))
        {
            return Err(Fault::refused("the leaves of its trees do not hold the shares of classes", ALONE));
        }
        values.iter_mut().for_each(|share| *share = (*share / total).clamp(0.0, 1.0));
        Ok(Node::Leaves { values, cover: 0.0 })
    }
}

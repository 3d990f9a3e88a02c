//! The common form of imported models: trees, the columns that they use, and the meaning of their sum.

use tidemill_core::{Question, Trees};
use tidemill_learn::trees::losses::Link;

use super::fault::Fault;

/// The most nodes of all trees.
const MOST_NODES: usize = 50_000_000;
/// The most words of 64 categories in all sets.
const MOST_WORDS: usize = 50_000_000;
/// The most features and classes.
pub(super) const MOST_FEATURES: usize = 1_000_000;
pub(super) const MOST_CLASSES: usize = 10_000;

/// A sum of trees as another program saved it.
pub(super) struct Ensemble {
    /// The program, as `LightGBM`.
    pub(super) program: &'static str,
    /// The version that the file names.
    pub(super) version: String,
    /// What it was trained for, in the words of the program.
    pub(super) objective: String,
    pub(super) features: Vec<Feature>,
    pub(super) link: Link,
    /// How many classes; `None` for numbers.
    pub(super) n_classes: Option<usize>,
    /// What they are called, where the file says it; else empty.
    pub(super) class_names: Vec<String>,
    pub(super) trees: Trees,
    /// What a person should know.
    pub(super) notes: Vec<String>,
}

/// A column of the model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Feature {
    pub(super) name: String,
    pub(super) reads: FeatureReads,
    /// The least and the greatest number of training, where the file says them.
    pub(super) range: Option<[f64; 2]>,
}

/// What a column of the model holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FeatureReads {
    Number,
    Flag,
    ZeroIsMissing,
    /// Codes of categories whose names the file does not say.
    Code,
    /// Categories by their names, in the order of the codes.
    Names(Vec<String>),
}

/// A node of a tree as a file describes it: children by their places.
pub(super) enum Node {
    Leaf {
        value: f64,
        cover: f64,
    },
    /// A number for each output.
    Leaves {
        values: Vec<f64>,
        cover: f64,
    },
    Split {
        feature: usize,
        question: Question,
        missing_left: bool,
        children: [usize; 2],
    },
}

/// The trees, as they are taken over one by one.
pub(super) struct Grove {
    trees: Trees,
    /// Words of all sets of categories.
    words: usize,
}

impl Grove {
    /// `whole` trees have a number for each output in every leaf; of others each adds to one output, in turn.
    pub(super) fn new(n_features: usize, start: Vec<f64>, whole: bool) -> Self {
        Grove { trees: Trees::new(n_features, start, whole), words: 0 }
    }

    pub(super) fn trees(self) -> Trees {
        self.trees
    }

    /// Adds a tree whose `n_nodes` nodes `node` describes; its root is node 0.
    ///
    /// # Errors
    /// A child that is not in the tree or that two nodes lead to (a circle, too), a question about no feature, numbers that
    /// are not finite, too many nodes or categories.
    pub(super) fn plant(
        &mut self,
        n_nodes: usize,
        node: impl Fn(usize) -> Result<Node, Fault>,
    ) -> Result<(), Fault> {
        if self.trees.n_nodes().saturating_add(n_nodes) > MOST_NODES {
            return Err(too_large(format!("the trees have more than {MOST_NODES} nodes")));
        }
        let mut reached = vec![false; n_nodes];
        let mut open = vec![(0, self.trees.plant())];
        while let Some((at, to)) = open.pop() {
            match reached.get_mut(at) {
                Some(reached) if !*reached => *reached = true,
                Some(_) => {
                    return Err(Fault::broken(format!("two ways lead to node {at}: this is no tree")));
                }
                None => {
                    let problem = format!("a child is node {at}, but the tree has {n_nodes} nodes");
                    return Err(Fault::broken(problem));
                }
            }
            match node(at)? {
                Node::Leaf { value, cover } => {
                    finite(value, "the value of a leaf")?;
                    weight(cover)?;
                    self.trees.leaf(to, &[value], cover);
                }
                Node::Leaves { values, cover } => {
                    values.iter().try_for_each(|value| finite(*value, "the value of a leaf"))?;
                    weight(cover)?;
                    self.trees.leaf(to, &values, cover);
                }
                Node::Split { feature, question, missing_left, children } => {
                    self.check(at, feature, &question)?;
                    let left = self.trees.split(to, feature, &question, missing_left);
                    open.push((children[1], left + 1));
                    open.push((children[0], left));
                }
            }
        }
        self.trees.finish();
        Ok(())
    }

    /// A tree that adds nothing.
    pub(super) fn plant_nothing(&mut self) {
        let root = self.trees.plant();
        self.trees.leaf(root, &[0.0], 1.0);
        self.trees.finish();
    }

    fn check(&mut self, node: usize, feature: usize, question: &Question) -> Result<(), Fault> {
        let n = self.trees.n_features();
        if feature >= n {
            let problem = format!("node {node} asks about feature {feature}, but there are {n}");
            return Err(Fault::broken(problem));
        }
        match question {
            Question::Number { threshold } => finite(*threshold, "a threshold"),
            Question::Category { left } => {
                self.words = self.words.saturating_add(left.len());
                if self.words > MOST_WORDS {
                    return Err(too_large("the sets of categories are too large".into()));
                }
                Ok(())
            }
        }
    }
}

fn too_large(problem: String) -> Fault {
    Fault::refused(problem, "train a smaller model: fewer trees, leaves or categories")
}

fn finite(x: f64, what: &str) -> Result<(), Fault> {
    if x.is_finite() { Ok(()) } else { Err(Fault::broken(format!("{what} is {x}, not a finite number"))) }
}

fn weight(cover: f64) -> Result<(), Fault> {
    if cover.is_finite() && cover >= 0.0 {
        return Ok(());
    }
    Err(Fault::broken(format!("the weight of a leaf is {cover}, not a finite number from 0 up")))
}

/// The set of codes as bits, 64 a word.
pub(super) fn bits(codes: impl Iterator<Item = usize>) -> Vec<u64> {
    let mut words = Vec::new();
    for code in codes {
        if words.len() <= code / 64 {
            words.resize(code / 64 + 1, 0);
        }
        words[code / 64] |= 1 << (code % 64);
    }
    words
}

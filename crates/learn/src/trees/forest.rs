//! Random forests and extremely randomised trees, and what all forests share.

use std::sync::Arc;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Builtin, Categories, Context, FitCost, Fitted, KeyPath, Kind, Result, Role, Shape, Training, Trees,
};
use tidemill_kernel::Random;
use tidemill_kernel::trees::{
    Binned, ByteColumns, ClassLabels, ForestGround, ForestGrowth, Item, Labels, NumberLabels,
    grow_forest_tree,
};

use super::FittedTrees;
use super::features::TreeColumns;
use super::losses::{Link, mean};
use crate::rows;

/// What all forests share.
pub(super) trait Forest: Builtin {
    fn settings(&self) -> Settings;
}

pub(super) struct Settings {
    pub n_trees: usize,
    pub max_depth: Option<usize>,
    pub min_samples_split: usize,
    pub min_samples_leaf: usize,
    pub max_features: Option<f64>,
    pub sampling: Sampling,
    pub random_cuts: bool,
}

/// Which rows a tree learns from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sampling {
    /// All of them.
    All,
    /// As many as there are, drawn with replacement.
    Bootstrap,
    /// Of each class as many as the rarest has, drawn with replacement.
    Balanced,
}

impl Sampling {
    fn of(bootstrap: bool) -> Self {
        if bootstrap { Sampling::Bootstrap } else { Sampling::All }
    }
}

/// Makes parameters that are a [`Forest`] a learner.
macro_rules! forest_learner {
    ($name:ident, $kind:literal) => {
        impl tidemill_core::Builtin for $name {
            const KIND: &'static str = $kind;
            const VERSION: u32 = $crate::trees::fitted::VERSION;

            fn check(&self) -> Result<(), tidemill_core::KeyPath> {
                $crate::trees::forest::check(&self.settings())
            }

            fn load(
                _: &tidemill_core::Registry,
                state: tidemill_core::State,
            ) -> tidemill_core::Result<std::sync::Arc<dyn tidemill_core::Fitted>> {
                $crate::trees::FittedTrees::load::<Self>(&state)
            }
        }

        impl tidemill_core::BuiltinLearner for $name {
            const FAMILY: tidemill_core::Family = tidemill_core::Family::Forest;
            const COLUMN_ORDER_MATTERS: bool = true;
            const MEMORISES: bool = true;

            fn fit_cost(&self, shape: &tidemill_core::Shape) -> tidemill_core::FitCost {
                $crate::trees::forest::fit_cost(&self.settings(), shape)
            }
        }

        impl tidemill_core::Estimator for $name {
            tidemill_core::kind_and_params!();

            fn needs(&self) -> tidemill_core::Needs {
                tidemill_core::Needs { tabular: true, ..tidemill_core::Needs::default() }
            }

            fn search(&self) -> Vec<tidemill_core::Search> {
                vec![
                    tidemill_core::Search {
                        key: "min_samples_leaf",
                        values: [1, 3, 10].map(serde_json::Value::from).to_vec(),
                    },
                    tidemill_core::Search {
                        key: "max_features",
                        values: vec![serde_json::Value::Null, 0.6.into()],
                    },
                ]
            }

            fn fit(
                &self,
                training: tidemill_core::Training<'_>,
                context: &tidemill_core::Context,
            ) -> tidemill_core::Result<std::sync::Arc<dyn tidemill_core::Fitted>> {
                $crate::trees::forest::fit(self, training, context)
            }
        }
    };
}
pub(super) use forest_learner;

/// What growing all trees costs.
pub(super) fn fit_cost(settings: &Settings, shape: &Shape) -> FitCost {
    let (n, p) = (shape.rows, shape.tabular());
    let asked = if shape.classes > 1.0 { p.sqrt() } else { p };
    let looked_at = settings.max_features.map_or(asked, |share| share * p);
    FitCost::Operations(12.0 * settings.n_trees as f64 * n * n.max(2.0).log2() * (8.0 * looked_at).sqrt())
}

macro_rules! forest {
    ($(#[$doc:meta])* $name:ident, $kind:literal, bootstrap = $bootstrap:literal, random_cuts = $random:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// How many trees, 1 to 100000. More: steadier, never worse.
            pub n_trees: usize,
            /// The maximum depth of a tree; by default, until leaves are pure.
            pub max_depth: Option<usize>,
            /// Rows of a node that is divided, at least.
            pub min_samples_split: usize,
            /// Rows of a leaf at least; a row drawn twice is one row.
            pub min_samples_leaf: usize,
            /// The share of features tried at each node, above 0 up to 1; by default the square root of their
            /// number for classes, a third of them for numbers (Breiman 2001).
            pub max_features: Option<f64>,
            /// Whether each tree learns from rows drawn with replacement; the rows it did not draw then give the
            /// out-of-bag score.
            pub bootstrap: bool,
        }

        impl Default for $name {
            fn default() -> Self {
                $name {
                    n_trees: 100,
                    max_depth: None,
                    min_samples_split: 2,
                    min_samples_leaf: 1,
                    max_features: None,
                    bootstrap: $bootstrap,
                }
            }
        }

        impl Forest for $name {
            fn settings(&self) -> Settings {
                Settings {
                    n_trees: self.n_trees,
                    max_depth: self.max_depth,
                    min_samples_split: self.min_samples_split,
                    min_samples_leaf: self.min_samples_leaf,
                    max_features: self.max_features,
                    sampling: Sampling::of(self.bootstrap),
                    random_cuts: $random,
                }
            }
        }

        forest_learner!($name, $kind);
    };
}

forest! {
    /// A random forest: deep trees on rows drawn with replacement, a few features tried at each node, their answers
    /// averaged (Breiman 2001), grown from histograms of at most 255 bins per feature.
    ///
    /// Reads numbers, flags, categories and vectors; missing values go the way that is best for them.
    RandomForest, "random_forest", bootstrap = true, random_cuts = false
}

forest! {
    /// Extremely randomised trees: as a random forest, but one random threshold per feature is tried instead of the
    /// best (Geurts, Ernst, Wehenkel 2006), on all rows.
    ///
    /// Smoother than a random forest, and often better where features are noisy.
    ExtraTrees, "extra_trees", bootstrap = false, random_cuts = true
}

pub(super) fn check(settings: &Settings) -> Result<(), KeyPath> {
    let count = |key: &str, x: usize, low: usize| match (low..=100_000).contains(&x) {
        true => Ok(()),
        false => Err(KeyPath::new(key, format!("is {x}, but must be a whole number from {low} to 100000"))),
    };
    count("n_trees", settings.n_trees, 1)?;
    count("min_samples_split", settings.min_samples_split, 2)?;
    count("min_samples_leaf", settings.min_samples_leaf, 1)?;
    match settings.max_features {
        Some(share) if !(share > 0.0 && share <= 1.0) => {
            Err(KeyPath::new("max_features", format!("is {share}, but must be above 0, up to 1")))
        }
        _ => Ok(()),
    }
}

/// What a forest learns, row by row.
enum Target {
    Numbers(NumberLabels, Vec<f64>),
    Classes(ClassLabels, Vec<u32>),
}

impl Target {
    fn of(batch: &Batch, weights: Option<&[f64]>) -> Result<(Self, Option<Arc<Categories>>)> {
        let kind = batch.schema().role(Role::Target).map(|at| batch.schema().columns()[at].kind);
        if kind == Some(Kind::Category) {
            let (codes, classes) = rows::classes(batch)?;
            let target = if classes.len() == 2 {
                let labels = NumberLabels { centre: 0.0, two_classes: true };
                Target::Numbers(labels, codes.into_iter().map(f64::from).collect())
            } else {
                Target::Classes(ClassLabels(classes.len()), codes)
            };
            return Ok((target, Some(classes)));
        }
        let mut values = rows::moderate_numbers(batch)?;
        // Sums of squares of what is left are exact enough wherever the numbers lie.
        let centre = mean(&values, weights);
        values.iter_mut().for_each(|y| *y -= centre);
        Ok((Target::Numbers(NumberLabels { centre, two_classes: false }, values), None))
    }

    fn n_outputs(&self) -> usize {
        match self {
            Target::Numbers(labels, _) => labels.width(),
            Target::Classes(labels, _) => labels.width(),
        }
    }
}

/// One tree, the rows that it did not learn from, and the leaves that they come to.
struct Grown {
    tree: Trees,
    unseen: Vec<u32>,
    leaves: Vec<u32>,
}

/// What every tree of a forest is grown from.
struct Ground<'a> {
    columns: &'a ByteColumns<'a>,
    growth: ForestGrowth,
    weights: Option<Vec<f64>>,
    n_rows: usize,
    n_features: usize,
    draw: Draw,
    seed: u64,
}

/// As [`Sampling`], with the rows of each class that has any.
enum Draw {
    All,
    Bootstrap,
    Balanced(Vec<Vec<usize>>),
}

impl Draw {
    /// Errors when classes are to be balanced and the target is a number.
    fn of(sampling: Sampling, batch: &Batch, weights: Option<&[f64]>) -> Result<Self> {
        Ok(match sampling {
            Sampling::All => Draw::All,
            Sampling::Bootstrap => Draw::Bootstrap,
            Sampling::Balanced => {
                let (codes, classes) = rows::classes(batch)?;
                let mut of_classes = vec![Vec::new(); classes.len()];
                let counts = |row: &usize| weights.is_none_or(|w| w[*row] > 0.0);
                (0..codes.len()).filter(counts).for_each(|row| of_classes[codes[row] as usize].push(row));
                of_classes.retain(|rows| !rows.is_empty());
                Draw::Balanced(of_classes)
            }
        })
    }

    /// How often each of `n` rows is drawn.
    fn times(&self, n: usize, random: &mut Random) -> Vec<u32> {
        let mut times = vec![0u32; n];
        match self {
            Draw::All => times.fill(1),
            Draw::Bootstrap => (0..n).for_each(|_| times[random.below(n)] += 1),
            Draw::Balanced(classes) => {
                let rarest = classes.iter().map(Vec::len).min().unwrap_or(0);
                for rows in classes {
                    (0..rarest).for_each(|_| times[rows[random.below(rows.len())]] += 1);
                }
            }
        }
        times
    }
}

impl Ground<'_> {
    fn grow<L: Labels>(&self, labels: &L, of: &[L::Label], t: usize, context: &Context) -> Result<Grown> {
        context.check()?;
        let mut random = Random::new(self.seed, t as u64);
        let weight = self.weigh(&mut random);
        let judges = !matches!(self.draw, Draw::All);
        let mut unseen = Vec::new();
        let mut items = Vec::with_capacity(self.n_rows);
        for (i, (&weight, &label)) in weight.iter().zip(of).enumerate() {
            match weight > 0.0 {
                true => items.push(Item { row: i as u32, weight, label }),
                false if judges => unseen.push(i as u32),
                false => {}
            }
        }
        let mut tree = Trees::new(self.n_features, vec![0.0; labels.width()], true);
        let ground = ForestGround { columns: self.columns, labels, growth: &self.growth, context };
        let leaves = grow_forest_tree(&ground, &mut items, &mut unseen, random, &mut tree)?;
        Ok(Grown { tree, unseen, leaves })
    }

    /// How much each row counts for one tree.
    fn weigh(&self, random: &mut Random) -> Vec<f32> {
        let n = self.n_rows;
        let own = |i: usize| self.weights.as_ref().map_or(1.0, |w| w[i]);
        let times = self.draw.times(n, random);
        let drawn: Vec<f32> = (0..n).map(|i| (f64::from(times[i]) * own(i)) as f32).collect();
        if drawn.iter().any(|w| *w > 0.0) {
            return drawn;
        }
        // Only rows of no weight were drawn: the others stand in.
        (0..n).map(|i| own(i) as f32).collect()
    }
}

pub(super) fn fit<F: Forest>(
    forest: &F,
    training: Training<'_>,
    context: &Context,
) -> Result<Arc<dyn Fitted>> {
    let settings = forest.settings();
    let batch = rows::collect(training, context)?;
    let weights = rows::weights(&batch)?.map(scaled);
    let (target, classes) = Target::of(&batch, weights.as_deref())?;
    let draw = Draw::of(settings.sampling, &batch, weights.as_deref())?;
    let columns = TreeColumns::of(batch.schema())?;
    let binned = Binned::new(&columns.values(&batch)?, 255);
    let ground = Ground {
        columns: &ByteColumns::new(&binned),
        growth: settings.growth(binned.n_features(), classes.is_some()),
        weights,
        n_rows: batch.n_rows(),
        n_features: binned.n_features(),
        draw,
        seed: context.seed_for(F::KIND),
    };
    let one = |t: usize| match &target {
        Target::Numbers(labels, of) => ground.grow(labels, of, t, context),
        Target::Classes(labels, of) => ground.grow(labels, of, t, context),
    };
    let mut trees = Trees::new(ground.n_features, vec![0.0; target.n_outputs()], true);
    let mut bag = Bag::new(batch.n_rows(), target.n_outputs());
    for first in (0..settings.n_trees).step_by(TOGETHER) {
        let several = first..settings.n_trees.min(first + TOGETHER);
        let grown: Vec<Grown> = several.into_par_iter().map(one).collect::<Result<_>>()?;
        grown.iter().for_each(|grown| bag.add(grown));
        grown.iter().for_each(|grown| trees.append(&grown.tree));
    }
    let notes = bag.score(&target, ground.weights.as_deref());
    Ok(Arc::new(FittedTrees {
        kind: F::KIND,
        settings: forest.params(),
        columns,
        classes,
        link: Link::Mean,
        started: false,
        notes,
        trees,
    }))
}

/// Weights whose greatest is 1: they are kept in 32 bits, which very large and very small ones do not fit.
fn scaled(mut weights: Vec<f64>) -> Vec<f64> {
    let most = weights.iter().copied().fold(0.0, f64::max);
    weights.iter_mut().for_each(|w| *w /= most);
    weights
}

impl Settings {
    fn growth(&self, p: usize, classes: bool) -> ForestGrowth {
        let tries = match self.max_features {
            Some(share) => (share * p as f64).round() as usize,
            None if classes => (p as f64).sqrt() as usize,
            None => p.div_ceil(3),
        };
        ForestGrowth {
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            min_split: self.min_samples_split,
            min_leaf: self.min_samples_leaf,
            tries: tries.max(1),
            random_cuts: self.random_cuts,
        }
    }
}

/// Trees that grow before their out-of-bag answers are added up.
const TOGETHER: usize = 64;

/// The answers of trees to rows that they did not learn from.
struct Bag {
    sums: Vec<f64>,
    counts: Vec<f64>,
    k: usize,
}

impl Bag {
    fn new(n: usize, k: usize) -> Self {
        Bag { sums: vec![0.0; n * k], counts: vec![0.0; n], k }
    }

    fn add(&mut self, grown: &Grown) {
        for (&row, &leaf) in grown.unseen.iter().zip(&grown.leaves) {
            let row = row as usize;
            let sums = &mut self.sums[row * self.k..(row + 1) * self.k];
            sums.iter_mut().zip(grown.tree.values(leaf as usize)).for_each(|(s, v)| *s += v);
            self.counts[row] += 1.0;
        }
    }

    fn best(&self, row: usize) -> usize {
        let shares = &self.sums[row * self.k..(row + 1) * self.k];
        (0..self.k).fold(0, |best, c| if shares[c] > shares[best] { c } else { best })
    }

    /// How well each row is answered by the trees that did not learn from it: accuracy, or the coefficient of
    /// determination.
    fn score(&self, target: &Target, weights: Option<&[f64]>) -> Value {
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let judged: Vec<usize> =
            (0..self.counts.len()).filter(|&i| self.counts[i] > 0.0 && weight(i) > 0.0).collect();
        if judged.is_empty() {
            return json!({});
        }
        let mean = |of: &dyn Fn(usize) -> f64| {
            let total: f64 = judged.iter().map(|&i| weight(i)).sum();
            judged.iter().map(|&i| weight(i) * of(i)).sum::<f64>() / total
        };
        let right = |row: usize, class: usize| f64::from(u8::from(self.best(row) == class));
        let (metric, score) = match target {
            Target::Classes(_, codes) => ("accuracy", mean(&|i| right(i, codes[i] as usize))),
            Target::Numbers(labels, codes) if labels.two_classes => {
                ("accuracy", mean(&|i| right(i, codes[i] as usize)))
            }
            Target::Numbers(labels, values) => {
                let middle = mean(&|i| values[i]);
                let off = |i: usize| values[i] + labels.centre - self.sums[i] / self.counts[i];
                let all = mean(&|i| (values[i] - middle) * (values[i] - middle));
                ("r2", 1.0 - mean(&|i| off(i) * off(i)) / all)
            }
        };
        json!({ "metric": metric, "out_of_bag": score, "rows": judged.len() })
    }
}

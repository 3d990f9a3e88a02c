//! Random forests and extremely randomised trees.

use std::sync::Arc;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Builtin, Categories, Context, Estimator, Fitted, KeyPath, Kind, Needs, Registry, Result, Role,
    Search, State, Training, Trees,
};
use tidemill_kernel::Random;
use tidemill_kernel::trees::{Binned, ForestGrowth, Labels, grow_forest_tree};

use super::FittedTrees;
use super::features::TreeColumns;
use super::losses::Link;
use crate::rows;

/// What both forests share.
trait Forest: Builtin {
    fn settings(&self) -> Settings;
}

struct Settings {
    n_trees: usize,
    max_depth: Option<usize>,
    min_samples_split: usize,
    min_samples_leaf: usize,
    max_features: Option<f64>,
    bootstrap: bool,
    random_cuts: bool,
}

macro_rules! forest {
    ($(#[$doc:meta])* $name:ident, $kind:literal, bootstrap = $bootstrap:literal, random_cuts = $random:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// How many trees, 1 to 100000. More: steadier, never worse.
            pub n_trees: usize,
            /// Questions on the way to a leaf at most; without it, until leaves are pure.
            pub max_depth: Option<usize>,
            /// Rows of a node that is divided, at least.
            pub min_samples_split: usize,
            /// Rows of a leaf at least.
            pub min_samples_leaf: usize,
            /// The share of features tried at each node, above 0 up to 1; without it the square root of their
            /// number for classes, all of them for numbers.
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
                    bootstrap: self.bootstrap,
                    random_cuts: $random,
                }
            }
        }

        impl Builtin for $name {
            const KIND: &'static str = $kind;

            fn check(&self) -> Result<(), KeyPath> {
                check(&self.settings())
            }

            fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
                FittedTrees::load::<Self>(&state)
            }
        }

        impl Estimator for $name {
            fn kind(&self) -> &'static str {
                Self::KIND
            }

            fn params(&self) -> Value {
                json!(self)
            }

            fn needs(&self) -> Needs {
                Needs { tabular: true, ..Needs::default() }
            }

            fn search(&self) -> Vec<Search> {
                vec![
                    Search { key: "min_samples_leaf", values: [1, 5, 3, 10].map(Value::from).to_vec() },
                    Search { key: "max_features", values: vec![Value::Null, 0.33.into(), 0.66.into()] },
                ]
            }

            fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
                fit(self, training, context)
            }
        }
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

fn check(settings: &Settings) -> Result<(), KeyPath> {
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

enum Target {
    Numbers(Vec<f64>),
    Classes(Vec<u32>, Arc<Categories>),
}

impl Target {
    fn of(batch: &Batch) -> Result<Self> {
        let kind = batch.schema().role(Role::Target).map(|at| batch.schema().columns()[at].kind);
        if kind == Some(Kind::Category) {
            let (codes, classes) = rows::classes(batch)?;
            return Ok(Target::Classes(codes, classes));
        }
        Ok(Target::Numbers(rows::numbers(batch)?))
    }

    fn labels(&self) -> Labels<'_> {
        match self {
            Target::Numbers(values) => Labels::Numbers(values),
            Target::Classes(codes, classes) => Labels::Classes(codes, classes.len()),
        }
    }

    fn n_outputs(&self) -> usize {
        match self {
            Target::Numbers(_) => 1,
            Target::Classes(_, classes) => classes.len(),
        }
    }
}

/// One tree, and the rows it never saw.
struct Grown {
    trees: Trees,
    unseen: Vec<u32>,
}

fn fit<F: Forest>(forest: &F, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
    let settings = forest.settings();
    let batch = rows::collect(training, context)?;
    let target = Target::of(&batch)?;
    let weights = rows::weights(&batch)?;
    let columns = TreeColumns::of(batch.schema())?;
    let binned = Binned::new(&columns.values(&batch)?, 255);
    let p = binned.n_features();
    let tries = match (settings.max_features, &target) {
        (Some(share), _) => (share * p as f64).round() as usize,
        (None, Target::Classes(..)) => (p as f64).sqrt() as usize,
        (None, Target::Numbers(_)) => p,
    };
    let growth = ForestGrowth {
        max_depth: settings.max_depth.unwrap_or(usize::MAX),
        min_split: settings.min_samples_split as f64,
        min_leaf: settings.min_samples_leaf as f64,
        tries: tries.max(1),
        random_cuts: settings.random_cuts,
    };
    let seed = context.seed_for(F::KIND);
    let start = vec![0.0; target.n_outputs()];
    let one = |t: usize| -> Result<Grown> {
        context.check()?;
        let mut random = Random::new(seed, t as u64);
        let (mut drawn, unseen) = draw(batch.n_rows(), weights.as_deref(), settings.bootstrap, &mut random);
        let mut trees = Trees::new(p, start.clone(), true);
        grow_forest_tree(&binned, &target.labels(), &growth, &mut drawn, random, &mut trees);
        Ok(Grown { trees, unseen })
    };
    let grown: Vec<Grown> = (0..settings.n_trees).into_par_iter().map(one).collect::<Result<_>>()?;
    let notes = if settings.bootstrap { out_of_bag(&columns, &batch, &target, &grown)? } else { json!({}) };
    let mut trees = Trees::new(p, start, true);
    grown.iter().for_each(|tree| trees.append(&tree.trees));
    let classes = match target {
        Target::Classes(_, classes) => Some(classes),
        Target::Numbers(_) => None,
    };
    Ok(Arc::new(FittedTrees {
        kind: F::KIND,
        version: F::VERSION,
        settings: forest.params(),
        columns,
        classes,
        link: Link::Mean,
        notes,
        trees,
    }))
}

/// The rows of one tree with their weights, and those left out.
fn draw(
    n: usize,
    weights: Option<&[f64]>,
    bootstrap: bool,
    random: &mut Random,
) -> (Vec<(u32, f32)>, Vec<u32>) {
    let own = |i: usize| weights.map_or(1.0, |w| w[i]);
    let mut times = vec![if bootstrap { 0u32 } else { 1 }; n];
    if bootstrap {
        (0..n).for_each(|_| times[random.below(n)] += 1);
    }
    let weight = |i: usize| (f64::from(times[i]) * own(i)) as f32;
    let mut drawn: Vec<(u32, f32)> = (0..n).map(|i| (i as u32, weight(i))).filter(|r| r.1 > 0.0).collect();
    if drawn.is_empty() {
        // Only rows of no weight were drawn: the others stand in.
        drawn = (0..n).map(|i| (i as u32, own(i) as f32)).filter(|r| r.1 > 0.0).collect();
    }
    let unseen = (0..n).filter(|&i| times[i] == 0).map(|i| i as u32).collect();
    (drawn, unseen)
}

/// How well each row is answered by the trees that never saw it: accuracy, or the coefficient of determination.
fn out_of_bag(columns: &TreeColumns, batch: &Batch, target: &Target, grown: &[Grown]) -> Result<Value> {
    let (n, k) = (batch.n_rows(), target.n_outputs());
    let x = columns.bind(batch.schema())?.gather(batch, 0..n)?;
    let p = columns.n_features();
    let mut sums = vec![0.0; n * k];
    let mut counts = vec![0.0f64; n];
    for tree in grown {
        for &row in &tree.unseen {
            let i = row as usize;
            tree.trees.add_from(0, &x[i * p..(i + 1) * p], &mut sums[i * k..(i + 1) * k]);
            counts[i] += 1.0;
        }
    }
    let judged = (0..n).filter(|&i| counts[i] > 0.0);
    let score = match target {
        Target::Classes(codes, _) => {
            let right = |i: &usize| {
                let shares = &sums[i * k..(i + 1) * k];
                let best = (0..k).fold(0, |best, c| if shares[c] > shares[best] { c } else { best });
                best == codes[*i] as usize
            };
            let (hits, all) =
                judged.fold((0.0, 0.0), |(h, a), i| (h + f64::from(u8::from(right(&i))), a + 1.0));
            json!({ "metric": "accuracy", "out_of_bag": hits / all, "rows": all })
        }
        Target::Numbers(values) => {
            let rows: Vec<usize> = judged.collect();
            let mean = rows.iter().map(|&i| values[i]).sum::<f64>() / rows.len() as f64;
            let off = |i: usize| values[i] - sums[i] / counts[i];
            let left: f64 = rows.iter().map(|&i| off(i) * off(i)).sum();
            let all: f64 = rows.iter().map(|&i| (values[i] - mean) * (values[i] - mean)).sum();
            json!({ "metric": "r2", "out_of_bag": 1.0 - left / all, "rows": rows.len() })
        }
    };
    Ok(score)
}

//! `bin`: numbers become the interval they lie in.

use std::sync::Arc;

use arrow_array::Float64Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Columns, Context, Estimator, Fitted, KeyPath, Registry, Result, Slot, State,
    Target, Training,
};

use crate::joint::{self, Joint, Together};
use crate::mapping::Saved;
use crate::numbers::{finite, quantile, summary};
use crate::tree_bins::{self, Labels};

/// The most intervals.
const MOST: usize = 10_000;

/// Replaces each number by the interval that it lies in: 0 for the lowest, 1 for the next.
///
/// Agrees with scikit-learn's `KBinsDiscretizer(encode="ordinal")`, with quantiles as numpy's default (`quantile_method="linear"`):
/// an interval holds its lower end; values beyond those of training are in the outermost ones; intervals narrower than 1e-8 are
/// joined. Missing values stay missing; a constant column becomes 0 throughout. With `strategy = "tree"` it agrees with the leaves of
/// scikit-learn's `DecisionTreeClassifier` or `DecisionTreeRegressor` with `max_leaf_nodes`, one tree for each column; infinite numbers
/// do not count there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bin {
    /// The columns to divide; by default, every number that is a feature.
    pub columns: Columns,
    /// How many intervals, 2 to 10,000.
    pub n_bins: usize,
    /// Where the intervals end.
    pub strategy: BinStrategy,
    /// For `tree`, how many training rows an interval holds at least (20 by default). There are fewer intervals than `n_bins` where
    /// more would tell nothing of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("with" = { "key": "strategy", "is": ["tree"], "name": "min_samples_leaf" }))]
    pub min_samples_leaf: Option<usize>,
}

/// Where intervals end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BinStrategy {
    /// All are as wide.
    Uniform,
    /// All hold about as many training values.
    #[default]
    Quantile,
    /// Where a decision tree of one column divides the training rows to tell the target, growing where it gains most.
    Tree,
}

impl Default for Bin {
    fn default() -> Self {
        let (columns, strategy) = (Columns::default(), BinStrategy::Quantile);
        Bin { columns, n_bins: 5, strategy, min_samples_leaf: None }
    }
}

impl Bin {
    /// The ends between intervals, rising.
    fn ends(&self, values: &Float64Array, labels: Option<&Labels>) -> Vec<f64> {
        if let Some(labels) = labels {
            let known =
                values.iter().zip(0..).filter_map(|(x, row)| Some((x.filter(|x| x.is_finite())?, row)));
            return tree_bins::ends(
                known.collect(),
                labels,
                self.n_bins,
                self.min_samples_leaf.unwrap_or(20),
            );
        }
        let found = summary(values);
        if found.n == 0 || found.min == found.max {
            return Vec::new();
        }
        let n = self.n_bins as f64;
        let edges: Vec<f64> = match self.strategy {
            BinStrategy::Uniform => {
                let step = (found.max - found.min) / n;
                (0..=self.n_bins)
                    .map(|i| if i == self.n_bins { found.max } else { found.min + i as f64 * step })
                    .collect()
            }
            BinStrategy::Quantile | BinStrategy::Tree => {
                let mut all = finite(values);
                (0..=self.n_bins).map(|i| quantile(&mut all, i as f64 / n)).collect()
            }
        };
        // Each edge is kept that lies beyond the one before it; the first and the last are those of the whole.
        let mut kept = Vec::with_capacity(self.n_bins);
        let mut before = edges[0];
        for &edge in &edges[1..] {
            if edge - before > 1e-8 {
                kept.push(edge);
            }
            before = edge;
        }
        kept.pop();
        kept
    }
}

impl Estimator for Bin {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = joint::number_places(Self::KIND, &self.columns, schema)?;
        let batch = training.train.collect()?;
        let labels = match self.strategy {
            BinStrategy::Tree => Some(Labels::of(Target::of(&batch)?)),
            BinStrategy::Uniform | BinStrategy::Quantile => None,
        };
        let ends = |at: &usize| {
            context.check()?;
            Ok(self.ends(batch.numbers(*at)?, labels.as_ref()))
        };
        let ends = places.iter().map(ends).collect::<Result<_>>()?;
        let changed = vec![true; places.len()];
        let kind = (Self::KIND, Self::VERSION);
        Ok(Arc::new(Together::new(kind, schema, &places, changed, Vec::new(), Ends(ends))))
    }
}

impl Builtin for Bin {
    const KIND: &'static str = "bin";

    fn check(&self) -> Result<(), KeyPath> {
        if self.min_samples_leaf.is_some() && self.strategy != BinStrategy::Tree {
            return Err(KeyPath::new("min_samples_leaf", "has an effect only with strategy = \"tree\""));
        }
        if self.min_samples_leaf == Some(0) {
            return Err(KeyPath::new("min_samples_leaf", "must be at least 1; it is 0"));
        }
        if (2..=MOST).contains(&self.n_bins) {
            return Ok(());
        }
        Err(KeyPath::new("n_bins", format!("must be 2 to {MOST}, but is {}", self.n_bins)))
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Together::<Ends>::load((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for Bin {
    const SLOT: Slot = Slot::Scale;
    const DONE: &'static str = "divided into intervals";
}

/// By column, where one interval ends and the next begins.
struct Ends(Vec<Vec<f64>>);

impl Joint for Ends {
    fn save(&self) -> Saved {
        let counts: Vec<usize> = self.0.iter().map(Vec::len).collect();
        Saved::new(counts, self.0.concat())
    }

    fn load(saved: Saved, p: usize) -> Result<Self, String> {
        let counts: Vec<usize> = saved.read()?;
        let total = counts.iter().try_fold(0usize, |sum, n| sum.checked_add(*n));
        if counts.len() != p || total != Some(saved.floats.len()) {
            return Err("the ends of intervals are not whole".into());
        }
        let mut floats = &saved.floats[..];
        let ends = counts.iter().map(|n| {
            let (own, rest) = floats.split_at(*n);
            floats = rest;
            own.to_vec()
        });
        Ok(Ends(ends.collect()))
    }

    fn work(&self, row: &mut [f64], _: &mut [f64]) {
        for (x, ends) in row.iter_mut().zip(&self.0).filter(|(x, _)| !x.is_nan()) {
            *x = ends.partition_point(|end| *end <= *x) as f64;
        }
    }
}

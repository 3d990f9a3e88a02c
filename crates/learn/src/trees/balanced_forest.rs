//! `balanced_forest`: a random forest whose trees each learn from as many rows of every class.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Estimator, Family, Fitted, KeyPath, Needs, Registry, Result, Search,
    State, Training,
};

use super::FittedTrees;
use super::fitted::VERSION;
use super::forest::{Forest, Sampling, Settings, check, fit};

/// A random forest for classes of unequal sizes: for each tree, as many rows of every class are drawn with replacement as the
/// rarest class has, so that rare classes count as much as frequent ones (Chen, Liaw and Breiman 2004, "Using random forest to
/// learn imbalanced data"; balanced bagging).
///
/// Agrees with imbalanced-learn's `BalancedRandomForestClassifier` by held-out score. Its probabilities are those of classes that
/// are equally frequent: with `train.calibrate` they are brought back to the frequencies of training. Reads numbers, flags,
/// categories and vectors; missing values go the way that is best for them. Trees are small where the rarest class is, so training
/// is fast on large tables.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::trees::BalancedForest;
/// assert!(BalancedForest::default().check().is_ok());
/// assert!(BalancedForest { n_trees: 0, ..BalancedForest::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BalancedForest {
    /// How many trees, 1 to 100000. Each sees few rows of frequent classes: more trees see more of them.
    pub n_trees: usize,
    /// Questions on the way to a leaf at most; without it, until leaves are pure.
    pub max_depth: Option<usize>,
    /// Rows of a node that is divided, at least.
    pub min_samples_split: usize,
    /// Rows of a leaf at least; a row drawn twice is one row.
    pub min_samples_leaf: usize,
    /// The share of features tried at each node, above 0 up to 1; without it the square root of their number.
    pub max_features: Option<f64>,
}

impl Default for BalancedForest {
    fn default() -> Self {
        BalancedForest {
            n_trees: 100,
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            max_features: None,
        }
    }
}

impl Forest for BalancedForest {
    fn settings(&self) -> Settings {
        Settings {
            n_trees: self.n_trees,
            max_depth: self.max_depth,
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf,
            max_features: self.max_features,
            sampling: Sampling::Balanced,
            random_cuts: false,
        }
    }
}

impl Builtin for BalancedForest {
    const KIND: &'static str = "balanced_forest";
    const VERSION: u32 = VERSION;

    fn check(&self) -> Result<(), KeyPath> {
        check(&self.settings())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedTrees::load::<Self>(&state)
    }
}

impl BuiltinLearner for BalancedForest {
    const FAMILY: Family = Family::Trees;
    const COLUMN_ORDER_MATTERS: bool = true;
    const MEMORISES: bool = true;
}

impl Estimator for BalancedForest {
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
            Search { key: "min_samples_leaf", values: [1, 3, 10].map(Value::from).to_vec() },
            Search { key: "max_features", values: vec![Value::Null, 0.6.into()] },
        ]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        fit(self, training, context)
    }
}

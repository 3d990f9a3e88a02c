//! `balanced_forest`: a random forest whose trees each learn from as many rows of every class.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::forest::{Forest, Sampling, Settings, forest_learner};

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
    /// The maximum depth of a tree; by default, until leaves are pure.
    pub max_depth: Option<usize>,
    /// Rows of a node that is divided, at least.
    pub min_samples_split: usize,
    /// Rows of a leaf at least; a row drawn twice is one row.
    pub min_samples_leaf: usize,
    /// The share of features tried at each node, above 0 up to 1; by default the square root of their number.
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

forest_learner!(BalancedForest, "balanced_forest");

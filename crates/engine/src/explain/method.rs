//! Which explanation a model allows.

use std::any::Any;
use std::sync::Arc;

use serde::Serialize;
use tidemill_core::{Fitted, Result, Trees};
use tidemill_learn::bayes::LogOdds;
use tidemill_learn::trees::FittedTrees;

use super::answers;
use crate::error::EngineError;

/// A way of explaining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Exact for trees, path-dependent.
    TreeShap,
    /// Exact for trees, what is not known of a row taken from rows of a background.
    InterventionalTreeShap,
    /// Exact for linear functions.
    LinearShap,
    /// Exact for linear functions of correlated columns: what is not known of a row is what is usual in rows like it.
    CorrelatedLinearShap,
    /// Exact for naive Bayes: of its log odds, to which each column adds a term of its own.
    AdditiveShap,
    /// Of the answer itself, for trees, linear functions, naive Bayes and blends of them: what is not known of a row taken from rows of
    /// a background, links and calibration gone through pair by pair.
    InterventionalShap,
    /// Sampled, for any model: orders of the columns.
    PermutationShap,
    /// For any model: columns that go together share what they say (Owen values).
    PartitionShap,
    /// Sampled, for any model: a regression on coalitions of the columns.
    KernelShap,
    /// For nets: gradients summed along the way from a usual row. No Shapley values, but they sum to the answer too.
    Gradients,
    /// For any model: a linear model of what it does near the row. No Shapley values.
    Lime,
}

impl Method {
    /// What the columns of its values begin with in tables.
    pub fn prefix(self) -> &'static str {
        match self {
            Method::Lime => "lime",
            Method::Gradients => "gradient",
            _ => "shap",
        }
    }

    /// Its word in answers.
    pub fn word(self) -> &'static str {
        match self {
            Method::TreeShap => "tree_shap",
            Method::InterventionalTreeShap => "interventional_tree_shap",
            Method::LinearShap => "linear_shap",
            Method::CorrelatedLinearShap => "correlated_linear_shap",
            Method::AdditiveShap => "additive_shap",
            Method::InterventionalShap => "interventional_shap",
            Method::PermutationShap => "permutation_shap",
            Method::PartitionShap => "partition_shap",
            Method::KernelShap => "kernel_shap",
            Method::Gradients => "gradients",
            Method::Lime => "lime",
        }
    }
}

/// What a model is explained by: the place of the link that answers.
pub(super) enum Found {
    Trees(usize),
    TreesAgainst(usize),
    Linear(usize),
    Correlated(usize),
    Odds(usize),
    Answers,
    #[cfg(feature = "neural")]
    Net(usize),
    Sampled,
    Kernel,
    Partition,
    Local,
}

/// The method asked for, or the best that the links of a model allow.
pub(super) fn of(steps: &[Arc<dyn Fitted>], asked: Option<Method>) -> Result<Found> {
    // Trees that started from an earlier model are not all of the answer.
    let trees = steps.iter().position(|step| as_trees(step).is_some() && step.as_trees().is_some());
    // Trees of another program may not say how many training rows went which way: then rows of a background stand for them.
    let without_cover = trees.filter(|at| !has_cover(&steps[*at]));
    let linear = steps.iter().position(|step| step.as_linear().is_some());
    let odds = steps.iter().position(|step| LogOdds::of(&**step).is_some());
    let refused = |what: &str| {
        EngineError::usage(
            format!("this model does not answer by {what}"),
            "leave --method out, or name permutation_shap, kernel_shap, partition_shap or lime",
        )
    };
    Ok(match (asked, trees, linear) {
        (None, Some(at), _) if without_cover.is_some() => Found::TreesAgainst(at),
        (None | Some(Method::TreeShap), Some(at), _) => Found::Trees(at),
        (Some(Method::InterventionalTreeShap), Some(at), _) => Found::TreesAgainst(at),
        (None | Some(Method::LinearShap), _, Some(at)) => Found::Linear(at),
        (Some(Method::CorrelatedLinearShap), _, Some(at)) => Found::Correlated(at),
        (None | Some(Method::AdditiveShap), ..) if odds.is_some() => Found::Odds(odds.unwrap_or_default()),
        (Some(Method::InterventionalShap), ..) => Found::Answers,
        (None, ..) if answers::is_sum(steps) => Found::Answers,
        (None | Some(Method::PermutationShap), ..) => Found::Sampled,
        (Some(Method::KernelShap), ..) => Found::Kernel,
        (Some(Method::PartitionShap), ..) => Found::Partition,
        (Some(Method::Lime), ..) => Found::Local,
        (Some(Method::Gradients), ..) => net(steps).ok_or_else(|| refused("a net alone"))?,
        (Some(Method::TreeShap | Method::InterventionalTreeShap), None, _) => {
            return Err(refused("trees alone").into());
        }
        (Some(Method::LinearShap | Method::CorrelatedLinearShap), _, None) => {
            return Err(refused("a linear function alone").into());
        }
        (Some(Method::AdditiveShap), ..) => return Err(refused("naive Bayes alone").into()),
    })
}

/// As [`of`]; a net is explained by its gradients where nobody asked for a method and there are `too_many` rows to sample.
pub(super) fn of_rows(steps: &[Arc<dyn Fitted>], asked: Option<Method>, too_many: bool) -> Result<Found> {
    match of(steps, asked)? {
        Found::Sampled if too_many => Ok(net(steps).unwrap_or(Found::Sampled)),
        found => Ok(found),
    }
}

#[cfg(feature = "neural")]
fn net(steps: &[Arc<dyn Fitted>]) -> Option<Found> {
    steps.iter().position(super::gradients::are_nets).map(Found::Net)
}

#[cfg(not(feature = "neural"))]
fn net(_: &[Arc<dyn Fitted>]) -> Option<Found> {
    None
}

/// Whether trees know how many training rows went which way.
fn has_cover(step: &Arc<dyn Fitted>) -> bool {
    let known =
        |trees: &Trees| trees.roots().all(|root| trees.question(root).is_none() || trees.cover(root) > 0.0);
    step.as_trees().is_some_and(known)
}

pub(super) fn as_trees(step: &Arc<dyn Fitted>) -> Option<&FittedTrees> {
    let any: &dyn Any = &**step;
    any.downcast_ref()
}

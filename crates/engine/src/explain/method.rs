//! Which explanation a model allows.

use std::any::Any;
use std::sync::Arc;

use serde::Serialize;
use tidemill_core::{Fitted, Result};
use tidemill_learn::trees::FittedTrees;

use crate::error::EngineError;

/// A way of explaining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Exact for trees, path-dependent.
    TreeShap,
    /// Exact for linear functions.
    LinearShap,
    /// Sampled, for any model: orders of the columns.
    PermutationShap,
    /// Sampled, for any model: a regression on coalitions of the columns.
    KernelShap,
    /// For any model: a linear model of what it does near the row. No Shapley values.
    Lime,
}

impl Method {
    /// Its word in answers.
    pub fn word(self) -> &'static str {
        match self {
            Method::TreeShap => "tree_shap",
            Method::LinearShap => "linear_shap",
            Method::PermutationShap => "permutation_shap",
            Method::KernelShap => "kernel_shap",
            Method::Lime => "lime",
        }
    }
}

/// What a model is explained by: the place of the link that answers.
pub(super) enum Found {
    Trees(usize),
    Linear(usize),
    Sampled,
    Kernel,
    Local,
}

/// The method asked for, or the best that the links of a model allow.
pub(super) fn of(steps: &[Arc<dyn Fitted>], asked: Option<Method>) -> Result<Found> {
    let trees = steps.iter().position(|step| as_trees(step).is_some());
    let linear = steps.iter().position(|step| step.as_linear().is_some());
    let refused = |what: &str| {
        EngineError::usage(
            format!("this model does not answer by {what}"),
            "leave --method out, or name permutation_shap, kernel_shap or lime",
        )
    };
    Ok(match (asked, trees, linear) {
        (None | Some(Method::TreeShap), Some(at), _) => Found::Trees(at),
        (None | Some(Method::LinearShap), _, Some(at)) => Found::Linear(at),
        (None | Some(Method::PermutationShap), ..) => Found::Sampled,
        (Some(Method::KernelShap), ..) => Found::Kernel,
        (Some(Method::Lime), ..) => Found::Local,
        (Some(Method::TreeShap), None, _) => return Err(refused("trees alone").into()),
        (Some(Method::LinearShap), _, None) => return Err(refused("a linear function alone").into()),
    })
}

pub(super) fn as_trees(step: &Arc<dyn Fitted>) -> Option<&FittedTrees> {
    let any: &dyn Any = &**step;
    any.downcast_ref()
}

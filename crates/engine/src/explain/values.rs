//! Exact values of trees and of linear functions.

use std::sync::Arc;

use tidemill_core::{Batch, Context, Error, Fitted, Result};
use tidemill_eval::explain::{
    InterventionalTreeShap, ReadyTrees, ShapValues, Sources, TreeShap, linear_shap_of_columns,
};

use super::method::as_trees;
use super::{CellParts, LocalFit, Method, PathFit};
use crate::search::apply;

/// Values by source column, and what they are of.
pub(super) struct Found {
    pub(super) method: Method,
    /// What base and values sum to.
    pub(super) units: &'static str,
    pub(super) columns: Vec<String>,
    pub(super) shap: ShapValues,
    /// The standard error of each value, where they are sampled.
    pub(super) errors: Option<Vec<f64>>,
    /// Of LIME, how each local model does, by row and output; empty for other methods.
    pub(super) local: Vec<Vec<LocalFit>>,
    /// Of LIME, the stretch of a number that counts as the row's own, by row and column.
    pub(super) ranges: Vec<Vec<Option<[f64; 2]>>>,
    /// Of integrated gradients, how the way was gone.
    pub(super) path: Option<PathFit>,
    /// By row, what the parts of its texts and pictures add; empty where they were not looked at.
    pub(super) parts: Vec<Vec<CellParts>>,
}

impl Found {
    /// Shapley values, exact or with their standard errors.
    pub(super) fn shap(
        method: Method,
        units: &'static str,
        columns: Vec<String>,
        shap: ShapValues,
        errors: Option<Vec<f64>>,
    ) -> Self {
        let (local, ranges, parts) = (Vec::new(), Vec::new(), Vec::new());
        Found { method, units, columns, shap, errors, local, ranges, path: None, parts }
    }
}

/// Of the trees at this place, on rows that the links before have prepared.
pub(super) fn of_trees(
    steps: &[Arc<dyn Fitted>],
    at: usize,
    rows: &Batch,
    ready: Option<&Arc<ReadyTrees>>,
    context: &Context,
) -> Result<Found> {
    let fitted = as_trees(&steps[at]).ok_or_else(|| Error::internal("the trees are gone"))?;
    let trees = steps[at].as_trees().ok_or_else(|| Error::internal("the trees are gone"))?;
    let prepared = apply(&steps[..at], rows.clone())?;
    let explainer = match ready {
        Some(ready) => TreeShap::with(trees, ready.clone())?,
        None => TreeShap::new(trees)?,
    };
    let shap = explainer.explain(&fitted.feature_rows(&prepared)?, context)?;
    let sources = Sources::of_columns(fitted.feature_columns(), prepared.schema());
    let shap = shap.scaled(fitted.margin_scale()).by_source(&sources);
    Ok(Found::shap(Method::TreeShap, "margin", sources.names, shap, None))
}

/// Of the trees at this place; what is not known of a row is as in each of the usual rows.
pub(super) fn of_trees_against(
    steps: &[Arc<dyn Fitted>],
    at: usize,
    rows: &Batch,
    usual: &Batch,
    context: &Context,
) -> Result<Found> {
    let fitted = as_trees(&steps[at]).ok_or_else(|| Error::internal("the trees are gone"))?;
    let trees = steps[at].as_trees().ok_or_else(|| Error::internal("the trees are gone"))?;
    let (rows, usual) = (apply(&steps[..at], rows.clone())?, apply(&steps[..at], usual.clone())?);
    let background = fitted.feature_rows(&usual)?;
    let explainer = InterventionalTreeShap::new(trees, &background)?;
    let shap = explainer.explain(&fitted.feature_rows(&rows)?, context)?;
    let sources = Sources::of_columns(fitted.feature_columns(), rows.schema());
    let shap = shap.scaled(fitted.margin_scale()).by_source(&sources);
    Ok(Found::shap(Method::InterventionalTreeShap, "margin", sources.names, shap, None))
}

/// Of the linear function at this place; what is not known of a row is the mean of the usual rows.
pub(super) fn of_linear(steps: &[Arc<dyn Fitted>], at: usize, rows: &Batch, usual: &Batch) -> Result<Found> {
    let linear = steps[at].as_linear().ok_or_else(|| Error::internal("the linear function is gone"))?;
    let (rows, usual) = (apply(&steps[..at], rows.clone())?, apply(&steps[..at], usual.clone())?);
    let (columns, intercepts) = (linear.columns(), linear.intercepts());
    let shap =
        linear_shap_of_columns(intercepts, columns.len(), &linear.parts(&rows)?, &linear.parts(&usual)?)?;
    let sources = Sources::of_columns(columns, rows.schema());
    let shap = shap.by_source(&sources);
    Ok(Found::shap(Method::LinearShap, "margin", sources.names, shap, None))
}

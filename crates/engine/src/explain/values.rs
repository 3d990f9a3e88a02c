//! Exact values of trees, of linear functions and of naive Bayes.

use std::sync::Arc;

use tidemill_core::{Batch, Context, Error, Fitted, Linear, Result, Schema};
use tidemill_eval::explain::{
    InterventionalTreeShap, LinearFunction, ReadyTrees, ShapValues, Sources, TreeShap,
    correlated_linear_shap, linear_shap_of_columns,
};
use tidemill_learn::bayes::LogOdds;

use tidemill_kernel::{Features, Gather};

use super::coefficients::predictor;
use super::method::as_trees;
use super::{CellParts, LocalFit, Method, PathFit};
use crate::error::EngineError;
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
    of_sum(Method::LinearShap, linear, &steps[..at], rows, usual)
}

/// Of the linear function at this place; what is not known of a row is what it is on average in rows like it in what is known, for
/// prepared numbers that are jointly normal as in the usual rows.
pub(super) fn of_linear_correlated(
    steps: &[Arc<dyn Fitted>],
    at: usize,
    rows: &Batch,
    usual: &Batch,
) -> Result<Found> {
    let function = predictor(&steps[at]).ok_or_else(|| Error::internal("the linear function is gone"))?;
    let (rows, usual) = (apply(&steps[..at], rows.clone())?, apply(&steps[..at], usual.clone())?);
    let features = function.features();
    if features.0.iter().any(|feature| feature.sparse) {
        let problem = "term weights are too many to be correlated with each other";
        return Err(EngineError::usage(problem, "name linear_shap, for which columns are independent").into());
    }
    let (means, covariance) = spread(&numbers_of(features, &usual)?, features.n_columns());
    let linear = LinearFunction { coefficients: function.weights(), intercepts: function.intercepts() };
    let shap = correlated_linear_shap(linear, &means, &covariance, JITTER, &numbers_of(features, &rows)?)?;
    let sources = Sources::of_columns(features.names().map(|(column, _)| column), rows.schema());
    let shap = shap.by_source(&sources);
    Ok(Found::shap(Method::CorrelatedLinearShap, "margin", sources.names, shap, None))
}

/// Keeps copies of a column apart, in shares of its variance.
const JITTER: f64 = 1e-9;

fn numbers_of(features: &Features, rows: &Batch) -> Result<Vec<f64>> {
    let schema: &Schema = rows.schema();
    Gather::bind(features, schema)?.rows(rows, 0..rows.n_rows())
}

/// The means of columns and the covariance of each with each, of the rows in which all are known.
fn spread(rows: &[f64], p: usize) -> (Vec<f64>, Vec<f64>) {
    let known: Vec<&[f64]> =
        rows.chunks_exact(p.max(1)).filter(|row| row.iter().all(|x| x.is_finite())).collect();
    let n = known.len().max(1) as f64;
    let means: Vec<f64> = (0..p).map(|j| known.iter().map(|row| row[j]).sum::<f64>() / n).collect();
    let of = |at: usize| {
        let [i, j] = [at / p, at % p];
        known.iter().map(|row| (row[i] - means[i]) * (row[j] - means[j])).sum::<f64>() / n
    };
    let covariance = (0..p * p).map(of).collect();
    (means, covariance)
}

/// Of naive Bayes at this place: of its log odds, to which each column adds a term of its own; what is not known of a row is the mean
/// of the usual rows' terms.
pub(super) fn of_odds(steps: &[Arc<dyn Fitted>], at: usize, rows: &Batch, usual: &Batch) -> Result<Found> {
    let odds = LogOdds::of(&*steps[at]).ok_or_else(|| Error::internal("naive Bayes is gone"))?;
    of_sum(Method::AdditiveShap, &odds, &steps[..at], rows, usual)
}

fn of_sum(
    method: Method,
    linear: &dyn Linear,
    before: &[Arc<dyn Fitted>],
    rows: &Batch,
    usual: &Batch,
) -> Result<Found> {
    let (rows, usual) = (apply(before, rows.clone())?, apply(before, usual.clone())?);
    let (columns, intercepts) = (linear.columns(), linear.intercepts());
    let shap =
        linear_shap_of_columns(intercepts, columns.len(), &linear.parts(&rows)?, &linear.parts(&usual)?)?;
    let sources = Sources::of_columns(columns, rows.schema());
    let shap = shap.by_source(&sources);
    Ok(Found::shap(method, "margin", sources.names, shap, None))
}

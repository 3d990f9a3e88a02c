//! What a model goes by: Shapley values, local models, effects of a column, coefficients, training rows.

mod accumulated_effects;
mod accumulated_pair;
mod cells;
mod coefficient_covariance;
mod column_groups;
mod counterfactual;
mod cover_steps;
mod effect_grid;
mod estimate;
mod exact_shap;
mod flat_tree;
mod game;
mod interactions;
mod interventional;
mod kernel_shap;
mod lime;
mod lime_columns;
mod lime_parts;
mod linear_shap;
mod pair_dependence;
mod partial_dependence;
mod partition_shap;
mod permutation;
mod permutation_shap;
mod quadrature;
mod removal_curves;
mod shap_values;
mod through_link;
mod training_rows;
mod tree_game;
mod tree_shap;
mod weighted_ridge;

pub use accumulated_effects::{AccumulatedEffects, accumulated_effects};
pub use accumulated_pair::{AccumulatedPair, accumulated_pair};
pub use cells::Cells;
pub use coefficient_covariance::CoefficientCovariance;
pub use column_groups::{average_linkage, column_groups, rank_correlations};
pub use counterfactual::{
    Changeable, Counterfactual, CounterfactualSettings, Counterfactuals, counterfactuals,
};
pub use effect_grid::GridValue;
pub use estimate::{Sampling, ShapEstimate};
pub use exact_shap::{MOST_EXACT, exact_shap};
pub use game::{BatchGame, Game, MatrixGame, means};
pub use interactions::{Interactions, tree_interactions, tree_interactions_by_source};
pub use interventional::InterventionalTreeShap;
pub use kernel_shap::kernel_shap;
pub use lime::{Lime, LimeSettings, LocalModel};
pub use lime_parts::lime_parts;
pub use linear_shap::{LinearFunction, correlated_linear_shap, linear_shap, linear_shap_of_columns};
pub use pair_dependence::{PairDependence, Together, pair_dependence};
pub use partial_dependence::{PartialDependence, partial_dependence};
pub use partition_shap::{Group, partition_shap};
pub use permutation::{Importance, permutation};
pub use permutation_shap::permutation_shap;
pub use quadrature::gauss_legendre;
pub use removal_curves::RemovalCurves;
pub use shap_values::{ShapValues, Sources};
pub use through_link::{RowsAndBackground, multipliers, rescaled};
pub use training_rows::{RowSpace, TaughtBy, knn_shapley, taught_by};
pub use tree_game::TreeGame;
pub use tree_shap::{ReadyTrees, TreeShap};

use crate::{Error, Result};

/// How many rows of `p` numbers `x` holds.
fn check_rows(x: &[f64], p: usize) -> Result<usize> {
    match x.len() % p.max(1) {
        0 => Ok(x.len() / p.max(1)),
        _ => {
            let wanted = x.len().div_ceil(p.max(1)) * p.max(1);
            Err(Error::Lengths { what: "rows to explain", found: x.len(), wanted })
        }
    }
}

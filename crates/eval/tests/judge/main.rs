//! What holds of every figure: agreement with the reference implementations, properties, and the way from columns.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod agreement;
mod columns;
mod comparisons;
mod counterfactuals;
mod curves;
mod explanations;
mod forecasts;
mod permutation;
mod policies;
mod properties;
mod slices;
mod training_rows;
mod tree_game;
mod tree_shap;
mod undefined;

//! Resamplers: other rows to train on, so that rare classes are not overlooked. One file per resampler; what they share is in
//! `classes` (the rows of each class), `space` (how far apart rows are) and `synthetic` (rows made between two others).
//!
//! They work on prepared rows and exist in training only. Number columns and dense vectors are what distances are made of and what
//! is interpolated; categories and flags count and are chosen as in SMOTE-NC; whatever else a row holds is that of the row it
//! starts from.

mod adasyn;
mod borderline_smote;
mod class_weights;
mod classes;
mod edited_nearest_neighbours;
mod random_over;
mod random_under;
mod smote;
mod smote_enn;
mod smote_nc;
mod smote_tomek;
mod space;
mod synthetic;
mod tomek_links;

pub use adasyn::Adasyn;
pub use borderline_smote::BorderlineSmote;
pub use class_weights::{ClassWeights, Weighing};
pub use edited_nearest_neighbours::{EditedNearestNeighbours, Selection};
pub use random_over::RandomOver;
pub use random_under::RandomUnder;
pub use smote::Smote;
pub use smote_enn::SmoteEnn;
pub use smote_nc::SmoteNc;
pub use smote_tomek::SmoteTomek;
pub use tomek_links::TomekLinks;

use tidemill_core::{KeyPath, Needs};

/// What a resampler that measures distances asks of its rows: no missing values, and columns of about the same size, or the
/// largest would decide alone.
pub(crate) const GEOMETRY: Needs =
    Needs { complete: true, scaled: true, numeric: false, tabular: false, sparse: false, tokens: false };

/// Quantiles of a number to predict rise between 0 and 1.
fn check_quantiles(quantiles: &[f64]) -> Result<(), KeyPath> {
    let inside = quantiles.iter().all(|q| *q > 0.0 && *q < 1.0);
    if inside && quantiles.windows(2).all(|pair| pair[0] < pair[1]) {
        return Ok(());
    }
    Err(KeyPath::new("quantiles", format!("must rise between 0 and 1, but are {quantiles:?}")))
}

fn check_ratio(ratio: f64) -> Result<(), KeyPath> {
    // Written so that a NaN is refused as well.
    if ratio > 0.0 && ratio <= 1.0 {
        return Ok(());
    }
    Err(KeyPath::new("ratio", format!("must lie above 0 and at most at 1, but is {ratio}")))
}

fn check_neighbors(key: &str, n: usize) -> Result<(), KeyPath> {
    match n {
        0 => Err(KeyPath::new(key, "is 0, but must be at least 1")),
        _ => Ok(()),
    }
}

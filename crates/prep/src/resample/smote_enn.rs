//! `smote_enn`: SMOTE, then edited by nearest neighbours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{BuiltinResampler, Context, KeyPath, Needs, Resampler, Result, Table};

use super::edited_nearest_neighbours::EditedNearestNeighbours;
use super::smote::Smote;
use super::{GEOMETRY, check_neighbors, check_ratio};

/// Makes new rows as `smote` does, then leaves out rows that their three nearest neighbours do not all agree with, of every class
/// (Batista et al. 2004).
///
/// Counts and geometry agree with imbalanced-learn's `SMOTEENN`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SmoteEnn {
    /// How many rows each class has at least before the cleaning, as a share of those of the most frequent: above 0, at most 1.
    pub ratio: f64,
    /// How many nearest neighbours a new row may lie towards.
    pub n_neighbors: usize,
}

impl Default for SmoteEnn {
    fn default() -> Self {
        SmoteEnn { ratio: 1.0, n_neighbors: 5 }
    }
}

impl BuiltinResampler for SmoteEnn {
    const KIND: &'static str = "smote_enn";

    fn check(&self) -> Result<(), KeyPath> {
        check_ratio(self.ratio)?;
        check_neighbors("n_neighbors", self.n_neighbors)
    }
}

impl Resampler for SmoteEnn {
    fn needs(&self) -> Needs {
        GEOMETRY
    }

    fn resample(&self, train: &Table, context: &Context) -> Result<Table> {
        let balanced = Smote { ratio: self.ratio, n_neighbors: self.n_neighbors, ..Smote::default() }
            .resample(train, context)?;
        context.check()?;
        EditedNearestNeighbours::default().edited(Self::KIND, &balanced, false)
    }
}

//! `smote_tomek`: SMOTE, then cleaned of Tomek links.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{BuiltinResampler, Context, KeyPath, Needs, Resampler, Result, Table};

use super::smote::Smote;
use super::tomek_links::without_links;
use super::{GEOMETRY, check_neighbors, check_ratio};

/// Makes new rows as `smote` does, then leaves out the rows of Tomek links, of every class (Batista et al. 2004).
///
/// Counts and geometry agree with imbalanced-learn's `SMOTETomek`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SmoteTomek {
    /// How many rows each class has at least before the cleaning, as a share of those of the most frequent: above 0, at most 1.
    pub ratio: f64,
    /// How many nearest neighbours a new row may lie towards.
    pub n_neighbors: usize,
}

impl Default for SmoteTomek {
    fn default() -> Self {
        SmoteTomek { ratio: 1.0, n_neighbors: 5 }
    }
}

impl BuiltinResampler for SmoteTomek {
    const KIND: &'static str = "smote_tomek";

    fn check(&self) -> Result<(), KeyPath> {
        check_ratio(self.ratio)?;
        check_neighbors("n_neighbors", self.n_neighbors)
    }
}

impl Resampler for SmoteTomek {
    fn needs(&self) -> Needs {
        GEOMETRY
    }

    fn resample(&self, train: &Table, context: &Context) -> Result<Table> {
        let balanced = Smote { ratio: self.ratio, n_neighbors: self.n_neighbors, ..Smote::default() }
            .resample(train, context)?;
        context.check()?;
        without_links(Self::KIND, &balanced, false)
    }
}

//! `smote_nc`: SMOTE for rows of numbers and categories.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{BuiltinResampler, Context, Error, KeyPath, Needs, Resampler, Result, Table};

use super::smote::Smote;
use super::space::Space;
use super::{GEOMETRY, check_neighbors, check_ratio};

/// Makes new rows of the rarer classes from numbers and categories together (SMOTE-NC, Chawla et al. 2002): numbers lie between
/// two neighbours, and a category or flag is the most frequent one among the neighbours of the row started from.
///
/// Two different categories are as far apart as in imbalanced-learn's `SMOTENC`: by the median standard deviation of the numbers of
/// the class. Of equally frequent categories the first is taken, where imbalanced-learn draws. Learners that read numbers only
/// get categories encoded, and then there is nothing to tell from `smote`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SmoteNc {
    /// How many rows each class has at least in the end, as a share of those of the most frequent: above 0, at most 1.
    pub ratio: f64,
    /// How many nearest neighbours a new row may lie towards.
    pub n_neighbors: usize,
}

impl Default for SmoteNc {
    fn default() -> Self {
        SmoteNc { ratio: 1.0, n_neighbors: 5 }
    }
}

impl BuiltinResampler for SmoteNc {
    const KIND: &'static str = "smote_nc";

    fn check(&self) -> Result<(), KeyPath> {
        check_ratio(self.ratio)?;
        check_neighbors("n_neighbors", self.n_neighbors)
    }
}

impl Resampler for SmoteNc {
    fn needs(&self) -> Needs {
        GEOMETRY
    }

    fn resample(&self, train: &Table, context: &Context) -> Result<Table> {
        if Space::of(train.batch())?.columns.is_empty() {
            return Err(Error::data(
                "smote_nc needs at least one number beside the categories",
                "balance by 'random_over', which measures nothing",
            ));
        }
        Smote { ratio: self.ratio, n_neighbors: self.n_neighbors, ..Smote::default() }
            .resample(train, context)
    }
}

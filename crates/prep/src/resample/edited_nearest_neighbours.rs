//! `edited_nearest_neighbours`: rows whose neighbours are of other classes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{BuiltinResampler, Context, KeyPath, Needs, Resampler, Result, Table};

use super::classes::ByClass;
use super::space::Space;
use super::{GEOMETRY, check_neighbors};

/// Leaves out rows that their nearest neighbours do not agree with (Wilson 1972). Rows of the rarest class are kept.
///
/// Agrees with imbalanced-learn's `EditedNearestNeighbours`. Classes get cleaner, not equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EditedNearestNeighbours {
    /// How many nearest neighbours are asked.
    pub n_neighbors: usize,
    /// Which of them must be of the row's own class.
    pub selection: Selection,
}

/// How many neighbours must agree with a row for it to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// All.
    All,
    /// The most frequent class among them must be its own; of equally frequent ones the first.
    Mode,
}

impl Default for EditedNearestNeighbours {
    fn default() -> Self {
        EditedNearestNeighbours { n_neighbors: 3, selection: Selection::All }
    }
}

impl BuiltinResampler for EditedNearestNeighbours {
    const KIND: &'static str = "edited_nearest_neighbours";

    fn check(&self) -> Result<(), KeyPath> {
        check_neighbors("n_neighbors", self.n_neighbors)
    }
}

impl Resampler for EditedNearestNeighbours {
    fn needs(&self) -> Needs {
        GEOMETRY
    }

    fn resample(&self, train: &Table, _: &Context) -> Result<Table> {
        self.edited(Self::KIND, train, true)
    }
}

impl EditedNearestNeighbours {
    /// `train` without the rows that their neighbours disagree with, but for those of the rarest class where it is `spared`.
    pub(super) fn edited(&self, kind: &'static str, train: &Table, spared: bool) -> Result<Table> {
        let by = ByClass::of(kind, train.batch())?;
        let rarest = by.rarest().filter(|_| spared);
        let near = Space::of(train.batch())?.of_all(self.n_neighbors);
        if near.k == 0 {
            return Ok(train.clone());
        }
        let agreed = |row: u32| {
            let own = by.codes[row as usize];
            let classes = || near.of(row as usize).0.iter().map(|i| by.codes[*i as usize]);
            match self.selection {
                Selection::All => classes().all(|class| class == own),
                Selection::Mode => {
                    let times = |wanted: u32| classes().filter(|class| *class == wanted).count();
                    let mode = classes().max_by_key(|class| (times(*class), std::cmp::Reverse(*class)));
                    mode == Some(own)
                }
            }
        };
        let rows = 0..by.codes.len() as u32;
        let kept: Vec<u32> =
            rows.filter(|row| Some(by.codes[*row as usize]) == rarest || agreed(*row)).collect();
        Ok(Table::new(train.batch().take(&kept)?))
    }
}

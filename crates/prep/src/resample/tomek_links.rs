//! `tomek_links`: rows of two classes that are each other's nearest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{BuiltinResampler, Context, Needs, Resampler, Result, Table};

use super::GEOMETRY;
use super::classes::ByClass;
use super::space::Space;

/// Leaves out the rows of Tomek links (Tomek 1976): two rows of different classes that are each other's nearest neighbour. Rows of
/// the rarest class are kept.
///
/// Agrees with imbalanced-learn's `TomekLinks`. Classes get cleaner, not equal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TomekLinks {}

impl BuiltinResampler for TomekLinks {
    const KIND: &'static str = "tomek_links";
}

impl Resampler for TomekLinks {
    fn needs(&self) -> Needs {
        GEOMETRY
    }

    fn resample(&self, train: &Table, _: &Context) -> Result<Table> {
        without_links(Self::KIND, train, true)
    }
}

/// `train` without the rows of Tomek links, but for those of the rarest class where it is `spared`.
pub(super) fn without_links(kind: &'static str, train: &Table, spared: bool) -> Result<Table> {
    let by = ByClass::of(kind, train.batch())?;
    let rarest = by.rarest().filter(|_| spared);
    let near = Space::of(train.batch())?.of_all(1);
    if near.k == 0 {
        return Ok(train.clone());
    }
    let class = |row: u32| by.codes[row as usize];
    let linked = |row: u32| {
        let other = near.indices[row as usize];
        class(other) != class(row) && near.indices[other as usize] == row
    };
    let rows = 0..by.codes.len() as u32;
    let kept: Vec<u32> = rows.filter(|row| Some(class(*row)) == rarest || !linked(*row)).collect();
    Ok(Table::new(train.batch().take(&kept)?))
}

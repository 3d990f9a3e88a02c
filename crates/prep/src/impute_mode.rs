//! `impute_mode`: missing values become the most frequent one.

use std::cmp::Reverse;
use std::sync::Arc;

use arrow_array::Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, Kind, Registry, Result, Slot, State,
    Training,
};

use crate::impute::{Choices, Fill, Imputed, Infinite};
use crate::mapping::{self, ColumnOf, ColumnStep, Notes};
use crate::numbers::{finite, mode};
use crate::recode::count;

/// Fills missing numbers, flags and categories with the value that is most frequent in training; of several the
/// least (for categories the first in the order of their names, for flags `false`).
///
/// `NaN` counts as missing. Agrees with scikit-learn's `SimpleImputer` with `most_frequent`, except that a column
/// without any value in training is kept and filled with 0, `false` or `(missing)`, with a warning. The weight
/// column is not used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeMode {
    /// The columns to fill; by default, every feature that is a number, a flag or a category.
    pub columns: Columns,
    /// Whether to add a flag column `NAME_missing` for each column that misses values in training.
    pub flag: bool,
    /// How infinite numbers are treated.
    pub infinite: Infinite,
}

impl Estimator for ImputeMode {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for ImputeMode {
    const KIND: &'static str = "impute_mode";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for ImputeMode {
    const SLOT: Slot = Slot::Missing;
    const DONE: &'static str = "missing values filled with the most frequent one";
}

impl ColumnStep for ImputeMode {
    type Learned = Imputed;
    const WANTED: &'static str = "a number, a flag or a category";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        matches!(column.kind, Kind::Number | Kind::Flag | Kind::Category)
    }

    fn learn(&self, from: ColumnOf<'_>, notes: &mut Notes) -> Result<Imputed> {
        let fill = match from.column().kind {
            Kind::Flag => mode_of_flags(from)?.map(Fill::Flag),
            Kind::Category => mode_of_names(from)?.map(Fill::Name),
            _ => mode(&mut finite(from.numbers()?)).map(Fill::Number),
        };
        Imputed::learn(from, fill, Choices { flag: self.flag, infinite: self.infinite }, notes)
    }
}

fn mode_of_flags(from: ColumnOf<'_>) -> Result<Option<bool>> {
    let flags = from.flags()?;
    let (n_true, n) = (flags.true_count(), flags.len() - flags.null_count());
    Ok((n > 0).then_some(n_true > n - n_true))
}

fn mode_of_names(from: ColumnOf<'_>) -> Result<Option<String>> {
    let names = from.column().categories()?.names();
    let (counts, _) = count(from.codes()?, names.len());
    // More rows first, then the lesser name.
    let best =
        counts.iter().zip(names).filter(|(n, _)| **n > 0).max_by_key(|(n, name)| (**n, Reverse(*name)));
    Ok(best.map(|(_, name)| name.to_string()))
}

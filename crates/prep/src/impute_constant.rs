//! `impute_constant`: missing values become a given value.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result, Slot,
    State, Training,
};

use crate::PrepError;
use crate::impute::{Choices, Fill, Imputed, Infinite};
use crate::mapping::{self, ColumnOf, ColumnStep, Notes};

/// A value given in a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Constant {
    /// For flag columns.
    Flag(bool),
    /// For number columns.
    Number(f64),
    /// For category columns.
    Name(String),
}

/// Fills missing numbers, flags and categories with a given value, or with 0, `false` and the new category
/// `(missing)` where none is given.
///
/// A number is for number columns, `true` or `false` for flags, a text for categories: with no columns named, only
/// the features of that kind are filled. `NaN` counts as missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeConstant {
    /// The columns to fill; by default, every feature that is a number, a flag or a category.
    pub columns: Columns,
    /// What to fill in: a number, `true` or `false`, or a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Constant>,
    /// Whether to add a flag column `NAME_missing` for each column that misses values in training.
    pub flag: bool,
    /// How infinite numbers are treated.
    pub infinite: Infinite,
}

impl ImputeConstant {
    /// What is filled into columns of this kind; `None` when the value is not for them.
    fn fill(&self, kind: Kind) -> Option<Fill> {
        match (&self.value, kind) {
            (None, kind) => Some(Fill::nothing_known(kind)),
            (Some(Constant::Number(x)), Kind::Number) => Some(Fill::Number(*x)),
            (Some(Constant::Flag(x)), Kind::Flag) => Some(Fill::Flag(*x)),
            (Some(Constant::Name(x)), Kind::Category) => Some(Fill::Name(x.clone())),
            _ => None,
        }
    }
}

impl Estimator for ImputeConstant {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for ImputeConstant {
    const KIND: &'static str = "impute_constant";

    fn check(&self) -> Result<(), KeyPath> {
        match &self.value {
            Some(Constant::Number(x)) if !x.is_finite() => {
                Err(KeyPath::new("value", format!("must be a finite number; it is {x}")))
            }
            _ => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for ImputeConstant {
    const SLOT: Slot = Slot::Missing;
    const DONE: &'static str = "missing values filled with a constant";
}

impl ColumnStep for ImputeConstant {
    type Learned = Imputed;
    const WANTED: &'static str = "a number, a flag or a category";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        match (&self.value, column.kind) {
            // A named column of another kind than the value's is told so by `learn`.
            (Some(_), kind) if self.columns.0.is_empty() => self.fill(kind).is_some(),
            (_, kind) => matches!(kind, Kind::Number | Kind::Flag | Kind::Category),
        }
    }

    fn learn(&self, from: ColumnOf<'_>, notes: &mut Notes) -> Result<Imputed> {
        let column = from.column();
        let Some(fill) = self.fill(column.kind) else {
            let value = serde_json::json!(self.value).to_string();
            let wanted = match column.kind {
                Kind::Flag => "flags",
                Kind::Category => "categories",
                _ => "numbers",
            };
            return Err(PrepError::ConstantKind { column: column.name.clone(), value, wanted }.into());
        };
        Imputed::learn(from, Some(fill), Choices { flag: self.flag, infinite: self.infinite }, notes)
    }
}

//! `encode_frequency`: each category becomes the share of training rows that have it.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Categories, Cell, Column, Columns, Context, Estimator, Fitted, Kind, Registry,
    Result, Slot, State, Training,
};

use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved, wrong_cell};
use crate::recode::strings;

/// Replaces each category column by the share of training rows with the same category, from 0 to 1.
///
/// Agrees with category_encoders' `CountEncoder(normalize=True)`: missing values are a category of their own, and a
/// category that did not occur in training becomes 0. Categories that are equally frequent become the same number. The weight column is not used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EncodeFrequency {
    /// The columns to encode; by default, every category that is a feature.
    pub columns: Columns,
}

impl Estimator for EncodeFrequency {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for EncodeFrequency {
    const KIND: &'static str = "encode_frequency";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for EncodeFrequency {
    const SLOT: Slot = Slot::Encode;
    const DONE: &'static str = "replaced by how frequent each category is";
}

impl ColumnStep for EncodeFrequency {
    type Learned = Shares;
    const WANTED: &'static str = "a category";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Category
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Shares> {
        let names = from.column().categories()?.clone();
        let codes = from.codes()?;
        let mut counts = vec![0.0; names.len() + 1];
        for code in codes {
            // A name that was not seen at fit counts among the rows, but is none of the categories.
            let slot = code.map_or(names.len(), |code| code as usize);
            if code.is_none() || slot < names.len() {
                counts[slot] += 1.0;
            }
        }
        let n = codes.iter().count().max(1) as f64;
        counts.iter_mut().for_each(|count| *count /= n);
        Ok(Shares { names, shares: counts })
    }
}

/// How frequent the categories of one column are.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    names: Arc<Categories>,
    /// Of each name, then of missing values.
    shares: Vec<f64>,
}

impl Learned for Shares {
    fn save(&self) -> Saved {
        Saved::new(strings(self.names.names()), self.shares.clone())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let names: Vec<String> = saved.read()?;
        let names = Categories::new(&names);
        match saved.floats.len() == names.len() + 1 {
            true => Ok(Shares { names, shares: saved.floats }),
            false => Err(format!("{} shares for {} categories", saved.floats.len(), names.len())),
        }
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        Ok(vec![Column::number(&input.name).derived_from(input).with_role(input.role)])
    }

    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>> {
        let share = |name: &Arc<str>| self.shares[..self.names.len()].get(self.names.code(name) as usize);
        let of_codes = input.categories()?.names().iter().map(|name| share(name).copied().unwrap_or(0.0));
        let missing = self.shares.last().copied().unwrap_or(0.0);
        Ok(Box::new(BoundShares { of_codes: of_codes.collect(), missing }))
    }
}

struct BoundShares {
    /// The share of each input code.
    of_codes: Vec<f64>,
    missing: f64,
}

impl BoundShares {
    fn of(&self, code: Option<u32>) -> f64 {
        code.map_or(self.missing, |code| self.of_codes.get(code as usize).copied().unwrap_or(0.0))
    }
}

impl Bound for BoundShares {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let shares = from.codes()?.iter().map(|code| self.of(code));
        Ok(vec![Arc::new(Float64Array::from_iter_values(shares))])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        out.push(Cell::Number(match cell {
            Cell::Missing => self.of(None),
            Cell::Code(code) => self.of(Some(code)),
            other => return Err(wrong_cell("a category", &other)),
        }));
        Ok(())
    }
}

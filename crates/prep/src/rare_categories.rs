//! `rare_categories`: categories of few rows become one.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Categories, Cell, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind,
    Registry, Result, Slot, State, Training,
};

use crate::OTHER;
use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved, wrong_cell};
use crate::recode::{count, recode, strings};

/// Groups the categories of few training rows into one, `(other)`, which also stands for those never seen in training.
///
/// A category is rare that has fewer than `min_share` of the rows in which the column is not missing. Missing values stay missing.
/// A column without a rare category has no `(other)`, and what is unseen stays so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RareCategories {
    /// The columns to use; by default, every category that is a feature.
    pub columns: Columns,
    /// The share of rows below which a category is rare: above 0 and below 1.
    pub min_share: f64,
}

impl Default for RareCategories {
    fn default() -> Self {
        RareCategories { columns: Columns::default(), min_share: 0.01 }
    }
}

impl Estimator for RareCategories {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for RareCategories {
    const KIND: &'static str = "rare_categories";

    fn check(&self) -> Result<(), KeyPath> {
        if self.min_share > 0.0 && self.min_share < 1.0 {
            return Ok(());
        }
        Err(KeyPath::new("min_share", format!("must lie between 0 and 1, but is {}", self.min_share)))
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for RareCategories {
    const SLOT: Slot = Slot::Types;
    const DONE: &'static str = "rare values grouped";
}

impl ColumnStep for RareCategories {
    type Learned = Frequent;
    const WANTED: &'static str = "a category";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Category
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Frequent> {
        let names = from.column().categories()?.names();
        let (counts, n_missing) = count(from.codes()?, names.len());
        let least = self.min_share * (from.array().len() - n_missing) as f64;
        let common = |n: usize| n as f64 >= least;
        let kept = names.iter().zip(&counts).filter(|(name, n)| common(**n) && ***name != *OTHER);
        let mut kept: Vec<String> = kept.map(|(name, _)| name.to_string()).collect();
        if counts.iter().any(|n| !common(*n)) {
            kept.push(OTHER.to_string());
        }
        Ok(Frequent(Categories::new(kept)))
    }
}

/// The categories that are kept, `(other)` among them where there are rare ones.
pub(crate) struct Frequent(Arc<Categories>);

impl Learned for Frequent {
    fn save(&self) -> Saved {
        Saved::new(strings(self.0.names()), Vec::new())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        Ok(Frequent(Categories::new(saved.read::<Vec<String>>()?)))
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        Ok(vec![Column::category(&input.name, self.0.clone()).derived_from(input).with_role(input.role)])
    }

    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>> {
        // A code for unseen values is that of `(other)` where there is one.
        let other = self.0.code(OTHER);
        let codes = recode(input.categories()?, &self.0);
        let codes = codes.into_iter().map(|code| if code == self.0.unseen() { other } else { code });
        Ok(Box::new(BoundFrequent { names: self.0.clone(), codes: codes.collect() }))
    }
}

struct BoundFrequent {
    names: Arc<Categories>,
    /// By code of the input, that of the output.
    codes: Vec<u32>,
}

impl BoundFrequent {
    fn code(&self, code: u32) -> u32 {
        self.codes[(code as usize).min(self.codes.len() - 1)]
    }
}

impl Bound for BoundFrequent {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let codes = from.codes()?;
        let changed: Vec<u32> = codes.values().iter().map(|code| self.code(*code)).collect();
        Ok(vec![self.names.column(UInt32Array::new(changed.into(), codes.nulls().cloned()))?])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        out.push(match cell {
            Cell::Code(code) => Cell::Code(self.code(code)),
            Cell::Missing => Cell::Missing,
            other => return Err(wrong_cell("a category", &other)),
        });
        Ok(())
    }
}

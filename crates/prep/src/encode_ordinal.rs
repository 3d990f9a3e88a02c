//! `encode_ordinal`: each category becomes its place in an order, as a number.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Categories, Cell, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind,
    Registry, Result, Slot, State, Training,
};

use crate::PrepError;
use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved, wrong_cell};
use crate::recode::{count, strings};

/// Replaces each category column by a number column: 0 for the first category of the order, 1 for the next.
///
/// Without an `order` the categories of the training rows are sorted by name. Agrees with scikit-learn's
/// `OrdinalEncoder` with `handle_unknown="use_encoded_value"`. A missing value stays missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EncodeOrdinal {
    /// The columns to encode; by default, every category that is a feature.
    pub columns: Columns,
    /// By column name: its categories from the least to the greatest, all that training has.
    pub order: BTreeMap<String, Vec<String>>,
    /// The number for categories that did not occur in training; by default, missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<f64>,
}

impl Estimator for EncodeOrdinal {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let schema = training.train.schema();
        let places = self.places(schema)?;
        let worked_on = |name: &str| places.iter().any(|&at| schema.columns()[at].name == name);
        match self.order.keys().find(|name| !worked_on(name)) {
            Some(column) => Err(PrepError::OrderUnused { column: column.clone() }.into()),
            None => mapping::fit(self, training, context),
        }
    }
}

impl Builtin for EncodeOrdinal {
    const KIND: &'static str = "encode_ordinal";

    fn check(&self) -> Result<(), KeyPath> {
        for (column, order) in &self.order {
            if Categories::new(order).len() < order.len() {
                return Err(KeyPath::new(format!("order.{column}"), "names a category twice"));
            }
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for EncodeOrdinal {
    const SLOT: Slot = Slot::Encode;
    const DONE: &'static str = "numbered";
}

impl ColumnStep for EncodeOrdinal {
    type Learned = Ordinal;
    const WANTED: &'static str = "a category";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Category
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Ordinal> {
        let column = from.column();
        let names = column.categories()?.names();
        let (counts, _) = count(from.codes()?, names.len());
        let mut seen: Vec<&Arc<str>> =
            names.iter().zip(&counts).filter(|(_, n)| **n > 0).map(|(n, _)| n).collect();
        let order = match self.order.get(&column.name) {
            Some(order) => {
                let order = Categories::new(order);
                if let Some(value) = seen.iter().find(|name| order.code(name) == order.unseen()) {
                    let (column, value) = (column.name.clone(), value.to_string());
                    return Err(PrepError::NotInOrder { column, value }.into());
                }
                order
            }
            None => {
                seen.sort_unstable();
                Categories::new(seen)
            }
        };
        Ok(Ordinal { order, unseen: self.unseen })
    }
}

/// The order of one column's categories, and the number of those unseen at fit.
#[derive(Clone, Debug)]
pub(crate) struct Ordinal {
    order: Arc<Categories>,
    unseen: Option<f64>,
}

impl Learned for Ordinal {
    fn save(&self) -> Saved {
        Saved::new(strings(self.order.names()), self.unseen.into_iter().collect())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let order = Categories::new(saved.read::<Vec<String>>()?);
        match saved.floats[..] {
            [] => Ok(Ordinal { order, unseen: None }),
            [unseen] => Ok(Ordinal { order, unseen: Some(unseen) }),
            _ => Err("more than one number for unseen values".into()),
        }
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        Ok(vec![Column::number(&input.name).derived_from(input).with_role(input.role)])
    }

    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>> {
        let number = |name: &Arc<str>| match self.order.code(name) {
            code if code < self.order.unseen() => Some(f64::from(code)),
            _ => self.unseen,
        };
        let numbers = input.categories()?.names().iter().map(number).collect();
        Ok(Box::new(BoundOrdinal { numbers, unseen: self.unseen }))
    }
}

struct BoundOrdinal {
    /// The number of each input code.
    numbers: Vec<Option<f64>>,
    unseen: Option<f64>,
}

impl BoundOrdinal {
    fn number(&self, code: u32) -> Option<f64> {
        self.numbers.get(code as usize).copied().unwrap_or(self.unseen)
    }
}

impl Bound for BoundOrdinal {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let codes = from.codes()?.iter();
        Ok(vec![Arc::new(Float64Array::from_iter(codes.map(|code| code.and_then(|code| self.number(code)))))])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let number = match cell {
            Cell::Missing => None,
            Cell::Code(code) => self.number(code),
            other => return Err(wrong_cell("a category", &other)),
        };
        out.push(number.map_or(Cell::Missing, Cell::Number));
        Ok(())
    }
}

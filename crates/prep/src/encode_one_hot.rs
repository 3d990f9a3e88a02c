//! `encode_one_hot`: each category column becomes one vector column with a 1 in the place of its value.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Categories, Cell, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind,
    Registry, Result, Slot, State, Training, dense_vector,
};

use crate::impute::MISSING;
use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved, wrong_cell};
use crate::recode::count;

/// What stands for the categories that are too rare for a part of their own.
pub const OTHER: &str = "(other)";

/// Replaces each category column by one vector column of the same name, whose parts are called `colour=red`.
///
/// Agrees with scikit-learn's `OneHotEncoder` with `handle_unknown="ignore"`: a category that did not occur in
/// training becomes all zeros. A missing value has a part of its own where training had one, and is all zeros elsewhere.
/// Flags are numbers already and left alone.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::UInt32Array;
/// use tidemill_core::{Batch, Categories, Column, Context, Estimator, Schema, Table, Training};
/// let colours = Categories::new(["blue", "red"]);
/// let array = colours.column(UInt32Array::from(vec![0, 1, 1]))?;
/// let schema = Arc::new(Schema::new(vec![Column::category("colour", colours)])?);
/// let table = Table::new(Batch::new(schema, vec![array])?);
/// let step = tidemill_prep::EncodeOneHot::default();
/// let (_, encoded) = step.fit_apply(Training::on(&table), &Context::default())?;
/// assert_eq!(encoded.batch().vector(0)?, [1.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EncodeOneHot {
    /// The columns to encode; by default, every category that is a feature.
    pub columns: Columns,
    /// The most parts a column may have, at least 2; with more categories the rarest share the part `(other)`.
    /// A part for missing values comes on top.
    pub max_categories: usize,
    /// Categories with fewer training rows share the part `(other)`.
    pub min_count: usize,
}

impl Default for EncodeOneHot {
    fn default() -> Self {
        EncodeOneHot { columns: Columns::default(), max_categories: 64, min_count: 1 }
    }
}

impl Estimator for EncodeOneHot {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for EncodeOneHot {
    const KIND: &'static str = "encode_one_hot";

    fn check(&self) -> Result<(), KeyPath> {
        if self.max_categories >= 2 {
            return Ok(());
        }
        Err(KeyPath::new("max_categories", format!("must be at least 2; it is {}", self.max_categories)))
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for EncodeOneHot {
    const SLOT: Slot = Slot::Encode;
    const DONE: &'static str = "one column for each value";
}

impl ColumnStep for EncodeOneHot {
    type Learned = OneHot;
    const WANTED: &'static str = "a category";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Category
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<OneHot> {
        let names = from.column().categories()?.names();
        let (counts, n_missing) = count(from.codes()?, names.len());
        let seen: Vec<usize> = (0..names.len()).filter(|&i| counts[i] > 0).collect();
        let mut common: Vec<usize> = seen.iter().copied().filter(|&i| counts[i] >= self.min_count).collect();
        // The part `(other)`, where it is needed, is one of those allowed.
        let wanted = common.len() + usize::from(common.len() < seen.len());
        if wanted > self.max_categories {
            // Of equally frequent ones those later in the order are kept, as scikit-learn does.
            common.sort_by_key(|&i| (counts[i], i));
            common.drain(..common.len() - (self.max_categories - 1));
            common.sort_unstable();
        }
        let name = |&i: &usize| names[i].to_string();
        let rare: Vec<String> = seen.iter().filter(|i| common.binary_search(i).is_err()).map(name).collect();
        Ok(OneHot { names: common.iter().map(name).collect(), rare, missing: n_missing > 0 })
    }
}

/// What was learned about one column: the names with a part of their own, those that share one, and whether
/// missing values have one. A vector needs at least one part: with nothing else it is that of missing values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneHot {
    names: Vec<String>,
    rare: Vec<String>,
    missing: bool,
}

impl OneHot {
    fn other(&self) -> Option<usize> {
        (!self.rare.is_empty()).then_some(self.names.len())
    }

    fn missing(&self) -> Option<usize> {
        let before = self.names.len() + usize::from(!self.rare.is_empty());
        (self.missing || before == 0).then_some(before)
    }

    fn n_parts(&self) -> usize {
        self.names.len() + usize::from(self.other().is_some()) + usize::from(self.missing().is_some())
    }
}

impl Learned for OneHot {
    fn save(&self) -> Saved {
        Saved::new(self, Vec::new())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        saved.read()
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let names = self.names.iter().map(String::as_str);
        let names = names.chain(self.other().map(|_| OTHER)).chain(self.missing().map(|_| MISSING));
        let parts: Vec<String> = names.map(|name| format!("{}={name}", input.name)).collect();
        Ok(vec![Column::vector(&input.name, parts).derived_from(input).with_role(input.role)])
    }

    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>> {
        let (own, rare) = (Categories::new(&self.names), Categories::new(&self.rare));
        let place = |name: &Arc<str>| match own.code(name) {
            code if code < own.unseen() => Some(code as usize),
            _ if rare.code(name) < rare.unseen() => self.other(),
            _ => None,
        };
        let places = input.categories()?.names().iter().map(place).collect();
        Ok(Box::new(BoundOneHot { places, missing: self.missing(), n_parts: self.n_parts() }))
    }
}

struct BoundOneHot {
    /// The part of each input code; `None` and codes beyond are all zeros.
    places: Vec<Option<usize>>,
    missing: Option<usize>,
    n_parts: usize,
}

impl BoundOneHot {
    fn place(&self, code: u32) -> Option<usize> {
        self.places.get(code as usize).copied().flatten()
    }
}

impl Bound for BoundOneHot {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let codes = from.codes()?;
        let mut values = vec![0.0f32; codes.len() * self.n_parts];
        let rows = values.chunks_exact_mut(self.n_parts);
        let set = |row: &mut [f32], place: Option<usize>| {
            if let Some(place) = place {
                row[place] = 1.0;
            }
        };
        if codes.null_count() == 0 {
            rows.zip(codes.values()).for_each(|(row, &code)| set(row, self.place(code)));
        } else {
            let places = codes.iter().map(|code| code.map_or(self.missing, |code| self.place(code)));
            rows.zip(places).for_each(|(row, place)| set(row, place));
        }
        Ok(vec![dense_vector(values, self.n_parts)?])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let place = match cell {
            Cell::Missing => self.missing,
            Cell::Code(code) => self.place(code),
            other => return Err(wrong_cell("a category", &other)),
        };
        let mut values = vec![0.0; self.n_parts];
        if let Some(place) = place {
            values[place] = 1.0;
        }
        out.push(Cell::Vector(values));
        Ok(())
    }
}

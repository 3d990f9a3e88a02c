//! What is usual in the columns of a model: a few values of each, with which an answer can be explained where no rows are at
//! hand.
//!
//! Each column's values are quantiles (of numbers and timestamps) or in proportion (of categories and flags), in an order of its
//! own, so that no row of the training data can be read off them: together they are draws from the columns as if these were
//! independent of each other, which is what permutation SHAP supposes too. Texts, images, series and columns that the recipe
//! protects are left out.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::Array;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Context, Error, Fitted, Kind, Result, Role, Row};
use tidemill_kernel::Random;
use tidemill_package::Package;

use super::Model;
use crate::rows::{cell, value};

/// The name of the entry in the model file.
pub(super) const ENTRY: &str = "reference.json";
/// How many values are kept of each column.
const N: usize = 20;

/// Some usual values of each column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// By column: as many values as rows, null where nothing was known.
    pub columns: Map<String, Value>,
}

impl Reference {
    /// What is usual in rows that a model learns from.
    ///
    /// # Errors
    /// None that a user can cause.
    pub fn of(rows: &Batch, recipe: &Recipe, context: &Context) -> Result<Self> {
        let mut columns = Map::new();
        for place in rows.schema().places(|c| matches!(c.role, Role::Feature | Role::Time)) {
            let column = &rows.schema().columns()[place];
            let protected = recipe.columns.get(&column.name).is_some_and(|c| c.private.is_some());
            let order = match column.kind {
                _ if protected || rows.n_rows() == 0 => continue,
                Kind::Number => {
                    let numbers = rows.numbers(place)?;
                    sorted(rows, place, |a, b| numbers.value(a).total_cmp(&numbers.value(b)))
                }
                Kind::Time => {
                    let times = rows.times(place)?;
                    sorted(rows, place, |a, b| times.value(a).cmp(&times.value(b)))
                }
                Kind::Category => {
                    let codes = rows.codes(place)?;
                    sorted(rows, place, |a, b| codes.value(a).cmp(&codes.value(b)))
                }
                Kind::Flag => {
                    let flags = rows.flags(place)?;
                    sorted(rows, place, |a, b| flags.value(a).cmp(&flags.value(b)))
                }
                _ => continue,
            };
            // Each stands for a twentieth of the rows, those without a value included.
            let at = |k: usize| order[(2 * k + 1) * order.len() / (2 * N)];
            let mut picked = (0..N).map(|k| value(rows, place, at(k))).collect::<Result<Vec<_>>>()?;
            Random::new(context.seed_for(&format!("reference {}", column.name)), 0).shuffle(&mut picked);
            columns.insert(column.name.clone(), Value::Array(picked));
        }
        Ok(Reference { columns })
    }

    /// Adds it to a model file.
    pub(crate) fn put_into(&self, package: Package) -> Result<Package> {
        let text =
            serde_json::to_vec(self).map_err(|e| Error::internal(format!("the reference values: {e}")))?;
        Ok(package.with_extra(ENTRY, text))
    }

    /// That of a model file; `None` where it has none.
    ///
    /// # Errors
    /// An entry that is something else.
    pub fn in_package(package: &Package) -> Result<Option<Self>> {
        let Some(bytes) = package.extras.get(ENTRY) else { return Ok(None) };
        let read = serde_json::from_slice(bytes);
        read.map(Some).map_err(|e| Error::state("model", format!("{ENTRY}: {e}")))
    }

    /// As rows that a model's first link has read.
    ///
    /// # Errors
    /// None that a user can cause.
    pub fn rows(&self, model: &Model) -> Result<Batch> {
        let typed = Arc::new(model.intake()?.output(&model.input)?);
        let mut reader = model.reader()?.rows(&model.input)?;
        let rows = (0..N).map(|k| {
            let of = |name: &str| self.columns.get(name).and_then(|values| values.get(k)).map(cell);
            let cells = model.input.names().map(|name| of(name).unwrap_or_default());
            let mut row = Row { cells: cells.collect() };
            // What is odd about a cell was said when the rows were learned from.
            reader.read(&mut row, &mut Vec::new())?;
            Ok(row)
        });
        Batch::of_rows(&typed, &rows.collect::<Result<Vec<_>>>()?)
    }
}

/// The rows in the order of a column, those without a value last.
fn sorted(rows: &Batch, place: usize, by: impl Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let column = rows.column(place);
    let mut order: Vec<usize> = (0..rows.n_rows()).collect();
    order.sort_by(|a, b| match (column.is_null(*a), column.is_null(*b)) {
        (false, false) => by(*a, *b),
        (a, b) => a.cmp(&b),
    });
    order
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, StringArray};
    use tidemill_core::recipe::Recipe;
    use tidemill_core::{Batch, Column, Context, Kind, Schema};

    use super::{N, Reference};
    use crate::builtin;

    #[test]
    fn twenty_quantiles_stand_for_a_column_and_none_for_a_protected_one() {
        let columns = vec![Column::number("x"), Column::number("secret"), Column::new("text", Kind::Text)];
        let numbers = || Float64Array::from_iter((0..1000).map(|i| (i >= 250).then_some(f64::from(i))));
        let texts = StringArray::from_iter_values((0..1000).map(|i| format!("text {i}")));
        let arrays: Vec<ArrayRef> = vec![Arc::new(numbers()), Arc::new(numbers()), Arc::new(texts)];
        let rows = Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap();
        let recipe: Recipe = toml::from_str("[columns.secret]\nprivate = 'drop'").unwrap();
        let context = Context::new(0, 1, Arc::new(builtin::registry()));
        let found = Reference::of(&rows, &recipe, &context).unwrap();
        assert_eq!(found.columns.keys().collect::<Vec<_>>(), ["x"]);
        let values = found.columns["x"].as_array().unwrap();
        let mut known: Vec<f64> = values.iter().filter_map(serde_json::Value::as_f64).collect();
        // A quarter is missing, and the rest is spread evenly.
        assert_eq!((values.len(), known.len()), (N, 15));
        known.sort_by(f64::total_cmp);
        assert!(known.windows(2).all(|pair| pair[1] - pair[0] == 50.0), "{known:?}");
        assert!(
            !values.windows(2).all(|pair| pair[0].as_f64() <= pair[1].as_f64()),
            "the order is no longer that of the column"
        );
    }
}

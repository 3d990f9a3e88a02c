//! What the imputers share: a value per column that stands in for missing ones.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, UInt32Array};
use arrow_buffer::BooleanBuffer;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Categories, Cell, Column, Kind, Result};

use crate::mapping::{Bound, ColumnOf, Learned, Notes, Saved, wrong_cell};
use crate::numbers::absent;
use crate::recode::{recode, strings};

/// The category that stands for missing values where nothing better is known.
pub const MISSING: &str = "(missing)";

/// How infinite numbers are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Infinite {
    /// They are filled like missing values: a number too large for a 64-bit float says no more than that.
    #[default]
    Missing,
    /// They stay. What is filled in is learned from the finite values all the same.
    Keep,
}

/// A stand-in for missing values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fill {
    Number(f64),
    Flag(bool),
    /// A name, added to those of the column where it is not among them.
    Name(String),
}

impl Fill {
    /// What is filled in where training had no value at all.
    pub(crate) fn nothing_known(kind: Kind) -> Self {
        match kind {
            Kind::Flag => Fill::Flag(false),
            Kind::Category => Fill::Name(MISSING.into()),
            _ => Fill::Number(0.0),
        }
    }

    fn words(&self) -> String {
        match self {
            Fill::Number(x) => x.to_string(),
            Fill::Flag(x) => x.to_string(),
            Fill::Name(x) => format!("'{x}'"),
        }
    }
}

/// What an imputer learned about one column.
#[derive(Clone, Debug)]
pub(crate) struct Imputed {
    fill: Fill,
    /// Whether a column that marks missing values is added.
    flag: bool,
    infinite: Infinite,
    /// Of a category column: the names of training, and the one filled in.
    names: Option<Arc<Categories>>,
}

/// The choices common to all imputers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Choices {
    pub(crate) flag: bool,
    pub(crate) infinite: Infinite,
}

impl Imputed {
    /// Missing values of this column become `fill`, or a default with a warning where training gave none.
    pub(crate) fn learn(
        from: ColumnOf<'_>,
        fill: Option<Fill>,
        choices: Choices,
        notes: &mut Notes,
    ) -> Result<Self> {
        let column = from.column();
        let n_missing = count_missing(from, choices.infinite, notes)?;
        let fill = fill.unwrap_or_else(|| {
            let fill = Fill::nothing_known(column.kind);
            let message = format!(
                "column '{}' has no value in the training rows: {} is filled in throughout",
                column.name,
                fill.words()
            );
            notes.warn("impute_all_missing", message);
            fill
        });
        let names = match &fill {
            Fill::Name(name) => {
                let known = column.categories()?.names().iter().map(|n| &**n);
                Some(Categories::new(known.chain([name.as_str()])))
            }
            _ => None,
        };
        Ok(Imputed { fill, flag: choices.flag && n_missing > 0, infinite: choices.infinite, names })
    }
}

/// How many values will be filled; a warning for infinite ones among them.
fn count_missing(from: ColumnOf<'_>, infinite: Infinite, notes: &mut Notes) -> Result<usize> {
    if from.column().kind != Kind::Number {
        return Ok(from.array().null_count());
    }
    let numbers = from.numbers()?;
    let found = crate::numbers::summary(numbers);
    if found.n_infinite > 0 && infinite == Infinite::Missing {
        let name = &from.column().name;
        let message = format!(
            "column '{name}' has {} infinite values in the training rows: they are filled like missing ones",
            found.n_infinite
        );
        notes.warn("impute_infinite", message);
        return Ok(numbers.len() - found.n);
    }
    Ok(numbers.len() - found.n - found.n_infinite)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedNotes {
    flag: bool,
    infinite: Infinite,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fill_flag: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fill_name: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
}

impl Learned for Imputed {
    fn save(&self) -> Saved {
        let mut notes = SavedNotes {
            flag: self.flag,
            infinite: self.infinite,
            fill_flag: None,
            fill_name: None,
            names: self.names.as_ref().map(|n| strings(n.names())).unwrap_or_default(),
        };
        let mut floats = Vec::new();
        match &self.fill {
            Fill::Number(x) => floats.push(*x),
            Fill::Flag(x) => notes.fill_flag = Some(*x),
            Fill::Name(x) => notes.fill_name = Some(x.clone()),
        }
        Saved::new(notes, floats)
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let notes: SavedNotes = saved.read()?;
        let fill = match (&saved.floats[..], notes.fill_flag, notes.fill_name) {
            ([x], None, None) => Fill::Number(*x),
            ([], Some(x), None) => Fill::Flag(x),
            ([], None, Some(x)) if notes.names.contains(&x) => Fill::Name(x),
            _ => return Err("needs exactly one value to fill in".into()),
        };
        let names = matches!(fill, Fill::Name(_)).then(|| Categories::new(&notes.names));
        Ok(Imputed { fill, flag: notes.flag, infinite: notes.infinite, names })
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let filled = Column {
            categories: self.names.clone(),
            ..Column::new(&input.name, input.kind).derived_from(input).with_role(input.role)
        };
        let flag = Column::new(format!("{}_missing", input.name), Kind::Flag).derived_from(input);
        Ok(if self.flag { vec![filled, flag] } else { vec![filled] })
    }

    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>> {
        Ok(match (&self.fill, &self.names) {
            (Fill::Number(fill), _) => {
                Box::new(FillNumber { fill: *fill, flag: self.flag, infinite: self.infinite })
            }
            (Fill::Flag(fill), _) => Box::new(FillFlag { fill: *fill, flag: self.flag }),
            (Fill::Name(fill), names) => {
                let names = names.clone().unwrap_or_else(|| Categories::new([fill]));
                let codes = recode(input.categories()?, &names);
                Box::new(FillName { fill: names.code(fill), flag: self.flag, codes, names })
            }
        })
    }
}

struct FillNumber {
    fill: f64,
    flag: bool,
    infinite: Infinite,
}

impl FillNumber {
    fn is_missing(&self, x: f64) -> bool {
        match self.infinite {
            Infinite::Missing => !x.is_finite(),
            Infinite::Keep => x.is_nan(),
        }
    }

    fn filled(&self, x: f64) -> f64 {
        if self.is_missing(x) { self.fill } else { x }
    }

    fn marks(&self, input: &Float64Array) -> BooleanArray {
        let values = input.values();
        let marks = match input.nulls() {
            None => BooleanBuffer::collect_bool(values.len(), |i| self.is_missing(values[i])),
            Some(nulls) => {
                BooleanBuffer::collect_bool(values.len(), |i| nulls.is_null(i) || self.is_missing(values[i]))
            }
        };
        BooleanArray::new(marks, None)
    }
}

impl Bound for FillNumber {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let input = from.numbers()?;
        let values = input.values();
        let nulls = input.nulls().filter(|n| n.null_count() > 0);
        // Every one is looked at, several at a time, since nearly always none is.
        let open = values.iter().fold(false, |any, x| any | self.is_missing(*x));
        let filled: ArrayRef = if nulls.is_none() && !open {
            // Nothing to fill: the column is passed on, not copied.
            from.array().clone()
        } else {
            let mut filled = match open {
                true => values.iter().map(|x| self.filled(*x)).collect(),
                false => values.to_vec(),
            };
            nulls.into_iter().flat_map(absent).for_each(|place| filled[place] = self.fill);
            Arc::new(Float64Array::from(filled))
        };
        Ok(with_marks(filled, self.flag, || self.marks(input)))
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let (value, missing) = match cell {
            Cell::Missing => (self.fill, true),
            Cell::Number(x) => (self.filled(x), self.is_missing(x)),
            other => return Err(wrong_cell("a number", &other)),
        };
        out.push(Cell::Number(value));
        push_mark(out, self.flag, missing);
        Ok(())
    }
}

struct FillFlag {
    fill: bool,
    flag: bool,
}

impl Bound for FillFlag {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let input = from.flags()?;
        let filled = match input.nulls() {
            None => input.clone(),
            Some(nulls) => {
                let values = input.values();
                let filled = if self.fill { values | &!nulls.inner() } else { values & nulls.inner() };
                BooleanArray::new(filled, None)
            }
        };
        Ok(with_marks(Arc::new(filled), self.flag, || null_marks(input)))
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let (value, missing) = match cell {
            Cell::Missing => (self.fill, true),
            Cell::Flag(x) => (x, false),
            other => return Err(wrong_cell("a flag", &other)),
        };
        out.push(Cell::Flag(value));
        push_mark(out, self.flag, missing);
        Ok(())
    }
}

struct FillName {
    fill: u32,
    flag: bool,
    /// The code of each input code (that of unseen values last).
    codes: Vec<u32>,
    names: Arc<Categories>,
}

impl FillName {
    fn code(&self, code: u32) -> u32 {
        self.codes.get(code as usize).copied().unwrap_or(self.names.unseen())
    }
}

impl Bound for FillName {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let input = from.codes()?;
        let codes = if input.null_count() == 0 {
            UInt32Array::from_iter_values(input.values().iter().map(|&c| self.code(c)))
        } else {
            UInt32Array::from_iter_values(input.iter().map(|c| c.map_or(self.fill, |c| self.code(c))))
        };
        Ok(with_marks(self.names.column(codes)?, self.flag, || null_marks(input)))
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let (value, missing) = match cell {
            Cell::Missing => (self.fill, true),
            Cell::Code(c) => (self.code(c), false),
            other => return Err(wrong_cell("a category", &other)),
        };
        out.push(Cell::Code(value));
        push_mark(out, self.flag, missing);
        Ok(())
    }
}

fn null_marks(input: &dyn Array) -> BooleanArray {
    let marks = input.nulls().map_or_else(|| BooleanBuffer::new_unset(input.len()), |nulls| !nulls.inner());
    BooleanArray::new(marks, None)
}

fn with_marks(filled: ArrayRef, flag: bool, marks: impl FnOnce() -> BooleanArray) -> Vec<ArrayRef> {
    if flag { vec![filled, Arc::new(marks())] } else { vec![filled] }
}

fn push_mark(out: &mut Vec<Cell>, flag: bool, missing: bool) {
    if flag {
        out.push(Cell::Flag(missing));
    }
}

#[cfg(test)]
mod tests {
    use tidemill_core::{Batch, Context, Error, Estimator, Schema, Table, Training};

    use super::*;
    use crate::{Constant, ImputeConstant, ImputeMean, ImputeMode};

    fn table(columns: Vec<(Column, ArrayRef)>) -> Table {
        let (columns, arrays) = columns.into_iter().unzip();
        Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
    }

    fn numbers(values: Vec<Option<f64>>) -> (Column, ArrayRef) {
        (Column::number("x"), Arc::new(Float64Array::from(values)))
    }

    fn colours(codes: Vec<Option<u32>>) -> (Column, ArrayRef) {
        let names = Categories::new(["red", "blue"]);
        let array = names.column(UInt32Array::from(codes)).unwrap();
        (Column::category("colour", names), array)
    }

    #[test]
    fn a_column_without_values_is_filled_and_warned_about() {
        let context = Context::default();
        let table = table(vec![numbers(vec![None, Some(f64::NAN)]), colours(vec![None, None])]);
        let (_, out) = ImputeMode::default().fit_apply(Training::on(&table), &context).unwrap();
        assert_eq!(out.batch().numbers(0).unwrap().values()[..], [0.0, 0.0]);
        let names = out.batch().schema().columns()[1].categories().unwrap();
        assert_eq!(names.name(out.batch().codes(1).unwrap().value(0)), MISSING);
        let codes: Vec<String> = context.warnings().into_iter().map(|w| w.code).collect();
        assert_eq!(codes, ["impute_all_missing", "impute_all_missing"]);
    }

    #[test]
    fn infinite_values_are_missing_unless_kept() {
        let table = table(vec![numbers(vec![Some(1.0), Some(f64::INFINITY), None, Some(3.0)])]);
        let filled = |infinite| {
            let step = ImputeMean { flag: true, infinite, ..ImputeMean::default() };
            let (_, out) = step.fit_apply(Training::on(&table), &Context::default()).unwrap();
            let marks: Vec<bool> = out.batch().flags(1).unwrap().values().iter().collect();
            (out.batch().numbers(0).unwrap().values().to_vec(), marks)
        };
        assert_eq!(filled(Infinite::Missing), (vec![1.0, 2.0, 2.0, 3.0], vec![false, true, true, false]));
        let kept = (vec![1.0, f64::INFINITY, 2.0, 3.0], vec![false, false, true, false]);
        assert_eq!(filled(Infinite::Keep), kept);
    }

    #[test]
    fn a_constant_goes_to_columns_of_its_kind() {
        let table = table(vec![numbers(vec![None, Some(1.0)]), colours(vec![None, Some(1)])]);
        let step = ImputeConstant { value: Some(Constant::Name("green".into())), ..Default::default() };
        let (_, out) = step.fit_apply(Training::on(&table), &Context::default()).unwrap();
        assert_eq!(out.batch().column(0).null_count(), 1, "a text is not for numbers");
        let names = out.batch().schema().columns()[1].categories().unwrap();
        assert_eq!(names.name(out.batch().codes(1).unwrap().value(0)), "green");
        assert_eq!(names.name(out.batch().codes(1).unwrap().value(1)), "blue");

        let named = ImputeConstant { columns: tidemill_core::Columns(vec!["x".into()]), ..step };
        let error = named.fit(Training::on(&table), &Context::default()).err().unwrap();
        assert_eq!(error.code(), "prep_constant_kind");
    }

    #[test]
    fn a_mark_takes_a_free_name_and_keeps_it() {
        let taken =
            (Column::new("x_missing", Kind::Flag), Arc::new(BooleanArray::from(vec![true, false])) as _);
        let table = table(vec![numbers(vec![None, Some(1.0)]), taken]);
        let step = ImputeMean { flag: true, ..Default::default() };
        let (fitted, out) = step.fit_apply(Training::on(&table), &Context::default()).unwrap();
        let names: Vec<&str> = out.batch().schema().names().collect();
        assert_eq!(names, ["x", "x_missing_2", "x_missing"]);
        // Also where that other column is not there.
        let alone = fitted.output(&Schema::new(vec![Column::number("x")]).unwrap()).unwrap();
        assert_eq!(alone.names().collect::<Vec<_>>(), ["x", "x_missing_2"]);
    }

    #[test]
    fn the_target_is_not_prepared() {
        let (column, array) = numbers(vec![None, Some(1.0)]);
        let table = table(vec![(column.with_role(tidemill_core::Role::Target), array)]);
        let step = ImputeMean { columns: tidemill_core::Columns(vec!["x".into()]), ..Default::default() };
        let error: Error = step.fit(Training::on(&table), &Context::default()).err().unwrap();
        assert_eq!(error.code(), "prep_target_named");
    }
}

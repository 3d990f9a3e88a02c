//! Finds the cells that a step changed, by comparing the rows before and after it.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use indexmap::IndexMap;
use tidemill_core::recipe::Spec;
use tidemill_core::{Batch, Kind, Result};

use crate::facts::{CellChanges, StepFacts};

/// A step that has not done anything yet.
pub(super) fn of(spec: Spec) -> StepFacts {
    StepFacts {
        spec,
        changed: IndexMap::new(),
        added: Vec::new(),
        removed: Vec::new(),
        rows_touched: 0,
        rows_dropped: 0,
    }
}

/// Adds what the step did to these rows; `touched` has a flag for each row. Where it dropped rows, cells cannot be held against each
/// other: only the rows are counted.
pub(super) fn note(step: &mut StepFacts, before: &Batch, after: &Batch, touched: &mut [bool]) -> Result<()> {
    let (old, new) = (before.schema(), after.schema());
    step.added = new.names().filter(|name| old.position(name).is_none()).map(String::from).collect();
    step.removed = old.names().filter(|name| new.position(name).is_none()).map(String::from).collect();
    if before.n_rows() != after.n_rows() {
        step.rows_dropped += before.n_rows().saturating_sub(after.n_rows()) as u64;
        return Ok(());
    }
    let mut here = vec![false; before.n_rows()];
    for (at, column) in old.columns().iter().enumerate() {
        let Some(to) = new.position(&column.name) else { continue };
        let found = compared(before, at, after, to, &mut here)?;
        if !found.is_none() {
            let sum = step.changed.entry(column.name.clone()).or_default();
            sum.filled += found.filled;
            sum.emptied += found.emptied;
            sum.replaced += found.replaced;
        }
    }
    step.rows_touched += here.iter().filter(|row| **row).count() as u64;
    touched.iter_mut().zip(here).for_each(|(row, here)| *row |= here);
    Ok(())
}

fn compared(
    before: &Batch,
    at: usize,
    after: &Batch,
    to: usize,
    touched: &mut [bool],
) -> Result<CellChanges> {
    let (old, new) = (before.column(at), after.column(to));
    let mut found = CellChanges::default();
    if same_memory(old, new) {
        return Ok(found);
    }
    let (was, is) = (&before.schema().columns()[at], &after.schema().columns()[to]);
    let same: Box<dyn Fn(usize) -> bool> = if was.kind != is.kind {
        Box::new(|_| false)
    } else {
        match was.kind {
            Kind::Number => {
                let (a, b) = (before.numbers(at)?, after.numbers(to)?);
                Box::new(move |row| a.value(row) == b.value(row))
            }
            Kind::Category => {
                let (a, b) = (before.codes(at)?, after.codes(to)?);
                let (names, new_names) = (was.categories()?, is.categories()?);
                Box::new(move |row| names.name(a.value(row)) == new_names.name(b.value(row)))
            }
            Kind::Text => {
                let (a, b) = (old.as_string::<i32>(), new.as_string::<i32>());
                Box::new(move |row| a.value(row) == b.value(row))
            }
            _ => Box::new(|row| old.slice(row, 1).to_data() == new.slice(row, 1).to_data()),
        }
    };
    for (row, touched) in touched.iter_mut().enumerate() {
        let count = match (missing(before, at, row), missing(after, to, row)) {
            (true, true) => continue,
            (true, false) => &mut found.filled,
            (false, true) => &mut found.emptied,
            (false, false) if same(row) => continue,
            (false, false) => &mut found.replaced,
        };
        *count += 1;
        *touched = true;
    }
    Ok(found)
}

/// A null, or a number that is none.
pub(super) fn missing(batch: &Batch, at: usize, row: usize) -> bool {
    let array = batch.column(at);
    array.is_null(row)
        || batch.schema().columns()[at].kind == Kind::Number
            && batch.numbers(at).is_ok_and(|numbers| numbers.value(row).is_nan())
}

/// Whether a step handed the column on as it was.
fn same_memory(a: &ArrayRef, b: &ArrayRef) -> bool {
    std::sync::Arc::ptr_eq(a, b)
}

//! The conformance suite: what must be true of every estimator, as functions that `engine`'s tests run over the whole list of built-ins. A
//! new built-in is tested without any additional code.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::Float64Array;

use crate::{
    Batch, Column, Context, Entry, Error, Estimator, Fitted, Registry, Result, Row, Rows, Schema, Sort,
    Table, Training, Weights,
};

/// What the suite needs to run: the built-ins, and a table that suits the estimator (every kind it handles, some missing values if it
/// handles them, and a target if it learns from one).
pub struct Subject<'a> {
    /// The entry under test.
    pub entry: &'a Entry,
    /// Its parameters; null for the defaults.
    pub params: serde_json::Value,
    /// All built-ins, for loading.
    pub registry: Arc<Registry>,
    /// The table to fit on.
    pub table: Table,
    /// Runs work on the given number of threads.
    pub on_threads: &'a (dyn Fn(usize, &mut (dyn FnMut() + Send)) + Sync),
}

/// A check: its name and its function.
pub type Check = (&'static str, fn(&Subject<'_>) -> Result<()>);

/// Every check of the suite.
pub const CHECKS: &[Check] = &[
    ("refit_gives_equal_state", refit_gives_equal_state),
    ("threads_do_not_matter", threads_do_not_matter),
    ("save_and_load_are_inverse", save_and_load_are_inverse),
    ("row_equals_batch", row_equals_batch),
    ("any_batch_size_gives_the_same", any_batch_size_gives_the_same),
    ("output_is_as_announced", output_is_as_announced),
    ("target_is_not_needed_to_apply", target_is_not_needed_to_apply),
    ("empty_batch_passes", empty_batch_passes),
    ("one_training_row_is_no_panic", one_training_row_is_no_panic),
    ("wrong_schema_is_named", wrong_schema_is_named),
    ("cancellation_stops", cancellation_stops),
    ("truncated_state_is_refused", truncated_state_is_refused),
    ("unknown_parameter_is_refused", unknown_parameter_is_refused),
    ("hard_values_are_no_panic", hard_values_are_no_panic),
    ("weights_are_what_they_are_said_to_be", weights_are_what_they_are_said_to_be),
    ("column_order_does_not_matter", column_order_does_not_matter),
    ("by_column_is_by_column", by_column_is_by_column),
];

impl Subject<'_> {
    fn estimator(&self) -> Result<Box<dyn Estimator>> {
        self.registry.build(self.entry.kind, self.params.clone())
    }

    fn context(&self) -> Context {
        Context::new(7, 2, self.registry.clone())
    }

    fn fit(&self) -> Result<Arc<dyn Fitted>> {
        self.estimator()?.fit(Training::on(&self.table), &self.context())
    }

    fn apply(&self, fitted: &Arc<dyn Fitted>, batch: &Batch) -> Result<Batch> {
        fitted.clone().bind(batch.schema())?.apply(batch)
    }

    fn without_target(&self) -> Result<Batch> {
        let batch = self.table.batch();
        let places = batch.schema().places(|c| c.role != crate::Role::Target);
        batch.select(&places)
    }

    fn row_wise(&self) -> Result<bool> {
        Ok(self.estimator()?.rows() == Rows::RowWise)
    }
}

fn must(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::internal(what())) }
}

fn same(a: &Batch, b: &Batch, what: &str) -> Result<()> {
    must(a.schema() == b.schema(), || format!("{what}: schemas differ"))?;
    for (column, (x, y)) in a.schema().columns().iter().zip(a.columns().iter().zip(b.columns())) {
        must(bits(x) == bits(y), || format!("{what}: '{}' differs:\n{x:?}\n{y:?}", column.name))?;
    }
    Ok(())
}

/// The values of a column, row by row, in a form in which `NaN` equals itself (floats are printed exactly).
fn bits(array: &arrow_array::ArrayRef) -> Vec<String> {
    (0..array.len()).map(|i| format!("{:?}", array.slice(i, 1))).collect()
}

/// The predictions of a learner fitted on a table, for the suite's own rows.
fn answers_after(s: &Subject<'_>, table: &Table, asked: &Batch) -> Result<Batch> {
    let fitted = s.estimator()?.fit(Training::on(table), &s.context())?;
    let output = s.apply(&fitted, asked)?;
    output.select(
        &output.schema().places(|c| matches!(c.role, crate::Role::Prediction | crate::Role::Probability)),
    )
}

/// Whether predictions are equal up to rounding.
fn near(a: &Batch, b: &Batch, what: &str) -> Result<()> {
    for (place, column) in a.schema().columns().iter().enumerate() {
        if matches!(column.kind, crate::Kind::Category | crate::Kind::Text) {
            must(bits(a.column(place)) == bits(b.column(place)), || {
                format!("{what}: other classes or masks")
            })?;
            continue;
        }
        let numbers = |batch: &Batch| match column.role {
            crate::Role::Probability => batch.probabilities(place).map(<[f64]>::to_vec),
            _ => batch.numbers(place).map(|numbers| numbers.values().to_vec()),
        };
        for (x, y) in numbers(a)?.into_iter().zip(numbers(b)?) {
            let close = (x - y).abs() <= 1e-9 * x.abs().max(1.0) || (x.is_nan() && y.is_nan());
            must(close, || format!("{what}: {x} and {y}"))?;
        }
    }
    Ok(())
}

fn weights_are_what_they_are_said_to_be(s: &Subject<'_>) -> Result<()> {
    if !matches!(s.entry.sort, Sort::Learner(_)) || s.entry.weights == Weights::Ignored {
        return Ok(());
    }
    let batch = s.table.batch();
    let twice = |row: usize| row.is_multiple_of(3);
    let weights = (0..batch.n_rows()).map(|row| if twice(row) { 2.0 } else { 1.0 });
    let mut columns = batch.schema().columns().to_vec();
    columns.push(Column::number("how much").with_role(crate::Role::Weight));
    let mut arrays = batch.columns().to_vec();
    arrays.push(Arc::new(Float64Array::from_iter_values(weights)));
    let weighted = Table::new(Batch::new(Arc::new(Schema::new(columns)?), arrays)?);
    let asked = s.without_target()?;
    let by_weight = answers_after(s, &weighted, &asked)?;
    if s.entry.weights == Weights::Accepted {
        return Ok(());
    }
    let rows =
        (0..batch.n_rows()).flat_map(|row| std::iter::repeat_n(row as u32, 1 + usize::from(twice(row))));
    let repeated = Table::new(batch.take(&rows.collect::<Vec<_>>())?);
    near(&by_weight, &answers_after(s, &repeated, &asked)?, "weight 2 is not the row twice")
}

fn column_order_does_not_matter(s: &Subject<'_>) -> Result<()> {
    if !matches!(s.entry.sort, Sort::Learner(_)) || s.entry.column_order_matters {
        return Ok(());
    }
    let batch = s.table.batch();
    let turned: Vec<usize> = (0..batch.schema().len()).rev().collect();
    let asked = s.without_target()?;
    let usual = answers_after(s, &s.table, &asked)?;
    let other = answers_after(s, &Table::new(batch.select(&turned)?), &asked)?;
    near(&usual, &other, "another order of columns")
}

fn by_column_is_by_column(s: &Subject<'_>) -> Result<()> {
    let fitted = s.fit()?;
    if !fitted.by_column() {
        return Ok(());
    }
    let batch = s.without_target()?;
    let reversed: Vec<u32> = (0..batch.n_rows() as u32).rev().collect();
    let others = batch.take(&reversed)?;
    let (own, other) = (s.apply(&fitted, &batch)?, s.apply(&fitted, &others)?);
    for parity in [0, 1] {
        let is_own = |place: usize| place % 2 == parity;
        let columns = (0..batch.schema().len())
            .map(|place| if is_own(place) { &batch } else { &others }.column(place).clone());
        let mixed = Batch::with_rows(batch.schema().clone(), columns.collect(), batch.n_rows())?;
        let mixed = s.apply(&fitted, &mixed)?;
        for (place, column) in mixed.schema().columns().iter().enumerate() {
            let from = if is_own(batch.schema().index(column.source())?) { &own } else { &other };
            must(bits(mixed.column(place)) == bits(from.column(place)), || {
                format!("'{}' depends on other columns than '{}'", column.name, column.source())
            })?;
        }
    }
    Ok(())
}

fn refit_gives_equal_state(s: &Subject<'_>) -> Result<()> {
    must(s.fit()?.state() == s.fit()?.state(), || "two fits on the same rows differ".into())
}

fn threads_do_not_matter(s: &Subject<'_>) -> Result<()> {
    let mut states = Vec::new();
    for threads in [1, 2, 3] {
        let mut state = Err(Error::internal("not run"));
        (s.on_threads)(threads, &mut || state = s.fit().map(|f| f.state()));
        states.push(state?);
    }
    must(states.windows(2).all(|w| w[0] == w[1]), || "the number of threads changes what is learned".into())
}

fn save_and_load_are_inverse(s: &Subject<'_>) -> Result<()> {
    let fitted = s.fit()?;
    must(fitted.size() == fitted.state().bytes(), || "its size is not that of its state".into())?;
    let loaded = s.registry.load(fitted.state())?;
    must(loaded.state() == fitted.state(), || "the loaded state differs from the saved one".into())?;
    let batch = s.table.batch();
    same(&s.apply(&fitted, batch)?, &s.apply(&loaded, batch)?, "before and after saving")
}

fn row_equals_batch(s: &Subject<'_>) -> Result<()> {
    if !s.row_wise()? {
        return Ok(());
    }
    let fitted = s.fit()?;
    let batch = s.without_target()?;
    let bulk = s.apply(&fitted, &batch)?;
    let mut run = fitted.bind(batch.schema())?;
    for i in 0..batch.n_rows() {
        let mut row = Row::of(&batch, i)?;
        run.row(&mut row)?;
        let wanted = Row::of(&bulk, i)?;
        must(same_row(&row, &wanted), || format!("row {i}: alone {row:?}\nin the batch {wanted:?}"))?;
    }
    Ok(())
}

/// Equality cell by cell, where `NaN` equals itself and a missing value (a number cell may use either).
fn same_row(a: &Row, b: &Row) -> bool {
    use crate::Cell;
    let cell = |c: &Cell| match c {
        Cell::Number(x) if x.is_nan() => "Missing".to_string(),
        other => format!("{other:?}"),
    };
    a.cells.len() == b.cells.len() && a.cells.iter().zip(&b.cells).all(|(a, b)| cell(a) == cell(b))
}

fn any_batch_size_gives_the_same(s: &Subject<'_>) -> Result<()> {
    if !s.row_wise()? {
        return Ok(());
    }
    let fitted = s.fit()?;
    let batch = s.table.batch();
    let whole = s.apply(&fitted, batch)?;
    let mut run = fitted.bind(batch.schema())?;
    for at in (0..batch.n_rows()).step_by(7) {
        let n = 7.min(batch.n_rows() - at);
        same(&run.apply(&batch.slice(at, n))?, &whole.slice(at, n), "in parts and whole")?;
    }
    Ok(())
}

fn output_is_as_announced(s: &Subject<'_>) -> Result<()> {
    let fitted = s.fit()?;
    let batch = s.table.batch();
    let output = s.apply(&fitted, batch)?;
    must(**output.schema() == fitted.output(batch.schema())?, || "output() announces other columns".into())?;
    must(output.n_rows() == batch.n_rows(), || "the number of rows changed".into())?;
    let sources: Vec<&str> = batch.schema().names().collect();
    let added = output.schema().columns().iter().filter(|c| c.role == crate::Role::Feature);
    for column in added {
        must(sources.contains(&column.source()), || {
            format!("'{}' does not say which source column it came from", column.name)
        })?;
    }
    Ok(())
}

fn target_is_not_needed_to_apply(s: &Subject<'_>) -> Result<()> {
    let fitted = s.fit()?;
    let (with, without) = (s.apply(&fitted, s.table.batch())?, s.apply(&fitted, &s.without_target()?)?);
    let places = with.schema().places(|c| c.role != crate::Role::Target);
    same(&with.select(&places)?, &without, "with the target and without")
}

fn empty_batch_passes(s: &Subject<'_>) -> Result<()> {
    let fitted = s.fit()?;
    let empty = s.table.batch().slice(0, 0);
    must(s.apply(&fitted, &empty)?.n_rows() == 0, || "rows came out of none".into())
}

fn one_training_row_is_no_panic(s: &Subject<'_>) -> Result<()> {
    for n in [0, 1] {
        let few = Table::new(s.table.batch().slice(0, n));
        // An error is acceptable; a model that then cannot be applied is not.
        if let Ok(fitted) = s.estimator()?.fit(Training::on(&few), &s.context()) {
            s.apply(&fitted, s.table.batch())?;
        }
    }
    Ok(())
}

fn wrong_schema_is_named(s: &Subject<'_>) -> Result<()> {
    let fitted = s.fit()?;
    let batch = s.without_target()?;
    let features = batch.schema().with_role(crate::Role::Feature);
    // Without its features, an estimator either names one of them in the error, or it used none.
    let none: Vec<usize> = (0..batch.schema().len()).filter(|i| !features.contains(i)).collect();
    let bare = batch.select(&none)?;
    match fitted.bind(bare.schema()) {
        Ok(_) => Ok(()),
        Err(e) => {
            let text = e.to_string();
            let named = features.iter().any(|&i| text.contains(&batch.schema().columns()[i].name));
            must(named, || format!("the error names no column: {text}"))
        }
    }
}

fn cancellation_stops(s: &Subject<'_>) -> Result<()> {
    let context = s.context();
    context.cancel_switch().store(true, Ordering::Relaxed);
    match s.estimator()?.fit(Training::on(&s.table), &context) {
        Err(Error::Cancelled) => Ok(()),
        Err(other) => Err(other),
        Ok(_) => Err(Error::internal("fit went on after the user asked to stop: call context.check()")),
    }
}

fn truncated_state_is_refused(s: &Subject<'_>) -> Result<()> {
    let state = s.fit()?.state();
    for name in state.tensors.keys() {
        let mut broken = state.clone();
        broken.tensors.remove(name);
        must(s.registry.load(broken).is_err(), || format!("loaded without its tensor '{name}'"))?;
    }
    let mut newer = state;
    newer.version = s.entry.version + 1;
    must(s.registry.load(newer).is_err(), || "loaded a version it cannot know".into())
}

fn unknown_parameter_is_refused(s: &Subject<'_>) -> Result<()> {
    let params = serde_json::json!({ "no_such_parameter": 1 });
    must(s.registry.build(s.entry.kind, params).is_err(), || "took an unknown parameter".into())
}

fn hard_values_are_no_panic(s: &Subject<'_>) -> Result<()> {
    let batch = s.table.batch();
    for value in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e300, 0.0] {
        let columns = batch.schema().columns().iter().enumerate().map(|(i, column)| {
            if column.kind == crate::Kind::Number && column.role == crate::Role::Feature {
                Arc::new(Float64Array::from(vec![value; batch.n_rows()])) as arrow_array::ArrayRef
            } else {
                batch.column(i).clone()
            }
        });
        let hard = Batch::with_rows(batch.schema().clone(), columns.collect(), batch.n_rows())?;
        // Training on such values may be refused, but a model fitted on valid rows must handle them …
        s.apply(&s.fit()?, &hard)?;
        // … and a model fitted on them must not have failed silently.
        if let Ok(fitted) = s.estimator()?.fit(Training::on(&Table::new(hard.clone())), &s.context()) {
            s.apply(&fitted, batch)?;
        }
    }
    Ok(())
}

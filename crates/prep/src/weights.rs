//! Rows that count for more or less than others.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use tidemill_core::{Batch, Column, Result, Role, Schema};

use crate::mapping::unique;

/// The rows, each with its weight (1 where no column has the role) times the factor of its place.
pub fn scaled(batch: &Batch, factor: impl Fn(usize) -> f64) -> Result<Batch> {
    let weights = batch.weights()?.unwrap_or_else(|| vec![1.0; batch.n_rows()]);
    let weights = weights.iter().enumerate().map(|(row, w)| w * factor(row));
    let weights: ArrayRef = Arc::new(Float64Array::from_iter_values(weights));
    let mut columns = batch.columns().to_vec();
    if let Some(at) = batch.schema().role(Role::Weight) {
        columns[at] = weights;
        return Batch::with_rows(batch.schema().clone(), columns, batch.n_rows());
    }
    let mut taken: BTreeSet<String> = batch.schema().names().map(String::from).collect();
    let weight = Column::number(unique("weight".into(), &mut taken)).with_role(Role::Weight);
    columns.push(weights);
    let all = batch.schema().columns().iter().cloned().chain([weight]).collect();
    Batch::with_rows(Arc::new(Schema::new(all)?), columns, batch.n_rows())
}

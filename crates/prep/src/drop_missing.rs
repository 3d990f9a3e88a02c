//! `drop_missing`: columns and training rows with too many missing values are dropped.

use std::sync::Arc;

use arrow_array::Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind, Registry, Result,
    Slot, State, Table, Training,
};

use crate::joint;
use crate::selection::{dropped, load_dropped};

/// Drops columns that miss more than a share of their values in training and, where asked for, training rows that miss more than a
/// share of the columns that are left.
///
/// `NaN` counts as missing. Rows are left out in training alone: rows to predict all stay. Data to predict on may lack the columns
/// that were dropped. Agrees with pandas' `dropna` with a `thresh`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DropMissing {
    /// The columns to use; by default, every feature.
    pub columns: Columns,
    /// The greatest share of missing values of a column that stays, from 0 to 1.
    pub max_share: f64,
    /// The greatest share of missing values among these columns of a training row that stays, from 0 to 1; by default, all stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_share_of_row: Option<f64>,
}

impl Default for DropMissing {
    fn default() -> Self {
        DropMissing { columns: Columns::default(), max_share: 0.5, max_share_of_row: None }
    }
}

/// By row, whether the column misses its value.
fn missing(batch: &Batch, at: usize) -> Result<Vec<bool>> {
    if batch.schema().columns()[at].kind == Kind::Number {
        return Ok(batch.numbers(at)?.iter().map(|x| x.is_none_or(f64::is_nan)).collect());
    }
    let array = batch.column(at);
    Ok((0..array.len()).map(|row| array.is_null(row)).collect())
}

impl DropMissing {
    /// The columns that go, and which training rows do.
    fn find(&self, batch: &Batch, context: &Context) -> Result<(Vec<String>, Vec<bool>)> {
        let schema = batch.schema();
        let places = self.columns.places(schema, "a column", |_| true)?;
        joint::refuse_target(Self::KIND, schema, &places)?;
        let n = batch.n_rows();
        let mut gone = Vec::new();
        let (mut gaps, mut n_kept) = (vec![0usize; n], 0usize);
        for at in places {
            context.check()?;
            let missing = missing(batch, at)?;
            if missing.iter().filter(|gap| **gap).count() as f64 > self.max_share * n as f64 {
                gone.push(schema.columns()[at].name.clone());
                continue;
            }
            n_kept += 1;
            gaps.iter_mut().zip(missing).for_each(|(gaps, gap)| *gaps += usize::from(gap));
        }
        let most = self.max_share_of_row.map_or(f64::INFINITY, |share| share * n_kept as f64);
        Ok((gone, gaps.into_iter().map(|gaps| gaps as f64 > most).collect()))
    }
}

impl Estimator for DropMissing {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let (gone, _) = self.find(&training.train.collect()?, context)?;
        Ok(dropped((Self::KIND, Self::VERSION), gone))
    }

    fn fit_apply(&self, training: Training<'_>, context: &Context) -> Result<(Arc<dyn Fitted>, Table)> {
        context.check()?;
        let batch = training.train.collect()?;
        let (gone, rows) = self.find(&batch, context)?;
        let fitted = dropped((Self::KIND, Self::VERSION), gone);
        let kept: Vec<u32> = (0..).zip(&rows).filter(|(_, gone)| !**gone).map(|(row, _)| row).collect();
        if kept.is_empty() && !rows.is_empty() {
            return Err(Error::data(
                format!("step 'drop_missing': each of the {} training rows misses too much", rows.len()),
                "raise 'max_share_of_row', or lower 'max_share' so that empty columns go first",
            ));
        }
        let kept = if kept.len() < rows.len() { batch.take(&kept)? } else { batch };
        let output = fitted.clone().bind(kept.schema())?.apply(&kept)?;
        Ok((fitted, Table::new(output)))
    }
}

impl Builtin for DropMissing {
    const KIND: &'static str = "drop_missing";

    fn check(&self) -> Result<(), KeyPath> {
        let shares = [("max_share", Some(self.max_share)), ("max_share_of_row", self.max_share_of_row)];
        for (key, share) in shares {
            if let Some(share) = share.filter(|share| !(0.0..=1.0).contains(share)) {
                return Err(KeyPath::new(key, format!("must be from 0 to 1, but is {share}")));
            }
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        load_dropped((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for DropMissing {
    const SLOT: Slot = Slot::Types;
    const DONE: &'static str = "dropped where too much is missing";
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Float64Array};
    use tidemill_core::{Column, Schema};

    use super::*;

    #[test]
    fn columns_go_first_and_then_rows() {
        let column = |values: [Option<f64>; 4]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
        let arrays = vec![
            column([Some(1.0), None, Some(f64::NAN), None]),
            column([Some(1.0), None, Some(3.0), Some(4.0)]),
            column([Some(1.0), None, Some(3.0), Some(f64::INFINITY)]),
        ];
        let schema = Schema::new(["a", "b", "c"].map(Column::number).to_vec()).unwrap();
        let table = Table::new(Batch::new(Arc::new(schema), arrays).unwrap());
        let step = DropMissing { max_share_of_row: Some(0.5), ..DropMissing::default() };
        let (fitted, out) = step.fit_apply(Training::on(&table), &Context::default()).unwrap();
        assert_eq!(out.batch().schema().names().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(out.batch().numbers(0).unwrap().values()[..], [1.0, 3.0, 4.0]);
        // Rows to predict all stay.
        let later = fitted.bind(table.batch().schema()).unwrap().apply(table.batch()).unwrap();
        assert_eq!(later.n_rows(), 4);
        let all = DropMissing { max_share: 1.0, ..DropMissing::default() };
        let (_, out) = all.fit_apply(Training::on(&table), &Context::default()).unwrap();
        assert_eq!((out.batch().schema().len(), out.batch().n_rows()), (3, 4));
    }
}

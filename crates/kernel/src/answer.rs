//! The output of every learner: features are removed, everything else stays, and the prediction comes last.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use tidemill_core::{
    Batch, Categories, Cell, Column, Kind, PREDICTION, PROBABILITY, Result, Role, Row, Schema,
    probability_vector,
};

/// The output columns of a learner: those that are not features, `prediction`, and for classification `probability`.
pub fn output(input: &Schema, classes: Option<&Arc<Categories>>) -> Result<Schema> {
    let kept = input.columns().iter().filter(|c| !c.role.is_input()).cloned();
    let mut columns: Vec<Column> = kept.collect();
    match classes {
        None => columns.push(Column::number(PREDICTION).with_role(Role::Prediction)),
        Some(classes) => {
            columns.push(Column::category(PREDICTION, classes.clone()).with_role(Role::Prediction));
            let kind = Kind::Vector { len: classes.len(), sparse: false };
            let mut probability = Column::new(PROBABILITY, kind).with_role(Role::Probability);
            probability.categories = Some(classes.clone());
            columns.push(probability);
        }
    }
    Schema::new(columns)
}

/// A learner's output, resolved for one input schema.
pub struct Answer {
    schema: Arc<Schema>,
    keep: Vec<bool>,
    classes: Option<Arc<Categories>>,
}

impl Answer {
    /// Resolves the columns that stay.
    pub fn bind(input: &Schema, classes: Option<&Arc<Categories>>) -> Result<Self> {
        let keep = input.columns().iter().map(|c| !c.role.is_input()).collect();
        Ok(Answer { schema: Arc::new(output(input, classes)?), keep, classes: classes.cloned() })
    }

    fn kept(&self, batch: &Batch) -> Vec<ArrayRef> {
        let columns = batch.columns().iter().zip(&self.keep);
        columns.filter(|(_, keep)| **keep).map(|(column, _)| column.clone()).collect()
    }

    /// `batch` with one predicted number per row.
    pub fn numbers(&self, batch: &Batch, numbers: Vec<f64>) -> Result<Batch> {
        let mut columns = self.kept(batch);
        columns.push(Arc::new(Float64Array::from(numbers)));
        Batch::with_rows(self.schema.clone(), columns, batch.n_rows())
    }

    /// `batch` with one probability per row and class as its prediction, row after row.
    pub fn probabilities(&self, batch: &Batch, probabilities: Vec<f64>) -> Result<Batch> {
        let mut columns = self.kept(batch);
        if let Some(classes) = &self.classes {
            let codes = probabilities.chunks_exact(classes.len().max(1)).map(most_probable);
            columns.push(classes.column(UInt32Array::from_iter_values(codes))?);
            columns.push(probability_vector(probabilities, classes.len())?);
        }
        Batch::with_rows(self.schema.clone(), columns, batch.n_rows())
    }

    /// `row` with this number as its prediction.
    pub fn number(&self, row: &mut Row, number: f64) {
        row.retain(&self.keep);
        row.cells.push(Cell::Number(number));
    }

    /// `row` with these probabilities as its prediction.
    pub fn probability(&self, row: &mut Row, probabilities: Vec<f64>) {
        row.retain(&self.keep);
        row.cells.push(Cell::Code(most_probable(&probabilities)));
        row.cells.push(Cell::Probability(probabilities));
    }
}

/// The class with the largest probability; the first one if there are ties.
pub fn most_probable(probabilities: &[f64]) -> u32 {
    let mut best = 0;
    for (i, &p) in probabilities.iter().enumerate() {
        if p > probabilities[best] {
            best = i;
        }
    }
    best as u32
}

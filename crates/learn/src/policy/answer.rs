//! What every policy gives: the answer of a classifier whose classes are the actions, and beside it the expected rewards.

use std::sync::Arc;

use arrow_array::ArrayRef;
use tidemill_core::{
    Batch, Categories, Cell, Column, EXPECTED_REWARD, Kind, Result, Role, Row, Schema, probability_vector,
};
use tidemill_kernel::answer::{Answer, output as class_output};

/// The columns that come out: those of a classifier, then `expected_reward`, a number for each action.
pub(super) fn output(input: &Schema, actions: &Arc<Categories>) -> Result<Schema> {
    let mut columns = class_output(input, Some(actions))?.columns().to_vec();
    let kind = Kind::Vector { len: actions.len(), sparse: false };
    let mut expected = Column::new(EXPECTED_REWARD, kind).with_role(Role::ExpectedReward);
    expected.categories = Some(actions.clone());
    columns.push(expected);
    Schema::new(columns)
}

/// A policy's output, resolved for one input schema.
pub(super) struct PolicyAnswer {
    classes: Answer,
    schema: Arc<Schema>,
    n_actions: usize,
}

impl PolicyAnswer {
    pub(super) fn bind(input: &Schema, actions: &Arc<Categories>) -> Result<Self> {
        Ok(PolicyAnswer {
            classes: Answer::bind(input, Some(actions))?,
            schema: Arc::new(output(input, actions)?),
            n_actions: actions.len(),
        })
    }

    /// `batch` with a probability and an expected reward per row and action, row after row.
    pub(super) fn batch(&self, batch: &Batch, probability: Vec<f64>, expected: Vec<f64>) -> Result<Batch> {
        let answered = self.classes.probabilities(batch, probability)?;
        let mut columns: Vec<ArrayRef> = answered.columns().to_vec();
        columns.push(probability_vector(expected, self.n_actions)?);
        Batch::with_rows(self.schema.clone(), columns, batch.n_rows())
    }

    /// `row` with these as its answer.
    pub(super) fn row(&self, row: &mut Row, probability: Vec<f64>, expected: Vec<f64>) {
        self.classes.probability(row, probability);
        row.cells.push(Cell::Probability(expected));
    }
}

//! The position of a learner's prediction in its output, for code that reads or changes it.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, UInt32Array};
use tidemill_core::{
    Batch, Cell, Error, Kind, PREDICTION, PROBABILITY, Result, Role, Row, Schema, probability_vector,
};

use crate::answer::most_probable;

/// The columns of a prediction: the prediction itself, and for classification one probability per class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The index of the predicted number or class.
    pub prediction: usize,
    /// The index of the probabilities, and the number of classes.
    pub probability: Option<(usize, usize)>,
}

impl Place {
    /// Errors, naming the column, if there is no learner's prediction.
    pub fn of(schema: &Schema) -> Result<Self> {
        let missing = |name| Error::missing_column(name, "a learner's answer", schema.names());
        let prediction = schema.role(Role::Prediction).ok_or_else(|| missing(PREDICTION))?;
        if schema.columns()[prediction].kind == Kind::Number {
            return Ok(Place { prediction, probability: None });
        }
        let probability = schema.role(Role::Probability).ok_or_else(|| missing(PROBABILITY))?;
        match schema.columns()[probability].kind {
            Kind::Vector { len, .. } => Ok(Place { prediction, probability: Some((probability, len)) }),
            _ => Err(missing(PROBABILITY)),
        }
    }

    /// The same for classification; errors for a number.
    pub fn of_classes(schema: &Schema) -> Result<Self> {
        let place = Place::of(schema)?;
        match place.probability {
            Some(_) => Ok(place),
            None => Err(Error::missing_column(PROBABILITY, "a learner's answer", schema.names())),
        }
    }

    /// Numbers per row.
    pub fn width(&self) -> usize {
        self.probability.map_or(1, |(_, n_classes)| n_classes)
    }

    /// The predictions, row after row.
    pub fn values(&self, batch: &Batch) -> Result<Vec<f64>> {
        match self.probability {
            Some((at, _)) => Ok(batch.probabilities(at)?.to_vec()),
            None => {
                let numbers = batch.numbers(self.prediction)?;
                if numbers.null_count() > 0 {
                    return Err(Error::internal("a learner left rows without an answer"));
                }
                Ok(numbers.values().to_vec())
            }
        }
    }

    /// `batch` with other predictions.
    pub fn put(&self, batch: &Batch, values: Vec<f64>) -> Result<Batch> {
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        match self.probability {
            None => columns[self.prediction] = Arc::new(Float64Array::from(values)),
            Some((at, n_classes)) => {
                let codes = values.chunks_exact(n_classes.max(1)).map(most_probable);
                columns[self.prediction] = self.codes(batch, UInt32Array::from_iter_values(codes))?;
                columns[at] = probability_vector(values, n_classes)?;
            }
        }
        Batch::with_rows(batch.schema().clone(), columns, batch.n_rows())
    }

    /// `batch` with other predicted classes.
    pub fn put_codes(&self, batch: &Batch, codes: UInt32Array) -> Result<Batch> {
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        columns[self.prediction] = self.codes(batch, codes)?;
        Batch::with_rows(batch.schema().clone(), columns, batch.n_rows())
    }

    fn codes(&self, batch: &Batch, codes: UInt32Array) -> Result<ArrayRef> {
        batch.schema().columns()[self.prediction].categories()?.column(codes)
    }

    /// Passes the prediction of a row to `change`, then updates which class is the most probable.
    pub fn change(&self, row: &mut Row, change: impl FnOnce(&mut [f64])) -> Result<()> {
        let wrong = || Error::internal("a learner's answer is not where it was promised");
        match self.probability {
            None => match row.cells.get_mut(self.prediction) {
                Some(Cell::Number(x)) => change(std::slice::from_mut(x)),
                _ => return Err(wrong()),
            },
            Some((at, _)) => {
                let Some(Cell::Probability(values)) = row.cells.get_mut(at) else { return Err(wrong()) };
                change(values);
                let code = most_probable(values);
                row.cells[self.prediction] = Cell::Code(code);
            }
        }
        Ok(())
    }

    /// The prediction of a row.
    pub fn of_row<'a>(&self, row: &'a Row) -> Result<&'a [f64]> {
        let at = self.probability.map_or(self.prediction, |(at, _)| at);
        match row.cells.get(at) {
            Some(Cell::Probability(values)) => Ok(values),
            Some(Cell::Number(x)) => Ok(std::slice::from_ref(x)),
            _ => Err(Error::internal("a learner's answer is not where it was promised")),
        }
    }
}

//! Where a learner's answer stands in its output, for the links that change it.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, UInt32Array};
use tidemill_core::{
    Batch, Cell, Error, Kind, PREDICTION, PROBABILITY, Result, Role, Row, Schema, probability_vector,
};

/// The places of an answer: a prediction, and for classes a probability per class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub prediction: usize,
    /// The place of the probabilities, and how many classes there are.
    pub probability: Option<(usize, usize)>,
}

impl Place {
    /// Errors, naming the column, where no learner has answered.
    pub(crate) fn of(schema: &Schema) -> Result<Self> {
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

    /// The same, of classes; errors for a number.
    pub(crate) fn of_classes(schema: &Schema) -> Result<Self> {
        let place = Place::of(schema)?;
        match place.probability {
            Some(_) => Ok(place),
            None => Err(Error::missing_column(PROBABILITY, "a learner's answer", schema.names())),
        }
    }

    /// Numbers per row.
    pub(crate) fn width(&self) -> usize {
        self.probability.map_or(1, |(_, n_classes)| n_classes)
    }

    /// The answers, row after row.
    pub(crate) fn values(&self, batch: &Batch) -> Result<Vec<f64>> {
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

    /// `batch` with other answers.
    pub(crate) fn put(&self, batch: &Batch, values: Vec<f64>) -> Result<Batch> {
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
    pub(crate) fn put_codes(&self, batch: &Batch, codes: UInt32Array) -> Result<Batch> {
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        columns[self.prediction] = self.codes(batch, codes)?;
        Batch::with_rows(batch.schema().clone(), columns, batch.n_rows())
    }

    fn codes(&self, batch: &Batch, codes: UInt32Array) -> Result<ArrayRef> {
        batch.schema().columns()[self.prediction].categories()?.column(codes)
    }

    /// Gives the answer of a row to `change`, then says again which class is the most probable.
    pub(crate) fn change(&self, row: &mut Row, change: impl FnOnce(&mut [f64])) -> Result<()> {
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

    /// The answer of a row.
    pub(crate) fn of_row<'a>(&self, row: &'a Row) -> Result<&'a [f64]> {
        let at = self.probability.map_or(self.prediction, |(at, _)| at);
        match row.cells.get(at) {
            Some(Cell::Probability(values)) => Ok(values),
            Some(Cell::Number(x)) => Ok(std::slice::from_ref(x)),
            _ => Err(Error::internal("a learner's answer is not where it was promised")),
        }
    }
}

/// The class of the greatest probability; the first of equals.
pub(crate) fn most_probable(probabilities: &[f64]) -> u32 {
    let mut best = 0;
    for (i, &p) in probabilities.iter().enumerate() {
        if p > probabilities[best] {
            best = i;
        }
    }
    best as u32
}

/// The class that a number from 0 up to 1, drawn by chance, falls on: each as often as its probability says.
pub(crate) fn drawn(probabilities: &[f64], chance: f64) -> u32 {
    let mut below = 0.0;
    for (i, &p) in probabilities.iter().enumerate() {
        below += p;
        if chance < below {
            return i as u32;
        }
    }
    // Sums that end a rounding short of 1.
    most_probable(probabilities)
}

#[cfg(test)]
mod tests {
    use super::drawn;

    #[test]
    fn each_class_is_drawn_as_often_as_its_probability_says() {
        let probabilities = [0.2, 0.0, 0.5, 0.3];
        let mut counts = [0; 4];
        (0..1000).for_each(|i| counts[drawn(&probabilities, f64::from(i) / 1000.0) as usize] += 1);
        assert_eq!(counts, [200, 0, 500, 300]);
        assert_eq!(drawn(&[0.1, 0.2], 0.99), 1);
    }
}

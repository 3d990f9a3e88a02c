//! Linear functions of a row's features, found by name; the same bits for a row alone and in a batch.

use std::ops::Range;

use arrow_array::Array;
use tidemill_core::{Batch, Cell, Error, Kind, Linear, Result, Row, Schema, State, TensorData};
use tidemill_kernel::reduce::in_chunks;
use tidemill_kernel::{Feature, Features, vector};

/// Rows that one thread takes at a time.
const CHUNK: usize = 4096;

/// One coefficient of a linear model, for people and for explanations.
#[derive(Clone, Debug, PartialEq)]
pub struct Coefficient {
    /// The feature column.
    pub column: String,
    /// Which number of a vector column.
    pub part: Option<String>,
    /// The coefficient in each linear function (one for regression and for two classes).
    pub values: Vec<f64>,
}

/// `intercept + coefficients * features`, for one or several outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictor {
    features: Features,
    /// For each output, a number per feature.
    coefficients: Vec<f64>,
    /// A number per output.
    intercepts: Vec<f64>,
}

impl Predictor {
    /// `coefficients` holds, for each intercept, a number per column of the features.
    pub(crate) fn new(features: Features, coefficients: Vec<f64>, intercepts: Vec<f64>) -> Self {
        Predictor { features, coefficients, intercepts }
    }

    /// The columns it reads.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The constant of each output.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// All coefficients: output after output, a number per column of the features.
    pub fn weights(&self) -> &[f64] {
        &self.coefficients
    }

    /// The coefficients by feature, in the order of the columns.
    pub fn coefficients(&self) -> Vec<Coefficient> {
        let p = self.features.n_columns();
        let names = self.features.names().enumerate();
        let values = |j: usize| (0..self.intercepts.len()).map(|o| self.coefficients[o * p + j]).collect();
        names
            .map(|(j, (column, part))| Coefficient {
                column: column.into(),
                part: part.map(Into::into),
                values: values(j),
            })
            .collect()
    }

    /// What each input column (a vector column as a whole) gives to the linear function of each output: row after row, output
    /// after output, a number per column of [`Predictor::features`]; `NaN` where it is missing. With the intercepts they sum to
    /// the linear function, before any link: what exact SHAP values of columns are made of.
    pub fn parts(&self, batch: &Batch) -> Result<Vec<f64>> {
        let bound = self.bind(batch.schema())?;
        let (n_outputs, n_columns) = (self.intercepts.len(), bound.inputs.len());
        let chunks = in_chunks(batch.n_rows(), CHUNK, |rows| {
            let n = rows.len();
            let mut parts = vec![0.0; n * n_outputs * n_columns];
            for (at, input) in bound.inputs.iter().enumerate() {
                let mut scores = vec![0.0; n * n_outputs];
                bound.add_input(input, batch, rows.clone(), &mut scores)?;
                for (i, score) in scores.into_iter().enumerate() {
                    let (output, row) = (i / n, i % n);
                    parts[(row * n_outputs + output) * n_columns + at] = score;
                }
            }
            Ok(parts)
        });
        Ok(chunks.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    pub(crate) fn save(&self, state: State) -> State {
        let shape = vec![self.intercepts.len(), self.features.n_columns()];
        state
            .tensor("coefficients", shape, TensorData::F64(self.coefficients.clone()))
            .floats("intercepts", &self.intercepts)
    }

    pub(crate) fn load(state: &State, features: Features, n_outputs: usize) -> Result<Self> {
        let n = n_outputs
            .checked_mul(features.n_columns())
            .ok_or_else(|| Error::state(&state.kind, "more coefficients than memory can hold"))?;
        let coefficients = state.floats_of("coefficients", n)?.to_vec();
        let intercepts = state.floats_of("intercepts", n_outputs)?.to_vec();
        Ok(Predictor { features, coefficients, intercepts })
    }

    pub(crate) fn bind(&self, schema: &Schema) -> Result<BoundPredictor> {
        let places = self.features.resolve(schema)?;
        let mut at = 0;
        let mut inputs = Vec::with_capacity(places.len());
        for (feature, place) in self.features.0.iter().zip(places) {
            inputs.push(Input { place, at, width: feature.width(), name: feature.clone() });
            at += feature.width();
        }
        Ok(BoundPredictor {
            inputs,
            n_columns: at,
            coefficients: self.coefficients.clone(),
            intercepts: self.intercepts.clone(),
        })
    }
}

impl Linear for Predictor {
    fn columns(&self) -> Vec<&str> {
        self.features.0.iter().map(|feature| feature.name.as_str()).collect()
    }

    fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    fn parts(&self, batch: &Batch) -> Result<Vec<f64>> {
        Predictor::parts(self, batch)
    }
}

/// A feature column found in a schema.
struct Input {
    place: usize,
    /// The first of its coefficients.
    at: usize,
    width: usize,
    name: Feature,
}

/// A [`Predictor`] resolved for one schema.
pub(crate) struct BoundPredictor {
    inputs: Vec<Input>,
    n_columns: usize,
    coefficients: Vec<f64>,
    intercepts: Vec<f64>,
}

impl BoundPredictor {
    pub(crate) fn n_outputs(&self) -> usize {
        self.intercepts.len()
    }

    /// `finish` makes the answers of some rows from their scores (output after output); all answers in order.
    pub(crate) fn answers(
        &self,
        batch: &Batch,
        finish: impl Fn(Vec<f64>, usize) -> Vec<f64> + Sync,
    ) -> Result<Vec<f64>> {
        let parts = in_chunks(batch.n_rows(), CHUNK, |rows| {
            let n = rows.len();
            self.scores(batch, rows).map(|scores| finish(scores, n))
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    fn scores(&self, batch: &Batch, rows: Range<usize>) -> Result<Vec<f64>> {
        let n = rows.len();
        let mut scores: Vec<f64> = Vec::with_capacity(n * self.n_outputs());
        self.intercepts.iter().for_each(|&b| scores.extend(std::iter::repeat_n(b, n)));
        for input in &self.inputs {
            self.add_input(input, batch, rows.clone(), &mut scores)?;
        }
        Ok(scores)
    }

    /// Adds what one input column gives to the scores of some rows.
    fn add_input(&self, input: &Input, batch: &Batch, rows: Range<usize>, scores: &mut [f64]) -> Result<()> {
        match batch.schema().columns()[input.place].kind {
            Kind::Vector { sparse: true, .. } => self.add_sparse(input, batch, rows, scores)?,
            Kind::Vector { .. } => self.add_vector(input, batch, rows, scores)?,
            Kind::Flag => {
                let flags = batch.flags(input.place)?;
                let value =
                    |i: usize| if flags.is_null(i) { f64::NAN } else { f64::from(u8::from(flags.value(i))) };
                self.add(input, &rows.map(value).collect::<Vec<f64>>(), scores);
            }
            _ => {
                let numbers = batch.numbers(input.place)?;
                if numbers.null_count() == 0 {
                    self.add(input, &numbers.values()[rows], scores);
                } else {
                    let value = |i: usize| if numbers.is_null(i) { f64::NAN } else { numbers.value(i) };
                    self.add(input, &rows.map(value).collect::<Vec<f64>>(), scores);
                }
            }
        }
        Ok(())
    }

    fn add(&self, input: &Input, values: &[f64], scores: &mut [f64]) {
        for (o, scores) in scores.chunks_exact_mut(values.len().max(1)).enumerate() {
            vector::axpy(self.coefficients[o * self.n_columns + input.at], values, scores);
        }
    }

    fn add_vector(&self, input: &Input, batch: &Batch, rows: Range<usize>, scores: &mut [f64]) -> Result<()> {
        let (values, width, n) = (batch.vector(input.place)?, input.width, rows.len());
        let column = batch.column(input.place);
        for o in 0..self.n_outputs() {
            let weights = self.weights(o, input);
            for (score, i) in scores[o * n..(o + 1) * n].iter_mut().zip(rows.clone()) {
                *score = match column.is_null(i) {
                    true => f64::NAN,
                    false => add_terms(*score, weights, &values[i * width..(i + 1) * width]),
                };
            }
        }
        Ok(())
    }

    fn add_sparse(&self, input: &Input, batch: &Batch, rows: Range<usize>, scores: &mut [f64]) -> Result<()> {
        let (sparse, n) = (batch.sparse(input.place)?, rows.len());
        let column = batch.column(input.place);
        for (o, scores) in scores.chunks_exact_mut(n.max(1)).enumerate() {
            let weights = self.weights(o, input);
            for (score, i) in scores.iter_mut().zip(rows.clone()) {
                let range = sparse.range(i);
                *score = match column.is_null(i) {
                    true => f64::NAN,
                    false => add_some(*score, weights, &sparse.indices[range.clone()], &sparse.values[range]),
                };
            }
        }
        Ok(())
    }

    /// The coefficients of an input in one output.
    fn weights(&self, output: usize, input: &Input) -> &[f64] {
        let at = output * self.n_columns + input.at;
        &self.coefficients[at..at + input.width]
    }

    /// The scores of one row.
    pub(crate) fn row(&self, row: &Row, scores: &mut [f64]) -> Result<()> {
        scores.copy_from_slice(&self.intercepts);
        for input in &self.inputs {
            let value = match row.cells.get(input.place) {
                Some(Cell::Number(x)) => *x,
                Some(Cell::Flag(flag)) => f64::from(u8::from(*flag)),
                Some(Cell::Missing) => f64::NAN,
                Some(Cell::Vector(values)) if values.len() == input.width => {
                    for (o, score) in scores.iter_mut().enumerate() {
                        *score = add_terms(*score, self.weights(o, input), values);
                    }
                    continue;
                }
                Some(Cell::Sparse(places, values)) if input.name.sparse => {
                    for (o, score) in scores.iter_mut().enumerate() {
                        *score = add_some(*score, self.weights(o, input), places, values);
                    }
                    continue;
                }
                other => return Err(Error::internal(format!("'{}' came as {other:?}", input.name.name))),
            };
            // A missing vector has no coefficient of its own to be multiplied by, but it is missing all the same.
            if input.name.parts.is_some() {
                scores.fill(f64::NAN);
                continue;
            }
            for (o, score) in scores.iter_mut().enumerate() {
                *score += self.coefficients[o * self.n_columns + input.at] * value;
            }
        }
        Ok(())
    }
}

fn add_terms(score: f64, weights: &[f64], values: &[f32]) -> f64 {
    weights.iter().zip(values).fold(score, |score, (w, &x)| score + w * f64::from(x))
}

/// A place that the model does not have gives no score.
fn add_some(score: f64, weights: &[f64], places: &[u32], values: &[f32]) -> f64 {
    let terms = places.iter().zip(values);
    terms.fold(score, |score, (&j, &x)| {
        score + weights.get(j as usize).copied().unwrap_or(f64::NAN) * f64::from(x)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array};
    use tidemill_core::{Column, dense_vector};

    use super::*;

    #[test]
    fn parts_and_intercepts_sum_to_the_function() {
        let vector = Column::vector("v", ["a", "b"].map(String::from).to_vec());
        let schema = Arc::new(Schema::new(vec![Column::number("x"), vector]).unwrap());
        let x: ArrayRef = Arc::new(Float64Array::from(vec![Some(2.0), None]));
        let batch =
            Batch::new(schema.clone(), vec![x, dense_vector(vec![1.0, 3.0, 5.0, 7.0], 2).unwrap()]).unwrap();
        let features = Features::of(&schema).unwrap();
        let predictor = Predictor::new(features, vec![1.0, 10.0, 100.0, -1.0, 0.0, 2.0], vec![0.5, 0.25]);
        let parts = predictor.parts(&batch).unwrap();
        assert_eq!(parts[..4], [2.0, 310.0, -2.0, 6.0]);
        assert!(parts[4].is_nan() && parts[6].is_nan());
        assert_eq!((parts[5], parts[7]), (750.0, 14.0));
        let answers = predictor.bind(&schema).unwrap().answers(&batch.slice(0, 1), |s, _| s).unwrap();
        assert_eq!(answers, [312.5, 4.25]);
    }
}

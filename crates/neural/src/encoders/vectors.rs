//! A dense vector whose numbers are a list: each standardised, with a mark for the whole where it can be missing.

use std::ops::Range;

use arrow_array::Array;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Cell, Column, Error, Kind, Layout, Result, Row, State};
use tidemill_kernel::Random;

use super::noise::{Feature, Noise};
use super::{AsRead, Encoder, Lesson, Plain, Read, Sort};
use crate::graph::Pass;
use crate::parameters::{Declared, Part};
use crate::standard::{Standard, Sums};

pub(super) const SORT: Sort = Sort { kind: KIND, takes, together: false, learn, load };
const KIND: &str = "vectors";

fn takes(column: &Column) -> bool {
    let tokens = matches!(column.layout, Some(Layout::Tokens { .. }));
    matches!(column.kind, Kind::Vector { sparse: false, .. }) && !tokens
}

struct Vector {
    column: String,
    parts: Vec<Standard>,
    marked: bool,
}

fn learn(lesson: &Lesson<'_>) -> Result<Box<dyn Encoder>> {
    let column = lesson.column()?;
    let Kind::Vector { len, .. } = column.kind else {
        return Err(Error::internal(format!("'{}' is not a vector", column.name)));
    };
    let mut sums = vec![Sums::default(); len];
    let mut marked = false;
    lesson.scan(|batch, weights| {
        let (values, array) = (batch.vector(lesson.places[0])?, batch.column(lesson.places[0]));
        for (i, (row, &weight)) in values.chunks_exact(len.max(1)).zip(weights).enumerate() {
            if array.is_null(i) {
                marked |= weight > 0.0;
                continue;
            }
            sums.iter_mut().zip(row).for_each(|(sums, &x)| sums.add(f64::from(x), weight));
        }
        Ok(())
    })?;
    let parts = sums.iter().map(Sums::standard).collect();
    Ok(Box::new(Vector { column: column.name.clone(), parts, marked }))
}

impl Vector {
    fn put(&self, values: Option<&[f32]>, into: &mut Vec<f32>) {
        match values {
            None => into.resize(into.len() + self.parts.len(), 0.0),
            Some(values) => into.extend(self.parts.iter().zip(values).map(|(part, &x)| {
                let x = part.apply(f64::from(x));
                if x.is_nan() { 0.0 } else { x }
            })),
        }
        if self.marked {
            into.push(f32::from(u8::from(values.is_none())));
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    column: String,
    len: usize,
    marked: bool,
}

fn load(state: &State) -> Result<Box<dyn Encoder>> {
    let saved: Saved = state.params()?;
    let (centres, factors) = (state.floats_of("centres", saved.len)?, state.floats_of("factors", saved.len)?);
    let parts = centres.iter().zip(factors).map(|(&centre, &factor)| Standard { centre, factor }).collect();
    Ok(Box::new(Vector { column: saved.column, parts, marked: saved.marked }))
}

impl Encoder for Vector {
    fn columns(&self) -> Vec<&str> {
        vec![&self.column]
    }

    fn check(&self, _: usize, column: &Column) -> Result<()> {
        let wanted = self.parts.len();
        match column.kind {
            Kind::Vector { len, sparse: false } if len == wanted => Ok(()),
            Kind::Vector { len, sparse: false } => Err(Error::data(
                format!("'{}' has {len} numbers a row, the model was fitted on {wanted}", column.name),
                "prepare the column as it was prepared for training",
            )),
            found => {
                let wanted = "a dense vector".into();
                Err(Error::WrongKind { column: column.name.clone(), found, wanted })
            }
        }
    }

    fn width(&self) -> usize {
        self.parts.len() + usize::from(self.marked)
    }

    fn declare(&self) -> Vec<Declared> {
        Vec::new()
    }

    fn read(&self, batch: &Batch, places: &[usize], rows: Range<usize>, into: &mut Read) -> Result<()> {
        let (values, array, len) = (batch.vector(places[0])?, batch.column(places[0]), self.parts.len());
        for i in rows {
            self.put(array.is_valid(i).then(|| &values[i * len..(i + 1) * len]), &mut into.numbers);
        }
        Ok(())
    }

    fn read_row(&self, row: &Row, places: &[usize], into: &mut Read) -> Result<()> {
        match row.cells.get(places[0]) {
            Some(Cell::Vector(values)) if values.len() == self.parts.len() => {
                self.put(Some(values), &mut into.numbers);
            }
            Some(Cell::Missing) => self.put(None, &mut into.numbers),
            other => return Err(Error::internal(format!("'{}' came as {other:?}", self.column))),
        }
        Ok(())
    }

    fn corrupt(&self, read: &mut Read, noise: &Noise, random: &mut Random) {
        let mut features: Vec<Feature> =
            self.parts.iter().map(|_| Feature { width: 1, marked: false, standard: true }).collect();
        features.extend(self.marked.then_some(Feature { width: 0, marked: true, standard: false }));
        noise.numbers(read, &features, random);
        if self.marked {
            // Of a vector that is missing no part is known.
            let rows = read.numbers.chunks_exact_mut(self.width());
            let missing = rows.filter(|row| row.last().is_some_and(|mark| *mark > 0.0));
            missing.for_each(|row| row[..self.parts.len()].fill(0.0));
        }
    }

    fn forward(&self, read: &Read, pass: &Pass<'_>) -> Result<Tensor<2>> {
        Ok(pass.numbers(read.numbers.clone(), [read.n_rows, self.width()]))
    }

    fn plain(&self, _: Part<'_>) -> Box<dyn Plain> {
        Box::new(AsRead)
    }

    fn state(&self) -> State {
        let centres: Vec<f64> = self.parts.iter().map(|part| part.centre).collect();
        let factors: Vec<f64> = self.parts.iter().map(|part| part.factor).collect();
        let saved = Saved { column: self.column.clone(), len: self.parts.len(), marked: self.marked };
        State::new(KIND, 1, saved).floats("centres", &centres).floats("factors", &factors)
    }
}

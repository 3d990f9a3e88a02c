//! A sparse vector: the weighted sum of a learned vector for each of its places, as PyTorch's `EmbeddingBag`.

use std::ops::Range;

use arrow_array::Array;
use burn::tensor::{IndexingUpdateOp, Tensor};
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Cell, Column, Error, Kind, Result, Row, State};

use super::{ByHand, Encoder, Kept, Lesson, Plain, Read, Sort};
use crate::graph::{Chance, Pass};
use crate::parameters::{Declared, Part, Start};

pub(super) const SORT: Sort = Sort { kind: KIND, takes, together: false, learn, load };
const KIND: &str = "sparse";

/// Numbers that a sparse vector becomes, unless the first hidden layer is narrower.
const WIDTH: usize = 64;

fn takes(column: &Column) -> bool {
    matches!(column.kind, Kind::Vector { sparse: true, .. })
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bag {
    column: String,
    len: usize,
    width: usize,
}

fn learn(lesson: &Lesson<'_>) -> Result<Box<dyn Encoder>> {
    let column = lesson.column()?;
    let Kind::Vector { len, .. } = column.kind else {
        return Err(Error::internal(format!("'{}' is not a vector", column.name)));
    };
    let width = lesson.options.hidden.first().copied().unwrap_or(WIDTH).min(WIDTH);
    Ok(Box::new(Bag { column: column.name.clone(), len, width }))
}

fn load(state: &State) -> Result<Box<dyn Encoder>> {
    let bag: Bag = state.params()?;
    if bag.width == 0 {
        return Err(Error::state(&state.kind, "a width of 0"));
    }
    Ok(Box::new(bag))
}

impl Bag {
    fn put(&self, places: &[u32], values: &[f32], into: &mut Read) {
        into.codes.extend_from_slice(places);
        into.numbers.extend_from_slice(values);
        into.ends.push(into.codes.len());
    }
}

impl Encoder for Bag {
    fn columns(&self) -> Vec<&str> {
        vec![&self.column]
    }

    fn check(&self, _: usize, column: &Column) -> Result<()> {
        match column.kind {
            Kind::Vector { len, sparse: true } if len == self.len => Ok(()),
            Kind::Vector { len, sparse: true } => Err(Error::data(
                format!("'{}' has {len} places, the model was fitted on {}", column.name, self.len),
                "prepare the column as it was prepared for training",
            )),
            found => {
                let wanted = "a sparse vector".into();
                Err(Error::WrongKind { column: column.name.clone(), found, wanted })
            }
        }
    }

    fn width(&self) -> usize {
        self.width
    }

    /// Another table has other terms.
    fn parts(&self) -> Option<Vec<String>> {
        None
    }

    /// Rows of weights of terms have a length of 1: so does what they become, about.
    fn declare(&self) -> Vec<Declared> {
        let name = format!("bags.{}.weight", self.column);
        vec![Declared::new(name, &[self.len, self.width], Start::Uniform(0.5))]
    }

    fn read(&self, batch: &Batch, places: &[usize], rows: Range<usize>, into: &mut Read) -> Result<()> {
        let (sparse, array) = (batch.sparse(places[0])?, batch.column(places[0]));
        for i in rows {
            let range = if array.is_valid(i) { sparse.range(i) } else { 0..0 };
            self.put(&sparse.indices[range.clone()], &sparse.values[range], into);
        }
        Ok(())
    }

    fn read_row(&self, row: &Row, places: &[usize], into: &mut Read) -> Result<()> {
        match row.cells.get(places[0]) {
            Some(Cell::Sparse(terms, values)) => self.put(terms, values, into),
            Some(Cell::Missing) => self.put(&[], &[], into),
            other => return Err(Error::internal(format!("'{}' came as {other:?}", self.column))),
        }
        Ok(())
    }

    fn forward(&self, read: &Read, pass: &Pass<'_>) -> Result<Tensor<2>> {
        let sums = pass.numbers(vec![0.0; read.n_rows * self.width], [read.n_rows, self.width]);
        let n = read.codes.len();
        if n == 0 {
            return Ok(sums);
        }
        let vectors = pass.parameter::<2>(0)?.select(0, pass.codes(&read.codes, [n]));
        let weighted = vectors * pass.numbers(read.numbers.clone(), [n, 1]);
        let starts = std::iter::once(0).chain(read.ends.iter().copied());
        let rows = starts.zip(&read.ends).enumerate();
        let rows: Vec<u32> =
            rows.flat_map(|(i, (start, &end))| std::iter::repeat_n(i as u32, end - start)).collect();
        Ok(sums.select_assign(0, pass.codes(&rows, [n]), weighted, IndexingUpdateOp::Add))
    }

    fn by_hand(&self) -> Option<&dyn ByHand> {
        Some(self)
    }

    fn plain(&self, parameters: Part<'_>) -> Box<dyn Plain> {
        Box::new(PlainBag { width: self.width, table: parameters.array(0).to_vec() })
    }

    fn state(&self) -> State {
        State::new(KIND, 1, self)
    }
}

struct PlainBag {
    width: usize,
    table: Vec<f32>,
}

impl Plain for PlainBag {
    fn run(&self, read: &Read, out: &mut [f32]) {
        weigh(&self.table, self.width, read, out);
    }
}

/// The places and values of each row.
fn rows(read: &Read) -> impl Iterator<Item = (&[u32], &[f32])> {
    let starts = std::iter::once(0).chain(read.ends.iter().copied());
    starts.zip(&read.ends).map(|(start, &end)| (&read.codes[start..end], &read.numbers[start..end]))
}

fn weigh(table: &[f32], width: usize, read: &Read, out: &mut [f32]) {
    out.fill(0.0);
    for ((places, values), out) in rows(read).zip(out.chunks_exact_mut(width)) {
        for (&place, &value) in places.iter().zip(values) {
            let vector = &table[place as usize * width..(place as usize + 1) * width];
            out.iter_mut().zip(vector).for_each(|(out, w)| *out += value * w);
        }
    }
}

impl ByHand for Bag {
    fn run(&self, read: &Read, parameters: Part<'_>, _: &Chance, out: &mut [f32]) -> Kept {
        weigh(parameters.array(0), self.width, read, out);
        None
    }

    fn back(&self, read: &Read, _: Part<'_>, _: Kept, slopes: &[f32], gradient: &mut [f32]) {
        for ((places, values), slopes) in rows(read).zip(slopes.chunks_exact(self.width)) {
            for (&place, &value) in places.iter().zip(values) {
                let to = &mut gradient[place as usize * self.width..(place as usize + 1) * self.width];
                to.iter_mut().zip(slopes).for_each(|(to, d)| *to += value * d);
            }
        }
    }
}

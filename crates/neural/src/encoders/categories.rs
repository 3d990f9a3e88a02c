//! A category: each name that occurs has a place of its own in a table of vectors that are learned.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::Array;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Categories, Cell, Column, Error, Kind, Result, Row, State, TensorData};
use tidemill_kernel::Random;

use super::noise::Noise;
use super::{ByHand, Encoder, Kept, Lesson, Plain, Read, Sort};
use crate::graph::{Chance, Pass};
use crate::parameters::{Declared, Part, Start};

pub(super) const SORT: Sort = Sort { kind: KIND, takes, together: false, learn, load };
const KIND: &str = "categories";

fn takes(column: &Column) -> bool {
    column.kind == Kind::Category
}

/// The place of missing values in the table, and that of names that had no training row.
const MISSING: u32 = 0;
const UNSEEN: u32 = 1;

struct Category {
    column: String,
    names: Arc<Categories>,
    /// For each code, and last for that of unseen names, its place in the table.
    places: Vec<u32>,
}

impl Category {
    fn of(column: String, names: Arc<Categories>, seen: &[bool]) -> Self {
        let mut next = UNSEEN;
        let place = |&seen: &bool| {
            next += u32::from(seen);
            if seen { next } else { UNSEEN }
        };
        let mut places: Vec<u32> = seen.iter().map(place).collect();
        places.push(UNSEEN);
        Category { column, names, places }
    }

    fn place(&self, code: u32) -> u32 {
        self.places.get(code as usize).copied().unwrap_or(UNSEEN)
    }

    fn n_places(&self) -> usize {
        self.places.iter().max().map_or(2, |&most| most.max(UNSEEN) as usize + 1)
    }
}

/// So many numbers for a table of `n` names: fastai's rule, which was found by trying on many tables.
fn width(n: usize) -> usize {
    ((1.6 * (n as f64).powf(0.56)).round() as usize).clamp(1, 600)
}

fn learn(lesson: &Lesson<'_>) -> Result<Box<dyn Encoder>> {
    let column = lesson.column()?;
    let names = column.categories()?.clone();
    let mut seen = vec![false; names.len()];
    lesson.scan(|batch, weights| {
        let codes = batch.codes(lesson.places[0])?;
        for (i, &weight) in weights.iter().enumerate() {
            if weight > 0.0
                && codes.is_valid(i)
                && let Some(seen) = seen.get_mut(codes.value(i) as usize)
            {
                *seen = true;
            }
        }
        Ok(())
    })?;
    Ok(Box::new(Category::of(column.name.clone(), names, &seen)))
}

#[derive(Serialize, Deserialize)]
struct Saved {
    column: String,
    names: Vec<String>,
}

fn load(state: &State) -> Result<Box<dyn Encoder>> {
    let saved: Saved = state.params()?;
    let names = Categories::new(&saved.names);
    match state.tensors.get("seen").map(|t| &t.data) {
        Some(TensorData::U8(seen)) if seen.len() == names.len() => {
            let seen: Vec<bool> = seen.iter().map(|&s| s != 0).collect();
            Ok(Box::new(Category::of(saved.column, names, &seen)))
        }
        _ => Err(Error::state(&state.kind, "tensor 'seen' should have a byte for each name")),
    }
}

impl Encoder for Category {
    fn columns(&self) -> Vec<&str> {
        vec![&self.column]
    }

    fn check(&self, _: usize, column: &Column) -> Result<()> {
        if column.kind != Kind::Category {
            let wanted = "a category".into();
            return Err(Error::WrongKind { column: column.name.clone(), found: column.kind, wanted });
        }
        if *column.categories()? != self.names {
            return Err(Error::data(
                format!("the names of category '{}' are not those of training", column.name),
                "read the column as it was read for training",
            ));
        }
        Ok(())
    }

    fn width(&self) -> usize {
        width(self.n_places() - 2)
    }

    fn operations(&self) -> usize {
        self.width()
    }

    /// All places start at 0: a name that training never met, or met once, then says little rather than something
    /// random. The layer behind tells the numbers of a place apart.
    fn declare(&self) -> Vec<Declared> {
        let name = format!("embeddings.{}.weight", self.column);
        vec![Declared::new(name, &[self.n_places(), self.width()], Start::Zeros)]
    }

    fn read(&self, batch: &Batch, places: &[usize], rows: Range<usize>, into: &mut Read) -> Result<()> {
        let codes = batch.codes(places[0])?;
        let place = |i| if codes.is_valid(i) { self.place(codes.value(i)) } else { MISSING };
        into.codes.extend(rows.map(place));
        Ok(())
    }

    fn read_row(&self, row: &Row, places: &[usize], into: &mut Read) -> Result<()> {
        into.codes.push(match row.cells.get(places[0]) {
            Some(Cell::Code(code)) => self.place(*code),
            Some(Cell::Missing) => MISSING,
            other => return Err(Error::internal(format!("'{}' came as {other:?}", self.column))),
        });
        Ok(())
    }

    fn corrupt(&self, read: &mut Read, noise: &Noise, random: &mut Random) {
        noise.codes(read, MISSING, random);
    }

    fn forward(&self, read: &Read, pass: &Pass<'_>) -> Result<Tensor<2>> {
        Ok(pass.parameter::<2>(0)?.select(0, pass.codes(&read.codes, [read.n_rows])))
    }

    fn by_hand(&self) -> Option<&dyn ByHand> {
        Some(self)
    }

    fn plain(&self, parameters: Part<'_>) -> Box<dyn Plain> {
        Box::new(Lookup { width: self.width(), table: parameters.array(0).to_vec() })
    }

    fn state(&self) -> State {
        let names = self.names.names().iter().map(|n| n.to_string()).collect();
        let seen = self.places[..self.names.len()].iter().map(|&p| u8::from(p != UNSEEN)).collect();
        let saved = Saved { column: self.column.clone(), names };
        State::new(KIND, 1, saved).tensor("seen", vec![self.names.len()], TensorData::U8(seen))
    }
}

struct Lookup {
    width: usize,
    table: Vec<f32>,
}

impl Plain for Lookup {
    fn run(&self, read: &Read, out: &mut [f32]) {
        look_up(&self.table, self.width, read, out);
    }
}

fn look_up(table: &[f32], width: usize, read: &Read, out: &mut [f32]) {
    for (&place, out) in read.codes.iter().zip(out.chunks_exact_mut(width)) {
        let from = place as usize * width;
        out.copy_from_slice(&table[from..from + width]);
    }
}

impl ByHand for Category {
    fn run(&self, read: &Read, parameters: Part<'_>, _: &Chance, out: &mut [f32]) -> Kept {
        look_up(parameters.array(0), self.width(), read, out);
        None
    }

    fn back(&self, read: &Read, _: Part<'_>, _: Kept, slopes: &[f32], gradient: &mut [f32]) {
        let width = self.width();
        for (&place, slopes) in read.codes.iter().zip(slopes.chunks_exact(width)) {
            let to = &mut gradient[place as usize * width..(place as usize + 1) * width];
            to.iter_mut().zip(slopes).for_each(|(to, d)| *to += d);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_rows_share_the_place_of_unseen_ones() {
        let names = Categories::new(["a", "b", "c"]);
        let category = Category::of("x".into(), names, &[true, false, true]);
        assert_eq!([0, 1, 2, 3, 9].map(|code| category.place(code)), [2, UNSEEN, 3, UNSEEN, UNSEEN]);
        assert_eq!(category.n_places(), 4);
    }

    /// Widths that fastai's `emb_sz_rule` gives.
    #[test]
    fn widths_follow_the_rule() {
        assert_eq!([2, 3, 10, 100, 1_000, 100_000].map(width), [2, 3, 6, 21, 77, 600]);
    }
}

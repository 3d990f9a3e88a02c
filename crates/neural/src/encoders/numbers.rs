//! Numbers and flags: standardised, or laid out over the pieces of their range; a mark where one can be missing.

use std::ops::Range;

use arrow_array::Array;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Cell, Column, Error, Kind, Result, Row, State};
use tidemill_kernel::Random;
use tidemill_kernel::sketch::Quantiles;

use super::noise::{Feature, Noise};
use super::{AsRead, Encoder, Lesson, Plain, Read, Sort};
use crate::NumberEncoding;
use crate::graph::Pass;
use crate::parameters::{Declared, Part};
use crate::standard::{Standard, Sums};

pub(super) const SORT: Sort = Sort { kind: KIND, takes, together: true, learn, load };
const KIND: &str = "numbers";

fn takes(column: &Column) -> bool {
    matches!(column.kind, Kind::Number | Kind::Flag)
}

/// One column: what its number becomes.
#[derive(Debug, PartialEq)]
struct Number {
    name: String,
    kind: Kind,
    scale: Scale,
    /// Whether a mark says that the number is missing: where one was in training.
    marked: bool,
}

#[derive(Debug, PartialEq)]
enum Scale {
    Standard(Standard),
    /// The ends of the pieces, rising: one number for each piece, from 0 at its start to 1 at its end (Gorishniy et al. 2022,
    /// "On embeddings for numerical features in tabular deep learning"). The outer pieces go on beyond their ends.
    Pieces(Vec<f64>),
}

/// Beyond the outer ends, pieces go on to so many times their width.
const FURTHEST_PIECE: f64 = 100.0;

impl Scale {
    fn width(&self) -> usize {
        match self {
            Scale::Standard(_) => 1,
            Scale::Pieces(ends) => ends.len() - 1,
        }
    }

    fn put(&self, x: f64, into: &mut Vec<f32>) {
        match self {
            Scale::Standard(standard) => into.push(standard.apply(x)),
            Scale::Pieces(ends) => {
                let last = ends.len() - 2;
                for (t, w) in ends.windows(2).enumerate() {
                    let share = (x - w[0]) / (w[1] - w[0]);
                    let low = if t == 0 { -FURTHEST_PIECE } else { 0.0 };
                    let high = if t == last { FURTHEST_PIECE } else { 1.0 };
                    into.push(share.clamp(low, high) as f32);
                }
            }
        }
    }
}

impl Number {
    fn width(&self) -> usize {
        self.scale.width() + usize::from(self.marked)
    }

    /// `NaN` is missing: the mean, and the mark.
    fn put(&self, x: f64, into: &mut Vec<f32>) {
        if x.is_nan() {
            into.resize(into.len() + self.scale.width(), 0.0);
        } else {
            self.scale.put(x, into);
        }
        if self.marked {
            into.push(f32::from(u8::from(x.is_nan())));
        }
    }
}

#[derive(Debug, PartialEq)]
struct Numbers(Vec<Number>);

/// Column `at` of a batch as numbers, `NaN` where missing.
fn values(batch: &Batch, at: usize, rows: Range<usize>) -> Result<Vec<f64>> {
    if batch.schema().columns()[at].kind == Kind::Flag {
        let flags = batch.flags(at)?;
        let value = |i| if flags.is_valid(i) { f64::from(u8::from(flags.value(i))) } else { f64::NAN };
        return Ok(rows.map(value).collect());
    }
    let numbers = batch.numbers(at)?;
    Ok(rows.map(|i| if numbers.is_valid(i) { numbers.value(i) } else { f64::NAN }).collect())
}

fn learn(lesson: &Lesson<'_>) -> Result<Box<dyn Encoder>> {
    let mut sums = vec![Sums::default(); lesson.places.len()];
    let mut spreads = vec![Quantiles::default(); lesson.places.len()];
    let pieces = lesson.options.numbers == NumberEncoding::PiecewiseLinear;
    lesson.scan(|batch, weights| {
        for ((sums, spread), &at) in sums.iter_mut().zip(&mut spreads).zip(lesson.places) {
            let mut values = values(batch, at, 0..batch.n_rows())?;
            values.iter().zip(weights).for_each(|(&x, &w)| sums.add(x, w));
            if pieces {
                values.iter_mut().filter(|x| x.is_infinite()).for_each(|x| *x = f64::NAN);
                spread.extend(&values);
            }
        }
        Ok(())
    })?;
    let learned = lesson.columns().zip(sums).zip(spreads).map(|((column, sums), spread)| {
        let ends = if pieces { ends(&spread, lesson.options.pieces) } else { Vec::new() };
        let scale = if ends.len() > 2 { Scale::Pieces(ends) } else { Scale::Standard(sums.standard()) };
        Number { name: column.name.clone(), kind: column.kind, scale, marked: sums.gaps }
    });
    Ok(Box::new(Numbers(learned.collect())))
}

/// The ends of at most `n` pieces that hold equally many values. Fewer than two pieces are of no use.
fn ends(spread: &Quantiles, n: usize) -> Vec<f64> {
    let ranked = spread.ranked();
    if ranked.is_empty() {
        return Vec::new();
    }
    let mut ends: Vec<f64> = (0..=n).map(|i| ranked.quantile(i as f64 / n as f64)).collect();
    ends.dedup();
    ends
}

/// What is saved beside the tensors.
#[derive(Serialize, Deserialize)]
struct Saved {
    columns: Vec<SavedNumber>,
}

#[derive(Serialize, Deserialize)]
struct SavedNumber {
    name: String,
    flag: bool,
    marked: bool,
    /// How many ends its pieces have; 0 where it is standardised.
    ends: usize,
}

fn load(state: &State) -> Result<Box<dyn Encoder>> {
    let saved: Saved = state.params()?;
    let n = saved.columns.iter().map(|c| if c.ends == 0 { 2 } else { c.ends }).sum();
    let mut floats = state.floats_of("scales", n)?;
    let mut columns = Vec::with_capacity(saved.columns.len());
    for column in saved.columns {
        let (own, rest) = floats.split_at(if column.ends == 0 { 2 } else { column.ends });
        floats = rest;
        let scale = match column.ends {
            0 => Scale::Standard(Standard { centre: own[0], factor: own[1] }),
            1 | 2 => return Err(Error::state(&state.kind, "fewer than two pieces")),
            _ if own.windows(2).all(|w| w[0] < w[1]) => Scale::Pieces(own.to_vec()),
            _ => return Err(Error::state(&state.kind, "the ends of pieces do not rise")),
        };
        let kind = if column.flag { Kind::Flag } else { Kind::Number };
        columns.push(Number { name: column.name, kind, scale, marked: column.marked });
    }
    Ok(Box::new(Numbers(columns)))
}

impl Encoder for Numbers {
    fn columns(&self) -> Vec<&str> {
        self.0.iter().map(|number| number.name.as_str()).collect()
    }

    fn column_of(&self, at: usize) -> &str {
        let ends = self.0.iter().scan(0, |end, number| {
            *end += number.width();
            Some(*end)
        });
        let of = ends.zip(&self.0).find(|(end, _)| at < *end);
        of.map_or("", |(_, number)| &number.name)
    }

    fn check(&self, i: usize, column: &Column) -> Result<()> {
        let wanted = self.0[i].kind;
        if column.kind == wanted {
            return Ok(());
        }
        let wanted = format!("a {}", wanted.word());
        Err(Error::WrongKind { column: column.name.clone(), found: column.kind, wanted })
    }

    fn width(&self) -> usize {
        self.0.iter().map(Number::width).sum()
    }

    fn declare(&self) -> Vec<Declared> {
        Vec::new()
    }

    fn read(&self, batch: &Batch, places: &[usize], rows: Range<usize>, into: &mut Read) -> Result<()> {
        let columns = places.iter().map(|&at| values(batch, at, rows.clone())).collect::<Result<Vec<_>>>()?;
        into.numbers.reserve(rows.len() * self.width());
        for i in 0..rows.len() {
            for (number, values) in self.0.iter().zip(&columns) {
                number.put(values[i], &mut into.numbers);
            }
        }
        Ok(())
    }

    fn read_row(&self, row: &Row, places: &[usize], into: &mut Read) -> Result<()> {
        for (number, &at) in self.0.iter().zip(places) {
            let x = match row.cells.get(at) {
                Some(Cell::Flag(flag)) => f64::from(u8::from(*flag)),
                Some(cell) => cell.number()?,
                None => return Err(Error::internal(format!("a row without a cell for '{}'", number.name))),
            };
            number.put(x, &mut into.numbers);
        }
        Ok(())
    }

    fn corrupt(&self, read: &mut Read, noise: &Noise, random: &mut Random) {
        let feature = |number: &Number| Feature {
            width: number.scale.width(),
            marked: number.marked,
            standard: matches!(number.scale, Scale::Standard(_)),
        };
        noise.numbers(read, &self.0.iter().map(feature).collect::<Vec<_>>(), random);
    }

    fn forward(&self, read: &Read, pass: &Pass<'_>) -> Result<Tensor<2>> {
        Ok(pass.numbers(read.numbers.clone(), [read.n_rows, self.width()]))
    }

    fn plain(&self, _: Part<'_>) -> Box<dyn Plain> {
        Box::new(AsRead)
    }

    fn state(&self) -> State {
        let mut scales = Vec::new();
        let columns = self.0.iter().map(|number| {
            let ends = match &number.scale {
                Scale::Standard(standard) => {
                    scales.extend([standard.centre, standard.factor]);
                    0
                }
                Scale::Pieces(ends) => {
                    scales.extend(ends);
                    ends.len()
                }
            };
            let flag = number.kind == Kind::Flag;
            SavedNumber { name: number.name.clone(), flag, marked: number.marked, ends }
        });
        let saved = Saved { columns: columns.collect() };
        State::new(KIND, 1, saved).floats("scales", &scales)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The encoding of Gorishniy et al. 2022, equation 1, of 2.5 over the pieces 0-1, 1-2, 2-4, 4-8, by hand.
    #[test]
    fn pieces_before_the_value_are_full_and_those_behind_empty() {
        let scale = Scale::Pieces(vec![0.0, 1.0, 2.0, 4.0, 8.0]);
        let mut out = Vec::new();
        scale.put(2.5, &mut out);
        assert_eq!(out, [1.0, 1.0, 0.25, 0.0]);
        out.clear();
        scale.put(12.0, &mut out);
        assert_eq!(out, [1.0, 1.0, 1.0, 2.0]);
        out.clear();
        scale.put(-0.5, &mut out);
        assert_eq!(out, [-0.5, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_missing_number_is_the_mean_with_a_mark() {
        let scale = Scale::Standard(Standard { centre: 3.0, factor: 0.5 });
        let number = Number { name: "x".into(), kind: Kind::Number, scale, marked: true };
        let mut out = Vec::new();
        number.put(f64::NAN, &mut out);
        number.put(5.0, &mut out);
        assert_eq!(out, [0.0, 1.0, 1.0, 0.0]);
    }
}

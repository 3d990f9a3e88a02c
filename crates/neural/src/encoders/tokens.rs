//! A text as tokens: a small transformer encoder, whose states are averaged over the text.
//!
//! Padding is never computed: the tokens of all rows of a batch stand one after the other in one matrix.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::Array;
use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Cell, Column, Error, KeyPath, Kind, Layout, Result, Row, State};

use super::transformer::{PlainTransformer, Transformer};
use super::{Encoder, Lesson, Plain, Read, Sort, channels};
use crate::graph::Pass;
use crate::ops::segments::Segments;
use crate::parameters::{Declared, Part};

pub(super) const SORT: Sort = Sort { kind: KIND, takes, together: false, learn, load };
const KIND: &str = "tokens";

/// How texts, as tokens, come into a net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// Numbers of a token's state, a multiple of `heads` up to 4096.
    pub width: usize,
    /// Heads of attention, from 1 up.
    pub heads: usize,
    /// Layers of the encoder, from 0 (the mean of embeddings) to 32.
    pub layers: usize,
}

impl Default for Tokens {
    fn default() -> Self {
        Tokens { width: 64, heads: 4, layers: 2 }
    }
}

impl Tokens {
    pub(crate) fn check(&self) -> Result<(), KeyPath> {
        let Tokens { width, heads, layers } = *self;
        if heads == 0 || !(1..=4096).contains(&width) || !width.is_multiple_of(heads) {
            let problem = format!("is {width}, but must be a multiple of the {heads} heads from 1 to 4096");
            return Err(KeyPath::new("width", problem));
        }
        if layers > 32 {
            return Err(KeyPath::new("layers", format!("is {layers}, but must be from 0 to 32")));
        }
        Ok(())
    }
}

fn takes(column: &Column) -> bool {
    channels::takes(column, |layout| matches!(layout, Layout::Tokens { .. }))
}

struct Text {
    column: String,
    layout: Layout,
    dropout: f32,
    transformer: Transformer,
    options: Tokens,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    column: String,
    layout: Layout,
    longest: usize,
    options: Tokens,
}

fn learn(lesson: &Lesson<'_>) -> Result<Box<dyn Encoder>> {
    let column = lesson.column()?;
    let (Kind::Vector { len: longest, .. }, Some(layout)) = (column.kind, column.layout) else {
        return Err(Error::internal(format!("'{}' has no tokens", column.name)));
    };
    let (column, options) = (column.name.clone(), lesson.options.tokens.clone());
    Ok(Box::new(Text::new(Saved { column, layout, longest, options }, lesson.options.dropout as f32)?))
}

fn load(state: &State) -> Result<Box<dyn Encoder>> {
    let saved: Saved = state.params()?;
    saved.options.check().map_err(|e| Error::state(&state.kind, format!("{}: {}", e.path, e.problem)))?;
    Ok(Box::new(Text::new(saved, 0.0)?))
}

impl Text {
    fn new(Saved { column, layout, longest, options }: Saved, dropout: f32) -> Result<Self> {
        let Layout::Tokens { vocabulary } = layout else {
            return Err(Error::internal(format!("'{column}' has no tokens")));
        };
        let Tokens { width, heads, layers } = options;
        let transformer = Transformer { vocabulary, longest, width, heads, layers };
        Ok(Text { column, layout, dropout, transformer, options })
    }

    /// The tokens of a row: its places in the vocabulary up to the first 0. What is not a place in it says nothing.
    fn put(&self, row: Option<&[f32]>, into: &mut Read) {
        let tokens = row.unwrap_or_default().iter().map(|&token| token as u32).take_while(|&token| token > 0);
        into.codes.extend(tokens.filter(|&token| (token as usize) < self.transformer.vocabulary));
        into.ends.push(into.codes.len());
    }
}

/// The rows that `read` holds.
fn segments(read: &Read) -> Segments {
    let starts = std::iter::once(0).chain(read.ends.iter().copied());
    Segments::of_lengths(starts.zip(&read.ends).map(|(start, end)| end - start))
}

/// Each token with its place in its text.
fn places(read: &Read, segments: &Segments) -> Vec<[u32; 2]> {
    let place = |rows: Range<usize>| rows.clone().map(move |at| (at, (at - rows.start) as u32));
    segments.iter().flat_map(place).map(|(at, place)| [read.codes[at], place]).collect()
}

impl Encoder for Text {
    fn columns(&self) -> Vec<&str> {
        vec![&self.column]
    }

    fn check(&self, _: usize, column: &Column) -> Result<()> {
        channels::check(column, self.layout)?;
        match column.kind {
            Kind::Vector { len, .. } if len <= self.transformer.longest => Ok(()),
            _ => Err(Error::data(
                format!("'{}' has longer texts than the model was fitted on", column.name),
                "prepare the column as it was prepared for training",
            )),
        }
    }

    fn width(&self) -> usize {
        self.transformer.width
    }

    fn declare(&self) -> Vec<Declared> {
        self.transformer.declare(&format!("{KIND}.{}", self.column))
    }

    fn operations(&self) -> usize {
        self.transformer.operations()
    }

    fn read(&self, batch: &Batch, places: &[usize], rows: Range<usize>, into: &mut Read) -> Result<()> {
        let (values, array) = (batch.vector(places[0])?, batch.column(places[0]));
        let Kind::Vector { len, .. } = batch.schema().columns()[places[0]].kind else {
            return Err(Error::internal(format!("'{}' is not a vector", self.column)));
        };
        for i in rows {
            self.put(array.is_valid(i).then(|| &values[i * len..(i + 1) * len]), into);
        }
        Ok(())
    }

    fn read_row(&self, row: &Row, places: &[usize], into: &mut Read) -> Result<()> {
        match row.cells.get(places[0]) {
            Some(Cell::Vector(values)) if values.len() <= self.transformer.longest => {
                self.put(Some(values), into)
            }
            Some(Cell::Missing) => self.put(None, into),
            other => return Err(Error::internal(format!("'{}' came as {other:?}", self.column))),
        }
        Ok(())
    }

    fn forward(&self, read: &Read, pass: &Pass<'_>) -> Result<Tensor<2>> {
        let segments = segments(read);
        if segments.n_rows() == 0 {
            // Nothing, but of the graph: whoever asks for gradients finds them to be 0.
            let nothing = pass.parameter::<2>(0)?.narrow(0, 0, 1).mul_scalar(0.0);
            return Ok(nothing.repeat_dim(0, read.n_rows));
        }
        self.transformer.forward(Arc::new(places(read, &segments)), &segments, self.dropout, pass)
    }

    fn plain(&self, parameters: Part<'_>) -> Box<dyn Plain> {
        Box::new(PlainText(self.transformer.plain(parameters)))
    }

    fn state(&self) -> State {
        let (column, layout, longest) = (self.column.clone(), self.layout, self.transformer.longest);
        State::new(KIND, 1, Saved { column, layout, longest, options: self.options.clone() })
    }
}

struct PlainText(PlainTransformer);

impl Plain for PlainText {
    fn run(&self, read: &Read, out: &mut [f32]) {
        let segments = segments(read);
        let places = places(read, &segments);
        let width = out.len() / read.n_rows.max(1);
        for (rows, out) in segments.iter().zip(out.chunks_exact_mut(width.max(1))) {
            self.0.row(&places[rows], out);
        }
    }

    fn attention(&self, read: &Read) -> Option<Vec<Vec<f32>>> {
        let segments = segments(read);
        let places = places(read, &segments);
        Some(segments.iter().map(|rows| self.0.rollout(&places[rows])).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::device::Arithmetic;

    use super::*;
    use crate::graph::{Chance, Leaves, numbers_of};
    use crate::parameters::Parameters;

    fn text() -> Text {
        let layout = Layout::Tokens { vocabulary: 9 };
        let options = Tokens { width: 4, heads: 2, layers: 1 };
        Text::new(Saved { column: "text".into(), layout, longest: 5, options }, 0.1).unwrap()
    }

    #[test]
    fn a_row_ends_at_its_first_zero_and_knows_no_other_tokens() {
        let (text, mut read) = (text(), Read::default());
        text.put(Some(&[3.0, 8.0, 9.0, 0.0, 2.0]), &mut read);
        text.put(None, &mut read);
        text.put(Some(&[1.0]), &mut read);
        assert_eq!(
            (read.codes.as_slice(), read.ends.as_slice()),
            ([3, 8, 1].as_slice(), [2, 2, 3].as_slice())
        );
        assert_eq!(places(&read, &segments(&read)), [[3, 0], [8, 1], [1, 0]]);
    }

    #[test]
    fn rows_without_a_token_are_zeros_without_slopes() {
        let (text, mut read) = (text(), Read { n_rows: 3, ..Read::default() });
        (0..3).for_each(|_| text.put(Some(&[0.0; 5]), &mut read));
        let parameters = Parameters::start(text.declare(), 1);
        let leaves = Leaves::of(&parameters, parameters.declared().len(), &Arithmetic::plain()).tracked();
        let chance = Chance::new(1);
        let answer = text.forward(&read, &leaves.training_pass(&chance)).unwrap();
        assert_eq!(numbers_of(answer.clone()).unwrap(), [0.0; 12]);
        assert!(leaves.gradient(&answer.sum()).unwrap().iter().all(|g| *g == 0.0));
    }
}

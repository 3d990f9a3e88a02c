//! From weighted terms to sparse vectors, for a batch and for one row alike.

use arrow_array::{Array, ArrayRef, StringArray};
use rayon::prelude::*;
use tidemill_core::{Cell, Error, Result, sparse_vector};

use crate::mapping::{Bound, ColumnOf, wrong_cell};

/// Rows that a thread takes at a time.
const CHUNK: usize = 256;

/// What gives each term of a text its place and weight.
pub(crate) trait WeightedTerms: Sync {
    /// How many places there are.
    fn n_parts(&self) -> usize;

    /// The places of the text's terms, ascending, each once, with their weights, into `out`, which is empty.
    fn weigh(&self, text: &str, out: &mut Vec<(u32, f64)>);

    /// The cell of one text.
    fn cell(&self, text: &str) -> Cell {
        let mut terms = Vec::new();
        self.weigh(text, &mut terms);
        let (places, values) = terms.into_iter().map(|(place, value)| (place, value as f32)).unzip();
        Cell::Sparse(places, values)
    }
}

impl<T: WeightedTerms + Send> Bound for T {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        Ok(vec![sparse_rows(self, from.texts()?)?])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        out.push(match cell {
            Cell::Missing => Cell::Sparse(Vec::new(), Vec::new()),
            Cell::Text(text) => self.cell(&text),
            other => return Err(wrong_cell("a text", &other)),
        });
        Ok(())
    }
}

/// The vectors of many texts; a missing one has no term.
fn sparse_rows(of: &impl WeightedTerms, texts: &StringArray) -> Result<ArrayRef> {
    let starts: Vec<usize> = (0..texts.len()).step_by(CHUNK).collect();
    let chunk = |start: usize| {
        let (mut terms, mut lengths) = (Vec::new(), Vec::new());
        let (mut places, mut values) = (Vec::new(), Vec::new());
        for i in start..texts.len().min(start + CHUNK) {
            terms.clear();
            if texts.is_valid(i) {
                of.weigh(texts.value(i), &mut terms);
            }
            lengths.push(terms.len());
            places.extend(terms.iter().map(|(place, _)| *place));
            values.extend(terms.iter().map(|(_, value)| *value as f32));
        }
        (lengths, places, values)
    };
    let chunks: Vec<_> = starts.into_par_iter().map(chunk).collect();
    let n: usize = chunks.iter().map(|(_, places, _)| places.len()).sum();
    if i32::try_from(n).is_err() {
        return Err(Error::data(
            format!("{n} terms in {} texts: more than a column can hold", texts.len()),
            "give fewer rows at a time",
        ));
    }
    let (mut offsets, mut places, mut values) = (vec![0i32], Vec::with_capacity(n), Vec::with_capacity(n));
    let mut end = 0i32;
    for (lengths, own_places, own_values) in chunks {
        offsets.extend(lengths.into_iter().map(|length| {
            end += length as i32;
            end
        }));
        places.extend(own_places);
        values.extend(own_values);
    }
    sparse_vector(offsets, places, values, of.n_parts(), None)
}

/// Sorts by place and adds up what stands at the same one; what comes to zero goes.
pub(crate) fn sum_up(terms: &mut Vec<(u32, f64)>) {
    terms.sort_unstable_by_key(|(place, _)| *place);
    terms.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    terms.retain(|(_, value)| *value != 0.0);
}

/// Brings the vector to length 1; one of zeros stays.
pub(crate) fn normalize(terms: &mut [(u32, f64)]) {
    let length = terms.iter().map(|(_, value)| value * value).sum::<f64>().sqrt();
    if length > 0.0 {
        terms.iter_mut().for_each(|(_, value)| *value /= length);
    }
}

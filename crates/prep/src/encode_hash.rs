//! `encode_hash`: each text column becomes one sparse vector column, a term's place being its hash.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result, Slot,
    State, Training,
};

use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved};
use crate::text::{TermReader, Terms, WeightedTerms};

/// Replaces each text column by one sparse vector column of the same name: each term is counted at the place that its hash
/// gives it, with the hash's sign, so that nothing has to be remembered and terms unknown in training count too.
///
/// Agrees with scikit-learn's `HashingVectorizer` (MurmurHash3, 32 bits, seed 0; Weinberger et al. 2009) where both cut words
/// alike. A missing text has no term. Places have no names; use `encode_tfidf` where the model must say which words count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EncodeHash {
    /// The columns to encode; by default, every text that is a feature.
    pub columns: Columns,
    /// How a text is cut into terms.
    pub terms: Terms,
    /// How many places there are, 2 to 16777216. With fewer, more terms share a place.
    pub places: usize,
    /// Whether each row is brought to length 1.
    pub normalize: bool,
}

impl Default for EncodeHash {
    fn default() -> Self {
        EncodeHash { columns: Columns::default(), terms: Terms::default(), places: 1 << 18, normalize: true }
    }
}

const MOST_PLACES: usize = 1 << 24;

impl Estimator for EncodeHash {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for EncodeHash {
    const KIND: &'static str = "encode_hash";

    fn check(&self) -> Result<(), KeyPath> {
        self.terms.check("terms")?;
        if (2..=MOST_PLACES).contains(&self.places) {
            return Ok(());
        }
        Err(KeyPath::new("places", format!("must be from 2 to {MOST_PLACES}; it is {}", self.places)))
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for EncodeHash {
    const SLOT: Slot = Slot::Text;
    const DONE: &'static str = "counts of hashed terms";
}

impl ColumnStep for EncodeHash {
    type Learned = Hashed;
    const WANTED: &'static str = "a text";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Text
    }

    fn learn(&self, _: ColumnOf<'_>, _: &mut Notes) -> Result<Hashed> {
        Ok(Hashed { terms: self.terms.clone(), places: self.places, normalize: self.normalize })
    }
}

/// Nothing is learned: only the settings are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hashed {
    terms: Terms,
    places: usize,
    normalize: bool,
}

impl Learned for Hashed {
    fn save(&self) -> Saved {
        Saved::new(self, Vec::new())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let hashed: Hashed = saved.read()?;
        hashed.terms.check("terms").map_err(|e| format!("{} {}", e.path, e.problem))?;
        if (2..=MOST_PLACES).contains(&hashed.places) { Ok(hashed) } else { Err("too many places".into()) }
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let column = Column::new(&input.name, Kind::Vector { len: self.places, sparse: true });
        Ok(vec![column.derived_from(input).with_role(input.role)])
    }

    fn bind(&self, _: &Column) -> Result<Box<dyn Bound>> {
        Ok(Box::new(BoundHash {
            reader: self.terms.reader(),
            places: self.places,
            normalize: self.normalize,
        }))
    }
}

struct BoundHash {
    reader: TermReader,
    places: usize,
    normalize: bool,
}

impl WeightedTerms for BoundHash {
    fn n_parts(&self) -> usize {
        self.places
    }

    fn weigh(&self, text: &str, out: &mut Vec<(u32, f64)>) {
        self.reader.terms(text, |term| {
            let hash = murmur3(term.as_bytes()) as i32;
            out.push((hash.unsigned_abs() % self.places as u32, if hash < 0 { -1.0 } else { 1.0 }));
        });
        crate::text::sum_up(out);
        if self.normalize {
            crate::text::normalize(out);
        }
    }
}

/// MurmurHash3 of 32 bits with seed 0 (Appleby 2011, public domain).
fn murmur3(bytes: &[u8]) -> u32 {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    let mixed = |word: u32| word.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let little = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte));
    let mut blocks = bytes.chunks_exact(4);
    let mut hash = 0u32;
    for block in &mut blocks {
        hash = (hash ^ mixed(little(block))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    hash ^= mixed(little(blocks.remainder())) ^ bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers of scikit-learn 1.9.1: `sklearn.utils.murmurhash3_32(text, seed=0, positive=True)`.
    #[test]
    fn hashes_are_those_of_scikit_learn() {
        let expected: [(&str, u32); 5] = [
            ("", 0),
            ("a", 1_009_084_850),
            ("lord", 3_354_745_405),
            ("the lord", 3_651_414_208),
            ("été", 865_297_935),
        ];
        for (text, hash) in expected {
            assert_eq!(murmur3(text.as_bytes()), hash, "{text}");
        }
    }
}

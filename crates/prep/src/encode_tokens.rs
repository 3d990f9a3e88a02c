//! `encode_tokens`: each text column becomes a vector of the ids of its tokens, in their order.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow_array::{Array, ArrayRef, StringArray};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Cell, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind, Layout,
    Registry, Result, Slot, State, Training, dense_vector,
};
use tidemill_kernel::reduce::in_chunks;

use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Mapping, Notes, Saved};
use crate::text::bpe::{NOTHING, Tokenizer, Vocabulary, pieces};
use crate::text::{Cleaner, MOST_BYTES, cut};

/// Rows that one thread takes at a time.
const ROWS: usize = 512;
/// Without a length of its own, a column is read so far that this share of the training texts is whole…
const WHOLE: f64 = 0.99;
/// …but no further than this.
const LONGEST: usize = 256;
/// Ids are 32-bit floats in the vector: beyond this they would no longer be exact.
const MOST_IDS: usize = 1 << 24;

/// Replaces each text column by a dense vector of the same name that holds, in the order of the text, the ids of its tokens: whole
/// words where they are frequent, else parts of words, down to characters (byte pair encoding, learned from the training
/// texts). Id 0 fills the end, 1 stands for a character that training did not have. For learners that read the order of
/// words: nets.
///
/// Texts are brought to one form of Unicode (NFKC) and cut by UAX 29 first. A missing text has no token. What lies behind `length`
/// tokens is not read. Tokens agree with those of the `tokenizers` library on the same words.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::StringArray;
/// use tidemill_core::{Batch, Column, Context, Estimator, Kind, Schema, Table, Training};
/// let schema = Arc::new(Schema::new(vec![Column::new("note", Kind::Text)])?);
/// let notes = StringArray::from(vec!["big big dog", "big"]);
/// let table = Table::new(Batch::new(schema, vec![Arc::new(notes)])?);
/// let step = tidemill_prep::EncodeTokens::default();
/// let (_, encoded) = step.fit_apply(Training::on(&table), &Context::default())?;
/// let ids = encoded.batch().vector(0)?;
/// let (first, second) = ids.split_at(ids.len() / 2);
/// assert_eq!((first[0], first[1]), (second[0], second[0])); // `big` thrice
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EncodeTokens {
    /// The columns to encode; by default, every text that is a feature.
    pub columns: Columns,
    /// The most different tokens, from 3 up.
    pub vocabulary: usize,
    /// Pairs of tokens that occur less often are not joined, at least 1.
    pub min_count: u64,
    /// How many tokens of a text are read, at least 1; by default so many that 99% of the training texts are whole, but
    /// no more than 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// Whether case is ignored.
    pub lowercase: bool,
    /// Whether accents are ignored.
    pub strip_accents: bool,
}

impl Default for EncodeTokens {
    fn default() -> Self {
        EncodeTokens {
            columns: Columns::default(),
            vocabulary: 8_000,
            min_count: 2,
            length: None,
            lowercase: true,
            strip_accents: false,
        }
    }
}

impl Estimator for EncodeTokens {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let earlier = training.prior.and_then(|prior| prior.find::<Mapping<Tokens>>());
        let places = self.places(training.train.schema())?;
        let batch = training.train.collect()?;
        let learn = |from: ColumnOf<'_>, notes: &mut Notes| {
            // A net that goes on from an earlier one reads the tokens that it knows.
            let known = earlier.and_then(|earlier| self.known(earlier, &from.column().name));
            known.map_or_else(|| self.learn(from, notes), Ok)
        };
        Ok(Arc::new(mapping::learn_columns(Self::KIND, Self::VERSION, &batch, &places, context, learn)?))
    }
}

impl EncodeTokens {
    /// The tokens of a column in an earlier step that reads texts as this one does.
    fn known(&self, earlier: &Mapping<Tokens>, column: &str) -> Option<Tokens> {
        let (_, Tokens(known)) = earlier.learned().find(|(name, _)| *name == column)?;
        let alike = known.cleaning == self.cleaning() && self.length.is_none_or(|n| n == known.length);
        alike.then(|| Tokens(known.clone()))
    }

    fn cleaning(&self) -> Cleaning {
        Cleaning { lowercase: self.lowercase, strip_accents: self.strip_accents }
    }
}

impl Builtin for EncodeTokens {
    const KIND: &'static str = "encode_tokens";

    fn check(&self) -> Result<(), KeyPath> {
        if !(3..=MOST_IDS).contains(&self.vocabulary) {
            let problem = format!("must be from 3 to {MOST_IDS}; it is {}", self.vocabulary);
            return Err(KeyPath::new("vocabulary", problem));
        }
        if self.length == Some(0) {
            return Err(KeyPath::new("length", "must be at least 1; it is 0"));
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for EncodeTokens {
    const SLOT: Slot = Slot::Text;
    const DONE: &'static str = "divided into tokens";
}

impl ColumnStep for EncodeTokens {
    type Learned = Tokens;
    const WANTED: &'static str = "a text";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Text
    }

    fn learn(&self, from: ColumnOf<'_>, notes: &mut Notes) -> Result<Tokens> {
        let texts = from.texts()?;
        let cleaning = self.cleaning();
        let words = count(texts, cleaning.cleaner());
        let vocabulary = Vocabulary::learn(&words, self.vocabulary, self.min_count);
        if words.is_empty() {
            let name = &from.column().name;
            notes.warn("no_terms", format!("'{name}' has no word in any training row: it tells nothing"));
        }
        let mut known = Known::new(cleaning, vocabulary, LONGEST).map_err(Error::internal)?;
        known.length = self.length.unwrap_or_else(|| known.suited_length(texts));
        Ok(Tokens(Arc::new(known)))
    }
}

/// How often each piece of the texts occurs.
fn count(texts: &StringArray, cleaner: Cleaner) -> BTreeMap<String, u64> {
    let parts = in_chunks(texts.len(), ROWS, |rows| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for i in rows.filter(|&i| texts.is_valid(i)) {
            pieces(&cleaner.clean(cut(texts.value(i))), |piece| match counts.get_mut(piece) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(piece.into(), 1);
                }
            });
        }
        counts
    });
    // Whole numbers: the order in which they are added does not matter.
    parts.into_par_iter().reduce(BTreeMap::new, |a, b| {
        let (mut more, fewer) = if a.len() >= b.len() { (a, b) } else { (b, a) };
        fewer.into_iter().for_each(|(word, times)| *more.entry(word).or_default() += times);
        more
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cleaning {
    lowercase: bool,
    strip_accents: bool,
}

impl Cleaning {
    fn cleaner(self) -> Cleaner {
        Cleaner { lowercase: self.lowercase, strip_accents: self.strip_accents }
    }
}

/// The tokens of one column.
pub(crate) struct Tokens(Arc<Known>);

struct Known {
    cleaning: Cleaning,
    vocabulary: Vocabulary,
    length: usize,
    tokenizer: Tokenizer,
    /// The names of the places; made when they are first needed.
    parts: OnceLock<Arc<[String]>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedTokens {
    #[serde(flatten)]
    cleaning: Cleaning,
    vocabulary: Vocabulary,
    length: usize,
}

impl Known {
    fn new(cleaning: Cleaning, vocabulary: Vocabulary, length: usize) -> Result<Self, String> {
        let tokenizer = vocabulary.reader()?;
        Ok(Known { cleaning, vocabulary, length, tokenizer, parts: OnceLock::new() })
    }

    /// The ids of a text, `length` at most.
    fn ids(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        // A token holds a character at least: a text of a megabyte is not cut to its end for its first few tokens.
        pieces(&self.cleaning.cleaner().clean(cut(text)), |piece| {
            if ids.len() < self.length {
                self.tokenizer.encode(piece, &mut ids);
            }
        });
        ids.truncate(self.length);
        ids
    }

    /// What each id of a text stands for, in the form in which texts are read.
    fn divided(&self, text: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        pieces(&self.cleaning.cleaner().clean(cut(text)), |piece| {
            if tokens.len() < self.length {
                self.tokenizer.divide(piece, &mut tokens);
            }
        });
        tokens.truncate(self.length);
        tokens
    }

    fn suited_length(&self, texts: &StringArray) -> usize {
        let parts = in_chunks(texts.len(), ROWS, |rows| {
            rows.filter(|&i| texts.is_valid(i)).map(|i| self.ids(texts.value(i)).len()).collect::<Vec<_>>()
        });
        let mut lengths = parts.concat();
        lengths.sort_unstable();
        let at = (WHOLE * lengths.len() as f64).ceil() as usize;
        lengths.get(at.saturating_sub(1)).copied().unwrap_or(1).max(1)
    }

    /// The ids of a text as a row of the vector.
    fn row(&self, text: Option<&str>, out: &mut Vec<f32>) {
        let end = out.len() + self.length;
        if let Some(text) = text {
            out.extend(self.ids(text).into_iter().map(|id| id as f32));
        }
        out.resize(end, NOTHING as f32);
    }
}

impl Learned for Tokens {
    fn save(&self) -> Saved {
        let Known { cleaning, vocabulary, length, .. } = &*self.0;
        Saved::new(
            SavedTokens { cleaning: *cleaning, vocabulary: vocabulary.clone(), length: *length },
            vec![],
        )
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let SavedTokens { cleaning, vocabulary, length } = saved.read()?;
        // As many as a text can have characters.
        if length == 0 || length > MOST_BYTES {
            return Err(format!("{length} is not a number of tokens to read"));
        }
        Ok(Tokens(Arc::new(Known::new(cleaning, vocabulary, length)?)))
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let name = |at| format!("{}: token {at}", input.name);
        let parts = self.0.parts.get_or_init(|| (1..=self.0.length).map(name).collect()).clone();
        let layout = Layout::Tokens { vocabulary: self.0.vocabulary.len() };
        Ok(vec![
            Column::vector(&input.name, parts).with_layout(layout).derived_from(input).with_role(input.role),
        ])
    }

    fn bind(&self, _: &Column) -> Result<Box<dyn Bound>> {
        Ok(Box::new(BoundTokens(self.0.clone())))
    }
}

/// What each token of a text stands for, where a fitted step divides the texts of this column into tokens: together, but for spaces,
/// the text in the form in which it is read.
pub fn tokens_of_text(step: &Arc<dyn Fitted>, column: &str, text: &str) -> Option<Vec<String>> {
    let step: &dyn Any = &**step;
    let mapping: &Mapping<Tokens> = step.downcast_ref()?;
    let (_, tokens) = mapping.learned().find(|(name, _)| *name == column)?;
    Some(tokens.0.divided(text))
}

struct BoundTokens(Arc<Known>);

impl Bound for BoundTokens {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let texts = from.texts()?;
        let parts = in_chunks(texts.len(), ROWS, |rows| {
            let mut out = Vec::with_capacity(rows.len() * self.0.length);
            rows.for_each(|i| self.0.row(texts.is_valid(i).then(|| texts.value(i)), &mut out));
            out
        });
        Ok(vec![dense_vector(parts.concat(), self.0.length)?])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let mut row = Vec::with_capacity(self.0.length);
        match &cell {
            Cell::Text(text) => self.0.row(Some(text), &mut row),
            Cell::Missing => self.0.row(None, &mut row),
            other => return Err(Error::internal(format!("a text was promised, {other:?} came"))),
        }
        out.push(Cell::Vector(row));
        Ok(())
    }
}

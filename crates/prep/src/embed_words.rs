//! `embed_words`: each text column becomes one dense vector column, the mean of its words' vectors.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow_array::{Array, ArrayRef};
use hashbrown::HashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Cell, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind, Registry,
    Result, Slot, State, Training, dense_vector,
};
use tidemill_kernel::reduce::in_chunks;

use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved};
use crate::text::{TermReader, Terms, Unit};
use crate::word_vectors::file::{self, WordVectors};
use crate::word_vectors::glove::{self, Glove};
use crate::word_vectors::word2vec::{self, Word2Vec};
use crate::word_vectors::{Corpus, axpy};

/// Rows that one thread takes at a time.
const ROWS: usize = 256;
/// Words that are read from texts in all, where the number of passes is not said.
const WORDS_READ: usize = 1_000_000;
/// The fewest and the most passes then.
const PASSES: [usize; 2] = [5, 50];
/// The passes of GloVe over its counts.
const GLOVE_PASSES: usize = 25;

/// How vectors of words are learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WordMethod {
    /// word2vec with negative sampling (Mikolov et al. 2013).
    #[default]
    Word2vec,
    /// GloVe (Pennington, Socher and Manning 2014).
    Glove,
}

/// How word2vec predicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// A word from each of those around it: better for few texts and rare words.
    #[default]
    SkipGram,
    /// A word from the mean of those around it: quicker.
    Cbow,
}

/// Replaces each text column by one dense vector column of the same name: the mean of its words' vectors, so that texts of like
/// words lie near each other although they share none. The vectors are learned from the column, or read from a file.
///
/// word2vec learns as gensim's `Word2Vec` does (skip-gram or CBOW with negative sampling), GloVe as the program of its authors. The same texts and seed give
/// the same vectors on any number of threads. Unknown words are ignored; a text without any known word, and a
/// missing one, are zeros. Reads the first megabyte of a text.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_prep::EmbedWords;
/// assert!(EmbedWords { dimensions: 0, ..EmbedWords::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmbedWords {
    /// The columns to embed; by default, every text that is a feature.
    pub columns: Columns,
    /// How the vectors are learned.
    pub method: WordMethod,
    /// A file of vectors to use instead of learning any: word2vec's text or binary format, or GloVe's. The words of the training
    /// texts are taken from it, and of the others the first, up to `max_words`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vectors: Option<String>,
    /// How a text is cut into words.
    pub terms: Terms,
    /// Numbers per word, 1 to 1000; those of the file where one is named.
    pub dimensions: usize,
    /// How many words around a word are looked at, on each side; at least 1.
    pub window: usize,
    /// Words that occur fewer times in training are left out.
    pub min_count: usize,
    /// The most words whose vectors are kept, at least 1; the most frequent.
    pub max_words: usize,
    /// Passes over the texts (of GloVe: over its counts); by default 25 for GloVe, else as many as read a million words, from 5 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// By how much is moved at first; by default 0.025 for word2vec, 0.05 for GloVe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Of word2vec: how it predicts.
    #[schemars(extend("with" = { "key": "method", "is": ["word2vec"], "name": "architecture" }))]
    pub architecture: Architecture,
    /// Of word2vec: how many words are drawn at random for each that is right, at least 1.
    #[schemars(extend("with" = { "key": "method", "is": ["word2vec"], "name": "negative" }))]
    pub negative: usize,
    /// Of word2vec: words of more than this share of all are left out at random; 0 leaves none out.
    #[schemars(extend("with" = { "key": "method", "is": ["word2vec"], "name": "sample" }))]
    pub sample: f64,
    /// Whether words of few training texts weigh more in the mean: `ln((1 + rows) / (1 + rows with it)) + 1`.
    pub idf: bool,
}

impl Default for EmbedWords {
    fn default() -> Self {
        EmbedWords {
            columns: Columns::default(),
            method: WordMethod::default(),
            vectors: None,
            terms: Terms::default(),
            dimensions: 100,
            window: 5,
            min_count: 2,
            max_words: 50_000,
            epochs: None,
            rate: None,
            architecture: Architecture::default(),
            negative: 5,
            sample: 1e-3,
            idf: true,
        }
    }
}

impl Estimator for EmbedWords {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let places = self.places(training.train.schema())?;
        let batch = training.train.collect()?;
        let learn = |from: ColumnOf<'_>, notes: &mut Notes| self.embed(from, notes, context);
        Ok(Arc::new(mapping::learn_columns(Self::KIND, Self::VERSION, &batch, &places, context, learn)?))
    }
}

impl Builtin for EmbedWords {
    const KIND: &'static str = "embed_words";

    fn check(&self) -> Result<(), KeyPath> {
        self.terms.check("terms")?;
        if self.terms.unit != Unit::Word || self.terms.ngrams != [1, 1] {
            return Err(KeyPath::new("terms", "must be single words: unit = \"word\", ngrams = [1, 1]"));
        }
        for (key, value) in [
            ("window", self.window),
            ("max_words", self.max_words),
            ("negative", self.negative),
            ("epochs", self.epochs.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err(KeyPath::new(key, "must be at least 1; it is 0"));
            }
        }
        if !(1..=1000).contains(&self.dimensions) {
            return Err(KeyPath::new("dimensions", format!("must be 1 to 1000; it is {}", self.dimensions)));
        }
        if let Some(rate) = self.rate.filter(|rate| !(*rate > 0.0 && *rate <= 1.0)) {
            return Err(KeyPath::new("rate", format!("must be above 0, up to 1; it is {rate}")));
        }
        if !(0.0..1.0).contains(&self.sample) {
            return Err(KeyPath::new(
                "sample",
                format!("must be 0 or a share below 1; it is {}", self.sample),
            ));
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for EmbedWords {
    const SLOT: Slot = Slot::Text;
    const DONE: &'static str = "the mean of its words' vectors";
}

impl ColumnStep for EmbedWords {
    type Learned = Embedded;
    const WANTED: &'static str = "a text";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Text
    }

    fn learn(&self, from: ColumnOf<'_>, notes: &mut Notes) -> Result<Embedded> {
        self.embed(from, notes, &Context::default())
    }
}

impl EmbedWords {
    fn embed(&self, from: ColumnOf<'_>, notes: &mut Notes, context: &Context) -> Result<Embedded> {
        let (texts, name) = (from.texts()?, &from.column().name);
        let reader = self.terms.reader();
        // With vectors from a file, a word that occurs once may well be known.
        let min_count = if self.vectors.is_some() { 1 } else { self.min_count as u64 };
        let corpus = Corpus::of(texts, &reader, min_count, self.max_words);
        let stream = context.with_stream(&format!("words of {name}"));
        let found = match &self.vectors {
            Some(path) => self.read(path, &corpus)?,
            None => WordVectors {
                words: corpus.words.clone(),
                dimensions: self.dimensions,
                numbers: self.numbers(&corpus, &stream)?,
            },
        };
        let rows: HashMap<&str, u64> =
            corpus.words.iter().map(String::as_str).zip(corpus.rows.iter().copied()).collect();
        // A file has words of its own, too.
        if !found.words.iter().any(|word| rows.contains_key(word.as_str())) {
            let why = match &self.vectors {
                Some(path) => format!("'{name}' has no word that {path} knows: it tells nothing"),
                None => {
                    format!("'{name}' has no word that occurs {} times: it tells nothing", self.min_count)
                }
            };
            notes.warn("no_terms", why);
        }
        let n_rows = texts.len() as f64;
        let rarity = |word: &String| {
            let rows = rows.get(word.as_str()).copied().unwrap_or(0);
            if self.idf { ((1.0 + n_rows) / (1 + rows) as f64).ln() + 1.0 } else { 1.0 }
        };
        let weights = found.words.iter().map(rarity).collect();
        Ok(Embedded(Arc::new(Known { terms: self.terms.clone(), weights, found, places: OnceLock::new() })))
    }

    fn read(&self, path: &str, corpus: &Corpus) -> Result<WordVectors> {
        let own: hashbrown::HashSet<&str> = corpus.words.iter().map(String::as_str).collect();
        let others = self.max_words.saturating_sub(own.len());
        file::read(Path::new(path), others, |word| own.contains(word))
    }

    fn numbers(&self, corpus: &Corpus, context: &Context) -> Result<Vec<f32>> {
        let (dimensions, window) = (self.dimensions, self.window);
        let rate = |usual: f64| self.rate.unwrap_or(usual) as f32;
        match self.method {
            WordMethod::Word2vec => {
                let [fewest, most] = PASSES;
                let passes = (WORDS_READ / corpus.tokens.len().max(1)).clamp(fewest, most);
                let settings = Word2Vec {
                    cbow: self.architecture == Architecture::Cbow,
                    dimensions,
                    window,
                    negative: self.negative,
                    epochs: self.epochs.unwrap_or(passes),
                    rate: rate(0.025),
                    sample: self.sample,
                };
                word2vec::learn(corpus, &settings, context)
            }
            WordMethod::Glove => {
                let epochs = self.epochs.unwrap_or(GLOVE_PASSES);
                glove::learn(corpus, &Glove { dimensions, window, epochs, rate: rate(0.05) }, context)
            }
        }
    }
}

/// The vectors of a column's words, and what each weighs.
pub(crate) struct Embedded(Arc<Known>);

struct Known {
    terms: Terms,
    found: WordVectors,
    weights: Vec<f64>,
    /// The place of each word; made when it is first needed, then shared by all that are bound.
    places: OnceLock<HashMap<String, usize>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedWords {
    terms: Terms,
    dimensions: usize,
    vocabulary: Vec<String>,
}

impl Known {
    fn places(&self) -> &HashMap<String, usize> {
        self.places.get_or_init(|| self.found.words.iter().cloned().zip(0..).collect())
    }

    /// The weighted mean of the vectors of a text's words; zeros for none.
    fn mean(&self, text: &str, reader: &TermReader, sums: &mut [f32]) {
        let places = self.places();
        let mut total = 0.0f32;
        sums.fill(0.0);
        reader.terms(text, |word| {
            let Some(&at) = places.get(word) else { return };
            let weight = self.weights[at] as f32;
            let from = at * self.found.dimensions;
            axpy(weight, &self.found.numbers[from..from + self.found.dimensions], sums);
            total += weight;
        });
        if total > 0.0 {
            sums.iter_mut().for_each(|sum| *sum /= total);
        }
    }
}

impl Learned for Embedded {
    fn save(&self) -> Saved {
        let Known { terms, found, weights, .. } = &*self.0;
        let words = SavedWords {
            terms: terms.clone(),
            dimensions: found.dimensions,
            vocabulary: found.words.clone(),
        };
        let numbers = found.numbers.iter().copied().map(f64::from);
        Saved::new(words, weights.iter().copied().chain(numbers).collect())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let SavedWords { terms, dimensions, vocabulary } = saved.read()?;
        terms.check("terms").map_err(|e| format!("{} {}", e.path, e.problem))?;
        let n = vocabulary.len();
        let wanted = dimensions.checked_add(1).and_then(|width| width.checked_mul(n));
        if dimensions == 0 || wanted != Some(saved.floats.len()) {
            return Err(format!("{} numbers are no vectors of {n} words", saved.floats.len()));
        }
        if saved.floats.iter().any(|x| !x.is_finite()) {
            return Err("a number is none".into());
        }
        let (weights, numbers) = saved.floats.split_at(n);
        let numbers = numbers.iter().map(|&x| x as f32).collect();
        Ok(Embedded(Arc::new(Known {
            terms,
            weights: weights.to_vec(),
            found: WordVectors { words: vocabulary, dimensions, numbers },
            places: OnceLock::new(),
        })))
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let dimensions = self.0.found.dimensions;
        let parts: Vec<String> = (1..=dimensions).map(|c| format!("{}: meaning {c}", input.name)).collect();
        Ok(vec![Column::vector(&input.name, parts).derived_from(input).with_role(input.role)])
    }

    fn bind(&self, _: &Column) -> Result<Box<dyn Bound>> {
        Ok(Box::new(BoundWords { reader: self.0.terms.reader(), known: self.0.clone() }))
    }
}

struct BoundWords {
    reader: TermReader,
    known: Arc<Known>,
}

impl Bound for BoundWords {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let (texts, dimensions) = (from.texts()?, self.known.found.dimensions);
        let parts = in_chunks(texts.len(), ROWS, |rows| {
            let mut out = vec![0.0; rows.len() * dimensions];
            for (i, mean) in rows.zip(out.chunks_exact_mut(dimensions)) {
                if texts.is_valid(i) {
                    self.known.mean(texts.value(i), &self.reader, mean);
                }
            }
            out
        });
        Ok(vec![dense_vector(parts.concat(), dimensions)?])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let mut mean = vec![0.0; self.known.found.dimensions];
        match cell {
            Cell::Text(text) => self.known.mean(&text, &self.reader, &mut mean),
            Cell::Missing => {}
            other => return Err(Error::internal(format!("a text was promised, {other:?} came"))),
        }
        out.push(Cell::Vector(mean));
        Ok(())
    }
}

/// The vectors in the saved state of an `embed_words`, by column.
///
/// # Errors
/// A state of another kind, or one that is damaged.
pub fn vectors_of_state(state: &State) -> Result<Vec<(String, WordVectors)>> {
    let mapping = mapping::load_columns::<Embedded>(EmbedWords::KIND, EmbedWords::VERSION, state)?;
    Ok(mapping.learned().map(|(name, embedded)| (name.to_string(), embedded.0.found.clone())).collect())
}

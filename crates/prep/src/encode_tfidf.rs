//! `encode_tfidf`: each text column becomes one sparse vector column of its terms' weights.

use std::sync::{Arc, OnceLock};

use arrow_array::{Array, StringArray};
use hashbrown::HashMap;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result, Slot,
    State, Training,
};

use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved};
use crate::text::{TermReader, Terms, WeightedTerms};

/// Rows that a thread counts at a time.
const CHUNK: usize = 1024;
/// The part of a column in which training had no term at all.
const NOTHING: &str = "(no term)";

/// Replaces each text column by one sparse vector column of the same name, whose parts are called `verse: lord`: how often
/// each term occurs in the text, times how rare it is among the training rows (TF-IDF), each row of length 1.
///
/// Agrees with scikit-learn's `TfidfVectorizer` where its pattern of words and the rules of Unicode (UAX 29) cut alike; the weight
/// of a term is `ln((1 + rows) / (1 + rows with it)) + 1`. A missing text has no term. Terms that did not occur in
/// training are ignored. Reads the first megabyte of a text.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::StringArray;
/// use tidemill_core::{Batch, Column, Context, Estimator, Kind, Schema, Table, Training};
/// let schema = Arc::new(Schema::new(vec![Column::new("note", Kind::Text)])?);
/// let notes = StringArray::from(vec!["big dog", "big cat"]);
/// let table = Table::new(Batch::new(schema, vec![Arc::new(notes)])?);
/// let step = tidemill_prep::EncodeTfidf { min_rows: 1, ..Default::default() };
/// let (_, encoded) = step.fit_apply(Training::on(&table), &Context::default())?;
/// let sparse = encoded.batch().sparse(0)?;
/// assert_eq!(sparse.indices, [0, 2, 0, 1]); // big, dog; big, cat
/// assert!(sparse.values[1] > sparse.values[0]);
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EncodeTfidf {
    /// The columns to encode; by default, every text that is a feature.
    pub columns: Columns,
    /// How a text is cut into terms.
    pub terms: Terms,
    /// Terms of fewer training rows are left out.
    pub min_rows: usize,
    /// Terms of more than this share of the training rows are left out, above 0 up to 1.
    pub max_share: f64,
    /// The most terms a column may have, at least 1; the most frequent are kept.
    pub max_terms: usize,
    /// Whether a term that occurs `n` times counts `1 + ln(n)` times only.
    pub sublinear: bool,
    /// Whether rare terms weigh more.
    pub idf: bool,
    /// Whether each row is brought to length 1.
    pub normalize: bool,
}

impl Default for EncodeTfidf {
    fn default() -> Self {
        EncodeTfidf {
            columns: Columns::default(),
            terms: Terms::default(),
            min_rows: 2,
            max_share: 1.0,
            max_terms: 100_000,
            sublinear: true,
            idf: true,
            normalize: true,
        }
    }
}

impl Estimator for EncodeTfidf {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for EncodeTfidf {
    const KIND: &'static str = "encode_tfidf";

    fn check(&self) -> Result<(), KeyPath> {
        self.terms.check("terms")?;
        if self.max_terms == 0 {
            return Err(KeyPath::new("max_terms", "must be at least 1; it is 0"));
        }
        if self.max_share > 0.0 && self.max_share <= 1.0 {
            return Ok(());
        }
        Err(KeyPath::new("max_share", format!("must be above 0, up to 1; it is {}", self.max_share)))
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for EncodeTfidf {
    const SLOT: Slot = Slot::Text;
    const DONE: &'static str = "weights of terms";
}

impl ColumnStep for EncodeTfidf {
    type Learned = TfIdf;
    const WANTED: &'static str = "a text";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Text
    }

    fn learn(&self, from: ColumnOf<'_>, notes: &mut Notes) -> Result<TfIdf> {
        let texts = from.texts()?;
        let counted = count(texts, &self.terms.reader());
        let n_rows = texts.len();
        let most_rows = (self.max_share * n_rows as f64).floor() as usize;
        let kept = |c: &Counts| c.rows >= self.min_rows && c.rows <= most_rows;
        let mut known: Vec<(String, Counts)> = counted.into_iter().filter(|(_, c)| kept(c)).collect();
        if known.len() > self.max_terms {
            // The most frequent, as scikit-learn chooses; of equally frequent ones the first by name.
            known.sort_unstable_by(|a, b| b.1.times.cmp(&a.1.times).then_with(|| a.0.cmp(&b.0)));
            known.truncate(self.max_terms);
        }
        known.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        if known.is_empty() {
            let name = &from.column().name;
            let why =
                format!("'{name}' has no term that {} training rows share: it tells nothing", self.min_rows);
            notes.warn("no_terms", why);
            known.push((NOTHING.into(), Counts::default()));
        }
        let rarity = |c: &Counts| ((1 + n_rows) as f64 / (1 + c.rows) as f64).ln() + 1.0;
        let weights = known.iter().map(|(_, c)| if self.idf { rarity(c) } else { 1.0 }).collect();
        let settings =
            Settings { terms: self.terms.clone(), sublinear: self.sublinear, normalize: self.normalize };
        Ok(TfIdf::new(settings, known.into_iter().map(|(term, _)| term).collect(), weights))
    }
}

/// In how many rows a term is, and how often in all of them.
#[derive(Clone, Copy, Default)]
struct Counts {
    rows: usize,
    times: usize,
}

fn count(texts: &StringArray, reader: &TermReader) -> HashMap<String, Counts> {
    let chunks: Vec<usize> = (0..texts.len()).step_by(CHUNK).collect();
    let of_chunk = |start: usize| {
        let mut counts: HashMap<String, (Counts, usize)> = HashMap::new();
        for i in (start..texts.len().min(start + CHUNK)).filter(|&i| texts.is_valid(i)) {
            reader.terms(texts.value(i), |term| {
                let (counts, last) = counts.entry_ref(term).or_insert((Counts::default(), usize::MAX));
                counts.times += 1;
                counts.rows += usize::from(*last != i);
                *last = i;
            });
        }
        counts.into_iter().map(|(term, (counts, _))| (term, counts)).collect::<HashMap<_, _>>()
    };
    // Whole numbers: the order in which they are added does not matter.
    chunks.into_par_iter().map(of_chunk).reduce(HashMap::new, |a, b| {
        let (mut more, fewer) = if a.len() >= b.len() { (a, b) } else { (b, a) };
        for (term, counts) in fewer {
            let sum = more.entry(term).or_default();
            sum.rows += counts.rows;
            sum.times += counts.times;
        }
        more
    })
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    terms: Terms,
    sublinear: bool,
    normalize: bool,
}

/// The terms of one column in the order of their names, and the weight of each.
pub(crate) struct TfIdf(Arc<Known>);

struct Known {
    settings: Settings,
    terms: Vec<String>,
    weights: Vec<f64>,
    /// The place of each term; made when it is first needed, then shared by all that are bound.
    places: OnceLock<HashMap<String, u32>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedTfIdf {
    #[serde(flatten)]
    settings: Settings,
    vocabulary: Vec<String>,
}

impl TfIdf {
    fn new(settings: Settings, terms: Vec<String>, weights: Vec<f64>) -> Self {
        TfIdf(Arc::new(Known { settings, terms, weights, places: OnceLock::new() }))
    }
}

impl Known {
    fn places(&self) -> &HashMap<String, u32> {
        self.places.get_or_init(|| self.terms.iter().cloned().zip(0..).collect())
    }
}

impl Learned for TfIdf {
    fn save(&self) -> Saved {
        let saved = SavedTfIdf { settings: self.0.settings.clone(), vocabulary: self.0.terms.clone() };
        Saved::new(saved, self.0.weights.clone())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        let SavedTfIdf { settings, vocabulary } = saved.read()?;
        settings.terms.check("terms").map_err(|e| format!("{} {}", e.path, e.problem))?;
        if vocabulary.is_empty() || vocabulary.len() != saved.floats.len() {
            return Err(format!("{} terms have {} weights", vocabulary.len(), saved.floats.len()));
        }
        if vocabulary.windows(2).any(|w| w[0] >= w[1]) {
            return Err("the terms are out of order".into());
        }
        if saved.floats.iter().any(|w| !w.is_finite()) {
            return Err("a weight is not a number".into());
        }
        Ok(TfIdf::new(settings, vocabulary, saved.floats))
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let parts: Vec<String> = self.0.terms.iter().map(|term| format!("{}: {term}", input.name)).collect();
        Ok(vec![Column::sparse_vector(&input.name, parts).derived_from(input).with_role(input.role)])
    }

    fn bind(&self, _: &Column) -> Result<Box<dyn Bound>> {
        Ok(Box::new(BoundTfIdf { reader: self.0.settings.terms.reader(), known: self.0.clone() }))
    }
}

struct BoundTfIdf {
    reader: TermReader,
    known: Arc<Known>,
}

impl WeightedTerms for BoundTfIdf {
    fn n_parts(&self) -> usize {
        self.known.terms.len()
    }

    fn weigh(&self, text: &str, counts: &mut Vec<(u32, f64)>) {
        let places = self.known.places();
        self.reader.terms(text, |term| counts.extend(places.get(term).map(|&place| (place, 1.0))));
        crate::text::sum_up(counts);
        for (place, value) in counts.iter_mut() {
            let times = if self.known.settings.sublinear { 1.0 + value.ln() } else { *value };
            *value = times * self.known.weights[*place as usize];
        }
        if self.known.settings.normalize {
            crate::text::normalize(counts);
        }
    }
}

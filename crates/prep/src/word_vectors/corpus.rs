//! Texts as the numbers of their words.

use arrow_array::{Array, StringArray};
use hashbrown::HashMap;

use crate::text::{TermReader, Terms};

/// Texts as sequences of words, each word by its place in the vocabulary.
pub struct Corpus {
    /// The words, the most frequent first; of equally frequent ones the first by name.
    pub words: Vec<String>,
    /// How often each occurs.
    pub times: Vec<u64>,
    /// In how many texts each occurs.
    pub rows: Vec<u64>,
    /// The words of all texts, one text after the other.
    pub tokens: Vec<u32>,
    /// Where each text begins, and where the last one ends.
    pub starts: Vec<usize>,
}

/// How often a word occurs, in how many texts, and the last of these.
#[derive(Clone, Copy, Default)]
struct Counted {
    times: u64,
    rows: u64,
    last: Option<usize>,
}

impl Corpus {
    /// The corpus of a column: of its words those that occur at least `min_count` times, at most `most`, the most frequent.
    pub(crate) fn of(texts: &StringArray, reader: &TermReader, min_count: u64, most: usize) -> Self {
        let valid = || (0..texts.len()).filter(|&i| texts.is_valid(i));
        let mut counted: HashMap<String, Counted> = HashMap::new();
        for i in valid() {
            reader.terms(texts.value(i), |word| {
                let known = counted.entry_ref(word).or_default();
                known.times += 1;
                known.rows += u64::from(known.last != Some(i));
                known.last = Some(i);
            });
        }
        let mut kept: Vec<(String, Counted)> =
            counted.into_iter().filter(|(_, counted)| counted.times >= min_count).collect();
        kept.sort_unstable_by(|a, b| b.1.times.cmp(&a.1.times).then_with(|| a.0.cmp(&b.0)));
        kept.truncate(most);
        let places: HashMap<&str, u32> = kept.iter().map(|(word, _)| word.as_str()).zip(0..).collect();
        let (mut tokens, mut starts) = (Vec::new(), vec![0]);
        for i in valid() {
            reader.terms(texts.value(i), |word| tokens.extend(places.get(word)));
            starts.push(tokens.len());
        }
        drop(places);
        Corpus {
            times: kept.iter().map(|(_, counted)| counted.times).collect(),
            rows: kept.iter().map(|(_, counted)| counted.rows).collect(),
            words: kept.into_iter().map(|(word, _)| word).collect(),
            tokens,
            starts,
        }
    }

    /// The corpus of all words of these texts that occur at least `min_count` times, cut as `embed_words` cuts them without further word.
    pub fn of_texts(texts: &StringArray, min_count: u64) -> Self {
        Corpus::of(texts, &Terms::default().reader(), min_count, usize::MAX)
    }

    /// The texts.
    pub fn texts(&self) -> impl Iterator<Item = &[u32]> {
        self.starts.windows(2).map(|ends| &self.tokens[ends[0]..ends[1]])
    }
}

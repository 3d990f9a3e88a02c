//! Byte pair encoding: words as runs of a vocabulary's tokens, learned by joining what stands together most often.
//!
//! Source: Sennrich, Haddow and Birch 2016, "Neural machine translation of rare words with subword units"; that a word begins with
//! a mark of its own is from Kudo and Richardson 2018 (SentencePiece). Ties go to the pair of lower ids, as in the `tokenizers`
//! library, whose own trainer depends on the order of a randomly seeded hash table and so is not used.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

/// Stands before a word.
const START: char = '\u{2581}';
/// A word of more characters is read in pieces of so many.
const LONGEST: usize = 64;
/// The id that fills the end of a text.
pub(crate) const NOTHING: u32 = 0;
/// The id of characters that training did not have.
pub(crate) const UNKNOWN: u32 = 1;
/// The id of the first character.
const FIRST: u32 = 2;

type Pair = (u32, u32);

/// The words and marks of a text, those after a space (and the first) with the mark of a beginning.
pub(crate) fn pieces(text: &str, mut visit: impl FnMut(&str)) {
    let mut piece = String::new();
    let mut after_space = true;
    for word in text.split_word_bounds() {
        if word.chars().all(char::is_whitespace) {
            after_space = true;
            continue;
        }
        let mut characters = word.chars();
        loop {
            piece.clear();
            if after_space {
                piece.push(START);
            }
            piece.extend(characters.by_ref().take(LONGEST));
            if piece.is_empty() || (after_space && piece.len() == START.len_utf8()) {
                break;
            }
            visit(&piece);
            after_space = false;
        }
    }
}

/// The tokens of one column: single characters, and joins of two tokens, in the order in which they were learned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vocabulary {
    /// The characters, ascending.
    characters: String,
    /// The two ids of each join.
    joins: Vec<Pair>,
}

impl Vocabulary {
    /// Learns from words and how often each occurs: joins until there are `size` ids (0 and 1 among them) or no pair occurs
    /// `least` times.
    pub(crate) fn learn(words: &BTreeMap<String, u64>, size: usize, least: u64) -> Self {
        let alphabet: BTreeSet<char> = words.keys().flat_map(|word| word.chars()).collect();
        let ids: HashMap<char, u32> = alphabet.iter().copied().zip(FIRST..).collect();
        let of_word = |word: &String| word.chars().map(|c| ids[&c]).collect::<Vec<u32>>();
        let runs = words.iter().map(|(word, &times)| (of_word(word), times)).collect();
        let joins = Joining::of(runs).joins(FIRST + alphabet.len() as u32, size, least.max(1));
        Vocabulary { characters: alphabet.into_iter().collect(), joins }
    }

    /// How many ids there are, 0 and 1 among them.
    pub(crate) fn len(&self) -> usize {
        FIRST as usize + self.characters.chars().count() + self.joins.len()
    }

    /// How many characters each id stands for; an unknown one is a single character.
    fn lengths(&self) -> Vec<usize> {
        let mut lengths = vec![1; FIRST as usize + self.characters.chars().count()];
        for &(a, b) in &self.joins {
            lengths.push([a, b].map(|id| lengths.get(id as usize).copied().unwrap_or(1)).iter().sum());
        }
        lengths
    }

    /// Ready to read; errors when a join is made of ids that come after it.
    pub(crate) fn reader(&self) -> Result<Tokenizer, String> {
        let first_join = FIRST + self.characters.chars().count() as u32;
        let known = |(at, &(a, b)): (u32, &Pair)| a.max(b) < at && a.min(b) >= FIRST;
        if !(first_join..).zip(&self.joins).all(known) {
            return Err("a token is made of tokens that come after it".into());
        }
        let sorted = self.characters.chars().zip(self.characters.chars().skip(1)).all(|(a, b)| a < b);
        if !sorted {
            return Err("the characters are out of order".into());
        }
        Ok(Tokenizer {
            characters: self.characters.chars().zip(FIRST..).collect(),
            joins: self.joins.iter().copied().zip(first_join..).collect(),
            lengths: self.lengths(),
        })
    }
}

/// Turns words into ids.
pub(crate) struct Tokenizer {
    characters: HashMap<char, u32>,
    /// The id of each join; lower ones come first.
    joins: HashMap<Pair, u32>,
    lengths: Vec<usize>,
}

impl Tokenizer {
    /// Adds the ids of a piece.
    pub(crate) fn encode(&self, piece: &str, ids: &mut Vec<u32>) {
        let start = ids.len();
        ids.extend(piece.chars().map(|c| self.characters.get(&c).copied().unwrap_or(UNKNOWN)));
        loop {
            let pairs = ids[start..].windows(2).enumerate();
            let joined = pairs.filter_map(|(at, w)| Some((*self.joins.get(&(w[0], w[1]))?, start + at)));
            let Some((id, at)) = joined.min() else { return };
            ids[at] = id;
            ids.remove(at + 1);
        }
    }

    /// Adds what each id of a piece stands for; the mark of a beginning is a space.
    pub(crate) fn divide(&self, piece: &str, out: &mut Vec<String>) {
        let (mut ids, mut characters) = (Vec::new(), piece.chars());
        self.encode(piece, &mut ids);
        for id in ids {
            let n = self.lengths.get(id as usize).copied().unwrap_or(1);
            let character = |c| if c == START { ' ' } else { c };
            out.push(characters.by_ref().take(n).map(character).collect());
        }
    }
}

/// Words as runs of ids while pairs of them are joined.
struct Joining {
    runs: Vec<(Vec<u32>, u64)>,
    counts: HashMap<Pair, u64>,
    /// The runs that have (or had) a pair.
    places: HashMap<Pair, BTreeSet<u32>>,
}

impl Joining {
    fn of(runs: Vec<(Vec<u32>, u64)>) -> Self {
        let mut joining = Joining { runs: Vec::new(), counts: HashMap::new(), places: HashMap::new() };
        for (i, (run, times)) in runs.iter().enumerate() {
            joining.count(i as u32, run, *times);
        }
        Joining { runs, ..joining }
    }

    fn count(&mut self, i: u32, run: &[u32], times: u64) {
        for pair in run.windows(2) {
            *self.counts.entry((pair[0], pair[1])).or_default() += times;
            self.places.entry((pair[0], pair[1])).or_default().insert(i);
        }
    }

    fn joins(mut self, first: u32, size: usize, least: u64) -> Vec<Pair> {
        // Each pair at least once with its present count; entries that are out of date are put right when they come up.
        let mut heap: BinaryHeap<(u64, Reverse<Pair>)> =
            self.counts.iter().map(|(&pair, &count)| (count, Reverse(pair))).collect();
        let mut joins = Vec::new();
        while first as usize + joins.len() < size {
            let Some((count, Reverse(pair))) = heap.pop() else { break };
            let now = self.counts.get(&pair).copied().unwrap_or_default();
            if now != count {
                heap.extend((now > 0).then_some((now, Reverse(pair))));
                continue;
            }
            if now < least {
                break;
            }
            let id = first + joins.len() as u32;
            joins.push(pair);
            for new in self.join(pair, id) {
                heap.push((self.counts[&new], Reverse(new)));
            }
        }
        joins
    }

    /// Puts `id` in the place of the pair; the pairs that came of it.
    fn join(&mut self, pair: Pair, id: u32) -> BTreeSet<Pair> {
        let mut new = BTreeSet::new();
        for i in self.places.remove(&pair).unwrap_or_default() {
            let (run, times) = std::mem::take(&mut self.runs[i as usize]);
            for w in run.windows(2) {
                if let Some(count) = self.counts.get_mut(&(w[0], w[1])) {
                    *count -= times;
                }
            }
            let run = joined(&run, pair, id);
            self.count(i, &run, times);
            new.extend(run.windows(2).filter(|w| w.contains(&id)).map(|w| (w[0], w[1])));
            self.runs[i as usize] = (run, times);
        }
        self.counts.remove(&pair);
        new
    }
}

fn joined(run: &[u32], pair: Pair, id: u32) -> Vec<u32> {
    let mut out = Vec::with_capacity(run.len());
    let mut at = 0;
    while at < run.len() {
        let here = at + 1 < run.len() && (run[at], run[at + 1]) == pair;
        out.push(if here { id } else { run[at] });
        at += if here { 2 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
        list.iter().map(|(word, times)| (word.to_string(), *times)).collect()
    }

    /// The example of Sennrich et al. (figure 1): its first joins are `es`, `est`, `lo`.
    #[test]
    fn joins_what_stands_together_most_often() {
        let list = words(&[("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)]);
        let vocabulary = Vocabulary::learn(&list, 2 + 10 + 3, 1);
        // d e i l n o r s t w are 2 to 11.
        assert_eq!(vocabulary.characters, "deilnorstw");
        assert_eq!(vocabulary.joins, [(3, 9), (12, 10), (5, 7)]);
        let mut ids = Vec::new();
        vocabulary.reader().unwrap().encode("lowest?", &mut ids);
        assert_eq!(ids, [14, 11, 13, UNKNOWN]);
    }

    #[derive(Deserialize)]
    struct Reference {
        vocabulary: usize,
        min_count: u64,
        words: BTreeMap<String, u64>,
        size: usize,
        asked: Vec<(String, Vec<u32>)>,
    }

    /// Answers of the `tokenizers` library, stored with the program that asked it (`tests/reference/tokens.py`).
    #[test]
    fn ids_are_those_of_the_tokenizers_library() {
        let reference = include_str!("../../tests/reference/tokens.json");
        let reference: Reference = serde_json::from_str(reference).unwrap();
        let vocabulary = Vocabulary::learn(&reference.words, reference.vocabulary, reference.min_count);
        assert_eq!(vocabulary.len(), reference.size);
        let tokenizer = vocabulary.reader().unwrap();
        for (word, expected) in reference.asked {
            let mut ids = Vec::new();
            tokenizer.encode(&word, &mut ids);
            assert_eq!(ids, expected, "{word}");
        }
    }

    #[test]
    fn pieces_keep_where_words_begin_and_cut_what_is_endless() {
        let mut all = Vec::new();
        pieces(" In the end, it's  so", |piece| all.push(piece.to_string()));
        assert_eq!(all, ["▁In", "▁the", "▁end", ",", "▁it's", "▁so"]);
        let mut lengths = Vec::new();
        pieces(&"a".repeat(150), |piece| lengths.push(piece.chars().count()));
        assert_eq!(lengths, [LONGEST + 1, LONGEST, 150 - 2 * LONGEST]);
    }

    #[test]
    fn a_join_of_what_comes_later_is_refused() {
        let wrong = Vocabulary { characters: "ab".into(), joins: vec![(2, 4)] };
        assert!(wrong.reader().is_err());
        assert!(Vocabulary { characters: "ba".into(), joins: vec![] }.reader().is_err());
    }

    #[test]
    fn what_tokens_stand_for_is_the_text_again() {
        let mut words = BTreeMap::new();
        pieces("the other weather, the other", |piece| *words.entry(piece.to_string()).or_insert(0) += 1);
        let reader = Vocabulary::learn(&words, 40, 1).reader().unwrap();
        let mut found = Vec::new();
        pieces("the feather ☃!", |piece| reader.divide(piece, &mut found));
        assert_eq!(found.concat(), " the feather ☃!");
        assert_eq!(found[0], " the");
    }
}

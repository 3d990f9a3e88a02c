//! How near texts that were written come to texts that should have been: exact match, token F1, ROUGE, BLEU, chrF, edit distance; and
//! how much of them was seen in training.
//!
//! ```
//! use tidemill_eval::texts::Overlap;
//! let found = Overlap::of(&[("the cat sat", "the cat sat down")]);
//! assert_eq!((found.exact_match, found.token_f1), (0.0, 0.8));
//! ```

mod bleu;
mod chrf;
mod seen;

use std::collections::BTreeMap;

use serde::Serialize;

pub use bleu::bleu;
pub use chrf::chrf;
pub use seen::{Leak, Seen};

/// How near written texts come to their references: means over texts, but for BLEU and chrF, which are those of all texts together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Overlap {
    /// Texts.
    pub texts: usize,
    /// The share that is the reference, but for white space at both ends.
    pub exact_match: f64,
    /// The same without capitals, punctuation and English articles, as SQuAD counts it (Rajpurkar et al. 2016).
    pub exact_match_normalized: f64,
    /// The harmonic mean of the shares of words that both have, normalised as SQuAD does.
    pub token_f1: f64,
    /// F1 of single words (Lin 2004), without stemming.
    pub rouge_1: f64,
    /// F1 of pairs of words.
    pub rouge_2: f64,
    /// F1 of the longest sequence of words that both have.
    pub rouge_l: f64,
    /// BLEU of all texts, 0 to 100, as sacreBLEU counts it (tokens of mteval 13a, exponential smoothing).
    pub bleu: f64,
    /// chrF of all texts, 0 to 100, as sacreBLEU counts it (characters up to six, beta 2).
    pub chrf: f64,
    /// Characters to be changed, as a share of the longer text: 0 for equal ones (Levenshtein 1966).
    pub edit_distance: f64,
}

impl Overlap {
    /// Of pairs of what was written and what should have been. Without any, everything is `NaN`.
    pub fn of<T: AsRef<str>>(pairs: &[(T, T)]) -> Self {
        let n = pairs.len() as f64;
        let each: Vec<(&str, &str)> =
            pairs.iter().map(|(said, wanted)| (said.as_ref(), wanted.as_ref())).collect();
        let mean =
            |of: fn(&str, &str) -> f64| each.iter().map(|(said, wanted)| of(said, wanted)).sum::<f64>() / n;
        let empty = pairs.is_empty();
        Overlap {
            texts: pairs.len(),
            exact_match: mean(|said, wanted| f64::from(said.trim() == wanted.trim())),
            exact_match_normalized: mean(|said, wanted| f64::from(normalised(said) == normalised(wanted))),
            token_f1: mean(token_f1),
            rouge_1: mean(|said, wanted| rouge(said, wanted, 1)),
            rouge_2: mean(|said, wanted| rouge(said, wanted, 2)),
            rouge_l: mean(rouge_l),
            bleu: if empty { f64::NAN } else { bleu(&each) },
            chrf: if empty { f64::NAN } else { chrf(&each) },
            edit_distance: mean(edit_distance),
        }
    }
}

/// The words of a text as SQuAD compares them: small letters, no ASCII punctuation, no `a`, `an`, `the`.
fn normalised(text: &str) -> Vec<String> {
    let plain: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    let article = |word: &&str| matches!(*word, "a" | "an" | "the");
    plain.split_whitespace().filter(|word| !article(word)).map(String::from).collect()
}

/// F1 of the words of two texts; 1 where neither has any, as SQuAD has it.
pub fn token_f1(said: &str, wanted: &str) -> f64 {
    let (said, wanted) = (normalised(said), normalised(wanted));
    if said.is_empty() || wanted.is_empty() {
        return f64::from(said == wanted);
    }
    f1(shared(&counts(&said, 1), &counts(&wanted, 1)), said.len(), wanted.len())
}

/// F1 of runs of `n` words.
pub fn rouge(said: &str, wanted: &str, n: usize) -> f64 {
    let (said, wanted) = (words(said), words(wanted));
    let (a, b) = (counts(&said, n), counts(&wanted, n));
    f1(shared(&a, &b), a.values().sum(), b.values().sum())
}

/// F1 of the longest common subsequence of words.
pub fn rouge_l(said: &str, wanted: &str) -> f64 {
    let (said, wanted) = (words(said), words(wanted));
    let mut row = vec![0usize; wanted.len() + 1];
    for a in &said {
        let mut before = 0;
        for (j, b) in wanted.iter().enumerate() {
            let longest = if a == b { before + 1 } else { row[j + 1].max(row[j]) };
            before = row[j + 1];
            row[j + 1] = longest;
        }
    }
    f1(row[wanted.len()], said.len(), wanted.len())
}

/// The share of characters of the longer text that are to be replaced, put in or taken out.
pub fn edit_distance(said: &str, wanted: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (said.chars().collect(), wanted.chars().collect());
    let longer = a.len().max(b.len());
    if longer == 0 {
        return 0.0;
    }
    // What both begin and end with costs nothing.
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = before + usize::from(x != y);
            before = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()] as f64 / longer as f64
}

/// The words of a text as `rouge_score` cuts it: small letters and digits. Other letters than ASCII, which that drops, count as letters,
/// and each sign of Chinese and Japanese is a word.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for c in text.to_lowercase().chars() {
        if !c.is_alphanumeric() {
            open = false;
        } else if is_sign(c) || !open {
            words.push(c.into());
            open = !is_sign(c);
        } else if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words
}

/// Whether this is a character of a script that writes no spaces: Chinese and Japanese.
fn is_sign(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff)
}

/// How often each run of `n` comes.
pub(super) fn counts<T: Ord>(of: &[T], n: usize) -> BTreeMap<&[T], usize> {
    let mut counts = BTreeMap::new();
    of.windows(n).for_each(|run| *counts.entry(run).or_insert(0) += 1);
    counts
}

/// How many runs both have.
pub(super) fn shared<T: Ord>(a: &BTreeMap<&[T], usize>, b: &BTreeMap<&[T], usize>) -> usize {
    a.iter().map(|(run, n)| b.get(run).map_or(0, |m| *n.min(m))).sum()
}

fn f1(shared: usize, said: usize, wanted: usize) -> f64 {
    if shared == 0 { 0.0 } else { 2.0 * shared as f64 / (said + wanted) as f64 }
}

#[cfg(test)]
mod tests;

//! The words and the keys that training saw.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};
use tidemill_kernel::graph;
use tidemill_kernel::sketch::{hash_bytes, mix};
use tidemill_kernel::words::{Piece, pairs, pieces};
use unicode_normalization::UnicodeNormalization;

use super::{Unfamiliar, unfamiliar};
use crate::raw::Raw;

/// The most words of a column that are remembered.
const MOST_WORDS: usize = 100_000;
/// Bits for each word, of which [`PROBES`] are set: about one strange word in sixty is taken for a known one.
const BITS: usize = 10;
const PROBES: u64 = 3;

/// A set of words that forgets their letters: a Bloom filter (Bloom 1970) over the hashes of words in lower case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Vocabulary(Vec<u8>);

impl From<Vocabulary> for String {
    fn from(words: Vocabulary) -> String {
        STANDARD_NO_PAD.encode(words.0)
    }
}

impl TryFrom<String> for Vocabulary {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| "the words are not base64")?;
        if bytes.len().is_power_of_two() {
            Ok(Vocabulary(bytes))
        } else {
            Err("the words are cut off".into())
        }
    }
}

impl Vocabulary {
    /// The words of texts.
    pub(super) fn of<'a>(cells: impl Iterator<Item = Raw<'a>>) -> Option<Self> {
        let mut hashes = HashSet::new();
        for cell in cells {
            let Raw::Text(text) = cell else { continue };
            if hashes.len() >= MOST_WORDS {
                break;
            }
            words(text, |hash| {
                hashes.insert(hash);
            });
        }
        Vocabulary::of_hashes(&hashes)
    }

    /// The keys that rows and their lists of neighbours name.
    pub(super) fn of_keys<'a>(
        lists: impl Iterator<Item = &'a str>,
        keys: impl Iterator<Item = &'a str>,
    ) -> Option<Self> {
        let listed = lists.flat_map(graph::listed).map(|(key, _)| hash_bytes(key.as_bytes()));
        let hashes: HashSet<u64> = listed.chain(keys.map(|key| hash_bytes(key.trim().as_bytes()))).collect();
        // Where not all can be remembered, one that is not tells nothing.
        if hashes.len() <= MOST_WORDS { Vocabulary::of_hashes(&hashes) } else { None }
    }

    fn of_hashes(hashes: &HashSet<u64>) -> Option<Self> {
        if hashes.is_empty() {
            return None;
        }
        let mut found = Vocabulary(vec![0; (hashes.len() * BITS / 8).next_power_of_two().max(8)]);
        for hash in hashes.iter().copied() {
            let places = found.places(hash);
            places.for_each(|at| found.0[at / 8] |= 1 << (at % 8));
        }
        Some(found)
    }

    fn places(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let (bits, apart) = (self.0.len() as u64 * 8, mix(hash) | 1);
        (0..PROBES).map(move |i| (hash.wrapping_add(i.wrapping_mul(apart)) % bits) as usize)
    }

    fn knows(&self, hash: u64) -> bool {
        self.places(hash).all(|at| self.0[at / 8] & (1 << (at % 8)) != 0)
    }

    /// What is unfamiliar about a text.
    pub(super) fn judge(&self, text: &str) -> Option<Unfamiliar> {
        let (mut known, mut all) = (0usize, 0usize);
        words(text, |hash| {
            all += 1;
            known += usize::from(self.knows(hash));
        });
        match (known, all) {
            (_, 0) => unfamiliar("unknown_text", "it has no words; the model knows nothing of it"),
            (0, _) => {
                unfamiliar("unknown_text", "training saw none of its words; the model knows nothing of it")
            }
            _ if 2 * known < all => {
                unfamiliar("partly_known_text", format!("training saw {known} of its {all} words"))
            }
            _ => None,
        }
    }

    /// What is to be said of a list of neighbours with keys that training did not have.
    pub(super) fn judge_neighbors(&self, list: &str) -> Option<Unfamiliar> {
        let listed = graph::listed(list);
        let strange = listed.iter().filter(|(key, _)| !self.knows(hash_bytes(key.as_bytes()))).count();
        match (strange, listed.len()) {
            (0, _) => None,
            (n, all) if n == all => unfamiliar(
                "unknown_neighbors",
                "training knew none of the neighbours it lists; they are passed over",
            ),
            (n, all) => unfamiliar(
                "partly_known_neighbors",
                format!("training did not know {n} of the {all} neighbours it lists; they are passed over"),
            ),
        }
    }
}

/// The hashes of the words of a text. Compatible characters (full width, ligatures) are one, as for the steps that cut texts into terms.
fn words(text: &str, mut each: impl FnMut(u64)) {
    let even: Cow<'_, str> = if text.is_ascii() { text.into() } else { text.nfkc().collect() };
    let mut hash = |word: &str| each(hash_bytes(word.to_lowercase().as_bytes()));
    pieces(&even, |piece| match piece {
        Piece::Word(word) => hash(word),
        Piece::Run(_, run) => pairs(run, &mut hash),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_in_part_or_not_at_all() {
        let texts = ["the room was clean", "bad food", "酒店很好"];
        let seen = Vocabulary::of(texts.into_iter().map(Raw::Text)).unwrap();
        let code = |text: &str| seen.judge(text).map(|found| found.code);
        assert_eq!(code("The FOOD was clean"), None);
        assert_eq!(code("quixotic zephyrs"), Some("unknown_text"));
        assert_eq!(code("..."), Some("unknown_text"));
        assert_eq!(code("Ｔｈｅ ｆｏｏｄ"), None, "full width");
        assert_eq!(code("clean quixotic zephyrs abound"), Some("partly_known_text"));
        assert_eq!(code("酒店很贵"), None);
        assert_eq!(code("天气预报"), Some("unknown_text"));
        let again = Vocabulary::try_from(String::from(seen.clone())).unwrap();
        assert_eq!(again, seen);
        assert!(Vocabulary::try_from("AAAA".to_string()).is_err());
    }

    #[test]
    fn few_strange_words_are_taken_for_known_ones() {
        let texts: Vec<String> = (0..5000).map(|i| format!("w{i}")).collect();
        let seen = Vocabulary::of(texts.iter().map(|t| Raw::Text(t))).unwrap();
        assert!(texts.iter().all(|text| seen.judge(text).is_none()));
        let strange = (0..5000).filter(|i| seen.judge(&format!("x{i}")).is_none()).count();
        assert!(strange < 250, "{strange}");
    }
}

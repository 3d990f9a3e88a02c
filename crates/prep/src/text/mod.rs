//! From a text to its terms, and from terms to sparse vectors: what the steps that count terms share.
//!
//! A text is brought into one form (Unicode NFKC, lower case, accents off if wanted), cut into words by the rules of
//! Unicode (UAX 29; Chinese by jieba; Japanese, Thai and their like into pairs of characters), stop words are left out, the others cut to their stem, and neighbours joined.

pub(crate) mod bpe;
mod chinese;
mod clean;
mod grams;
mod sparse;

use hashbrown::HashSet;
use rust_stemmers::{Algorithm, Stemmer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::KeyPath;
use tidemill_kernel::words::{self, Piece, Script};

pub use chinese::words as chinese_words;
pub(crate) use clean::{Cleaner, folded};
use grams::Grams;
pub(crate) use sparse::{WeightedTerms, normalize, sum_up};

/// Bytes of a text that are read; what comes behind them is not. A text of a megabyte must not hold up a server.
pub(crate) const MOST_BYTES: usize = 1 << 20;

/// What a term is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Words.
    #[default]
    Word,
    /// Characters, across words: for texts without spaces, for names, for many misspellings.
    Char,
    /// Characters within words, a space standing at both ends of a word.
    CharInWord,
}

/// How a text is cut into the terms that are counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// What a term is made of.
    pub unit: Unit,
    /// From how many to how many neighbours make a term, such as `[1, 2]` for words and pairs of words; 1 to 10.
    pub ngrams: [usize; 2],
    /// Whether case is ignored.
    pub lowercase: bool,
    /// Whether accents are ignored.
    pub strip_accents: bool,
    /// Words of fewer characters are left out; Chinese characters, emoji and their like always count.
    pub shortest: usize,
    /// The language whose commonest words are left out, as its two letters (`en`, `de`, `fr`); none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_words: Option<String>,
    /// The language by whose rules words are cut to their stem (Snowball), as its two letters; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stem: Option<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            unit: Unit::Word,
            ngrams: [1, 1],
            lowercase: true,
            strip_accents: false,
            shortest: 2,
            stop_words: None,
            stem: None,
        }
    }
}

impl Terms {
    /// Refuses what cannot be done; `key` is the table these settings stand in.
    pub(crate) fn check(&self, key: &str) -> Result<(), KeyPath> {
        let [least, most] = self.ngrams;
        if least == 0 || most < least || most > 10 {
            let problem = format!(
                "is [{least}, {most}], but must be two numbers from 1 to 10, the first not the greater"
            );
            return Err(KeyPath::new(format!("{key}.ngrams"), problem));
        }
        if let Some(language) = self.stem.as_deref().filter(|l| stemmer(l).is_none()) {
            let problem =
                format!("'{language}' has no rules here; there are: {}", STEMMED.map(|(l, _)| l).join(", "));
            return Err(KeyPath::new(format!("{key}.stem"), problem));
        }
        if let Some(language) = self.stop_words.as_deref().filter(|l| stop_words::lookup(l).is_none()) {
            let known = stop_words::available_languages().join(", ");
            return Err(KeyPath::new(
                format!("{key}.stop_words"),
                format!("'{language}' has no list here; there are: {known}"),
            ));
        }
        Ok(())
    }

    /// Ready to read texts. Settings that [`Terms::check`] refuses are taken as not given.
    pub(crate) fn reader(&self) -> TermReader {
        let cleaner = Cleaner { lowercase: self.lowercase, strip_accents: self.strip_accents };
        let stop_words = self.stop_words.as_deref().and_then(stop_words::lookup).unwrap_or_default();
        TermReader {
            cleaner,
            unit: self.unit,
            ngrams: self.ngrams,
            shortest: self.shortest,
            stop_words: stop_words.iter().map(|word| cleaner.clean(word).into()).collect(),
            stemmer: self.stem.as_deref().and_then(stemmer),
        }
    }
}

const STEMMED: [(&str, Algorithm); 18] = [
    ("ar", Algorithm::Arabic),
    ("da", Algorithm::Danish),
    ("de", Algorithm::German),
    ("el", Algorithm::Greek),
    ("en", Algorithm::English),
    ("es", Algorithm::Spanish),
    ("fi", Algorithm::Finnish),
    ("fr", Algorithm::French),
    ("hu", Algorithm::Hungarian),
    ("it", Algorithm::Italian),
    ("nl", Algorithm::Dutch),
    ("no", Algorithm::Norwegian),
    ("pt", Algorithm::Portuguese),
    ("ro", Algorithm::Romanian),
    ("ru", Algorithm::Russian),
    ("sv", Algorithm::Swedish),
    ("ta", Algorithm::Tamil),
    ("tr", Algorithm::Turkish),
];

fn stemmer(language: &str) -> Option<Stemmer> {
    STEMMED.iter().find(|(l, _)| *l == language).map(|(_, algorithm)| Stemmer::create(*algorithm))
}

/// [`Terms`] at work.
pub(crate) struct TermReader {
    cleaner: Cleaner,
    unit: Unit,
    ngrams: [usize; 2],
    shortest: usize,
    stop_words: HashSet<Box<str>>,
    stemmer: Option<Stemmer>,
}

impl TermReader {
    /// Gives every term of `text` to `each`, in their order, repeated ones too.
    pub(crate) fn terms(&self, text: &str, mut each: impl FnMut(&str)) {
        let text = self.cleaner.clean(cut(text));
        let mut grams = Grams::new(self.ngrams);
        match self.unit {
            Unit::Word => {
                self.words(&text, |word| grams.word(word));
                grams.of_words(&mut each);
            }
            Unit::Char => grams.of_chars(&clean::single_spaced(&text), &mut each),
            Unit::CharInWord => self.words(&text, |word| grams.of_chars(&format!(" {word} "), &mut each)),
        }
    }

    fn words(&self, text: &str, mut each: impl FnMut(&str)) {
        words::pieces(text, |piece| match piece {
            Piece::Word(word) => self.word(word, &mut each),
            Piece::Run(Script::Chinese, run) => {
                chinese::words(run).into_iter().for_each(|word| self.word(word, &mut each));
            }
            Piece::Run(_, run) => words::pairs(run, |pair| self.term(pair, &mut each)),
        });
    }

    fn word(&self, word: &str, each: &mut impl FnMut(&str)) {
        let long_enough = word.chars().nth(self.shortest.saturating_sub(1)).is_some();
        if !long_enough && !word.chars().any(|c| words::is_ideograph(c) || words::is_emoji(c)) {
            return;
        }
        self.term(word, each);
    }

    fn term(&self, word: &str, each: &mut impl FnMut(&str)) {
        if self.stop_words.contains(word) {
            return;
        }
        match &self.stemmer {
            Some(stemmer) => each(&stemmer.stem(word)),
            None => each(word),
        }
    }
}

/// What of a text is read.
pub(crate) fn cut(text: &str) -> &str {
    up_to(text, MOST_BYTES)
}

/// The text up to so many bytes, cut between characters.
fn up_to(text: &str, most: usize) -> &str {
    if text.len() <= most { text } else { &text[..text.floor_char_boundary(most)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(terms: &Terms, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        terms.reader().terms(text, |term| found.push(term.to_owned()));
        found
    }

    #[test]
    fn words_and_pairs() {
        let terms = Terms { ngrams: [1, 2], ..Terms::default() };
        assert_eq!(of(&terms, "The  big\tDog!"), ["the", "big", "dog", "the big", "big dog"]);
        assert_eq!(of(&terms, ""), [""; 0]);
        assert_eq!(of(&terms, "one"), ["one"]);
    }

    #[test]
    fn case_accents_width_and_short_words() {
        let plain = Terms { strip_accents: true, ..Terms::default() };
        assert_eq!(of(&plain, "Éte ＡＢＣ ﬁn x 7 don't"), ["ete", "abc", "fin", "don't"]);
        let whole = Terms { lowercase: false, shortest: 1, ..Terms::default() };
        assert_eq!(of(&whole, "Été x 7"), ["Été", "x", "7"]);
    }

    #[test]
    fn stop_words_and_stems() {
        let english = Terms { stop_words: Some("en".into()), stem: Some("en".into()), ..Terms::default() };
        assert_eq!(of(&english, "The dogs were running"), ["dog", "run"]);
        let german = Terms { stem: Some("de".into()), ..Terms::default() };
        assert_eq!(of(&german, "Häuser"), ["haus"]);
    }

    #[test]
    fn chinese_is_cut_into_words() {
        assert_eq!(
            of(&Terms::default(), "我们中出了一个叛徒 hello"),
            ["我们", "中", "出", "了", "一个", "叛徒", "hello"]
        );
    }

    #[test]
    fn scripts_without_spaces_have_terms() {
        assert_eq!(of(&Terms::default(), "ดีมาก good"), ["ดีม", "มา", "าก", "good"]);
        assert_eq!(of(&Terms::default(), "良いホテル"), ["良い", "いホ", "ホテ", "テル"]);
        assert_eq!(of(&Terms::default(), "ອາຫານ 👍"), ["ອາ", "າຫ", "ຫາ", "ານ", "👍"]);
    }

    #[test]
    fn mixed_scripts_emoji_and_damage_are_no_panic() {
        let terms = Terms { ngrams: [1, 3], unit: Unit::CharInWord, ..Terms::default() };
        for text in [
            "🙂🙃 👩‍👩‍👧 ok",
            "\u{0}\u{7}",
            "e\u{301}",
            "ひらがな漢字カタカナ",
            "\u{202e}abc",
            &"漢".repeat(300_000),
        ] {
            of(&terms, text);
            of(&Terms { unit: Unit::Char, ..terms.clone() }, text);
            of(&Terms { unit: Unit::Word, ..terms.clone() }, text);
        }
    }

    #[test]
    fn characters() {
        let chars = Terms { unit: Unit::Char, ngrams: [2, 3], ..Terms::default() };
        assert_eq!(of(&chars, "ab  c"), ["ab", "b ", " c", "ab ", "b c"]);
        let within = Terms { unit: Unit::CharInWord, ngrams: [3, 4], ..Terms::default() };
        assert_eq!(of(&within, "ab"), [" ab", "ab ", " ab "]);
    }

    #[test]
    fn refusals_name_the_key() {
        let wrong = |terms: Terms| terms.check("terms").unwrap_err();
        assert_eq!(wrong(Terms { ngrams: [2, 1], ..Terms::default() }).path, "terms.ngrams");
        assert_eq!(wrong(Terms { stem: Some("xx".into()), ..Terms::default() }).path, "terms.stem");
        assert_eq!(
            wrong(Terms { stop_words: Some("xx".into()), ..Terms::default() }).path,
            "terms.stop_words"
        );
    }
}

//! Words that usually mean "no value": which of them are names in a column, and what is said about the others.

use super::facts::Facts;
use super::formats::Doubt;
use crate::parse::Missing;
use crate::plan::Weight;

/// So many words of one column are shown.
const SHOWN: usize = 6;

/// The words that are names in this column: those that stood in quotes and nowhere without; `None`, where the others are words, too;
/// and `NA` among codes of two capitals.
pub(super) fn names(facts: &Facts<'_>, missing: &Missing) -> Vec<String> {
    let loose = |word: &str| facts.words.iter().any(|(w, _)| *w == word);
    let capitals = |t: &str| t.len() == 2 && t.bytes().all(|b| b.is_ascii_uppercase());
    let codes = facts.n_distinct() >= 3 && facts.values.iter().all(|v| capitals(v.0));
    let is_name = |word: &str| word.eq_ignore_ascii_case("none") || (word == "NA" && codes);
    let mut names: Vec<String> = facts.quoted.iter().filter(|w| !loose(w)).map(|w| w.to_string()).collect();
    names.extend(
        facts.words.iter().filter(|(w, _)| is_name(w) && !missing.is_told(w)).map(|(w, _)| w.to_string()),
    );
    names
}

/// What pandas, databases, spreadsheets and people write for "no value", and may as well be a name.
const WRITTEN: &[&str] = &[
    "<na>",
    "<null>",
    "(null)",
    "[null]",
    "\\n",
    "nat",
    "#na",
    "#null!",
    "n.a.",
    "n.a",
    "n/d",
    "n.v.",
    "(blank)",
    "(empty)",
    "keine angabe",
];

/// Whether other programs and people write this for "no value".
pub(super) fn is_written(name: &str) -> bool {
    WRITTEN.iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// What is said where a word became a name without being quoted.
pub(super) fn doubt(facts: &Facts<'_>, names: &[String]) -> Option<Doubt> {
    are_names(facts.words.iter().filter(|(w, _)| names.iter().any(|n| n == w)).collect())
}

/// What is said of names that other programs write for "no value".
pub(super) fn like_missing(facts: &Facts<'_>) -> Option<Doubt> {
    are_names(facts.values.iter().filter(|(name, _)| is_written(name)).collect())
}

fn are_names(told: Vec<&(&str, u64)>) -> Option<Doubt> {
    if told.is_empty() {
        return None;
    }
    let all: Vec<String> = told.iter().map(|(word, n)| listed(word, *n)).collect();
    let words: Vec<String> = told.iter().map(|(word, _)| format!("{word:?}")).collect();
    Some(Doubt {
        code: "word_is_name",
        weight: Weight::Remark,
        message: format!("{} counts as a name, not as missing", all.join(", ")),
        remedy: format!("[data] missing = [{}]", words.join(", ")),
    })
}

/// What is said of the words that count as missing.
pub(super) fn taken(facts: &Facts<'_>, missing: &Missing) -> Option<Doubt> {
    // What the user said needs no word.
    let open: Vec<_> = facts.words.iter().filter(|(word, _)| !missing.is_told(word)).collect();
    if open.is_empty() {
        return None;
    }
    let all: Vec<String> = open.iter().map(|(word, n)| listed(word, *n)).collect();
    Some(Doubt {
        code: "missing_words",
        weight: Weight::Remark,
        message: format!("{} counts as missing", all.join(", ")),
        remedy: "[data] missing_only = []".into(),
    })
}

/// What is said of the words that count as missing among numbers and times: the usual ones, and those that are none here.
pub(super) fn beside(facts: &Facts<'_>, missing: &Missing, others: &[String]) -> Option<Doubt> {
    let usual = facts.words.iter().filter(|(word, _)| !missing.is_told(word));
    let others = facts.values.iter().filter(|(word, _)| others.iter().any(|other| other == word));
    let all: Vec<&(&str, u64)> = usual.chain(others).collect();
    let shown: Vec<String> = all.iter().take(SHOWN).map(|(word, n)| listed(word, *n)).collect();
    let more =
        if all.len() > SHOWN { format!(" and {} more words", all.len() - SHOWN) } else { String::new() };
    (!all.is_empty()).then(|| Doubt {
        code: "missing_words",
        weight: Weight::Remark,
        message: format!("{}{more} counts as missing", shown.join(", ")),
        remedy: if all.iter().any(|(word, _)| is_endless(word)) {
            "replace infinite values by numbers, or leave the rows out, where they are values".into()
        } else {
            // Among numbers a word is no value: only names have such values.
            "kind = \"category\"".into()
        },
    })
}

/// Whether a word stands for an infinite number.
pub(super) fn is_endless(word: &str) -> bool {
    let word = word.trim_start_matches(['+', '-']);
    ["inf", "infinity", "∞"].iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn listed(word: &str, n: u64) -> String {
    format!("'{word}' ({n} row{})", if n == 1 { "" } else { "s" })
}

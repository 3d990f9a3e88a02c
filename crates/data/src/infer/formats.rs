//! How well a way of writing explains the values of a column.

use super::facts::Facts;
use super::words::is_written;
use crate::parse::is_missing_word;
use crate::plan::{Weight, tolerated};

/// Words that, beside those of [`is_written`], stand for "no value" where everything else is a number or a timestamp.
const UNKNOWN: &[&str] = &[
    "unknown",
    "missing",
    "unspecified",
    "not available",
    "not known",
    "not applicable",
    "na.",
    "nil",
    // Of pandas, MySQL, spreadsheets and other programs.
    "-nan",
    "#n/a n/a",
    "1.#qnan",
    "-1.#ind",
    "empty",
    "no data",
    "nodata",
    // Of laboratories (not detected, not determined, below the limit of detection or of quantification) and of forms.
    "n.d.",
    "n.d",
    "nd",
    "n.q.",
    "bdl",
    "<lod",
    "<loq",
    "trace",
    "s/d",
    "k.a.",
    "void",
    "blank",
    "tbd",
    "tba",
    "undefined",
    "undef",
    "inf",
    "-inf",
    "+inf",
    "infinity",
    "-infinity",
    "+infinity",
    "∞",
    "-∞",
    "#ref!",
    "#value!",
    "#div/0!",
    "#name?",
    "#num!",
    "--",
    "---",
    ".",
    "..",
    "...",
    "*",
    "x",
    "unbekannt",
    "sin dato",
    "sin datos",
    "n.c.",
    "non disponible",
    "н/д",
    "нет данных",
    "无",
    "未知",
    "缺失",
    "不明",
    "なし",
    "없음",
    "inconnu",
    "desconocido",
];

/// A way of writing, the words to be taken as missing beside it, and how many rows it leaves unexplained.
pub(crate) struct Found<T> {
    pub(crate) format: T,
    pub(crate) missing: Vec<String>,
    pub(crate) bad: u64,
    /// What else the values may mean.
    pub(crate) doubt: Option<Doubt>,
}

/// A second reading that fits as well, or another thing that a user should know.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    pub(crate) code: &'static str,
    pub(crate) weight: Weight,
    pub(crate) message: String,
    pub(crate) remedy: String,
}

/// The words of "no value" among what is not read, and how many rows neither explains.
pub(super) fn explain(facts: &Facts<'_>, reads: &dyn Fn(&str) -> bool) -> (Vec<String>, u64) {
    explain_within(facts, reads, u64::MAX).unwrap_or_default()
}

/// The same where at most so many rows are not explained: it stops where there are more, as for most ways of writing after a few values.
pub(super) fn explain_within(
    facts: &Facts<'_>,
    reads: &dyn Fn(&str) -> bool,
    most: u64,
) -> Option<(Vec<String>, u64)> {
    let (mut missing, mut bad) = (Vec::new(), 0);
    for &(text, n) in facts.values.iter().filter(|(text, _)| !reads(text)) {
        let is_unknown = || UNKNOWN.iter().any(|word| word.eq_ignore_ascii_case(text));
        if is_missing_word(text) || is_written(text) || is_unknown() {
            missing.push(text.to_string());
            continue;
        }
        bad += n;
        if bad > most {
            return None;
        }
    }
    Some((missing, bad))
}

/// The way of writing where it explains enough.
pub(super) fn accept<T>(
    facts: &Facts<'_>,
    format: T,
    (missing, bad): (Vec<String>, u64),
) -> Option<Found<T>> {
    let unknown = |t: &str| missing.iter().any(|m| m == t);
    let n: u64 = facts.values.iter().filter(|(t, _)| !unknown(t)).map(|v| v.1).sum();
    let enough = n > bad && bad <= tolerated(n) && facts.values.len() > missing.len();
    enough.then_some(Found { format, missing, bad, doubt: None })
}

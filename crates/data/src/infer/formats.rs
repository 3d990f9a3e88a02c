//! Which way of writing numbers or moments explains the values of a column.

use super::facts::Facts;
use crate::parse::{NumberFormat, Thousands, TimeFormat};
use crate::plan::tolerated;

/// Words that stand for "no value" where everything else is a number or a moment.
const UNKNOWN: &[&str] = &[
    "unknown",
    "missing",
    "unspecified",
    "not available",
    "not known",
    "not applicable",
    "n.a.",
    "n.a",
    "na.",
    "nil",
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
    "inconnu",
    "desconocido",
];

/// A way of writing, the words to be taken as missing beside it, and how many rows it leaves unexplained.
pub(crate) struct Found<T> {
    pub(crate) format: T,
    pub(crate) missing: Vec<String>,
    pub(crate) bad: u64,
}

pub(crate) fn number(facts: &Facts<'_>) -> Option<Found<NumberFormat>> {
    let first = facts.values.iter().take(200);
    let with_digit = first.clone().filter(|(t, _)| t.bytes().any(|b| b.is_ascii_digit())).count();
    if with_digit * 10 < first.len() * 7 {
        return None;
    }
    let plain = explain(facts, &|t| NumberFormat::default().parse(t).is_some());
    if plain.1 == 0 {
        return accept(facts, NumberFormat::default(), plain);
    }
    let dressed = |probe: NumberFormat| {
        let bare = NumberFormat::default();
        facts.values.iter().any(|(t, _)| bare.parse(t).is_none() && probe.undressed(t))
    };
    let base = NumberFormat {
        percent: dressed(NumberFormat { percent: true, ..Default::default() }),
        currency: dressed(NumberFormat { currency: true, ..Default::default() }),
        ..Default::default()
    };
    let style = |decimal_comma, thousands| NumberFormat { decimal_comma, thousands, ..base };
    // Tried in this order, the strict ones first; of those that explain equally many rows the first is taken.
    let candidates = [
        (style(false, None), false),
        (style(false, Some(Thousands::Comma)), true),
        (style(true, Some(Thousands::Point)), true),
        (style(false, Some(Thousands::Space)), true),
        (style(true, Some(Thousands::Space)), true),
        (style(true, None), false),
        (style(false, Some(Thousands::Comma)), false),
        (style(true, Some(Thousands::Point)), false),
        (style(false, Some(Thousands::Space)), false),
        (style(true, Some(Thousands::Space)), false),
    ];
    let explained = candidates.map(|(format, strict)| {
        let reads = |t: &str| if strict { format.parse_strictly(t) } else { format.parse(t) }.is_some();
        (format, explain(facts, &reads))
    });
    let best = explained.into_iter().reduce(|best, next| if next.1.1 < best.1.1 { next } else { best })?;
    accept(facts, best.0, best.1)
}

pub(crate) fn time(facts: &Facts<'_>) -> Option<Found<TimeFormat>> {
    let candidates = [TimeFormat::Iso, TimeFormat::YearFirst, TimeFormat::DayFirst, TimeFormat::MonthFirst];
    // Most columns of text are settled by their first values.
    let first = || facts.values.iter().take(50);
    let plausible = |format: &TimeFormat| {
        first().filter(|(t, _)| format.parse(t).is_some()).count() * 10 >= first().count() * 7
    };
    if !candidates.iter().any(plausible) {
        return None;
    }
    let explained = candidates.map(|format| {
        let found = explain(facts, &|t| format.parse(t).is_some());
        (format, found)
    });
    // With a slash, an undecided column is taken as American; with a point or a dash as day first.
    let slashes = facts.share(|t| t.contains('/')) > 0.5;
    let best = explained.into_iter().reduce(|best, next| {
        let tie = next.1.1 == best.1.1
            && slashes
            && next.0 == TimeFormat::MonthFirst
            && best.0 == TimeFormat::DayFirst;
        if next.1.1 < best.1.1 || tie { next } else { best }
    })?;
    accept(facts, best.0, best.1)
}

/// Whether day first and month first explain the values equally well.
pub(crate) fn is_undecided(facts: &Facts<'_>) -> bool {
    let reads = |format: TimeFormat| explain(facts, &|t| format.parse(t).is_some()).1;
    reads(TimeFormat::DayFirst) == reads(TimeFormat::MonthFirst)
}

/// The words of "no value" among what is not read, and how many rows neither explains.
fn explain(facts: &Facts<'_>, reads: &dyn Fn(&str) -> bool) -> (Vec<String>, u64) {
    let (mut missing, mut bad) = (Vec::new(), 0);
    for &(text, n) in facts.values.iter().filter(|(text, _)| !reads(text)) {
        if UNKNOWN.iter().any(|word| word.eq_ignore_ascii_case(text)) {
            missing.push(text.to_string());
        } else {
            bad += n;
        }
    }
    (missing, bad)
}

fn accept<T>(facts: &Facts<'_>, format: T, (missing, bad): (Vec<String>, u64)) -> Option<Found<T>> {
    let unknown = |t: &str| missing.iter().any(|m| m == t);
    let n: u64 = facts.values.iter().filter(|(t, _)| !unknown(t)).map(|v| v.1).sum();
    let enough = n > bad && bad <= tolerated(n) && facts.values.len() > missing.len();
    enough.then_some(Found { format, missing, bad })
}

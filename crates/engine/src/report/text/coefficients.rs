//! The coefficients of a linear model, as text for people.

use std::fmt::Display;

use tidemill_report::words::{Words, fill};

use super::align::table;
use crate::explain::{Caution, Coefficient, Coefficients, Link};
use crate::format::short;

/// Coefficients that are shown.
const SHOWN: usize = 60;

/// How to read them, what to beware of, and a line for each.
pub fn story(words: &Words, found: &Coefficients) -> String {
    let said = &words.insight;
    let head: [(&str, &dyn Display); 3] =
        [("target", &found.target), ("learner", &found.learner), ("rows", &found.n_rows)];
    let mut text = fill(said.coefs_head, &head) + "\n\n" + &reading(words, found).join("\n") + "\n";
    for caution in cautions(words, found) {
        text += &format!("{caution}\n");
    }
    let head = headings(words, found).map(String::from);
    for (output, name) in found.outputs.iter().enumerate() {
        let mut lines = vec![head.clone()];
        let own = found.lines.iter().filter(|line| line.output == output);
        lines.extend(own.clone().take(SHOWN).map(|line| cells(words, found, line)));
        text.push('\n');
        if found.outputs.len() > 1 {
            text += &format!("{name}\n");
        }
        text += &table(&lines, [false, true, true, true, true, true]);
        let more = own.count().saturating_sub(SHOWN);
        if more > 0 {
            text += &format!("{}\n", fill(said.coefs_more, &[("n", &more)]));
        }
    }
    for note in notes(words, found) {
        text += &format!("\n{note}\n");
    }
    text
}

/// How a line is read, a sentence or two each.
pub(crate) fn reading(words: &Words, found: &Coefficients) -> Vec<String> {
    let said = &words.insight;
    let template = match found.link {
        Link::Identity => said.coefs_identity,
        Link::Log => said.coefs_log,
        Link::Logit => said.coefs_logit,
        Link::Score => said.coefs_score,
    };
    let of = match (&found.compared_with, found.outputs.as_slice()) {
        (None, [only]) => format!("“{only}”"),
        _ => said.coefs_class.into(),
    };
    let mut lines = vec![fill(template, &[("target", &found.target), ("of", &of)])];
    if found.lines.iter().any(|line| line.against.is_some()) {
        lines.push(said.coefs_category.into());
    }
    if let Some(first) = &found.compared_with {
        lines.push(fill(said.coefs_many, &[("against", first)]));
    }
    if found.lines.iter().any(|line| line.error.is_some()) {
        lines.push(said.coefs_errors.into());
        lines.push(said.coefs_choice.into());
    }
    lines
}

/// What must be known before they are believed.
pub(crate) fn cautions(words: &Words, found: &Coefficients) -> Vec<String> {
    let said = &words.insight;
    let one = |caution: &Caution| match caution {
        Caution::Penalised => {
            let remedy = match found.link {
                Link::Logit => "penalty = \"none\"",
                _ => "alpha = 0",
            };
            fill(said.coefs_penalised, &[("remedy", &remedy)])
        }
        Caution::ClassWeights => said.coefs_class_weights.into(),
        Caution::NoFormula => fill(said.coefs_no_formula, &[("learner", &found.learner)]),
        Caution::TooMany => said.coefs_too_many.into(),
        Caution::TooFewRows => said.coefs_too_few.into(),
        Caution::Separable => said.coefs_separable.into(),
        Caution::Overdispersed(by) => {
            fill(said.coefs_overdispersed, &[("by", &short(*by)), ("root", &short(by.sqrt()))])
        }
    };
    found.cautions.iter().map(one).collect()
}

/// What stands below the table.
pub(crate) fn notes(words: &Words, found: &Coefficients) -> Vec<String> {
    let said = &words.insight;
    let mut notes = Vec::new();
    if let (Some(spread), Link::Identity) = (found.spread, found.link) {
        notes.push(fill(said.coefs_spread, &[("target", &found.target), ("spread", &short(spread))]));
    }
    if found.lines.iter().any(|line| !line.own_units) {
        notes.push(said.coefs_prepared.into());
    }
    let has_errors = found.lines.iter().any(|line| line.error.is_some());
    if has_errors && found.lines.iter().any(|line| line.error.is_none()) {
        notes.push(said.coefs_untold.into());
    }
    notes
}

/// The heading of each column of the table.
pub(crate) fn headings<'a>(words: &'a Words, found: &Coefficients) -> [&'a str; 6] {
    let said = &words.insight;
    let times = if has_factor(found) { said.coefs_times } else { "" };
    [said.coefs_column, said.coefs_value, said.coefs_error, found.statistic(), said.coefs_interval, times]
}

/// Whether what a coefficient multiplies by is of use.
pub(crate) fn has_factor(found: &Coefficients) -> bool {
    matches!(found.link, Link::Log | Link::Logit)
}

/// The cells of a line.
pub(crate) fn cells(words: &Words, found: &Coefficients, line: &Coefficient) -> [String; 6] {
    let said = &words.insight;
    let blank = || "–".to_string();
    let range = |low: f64, high: f64| fill(said.coefs_range, &[("low", &short(low)), ("high", &short(high))]);
    let factor = match (has_factor(found) && line.column.is_some(), line.interval) {
        (false, _) => String::new(),
        (true, None) => times(line.value.exp()),
        (true, Some([low, high])) => {
            let (low, high) = (times(low.exp()), times(high.exp()));
            let ends = fill(said.coefs_range, &[("low", &low), ("high", &high)]);
            format!("{} ({ends})", times(line.value.exp()))
        }
    };
    [
        name(words, line),
        short(line.value),
        line.error.map_or_else(blank, short),
        line.statistic.map_or_else(blank, |z| format!("{z:.2}")),
        line.interval.map_or_else(blank, |[low, high]| range(low, high)),
        factor,
    ]
}

/// What an answer is multiplied by.
fn times(factor: f64) -> String {
    if (1e-3..1e5).contains(&factor) { short(factor) } else { format!("{factor:.0e}") }
}

/// What a coefficient is of.
fn name(words: &Words, line: &Coefficient) -> String {
    let said = &words.insight;
    let Some(column) = &line.column else { return said.coefs_constant.into() };
    let star = if line.own_units { "" } else { " *" };
    match (&line.part, &line.against) {
        (None, _) => format!("{column}{star}"),
        (Some(part), None) => format!("{column}: {part}{star}"),
        (Some(part), Some(against)) => {
            fill(said.coefs_versus, &[("column", column), ("part", part), ("against", against)])
        }
    }
}

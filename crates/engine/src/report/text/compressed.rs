//! A model in a smaller file, as text for people.

use std::fmt::Display;

use tidemill_report::number::{percent, short};
use tidemill_report::words::{EN, Words, fill};

use super::costs::costs;
use crate::facts::CompressedFacts;

/// What went, how much answers change, and what both cost.
pub fn story(words: &Words, facts: &CompressedFacts) -> String {
    let said = &words.story;
    let mut lines = told(words, facts);
    lines.push(String::new());
    lines.push(costs(words, [said.compress_before, said.compress_after], &facts.cost));
    lines.push(fill(said.written_file, &[("file", &facts.model.display())]));
    lines.join("\n") + "\n"
}

/// What went and how much answers change.
fn told(words: &Words, facts: &CompressedFacts) -> Vec<String> {
    let said = &words.story;
    let change = &facts.change;
    let values: [(&str, &dyn Display); 4] = [
        ("model", &facts.parent),
        ("prune", &percent(facts.prune)),
        ("rows", &change.rows),
        ("source", &facts.source),
    ];
    let mut lines = vec![fill(said.compress_made, &values)];
    if facts.eight_bits {
        lines.push(said.compress_bits.into());
    }
    let figures: [(&str, &dyn Display); 4] = [
        ("greatest", &short(change.greatest)),
        ("mean", &short(change.mean)),
        ("same", &percent(change.same.unwrap_or(f64::NAN))),
        ("spread", &short(change.spread.unwrap_or(f64::NAN))),
    ];
    let sentence = if change.same.is_some() { said.compress_classes } else { said.compress_numbers };
    lines.push(fill(sentence, &figures));
    if !facts.bound.is_open() {
        let limit = |bound: Option<f64>| bound.map_or_else(|| "–".into(), short);
        let values: [(&str, &dyn Display); 2] =
            [("greatest", &limit(facts.bound.greatest)), ("mean", &limit(facts.bound.mean))];
        lines.push(fill(said.compress_bound, &values));
    }
    if let Some(truth) = &facts.truth {
        let figure = |value: Option<f64>| value.map_or_else(|| "–".into(), short);
        let title = words.metric(truth.metric, truth.title);
        let values: [(&str, &dyn Display); 4] = [
            ("rows", &truth.rows),
            ("metric", &title),
            ("before", &figure(truth.before)),
            ("after", &figure(truth.after)),
        ];
        lines.push(fill(said.compress_truth, &values));
    }
    lines
}

/// The card of a smaller model: English, and without times, which differ from run to run.
pub fn card(facts: &CompressedFacts, parent: &str) -> String {
    let of = facts.learner.as_ref().map(|spec| format!(" (`{}`)", spec.kind)).unwrap_or_default();
    format!(
        "# Model for `{}`\n\nA smaller copy of another model.\n\n## How its answers changed\n\n{}\n\n## How it was made\n\nCompressed \
         from `{}`{of}, model `{parent}`, whose card says how good that was.\n",
        facts.target,
        told(&EN, facts).join("\n\n"),
        facts.parent.rsplit(['/', '\\']).next().unwrap_or(&facts.parent),
    )
}

//! Rows of doubtful label, as text.

use std::fmt::Display;

use tidemill_core::recipe::LabelAction;
use tidemill_report::words::{Words, fill};

use super::align;
use crate::search::labels::{DoubtfulLabels, LabelFacts};

/// Rows that are shown; the JSON holds all of them.
const SHOWN: usize = 20;

/// The list for the terminal.
pub fn story(words: &Words, found: &DoubtfulLabels) -> String {
    let said = &words.story;
    let DoubtfulLabels { target, learner, rows, doubtful, labelled_only } = found;
    let n = doubtful.len();
    let share = format!("{:.1}", 100.0 * n as f64 / *rows as f64);
    let values: [(&str, &dyn Display); 5] =
        [("n", &n), ("rows", rows), ("target", target), ("share", &share), ("learner", learner)];
    if doubtful.is_empty() {
        return fill(said.labels_none, &values) + "\n";
    }
    let numbers = doubtful.iter().any(|doubt| doubt.deviations.is_some());
    let (found, measure) = match numbers {
        true => (said.labels_far, said.labels_deviations),
        false => (said.labels, said.labels_margin),
    };
    let mut text = fill(found, &values) + "\n\n";
    let head = [said.labels_row, words.role_key, said.labels_label, said.labels_probably, measure];
    let mut lines = vec![head.map(String::from)];
    lines.extend(doubtful.iter().take(SHOWN).map(|doubt| {
        let (row, key) = (doubt.row.to_string(), doubt.key.clone().unwrap_or_default());
        let how = match (doubt.margin, doubt.deviations) {
            (_, Some(far)) => format!("{far:.1}"),
            (margin, None) => format!("{:.3}", margin.unwrap_or_default()),
        };
        [row, key, doubt.given.clone(), doubt.likely.clone(), how]
    }));
    let table = match doubtful.iter().any(|doubt| doubt.key.is_some()) {
        true => align::table(&lines, [false; 5]),
        false => {
            let keyless =
                lines.into_iter().map(|[row, _, given, likely, margin]| [row, given, likely, margin]);
            align::table(&keyless.collect::<Vec<_>>(), [false; 4])
        }
    };
    text.extend(table.lines().map(|line| format!("  {line}\n")));
    if n > SHOWN {
        text += &format!("{}\n", fill(said.labels_more, &[("n", &(n - SHOWN))]));
    }
    if *labelled_only {
        text += &format!("\n{}\n", said.labels_counted);
    }
    text + &format!("\n{}\n", said.labels_advice)
}

/// What became of doubtful rows among those that the model in the file was fitted on.
pub(crate) fn sentence(words: &Words, facts: &LabelFacts) -> String {
    let template = match facts.action {
        LabelAction::Drop => words.story.doubts_dropped,
        LabelAction::DownWeight => words.story.doubts_weighed,
    };
    fill(template, &[("n", &facts.doubtful), ("rows", &facts.rows)])
}

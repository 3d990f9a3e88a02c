//! Rows of doubtful label, as text.

use crate::search::labels::{DoubtfulLabels, LabelFacts};

/// Rows that are shown; the JSON holds all of them.
const SHOWN: usize = 20;

/// The list for the terminal.
pub fn story(found: &DoubtfulLabels) -> String {
    let DoubtfulLabels { target, learner, rows, doubtful, labelled_only } = found;
    if doubtful.is_empty() {
        return format!(
            "Labels: none of the {rows} labels of '{target}' is doubtful ({learner} on rows it did not see).\n"
        );
    }
    let share = 100.0 * doubtful.len() as f64 / *rows as f64;
    let mut text = format!(
        "Labels: {} of the {rows} labels of '{target}' are doubtful ({share:.1}%): {learner}, on rows it did not see, finds \
         another more probable. The surest first:\n\n",
        doubtful.len()
    );
    let keyed = doubtful.iter().any(|doubt| doubt.key.is_some());
    let head = ["row", "key", "label", "probably", "margin"];
    let mut lines = vec![head.map(String::from).to_vec()];
    lines.extend(doubtful.iter().take(SHOWN).map(|doubt| {
        let (row, key) = (doubt.row.to_string(), doubt.key.clone().unwrap_or_default());
        vec![row, key, doubt.given.clone(), doubt.likely.clone(), format!("{:.3}", doubt.margin)]
    }));
    if !keyed {
        lines.iter_mut().for_each(|line| drop(line.remove(1)));
    }
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|j| lines.iter().map(|line| line[j].chars().count()).max().unwrap_or(0))
        .collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        text += &format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    if doubtful.len() > SHOWN {
        text += &format!("  and {} more (--json lists them all)\n", doubtful.len() - SHOWN);
    }
    if *labelled_only {
        text += "\nRows are counted among those that have a label.\n";
    }
    text + "\nLook at these rows first. `[labels] action = \"drop\"` or \"down_weight\" in the recipe keeps doubtful rows from teaching, \
            in each fold's training rows alone.\n"
}

/// What became of doubtful rows among those that the model in the file was fitted on.
pub(crate) fn sentence(facts: &LabelFacts) -> String {
    use tidemill_core::recipe::LabelAction;
    let what = match facts.action {
        LabelAction::Drop => "were left out",
        LabelAction::DownWeight => "counted for less",
    };
    format!(
        "{} of {} training rows have a doubtful label and {what}; rows that judge were left as they are.",
        facts.doubtful, facts.rows
    )
}

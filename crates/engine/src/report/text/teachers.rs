//! Which training rows taught a model what it says, as text for people.

use std::fmt::Display;

use tidemill_report::words::{Words, fill};

use super::align::table;
use super::counterfactual::cell;
use crate::explain::{Teacher, Teachers, TrainingCells, TrainingRow};
use crate::format::short;

/// Rows that are shown, and training rows on each list.
const ROWS: usize = 5;
const WORTH: usize = 10;

/// The nearest training rows of the first rows, then the training rows that harm and help most.
pub fn story(words: &Words, found: &Teachers) -> String {
    let said = &words.insight;
    let mut text = sentences(words, found).join("\n") + "\n";
    for row in found.rows.iter().take(ROWS) {
        let values: [(&str, &dyn Display); 5] = [
            ("row", &row.row),
            (
                "key",
                &row.key
                    .as_ref()
                    .map(|key| fill(said.key, &[("key", &cell(words, key))]))
                    .unwrap_or_default(),
            ),
            ("target", &found.target),
            ("answer", &cell(words, &row.prediction)),
            ("chance", &""),
        ];
        let lines: Vec<[String; 3]> = row.nearest.iter().map(|teacher| near(words, found, teacher)).collect();
        text += &format!("\n{}\n{}", fill(said.row, &values), table(&lines, [false, false, true]));
    }
    if found.rows.len() > ROWS {
        text += &format!("\n{}\n", fill(said.teach_more, &[("n", &(found.rows.len() - ROWS))]));
    }
    for (title, lines) in lists(words, found, WORTH) {
        let lines: Vec<[String; 3]> = lines.iter().map(|row| line(words, found, row)).collect();
        text += &format!("\n{title}\n{}", table(&lines, [false, false, true]));
    }
    text
}

/// What all of it is, a sentence each.
pub(crate) fn sentences(words: &Words, found: &Teachers) -> Vec<String> {
    let said = &words.insight;
    let head: [(&str, &dyn Display); 3] =
        [("target", &found.target), ("training", &found.n_training), ("rows", &found.n_asked)];
    let near = if found.space == "leaves" { said.teach_leaves } else { said.teach_columns };
    let mut lines = vec![fill(said.teach_head, &head), near.into()];
    if found.among_training {
        lines.push(said.teach_among.into());
    }
    if found.worth.is_empty() {
        lines.push(said.teach_unknown.into());
    } else {
        lines.push(fill(said.teach_worth, &[("k", &found.neighbors), ("rows", &found.n_known)]));
    }
    lines
}

/// The training rows that harm most, and those that help most, each list with its title.
pub(crate) fn lists<'a>(
    words: &Words,
    found: &'a Teachers,
    most: usize,
) -> Vec<(String, Vec<&'a TrainingRow>)> {
    let said = &words.insight;
    if found.worth.is_empty() {
        return Vec::new();
    }
    let harmful: Vec<&TrainingRow> = found.worth.iter().filter(|row| row.worth < 0.0).collect();
    let helpful = found.worth.iter().rev().filter(|row| row.worth > 0.0).take(most).collect();
    let title = match harmful.len() {
        0 => said.teach_no_harm.to_string(),
        n => fill(said.teach_harm, &[("n", &n), ("training", &found.n_training)]),
    };
    vec![(title, harmful.into_iter().take(most).collect()), (said.teach_help.into(), helpful)]
}

/// A training row near a row: which, what it says, how near.
pub(crate) fn near(words: &Words, found: &Teachers, teacher: &Teacher) -> [String; 3] {
    let said = &words.insight;
    let far = match found.space {
        "leaves" => {
            fill(said.teach_alike, &[("share", &format!("{:.0}%", 100.0 * (1.0 - teacher.distance)))])
        }
        _ => fill(said.teach_far, &[("distance", &short(teacher.distance))]),
    };
    [named(words, &teacher.row), target(words, found, &teacher.row), far]
}

/// A training row and its worth.
pub(crate) fn line(words: &Words, found: &Teachers, row: &TrainingRow) -> [String; 3] {
    [named(words, &row.row), target(words, found, &row.row), short(row.worth)]
}

fn named(words: &Words, row: &TrainingCells) -> String {
    let said = &words.insight;
    let key = row.key.as_ref().map(|key| fill(said.key, &[("key", &cell(words, key))])).unwrap_or_default();
    fill(said.teach_row, &[("row", &row.training_row), ("key", &key)])
}

fn target(words: &Words, found: &Teachers, row: &TrainingCells) -> String {
    format!("{} = {}", found.target, cell(words, &row.target))
}

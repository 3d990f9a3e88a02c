//! A model of another program, as text for people.

use std::fmt::Display;

use tidemill_report::words::{EN, Words, fill};

use crate::import::Imported;

/// Columns that are named one by one.
const SHOWN: usize = 200;

/// What was imported, in a few lines.
pub fn story(words: &Words, i: &Imported) -> String {
    let said = &words.story;
    let answer = match i.classes.as_slice() {
        [] => fill(said.imported_number, &[("target", &i.target)]),
        [negative, positive] => {
            let values: [(&str, &dyn Display); 3] =
                [("target", &i.target), ("positive", positive), ("negative", negative)];
            fill(said.imported_binary, &values)
        }
        classes => fill(said.imported_classes, &[("n", &classes.len()), ("target", &i.target)]),
    };
    let values: [(&str, &dyn Display); 7] = [
        ("program", &i.program),
        ("version", &i.version),
        ("objective", &i.objective),
        ("trees", &i.trees),
        ("nodes", &i.nodes),
        ("columns", &i.columns.len()),
        ("answer", &answer),
    ];
    fill(said.imported, &values) + "\n"
}

/// The card of such a model: what it is, where it came from, and what is not known of it.
pub fn card(i: &Imported) -> String {
    let mut columns: Vec<String> =
        i.columns.iter().take(SHOWN).map(|(name, kind)| format!("- `{name}` ({kind})\n")).collect();
    if i.columns.len() > SHOWN {
        columns.push(format!("- and {} more\n", i.columns.len() - SHOWN));
    }
    let notes = match i.notes.as_slice() {
        [] => String::new(),
        notes => {
            format!("\n## Notes\n\n{}", notes.iter().map(|note| format!("- {note}\n")).collect::<String>())
        }
    };
    format!(
        "# Model for `{}`\n\n{}\n## How good it is\n\nNot known here: it was trained elsewhere. `tidemill evaluate` judges it on rows \
         with known answers.\n\n## How it was made\n\nImported from `{}`, SHA-256 `{}`.\n\n## What it looks at\n\n{}{notes}",
        i.target,
        story(&EN, i),
        i.file,
        i.sha256,
        columns.concat(),
    )
}

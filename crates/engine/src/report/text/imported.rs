//! A model of another program, as text for people.

use crate::import::Imported;

/// Columns that are named one by one.
const SHOWN: usize = 200;

/// What was imported, in a few lines.
pub fn story(i: &Imported) -> String {
    let answer = match i.classes.len() {
        0 => format!("the number '{}'", i.target),
        2 => format!("the chance that '{}' is '{}' rather than '{}'", i.target, i.classes[1], i.classes[0]),
        n => format!("the chance of each of {n} classes of '{}'", i.target),
    };
    let (columns, trees, nodes) = (i.columns.len(), i.trees, i.nodes);
    format!(
        "{} {} ({}): {trees} trees of {nodes} nodes over {columns} columns predict {answer}.\n",
        i.program, i.version, i.objective
    )
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
        story(i),
        i.file,
        i.sha256,
        columns.concat(),
    )
}

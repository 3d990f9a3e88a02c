//! A model file as text for people.

use std::fmt::Display;

use tidemill_core::Role;
use tidemill_package::ColumnInfo;
use tidemill_report::words::{Words, fill};

use super::role;
use crate::model::Inspected;

/// What `inspect` shows to people; the card is as it stands in the file.
pub fn inspected(words: &Words, i: &Inspected) -> String {
    let said = &words.story;
    let file = i.file.display();
    let values: [(&str, &dyn Display); 4] = [
        ("file", &file),
        ("bytes", &i.bytes),
        ("format", &i.manifest.format),
        ("writer", &i.manifest.written_by),
    ];
    let mut lines = vec![
        fill(said.file, &values),
        fill(said.file_model, &[("hash", &i.hash)]),
        fill(said.file_chain, &[("chain", &chain(words, i))]),
        String::new(),
    ];
    for (head, columns) in [(said.file_takes, &i.manifest.input), (said.file_gives, &i.manifest.output)] {
        lines.push(head.into());
        lines.extend(columns.iter().map(|column| described(words, column)));
        lines.push(String::new());
    }
    lines.push(said.file_entries.into());
    lines.extend(i.manifest.entries.iter().map(|(name, entry)| {
        fill(said.file_entry, &[("name", name), ("bytes", &entry.bytes), ("sha", &entry.sha256)])
    }));
    lines.join("\n") + "\n\n" + &i.card
}

/// The links in their order; of several targets, a line for each.
fn chain(words: &Words, i: &Inspected) -> String {
    if i.chains.is_empty() {
        return i.chain.join(" -> ");
    }
    let of = |(target, chain): (&String, &Vec<String>)| {
        let values: [(&str, &dyn Display); 2] = [("target", target), ("chain", &chain.join(" -> "))];
        format!("\n{}", fill(words.story.file_chain_of, &values))
    };
    i.chains.iter().map(of).collect()
}

/// A column in a line: its name, what it holds, what it is for.
fn described(words: &Words, column: &ColumnInfo) -> String {
    let said = &words.story;
    let names = column.categories.as_deref().map(|names| {
        let shown = names.iter().take(8).cloned().collect::<Vec<_>>().join(words.list);
        let template = if names.len() > 8 { said.file_names_many } else { said.file_names };
        fill(template, &[("names", &shown), ("n", &names.len())])
    });
    let role = match column.role {
        Role::Feature => String::new(),
        of => fill(said.file_role, &[("role", &role(words, of))]),
    };
    let values: [(&str, &dyn Display); 4] = [
        ("name", &column.name),
        ("kind", &words.kind(column.kind.word())),
        ("names", &names.unwrap_or_default()),
        ("role", &role),
    ];
    fill(said.file_column, &values)
}

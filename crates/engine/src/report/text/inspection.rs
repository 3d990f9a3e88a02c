//! A model file as text for people.

use tidemill_core::Role;
use tidemill_package::ColumnInfo;

use crate::model::Inspected;

/// What `inspect` shows to people.
pub fn inspected(i: &Inspected) -> String {
    let columns = |list: &[ColumnInfo]| -> String { list.iter().map(described).collect() };
    let chain = match i.chains.is_empty() {
        true => i.chain.join(" -> "),
        false => {
            i.chains.iter().map(|(target, chain)| format!("\n  {target}: {}", chain.join(" -> "))).collect()
        }
    };
    format!(
        "{file} ({bytes} bytes), format {format}, written by {writer}\nmodel {hash}\nchain: {chain}\n\n\
         Takes:\n{input}\nGives:\n{output}\nEntries:\n{entries}\n{card}",
        file = i.file.display(),
        bytes = i.bytes,
        format = i.manifest.format,
        writer = i.manifest.written_by,
        hash = i.hash,
        input = columns(&i.manifest.input),
        output = columns(&i.manifest.output),
        entries = i
            .manifest
            .entries
            .iter()
            .map(|(name, e)| format!("  {name}: {} bytes, SHA-256 {}\n", e.bytes, e.sha256))
            .collect::<String>(),
        card = i.card,
    )
}

/// A column in a line: its name, what it holds, what it is for.
fn described(column: &ColumnInfo) -> String {
    let names = column.categories.as_deref().map(|names| {
        let shown = names.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
        if names.len() > 8 {
            format!(": {shown}, … ({} in all)", names.len())
        } else {
            format!(": {shown}")
        }
    });
    let role = if column.role == Role::Feature {
        String::new()
    } else {
        format!(" ({:?})", column.role).to_lowercase()
    };
    format!("  {}, {}{}{role}\n", column.name, column.kind.word(), names.unwrap_or_default())
}

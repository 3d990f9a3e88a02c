//! Backups as text for people.

use std::fmt::Write;

use crate::backup::{Done, Drilled, Set};
use crate::format::size;

/// What a run did.
pub fn backed_up(done: &Done) -> String {
    let mut text = format!(
        "set {}: {} files, {}; {} of it new\n",
        done.set,
        done.files,
        size(done.bytes),
        size(done.new_bytes)
    );
    if !done.removed.is_empty() {
        let _ = writeln!(text, "older sets removed: {}", done.removed.join(", "));
    }
    text
}

/// A set in a line.
pub fn backup_line(set: &Set) -> String {
    let bytes = set.files.iter().map(|kept| kept.bytes).sum();
    format!("{}  {:>5} files  {:>9}\n", set.id, set.files.len(), size(bytes))
}

/// What a drill found.
pub fn drilled(found: &Drilled) -> String {
    let Drilled { set, files, bytes, opened, faults } = found;
    let mut text = match faults.len() {
        0 => format!(
            "set {set} can be restored: {files} files ({}) came back as they were kept; {opened} models and stores opened\n",
            size(*bytes)
        ),
        n => format!("set {set} CANNOT be restored whole: {n} of {files} files are damaged\n"),
    };
    for fault in faults {
        let _ = writeln!(text, "  {}: {}", fault.path, fault.problem);
    }
    text
}

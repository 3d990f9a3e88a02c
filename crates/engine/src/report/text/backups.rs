//! Backups as text for people.

use std::fmt::Display;
use std::path::Path;

use tidemill_report::words::{Words, fill};

use crate::backup::{Done, Drilled, Set};
use crate::format::size;

/// What a run did.
pub fn backed_up(words: &Words, done: &Done) -> String {
    let said = &words.story;
    let values: [(&str, &dyn Display); 4] = [
        ("set", &done.set),
        ("files", &done.files),
        ("bytes", &size(done.bytes)),
        ("new", &size(done.new_bytes)),
    ];
    let mut text = fill(said.backup, &values) + "\n";
    if !done.removed.is_empty() {
        let sets = done.removed.join(words.list);
        text += &format!("{}\n", fill(said.backup_removed, &[("sets", &sets)]));
    }
    text
}

/// A set in a line.
pub fn backup_line(words: &Words, set: &Set) -> String {
    let bytes = size(set.files.iter().map(|kept| kept.bytes).sum());
    let values: [(&str, &dyn Display); 3] =
        [("set", &set.id), ("files", &format!("{:>5}", set.files.len())), ("bytes", &format!("{bytes:>9}"))];
    fill(words.story.backup_line, &values) + "\n"
}

/// What a drill found.
pub fn drilled(words: &Words, found: &Drilled) -> String {
    let said = &words.story;
    let values: [(&str, &dyn Display); 5] = [
        ("set", &found.set),
        ("files", &found.files),
        ("bytes", &size(found.bytes)),
        ("opened", &found.opened),
        ("n", &found.faults.len()),
    ];
    let template = if found.faults.is_empty() { said.backup_sound } else { said.backup_damaged };
    let mut text = fill(template, &values) + "\n";
    for fault in &found.faults {
        let values: [(&str, &dyn Display); 2] = [("path", &fault.path), ("problem", &fault.problem)];
        text += &format!("{}\n", fill(said.backup_fault, &values));
    }
    text
}

/// What was restored, and where it is.
pub fn brought_back(words: &Words, set: &Set, out: &Path) -> String {
    let values: [(&str, &dyn Display); 3] =
        [("out", &out.display()), ("files", &set.files.len()), ("set", &set.id)];
    fill(words.story.backup_restored, &values) + "\n"
}

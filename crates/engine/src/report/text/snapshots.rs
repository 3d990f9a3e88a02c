//! Snapshots as text for people.

use std::fmt::Write;

use tidemill_data::snapshots::{Diff, Forgotten, Snapshot, Taken, Verified};
use tidemill_report::words::count;

use crate::facts::Restored;
use crate::format::size;

/// How many damaged chunks are told one by one.
const TOLD: usize = 50;

/// A snapshot that was taken.
pub fn taken(taken: &Taken) -> String {
    let snapshot = &taken.snapshot;
    let what = format!(
        "{} ({}): {}, {}",
        snapshot.short(),
        snapshot.name,
        count(snapshot.rows, "row"),
        count(snapshot.columns.len() as u64, "column")
    );
    if taken.known {
        return format!("{what}; these very rows were kept before, nothing was written\n");
    }
    format!(
        "{what}; {} written ({}), {} shared with other snapshots\n",
        count(taken.new_chunks as u64, "chunk"),
        size(taken.new_bytes),
        taken.shared_chunks
    )
}

/// A snapshot in a line.
pub fn snapshot_line(snapshot: &Snapshot, bytes: u64) -> String {
    let sealed = if snapshot.sealed.is_some() { "  sealed" } else { "" };
    let (id, rows, columns) = (snapshot.short(), snapshot.rows, snapshot.columns.len());
    let at = moment(snapshot.at);
    format!(
        "{id}  {at}  {rows:>9} rows  {columns:>4} columns  {:>9}  {}{sealed}\n",
        size(bytes),
        snapshot.name
    )
}

/// A snapshot and its columns.
pub fn snapshot(snapshot: &Snapshot, bytes: u64) -> String {
    let mut text = snapshot_line(snapshot, bytes);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "id {}\nfrom {} ({})", snapshot.id, snapshot.source, snapshot.format);
    if let Some(hash) = &snapshot.source_sha256 {
        let _ = writeln!(text, "SHA-256 of the source {hash}");
    }
    let key =
        snapshot.key.as_deref().map_or("none: rows cannot be forgotten by key".into(), |k| format!("'{k}'"));
    let _ = writeln!(text, "key column: {key}");
    if let Some(before) = &snapshot.replaces {
        let _ = writeln!(text, "replaces {before}, from which rows were forgotten");
    }
    for column in &snapshot.columns {
        let unpacked: u64 = column.chunks.iter().map(|c| c.bytes).sum();
        let (name, kind, n) = (&column.name, column.kind.word(), count(column.chunks.len() as u64, "chunk"));
        let _ = writeln!(text, "  {name}, {kind}: {n}, {} unpacked", size(unpacked));
    }
    text
}

/// That the file of a snapshot has changed since it was taken.
pub fn snapshot_older(snapshot: &Snapshot) -> String {
    let (name, id, at) = (&snapshot.name, snapshot.short(), moment(snapshot.at));
    format!(
        "'{name}' is compared as its snapshot {id} of {at} has it; the file has changed since: `tidemill data snapshot {name}` keeps it \
         as it is now\n"
    )
}

/// What differs between two snapshots.
pub fn diff(diff: &Diff) -> String {
    let [a, b] = diff.rows;
    let mut text = match (diff.is_empty(), a == b) {
        (true, _) => {
            return format!("no difference: {}, {}\n", count(a, "row"), count(diff.same as u64, "column"));
        }
        (_, true) => format!("{} in both\n", count(a, "row")),
        (_, false) => format!("{}, then {b}\n", count(a, "row")),
    };
    for name in &diff.vanished {
        let _ = writeln!(text, "- column '{name}' vanished");
    }
    for name in &diff.added {
        let _ = writeln!(text, "+ column '{name}' is new");
    }
    for column in &diff.changed {
        let name = &column.column;
        let _ = match (column.cells, column.kinds) {
            (_, [was, is]) if was != is => writeln!(text, "~ column '{name}' was a {was} and is a {is}"),
            (Some(cells), _) => {
                let first = column.first_row.unwrap_or_default();
                writeln!(text, "~ column '{name}': {cells} cells differ, the first in row {first}")
            }
            (None, _) => writeln!(text, "~ column '{name}' differs"),
        };
    }
    let verb = if diff.same == 1 { "is" } else { "are" };
    let _ = writeln!(text, "{} {verb} the same", count(diff.same as u64, "column"));
    text
}

/// What a check found.
pub fn verified(found: &Verified) -> String {
    let mut text = String::new();
    for damage in found.damaged.iter().take(TOLD) {
        let _ = writeln!(text, "{}", damage.message);
    }
    if found.damaged.len() > TOLD {
        let _ = writeln!(text, "… and {} more", found.damaged.len() - TOLD);
    }
    let (snapshots, chunks) =
        (count(found.snapshots as u64, "snapshot"), count(found.chunks as u64, "chunk"));
    let verdict = match found.damaged.len() {
        0 => "all as they were written".to_string(),
        n => count(n as u64, "fault"),
    };
    let _ = writeln!(text, "{snapshots}, {chunks} read: {verdict}");
    if found.closed > 0 {
        let _ = writeln!(text, "{} are sealed: their encrypted bytes were checked", found.closed);
    }
    text
}

/// Rows that were brought back.
pub fn restored(restored: &Restored) -> String {
    let id = &restored.snapshot[..restored.snapshot.len().min(12)];
    let less = match restored.forgotten {
        0 => String::new(),
        1 => "; 1 row that was there before has been forgotten since".into(),
        n => format!("; {n} rows that were there before have been forgotten since"),
    };
    format!("{}: {} of snapshot {id}{less}\n", restored.out, count(restored.rows, "row"))
}

/// What forgetting did to a folder of snapshots.
pub fn forgotten(done: &Forgotten) -> String {
    let mut text = String::new();
    let rows: u64 = done.rewritten.iter().map(|r| r.rows).sum();
    let _ = writeln!(
        text,
        "{}: forgot {} in {}, deleted {}",
        done.folder,
        count(rows, "row"),
        count(done.rewritten.len() as u64, "snapshot"),
        count(done.deleted_chunks as u64, "chunk")
    );
    for reach in &done.unreached {
        let _ = writeln!(text, "NOT reached: {} in {}: {}", reach.copy, done.folder, reach.why);
    }
    text
}

fn moment(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros)
        .map(|time| time.strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default()
}

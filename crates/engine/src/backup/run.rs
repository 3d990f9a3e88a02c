//! One backup: copies everything in its plan to the second place.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use tidemill_core::{Context, Event, Result};

use super::place::{disk, format};
use super::{Place, Plan, Set, Sort};
use crate::error::EngineError;

/// What a run did.
#[derive(Clone, Debug, Serialize)]
pub struct Done {
    /// The set.
    pub set: String,
    /// How many files it holds.
    pub files: usize,
    /// Their length in bytes.
    pub bytes: u64,
    /// How many bytes were new in the place, packed.
    pub new_bytes: u64,
    /// Older sets that were removed.
    pub removed: Vec<String>,
}

/// Copies what a plan names into its place. `now` is in microseconds since 1970, in UTC.
///
/// # Errors
/// Nothing to keep; a file that is gone; a store that is no SQLite file; a place that is full, gone or in use. Then there is no
/// new set, and those before it stay.
pub fn run(plan: &Plan, now: i64, context: &Context) -> Result<Done> {
    if plan.files.is_empty() && plan.stores.is_empty() {
        return Err(EngineError::usage(
            "nothing to back up is named",
            "name a recipe, files (--file), models (--model) or a store (--store)",
        )
        .into());
    }
    if plan.keep == 0 {
        return Err(EngineError::usage("a backup of which none is kept is none", "keep at least 1").into());
    }
    let place = Place::create(&plan.to)?;
    let _lock = place.lock()?;
    context.tell(&Event::Begin { what: "backing up".into(), steps: None });
    let mut made = Set { format: format(), id: name(now, &place.ids()?)?, files: Vec::new() };
    let mut new_bytes = 0;
    let mut keep = |from: &Path, named: &Path, sort: Sort| -> Result<()> {
        context.check()?;
        let path = inside(named);
        if made.files.iter().any(|kept| kept.path == path) {
            return Ok(());
        }
        let (kept, new) = place.keep(from, path, sort)?;
        made.files.push(kept);
        new_bytes += new;
        Ok(())
    };
    for named in &plan.files {
        for file in below(named, &plan.to)? {
            let is_model = file.extension().is_some_and(|e| e == "tidemill");
            keep(&file, &file, if is_model { Sort::Model } else { Sort::File })?;
        }
    }
    for store in &plan.stores {
        if !store.is_file() {
            return Err(EngineError::usage(
                format!("there is no store at {}", store.display()),
                "name the SQLite file that `tidemill serve` writes with --store; PostgreSQL has tools of its own",
            )
            .into());
        }
        let copy = place.scratch()?.join("store.db");
        let open = tidemill_store::Store::open(&store.to_string_lossy(), tidemill_store::Options::default())?;
        // Before the copy, which else would differ from the next one. A store that cannot be written is backed up all the same.
        let _ = open.note_copy(&plan.to);
        open.backup(&copy)?;
        keep(&copy, store, Sort::Store)?;
        fs::remove_dir_all(place.scratch()?).map_err(disk(&plan.to))?;
    }
    place.finish(&made)?;
    let removed = place.prune(plan.keep)?;
    context.tell(&Event::End);
    let bytes = made.files.iter().map(|kept| kept.bytes).sum();
    Ok(Done { set: made.id, files: made.files.len(), bytes, new_bytes, removed })
}

/// The files below a path, in the order of their names; of a file, itself. The place of the backups is not among them.
fn below(path: &Path, place: &Path) -> Result<Vec<PathBuf>> {
    let same = |path: &Path| matches!((path.canonicalize(), place.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    if same(path) {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(path).map_err(disk(path))?;
    let mut entries =
        entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(disk(path))?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        files.extend(below(&entry, place)?);
    }
    Ok(files)
}

/// A path as it lies in a set.
fn inside(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The name of a set made at this moment: one second later than the last where two fall in one.
fn name(now: i64, before: &[String]) -> Result<String> {
    let named = |second: i64| -> Result<String> {
        let at = jiff::Timestamp::from_second(second)
            .map_err(|e| tidemill_core::Error::internal(e.to_string()))?;
        Ok(at.strftime("%Y%m%dT%H%M%SZ").to_string())
    };
    let mut second = now.div_euclid(1_000_000);
    while before.contains(&named(second)?) {
        second += 1;
    }
    named(second)
}

//! `data`: takes, lists, compares, verifies and restores snapshots of tables.

use std::path::Path;

use serde_json::Value;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Event, Result, Source};
pub use tidemill_data::fingerprint;
use tidemill_data::snapshots::Taken;
pub use tidemill_data::snapshots::{About, FOLDER, Snapshot, Vault};
use tidemill_data::{Provenance, ReadOptions};

use crate::error::EngineError;
use crate::facts::Restored;
use crate::files::clean;
use crate::serve::privacy::identities;

/// The vault in a folder, with what opens sealed snapshots: the text of an age identity file.
///
/// # Errors
/// No snapshots there; an identity file without an identity.
pub fn vault(folder: &Path, identity: Option<&str>) -> Result<Vault> {
    let vault = Vault::open(folder)?;
    Ok(match identity {
        Some(text) => vault.with_identities(identities(text)?),
        None => vault,
    })
}

/// Takes a snapshot of a source, read as the recipe says. `about` says what is not found out from the source.
///
/// # Errors
/// A source that cannot be read, and those of [`Vault::take`].
pub fn snapshot(
    source: &str,
    recipe: &Recipe,
    folder: &Path,
    about: About,
    context: &Context,
) -> Result<Taken> {
    let options = ReadOptions::of(&recipe.data)?;
    let (rows, read) = tidemill_data::source::open_described(source, &options)?;
    let sha256 = (source != "-").then(|| fingerprint(source)).transpose()?;
    let key = about.key.clone().or_else(|| recipe.data.key.clone());
    let about = About { source_sha256: sha256, key, ..described(source, &read, about) };
    take(&*rows, folder, &about, context)
}

/// Takes a snapshot of rows that are open already.
///
/// # Errors
/// Those of [`Vault::take`].
pub(super) fn take(rows: &dyn Source, folder: &Path, about: &About, context: &Context) -> Result<Taken> {
    context.tell(&Event::Begin { what: "keeping rows".into(), steps: None });
    let taken = Vault::create(folder)?.take(rows, about, &|| context.check())?;
    context.tell(&Event::End);
    Ok(taken)
}

fn described(source: &str, read: &Provenance, about: About) -> About {
    About { source: clean(source), format: read.format.clone(), ..about }
}

/// Writes the rows of a snapshot to a file of any format, as they were read from their source. `forgotten` is told with them.
///
/// # Errors
/// A chunk that is damaged, named; a format that cannot hold the columns; a disk that is full. Nothing is left behind then.
pub fn restore(
    vault: &Vault,
    snapshot: &Snapshot,
    forgotten: u64,
    out: &str,
    context: &Context,
) -> Result<Restored> {
    let rows = vault.rows(snapshot)?;
    let mut sink = tidemill_data::create(out, rows.schema())?;
    context.tell(&Event::Begin { what: "restoring".into(), steps: Some(snapshot.rows) });
    for batch in rows.scan()? {
        context.check()?;
        let batch = batch?;
        context.tell(&Event::Step(batch.n_rows() as u64));
        sink.write(&batch)?;
    }
    sink.finish()?;
    context.tell(&Event::End);
    let (id, out) = (snapshot.id.clone(), out.to_string());
    Ok(Restored { snapshot: id, out, rows: snapshot.rows, forgotten })
}

/// The snapshot of the rows that a model was trained on (the one that its file names, else one that was taken of the same file), and how
/// many of its rows were forgotten since.
///
/// # Errors
/// A file that is no model; no such snapshot, with the hash of the rows.
pub fn of_model(vault: &Vault, model: &Path) -> Result<(Snapshot, u64)> {
    let (package, _) = tidemill_package::open(model)?;
    let data = package.manifest.about.get("data").cloned().unwrap_or(Value::Null);
    let said = |key: &str| data.get(key).and_then(Value::as_str);
    if let Some(id) = said("snapshot") {
        return Ok((vault.find(id)?, forgotten_since(vault, id)?));
    }
    let same = |s: &&Snapshot| s.source_sha256.is_some() && s.source_sha256.as_deref() == said("sha256");
    if let Some(found) = vault.all()?.0.iter().rev().find(same) {
        let forgotten = match &found.replaces {
            // The hash of the file stays with a snapshot that lost rows.
            Some(_) => vault
                .tombstones()?
                .iter()
                .filter(|t| t.replaced_by.as_ref() == Some(&found.id))
                .map(|t| t.rows)
                .sum(),
            None => 0,
        };
        return Ok((found.clone(), forgotten));
    }
    let hash = said("sha256").map_or("it does not say the hash of its file".into(), |hash| {
        format!("their file had the SHA-256 {hash}")
    });
    Err(EngineError::usage(
        format!(
            "{}: no snapshot in {} holds the rows it was trained on; {hash}",
            model.display(),
            vault.folder().display()
        ),
        "for the next model, say `snapshot = true` in [data], or take one with `tidemill data snapshot`",
    )
    .into())
}

/// How many rows of a snapshot were forgotten since it was taken.
fn forgotten_since(vault: &Vault, named: &str) -> Result<u64> {
    let stones = vault.tombstones()?;
    let (mut at, mut rows) = (Some(named.to_string()), 0);
    // Each tombstone leads to a later one, and no further than there are tombstones.
    for _ in 0..=stones.len() {
        let Some(stone) = at.as_ref().and_then(|id| stones.iter().find(|stone| stone.id == *id)) else {
            break;
        };
        rows += stone.rows;
        at = stone.replaced_by.clone();
    }
    Ok(rows)
}

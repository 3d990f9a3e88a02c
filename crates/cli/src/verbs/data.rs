//! `tidemill data`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::json;
use tidemill_engine::builtin;
use tidemill_engine::core::Result;
use tidemill_engine::core::recipe::Recipe;
use tidemill_engine::error::EngineError;
use tidemill_engine::recipe;
use tidemill_engine::report::text;
use tidemill_engine::verbs::data::{self, About, Snapshot, Vault};
use tidemill_report::words::count;

use super::service::read_identity;
use super::{context, is_recipe, json_of, source_of};
use crate::args::Cli;
use crate::args::data::{Data, DataAct};
use crate::show::Shown;

pub(super) fn data(args: &Data, cli: &Cli) -> Result<Shown> {
    if let DataAct::Snapshot { data, name, key, seal } = &args.act {
        let about = About {
            name: name.clone().unwrap_or_default(),
            key: key.clone(),
            seal: seal.clone(),
            at: tidemill_store::now(),
            ..About::default()
        };
        return snapshot(data, about, &args.folder, cli);
    }
    let identity = read_identity(args.identity.as_deref())?;
    let vault = data::vault(&args.folder, identity.as_deref())?;
    match &args.act {
        DataAct::Snapshot { .. } | DataAct::List => list(&vault),
        DataAct::Show { id } => {
            let found = vault.find(id)?;
            let bytes = vault.stored_bytes(&found);
            Ok(Shown::new(text::snapshot(&found, bytes), json_of(&found)?))
        }
        DataAct::Diff { a, b } => {
            let (old, new) = (found(&vault, a)?, found(&vault, b)?);
            let diff = vault.diff(&old, &new)?;
            let notes: Vec<String> = [(a, &old), (b, &new)]
                .into_iter()
                .filter_map(|(name, taken)| changed_since(name, taken))
                .collect();
            let mut shown = Shown::new(notes.concat() + &text::diff(&diff), json_of(&diff)?);
            if !notes.is_empty() {
                shown.json["notes"] = json_of(&notes)?;
            }
            shown.no = !diff.is_empty();
            Ok(shown)
        }
        DataAct::Restore { id, of, out } => restore(&vault, (id.as_deref(), of.as_deref()), out, cli),
        DataAct::Verify { id } => {
            let context = context(cli, 0, None)?;
            let found = vault.verify(id.as_deref(), &|| context.check())?;
            let mut shown = Shown::new(text::verified(&found), json_of(&found)?);
            shown.no = !found.damaged.is_empty();
            Ok(shown)
        }
        DataAct::Prune { ids, keep, dry_run } => {
            if *keep == Some(0) {
                let remedy = "name the snapshots to remove, or keep at least 1";
                return Err(EngineError::usage("--keep 0 would remove every snapshot", remedy).into());
            }
            let pruned = vault.prune(*keep, ids, *dry_run)?;
            let would = if *dry_run { "would remove" } else { "removed" };
            let (n, chunks) =
                (count(pruned.snapshots.len() as u64, "snapshot"), count(pruned.chunks as u64, "chunk"));
            let text = format!("{would} {n} and {chunks}, {} bytes\n", pruned.bytes);
            Ok(Shown::new(text, json_of(&pruned)?))
        }
    }
}

/// A snapshot to compare; who names a file of which none was taken is told how.
fn found(vault: &Vault, name: &str) -> Result<Snapshot> {
    vault.find(name).map_err(|e| match Path::new(name).is_file() {
        true => EngineError::usage(
            e.to_string(),
            format!("two snapshots are compared, and this is a file: `tidemill data snapshot {name}` keeps it as it is now"),
        )
        .into(),
        false => e,
    })
}

/// Who names a snapshot as a file is named may mean the file: what is compared is said where that has changed since.
fn changed_since(name: &str, snapshot: &Snapshot) -> Option<String> {
    let taken =
        snapshot.source_sha256.as_ref().filter(|_| snapshot.name == name && Path::new(name).is_file())?;
    let now = data::fingerprint(name).ok()?;
    (now != *taken).then(|| text::snapshot_older(snapshot))
}

fn snapshot(given: &str, about: About, folder: &Path, cli: &Cli) -> Result<Shown> {
    let file = is_recipe(given).then(|| PathBuf::from(given));
    let recipe = match &file {
        Some(file) => recipe::read(file, &builtin::registry())?,
        None => Recipe::default(),
    };
    let source = source_of(given, file.as_deref(), &recipe)?;
    let taken = data::snapshot(&source, &recipe, folder, about, &context(cli, 0, None)?)?;
    Ok(Shown::new(text::taken(&taken), json_of(&taken)?))
}

fn list(vault: &Vault) -> Result<Shown> {
    let (all, broken) = vault.all()?;
    let stones = vault.tombstones()?;
    let line = |s: &Snapshot| text::snapshot_line(s, vault.stored_bytes(s));
    let mut text: String = all.iter().map(line).collect();
    // Writing to a string cannot fail.
    for (_, e) in &broken {
        let _ = writeln!(text, "{e}");
    }
    for stone in &stones {
        let (id, rows) = (&stone.id[..stone.id.len().min(12)], count(stone.rows, "row"));
        let next =
            stone.replaced_by.as_ref().map(|next| format!(", replaced by {}", &next[..next.len().min(12)]));
        let _ = writeln!(text, "{id}  gone: forgotten with {rows}{}", next.unwrap_or_default());
    }
    if text.is_empty() {
        text = "no snapshots\n".into();
    }
    let broken: Vec<_> = broken.iter().map(|(id, e)| json!({ "id": id, "problem": e.to_string() })).collect();
    let mut shown =
        Shown::new(text, json!({ "snapshots": all, "damaged": broken, "tombstones": json_of(&stones)? }));
    shown.no = !broken.is_empty();
    Ok(shown)
}

fn restore(vault: &Vault, (id, of): (Option<&str>, Option<&Path>), out: &str, cli: &Cli) -> Result<Shown> {
    if cli.json && out == "-" {
        let problem = "--json and the rows cannot both go to standard output";
        return Err(EngineError::usage(problem, "name a file with -o, or leave --json out").into());
    }
    let context = context(cli, 0, None)?;
    let (snapshot, forgotten) = match (of, id) {
        (Some(model), _) => data::of_model(vault, model)?,
        (None, id) => (vault.find(id.unwrap_or_default())?, 0),
    };
    let restored = data::restore(vault, &snapshot, forgotten, out, &context)?;
    let text = if out == "-" { String::new() } else { text::restored(&restored) };
    Ok(Shown::new(text, json_of(&restored)?))
}

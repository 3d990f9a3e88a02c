//! `tidemill backup`.

use std::path::Path;

use serde_json::json;
use tidemill_engine::backup::{self, Place, Plan};
use tidemill_engine::core::Result;
use tidemill_engine::error::EngineError;
use tidemill_engine::report::text;
use tidemill_engine::report::words::Words;
use tidemill_engine::verbs::backup as verb;

use super::service::copy_store;
use super::{context, json_of};
use crate::args::Cli;
use crate::args::backup::{Backup, BackupAct, Run};
use crate::show::Shown;

pub(super) fn backup(args: &Backup, cli: &Cli) -> Result<Shown> {
    let context = context(cli, 0, None)?;
    match (&args.act, &args.store, &args.out) {
        (Some(BackupAct::Run(args)), ..) => {
            let done = backup::run(&plan(args)?, tidemill_store::now(), &context)?;
            Ok(Shown::new(text::backed_up(args.lang.words(), &done), json_of(&done)?))
        }
        (Some(BackupAct::List { place, lang }), ..) => list(lang.words(), place),
        (Some(BackupAct::Drill { place, set, lang }), ..) => {
            let found = backup::drill(&Place::open(place)?, set.as_deref(), &context)?;
            let mut shown = Shown::new(text::drilled(lang.words(), &found), json_of(&found)?);
            shown.no = !found.faults.is_empty();
            Ok(shown)
        }
        (Some(BackupAct::Restore { place, out, set, lang }), ..) => {
            let set = backup::restore(&Place::open(place)?, set.as_deref(), out, &context)?;
            let text = text::brought_back(lang.words(), &set, out);
            Ok(Shown::new(text, json!({ "set": set.id, "files": set.files.len(), "out": out })))
        }
        (None, Some(store), Some(out)) => copy_store(store, out),
        (None, ..) => Err(EngineError::usage(
            "nothing to back up is named",
            "say `tidemill backup run RECIPE --to DIR`, or `tidemill backup STORE -o FILE`",
        )
        .into()),
    }
}

/// What the recipe and the flags say together.
fn plan(args: &Run) -> Result<Plan> {
    let mut plan = verb::plan(args.recipe.as_deref(), args.to.clone(), args.keep)?;
    plan.files.extend(args.file.iter().chain(&args.model).cloned());
    plan.stores.clone_from(&args.store);
    Ok(plan)
}

fn list(words: &Words, place: &Path) -> Result<Shown> {
    let place = Place::open(place)?;
    let (mut lines, mut sets) = (String::new(), Vec::new());
    for id in place.ids()? {
        let set = place.set(Some(&id))?;
        lines += &text::backup_line(words, &set);
        sets.push(json!({ "set": set.id, "files": set.files.len() }));
    }
    Ok(Shown::new(lines, json!({ "sets": sets })))
}

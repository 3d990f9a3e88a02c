//! `tidemill check`.

use std::path::PathBuf;

use serde_json::json;
use tidemill_engine::audit::{self, Audit};
use tidemill_engine::builtin;
use tidemill_engine::core::Result;
use tidemill_engine::core::recipe::Recipe;
use tidemill_engine::files::replace;
use tidemill_engine::recipe;
use tidemill_engine::report::words::fill;
use tidemill_engine::report::{page, text};
use tidemill_engine::verbs::labels;

use super::{context, is_recipe, json_of, overlay, source_of};
use crate::args::{Check, Cli};
use crate::show::Shown;

/// Audits a table; with `--strict`, a severe finding is a 'no'.
pub(super) fn check(args: &Check, cli: &Cli) -> Result<Shown> {
    let file = is_recipe(&args.data).then(|| PathBuf::from(&args.data));
    let mut recipe = match &file {
        Some(file) => recipe::read(file, &builtin::registry())?,
        None => Recipe::default(),
    };
    overlay(&mut recipe, &args.about)?;
    let source = source_of(&args.data, file.as_deref(), &recipe)?;
    let context = context(cli, recipe.train.seed, args.threads)?;
    let audit: Audit = audit::check(&source, &recipe, &context)?;
    let words = args.lang.words();
    let no = args.strict && audit.severe > 0;
    let (mut shown, mut json) = (text::audit(words, &audit), json_of(&audit)?);
    if args.labels {
        let doubtful = labels::doubtful(&source, &recipe, &context)?;
        shown += &format!("\n{}", text::labels(words, &doubtful));
        json["labels"] = json_of(&doubtful)?;
    }
    if let Some(file) = &args.report {
        replace(file, page::audit(words, &audit).as_bytes())?;
        shown += &format!("\n{}\n", fill(words.story.report_file, &[("file", &file.display())]));
        json["written"] = json!({ "report": file });
    }
    Ok(Shown { text: shown, json, no })
}

//! `tidemill prepare`.

use std::path::PathBuf;

use tidemill_engine::builtin;
use tidemill_engine::core::Result;
use tidemill_engine::core::recipe::Recipe;
use tidemill_engine::error::EngineError;
use tidemill_engine::files::replace;
use tidemill_engine::recipe;
use tidemill_engine::report::words::fill;
use tidemill_engine::report::{page, text};
use tidemill_engine::verbs::prepare;

use super::{context, is_recipe, json_of, overlay, source_of};
use crate::args::Cli;
use crate::args::prepare::Prepare;
use crate::show::Shown;

pub(super) fn prepare(args: &Prepare, cli: &Cli) -> Result<Shown> {
    let refuse = |problem: &str, remedy: &str| Err(EngineError::usage(problem, remedy).into());
    if args.out.is_none() && args.save.is_none() && args.report.is_none() && !cli.json {
        return refuse("there is nothing to write to", "name a file with -o, --save or --report");
    }
    if cli.json && args.out.as_deref() == Some("-") {
        let problem = "--json and the rows cannot both go to standard output";
        return refuse(problem, "name a file with -o, or leave --json out");
    }
    let file = is_recipe(&args.data).then(|| PathBuf::from(&args.data));
    let mut recipe = match &file {
        Some(file) => recipe::read(file, &builtin::registry())?,
        None => Recipe::default(),
    };
    overlay(&mut recipe, &args.about)?;
    let source = source_of(&args.data, file.as_deref(), &recipe)?;
    recipe.train.seed = args.seed.unwrap_or(recipe.train.seed);
    let context = context(cli, recipe.train.seed, args.threads)?;
    let facts = match &args.with {
        Some(saved) => prepare::apply(saved, &source, args.out.as_deref(), &context)?,
        None => {
            let job = prepare::Job {
                source,
                recipe,
                has_recipe: file.is_some(),
                learner: args.learner.clone(),
                balance: args.balance,
                out: args.out.clone(),
                save: args.save.clone(),
            };
            prepare::learn(&job, &context)?
        }
    };
    let words = args.lang.words();
    let (mut shown, mut json) = (text::prepared(words, &facts), json_of(&facts)?);
    if let Some(file) = &args.report {
        replace(file, page::prepared(words, &facts).as_bytes())?;
        shown += &(fill(words.story.report_file, &[("file", &file.display())]) + "\n");
        json["report"] = serde_json::json!(file);
    }
    // Rows on standard output stand there alone.
    Ok(Shown::new(if args.out.as_deref() == Some("-") { String::new() } else { shown }, json))
}

//! `tidemill synthesize`.

use std::path::PathBuf;

use tidemill_engine::builtin;
use tidemill_engine::core::Result;
use tidemill_engine::core::recipe::Recipe;
use tidemill_engine::error::EngineError;
use tidemill_engine::files::replace;
use tidemill_engine::recipe;
use tidemill_engine::report::words::fill;
use tidemill_engine::report::{page, text};
use tidemill_engine::verbs::synthesize::{self, Job, Method};

use super::{context, is_recipe, json_of, overlay, source_of};
use crate::args::Cli;
use crate::args::synthesize::{self as args_of, Synthesize};
use crate::show::Shown;

/// Makes rows that are distributed like those of a table.
pub(super) fn synthesize(args: &Synthesize, cli: &Cli) -> Result<Shown> {
    let refuse = |problem: &str, remedy: &str| Err(EngineError::usage(problem, remedy).into());
    if args.out.is_none() && args.report.is_none() && !cli.json {
        return refuse("there is nothing to write to", "name a file with -o or --report");
    }
    if cli.json && args.out.as_deref() == Some("-") {
        let problem = "--json and the rows cannot both go to standard output";
        return refuse(problem, "name a file with -o, or leave --json out");
    }
    let method = match (args.method, args.steps) {
        (args_of::Method::Gan, steps) => Method::Gan { steps },
        (args_of::Method::Copula, None) => Method::Copula,
        (args_of::Method::Copula, Some(_)) => {
            return refuse(
                "--steps is for --method gan, and the method is copula",
                "leave --steps out, or give --method gan",
            );
        }
    };
    let file = is_recipe(&args.data).then(|| PathBuf::from(&args.data));
    let mut recipe = match &file {
        Some(file) => recipe::read(file, &builtin::registry())?,
        None => Recipe::default(),
    };
    overlay(&mut recipe, &args.about)?;
    let source = source_of(&args.data, file.as_deref(), &recipe)?;
    let context = context(cli, args.seed.unwrap_or(recipe.train.seed), args.threads)?;
    let job = Job { source, recipe, n: args.n, method, out: args.out.clone() };
    let facts = synthesize::synthesize(&job, &context)?;
    let words = args.lang.words();
    let (mut shown, mut json) = (text::synthesized(words, &facts), json_of(&facts)?);
    if let Some(file) = &args.report {
        replace(file, page::synthesized(words, &facts).as_bytes())?;
        shown += &(fill(words.story.report_file, &[("file", &file.display())]) + "\n");
        json["report"] = serde_json::json!(file);
    }
    // Rows on standard output stand there alone.
    Ok(Shown::new(if args.out.as_deref() == Some("-") { String::new() } else { shown }, json))
}

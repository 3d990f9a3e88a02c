//! `tidemill import`.

use tidemill_engine::core::Result;
use tidemill_engine::import::Asked;
use tidemill_engine::report::text;
use tidemill_engine::report::words::fill;
use tidemill_engine::verbs::import;

use super::{context, json_of};
use crate::args::Cli;
use crate::args::import::Import;
use crate::show::Shown;

/// Takes over a model of another program.
pub(super) fn import(args: &Import, cli: &Cli) -> Result<Shown> {
    let out = args.out.clone().unwrap_or_else(|| args.file.with_extension("tidemill"));
    let asked =
        Asked { target: args.target.clone(), classes: args.classes.clone(), columns: args.columns.clone() };
    let written = import::file(&args.file, &out, &asked, &context(cli, 0, None)?)?;
    let words = args.lang.words();
    let file = fill(words.story.written_file, &[("file", &out.display())]);
    let shown = format!("{}\n{file}\n", text::imported(words, &written.facts));
    Ok(Shown::new(shown, json_of(&written)?))
}

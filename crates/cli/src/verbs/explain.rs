//! `tidemill explain`.

use tidemill_engine::core::Result;
use tidemill_engine::error::EngineError;
use tidemill_engine::explain::{Asked, Method};
use tidemill_engine::report::text;
use tidemill_engine::report::words::fill;
use tidemill_engine::verbs::explain;

use super::{context, json_of};
use crate::args::Cli;
use crate::args::explain::{Explain, MethodArg};
use crate::show::Shown;

/// Explains rows of a file.
pub(super) fn explain(args: &Explain, cli: &Cli) -> Result<Shown> {
    let rows = args.rows.as_deref().map(numbers).transpose()?.unwrap_or_default();
    let method = match args.method {
        MethodArg::Auto => None,
        MethodArg::TreeShap => Some(Method::TreeShap),
        MethodArg::LinearShap => Some(Method::LinearShap),
        MethodArg::PermutationShap => Some(Method::PermutationShap),
    };
    let asked = Asked { rows, method };
    let context = context(cli, 0, args.threads)?;
    let out = args.out.as_deref();
    let found = explain::file(&args.model, &args.data, args.background.as_deref(), &asked, out, &context)?;
    let words = args.lang.words();
    let mut shown = text::explanation(words, &found);
    if let Some(out) = out {
        shown += &format!("\n{}\n", fill(words.story.written_file, &[("file", &out)]));
    }
    Ok(Shown::new(shown, json_of(&found)?))
}

/// `3,7-9` as 3, 7, 8 and 9.
fn numbers(text: &str) -> Result<Vec<u64>> {
    let wrong = || EngineError::usage(format!("--rows '{text}' is not a list of rows"), "write it as 3,7-9");
    let mut rows = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u64>().ok();
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last && last - first < 1_000_000 => {
                rows.extend(first..=last)
            }
            _ => return Err(wrong().into()),
        }
    }
    Ok(rows)
}

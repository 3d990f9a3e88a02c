//! `tidemill compare`.

use std::path::Path;

use tidemill_engine::core::Result;
use tidemill_engine::error::EngineError;
use tidemill_engine::report::text::{Two, comparison};
use tidemill_engine::report::words::{Words, fill};
use tidemill_engine::verbs::compare::{self, Compared};

use super::{context, json_of};
use crate::args::{Cli, Compare};
use crate::show::Shown;

/// Compares two; a second that is not better (or, when so asked, that is worse) is a 'no'.
pub(super) fn compare(args: &Compare, cli: &Cli) -> Result<Shown> {
    let context = context(cli, 0, None)?;
    let metric = args.metric.as_deref();
    let found = match (&args.data, &args.answers.truth) {
        (data, Some(truth)) => {
            let [first, second] = predicted(args)?.map(|predicted| args.answers.labels(truth, predicted));
            let files = [args.first.as_str(), args.second.as_str()];
            compare::predictions(files, [&first, &second], data.as_deref(), metric, &context)?
        }
        (Some(data), None) => {
            let paths = [Path::new(&args.first), Path::new(&args.second)];
            compare::models(paths, data, metric, &context)?
        }
        (None, None) => {
            return Err(EngineError::usage(
                "it is not clear what to compare on",
                "either `compare A.tidemill B.tidemill DATA`, or `compare A.csv B.csv --truth COL --pred COL`",
            )
            .into());
        }
    };
    let no = if args.not_worse { found.is_worse() } else { !found.is_better() };
    Ok(Shown { text: text(args.lang.words(), &found), json: json_of(&found)?, no })
}

/// The column of each file.
fn predicted(args: &Compare) -> Result<[&String; 2]> {
    match args.pred.as_slice() {
        [both] => Ok([both, both]),
        [first, second] => Ok([first, second]),
        more => {
            let problem = format!("--pred names {} columns, and two are compared", more.len());
            Err(EngineError::usage(problem, "give it once, or once for each of the two").into())
        }
    }
}

fn text(words: &Words, found: &Compared) -> String {
    let two = Two { names: [&found.first, &found.second], rows: found.rows, found: &found.found };
    let notes = found.warnings.iter();
    let notes: String = notes
        .map(|w| fill(words.story.note, &[("message", &words.told(&w.code, &w.message))]) + "\n")
        .collect();
    comparison(words, &two) + &notes
}

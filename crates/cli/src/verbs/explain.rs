//! `tidemill explain`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tidemill_engine::core::Result;
use tidemill_engine::error::EngineError;
use tidemill_engine::explain::{Asked, Method};
use tidemill_engine::report::text;
use tidemill_engine::verbs::explain;

use super::{context, json_of};
use crate::args::Cli;
use crate::show::Shown;

/// `tidemill explain`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidemill explain model.tidemill new.csv                     what matters, and the first rows one by one
  tidemill explain model.tidemill new.csv --rows 3,7-9        these rows, counted from 1
  tidemill explain model.tidemill new.csv -o shap.parquet     every value, a row for each row")]
pub(crate) struct Explain {
    /// The model file.
    pub model: PathBuf,
    /// A table (CSV, TSV, Parquet, JSON lines, Arrow; gzip or zstd), a glob, or `-`.
    pub data: String,
    /// Rows to explain, such as `3,7-9`, counted from 1 [default: all].
    #[arg(long, value_name = "ROWS")]
    pub rows: Option<String>,
    /// How [default: exact where the model allows it, else sampled].
    #[arg(long, value_enum, value_name = "METHOD", default_value_t = MethodArg::Auto)]
    pub method: MethodArg,
    /// Rows that stand for what is usual [default: the data themselves].
    #[arg(long, value_name = "FILE")]
    pub background: Option<String>,
    /// Where the values of every row go: .csv, .tsv, .parquet, .jsonl or .arrow.
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<String>,
    /// How many threads may work [default: all cores].
    #[arg(long)]
    pub threads: Option<usize>,
}

/// A way of explaining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum MethodArg {
    /// The best that the model allows.
    Auto,
    /// Exact for trees.
    TreeShap,
    /// Exact for linear functions.
    LinearShap,
    /// Sampled, for any model.
    PermutationShap,
}

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
    let mut shown = text::explanation(&found);
    if let Some(out) = out {
        shown += &format!("\nWritten: {out}\n");
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

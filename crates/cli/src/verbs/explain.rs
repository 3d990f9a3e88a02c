//! `tidemill explain`.

use std::ops::RangeInclusive;

use tidemill_engine::core::Result;
use tidemill_engine::error::EngineError;
use tidemill_engine::explain::{Asked, LimeSettings, Method};
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
        MethodArg::KernelShap => Some(Method::KernelShap),
        MethodArg::Lime => Some(Method::Lime),
    };
    let asked = Asked { rows, method, lime: lime(args)? };
    let context = context(cli, 0, args.threads)?;
    let out = args.out.as_deref();
    let (target, background) = (args.target.as_deref(), args.background.as_deref());
    let found = explain::file(&args.model, target, &args.data, background, &asked, out, &context)?;
    let words = args.lang.words();
    let mut shown = text::explanation(words, &found);
    if let Some(out) = out {
        shown += &format!("\n{}\n", fill(words.story.written_file, &[("file", &out)]));
    }
    Ok(Shown::new(shown, json_of(&found)?))
}

/// How LIME looks around a row.
fn lime(args: &Explain) -> Result<LimeSettings> {
    let usual = LimeSettings::default();
    let told = [
        ("--kernel-width", args.kernel_width.is_some()),
        ("--samples", args.samples.is_some()),
        ("--repeats", args.repeats.is_some()),
    ];
    if args.method != MethodArg::Lime
        && let Some((flag, _)) = told.iter().find(|(_, told)| *told)
    {
        return Err(EngineError::usage(format!("{flag} is for lime alone"), "add --method lime").into());
    }
    let number = |flag: &str, told: Option<usize>, usual: usize, range: RangeInclusive<usize>| match told {
        Some(n) if !range.contains(&n) => {
            let problem = format!("{flag} {n} is not between {} and {}", range.start(), range.end());
            Err(EngineError::usage(problem, format!("leave it out for {usual}")))
        }
        told => Ok(told.unwrap_or(usual)),
    };
    if let Some(width) = args.kernel_width.filter(|width| !(width.is_finite() && *width > 0.0)) {
        let problem = format!("--kernel-width {width} is not a number above 0");
        return Err(EngineError::usage(problem, "give a width above 0").into());
    }
    Ok(LimeSettings {
        n_samples: number("--samples", args.samples, usual.n_samples, 10..=1_000_000)?,
        n_repeats: number("--repeats", args.repeats, usual.n_repeats, 1..=100)?,
        kernel_width: args.kernel_width,
        ..usual
    })
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

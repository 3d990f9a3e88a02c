//! `tidemill explain`.

use std::ops::RangeInclusive;

use tidemill_engine::core::Result;
use tidemill_engine::core::recipe::Changeable;
use tidemill_engine::error::EngineError;
use tidemill_engine::explain::{Asked, AskedEffects, AskedRows, LimeSettings, Method, WhatIf};
use tidemill_engine::files::replace;
use tidemill_engine::report::words::fill;
use tidemill_engine::report::{page, text};
use tidemill_engine::verbs::explain::{self, Job};

use super::{context, json_of};
use crate::args::Cli;
use crate::args::explain::{Explain, MethodArg};
use crate::show::Shown;

/// Explains rows of a file.
pub(super) fn explain(args: &Explain, cli: &Cli) -> Result<Shown> {
    refuse_options_of_others(args)?;
    let rows = args.rows.as_deref().map(numbers).transpose()?.unwrap_or_default();
    let lime = lime(args)?;
    let context = context(cli, 0, args.threads)?;
    let job = Job {
        model: &args.model,
        target: args.target.as_deref(),
        data: &args.data,
        background: args.background.as_deref(),
        out: args.out.as_deref(),
    };
    let words = args.lang.words();
    let (told, html, mut json) = match args.method {
        MethodArg::Counterfactual => {
            let columns = args.columns.iter().map(|text| changeable(text)).collect::<Result<_>>()?;
            let asked = WhatIf { rows, wanted: args.wanted.clone(), columns };
            let found = explain::what_if(&job, &asked, &context)?;
            let html = args.report.as_ref().map(|_| page::counterfactuals(words, &found, &args.data));
            (text::counterfactuals(words, &found), html, json_of(&found)?)
        }
        MethodArg::Effects => {
            let asked = AskedEffects { rows, columns: args.columns.clone() };
            let found = explain::along_columns(&job, &asked, &context)?;
            let html = args.report.as_ref().map(|_| page::effects(words, &found, &args.data));
            (text::effects(words, &found), html, json_of(&found)?)
        }
        MethodArg::Rows => {
            let asked = AskedRows { rows, neighbors: neighbors(args)? };
            let job = Job { background: args.training.as_deref(), ..job };
            let found = explain::of_rows(&job, &asked, &context)?;
            let html = args.report.as_ref().map(|_| page::teachers(words, &found, &args.data));
            (text::teachers(words, &found), html, json_of(&found)?)
        }
        MethodArg::Surrogate => {
            let found = explain::small_tree(&job, &context)?;
            let html = args.report.as_ref().map(|_| page::surrogate(words, &found, &args.data));
            (text::surrogate(words, &found), html, json_of(&found)?)
        }
        MethodArg::Coefficients => {
            let found = explain::of_linear(&job, &context)?;
            let html = args.report.as_ref().map(|_| page::coefficients(words, &found, &args.data));
            (text::coefficients(words, &found), html, json_of(&found)?)
        }
        method => {
            let asked = Asked {
                rows,
                method: by_row(method),
                lime,
                judge: args.judge,
                interactions: args.interactions,
            };
            let found = explain::file(&job, &asked, &context)?;
            let html = args.report.as_ref().map(|_| page::explained(words, &found, &args.data));
            (text::explanation(words, &found), html, json_of(&found)?)
        }
    };
    let mut shown = told;
    if let Some(out) = job.out {
        shown += &format!("\n{}\n", fill(words.story.written_file, &[("file", &out)]));
    }
    if let Some((file, html)) = args.report.as_ref().zip(html) {
        replace(file, html.as_bytes())?;
        shown += &format!("\n{}\n", fill(words.story.report_file, &[("file", &file.display())]));
        json["report"] = serde_json::json!(file);
    }
    Ok(Shown::new(shown, json))
}

/// The method that explains row by row.
fn by_row(method: MethodArg) -> Option<Method> {
    match method {
        MethodArg::TreeShap => Some(Method::TreeShap),
        MethodArg::InterventionalTreeShap => Some(Method::InterventionalTreeShap),
        MethodArg::LinearShap => Some(Method::LinearShap),
        MethodArg::CorrelatedLinearShap => Some(Method::CorrelatedLinearShap),
        MethodArg::AdditiveShap => Some(Method::AdditiveShap),
        MethodArg::InterventionalShap => Some(Method::InterventionalShap),
        MethodArg::PermutationShap => Some(Method::PermutationShap),
        MethodArg::KernelShap => Some(Method::KernelShap),
        MethodArg::PartitionShap => Some(Method::PartitionShap),
        MethodArg::Gradients => Some(Method::Gradients),
        MethodArg::Lime => Some(Method::Lime),
        _ => None,
    }
}

/// An option without effect would be taken for one that has some.
fn refuse_options_of_others(args: &Explain) -> Result<()> {
    use MethodArg::{Coefficients, Counterfactual, Effects, Rows, Surrogate};
    let refused = |what: &str, remedy: &str| Err(EngineError::usage(what, remedy).into());
    if args.wanted.is_some() && args.method != Counterfactual {
        return refused("--wanted is for counterfactual alone", "add --method counterfactual");
    }
    if !args.columns.is_empty() && !matches!(args.method, Counterfactual | Effects) {
        return refused(
            "--columns is for counterfactual and effects alone",
            "add --method counterfactual or effects",
        );
    }
    if args.judge && matches!(args.method, Counterfactual | Effects | Rows | Coefficients | Surrogate) {
        return refused(
            "--judge is for methods that give each column of a row a value",
            "leave it out, or name such a method as permutation_shap or lime",
        );
    }
    if args.interactions && !matches!(args.method, MethodArg::Auto | MethodArg::TreeShap) {
        return refused(
            "--interactions is for tree_shap alone",
            "leave --method out, or name tree_shap; --method effects shows pairs of columns of any model",
        );
    }
    if args.method == Surrogate && (args.rows.is_some() || args.background.is_some()) {
        return refused(
            "a surrogate is made of all rows of the data: --rows and --background do nothing",
            "leave them out",
        );
    }
    if args.method == Coefficients && (args.rows.is_some() || args.background.is_some()) {
        return refused(
            "coefficients come from all rows of the data: --rows and --background do nothing",
            "leave them out",
        );
    }
    if args.method != Rows && (args.training.is_some() || args.neighbors.is_some()) {
        return refused("--training and --neighbors are for rows alone", "add --method rows");
    }
    if args.method == Rows && args.background.is_some() {
        return refused("rows are compared with the training rows alone", "name these with --training");
    }
    if args.background.is_some() && args.method == Effects {
        return refused(
            "effects have no background: the rows themselves are what is usual",
            "leave --background out",
        );
    }
    Ok(())
}

/// How many neighbours form an answer.
fn neighbors(args: &Explain) -> Result<usize> {
    match args.neighbors {
        Some(n) if !(1..=1000).contains(&n) => {
            let problem = format!("--neighbors {n} is not between 1 and 1000");
            Err(EngineError::usage(problem, "leave it out for 5").into())
        }
        n => Ok(n.unwrap_or(AskedRows::default().neighbors)),
    }
}

/// `age=up` as the column and which way it may change; without a way any.
fn changeable(text: &str) -> Result<(String, Changeable)> {
    let ways = [("up", Changeable::Up), ("down", Changeable::Down), ("any", Changeable::Any)];
    let Some((name, way)) = text.rsplit_once('=') else { return Ok((text.trim().into(), Changeable::Any)) };
    match ways.iter().find(|(word, _)| *word == way.trim()) {
        Some((_, way)) => Ok((name.trim().into(), *way)),
        None => {
            let problem = format!("--columns '{text}': '{way}' is no way to change");
            Err(EngineError::usage(problem, "write up, down or any behind the sign, as in age=up").into())
        }
    }
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

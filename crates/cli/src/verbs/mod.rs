//! From arguments to the engine's verbs.

mod backup;
mod business;
mod check;
mod compare;
mod compress;
mod data;
mod distill;
mod embed;
mod explain;
mod generate;
mod import;
mod judge;
mod merge;
mod prepare;
mod search;
mod service;
mod synthesize;
mod tune;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::CommandFactory;
use serde::Serialize;
use serde_json::{Value, json};
use tidemill_engine::builtin;
use tidemill_engine::core::recipe::Recipe;
use tidemill_engine::core::{Context, Error, Event, Result, Role, Runtime};
use tidemill_engine::error::EngineError;
use tidemill_engine::facts::{TrainedMasks, TrainedPolicy, TrainedTargets};
use tidemill_engine::files::replace;
use tidemill_engine::judge::MayAct;
use tidemill_engine::model;
use tidemill_engine::model::language::{Place, describe};
use tidemill_engine::recipe;
use tidemill_engine::recipe::docs;
use tidemill_engine::recipe::schema;
use tidemill_engine::report::text;
use tidemill_engine::report::words::{Words, fill};
use tidemill_engine::verbs::evaluate::{self, Evaluated, Judged};
use tidemill_engine::verbs::init;
use tidemill_engine::verbs::predict;
use tidemill_engine::verbs::train;
use tidemill_engine::verbs::vectors;

use crate::args::train::{NetArgs, Train};
use crate::args::{Cli, DataArgs, Evaluate as EvaluateArgs, Init, Inspect, Predict, Verb};
use crate::progress::Progress;
use crate::show::Shown;

/// Runs the verb.
pub(crate) fn run(cli: &Cli) -> Result<Shown> {
    match &cli.verb {
        Verb::Check(args) => check::check(args, cli),
        Verb::Train(args) => run_train(args, cli),
        Verb::Prepare(args) => prepare::prepare(args, cli),
        Verb::Synthesize(args) => synthesize::synthesize(args, cli),
        Verb::Data(args) => data::data(args, cli),
        Verb::Evaluate(args) => run_evaluate(args, cli),
        Verb::Compare(args) => compare::compare(args, cli),
        Verb::Predict(args) => run_predict(args, cli),
        Verb::Explain(args) => explain::explain(args, cli),
        Verb::Import(args) => import::import(args, cli),
        Verb::Distill(args) => distill::distill(args, cli),
        Verb::Compress(args) => compress::compress(args, cli),
        Verb::Inspect(args) => run_inspect(args, cli),
        Verb::Init(args) => run_init(args, cli),
        Verb::Serve(args) => service::serve(args, cli),
        Verb::Keys(args) => service::keys(args),
        Verb::Feedback(args) => service::feedback(args),
        Verb::Forget(args) => service::forget(args, cli),
        Verb::Backup(args) => backup::backup(args, cli),
        Verb::Monitor(args) => service::monitor(args, cli),
        Verb::Improve(args) => service::improve(args, cli),
        Verb::Rollback(args) => service::rollback(args, cli),
        Verb::Replay(args) => service::replay(args, cli),
        Verb::Generate(args) => generate::generate(args, cli),
        Verb::Embed(args) => embed::embed(args, cli),
        Verb::Judge(args) => judge::judge(args, cli),
        Verb::Merge(args) => merge::merge(args),
        Verb::Search(args) => search::search(args, cli),
        Verb::Tune(args) => tune::tune(args, cli),
        Verb::Market(args) => business::market(args, cli.words()),
        Verb::Finance(args) => business::finance(args, cli.words()),
        Verb::Team(args) => business::team(args, cli.words()),
        Verb::Plan(args) => business::plan(args, cli.words()),
        Verb::Cost(args) => business::cost(args, cli),
        Verb::Schema => {
            let schema = schema::recipe(&builtin::registry());
            let text = serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n";
            Ok(Shown::new(text, schema))
        }
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "tidemill", &mut script);
            let text = String::from_utf8_lossy(&script).into_owned();
            Ok(Shown::new(text.clone(), json!({ "script": text })))
        }
        Verb::Docs { folder } => run_docs(folder),
    }
}

/// A context that shows progress and stops on Ctrl-C.
fn context(cli: &Cli, seed: u64, threads: Option<usize>) -> Result<Context> {
    interruptible(cli, seed, threads, false)
}

/// The same; where `ends_early`, the first Ctrl-C ends the search with the best so far, and only the second stops.
fn interruptible(cli: &Cli, seed: u64, threads: Option<usize>, ends_early: bool) -> Result<Context> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = match threads {
        Some(0) => {
            return Err(EngineError::usage("--threads 0: must be at least 1", "give at least 1").into());
        }
        Some(n) => n.min(1024),
        None => cores,
    };
    let progress = Arc::new(Progress::new(cli.quiet, cli.words()));
    let watching = progress.clone();
    let context = Context::new(seed, threads, Arc::new(builtin::registry()))
        .with_watcher(move |event| watching.show(event));
    let (hurry, cancel) = (context.hurry_switch(), context.cancel_switch());
    ctrlc::set_handler(move || {
        if ends_early && !hurry.swap(true, Ordering::Relaxed) {
            let said = "ending with the best so far; Ctrl-C again stops at once and writes nothing";
            progress.show(&Event::Note(said.into()));
        // The next asks nicely; the one after is for whoever cannot wait.
        } else if cancel.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .map_err(|e| Error::internal(format!("listening for Ctrl-C: {e}")))?;
    Ok(context)
}

fn json_of(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Error::internal(format!("result: {e}")))
}

fn run_train(args: &Train, cli: &Cli) -> Result<Shown> {
    let recipe_file = is_recipe(&args.data).then(|| PathBuf::from(&args.data));
    let mut recipe = match &recipe_file {
        Some(file) => recipe::read(file, &builtin::registry())?,
        None => Recipe::default(),
    };
    overlay(&mut recipe, &args.about)?;
    if let Some(horizon) = &args.horizon {
        recipe.forecast.get_or_insert_default().horizon.clone_from(horizon);
    }
    if args.start.is_some() {
        (recipe.train.start, recipe.train.start_sha256) = (args.start.clone(), None);
    }
    recipe.train.metric = args.metric.clone().or(recipe.train.metric);
    recipe.train.seed = args.seed.unwrap_or(recipe.train.seed);
    recipe.train.trials = args.trials.or(recipe.train.trials);
    recipe.train.quality = args.quality.map_or(recipe.train.quality, Into::into);
    recipe.train.time_limit = args.time_limit.clone().or(recipe.train.time_limit);
    recipe.train.optimize_for = args.optimize_for.map_or(recipe.train.optimize_for, Into::into);
    if let Some(decide) = &args.decide {
        let decision = recipe::decision(decide);
        recipe.decision = decision.map_err(|problem| EngineError::usage(problem, "correct --decide"))?;
    }
    let limit = recipe.train.time_limit.as_deref().map(recipe::duration).transpose();
    let limit = limit.map_err(|problem| EngineError::usage(problem, "correct --time-limit"))?;
    recipe::check(&recipe)?;
    let source = source_of(&args.data, recipe_file.as_deref(), &recipe)?;
    let out = args.out.clone().unwrap_or_else(|| default_out(&source));
    let context = interruptible(cli, recipe.train.seed, args.threads, true)?;
    let context = context.with_deadline(limit.map(|limit| Instant::now() + limit));
    let context = context.with_runtime(runtime(&args.nets));
    let words = args.lang.words();
    let job = train::Job { words, source, recipe, recipe_file, out };
    let trained = match train::train_any(&job, &context)? {
        train::Done::One(trained) => trained,
        train::Done::Several(trained) => return several_trained(words, &trained),
        train::Done::Policy(trained) => return policy_trained(words, &trained),
        train::Done::Masks(trained) => return masks_trained(words, &trained),
    };
    let mut json = json_of(&trained.outcome)?;
    if let Value::Object(document) = &mut json {
        let written = json!({ "model": trained.model, "recipe": trained.recipe, "metrics": trained.metrics,
                              "report": trained.report, "hash": trained.hash });
        document.insert("written".into(), written);
        document.insert("times".into(), json_of(&text::table(&trained))?);
    }
    Ok(Shown::new(text::training(words, &trained), json))
}

fn several_trained(words: &Words, trained: &TrainedTargets) -> Result<Shown> {
    let written = json!({ "model": trained.model, "recipe": trained.recipe, "metrics": trained.metrics,
                          "report": trained.report, "hash": trained.hash });
    let json = json!({ "targets": json_of(&trained.outcomes)?, "written": written });
    Ok(Shown::new(text::training_of_targets(words, trained), json))
}

/// A policy that may not act is a 'no': the exit code says so.
fn policy_trained(words: &Words, trained: &TrainedPolicy) -> Result<Shown> {
    let mut json = json_of(&trained.outcome)?;
    json["written"] = json!({ "model": trained.model, "recipe": trained.recipe, "metrics": trained.metrics,
                              "report": trained.report, "hash": trained.hash });
    let no = trained.outcome.test.may_act != MayAct::Yes;
    Ok(Shown { no, ..Shown::new(text::training_of_policy(words, trained), json) })
}

fn masks_trained(words: &Words, trained: &TrainedMasks) -> Result<Shown> {
    let mut json = json_of(&trained.outcome)?;
    json["written"] = json!({ "model": trained.model, "recipe": trained.recipe, "metrics": trained.metrics,
                              "report": trained.report, "hash": trained.hash });
    Ok(Shown::new(text::training_of_masks(words, trained), json))
}

fn runtime(nets: &NetArgs) -> Runtime {
    Runtime {
        device: nets.device.clone().filter(|device| device != "auto"),
        checkpoint: nets.checkpoint.clone(),
        resume: nets.resume,
        tensorboard: nets.tensorboard.clone(),
        began: tidemill_store::now() as f64 * 1e-6,
    }
}

fn is_recipe(data: &str) -> bool {
    Path::new(data).extension().is_some_and(|e| e == "toml")
}

fn source_of(data: &str, recipe_file: Option<&Path>, recipe: &Recipe) -> Result<String> {
    let Some(file) = recipe_file else { return Ok(data.to_string()) };
    match &recipe.data.source {
        Some(source) => Ok(recipe::locate(source, file)),
        None => Err(EngineError::usage(
            format!("{} names no source", file.display()),
            "add `source = \"FILE\"` to its [data]",
        )
        .into()),
    }
}

/// `NAME-model` in the current folder, after the data's file.
fn default_out(source: &str) -> PathBuf {
    let name = Path::new(source).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let stem: String =
        name.split('.').next().unwrap_or_default().chars().filter(|c| !"*?[]{}".contains(*c)).collect();
    PathBuf::from(if stem.is_empty() || stem == "-" {
        "tidemill-model".into()
    } else {
        format!("{stem}-model")
    })
}

/// What the command line says goes before what the recipe says.
///
/// # Errors
/// What contradicts itself then.
fn overlay(recipe: &mut Recipe, about: &DataArgs) -> Result<()> {
    forget_roles(recipe, about);
    let data = &mut recipe.data;
    let said = |from: &Option<String>, to: &mut Option<String>| {
        if from.is_some() {
            to.clone_from(from);
        }
    };
    match about.target.as_slice() {
        [] => {}
        [one] => (data.target, data.targets) = (Some(one.clone()), Vec::new()),
        several => (data.target, data.targets) = (None, several.to_vec()),
    }
    said(&about.positive, &mut data.positive);
    said(&about.key, &mut data.key);
    said(&about.time, &mut data.time);
    said(&about.group, &mut data.group);
    said(&about.weight, &mut data.weight);
    data.task = about.task.map(Into::into).or(data.task);
    data.ignore.extend(about.ignore.iter().cloned());
    data.drop_leaks |= about.drop_leaks;
    recipe::check(recipe)
}

/// The roles that a recipe gave to columns that the command line names anew, and to what they take the place of.
fn forget_roles(recipe: &mut Recipe, about: &DataArgs) {
    let single = [&about.key, &about.time, &about.group, &about.weight];
    let named: Vec<&String> =
        single.into_iter().flatten().chain(&about.target).chain(&about.ignore).collect();
    let told = [
        (!about.target.is_empty(), Role::Target),
        (about.key.is_some(), Role::Key),
        (about.time.is_some(), Role::Time),
        (about.group.is_some(), Role::Group),
        (about.weight.is_some(), Role::Weight),
    ];
    let replaced = |role: Role| told.contains(&(true, role));
    for (name, spec) in &mut recipe.columns {
        if named.contains(&name) || spec.role.is_some_and(replaced) {
            (spec.role, spec.why) = (None, None);
        }
    }
}

fn run_evaluate(args: &EvaluateArgs, cli: &Cli) -> Result<Shown> {
    let context = context(cli, 0, None)?;
    let words = args.lang.words();
    let report = args.report.as_deref().map(|file| evaluate::ReportFile { file, words });
    let judged = match (&args.data, &args.answers.truth, &args.pred) {
        (None, Some(truth), Some(pred)) => {
            let labels = args.answers.labels(truth, pred);
            Judged::One(evaluate::labels(&args.model, &labels, report, &context)?)
        }
        (Some(data), None, None) => evaluate::model(Path::new(&args.model), data, report, &context)?,
        _ => {
            return Err(EngineError::usage(
                "it is not clear what to judge",
                "either `evaluate MODEL DATA`, or `evaluate DATA --truth COL --pred COL`",
            )
            .into());
        }
    };
    let mut text = match &judged {
        Judged::One(evaluated) => text::figures(words, &evaluated.report),
        Judged::Policy(found) => text::policy_judged(words, &found.judged) + "\n",
        Judged::Masks(found) => text::masks_judged(words, &found.judged) + "\n",
        Judged::Several { targets } => {
            let of = |(name, found): (&String, &Evaluated)| {
                let head = fill(words.story.targets_one, &[("target", name)]);
                format!("{head}\n{}\n", text::figures(words, &found.report))
            };
            targets.iter().map(of).collect()
        }
    };
    let mut json = json_of(&judged)?;
    if let Some(file) = &args.report {
        text += &format!("\n{}\n", fill(words.story.report_file, &[("file", &file.display())]));
        json["written"] = json!({ "report": file });
    }
    let no = matches!(&judged, Judged::Policy(found) if found.judged.may_act != MayAct::Yes);
    Ok(Shown { no, ..Shown::new(text, json) })
}

fn run_predict(args: &Predict, cli: &Cli) -> Result<Shown> {
    if cli.json && args.out == "-" {
        return Err(EngineError::usage(
            "--json and the answers cannot both go to standard output",
            "name a file with -o, or leave --json out",
        )
        .into());
    }
    let context = context(cli, 0, args.threads)?;
    let masks = args.masks.as_deref();
    let predicted = predict::predict_into(&args.model, &args.data, &args.out, masks, &context)?;
    let text = match predicted.out.as_str() {
        "-" => String::new(),
        out => format!("{} rows predicted: {out}\n", predicted.rows),
    };
    Ok(Shown::new(text, json_of(&predicted)?))
}

fn run_inspect(args: &Inspect, cli: &Cli) -> Result<Shown> {
    let context = context(cli, 0, None)?;
    let words = args.lang.words();
    if let Some(out) = &args.vectors {
        let written = vectors::write(&args.model, args.column.as_deref(), out, &context)?;
        let values: [(&str, &dyn Display); 4] = [
            ("out", &written.out),
            ("n", &written.words),
            ("column", &written.column),
            ("dimensions", &written.dimensions),
        ];
        let text = fill(words.story.vectors, &values) + "\n";
        return Ok(Shown::new(text, json_of(&written)?));
    }
    if Place::is_language(&args.model) {
        let found = describe(&args.model)?;
        return Ok(Shown::new(text::language(words, &found), json_of(&found)?));
    }
    let inspected = model::inspect(&args.model, &context)?;
    Ok(Shown::new(text::inspected(words, &inspected), json_of(&inspected)?))
}

fn run_init(args: &Init, cli: &Cli) -> Result<Shown> {
    let mut recipe = Recipe::default();
    overlay(&mut recipe, &args.about)?;
    let found = init::init(&args.data, &recipe, &args.out, &context(cli, 0, None)?)?;
    let text = format!(
        "{} describes {} columns. Read it, change what is wrong, then: tidemill train {}\n",
        found.recipe.display(),
        found.columns,
        found.recipe.display()
    );
    Ok(Shown::new(text, json_of(&found)?))
}

fn run_docs(folder: &Path) -> Result<Shown> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    let pages = docs::pages(&builtin::registry());
    for (name, text) in &pages {
        replace(&folder.join(name), text.as_bytes())?;
    }
    let names: Vec<&str> = pages.iter().map(|(name, _)| *name).collect();
    Ok(Shown::new(names.join("\n") + "\n", json!({ "pages": names })))
}

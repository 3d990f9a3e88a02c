//! `tidemill tune`.

use std::path::Path;

use serde_json::{Value, json};
use tidemill_engine::core::{Context, Result};
use tidemill_engine::error::EngineError;
use tidemill_engine::improve;
use tidemill_language::{
    Adapter, Dpo, Model, Preference, Preferred, Sft, Tuned, Watch, dpo, read_pairs, read_preferences,
    sft_watched,
};

use super::generate::adapter;
use super::service::{hash_key, open_existing, read_identity};
use super::{context, json_of};
use crate::args::Cli;
use crate::args::language::{Method, Tune};
use crate::show::Shown;

/// Learns an adapter from pairs or preferences and writes it.
pub(super) fn tune(args: &Tune, cli: &Cli) -> Result<Shown> {
    let context = context(cli, args.seed, None)?;
    match args.method {
        Method::Sft => by_pairs(args, &context),
        Method::Dpo if args.held_out.is_some() || args.progress.is_some() => Err(EngineError::usage(
            "--held-out and --progress are for --method sft",
            "leave them out; `tidemill improve` judges what was learned of preferences on newer ones",
        )
        .into()),
        Method::Dpo => by_preferences(args, &context),
    }
}

fn by_pairs(args: &Tune, context: &Context) -> Result<Shown> {
    let Some(file) = &args.pairs else {
        return Err(EngineError::usage(
            "--store is for --method dpo: it holds what users preferred",
            "give a file with pairs, or let `tidemill improve` learn from what users corrected and accepted",
        )
        .into());
    };
    let pairs = read_pairs(file)?;
    let model = Model::open(&args.model)?;
    let start = adapter(args.adapter.as_deref(), &model)?;
    let held_out = args.held_out.as_deref().map(read_pairs).transpose()?.unwrap_or_default();
    let watch = Watch { held_out: &held_out, patience: args.patience, progress: args.progress.as_deref() };
    let tuned = sft_watched(&model, &pairs, &steps(args, Sft::default()), start, &watch, context)?;
    let Tuned { losses, examples, .. } = &tuned;
    let mut text = format!("{examples} of {} pairs learned in {}", pairs.len(), ends(losses));
    if let (Some(best), Some(first)) = (tuned.best_epoch, tuned.held_out.first()) {
        let lowest = tuned.held_out.get(best).unwrap_or(first);
        text += &format!(
            "\nWithheld answers: loss {first:.3} at first, {lowest:.3} after epoch {best}, which is kept"
        );
    }
    written(args, &tuned.adapter, text, json_of(&tuned)?)
}

fn by_preferences(args: &Tune, context: &Context) -> Result<Shown> {
    let preferences = preferences(args, context)?;
    let model = Model::open(&args.model)?;
    let start = adapter(args.adapter.as_deref(), &model)?;
    let settings = Dpo { beta: args.beta, steps: steps(args, Dpo::default().steps) };
    let tuned = dpo(&model, &preferences, &settings, start, context)?;
    let Preferred { losses, accuracies, preferences: learned, .. } = &tuned;
    let right =
        accuracies.last().map(|share| format!("; the chosen answer gained more in {:.0}%", 100.0 * share));
    let text = format!(
        "{learned} of {} preferences learned in {}{}",
        preferences.len(),
        ends(losses),
        right.unwrap_or_default()
    );
    written(args, &tuned.adapter, text, json_of(&tuned)?)
}

/// Of a file, or of a store.
fn preferences(args: &Tune, context: &Context) -> Result<Vec<Preference>> {
    let store = match (&args.pairs, &args.store) {
        (Some(file), _) => return read_preferences(file),
        (None, store) => open_existing(store.as_deref().unwrap_or_default())?,
    };
    let job = improve::Job {
        model: args.model.clone(),
        name: args.name.clone(),
        identity: read_identity(args.identity.as_deref())?,
        hash_key: hash_key(),
        ..improve::Job::default()
    };
    let told = improve::language::preferences(&job, &store, context)?;
    if told.preferences.is_empty() {
        let unusable = match told.unusable {
            0 => String::new(),
            n => format!("; {n} cannot teach, since the question or an answer was not kept"),
        };
        return Err(EngineError::usage(
            format!("the store holds no preference on answers of this model{unusable}"),
            "ask for two answers (n = 2) and send feedback of kind preference, or name the model with --name",
        )
        .into());
    }
    Ok(told.preferences)
}

fn steps(args: &Tune, default: Sft) -> Sft {
    Sft {
        rank: args.rank,
        alpha: args.alpha,
        epochs: args.epochs,
        batch: args.batch,
        learning_rate: args.learning_rate.unwrap_or(default.learning_rate),
        max_length: args.max_length,
        ..default
    }
}

/// How many steps, and how the loss fell.
fn ends(losses: &[f64]) -> String {
    let ends = losses.first().zip(losses.last());
    let fell = ends.map(|(a, b)| format!("; loss {a:.3} at first, {b:.3} at last"));
    format!("{} steps{}", losses.len(), fell.unwrap_or_default())
}

fn written(args: &Tune, adapter: &Adapter, text: String, mut document: Value) -> Result<Shown> {
    let base = Path::new(&args.model).file_name().map(|name| name.to_string_lossy().into_owned());
    adapter.save(&args.out, &base.unwrap_or_default())?;
    document["written"] = json!({ "adapter": args.out });
    Ok(Shown::new(format!("{text}\nAdapter: {}\n", args.out.display()), document))
}

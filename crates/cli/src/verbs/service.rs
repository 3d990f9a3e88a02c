//! The verbs that keep a model in service and make it better.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidemill_engine::builtin;
use tidemill_engine::core::recipe::Recipe;
use tidemill_engine::core::{Context, Error, Result, nearest};
use tidemill_engine::error::EngineError;
use tidemill_engine::feedback;
use tidemill_engine::improve;
use tidemill_engine::model::language::Place;
use tidemill_engine::model::versions;
use tidemill_engine::recipe;
use tidemill_engine::report::text;
use tidemill_engine::serve::privacy::HASH_KEY;
use tidemill_engine::serve::secrets::Means;
use tidemill_engine::serve::serving::Serving;
use tidemill_engine::verbs::backup;
use tidemill_engine::verbs::data::{self, FOLDER};
use tidemill_engine::verbs::forget::{self, Forgotten};
use tidemill_engine::verbs::monitor;
use tidemill_report::words::count;
use tidemill_server::auth::Scope;
use tidemill_server::charges::Rates;
use tidemill_server::{Limits, Options, replay};
use tidemill_store::{Durability, Key, Store};
use tidemill_value::cost::Prices;

use super::{context, default_out, json_of, overlay};
use crate::args::Cli;
use crate::args::service::{
    DurabilityArg, FeedbackAct, FeedbackArgs, Forget, Improve, Keys, KeysAct, Monitor, Replay, Rollback,
    Serve,
};
use crate::show::{self, Shown};

/// A duration, or an error that names the flag.
pub(super) fn duration(flag: &str, text: &str) -> Result<Duration> {
    recipe::duration(text).map_err(|problem| EngineError::usage(problem, format!("correct {flag}")).into())
}

fn open(store: &str) -> Result<Store> {
    Ok(Store::open(store, tidemill_store::Options::default())?)
}

fn store_path(store: &str) -> &Path {
    Path::new(store.strip_prefix("sqlite:").unwrap_or(store))
}

/// A store that must be there already: a misspelt path must not become an empty database.
pub(super) fn open_existing(store: &str) -> Result<Store> {
    let path = store_path(store);
    if !store.starts_with("postgres") && !path.exists() {
        return Err(EngineError::usage(
            format!("there is no store at {}", path.display()),
            "name the one that `tidemill serve` writes with --store",
        )
        .into());
    }
    open(store)
}

pub(super) fn hash_key() -> Option<String> {
    std::env::var(HASH_KEY).ok()
}

pub(super) fn serve(args: &Serve, cli: &Cli) -> Result<Shown> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let context =
        Context::new(0, args.threads.unwrap_or(cores).clamp(1, 1024), Arc::new(builtin::registry()));
    let options = Options {
        models: args.models.clone(),
        name: args.name.clone(),
        listen: args.listen,
        store: args.store.clone(),
        durability: match args.durability {
            DurabilityArg::Durable => Durability::Durable,
            DurabilityArg::DurablePower => Durability::DurablePower,
            DurabilityArg::Relaxed => Durability::Relaxed,
        },
        limits: Limits {
            body: args.max_body,
            rows: args.max_rows,
            time: duration("--timeout", &args.timeout)?,
            keep_alive: duration("--keep-alive", &args.keep_alive)?,
            ..Limits::default()
        },
        drain: duration("--drain", &args.drain)?,
        retention: args.retention.as_deref().map(|time| duration("--retention", time)).transpose()?,
        hash_key: hash_key(),
        precision: args.precision.into(),
        kv_cache: args.kv_cache,
        allow_origin: args.allow_origin.clone(),
        backup: match &args.backup {
            Some(recipe) => Some(backup::regular(recipe, &args.models, &args.store)?),
            None => None,
        },
        rates: args.prices.as_deref().map(rates).transpose()?,
    };
    if !cli.quiet {
        // Colours are for terminals, and not for people who asked for none (no-color.org).
        let colours =
            std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colours);
        // Only one can be first; there is no other in this process.
        let _ = log.with_target(false).try_init();
    }
    tidemill_server::serve(&options, &context, |address| {
        let shown = Shown::new(
            format!("listening on http://{address}\n"),
            json!({ "listening": format!("http://{address}") }),
        );
        // Whoever started this reads the address now, not at the end.
        show::early(&shown, cli.json);
    })?;
    Ok(Shown::new("", Value::Null))
}

/// The prices of a file that requests have to do with.
fn rates(file: &Path) -> Result<Rates> {
    let prices = Prices::open(file)?;
    Ok(Rates { currency: prices.currency, cpu_hour: prices.cpu_hour, egress_gb: prices.egress_gb })
}

pub(super) fn keys(args: &Keys) -> Result<Shown> {
    match &args.act {
        KeysAct::Create { name, scope, expires } => {
            let words = Scope::ALL.map(Scope::word);
            if let Some(unknown) = scope.iter().find(|s| !words.contains(&s.as_str())) {
                let near =
                    nearest(unknown, words).map_or(String::new(), |near| format!("; is '{near}' meant?"));
                return Err(EngineError::usage(
                    format!("there is no scope '{unknown}'{near}"),
                    format!("known are {}", words.join(", ")),
                )
                .into());
            }
            let scopes = match scope.as_slice() {
                [] => vec![Scope::Predict.word().to_string(), Scope::Feedback.word().into()],
                named => named.to_vec(),
            };
            if name.trim().is_empty() {
                return Err(EngineError::usage("a key needs a name", "say who or what it is for").into());
            }
            let ends = expires.as_deref().map(|time| duration("--expires", time)).transpose()?;
            if ends.is_some_and(|time| time < Duration::from_secs(1)) {
                let problem = "a key that ends within a second opens nothing";
                return Err(EngineError::usage(problem, "give --expires a time such as 720h").into());
            }
            let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
            let ends = ends.map(|time| tidemill_store::now().saturating_add(micros(time)));
            let (key, token) = open(&args.store)?.create_key(name, &scopes, ends)?;
            Ok(Shown::new(
                format!(
                    "{token}\nKeep it: it is shown this once. Its id is {}, it may {}.\n",
                    key.id,
                    scopes.join(" and ")
                ),
                json!({ "id": key.id, "name": key.name, "scopes": key.scopes, "token": token }),
            ))
        }
        KeysAct::List => {
            let keys = open_existing(&args.store)?.keys()?;
            let now = tidemill_store::now();
            let mut text = String::new();
            for key in &keys {
                let state = if key.is_live(now) { "live" } else { "ended" };
                text += &format!("{}  {:<6} {:<20} {}\n", key.id, state, key.name, key.scopes.join(" "));
            }
            Ok(Shown::new(if keys.is_empty() { "no keys\n".into() } else { text }, json!({ "keys": keys })))
        }
        KeysAct::Revoke { key } => {
            let store = open_existing(&args.store)?;
            let id = live_key(&store.keys()?, key)?;
            store.revoke_key(&id)?;
            let said = if *key == id { id.clone() } else { format!("{key} ({id})") };
            Ok(Shown::new(format!("{said} is revoked\n"), json!({ "revoked": id })))
        }
    }
}

/// The id of the live key of this id, or of this name where only one has it.
fn live_key(keys: &[Key], wanted: &str) -> Result<String> {
    let now = tidemill_store::now();
    let live = || keys.iter().filter(|key| key.is_live(now));
    if let Some(key) = live().find(|key| key.id == wanted) {
        return Ok(key.id.clone());
    }
    let listed = |keys: &[&Key]| {
        let lines = keys.iter().map(|key| format!("{} ({})", key.id, key.name)).collect::<Vec<_>>();
        if lines.is_empty() { "no key is live".into() } else { format!("live keys are {}", lines.join(", ")) }
    };
    match live().filter(|key| key.name == wanted).collect::<Vec<_>>().as_slice() {
        [key] => Ok(key.id.clone()),
        [] => {
            let all: Vec<&Key> = live().collect();
            Err(EngineError::usage(format!("there is no live key '{wanted}'"), listed(&all)).into())
        }
        several => {
            let problem = format!("{} live keys are called '{wanted}'", several.len());
            Err(EngineError::usage(problem, format!("name one by its id; {}", listed(several))).into())
        }
    }
}

pub(super) fn feedback(args: &FeedbackArgs) -> Result<Shown> {
    let FeedbackAct::Import { file, kind, store } = &args.act;
    let store = open_existing(store)?;
    let found = feedback::table::import(file, kind.as_deref(), &store, tidemill_store::now())?;
    let mut fates: BTreeMap<&str, usize> = BTreeMap::new();
    for fate in &found {
        *fates.entry(fate.word()).or_default() += 1;
    }
    let words: Vec<String> = fates.iter().map(|(fate, n)| format!("{n} {fate}")).collect();
    let text = format!("{} of feedback: {}\n", count(found.len() as u64, "piece"), words.join(", "));
    Ok(Shown::new(text, json!({ "statuses": fates, "fates": fates })))
}

/// Forgets a key in the store, and in folders of snapshots. Snapshots come last: a store that refuses leaves all as it was.
pub(super) fn forget(args: &Forget, cli: &Cli) -> Result<Shown> {
    if args.key.is_empty() {
        return Err(
            EngineError::usage("no key is named", "give the value of the key column, or a user").into()
        );
    }
    let default = Path::new(FOLDER);
    let folders: Vec<&Path> = match args.snapshots.as_slice() {
        [] if default.exists() => vec![default],
        named => named.iter().map(PathBuf::as_path).collect(),
    };
    let identity = read_identity(args.identity.as_deref())?;
    let vaults = folders.iter().map(|folder| data::vault(folder, identity.as_deref()));
    let vaults = vaults.collect::<Result<Vec<_>>>()?;
    // Whoever keeps snapshots may never have served a model.
    let has_store =
        vaults.is_empty() || args.store.starts_with("postgres") || store_path(&args.store).exists();
    let in_store = if has_store { Some(forget_in_store(args, cli)?) } else { None };
    let mut shown = match &in_store {
        Some(done) => Shown::new(forgotten_in_store(done), json_of(done)?),
        None => Shown::new(format!("there is no store at {}\n", args.store), json!({})),
    };
    let mut done = Vec::new();
    for vault in &vaults {
        let forgotten = vault.forget(&args.key, args.column.as_deref(), tidemill_store::now())?;
        shown.text += &text::forgotten(&forgotten);
        done.push(forgotten);
    }
    let nothing = in_store.as_ref().is_none_or(Forgotten::nothing)
        && done.iter().all(|forgotten| forgotten.rewritten.is_empty());
    // What is left somewhere is not forgotten; sets of backups expire, and whoever says so is content with that.
    let left = in_store
        .is_some_and(|done| done.is_left_for_good() || !done.backups.is_empty() && !args.despite_backups)
        || done.iter().any(|forgotten| !forgotten.unreached.is_empty());
    shown.no = nothing || left;
    shown.json["snapshots"] = json_of(&done)?;
    Ok(shown)
}

fn forget_in_store(args: &Forget, cli: &Cli) -> Result<Forgotten> {
    let store = open_existing(&args.store)?;
    let context = context(cli, 0, None)?;
    let secret = hash_key();
    let serving = args
        .model
        .as_ref()
        .map(|model| Serving::open(model, args.name.as_deref(), secret.as_deref(), &context));
    let identity = read_identity(args.identity.as_deref())?;
    let means = Means { secret: secret.as_deref(), identity: identity.as_deref() };
    forget::forget(&store, &args.key, means, serving.transpose()?.as_ref(), args.in_copies)
}

/// What was forgotten, where it is still known, and what to do about it.
fn forgotten_in_store(done: &Forgotten) -> String {
    let (predictions, pieces) = (count(done.predictions, "prediction"), count(done.feedback, "piece"));
    let mut text = format!("forgot {predictions} and {pieces} of feedback\n");
    for place in &done.forgotten_in {
        text += &format!("{} held an earlier copy of this store: forgotten there as well\n", place.display());
    }
    let is_sets = |place: &&PathBuf| done.backups.iter().any(|one| one.place == **place);
    for place in done.copies.iter().filter(|place| !is_sets(place)) {
        let place = place.display();
        text +=
            &format!("{place} holds an earlier copy of this store, which still has what it had of the key\n");
    }
    if done.is_left_for_good() {
        text += "Delete these copies, or forget the key in them as well with --in-copies\n";
    }
    for one in &done.backups {
        let (place, sets) = (one.place.display(), count(one.sets as u64, "set"));
        text += &format!(
            "{place} holds backups of this store ({sets}, the latest {}), which are not changed\n",
            one.latest
        );
    }
    if !done.backups.is_empty() {
        text += "Each set goes when `keep` newer ones are there; with --despite-backups that is enough for exit code 0\n";
    }
    text
}

/// Refuses a name that no model was served under: its figures would be those of nothing.
pub(super) fn check_served(store: &Store, name: Option<&str>) -> Result<()> {
    let Some(name) = name else { return Ok(()) };
    let known = store.models()?;
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    let near = nearest(name, known.iter().map(String::as_str));
    let near = near.map_or(String::new(), |near| format!("; is '{near}' meant?"));
    let known = match known.as_slice() {
        [] => "nothing was served with this store".into(),
        known => format!("known are {}", known.join(", ")),
    };
    Err(EngineError::usage(format!("no model was served as '{name}' with this store{near}"), known).into())
}

pub(super) fn monitor(args: &Monitor, cli: &Cli) -> Result<Shown> {
    let store = open_existing(&args.store)?;
    check_served(&store, args.name.as_deref())?;
    let now = tidemill_store::now();
    let found = if Place::is_language(&args.model) {
        monitor::of_language(&args.model, args.name.as_deref(), &store, now)?
    } else {
        let context = context(cli, 0, None)?;
        let serving = Serving::open(&args.model, args.name.as_deref(), hash_key().as_deref(), &context)?;
        monitor::of_serving(&serving, &store, now)?
    };
    Ok(Shown::new(text::monitor(args.lang.words(), &found), json_of(&found)?))
}

pub(super) fn improve(args: &Improve, cli: &Cli) -> Result<Shown> {
    let store = open_existing(&args.store)?;
    check_served(&store, args.name.as_deref())?;
    let context = context(cli, 0, args.threads)?;
    let job = improve::Job {
        model: args.model.clone(),
        name: args.name.clone(),
        source: args.source.clone(),
        search: !args.quick,
        identity: read_identity(args.identity.as_deref())?,
        hash_key: hash_key(),
        trust: args.trust.clone(),
        despite_tests: args.despite_tests,
        again: args.again,
        with_base: args.with_base,
        ..improve::Job::default()
    };
    if Place::is_language(&args.model) {
        let improved = improve::language::improve(&job, &store, &context)?;
        let mut shown = Shown::new(format!("{}\n", improved.verdict), json_of(&improved)?);
        shown.no = !improved.promoted;
        return Ok(shown);
    }
    let improved = improve::improve(&job, &store, &context)?;
    let mut shown = Shown::new(format!("{}\n", improved.verdict), json_of(&improved)?);
    shown.no = !improved.promoted;
    Ok(shown)
}

pub(super) fn read_identity(path: Option<&Path>) -> Result<Option<String>> {
    path.map(|path| std::fs::read_to_string(path).map_err(|e| Error::io(path, e))).transpose()
}

/// Copies one store into one file.
pub(super) fn copy_store(store: &str, out: &Path) -> Result<Shown> {
    let store_at = store;
    let store = open_existing(store)?;
    let bytes = store.backup(out)?;
    // A store that cannot be written is copied all the same.
    let _ = store.note_copy(out);
    let text = format!("{} holds a copy of {store_at}, {bytes} bytes\n", out.display());
    Ok(Shown::new(text, json!({ "written": out, "bytes": bytes })))
}

pub(super) fn rollback(args: &Rollback, cli: &Cli) -> Result<Shown> {
    let done = versions::rollback(&args.model, &context(cli, 0, None)?)?;
    Ok(Shown::new(format!("{} is back in place of {}\n", done.to, done.from), json_of(&done)?))
}

pub(super) fn replay(args: &Replay, cli: &Cli) -> Result<Shown> {
    let mut recipe = Recipe::default();
    overlay(&mut recipe, &args.about)?;
    for (what, flag) in [(&recipe.data.target, "--target"), (&recipe.data.time, "--time")] {
        if what.is_none() {
            return Err(EngineError::usage(
                format!("{flag} is missing"),
                format!("name the column with {flag}"),
            )
            .into());
        }
    }
    if !(args.start > 0.0 && args.start < 1.0) {
        return Err(EngineError::usage("--start must lie between 0 and 1", "try 0.2").into());
    }
    recipe.train.seed = args.seed;
    recipe.train.metric = args.metric.clone();
    recipe.train.trials = args.trials.or(recipe.train.trials);
    let out = args.out.clone().unwrap_or_else(|| {
        let named = default_out(&args.data).display().to_string();
        format!("{}-replay", named.strip_suffix("-model").unwrap_or(&named)).into()
    });
    let job = replay::Job {
        source: args.data.clone(),
        recipe,
        label_delay: duration("--label-delay", &args.label_delay)?,
        improve_every: duration("--improve-every", &args.improve_every)?,
        start: args.start,
        search: args.search,
        out,
    };
    let replayed = replay::replay(&job, &context(cli, args.seed, args.threads)?)?;
    Ok(Shown::new(replay::story(&replayed), json_of(&replayed)?))
}

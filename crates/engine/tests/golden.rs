//! Model files of format 1 that were written once and never again: every later version opens them and answers as they did.
//!
//! `TIDEMILL_BLESS=1` writes those that are missing (of a new built-in) and touches no other. A file here is never replaced:
//! where a state changes, its version grows and its loader goes on reading what stands here.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidemill_core::{Context, State};
use tidemill_engine::builtin;
use tidemill_engine::facts::Bound;
use tidemill_engine::import::Asked;
use tidemill_engine::model;
use tidemill_engine::recipe;
use tidemill_engine::verbs::compress;
use tidemill_engine::verbs::import;
use tidemill_engine::verbs::predict;
use tidemill_engine::verbs::train::{Done, Job, train_any};

use crate::golden_models::{COMPRESSED, IMPORTED, names, of_step, wanted};

/// Below the crate's folder, where tests run: a model file says where its table was, and no machine's path should stand there.
fn folder() -> PathBuf {
    PathBuf::from("tests/golden")
}

fn context() -> Context {
    Context::new(0, 2, Arc::new(builtin::registry()))
}

/// The table that a model answers.
fn table(name: &str) -> String {
    let (table, _) = name.split_once('-').unwrap();
    folder().join(format!("{table}.csv")).display().to_string()
}

fn answers(model: &Path, name: &str) -> String {
    let out = tempfile::tempdir().unwrap();
    let to = out.path().join("answers.csv");
    predict::predict(model, &table(name), &to.display().to_string(), &context()).unwrap();
    fs::read_to_string(to).unwrap()
}

/// Writes a model with the first of these recipes that leads to one.
fn write_if_missing(name: &str, recipes: &[String]) {
    if folder().join(format!("{name}.tidemill")).exists() {
        return;
    }
    let tried: Vec<String> = recipes.iter().map_while(|recipe| write(name, recipe).err()).collect();
    assert!(
        tried.len() < recipes.len(),
        "{name}: {}; write a recipe that suits it in `golden_models/`",
        tried.join("; ")
    );
}

fn write(name: &str, recipe: &str) -> Result<(), String> {
    let model = folder().join(format!("{name}.tidemill"));
    // Beside the table, so that the model's recipe names it without the folders of this machine.
    let out = tempfile::tempdir_in(folder()).unwrap();
    let context = context();
    let recipe = recipe::parse(recipe, name, context.registry()).map_err(|e| e.to_string())?;
    let job = Job {
        words: &tidemill_engine::report::words::EN,
        source: table(name),
        recipe,
        recipe_file: None,
        out: out.path().into(),
    };
    let only = (job.recipe.learners.len() == 1).then(|| job.recipe.learners[0].kind.clone());
    if let Done::One(trained) = train_any(&job, &context).map_err(|e| e.to_string())? {
        let chosen = trained.outcome.chosen.kind;
        if only.is_some_and(|only| only != chosen) {
            return Err(format!("it would hold {chosen}"));
        }
    }
    fs::copy(out.path().join("model.tidemill"), &model).unwrap();
    fs::write(model.with_extension("answers.csv"), answers(&model, name)).unwrap();
    Ok(())
}

fn import_if_missing(name: &str, file: &str) {
    let model = folder().join(format!("{name}.tidemill"));
    if model.exists() {
        return;
    }
    let from = folder().join("../import").join(file);
    import::file(&from, &model, &Asked::default(), &context()).unwrap();
    fs::write(model.with_extension("answers.csv"), answers(&model, name)).unwrap();
}

fn compress_if_missing(name: &str, from: &str) {
    let out = folder().join(format!("{name}.tidemill"));
    if out.exists() {
        return;
    }
    let job = compress::Job {
        model: folder().join(format!("{from}.tidemill")),
        source: Some(table(name)),
        prune: Some(0.5),
        eight_bits: true,
        bound: Bound::default(),
        out: out.clone(),
    };
    compress::compress(&job, &context()).unwrap();
    fs::write(out.with_extension("answers.csv"), answers(&out, name)).unwrap();
}

fn kinds(state: &State, all: &mut BTreeSet<String>) {
    all.insert(state.kind.clone());
    state.children.iter().for_each(|child| kinds(child, all));
}

/// Whether a model's answers are held less strictly: nets answer in 32 bits.
fn is_net(name: &str) -> bool {
    name.ends_with("net")
        || name.ends_with("fine_tuned_text")
        || name.ends_with("graph")
        || name.ends_with("lstm")
        || name.ends_with("convolved")
}

/// Whether two answers agree: words and whole numbers exactly; other numbers to what sums in another order (another CPU) may differ.
fn agree(a: &str, b: &str, within: f64) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= within * (1.0 + a.abs());
    a == b || matches!((a.parse(), b.parse()), (Ok(a), Ok(b)) if near(a, b))
}

#[test]
fn models_written_once_open_and_answer_as_ever() {
    if std::env::var_os("TIDEMILL_BLESS").is_some() {
        wanted().iter().for_each(|(name, recipes)| write_if_missing(name, recipes));
        IMPORTED.iter().for_each(|(name, file)| import_if_missing(name, file));
        COMPRESSED.iter().for_each(|(name, from)| compress_if_missing(name, from));
        let steps = builtin::STEPS.iter().map(|entry| entry.kind);
        let held = held();
        for (name, recipe) in steps.filter(|kind| !held.contains(*kind)).map(of_step) {
            write_if_missing(&name, &[recipe]);
        }
    }
    for name in names() {
        let model = folder().join(format!("{name}.tidemill"));
        let then = fs::read_to_string(model.with_extension("answers.csv"))
            .unwrap_or_else(|_| panic!("{name} is not held: write it once, with TIDEMILL_BLESS=1"));
        let now = answers(&model, &name);
        assert_eq!(now.lines().count(), then.lines().count(), "{name}");
        let within = if is_net(&name) { 1e-4 } else { 1e-9 };
        for (line, (now, then)) in now.lines().zip(then.lines()).enumerate() {
            let alike = now.split(',').zip(then.split(',')).all(|(a, b)| agree(a, b, within));
            assert!(alike, "{name}, line {}: {now}, but it was {then}", line + 1);
        }
    }
}

/// The kinds of state that the files hold.
fn held() -> BTreeSet<String> {
    let mut held = BTreeSet::new();
    for name in names() {
        // Beside the test that writes what is missing there may be none yet.
        let Ok(package) = tidemill_package::read(&folder().join(format!("{name}.tidemill"))) else {
            continue;
        };
        assert_eq!(package.manifest.format, 1, "{name}");
        kinds(&package.state, &mut held);
    }
    held
}

#[test]
fn every_kind_of_state_is_held_by_a_file() {
    let held = held();
    let links = builtin::LINKS.iter().map(|(kind, _)| *kind);
    let all = builtin::STEPS.iter().chain(builtin::LEARNERS).map(|entry| entry.kind).chain(links);
    let missing: Vec<&str> = all.filter(|kind| !held.contains(*kind)).collect();
    assert!(
        missing.is_empty(),
        "no golden file holds {missing:?}: run this test with TIDEMILL_BLESS=1, which writes one for a step or a learner"
    );
}

/// Counted by hand: the multiplications of matrices and of attention; of layers at the end biases too.
#[test]
fn nets_say_how_many_operations_a_row_takes() {
    let series = |steps: usize, weights: usize| steps * weights;
    let picture = 4 * 4 * (4 * 9);
    let (tokens, width) = (5, 8);
    let transformer =
        tokens * (3 * width * width + width * width + 2 * width * 4 * width) + 2 * tokens * tokens * width;
    let last = |inputs: usize| (inputs * 8 + 8) + (8 * 2 + 2);
    for (name, counted) in [
        // Behind the encoders come what the series and the size say as numbers, in pieces between quantiles.
        ("media-net", picture + series(16, 12 + 12 * 4) + transformer + last(26)),
        ("media-lstm", series(16, 16 + 16 * 4) + series(16, 16 * 4 + 16 * 4) + last(119)),
        ("media-convolved", series(16, 4 * 5) + last(119)),
    ] {
        let opened = model::open(&folder().join(format!("{name}.tidemill")), &context()).unwrap();
        let net = opened.model.chain.0.iter().find(|link| link.state().kind == "neural_net").unwrap();
        assert_eq!(net.operations(), counted as u64, "{name}");
    }
}

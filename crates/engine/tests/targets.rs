//! A model of several targets: each as if it were alone, all of them in one file.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tidemill_core::{Cell, Context, Error, Row};
use tidemill_engine::builtin;
use tidemill_engine::facts::TrainedTargets;
use tidemill_engine::model;
use tidemill_engine::recipe;
use tidemill_engine::report::words::EN;
use tidemill_engine::serve::serving::{Prediction, Serving};
use tidemill_engine::verbs::evaluate::{self, Judged};
use tidemill_engine::verbs::predict::predict;
use tidemill_engine::verbs::train::{Done, Job, train, train_any};
use tidemill_kernel::Random;

fn context() -> Context {
    Context::new(0, 2, Arc::new(builtin::registry()))
}

/// Rows of two measures, from which a grade and a price follow; of each, some rows lack the one or the other. The price tells the grade,
/// so a model that saw it would be better than one that may not.
fn rows(n: usize) -> String {
    let mut random = Random::new(3, 0);
    let mut text = String::from("id,width,height,grade,price\n");
    for i in 0..n {
        let (x, y) = (random.normal(), random.normal());
        let price = 10.0 + 2.0 * x - y + 0.5 * random.normal();
        let grade = if price + 0.2 * random.normal() > 10.0 { "good" } else { "poor" };
        let grade = if i % 7 == 3 { "" } else { grade };
        let price = if i % 5 == 1 { String::new() } else { price.to_string() };
        text += &format!("r{i},{x},{y},{grade},{price}\n");
    }
    text
}

fn job(folder: &Path, csv: &str, recipe: &str, out: &str) -> Job {
    let source = folder.join("rows.csv");
    std::fs::write(&source, csv).unwrap();
    let text = format!(
        "{recipe}\n[[learners]]\nkind = 'ridge'\n[[learners]]\nkind = 'logistic'\n[train]\ntrials = 1"
    );
    let recipe = recipe::parse(&text, "test.toml", &builtin::registry()).unwrap();
    Job { words: &EN, source: source.display().to_string(), recipe, recipe_file: None, out: folder.join(out) }
}

/// As JSON: what is undefined equals itself.
fn written(report: &impl serde::Serialize) -> Value {
    serde_json::to_value(report).unwrap()
}

const BOTH: &str = "[data]\ntargets = ['grade', 'price']\nkey = 'id'";

fn several(folder: &Path, out: &str) -> TrainedTargets {
    match train_any(&job(folder, &rows(300), BOTH, out), &context()).unwrap() {
        Done::Several(trained) => trained,
        _ => panic!("two targets"),
    }
}

fn answers(model: &Path, folder: &Path) -> Vec<Vec<String>> {
    let out = folder.join("answers.csv").display().to_string();
    predict(model, &folder.join("rows.csv").display().to_string(), &out, &context()).unwrap();
    let text = std::fs::read_to_string(out).unwrap();
    text.lines().map(|line| line.split(',').map(String::from).collect()).collect()
}

fn column(table: &[Vec<String>], name: &str) -> Vec<String> {
    let at = table[0].iter().position(|n| n == name).unwrap_or_else(|| panic!("no {name} in {:?}", table[0]));
    table[1..].iter().map(|row| row[at].clone()).collect()
}

#[test]
fn each_target_is_answered_as_by_a_model_that_knows_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let trained = several(folder.path(), "both");
    let both = answers(&trained.model, folder.path());
    assert_eq!(
        both[0],
        ["id", "prediction_grade", "probability_grade_good", "probability_grade_poor", "prediction_price"]
            .map(String::from)
    );
    let (package, _) = tidemill_package::open(&trained.model).unwrap();
    let judged = evaluate::model(
        &trained.model,
        &folder.path().join("rows.csv").display().to_string(),
        None,
        &context(),
    );
    let Judged::Several { targets } = judged.unwrap() else { panic!("two targets") };
    for (i, (target, other)) in [("grade", "price"), ("price", "grade")].into_iter().enumerate() {
        let recipe = format!("[data]\ntarget = '{target}'\nkey = 'id'\nignore = ['{other}']");
        let alone = train(&job(folder.path(), &rows(300), &recipe, target), &context()).unwrap();
        let (single, _) = tidemill_package::open(&alone.model).unwrap();
        assert_eq!(package.state.children[i], single.state, "{target}");
        let own = answers(&alone.model, folder.path());
        assert_eq!(column(&both, &format!("prediction_{target}")), column(&own, "prediction"), "{target}");
        assert_eq!(written(&trained.outcomes[i].test), written(&alone.outcome.test));
        let source = folder.path().join("rows.csv").display().to_string();
        let Judged::One(judged) = evaluate::model(&alone.model, &source, None, &context()).unwrap() else {
            panic!("one target")
        };
        assert_eq!(written(&targets[target].report), written(&judged.report));
        // Rows without the target are left out of its judgement alone.
        assert_eq!(targets[target].rows, if target == "grade" { 257 } else { 240 });
    }
    let opened = model::open_target(&trained.model, Some("price"), &context()).unwrap();
    assert!(opened.model.input.position("grade").is_none(), "the other target is no column of it");
    assert!(opened.model.intake().unwrap().plan().column("grade").is_some_and(|c| !c.is_used()));
}

#[test]
fn the_resolved_recipe_leads_to_the_same_file_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    // Without a key: the reason that it is one is not yet kept in a resolved recipe, of one target either.
    let asked = "[data]\ntargets = ['grade', 'price']\nignore = ['id']";
    let Done::Several(trained) =
        train_any(&job(folder.path(), &rows(300), asked, "both"), &context()).unwrap()
    else {
        panic!("two targets")
    };
    let text = std::fs::read_to_string(&trained.recipe).unwrap();
    let recipe = recipe::parse(&text, "resolved", &builtin::registry()).unwrap();
    let out = folder.path().join("again");
    let source = folder.path().join("rows.csv").display().to_string();
    let again = Job { words: &EN, source, recipe, recipe_file: None, out };
    let one = Context::new(0, 1, Arc::new(builtin::registry()));
    let Done::Several(again) = train_any(&again, &one).unwrap() else { panic!("two targets") };
    let [then, now] = [&trained.model, &again.model].map(|path| tidemill_package::read(path).unwrap());
    for (name, bytes) in &then.extras {
        let [then, now] = [bytes, &now.extras[name]].map(|bytes| String::from_utf8_lossy(bytes));
        assert_eq!(then, now, "{name}");
    }
    assert_eq!(then.recipe, now.recipe);
    assert_eq!(again.hash, trained.hash);
}

#[test]
fn a_served_row_is_answered_as_a_row_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let trained = several(folder.path(), "both");
    let table = answers(&trained.model, folder.path());
    let serving = Serving::open(&trained.model, None, None, &context()).unwrap();
    assert_eq!(
        serving.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["id", "width", "height"]
    );
    assert_eq!(serving.passed_over, ["grade", "price"], "known, and not used: sending them is no mistake");
    let text = rows(300);
    let mut asked: Vec<Row> = text
        .lines()
        .skip(1)
        .take(20)
        .map(|line| Row { cells: line.split(',').take(3).map(|cell| Cell::Text(cell.into())).collect() })
        .collect();
    let answers = serving.answer(&mut asked).unwrap();
    let (grades, prices) = (column(&table, "prediction_grade"), column(&table, "prediction_price"));
    for (i, answer) in answers.iter().enumerate() {
        let Prediction::Class(code) = answer.parts[0].prediction else { panic!("a class") };
        assert_eq!(serving.parts[0].serving.classes[code as usize], grades[i]);
        assert_eq!(answer.parts[1].prediction, Prediction::Number(prices[i].parse().unwrap()));
        assert!(answer.flaws.is_empty() && answer.parts[1].probabilities.is_empty());
    }
    // What is odd about a cell is said once, though both models read it.
    let mut odd = [Row { cells: vec![Cell::Missing, Cell::Number(1e9), Cell::Number(0.0)] }];
    assert_eq!(serving.answer(&mut odd).unwrap()[0].flaws.len(), 1);
    assert!(serving.model().is_err());
}

#[test]
fn what_looks_at_one_target_asks_which() {
    let folder = tempfile::tempdir().unwrap();
    let trained = several(folder.path(), "both");
    let error = model::open(&trained.model, &context()).err().unwrap();
    assert!(error.to_string().contains("several targets (grade, price)"), "{error}");
    let error = model::open_target(&trained.model, Some("prise"), &context()).err().unwrap();
    assert!(error.remedy().unwrap().contains("'price'"), "{error}");
    let inspected = model::inspect(&trained.model, &context()).unwrap();
    assert_eq!(inspected.chains.keys().collect::<Vec<_>>(), ["grade", "price"]);
    assert!(
        inspected.card.contains("# Model for `grade`, `price`")
            && inspected.card.contains("# Model for `price`")
    );
    let about: Value = inspected.manifest.about;
    assert_eq!(about["targets"][1]["target"], json!("price"));
}

fn refused(csv: &str, recipe: &str) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), csv, recipe, "out");
    let error = train_any(&job, &context()).err().unwrap();
    assert!(!PathBuf::from(&job.out).exists(), "nothing is left behind");
    error
}

#[test]
fn what_cannot_be_is_refused_before_any_work() {
    let csv = rows(60);
    for (recipe, words) in [
        ("[data]\ntargets = ['grade', 'prise']", "price"),
        ("[data]\ntargets = ['grade', 'price']\n[decision]\nthreshold = 0.3", "decision"),
        ("[data]\ntargets = ['grade', 'price']\n[balance]\nkind = 'smote'", "balance"),
    ] {
        let error = refused(&csv, recipe);
        let said = format!("{error} {}", error.remedy().unwrap_or_default());
        assert!(said.contains(words), "{recipe}: {said}");
    }
    let empty: String = csv.lines().enumerate().fold(String::new(), |text, (i, line)| {
        let more = if i == 0 { "none" } else { "" };
        text + &format!("{line},{more}\n")
    });
    let error = refused(&empty, "[data]\ntargets = ['grade', 'none']");
    assert!(error.to_string().contains("'none' is missing in every row"), "{error}");
    let text = "[data]\ntargets = ['grade', 'grade']";
    let error = recipe::parse(text, "r.toml", &builtin::registry()).err().unwrap();
    assert!(error.to_string().starts_with("r.toml, line 2: names 'grade' twice"), "{error}");
}

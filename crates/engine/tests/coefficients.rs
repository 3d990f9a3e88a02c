//! Tables of coefficients: agreement with statsmodels on the user's own scale, and what is said of penalties.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tidemill_core::Context;
use tidemill_engine::explain::{Caution, Coefficients, coefficients};
use tidemill_engine::report::words::{EN, ZH};
use tidemill_engine::report::{page, text};
use tidemill_engine::verbs::train::{Job, train};
use tidemill_engine::{builtin, model, recipe, rows};

const TARGETS: &[&str] = &["price", "visits", "wait", "bought", "grade"];

fn context() -> Context {
    Context::new(0, 1, Arc::new(builtin::registry()))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explain")
}

fn asked(target: &str, learner: &str) -> Result<Coefficients, String> {
    let others: Vec<&&str> = TARGETS.iter().filter(|other| **other != target).collect();
    let text = format!(
        "[data]\ntarget = '{target}'\nignore = {others:?}\n[[learners]]\n{learner}\n[train]\ntrials = 1\n\
         [columns.year]\nkind = 'number'\n[columns.member]\nkind = 'flag'\n"
    );
    of_table(&folder().join("coefficients.csv"), &text)
}

fn of_table(table: &Path, text: &str) -> Result<Coefficients, String> {
    let out = tempfile::tempdir().unwrap();
    let source = table.display().to_string();
    let recipe = recipe::parse(text, "test.toml", &builtin::registry()).unwrap();
    let job =
        Job { words: &EN, source: source.clone(), recipe, recipe_file: None, out: out.path().join("m") };
    train(&job, &context()).unwrap();
    let opened = model::open(&out.path().join("m/model.tidemill"), &context()).unwrap();
    let source = rows::open(&source).unwrap();
    coefficients(&opened, &*source, &context()).map_err(|e| e.to_string())
}

#[track_caller]
fn agrees(found: &Coefficients, output: usize, wanted: &Value, common: &str) {
    let wanted = wanted.as_object().unwrap();
    let own: Vec<_> = found.lines.iter().filter(|line| line.output == output).collect();
    assert_eq!(own.len(), wanted.len(), "{own:?}");
    for line in own {
        let name = match (&line.column, &line.part) {
            (None, _) => "constant".to_string(),
            (Some(column), None) => column.clone(),
            (Some(column), Some(part)) => format!("{column}: {part}"),
        };
        let theirs = &wanted[&name];
        assert!(line.own_units && line.against.as_deref().is_none_or(|other| other == common), "{line:?}");
        for (ours, theirs) in [(line.value, &theirs[0]), (line.error.unwrap(), &theirs[1])] {
            let theirs = theirs.as_f64().unwrap();
            assert!((ours - theirs).abs() < 1e-6 * theirs.abs().max(1.0), "{name}: {ours}, not {theirs}");
        }
        let statistic = line.value / line.error.unwrap();
        assert!((line.statistic.unwrap() - statistic).abs() < 1e-12);
    }
}

#[test]
fn coefficients_and_standard_errors_agree_with_statsmodels() {
    let wanted: Value =
        serde_json::from_slice(&std::fs::read(folder().join("coefficients.json")).unwrap()).unwrap();
    let common = wanted["common"].as_str().unwrap();
    for (target, learner) in [
        ("price", "kind = 'ridge'\nalpha = 0.0"),
        ("visits", "kind = 'poisson'\nalpha = 0.0\ntol = 1e-12"),
        ("wait", "kind = 'gamma'\nalpha = 0.0\ntol = 1e-12"),
        ("bought", "kind = 'logistic'\npenalty = 'none'\ntol = 1e-10"),
    ] {
        let found = asked(target, learner).unwrap();
        assert!(!found.cautions.contains(&Caution::Penalised), "{:?}", found.cautions);
        agrees(&found, 0, &wanted[target], common);
        if target == "price" {
            let year = found.lines.iter().find(|line| line.column.as_deref() == Some("year")).unwrap();
            for (ours, theirs) in
                year.interval.unwrap().iter().zip(wanted["price_year_interval"].as_array().unwrap())
            {
                assert!((ours - theirs.as_f64().unwrap()).abs() < 1e-7);
            }
        }
    }
    let found = asked("grade", "kind = 'logistic'\npenalty = 'none'\ntol = 1e-10").unwrap();
    assert_eq!(
        (found.compared_with.as_deref(), found.outputs.as_slice()),
        (Some("a"), &["b".to_string(), "c".into()][..])
    );
    agrees(&found, 0, &wanted["grade b"], common);
    agrees(&found, 1, &wanted["grade c"], common);
}

#[test]
fn penalties_are_warned_of_and_other_models_are_refused() {
    let found = asked("bought", "kind = 'logistic'").unwrap();
    assert_eq!(found.cautions, [Caution::Penalised]);
    let told = text::coefficients(&EN, &found);
    assert!(told.contains("a penalty holds") && told.contains("penalty = \"none\""), "{told}");
    assert!(told.contains("colour: red (vs green)") && told.contains("95% interval"), "{told}");
    assert!(page::coefficients(&ZH, &found, "rows.csv").contains("惩罚项"));

    let found = asked("price", "kind = 'huber'").unwrap();
    assert_eq!(found.cautions, [Caution::NoFormula]);
    assert!(found.lines.iter().all(|line| line.error.is_none()) && found.lines.len() == 6);

    match asked("price", "kind = 'boosted_trees'") {
        Err(told) => assert!(told.contains("does not answer by a linear function"), "{told}"),
        Ok(found) => panic!("{found:?}"),
    }
}

#[test]
fn classes_that_columns_tell_apart_set_coefficients_no_bound() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/penguins/penguins.csv");
    let text = "[data]\ntarget = 'species'\n[[learners]]\nkind = 'logistic'\npenalty = 'none'\n[train]\ntrials = 1\n";
    let found = of_table(&table, text).unwrap();
    assert_eq!(found.cautions, [Caution::Separable]);
    // What is missing in one column is missing in the others: nobody can tell these marks apart.
    let marks =
        found.lines.iter().filter(|line| line.part.as_deref().is_some_and(|part| part.ends_with("_missing")));
    assert!(marks.clone().count() > 2 && marks.clone().all(|line| line.error.is_none()));
}

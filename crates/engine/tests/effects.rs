//! How answers go along with columns: agreement with scikit-learn on a model of LightGBM, and models whose effects are known.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tidemill_core::Context;
use tidemill_engine::explain::{AskedEffects, Effects, effects};
use tidemill_engine::import::{Asked, import};
use tidemill_engine::model::{self, Opened};
use tidemill_engine::report::words::{EN, ZH};
use tidemill_engine::report::{page, text};
use tidemill_engine::{builtin, rows};

fn context() -> Context {
    Context::new(0, 1, Arc::new(builtin::registry()))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

fn opened(file: &str) -> Opened {
    let bytes = std::fs::read(folder().join(file)).unwrap();
    let taken = import(&bytes, file, &Asked::default(), &context()).unwrap();
    model::of_package(taken.package(String::new()).unwrap(), &context()).unwrap()
}

fn ask(file: &str, asked: &AskedEffects) -> Result<Effects, String> {
    let source = rows::open(&folder().join("rows.csv").to_string_lossy()).unwrap();
    effects(&opened(file), &*source, asked, &context())
        .map_err(|e| format!("{e} | {}", e.remedy().unwrap_or_default()))
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(flat).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

#[track_caller]
fn near(found: &Value, wanted: &Value) {
    let (found, wanted) = (flat(found), flat(wanted));
    assert_eq!(found.len(), wanted.len());
    for (i, (a, b)) in found.iter().zip(&wanted).enumerate() {
        assert!((a - b).abs() < 1e-9, "number {i}: {a}, not {b}");
    }
}

#[test]
fn effects_agree_with_scikit_learn_and_with_their_definition() {
    let text = std::fs::read(folder().join("effects.json")).unwrap();
    let wanted: Value = serde_json::from_slice(&text).unwrap();
    let asked = AskedEffects {
        rows: flat(&wanted["rows"]).into_iter().map(|row| row as u64).collect(),
        columns: vec!["a".into(), "b".into()],
    };
    let found = serde_json::to_value(ask("lightgbm-regression.txt", &asked).unwrap()).unwrap();
    assert_eq!(found["n_asked"], found["n_rows"]);
    for column in found["columns"].as_array().unwrap() {
        let name = column["column"].as_str().unwrap();
        let theirs = &wanted[name];
        near(&column["grid"], &theirs["grids"]);
        near(&column["partial"], &theirs["average"]);
        let first: Vec<&Value> = column["individual"].as_array().unwrap().iter().take(3).collect();
        let first: Vec<&Value> = first.into_iter().map(|strand| &strand["answers"]).collect();
        near(&serde_json::json!(first), &theirs["individual"]);
        near(&column["accumulated"]["edges"], &wanted["accumulated"][name]["edges"]);
        near(&column["accumulated"]["effects"], &wanted["accumulated"][name]["effects"]);
    }
    let pair = &found["pairs"][0];
    let straight = pair["columns"][0] == "a";
    let mut partial = pair["partial"][0].clone();
    if !straight {
        let rows: Vec<Vec<f64>> = partial.as_array().unwrap().iter().map(flat).collect();
        let turned: Vec<Vec<f64>> =
            (0..rows[0].len()).map(|j| rows.iter().map(|row| row[j]).collect()).collect();
        partial = serde_json::json!(turned);
    }
    near(&partial, &wanted["a and b"]["average"]);
}

#[test]
fn what_moves_the_answer_comes_first_and_is_told_in_words() {
    let found = ask("lightgbm-binary.txt", &AskedEffects::default()).unwrap();
    assert_eq!((found.columns.len(), found.outputs.len(), found.units), (4, 1, "probability"));
    let output = found.most_moved();
    assert!(found.columns.windows(2).all(|two| two[0].reach[output] >= two[1].reach[output]));
    assert!(found.columns.iter().all(|column| column.individual.len() <= 40));
    assert_eq!((found.pairs.len(), found.n_asked), (2, 64));
    let categories = found.columns.iter().filter(|column| column.accumulated.is_none()).count();
    assert_eq!(categories, 2, "c and k are categories");
    for words in [&EN, &ZH] {
        let told = text::effects(words, &found);
        for column in ["a", "b", "c", "k"] {
            assert!(told.contains(&format!("{column}  ")), "{told}");
        }
        let html = page::effects(words, &found, "folder/rows.csv");
        assert!(html.contains("class=\"strand\"") && html.contains("rows.csv") && !html.contains("folder"));
        assert!(!html.contains("NaN") && !html.contains("{what}") && !told.contains('{'), "{told}");
    }
    let three = ask("lightgbm-multiclass.txt", &AskedEffects::default()).unwrap();
    let sums = (0..three.columns[0].grid.len())
        .map(|i| three.columns[0].partial.iter().map(|class| class[i]).sum::<f64>());
    assert!(three.outputs.len() == 3 && sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-9));
}

#[test]
fn what_has_no_effect_to_show_is_refused() {
    let of = |columns: &[&str], rows: &[u64]| AskedEffects {
        rows: rows.to_vec(),
        columns: columns.iter().map(ToString::to_string).collect(),
    };
    let file = "lightgbm-regression.txt";
    assert!(ask(file, &of(&["d"], &[])).unwrap_err().contains("'d'"));
    assert!(ask(file, &of(&[], &[900])).unwrap_err().contains("there is no row 900"));
    // A row without a value of a and b: they are passed over, and that is said.
    let one = ask(file, &of(&[], &[1])).unwrap();
    assert_eq!(one.passed_over, ["a", "b"]);
    assert!(text::effects(&EN, &one).contains("Not looked at: a, b"));
}

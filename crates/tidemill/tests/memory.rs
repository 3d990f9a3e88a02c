//! The library from Arrow batches to answers, and through bytes and back.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::sync::Arc;

use serde_json::json;
use tidemill::arrow::{Array, ArrayRef, Float64Array, RecordBatch, StringArray};
use tidemill::{Fit, Model, Table};

fn rows() -> Table {
    let x: Vec<f64> = (0..300).map(|i| f64::from(i % 60)).collect();
    let kind: Vec<&str> = (0..300).map(|i| if i % 3 == 0 { "a" } else { "b" }).collect();
    let y: Vec<&str> =
        x.iter().zip(&kind).map(|(x, k)| if *x > 30.0 || *k == "a" { "yes" } else { "no" }).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("x", Arc::new(Float64Array::from(x))),
        ("kind", Arc::new(StringArray::from(kind))),
        ("y", Arc::new(StringArray::from(y))),
    ];
    tidemill::table(&[RecordBatch::try_from_iter(columns).unwrap()]).unwrap()
}

fn fitted() -> Fit {
    let recipe = tidemill::recipe("[data]\ntarget = 'y'\n[[learners]]\nkind = 'boosted_trees'").unwrap();
    tidemill::fit(&rows(), &recipe, &tidemill::context(3)).unwrap()
}

#[test]
fn a_model_in_memory_answers_as_its_file_does() {
    let fit = fitted();
    let model = fit.model().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let written = fit.write(folder.path()).unwrap();
    let opened = Model::open(&written.model).unwrap();
    let again = Model::from_bytes(&model.to_bytes().unwrap()).unwrap();
    let answers = model.predict(&rows()).unwrap();
    assert_eq!(answers, opened.predict(&rows()).unwrap());
    assert_eq!(answers, again.predict(&rows()).unwrap());
    assert_eq!(model.target().unwrap(), "y");
    assert_eq!(std::fs::read(&written.model).unwrap(), model.to_bytes().unwrap());
}

#[test]
fn a_row_alone_is_answered_as_in_a_batch() {
    let model = fitted().model().unwrap();
    let answers = model.predict(&rows()).unwrap();
    let yes = answers.column_by_name("probability_yes").unwrap();
    let yes = yes.as_any().downcast_ref::<Float64Array>().unwrap();
    let row = json!({ "x": 4.0, "kind": "b" });
    let answer = model.predict_row(row.as_object().unwrap()).unwrap();
    assert_eq!(answer.prediction, json!("no"));
    assert_eq!(answer.probabilities[1], ("yes".into(), yes.value(4)));
    let odd = json!({ "x": 4000.0, "kind": "z" });
    let odd = model.predict_row(odd.as_object().unwrap()).unwrap();
    assert_eq!(odd.warnings.len(), 2, "{:?}", odd.warnings);
    let wrong = json!({ "knid": "a" });
    let error = model.predict_row(wrong.as_object().unwrap()).unwrap_err().to_string();
    assert!(error.contains("no column 'knid'"), "{error}");
    assert_eq!(yes.len(), 300);
}

#[test]
fn models_are_judged_and_compared_in_memory() {
    let model = fitted().model().unwrap();
    assert!(tidemill::evaluate(&model, &rows()).unwrap().value("accuracy") > Some(0.9));
    let same = tidemill::compare(&model, &model, &rows(), None).unwrap();
    assert!(same.same);
    let recipe = tidemill::recipe("[data]\ntarget = 'y'").unwrap();
    let audit = tidemill::check(&rows(), &recipe, &tidemill::context(0)).unwrap();
    assert_eq!(audit.target.unwrap().column, "y");
}

#[test]
fn mistakes_are_named() {
    let recipe = tidemill::recipe("").unwrap();
    let error = tidemill::fit(&rows(), &recipe, &tidemill::context(0)).err().unwrap().to_string();
    assert!(error.contains("no target column given"), "{error}");
    assert!(tidemill::table(&[]).is_err());
    assert!(Model::from_bytes(b"PK nothing").is_err());
    assert!(tidemill::table_of_numbers(&[("a", &[1.0]), ("b", &[])]).is_err());
}

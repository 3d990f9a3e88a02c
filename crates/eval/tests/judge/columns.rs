//! From columns of a table to answers.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, StringArray, UInt32Array};
use tidemill_core::recipe::Task;
use tidemill_core::{Batch, Categories, Coded, Column, Kind, Role, Schema, probability_vector};
use tidemill_eval::{Answers, report};

fn batch(columns: Vec<(Column, ArrayRef)>) -> Batch {
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap()
}

fn number(name: &str, values: &[f64]) -> (Column, ArrayRef) {
    (Column::number(name), Arc::new(Float64Array::from(values.to_vec())))
}

fn text(name: &str, values: &[&str]) -> (Column, ArrayRef) {
    (Column::new(name, Kind::Text), Arc::new(StringArray::from(values.to_vec())))
}

fn flag(name: &str, values: &[bool]) -> (Column, ArrayRef) {
    (Column::new(name, Kind::Flag), Arc::new(BooleanArray::from(values.to_vec())))
}

fn category(name: &str, names: &[&str], codes: &[Option<u32>]) -> (Column, ArrayRef) {
    let names = Categories::new(names);
    let array = names.column(UInt32Array::from(codes.to_vec())).unwrap();
    (Column::category(name, names), array)
}

fn of_columns(
    truth: (Column, ArrayRef),
    predicted: (Column, ArrayRef),
) -> Result<Answers<'static>, tidemill_eval::Error> {
    let (t, p) = (truth.0.name.clone(), predicted.0.name.clone());
    Answers::of_columns(&batch(vec![truth, predicted]), &t, &p, None, None)
}

const TRUTH: [f64; 5] = [0.0, 1.0, 1.0, 0.0, 1.0];
const GUESS: [f64; 5] = [0.0, 1.0, 0.0, 0.0, 1.0];

fn yes(values: &[f64]) -> Vec<bool> {
    values.iter().map(|&x| x == 1.0).collect()
}

fn words(values: &[f64], no: &'static str, yes: &'static str) -> Vec<&'static str> {
    values.iter().map(|&x| if x == 1.0 { yes } else { no }).collect()
}

#[test]
fn the_first_example_comes_out_of_any_kinds() {
    let truths = [
        number("t", &TRUTH),
        flag("t", &yes(&TRUTH)),
        text("t", &words(&TRUTH, "no", "Yes")),
        category("t", &["0", "1"], &TRUTH.map(|x| Some(x as u32))),
    ];
    let guesses = [
        number("p", &GUESS),
        flag("p", &yes(&GUESS)),
        text("p", &words(&GUESS, "N", "Y")),
        category("p", &["false", "true"], &GUESS.map(|x| Some(x as u32))),
    ];
    for (t, p) in truths.iter().flat_map(|t| guesses.iter().map(move |p| (t, p))) {
        let answers = of_columns(t.clone(), p.clone()).unwrap();
        let report = report(&answers);
        let found = ["accuracy", "recall", "precision", "f1", "roc_auc"].map(|m| report.value(m).unwrap());
        let wanted = [0.8, 2.0 / 3.0, 1.0, 0.8, 5.0 / 6.0];
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-15), "{t:?} {p:?} {found:?}");
        assert!(report.warnings.iter().any(|w| w.code == "ranks_from_labels"));
    }
}

#[test]
fn scores_of_two_classes_are_probabilities() {
    let scores = number("p", &[0.2, 0.9, 0.4, 0.1, 0.5]);
    for truth in [number("t", &TRUTH), flag("t", &yes(&TRUTH)), text("t", &words(&TRUTH, "bad", "good"))] {
        let report = report(&of_columns(truth, scores.clone()).unwrap());
        assert_eq!(report.value("accuracy"), Some(0.8));
        assert_eq!(report.value("roc_auc"), Some(1.0));
        assert!(report.value("log_loss").is_some());
        assert_eq!(report.warnings[0].code, "predictions_are_probabilities");
    }
    let table = batch(vec![text("t", &words(&TRUTH, "bad", "good")), scores]);
    let turned = Answers::of_columns(&table, "t", "p", None, Some("bad")).unwrap();
    assert_eq!(report(&turned).value("roc_auc"), Some(0.0));
}

#[test]
fn quantities_and_classes_are_told_apart() {
    let task = |t: &[f64], p: &[f64]| of_columns(number("t", t), number("p", p)).unwrap().task();
    assert_eq!(task(&[3.0, -0.5, 2.0, 7.0], &[2.5, 0.0, 2.0, 8.0]), Task::Regression);
    assert_eq!(task(&[3.0, 5.0, 2.0, 7.0], &[3.0, 5.0, 4.0, 8.0]), Task::Regression);
    assert_eq!(task(&[1.0, 2.0, 3.0, 1.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 3.0, 2.0, 1.0]), Task::Multiclass);
    let table = batch(vec![number("t", &TRUTH), number("p", &[0.1, 0.9, 2.0, 0.0, 1.0])]);
    let told = Answers::of_columns(&table, "t", "p", Some(Task::Regression), None).unwrap();
    assert_eq!(told.task(), Task::Regression);
}

#[test]
fn predictions_that_fit_nothing_are_refused() {
    let error = of_columns(text("t", &["no", "yes"]), number("p", &[-3.0, 2.0])).unwrap_err();
    assert_eq!(error.code(), "neither_label_nor_score");
    let table = batch(vec![number("t", &TRUTH), number("pred", &GUESS)]);
    let error = Answers::of_columns(&table, "t", "prd", None, None).unwrap_err();
    assert!(error.to_string().contains("did you mean 'pred'?"), "{error}");
}

#[test]
fn missing_truth_is_left_out_and_missing_predictions_are_refused() {
    let names = ["a", "b"];
    let truth = category("t", &names, &[Some(0), None, Some(1)]);
    let answers = of_columns(truth, category("p", &names, &[Some(0), Some(1), Some(1)])).unwrap();
    assert_eq!(answers.n_rows(), 2);
    assert_eq!(answers.warnings()[0].code, "truth_missing");
    let truth = category("t", &names, &[Some(0), Some(0)]);
    let error = of_columns(truth, category("p", &names, &[Some(0), None])).unwrap_err();
    assert!(error.to_string().contains("'p' in row 2 is missing"), "{error}");
}

#[test]
fn a_models_batch_keeps_its_classes_and_counts_unseen_ones_as_wrong() {
    let names = ["x", "a", "never"];
    let (truth, truth_codes) = category("y", &["a", "x"], &[Some(1), Some(0), Some(2), None]);
    let (predicted, codes) = category("prediction", &names, &[Some(0), Some(1), Some(1), Some(0)]);
    let mut probability = Column::vector("probability", names.map(String::from).to_vec());
    probability.categories = Some(Categories::new(names));
    let shares = vec![0.8, 0.1, 0.1, 0.2, 0.7, 0.1, 0.3, 0.6, 0.1, 1.0, 0.0, 0.0];
    let weight = number("w", &[1.0, 2.0, 1.0, 1.0]);
    let table = batch(vec![
        (truth.with_role(Role::Target), truth_codes),
        (predicted.with_role(Role::Prediction), codes),
        (probability.with_role(Role::Probability), probability_vector(shares, 3).unwrap()),
        (weight.0.with_role(Role::Weight), weight.1),
    ]);
    let answers = Answers::of(&table).unwrap();
    let Answers::Classes(classes) = &answers else { panic!("not classes") };
    let found: Vec<&str> = classes.names().iter().map(|n| &**n).collect();
    assert_eq!(found, ["x", "a", "never", "(unseen)"]);
    let report = report(&answers);
    assert_eq!(report.value("accuracy"), Some(0.75));
    assert!(report.value("log_loss").unwrap() > 8.0);
    let codes: Vec<&str> = report.warnings.iter().map(|w| w.code.as_str()).collect();
    assert!(codes.contains(&"truth_missing") && codes.contains(&"class_never_seen"), "{codes:?}");
}

#[test]
fn a_models_numbers_are_found_by_role() {
    let (t, p) = (number("y", &[1.0, 2.0]), number("prediction", &[1.0, 4.0]));
    let table = batch(vec![(t.0.with_role(Role::Target), t.1), (p.0.with_role(Role::Prediction), p.1)]);
    assert_eq!(report(&Answers::of(&table).unwrap()).value("mae"), Some(1.0));
}

//! What cannot be answered says so: no figure, and the reason.

use tidemill_core::Coded;
use tidemill_eval::compare::{bootstrap, corrected_resampled_t};
use tidemill_eval::{Answers, METRICS, default_metric, metric, reference, report};

fn first_example() -> Answers<'static> {
    Answers::classes(vec![0, 1, 1, 0, 1], vec![0, 1, 0, 0, 1], ["0", "1"]).unwrap()
}

#[test]
fn the_first_example_has_its_five_figures() {
    let report = report(&first_example());
    let round = |name: &str| (report.value(name).unwrap() * 1000.0).round() / 1000.0;
    let five = ["accuracy", "recall", "precision", "f1", "roc_auc"].map(round);
    assert_eq!(five, [0.8, 0.667, 1.0, 0.8, 0.833]);
    assert!(
        report.warnings.iter().any(|w| w.code == "ranks_from_labels" && w.message.contains("hard labels"))
    );
    let shown = report.to_string();
    for figure in ["0.8000", "0.6667", "1.0000", "0.8333", "Warning: ROC AUC comes from hard labels"] {
        assert!(shown.contains(figure), "{figure} is not in\n{shown}");
    }
}

#[test]
fn no_rows_and_no_weight_are_undefined() {
    let none: [u32; 0] = [];
    let empty = Answers::classes(&none[..], &none[..], ["a", "b"]).unwrap();
    let weightless = first_example().with_weights(vec![0.0; 5]).unwrap();
    let nothing: [f64; 0] = [];
    let numbers = Answers::numbers(&nothing[..], &nothing[..]).unwrap();
    for answers in [&empty, &weightless, &numbers] {
        for m in METRICS.iter().filter(|m| m.applies(answers)) {
            let score = m.score(answers).unwrap();
            assert!(score.value.is_nan() && score.warnings.len() == 1, "{}", m.name);
        }
        let json = serde_json::to_value(report(answers)).unwrap();
        assert!(json["metrics"].as_object().unwrap().values().all(|v| v.is_null()), "{json}");
        let name = default_metric(answers.task()).name;
        let m = if name == "log_loss" { metric("accuracy").unwrap() } else { metric(name).unwrap() };
        assert!(bootstrap(answers, m, 10, 0.9, 0).unwrap().low.is_nan());
    }
}

#[test]
fn one_class_has_no_area_and_no_predicted_positive_no_precision() {
    let one = Answers::classes(vec![1, 1], vec![1, 0], ["no", "yes"]).unwrap();
    let score = metric("roc_auc").unwrap().score(&one).unwrap();
    assert!(score.value.is_nan() && score.warnings[0].message.contains("all rows are 'yes'"));
    let none = Answers::classes(vec![1, 0], vec![0, 0], ["no", "yes"]).unwrap();
    let score = metric("precision").unwrap().score(&none).unwrap();
    assert_eq!(score.value, 0.0);
    assert!(score.warnings[0].message.contains("no row is predicted as 'yes'"));
}

#[test]
fn constant_truth_and_single_rows_are_said() {
    // The mean of these three differs from them in its last bit.
    let constant = Answers::numbers(vec![0.1; 3], vec![0.1; 3]).unwrap();
    let score = metric("r2").unwrap().score(&constant).unwrap();
    assert_eq!((score.value, score.warnings[0].code.as_str()), (1.0, "r2_constant_truth"));
    let one = Answers::numbers(vec![1.0, 5.0], vec![1.0, 2.0]).unwrap().with_weights(vec![1.0, 0.0]).unwrap();
    assert!(metric("r2").unwrap().score(&one).unwrap().value.is_nan());
}

#[test]
fn a_metric_of_another_task_names_the_right_one() {
    let three = Answers::classes(vec![0, 1, 2], vec![0, 1, 2], ["a", "b", "c"]).unwrap();
    let error = metric("f1").unwrap().score(&three).unwrap_err();
    assert_eq!((error.code(), error.remedy().unwrap().as_str()), ("metric_not_for_task", "use 'f1_macro'"));
    let error = metric("rmse").unwrap().score(&three).unwrap_err();
    assert_eq!(error.remedy().unwrap(), "use 'log_loss'");
    let error = metric("log_loss").unwrap().score(&three).unwrap_err();
    assert_eq!(error.code(), "metric_needs_probability");
    let error = metric("accurracy").unwrap_err();
    assert!(error.to_string().contains("did you mean 'accuracy'?"));
}

#[test]
fn bad_answers_are_refused_by_row() {
    let wrong = Answers::classes(vec![0, 2], vec![0, 1], ["a", "b"]).unwrap_err();
    assert!(wrong.to_string().contains("true class in row 2 is 2"), "{wrong}");
    let wrong = first_example().with_weights(vec![1.0, -1.0, 1.0, 1.0, 1.0]).unwrap_err();
    assert!(wrong.to_string().contains("weight in row 2 is -1"), "{wrong}");
    let wrong = first_example().with_probability(vec![f64::NAN; 10]).unwrap_err();
    assert!(wrong.to_string().contains("probability of '0' in row 1"), "{wrong}");
    let wrong = Answers::numbers(vec![1.0], vec![f64::INFINITY]).unwrap_err();
    assert!(wrong.to_string().contains("prediction in row 1 is inf"), "{wrong}");
    let wrong = first_example().with_positive("yes").unwrap_err();
    assert!(wrong.to_string().contains("the classes are '0' and '1'"), "{wrong}");
}

#[test]
fn comparisons_without_spread_or_without_enough_are_said() {
    let same = corrected_resampled_t(&[0.0, 0.0], 0.2, 0.95).unwrap();
    assert_eq!((same.mean, same.low, same.high, same.p_value), (0.0, 0.0, 0.0, 1.0));
    assert!(corrected_resampled_t(&[0.1], 0.2, 0.95).is_err());
    assert!(corrected_resampled_t(&[0.1, f64::NAN], 0.2, 0.95).is_err());
    assert!(corrected_resampled_t(&[0.1, 0.2], 1.0, 0.95).is_err());
}

#[test]
fn the_reference_page_has_every_metric() {
    let page = reference();
    assert!(METRICS.iter().all(|m| page.contains(&format!("`{}`", m.name)) && page.contains(m.formula)));
    let mut names: Vec<&str> = METRICS.iter().map(|m| m.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), METRICS.len());
}

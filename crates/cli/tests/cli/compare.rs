//! Comparing two models, and two columns of predictions, as a user does.

use serde_json::Value;

use crate::desk::{Desk, small_table};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// A desk with a model that knows nothing, and one that has learned, of the same table.
fn two_models() -> Desk {
    let of = |learner: &str| {
        format!("[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n[[learners]]\nkind = \"{learner}\"\n")
    };
    let desk = Desk::new()
        .with("t.csv", small_table(400))
        .with("base.toml", of("baseline"))
        .with("good.toml", of("logistic"));
    for (recipe, out) in [("base.toml", "base"), ("good.toml", "good")] {
        desk.run(&["train", recipe, "--out", out, "--trials", "1"]).done();
    }
    desk
}

const BASE: &str = "base/model.tidemill";
const GOOD: &str = "good/model.tidemill";

#[test]
fn the_better_model_is_named_and_the_exit_code_says_whether_it_is_the_second() {
    let desk = two_models();
    let found = desk.run(&["compare", BASE, GOOD, "t.csv", "--json"]).done().json();
    assert_eq!(
        (&found["metric"], &found["same"], &found["rows"]),
        (&"log_loss".into(), &false.into(), &400.into())
    );
    for (model, figure) in [(BASE, "a"), (GOOD, "b")] {
        let alone = desk.run(&["evaluate", model, "t.csv", "--json"]).done().json();
        assert_eq!(found[figure], alone["metrics"]["log_loss"], "{figure}");
    }
    assert_eq!(number(&found["better_by"]), number(&found["a"]) - number(&found["b"]));
    assert!(number(&found["low"]) > 0.0 && number(&found["p_value"]) < 0.001, "{found}");

    let turned = desk.run(&["compare", GOOD, BASE, "t.csv"]);
    assert_eq!(turned.code, 1, "{turned:?}");
    assert!(turned.out.contains("The first is better: its log loss is lower by"), "{}", turned.out);
    assert_eq!(desk.run(&["compare", GOOD, BASE, "t.csv", "--not-worse"]).code, 1);
    desk.run(&["compare", BASE, GOOD, "t.csv", "--not-worse"]).done();

    let same = desk.run(&["compare", GOOD, GOOD, "t.csv"]);
    assert_eq!(same.code, 1);
    assert!(same.out.contains("the same as far as 400 rows can tell"), "{}", same.out);
    desk.run(&["compare", GOOD, GOOD, "t.csv", "--not-worse"]).done();
}

#[test]
fn each_metric_has_its_test() {
    let desk = two_models();
    for (metric, test) in [
        ("roc_auc", "delong"),
        ("accuracy", "mcnemar"),
        ("brier_score", "paired_t"),
        ("f1_macro", "bootstrap"),
    ] {
        let found = desk.run(&["compare", BASE, GOOD, "t.csv", "--metric", metric, "--json"]).done().json();
        assert_eq!((&found["metric"], &found["test"]), (&metric.into(), &test.into()));
    }
    desk.run(&["compare", BASE, GOOD, "t.csv", "--metric", "rmse"]).refused(&["rmse", "binary"]);
}

/// McNemar's counts by hand: of 20 rows `p` is right alone in 2 and `q` in 9, so the mid-p-value is
/// 2 B(2) - b(2) = 0.038574 with b, B of 11 fair coins (mid-p: Fagerland, Lydersen and Laake 2013).
#[test]
fn columns_of_predictions_are_compared_without_any_model() {
    let mut table = String::from("y,p,q\n");
    for i in 0..20 {
        let (p, q) = match i {
            0..2 => ("a", "b"),
            2..11 => ("b", "a"),
            _ => ("a", "a"),
        };
        table += &format!("a,{p},{q}\n");
    }
    table += "b,b,b\n";
    let desk = Desk::new().with("t.csv", &table);
    let args = ["compare", "t.csv", "t.csv", "--truth", "y", "--pred", "p", "--pred", "q", "--json"];
    let found = desk.run(&args).done().json();
    assert_eq!(
        (&found["first"], &found["second"], &found["test"]),
        (&"p".into(), &"q".into(), &"mcnemar".into())
    );
    assert!((number(&found["p_value"]) - 0.038_574_218_75).abs() < 1e-12, "{found}");
    assert!((number(&found["better_by"]) - 7.0 / 21.0).abs() < 1e-12, "{found}");

    // The same from three files.
    let column = |at: usize, name: &str| {
        let rows = table.lines().skip(1).map(|line| line.split(',').nth(at).unwrap());
        std::iter::once(name).chain(rows).collect::<Vec<_>>().join("\n") + "\n"
    };
    let desk = Desk::new()
        .with("y.csv", column(0, "answer"))
        .with("p.csv", column(1, "answer"))
        .with("q.csv", column(2, "answer"));
    let args = ["compare", "p.csv", "q.csv", "y.csv", "--truth", "answer", "--pred", "answer", "--json"];
    let apart = desk.run(&args).done().json();
    for key in ["a", "b", "better_by", "low", "high", "p_value"] {
        assert_eq!(apart[key], found[key], "{key}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let desk = two_models().with("few.csv", "churned\nyes\n").with("other.csv", small_table(300));
    desk.run(&["predict", GOOD, "t.csv", "-o", "a.csv"]).done();
    let table = desk.read("other.csv").replace("churned", "left");
    std::fs::write(desk.path("left.csv"), table).unwrap();
    desk.run(&["train", "left.csv", "--target", "left", "--out", "left", "--trials", "1"]).done();
    desk.run(&["compare", BASE, "left/model.tidemill", "left.csv"]).refused(&["'churned'"]);
    desk.run(&["compare", BASE, GOOD]).refused(&["compare A.tidemill B.tidemill DATA"]);
    desk.run(&["compare", BASE, GOOD, "-"]).refused(&["standard input", "name a file"]);
    desk.run(&["compare", "absent.tidemill", GOOD, "t.csv"]).refused(&["absent.tidemill"]);
    let files = ["compare", "a.csv", "a.csv", "few.csv", "--truth", "churned", "--pred", "prediction"];
    desk.run(&files).refused(&["few.csv has 1 rows, a.csv 400"]);
    let thrice =
        ["compare", "t.csv", "t.csv", "--truth", "churned", "--pred", "age", "--pred", "age", "--pred", "id"];
    desk.run(&thrice).refused(&["3 columns"]);
}

#[test]
fn answers_of_predict_are_compared_row_for_row() {
    let desk = two_models();
    for (model, out) in [(BASE, "a.csv"), (GOOD, "b.csv")] {
        desk.run(&["predict", model, "t.csv", "-o", out]).done();
    }
    let models = desk.run(&["compare", BASE, GOOD, "t.csv", "--metric", "accuracy", "--json"]).done().json();
    let args = ["compare", "a.csv", "b.csv", "t.csv", "--truth", "churned", "--pred", "prediction", "--json"];
    let files = desk.run(&args).done().json();
    for key in ["metric", "a", "b", "p_value", "sentence"] {
        assert_eq!(files[key], models[key], "{key}");
    }
}

#[test]
fn weights_of_predictions_count() {
    let desk = Desk::new().with("t.csv", "y,p,w\n1,1,3\n0,1,1\n1,1,0\n0,0,1\n");
    let args = ["evaluate", "t.csv", "--truth", "y", "--pred", "p", "--json"];
    let plain = desk.run(&args).done().json();
    let weighted = desk.run(&[&args[..], &["--weight", "w"]].concat()).done().json();
    assert_eq!(
        (number(&plain["metrics"]["accuracy"]), number(&weighted["metrics"]["accuracy"])),
        (0.75, 0.8)
    );
}

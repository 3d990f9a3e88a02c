//! `tidemill explain`: values that sum to what is explained, in the user's own columns.

use serde_json::Value;

use crate::desk::{Desk, small_table};

fn trained(learner: &str) -> Desk {
    let recipe = format!(
        "[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n[[learners]]\nkind = \"{learner}\"\n[train]\ntrials = 1\n"
    );
    let desk = Desk::new().with("t.csv", small_table(150)).with("r.toml", recipe);
    desk.run(&["train", "r.toml", "-o", "m"]).done();
    desk
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// Base and values sum to what is explained, and only the user's own columns are there.
fn sums(found: &Value, within: f64) {
    let columns: Vec<&str> =
        found["columns"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    assert!(columns.iter().all(|c| ["age", "income", "town"].contains(c)), "{columns:?}");
    let base = numbers(&found["base"]);
    for row in found["rows"].as_array().unwrap() {
        for (output, total) in numbers(&row["totals"]).into_iter().enumerate() {
            let sum = base[output] + numbers(&row["values"][output]).iter().sum::<f64>();
            assert!((sum - total).abs() < within, "{row}: {sum} and {total}");
        }
    }
}

#[test]
fn exact_values_of_trees_and_linear_functions_sum_to_the_margin() {
    for (learner, method) in
        [("boosted_trees", "tree_shap"), ("random_forest", "tree_shap"), ("logistic", "linear_shap")]
    {
        let desk = trained(learner);
        let found = desk.run(&["explain", "m/model.tidemill", "t.csv", "--json"]).done().json();
        assert_eq!(found["method"], method, "{learner}");
        assert_eq!(found["rows"].as_array().map(Vec::len), Some(150));
        sums(&found, 1e-9);
        let told = desk.run(&["explain", "m/model.tidemill", "t.csv", "--rows", "2,4-5"]).done().out;
        assert!(told.contains("Row 4") && told.contains("age = ") && !told.contains("Row 1 "), "{told}");
    }
}

#[test]
fn values_of_any_model_sum_to_its_answer() {
    let desk = trained("k_neighbors");
    let args = ["explain", "m/model.tidemill", "t.csv", "--rows", "1-3", "--json"];
    let found = desk.run(&args).done().json();
    assert_eq!(found["method"], "permutation_shap");
    sums(&found, 1e-9);
}

#[test]
fn values_are_written_as_a_table() {
    let desk = trained("boosted_trees");
    desk.run(&["explain", "m/model.tidemill", "t.csv", "-o", "shap.csv"]).done();
    let text = desk.read("shap.csv");
    assert_eq!(text.lines().count(), 151);
    let head = text.lines().next().unwrap();
    for name in ["row", "key", "prediction", "base", "shap_age", "shap_income", "shap_town"] {
        assert!(head.split(',').any(|cell| cell == name), "no {name} in {head}");
    }
}

#[test]
fn what_cannot_be_explained_is_said() {
    let desk = trained("k_neighbors");
    let model = "m/model.tidemill";
    desk.run(&["explain", model, "t.csv", "--rows", "151"]).refused(&["no row 151", "150"]);
    desk.run(&["explain", model, "t.csv", "--rows", "3-1"]).refused(&["--rows '3-1'"]);
    desk.run(&["explain", model, "t.csv", "--method", "tree_shap"]).refused(&["does not answer by trees"]);
    let desk = desk.with("narrow.csv", "age,income\n1,2\n").with("none.csv", "id,age,income,town\n");
    desk.run(&["explain", model, "narrow.csv"]).refused(&["town"]);
    desk.run(&["explain", model, "none.csv"]).refused(&["no rows"]);
}

#[test]
fn lime_says_how_faithful_it_is_and_takes_its_own_options_alone() {
    let desk = trained("boosted_trees");
    let lime = ["explain", "m/model.tidemill", "t.csv", "--rows", "1-3", "--method", "lime"];
    let found = desk.run(&[&lime[..], &["--json"]].concat()).done().json();
    assert_eq!((&found["method"], found["rows"].as_array().map(Vec::len)), (&"lime".into(), Some(3)));
    for row in found["rows"].as_array().unwrap() {
        let fit = &row["local"][0];
        let r2 = fit["r2"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&r2) && fit["answer"].is_f64(), "{row}");
        assert_eq!(row["errors"][0].as_array().map(Vec::len), Some(3), "{row}");
    }
    assert!(desk.run(&lime).done().out.contains("Fidelity of the local models"));
    desk.run(&[&lime[..], &["--kernel-width", "0"]].concat()).refused(&["--kernel-width 0", "above 0"]);
    desk.run(&["explain", "m/model.tidemill", "t.csv", "--samples", "100"])
        .refused(&["--samples is for lime"]);
    desk.run(&[&lime[..], &["--out", "lime.csv"]].concat()).done();
    let head = desk.read("lime.csv");
    let head = head.lines().next().unwrap();
    assert!(
        ["base", "r2", "lime_age"].iter().all(|name| head.split(',').any(|cell| cell == *name)),
        "{head}"
    );
}

#[test]
fn a_model_of_another_program_predicts_explains_and_is_inspected() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/import");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let desk = Desk::new().with("m.txt", text("lightgbm-binary.txt")).with("rows.csv", text("rows.csv"));
    let args = ["import", "m.txt", "--target", "left", "--classes", "no,yes"];
    let told = desk.run(&args).done().out;
    assert!(told.contains("LightGBM") && told.contains("m.tidemill"), "{told}");
    desk.run(&["predict", "m.tidemill", "rows.csv", "-o", "answers.csv"]).done();
    assert!(desk.read("answers.csv").starts_with("prediction,probability_no,probability_yes"));
    let found = desk.run(&["explain", "m.tidemill", "rows.csv", "--rows", "2", "--json"]).done().json();
    assert_eq!((&found["method"], &found["outputs"][0]), (&"tree_shap".into(), &"yes".into()));
    let told = desk.run(&["inspect", "m.tidemill"]).done().out;
    assert!(told.contains("intake -> imported_trees") && told.contains("Imported from `m.txt`"), "{told}");
    desk.run(&["import", "rows.csv"]).refused(&["not a model of LightGBM", "save_model"]);
    desk.run(&["import", "m.txt", "-o", "m.txt"]).refused(&["take the place"]);
    desk.run(&["import", "m.txt", "--classes", "yes"]).refused(&["names 1 classes, but the model has 2"]);
}

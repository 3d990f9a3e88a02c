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

/// The probabilities that log odds stand for are those that the model predicts.
#[test]
fn naive_bayes_is_explained_exactly_in_log_odds() {
    for learner in ["gaussian_nb", "categorical_nb"] {
        let desk = trained(learner);
        let found = desk.run(&["explain", "m/model.tidemill", "t.csv", "--json"]).done().json();
        assert_eq!(
            (&found["method"], &found["units"]),
            (&"additive_shap".into(), &"margin".into()),
            "{learner}"
        );
        sums(&found, 1e-9);
        desk.run(&["predict", "m/model.tidemill", "t.csv", "-o", "p.csv"]).done();
        let text = desk.read("p.csv");
        let head: Vec<&str> = text.lines().next().unwrap().split(',').collect();
        let at = head.iter().position(|name| *name == "probability_yes").unwrap();
        let calibrated = desk.run(&["inspect", "m/model.tidemill"]).done().out.contains("calibrate");
        for (row, line) in found["rows"].as_array().unwrap().iter().zip(text.lines().skip(1)) {
            let wanted: f64 = line.split(',').nth(at).unwrap().parse().unwrap();
            let odds = numbers(&row["totals"])[0];
            assert!(
                calibrated || (1.0 / (1.0 + (-odds).exp()) - wanted).abs() < 1e-9,
                "{learner}: {row} and {line}"
            );
        }
    }
}

/// The same probability, by values that add up to it and by sampling: both see the same columns, and both sum to it.
#[test]
fn the_probability_itself_is_explained_against_a_background() {
    for learner in ["boosted_trees", "random_forest", "logistic", "gaussian_nb"] {
        let desk = trained(learner);
        let of = |method: &'static str| {
            let args =
                ["explain", "m/model.tidemill", "t.csv", "--rows", "1-20", "--method", method, "--json"];
            desk.run(&args).done().json()
        };
        let (found, exact) = (of("interventional_shap"), of("permutation_shap"));
        assert_eq!(
            (&found["units"], &found["method"]),
            (&"probability".into(), &"interventional_shap".into())
        );
        sums(&found, 1e-9);
        for (row, other) in found["rows"].as_array().unwrap().iter().zip(exact["rows"].as_array().unwrap()) {
            let (p, q) = (numbers(&row["totals"])[0], numbers(&other["totals"])[0]);
            assert!((p - q).abs() < 1e-9, "{learner}: {p} and {q}");
        }
        assert_eq!(found["columns"][0], exact["columns"][0], "{learner}");
    }
    trained("k_neighbors")
        .run(&["explain", "m/model.tidemill", "t.csv", "--method", "interventional_shap"])
        .refused(&["no sum of trees", "permutation_shap"]);
}

/// What is divided is the same whether columns are independent or not; how it is divided is not.
#[test]
fn correlated_columns_of_a_linear_function_share_what_they_say() {
    let desk = trained("logistic");
    let of = |method: &'static str| {
        desk.run(&["explain", "m/model.tidemill", "t.csv", "--method", method, "--json"]).done().json()
    };
    let (found, alone) = (of("correlated_linear_shap"), of("linear_shap"));
    sums(&found, 1e-9);
    for (row, other) in found["rows"].as_array().unwrap().iter().zip(alone["rows"].as_array().unwrap()) {
        let (own, others) = (numbers(&row["totals"])[0], numbers(&other["totals"])[0]);
        assert!((own - others).abs() < 1e-6, "{own} and {others}");
    }
    let trees = trained("boosted_trees");
    trees
        .run(&["explain", "m/model.tidemill", "t.csv", "--method", "correlated_linear_shap"])
        .refused(&["does not answer by a linear function"]);
}

#[test]
fn pairs_of_columns_are_written_and_refused_where_there_are_none() {
    let desk = trained("boosted_trees");
    let base = ["explain", "m/model.tidemill", "t.csv", "--interactions"];
    let told = desk.run(&[&base[..], &["-o", "pairs.csv", "--report", "pairs.html"]].concat()).done().out;
    assert!(told.contains("beyond what each adds by itself") || told.contains("No two columns"), "{told}");
    let text = desk.read("pairs.csv");
    let mut reader = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = reader.next().unwrap();
    let at = |name: &str| head.iter().position(|cell| *cell == name);
    for line in reader {
        let number = |at: usize| line[at].parse::<f64>().unwrap();
        for column in ["age", "income", "town"] {
            let pairs = head.iter().enumerate().filter(|(_, name)| {
                name.contains(" × ")
                    && name.trim_start_matches("shap_").split(" × ").any(|part| part == column)
            });
            let half: f64 = pairs.map(|(at, _)| number(at) / 2.0).sum();
            let alone = number(at(&format!("shap_{column} alone")).unwrap());
            let value = number(at(&format!("shap_{column}")).unwrap());
            assert!((alone + half - value).abs() < 1e-9, "{column}: {line:?}");
        }
    }
    desk.run(&[&base[..], &["--method", "lime"]].concat())
        .refused(&["--interactions is for tree_shap alone"]);
    let linear = trained("logistic");
    linear.run(&base).refused(&["no two interact"]);
    trained("k_neighbors").run(&base).refused(&["tree_shap alone", "effects"]);
}

#[test]
fn values_of_any_model_sum_to_its_answer() {
    let desk = trained("k_neighbors");
    let args = ["explain", "m/model.tidemill", "t.csv", "--rows", "1-3", "--json"];
    let found = desk.run(&args).done().json();
    assert_eq!(found["method"], "permutation_shap");
    sums(&found, 1e-9);
    // New rows have no target yet, and those that they are compared with have one.
    let unknown = |line: &str| format!("{}\n", line.rsplit_once(',').unwrap().0);
    let desk = desk.with("new.csv", small_table(20).lines().map(unknown).collect::<String>());
    for method in ["permutation_shap", "kernel_shap", "partition_shap", "lime"] {
        let args =
            ["explain", "m/model.tidemill", "new.csv", "--background", "t.csv", "--rows", "1-3", "--judge"];
        let found = desk.run(&[&args[..], &["--method", method, "--json"]].concat()).done().json();
        assert_eq!(found["rows"].as_array().map(Vec::len), Some(3), "{method}");
    }
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
fn other_answers_are_searched_for_among_what_may_change() {
    let recipe = "[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n[columns.age]\nchangeable = \"no\"\n\
                  [columns.income]\nchangeable = \"down\"\nchange_within = [1000, 2300]\n\
                  [[learners]]\nkind = \"logistic\"\n[train]\ntrials = 1\n";
    let desk = Desk::new().with("t.csv", small_table(150)).with("r.toml", recipe);
    desk.run(&["train", "r.toml", "-o", "m"]).done();
    let model = "m/model.tidemill";
    let base = ["explain", model, "t.csv", "--method", "counterfactual"];
    let with = |more: &[&'static str]| [&base[..], more].concat();
    let found = desk.run(&with(&["--wanted", "no", "--json"])).done().json();
    assert_eq!((&found["marked"], &found["changeable"][0]["direction"]), (&"recipe".into(), &"down".into()));
    let rows = found["rows"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["already"] == (row["prediction"] == "no")), "{rows:?}");
    let ways: Vec<&Value> = rows.iter().flat_map(|row| row["offers"].as_array().unwrap()).collect();
    assert!(ways.len() > 3, "{found}");
    for way in &ways {
        assert_eq!((&way["prediction"], &way["changes"][0]["column"]), (&"no".into(), &"income".into()));
        let [from, to] = ["from", "to"].map(|end| way["changes"][0][end].as_f64().unwrap());
        assert!(to < from && (1000.0..=2300.0).contains(&to), "{way}");
    }
    // Asked by name, whatever the recipe says.
    let told =
        desk.run(&with(&["--rows", "2", "--columns", "age=up,age,town", "--report", "why.html"])).done();
    assert!(told.out.contains("May change: age (up), town") && told.out.contains("why.html"), "{told:?}");
    assert!(desk.read("why.html").contains("Other answers"));
    desk.run(&with(&["-o", "ways.csv"])).done();
    let head = "row,key,prediction,way,column,from,to,distance,answer,probability";
    assert!(desk.read("ways.csv").starts_with(head), "{}", desk.read("ways.csv"));
    // The target may come first: rows that say what is usual have none.
    let turned = |line: &str| line.rsplit_once(',').map(|(rest, last)| format!("{last},{rest}\n")).unwrap();
    let desk = desk.with("first.csv", small_table(150).lines().map(turned).collect::<String>());
    desk.run(&["explain", model, "first.csv", "--method", "counterfactual", "--rows", "2"]).done();
    desk.run(&with(&["--wanted", "nope"])).refused(&["'nope' is not a class", "did you mean 'no'"]);
    desk.run(&with(&["--columns", "salary"])).refused(&["'salary'"]);
    desk.run(&with(&["--columns", "id"])).refused(&["'id'"]);
    desk.run(&with(&["--columns", "town=up"])).refused(&["no up or down"]);
    desk.run(&with(&["--columns", "age=more"])).refused(&["'more' is no way"]);
    desk.run(&["explain", model, "t.csv", "--wanted", "no"]).refused(&["--wanted is for counterfactual"]);
}

#[test]
fn effects_are_told_drawn_and_written() {
    let desk = trained("boosted_trees");
    let base = ["explain", "m/model.tidemill", "t.csv", "--method", "effects"];
    let told = desk.run(&[&base[..], &["--report", "why.html", "-o", "effects.csv"]].concat()).done().out;
    assert!(
        told.contains("Along “age”, the probability of “yes” rises") && told.contains("150 of 150"),
        "{told}"
    );
    let page = desk.read("why.html");
    assert!(page.contains("single rows") && page.contains("age, among nearby rows"));
    let table = desk.read("effects.csv");
    assert!(table.starts_with("effect,column,value,other_column,other_value,row,output,answer"), "{table}");
    for effect in ["partial", "individual", "accumulated", "pair"] {
        assert!(table.lines().any(|line| line.starts_with(effect)), "{effect}");
    }
    let found = desk.run(&[&base[..], &["--columns", "town", "--json"]].concat()).done().json();
    assert_eq!((&found["columns"][0]["column"], &found["n_asked"]), (&"town".into(), &150.into()));
    desk.run(&[&base[..], &["--columns", "salary"]].concat()).refused(&["'salary'"]);
    desk.run(&[&base[..], &["--columns", "id"]].concat()).refused(&["'id'"]);
    // What each column adds has a page, too, and local models have one.
    desk.run(&["explain", "m/model.tidemill", "t.csv", "--rows", "1-9", "--report", "shap.html"]).done();
    assert!(desk.read("shap.html").contains("Why it gives these answers"));
    let lime = ["explain", "m/model.tidemill", "t.csv", "--method", "lime", "--report", "lime.html"];
    desk.run(&lime).done();
    let page = desk.read("lime.html");
    assert!(page.contains("Fidelity of the local models") && page.contains("Row "), "{page}");
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

#[test]
fn training_rows_stand_behind_answers_and_a_wrong_label_harms_most() {
    for (learner, space) in [("random_forest", "leaves"), ("logistic", "columns")] {
        let desk = trained(learner);
        // Rows that are told wrongly, among the training rows that are handed over.
        let mut lines: Vec<String> = small_table(150).lines().map(String::from).collect();
        let flipped = 7;
        let (kept, label) =
            lines[flipped].rsplit_once(',').map(|(a, b)| (a.to_string(), b.to_string())).unwrap();
        let other = if label == "yes" { "no" } else { "yes" };
        lines[flipped] = format!("{kept},{other}");
        let desk = desk.with("wrong.csv", lines.join("\n") + "\n");
        let args = ["explain", "m/model.tidemill", "t.csv", "--method", "rows", "--training", "wrong.csv"];
        let found = desk.run(&[&args[..], &["--json"]].concat()).done().json();
        assert_eq!((found["space"].as_str(), found["n_training"].as_u64()), (Some(space), Some(150)));
        let nearest = found["rows"][0]["nearest"].as_array().unwrap();
        assert_eq!(nearest.len(), 5);
        assert_eq!(nearest[0]["distance"].as_f64(), Some(0.0));
        let worth = found["worth"].as_array().unwrap();
        let place = worth.iter().position(|row| row["training_row"] == flipped).unwrap();
        assert!(worth[place]["worth"].as_f64().unwrap() < 0.0 && place < 30, "{learner}: place {place}");
        let told = desk.run(&[&args[..], &["-o", "worth.csv", "--report", "rows.html"]].concat()).done().out;
        assert!(told.contains("make answers worse") && told.contains("training row"), "{told}");
        assert!(desk.read("worth.csv").starts_with("training_row,key,target,worth\n"));
    }
    let desk = trained("logistic");
    desk.run(&["explain", "m/model.tidemill", "t.csv", "--method", "rows"]).refused(&["--training"]);
}

#[test]
fn coefficients_are_told_and_written() {
    let desk = trained("logistic");
    let args = ["explain", "m/model.tidemill", "t.csv", "--method", "coefficients"];
    let told = desk.run(&[&args[..], &["-o", "c.csv", "--report", "c.html"]].concat()).done().out;
    assert!(told.contains("std. error") && told.contains("(constant)") && told.contains("penalty"), "{told}");
    assert!(
        desk.read("c.csv").starts_with("column,part,compared_with,own_units,coefficient,standard_error,z,")
    );
    assert!(desk.read("c.html").contains("95% interval"));
}

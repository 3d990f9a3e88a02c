//! What users' files taught: what `train`, `check` and `evaluate` say of rows that are not as they should be.

use serde_json::Value;

use crate::desk::Desk;

/// Truths and predictions of a regression, as CSV has them: texts.
fn numbers(decimals: usize) -> (String, f64) {
    let (mut text, mut errors) = (String::from("y,p\n"), 0.0);
    for i in 0..200 {
        let (y, p) = (f64::from(i * 37 % 101) / 7.0, f64::from(i * 37 % 101) / 7.0 + f64::from(i % 5) - 2.0);
        let [y, p] = [y, p].map(|x| format!("{x:.decimals$}"));
        errors += (y.parse::<f64>().unwrap() - p.parse::<f64>().unwrap()).abs();
        text += &format!("{y},{p}\n");
    }
    (text, errors / 200.0)
}

fn metric(found: &Value, name: &str) -> f64 {
    found["metrics"][name].as_f64().unwrap_or(f64::NAN)
}

#[test]
fn evaluate_reads_columns_of_csv_as_train_does() {
    for decimals in [2, 3, 5] {
        let (text, mae) = numbers(decimals);
        let desk = Desk::new().with("e.csv", text);
        for more in [&[][..], &["--task", "regression"]] {
            let args = ["evaluate", "e.csv", "--truth", "y", "--pred", "p", "--json"];
            let found = desk.run(&[&args[..], more].concat()).done().json();
            assert!((metric(&found, "mae") - mae).abs() < 1e-9, "{found}");
        }
    }
}

#[test]
fn evaluate_reads_probabilities_and_missing_truths_of_csv() {
    let mut scores = String::from("y,p\n");
    let mut labels = String::from("y,p\n,no\nNA,yes\n");
    for i in 0..100 {
        scores +=
            &format!("{},{:.4}\n", i % 2, if i % 10 == 0 { 0.45 } else { 0.1 + 0.8 * f64::from(i % 2) });
        let word = if i % 2 == 0 { "no" } else { "yes" };
        labels += &format!("{word},{word}\n");
    }
    let desk = Desk::new().with("s.csv", scores).with("l.csv", labels);
    let found = desk.run(&["evaluate", "s.csv", "--truth", "y", "--pred", "p", "--json"]).done().json();
    assert_eq!(metric(&found, "accuracy"), 1.0, "{found}");
    assert!(metric(&found, "roc_auc") > 0.9, "{found}");
    let found = desk.run(&["evaluate", "l.csv", "--truth", "y", "--pred", "p", "--json"]).done().json();
    assert_eq!(found["n_rows"], 100, "{found}");
    assert_eq!(found["classes"].as_array().map(Vec::len), Some(2), "{found}");
}

#[test]
fn train_says_what_check_finds_in_the_target() {
    let mut text = String::from("x,z,y\n");
    for i in 0..240 {
        let y = if i % 20 == 3 { 9999.0 } else { 10.0 + f64::from(i * 29 % 100) / 10.0 };
        text += &format!("{:.3},{:.3},{y}\n", f64::from(i * 29 % 100) / 100.0, f64::from(i * 13 % 97) / 9.0);
    }
    let desk = Desk::new().with("s.csv", text);
    let args = ["train", "s.csv", "-t", "y", "-o", "m", "--trials", "1"];
    let told = desk.run(&args).done().out;
    assert!(told.contains("Severe: column 'y': 9999 stands in 12 of 240"), "{told}");
    assert!(told.contains("missing = [\"9999\"]"), "{told}");
    // The line that it prints acts when it is pasted.
    let recipe = "[data]\nsource = \"s.csv\"\ntarget = \"y\"\nmissing = [\"9999\"]\n[train]\ntrials = 1\n";
    let desk = desk.with("r.toml", recipe);
    let told = desk.run(&["train", "r.toml", "-o", "m"]).done().out;
    assert!(!told.contains("9999"), "{told}");
}

#[test]
fn a_class_that_is_never_predicted_is_said() {
    let told = |is_fraud: &dyn Fn(i32, f64) -> bool| {
        let mut text = String::from("a,b,fraud\n");
        for i in 0..1500 {
            let (a, b) = (f64::from(i * 7919 % 1009) / 100.0, f64::from(i * 104_729 % 997) / 100.0);
            text += &format!("{a:.3},{b:.3},{}\n", u8::from(is_fraud(i, a)));
        }
        let desk = Desk::new().with("imb.csv", text);
        desk.run(&["train", "imb.csv", "-t", "fraud", "-o", "m", "--trials", "1"]).done().out
    };
    // Another threshold finds some where the columns tell something of them.
    let weak = told(&|i, a| a > 9.0 && i % 4 == 0);
    assert!(weak.contains("The model never predicts '1'") && weak.contains("[decision]"), "{weak}");
    // Of a model that always says the same, none does.
    let constant = told(&|i, _| i % 75 == 7);
    assert!(
        constant.contains("The model never predicts '1'") && !constant.contains("[decision]"),
        "{constant}"
    );
}

#[test]
fn a_resolved_recipe_trains_to_the_same_bytes_from_any_folder() {
    let desk = Desk::new().with("t.csv", crate::desk::small_table(120));
    std::fs::create_dir(desk.path("deep")).unwrap();
    desk.run(&["train", "t.csv", "-t", "churned", "-o", "a", "--trials", "2"]).done();
    assert!(
        desk.read("a/tidemill.toml").contains("source = \"../t.csv\""),
        "{}",
        desk.read("a/tidemill.toml")
    );
    let inside = assert_cmd::Command::cargo_bin("tidemill")
        .unwrap()
        .args(["train", "../a/tidemill.toml", "-o", "../b"])
        .current_dir(desk.path("deep"))
        .output()
        .unwrap();
    assert!(inside.status.success(), "{inside:?}");
    let answers = |model: &str| desk.run(&["predict", model, "t.csv"]).done().out;
    assert_eq!(answers("a/model.tidemill"), answers("b/model.tidemill"));
}

#[test]
fn a_weight_that_cannot_be_one_is_named_by_its_row() {
    for (at, bad) in [(41, "-1"), (7, ""), (60, "-0.5")] {
        let mut text = String::from("x,w,y\n");
        for i in 1..=80 {
            let weight = if i == at { bad } else { "1" };
            text += &format!("{:.3},{weight},{}\n", f64::from(i * 37 % 101) / 101.0, i % 2);
        }
        let desk = Desk::new().with("w.csv", text);
        desk.run(&["train", "w.csv", "-t", "y", "--weight", "w"]).refused(&[&format!("in row {at}\n")]);
    }
}

/// Twenty cells of each of two classes, and two scores of which the first is the better one.
fn scores(yes: &str, no: &str) -> String {
    let mut text = String::from("y,good,poor\n");
    for i in 0..40 {
        let (word, p) = if i % 2 == 0 { (yes, 0.8) } else { (no, 0.2) };
        let poor = if i % 5 == 0 { 1.0 - p } else { 0.5 + (p - 0.5) / 10.0 };
        text += &format!("{word},{p},{poor}\n");
    }
    text
}

#[test]
fn evaluate_and_compare_take_the_positive_class_that_train_takes() {
    for (yes, no) in
        [("ja", "nein"), ("fraud", "legit"), ("yes", "no"), ("diseased", "healthy"), ("да", "нет")]
    {
        let desk = Desk::new().with("s.csv", scores(yes, no));
        let found =
            desk.run(&["evaluate", "s.csv", "--truth", "y", "--pred", "good", "--json"]).done().json();
        assert_eq!(metric(&found, "accuracy"), 1.0, "{yes}: {found}");
        let said = desk
            .run(&["compare", "s.csv", "s.csv", "--truth", "y", "--pred", "poor", "--pred", "good"])
            .done();
        assert!(said.out.contains("The second is better"), "{yes}: {}", said.out);
    }
    let desk = Desk::new().with("m.csv", "y,s\n0,-4.5\n1,1.25\n1,3.5\n0,-0.5\n");
    desk.run(&["evaluate", "m.csv", "--truth", "y", "--pred", "s"])
        .refused(&["neither these classes nor probabilities", "probability of the positive one"]);
}

#[test]
fn few_rows_are_learned_from_without_their_doubtful_labels() {
    // A tenth of the rows is too few to doubt labels by: the learning curve leaves these points out.
    let mut text = String::from("a,b,y\n");
    for i in 0..60 {
        let (a, b) = (f64::from(i * 37 % 60) / 60.0, f64::from(i * 23 % 60) / 60.0);
        text += &format!("{a},{b},{}\n", if (a + b > 1.0) != (i % 13 == 0) { "p" } else { "q" });
    }
    let recipe =
        "[data]\nsource = \"t.csv\"\ntarget = \"y\"\n[labels]\n[[learners]]\nkind = \"random_forest\"\n";
    let desk = Desk::new().with("t.csv", text).with("t.toml", recipe);
    let found = desk.run(&["train", "t.toml", "--out", "m", "--json"]).done().json();
    assert_eq!(found["chosen"]["kind"], "random_forest", "{found}");
}

#[test]
fn the_resolved_recipe_makes_the_same_model_though_it_leaves_nothing_to_doubt() {
    let mut text = String::from("betrag;y\n");
    for i in 0..80 {
        text += &format!(
            "{};{}\n",
            if i % 3 == 0 { format!("{}.{:03} €", 1 + i, i * 120 % 1000) } else { format!("{} €", i) },
            if i > 40 { "p" } else { "q" }
        );
    }
    let desk = Desk::new().with("de.csv", text);
    let recipe = "[data]\nsource = \"de.csv\"\ntarget = \"y\"\n[[learners]]\nkind = \"logistic\"\n";
    let desk = desk.with("t.toml", recipe);
    desk.run(&["train", "t.toml", "--out", "a"]).done();
    desk.run(&["train", "a/tidemill.toml", "--out", "b"]).done();
    assert!(desk.bytes("a/model.tidemill") == desk.bytes("b/model.tidemill"));
}

#[test]
fn a_column_that_forecasts_need_for_themselves_is_refused_before_training() {
    let mut text = String::from("day,history,sales\n");
    for i in 0..60 {
        text += &format!("2024-{:02}-{:02},{i},{}\n", 1 + i / 28, 1 + i % 28, 100 + i % 7);
    }
    let desk = Desk::new().with("f.csv", text);
    desk.run(&["train", "f.csv", "--target", "sales", "--horizon", "3"]).refused(&["'history'", "rename it"]);
}

#[test]
fn a_start_that_cannot_be_opened_names_the_key() {
    let desk = Desk::new().with("t.csv", "a,y\n1,2\n");
    desk.run(&["train", "t.csv", "--target", "y", "--start", "gone.tidemill"])
        .refused(&["[train] start", "gone.tidemill"]);
}

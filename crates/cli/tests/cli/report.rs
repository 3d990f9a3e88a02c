//! The report: what it says agrees with the metrics, whatever the task and the names.

use serde_json::Value;

use crate::desk::{Desk, example, small_table};

/// The report and the metrics of a training.
fn trained(desk: &Desk, args: &[&str]) -> (String, Value) {
    let all = [&["train"], args, &["--trials", "1", "--out", "m"]].concat();
    let ran = desk.run(&all).done();
    assert!(ran.out.contains("report.html"), "{}", ran.out);
    (desk.read("m/report.html"), serde_json::from_str(&desk.read("m/metrics.json")).unwrap())
}

/// Four digits that count, as the report writes them.
fn short(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    let digits = (3 - x.abs().log10().floor() as i32).clamp(0, 8) as usize;
    format!("{x:.digits$}").replace('-', "−")
}

/// Every heading stands there, and every figure of the metrics with its title's row.
fn agrees(html: &str, metrics: &Value, curves: &str) {
    let headings = [
        curves,
        "Where it is weak",
        "What it looks at",
        "How good it is",
        "How it was chosen",
        "The data, and what was done to it",
        "How to repeat it",
    ];
    for heading in headings {
        assert!(html.contains(&format!("<h2>{heading}</h2>")), "no '{heading}'");
    }
    let figures = metrics["test"]["metrics"].as_object().unwrap();
    let binary = metrics["target"]["task"] == "binary";
    let averages = ["_macro", "_micro", "_weighted"];
    let mut seen = 0;
    for (name, value) in figures.iter().filter(|(n, _)| !binary || !averages.iter().any(|a| n.ends_with(a))) {
        let Some(value) = value.as_f64().filter(|v| v.abs() >= 1e-4 && v.abs() < 1e4) else { continue };
        let cell = format!("<td class=\"r\" data-label=\"model\">{}</td>", short(value));
        assert!(html.contains(&cell), "{name}: no {cell}");
        seen += 1;
    }
    assert!(seen >= 3, "{figures:?}");
    for key in ["train_rows", "test_rows"] {
        let n = metrics["split"][key].as_u64().unwrap();
        assert!(html.contains(&format!("<td data-label=\"value\">{n}</td>")) || n > 9999, "{key} {n}");
    }
    let sha = metrics["data"]["sha256"].as_str().unwrap();
    assert!(html.contains(sha));
}

#[test]
fn of_several_classes() {
    let desk = Desk::new();
    let (html, metrics) = trained(&desk, &[&example("penguins/penguins.csv"), "--target", "species"]);
    agrees(&html, &metrics, "Where it is right and wrong");
    for (truth, row) in metrics["test"]["confusion"]["counts"].as_array().unwrap().iter().enumerate() {
        let total: f64 = row.as_array().unwrap().iter().map(|c| c.as_f64().unwrap()).sum();
        let right = row[truth].as_f64().unwrap();
        let class = metrics["target"]["classes"][truth].as_str().unwrap();
        let cell = format!("<title>{class} → {class}: {right}, ");
        assert!(html.contains(&cell), "no {cell} of {total}");
    }
    let share = metrics["test"]["metrics"]["accuracy"].as_f64().unwrap();
    let said = if share == 1.0 { "100%".to_string() } else { format!("{:.1}%", 100.0 * share) };
    assert!(html.contains(&format!("the model is right in <strong>{said}</strong>")), "no {said}");
}

#[test]
fn of_two_classes() {
    let desk = Desk::new();
    let (html, metrics) =
        trained(&desk, &[&example("breast_cancer/breast_cancer.csv"), "--target", "target"]);
    agrees(&html, &metrics, "Where it is right and wrong");
    for chart in ["ROC curve", "Precision and recall", "Calibration", "Gains", "Choice of the threshold"] {
        assert!(html.contains(&format!("<h3>{chart}</h3>")), "no chart '{chart}'");
    }
    let auc = metrics["test"]["metrics"]["roc_auc"].as_f64().unwrap();
    assert!(html.contains(&format!("Area under the curve: {}.", short(auc))));

    // Another judgement of the same model, with the figures of its training beside it.
    let data = example("breast_cancer/breast_cancer.csv");
    let ran =
        desk.run(&["evaluate", "m/model.tidemill", &data, "--report", "e.html", "--json"]).done().json();
    let page = desk.read("e.html");
    assert_eq!(ran["written"]["report"], "e.html");
    assert!(page.contains("Evaluation report") && page.contains("in training"));
    let loss = short(ran["metrics"]["log_loss"].as_f64().unwrap());
    let cell = format!("<td class=\"r\" data-label=\"model\">{loss}</td>");
    assert!(page.contains(&cell), "no {cell}");
}

#[test]
fn of_a_quantity() {
    let desk = Desk::new();
    let args = [&example("bikeshare/bikeshare.csv"), "--target", "bikers", "--time", "time", "--drop-leaks"];
    let (html, metrics) = trained(&desk, &args);
    agrees(&html, &metrics, "Where it is right and wrong");
    for chart in ["Predicted and true", "Errors", "Errors by prediction", "Loss when a column is shuffled"] {
        assert!(html.contains(&format!("<h3>{chart}</h3>")), "no chart '{chart}'");
    }
    let mae = metrics["test"]["metrics"]["mae"].as_f64().unwrap();
    assert!(html.contains(&format!("the model is off by <strong>{}</strong>", short(mae))));
}

#[test]
fn of_what_led_to_the_choice_and_to_the_decision() {
    let recipe = "[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n[train]\ncalibrate = \"platt\"\n\
                  [decision]\ncost = { false_positive = 1, false_negative = 7 }\n\
                  [[learners]]\nkind = \"logistic\"\n[[learners]]\nkind = \"extra_trees\"\nn_trees = 20\n";
    let desk = Desk::new().with("t.csv", small_table(600)).with("r.toml", recipe);
    let (html, metrics) = trained(&desk, &["r.toml"]);
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"));
    // The gap, and the two best against each other, in the words of the file.
    for sentence in [&metrics["gap"]["sentence"], &metrics["reasons"]["rival"]["sentence"]] {
        let words = sentence.as_str().unwrap().replace('<', "&lt;");
        assert!(html.contains(&words), "no '{words}'");
    }
    assert!(html.contains("<h3>The best against the next</h3>"));
    // Calibration: log loss and reliability before and after, each over all rows that were left out.
    let calibration = &metrics["calibration"];
    for figure in [&calibration["before"], &calibration["after"]] {
        assert!(html.contains(&short(number(figure))), "no {figure}");
    }
    for curve in ["before", "after"] {
        let weights = calibration["reliability"][curve]["weight"].as_array().unwrap();
        let rows: f64 = weights.iter().map(number).sum();
        assert_eq!(rows, number(&metrics["split"]["train_rows"]), "{curve}");
    }
    assert!(
        html.contains("<h3>Before and after calibration</h3>") && html.contains("Platt’s logistic curve")
    );
    // The decision: of the thresholds that were tried, none costs less than the chosen one.
    let decision = &metrics["decision"];
    let tried = decision["tried"].as_array().unwrap();
    let least = tried.iter().map(|pair| number(&pair[1])).fold(f64::INFINITY, f64::min);
    assert_eq!(least, number(&decision["score"]));
    assert!(tried.iter().any(|pair| pair[0] == decision["threshold"] && pair[1] == decision["score"]));
    assert!(tried.iter().any(|pair| number(&pair[0]) == 0.5 && pair[1] == decision["at_half"]));
    assert!(tried.len() <= 70 && tried.windows(2).all(|w| number(&w[0][0]) < number(&w[1][0])));
    let said = format!("from a probability of <strong>{}</strong> on", short(number(&decision["threshold"])));
    assert!(html.contains(&said) && html.contains("a false alarm costs 1 and a miss 7"), "no '{said}'");
    assert!(html.contains("<h3>What each threshold comes to</h3>"));
}

#[test]
fn of_labels_without_a_model() {
    let desk = Desk::new().with("a.csv", "y,p\n0,0\n1,1\n1,0\n0,0\n1,1\n");
    desk.run(&["evaluate", "a.csv", "--truth", "y", "--pred", "p", "--report", "e.html"]).done();
    let page = desk.read("e.html");
    assert!(page.contains("it is right in <strong>80.0%</strong>"), "{page}");
    let refused = ["evaluate", "a.csv", "--truth", "y", "--pred", "p", "--report", "no/such/folder/e.html"];
    desk.run(&refused).refused(&["no/such/folder"]);
}

#[test]
fn names_of_columns_and_classes_stay_names() {
    let target = "what's <the> target & more?";
    let mut table = format!("<script>alert(1)</script>,\"{}\",שם,{target}\n", "long name ".repeat(30));
    for i in 0..240u32 {
        let class = ["<b onload=alert(1)>", "\u{5d0}\u{5d1}", "c"][(i % 3) as usize];
        table += &format!("{},{},{},{class}\n", (i % 3) * 7 + i % 5, i * 7919 % 101, i * 31 % 17);
    }
    let desk = Desk::new().with("t.csv", table);
    let (html, _) = trained(&desk, &["t.csv", "--target", target]);
    assert!(html.contains("&lt;script&gt;") && html.contains("שם"));
    assert!(!html.contains("<script") && !html.contains("<b onload"), "a name became markup");
}

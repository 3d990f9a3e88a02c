//! The business side as a founder meets it.

use std::collections::BTreeSet;

use serde_json::json;

use crate::desk::{Desk, example, small_table};
use crate::service::{self, Process};

#[test]
fn from_a_template_to_a_page() {
    let desk = Desk::new();
    for name in ["saas", "b2b", "b2c"] {
        let file = format!("{name}.toml");
        desk.run(&["plan", "--template", name, "-o", &file]).done();
        let found = desk.run(&["plan", &file, "--report", "plan.html", "--json"]).done().json();
        let months = found["finance"]["statement"]["months"].as_array().unwrap();
        let end = months.last().unwrap();
        assert_eq!(end["assets"], end["liabilities_and_equity"], "{name}");
        assert!(found["market"]["size"]["total"]["median"].as_f64().unwrap() > 0.0);
        let page = desk.read("plan.html");
        assert!(page.starts_with("<!doctype html>") && page.contains("Cash") && !page.contains("NaN"));
        for verb in ["market", "finance", "team"] {
            desk.run(&[verb, &file]).done();
        }
    }
}

/// The English words of a text, of four letters or more.
fn english(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 3);
    words.map(str::to_lowercase).collect()
}

/// What a page shows: without its style and its tags.
fn shown(page: &str) -> String {
    let (_, body) = page.split_once("</style>").unwrap();
    body.split('<').filter_map(|part| Some(part.split_once('>')?.1)).collect::<Vec<_>>().join(" ")
}

#[test]
fn in_chinese_nothing_is_english_but_the_names_of_the_plan() {
    let desk = Desk::new();
    desk.run(&["plan", "--template", "saas", "-o", "saas.toml"]).done();
    for file in ["saas.toml", &example("startup/plan.toml")] {
        let plan = std::fs::read_to_string(desk.path(file)).unwrap();
        let without_comments = plan.lines().map(|line| line.split('#').next().unwrap());
        let mut known = english(&without_comments.collect::<Vec<_>>().join("\n"));
        known.extend(["tidemill", "bass", "gamma", "erlang", "plan", "html", "report"].map(String::from));
        let said = desk.run(&["plan", file, "--lang", "zh", "--report", "plan.html"]).done();
        let page = shown(&desk.read("plan.html"));
        assert!(page.contains("现金流量表") && page.contains("团队") && said.out.contains("年内部收益率"));
        for text in [said.out, page] {
            let odd: Vec<String> = english(&text).difference(&known).cloned().collect();
            assert!(odd.is_empty(), "{odd:?} in {text}");
        }
    }
}

#[test]
fn the_startup_of_the_examples() {
    let desk = Desk::new();
    let found = desk.run(&["plan", &example("startup/plan.toml"), "--json"]).done().json();
    assert!(found["market"]["customers"]["mean_value"].as_f64().unwrap() > 0.0);
    assert!(found["market"]["growth"]["r2"].as_f64().unwrap() > 0.9);
    assert!(found["finance"]["tornado"].as_array().unwrap().len() > 5);
}

#[test]
fn a_wrong_plan_is_shown_by_line_and_leaves_no_page() {
    let desk = Desk::new();
    desk.run(&["plan", "--template", "saas", "-o", "plan.toml"]).done();
    let text = desk.read("plan.toml");
    let desk = desk.with("bad.toml", text.replace("\"18k to 26k\"", "\"26k to 18k\""));
    desk.run(&["plan", "bad.toml", "--report", "page.html"]).refused(&[
        "bad.toml, line",
        "upside down",
        "the line is: firms",
    ]);
    assert!(!desk.path("page.html").exists());
    desk.run(&["plan", "bad.toml", "--lang", "zh"]).refused(&[
        "错误：bad.toml 第",
        "上下颠倒",
        "该行是：firms",
    ]);
}

#[test]
fn what_predictions_cost() {
    let desk = Desk::new().with("t.csv", small_table(200));
    desk.run(&["train", "t.csv", "--target", "churned", "--trials", "1", "--out", "m"]).done();
    let model = "m/model.tidemill";
    let found = desk.run(&["cost", model, "--cpu-us", "90", "--memory-mb", "100", "--json"]).done().json();
    assert_eq!(found["cpu_us"], 90.0);
    // A million predictions of 90 µs are 0.025 core hours at 0.04.
    assert_eq!(found["month"]["lines"][0]["nano"], 1_000_000);
    let measured = desk.run(&["cost", model, "--rows", "t.csv", "--json"]).done().json();
    assert!(measured["cpu_us"].as_f64().unwrap() > 0.0);
    let desk = desk.with("prices.toml", "as_of = \"2026-11-30\"\ncurrency = \"EUR\"\ncpu_hour = 0\nmemory_gb_hour = 1\nstorage_gb_month = 1\n");
    desk.run(&["cost", model, "--cpu-us", "90", "--prices", "prices.toml"])
        .refused(&["prices.toml, line 3", "above 0"]);
}

#[test]
fn what_was_predicted_is_charged_to_those_who_asked() {
    let desk = service::desk();
    let server = Process::start(&desk, &["--store", "loop.db"]);
    let row = json!({ "age": 30, "income": 2000.0, "town": "Ulm" });
    for rows in [vec![row.clone()], vec![row; 4]] {
        let (status, answer) = server.post("/v1/models/m/predict", &json!(rows)).unwrap();
        assert_eq!(status, 200, "{answer}");
    }
    drop(server);
    let cost = |more: &[&str]| desk.run(&[&["cost", "m.tidemill", "--store", "loop.db"], more].concat());
    let found = cost(&["--cpu-us", "720000000", "--json"]).done().json();
    // Five predictions of a fifth of a core hour each, at 0.04 an hour.
    assert_eq!(found["period"]["lines"][0]["nano"], 40_000_000);
    let share = &found["shares"][0];
    assert_eq!((&share["predictions"], &share["requests"]), (&json!(5), &json!(2)));
    assert_eq!(share["key"], json!(null));
    assert_eq!(share["nano"], found["period"]["nano"]);
    assert_eq!(share["amount"], found["period"]["total"]);
    let said = cost(&[]).done().out;
    assert!(said.contains("5 predictions") && said.contains("By version and API key"), "{said}");
    cost(&["--name", "n"]).refused(&["no model was served as 'n'", "m"]);
    cost(&["--since", "soon"]).refused(&["'soon' is not a duration", "--since"]);
    desk.run(&["cost", "m.tidemill", "--store", "none.db"]).refused(&["there is no store at none.db"]);
}

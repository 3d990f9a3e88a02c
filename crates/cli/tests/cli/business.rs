//! The business side as a founder meets it.

use crate::desk::{Desk, example, small_table};

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

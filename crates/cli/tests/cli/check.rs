//! Auditing a table: the verdict, exit codes, JSON, and what a user can get wrong.

use crate::desk::{Desk, example, small_table};

/// A table whose column `kept` gives the target away.
fn leaky() -> String {
    let mut text = String::from("amount,kept,left\n");
    for i in 0..200 {
        let left = (i * 31) % 7 < 3;
        text += &format!("{}.5,{},{}\n", (i * 37) % 211, if left { "no" } else { "sure" }, u8::from(left));
    }
    text
}

#[test]
fn an_example_is_usable_and_says_what_to_know() {
    let penguins = example("penguins/penguins.csv");
    let desk = Desk::new();
    let ran = desk.run(&["check", &penguins, "--target", "species", "--strict"]).done();
    for words in [
        "344 rows, 8 columns, target 'species' (multiclass)",
        "nothing severe",
        "miss some values",
        "-> ",
        "bill_length_mm",
    ] {
        assert!(ran.out.contains(words), "no '{words}' in {}", ran.out);
    }
    assert!(desk.files().is_empty());
}

#[test]
fn strict_says_no_to_a_severe_fault_and_only_then() {
    let desk = Desk::new().with("t.csv", leaky());
    let ran = desk.run(&["check", "t.csv", "--target", "left"]).done();
    assert!(ran.out.contains("Not ready to train on: 1 severe fault"), "{}", ran.out);
    assert!(ran.out.contains("ignore = [\"kept\"]"), "{}", ran.out);
    let ran = desk.run(&["check", "t.csv", "--target", "left", "--strict"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    // What the remedy says is done: nothing severe is left.
    std::fs::write(
        desk.path("r.toml"),
        "[data]\nsource = \"t.csv\"\ntarget = \"left\"\nignore = [\"kept\"]\n",
    )
    .unwrap();
    desk.run(&["check", "r.toml", "--strict"]).done();
}

#[test]
fn the_json_document_holds_findings_and_figures() {
    let desk = Desk::new().with("t.csv", leaky());
    let ran = desk.run(&["check", "t.csv", "--target", "left", "--strict", "--json"]);
    let audit = ran.json();
    assert_eq!((ran.code, &audit["severe"], &audit["profile"]["rows"]), (1, &1.into(), &200.into()));
    assert_eq!(audit["findings"][0]["code"], "leak");
    assert_eq!(audit["profile"]["columns"][0]["numbers"]["max"], 210.5);
}

#[test]
fn the_report_is_one_page_without_any_network() {
    let desk = Desk::new().with("t.csv", leaky());
    let ran = desk.run(&["check", "t.csv", "--target", "left", "--report", "audit.html"]).done();
    assert!(ran.out.contains("Report: audit.html"), "{}", ran.out);
    let page = desk.read("audit.html");
    for words in ["Not ready to train on", "ignore = [", "amount", "<svg"] {
        assert!(page.contains(words), "no '{words}'");
    }
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "the page asks for something");
}

#[test]
fn what_cannot_be_checked_is_refused() {
    let desk = Desk::new().with("t.csv", small_table(50)).with("empty.csv", "").with("head.csv", "a,b\n");
    desk.run(&["check", "absent.csv"]).refused(&["absent.csv"]);
    desk.run(&["check", "t.csv", "--target", "churnd"]).refused(&["did you mean 'churned'?"]);
    desk.run(&["check", "empty.csv"]).refused(&["empty"]);
    desk.run(&["check", "head.csv"]).refused(&["no rows"]);
    desk.run(&["check", "t.csv", "--threads", "0"]).refused(&["--threads"]);
    // One row, and one column, are tables too.
    let desk = desk.with("one.csv", "a,b\n1,x\n").with("thin.csv", "a\n1\n2\n2\n\n");
    desk.run(&["check", "one.csv", "--strict"]).done();
    desk.run(&["check", "thin.csv"]).done();
}

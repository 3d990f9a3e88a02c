//! Kind 27: with `--json`, standard output is one JSON document, whatever happens.

use crate::desk::{Desk, small_table};

#[test]
fn usage_errors_are_one_document_too() {
    let desk = Desk::new().with("a.csv", small_table(20));
    for args in [
        vec!["--json", "train"],
        vec!["train", "a.csv", "--bogus", "--json"],
        vec!["keys", "--json"],
        vec!["serve", "m", "--listen", "rubbish", "--json"],
        vec!["bogus", "--json"],
        vec!["--json"],
        vec!["train", "a.csv", "--json=true"],
        vec!["backup", "s.db", "--json"],
        vec!["train", "a.csv", "--task", "guess", "--json"],
    ] {
        let ran = desk.run(&args);
        let error = &ran.json()["error"];
        assert_eq!((ran.code, error["code"].as_str()), (2, Some("usage")), "{args:?}");
        assert!(
            error["message"].as_str().is_some_and(|m| !m.is_empty() && !m.contains('\n')),
            "{args:?}: {error}"
        );
        assert!(!ran.err.is_empty(), "people read it too: {args:?}");
    }
    let bogus = desk.run(&["train", "a.csv", "--trget", "y", "--json"]).json();
    assert!(bogus["error"]["remedy"].as_str().unwrap().contains("--target"), "{bogus}");
    // What is asked for is no error, and still one document.
    let help = desk.run(&["train", "--help", "--json"]).done().json();
    assert!(help["text"].as_str().unwrap().contains("--target"));
    // Without it, things are as ever; and what stands behind `--` is no option.
    let plain = desk.run(&["train", "a.csv", "--bogus"]);
    assert_eq!((plain.code, plain.out.as_str()), (2, ""));
    assert_eq!(desk.run(&["bogus", "--", "--json"]).out, "");
}

#[test]
fn verbs_that_fail_give_one_document() {
    let desk = Desk::new().with("a.csv", small_table(60));
    for args in [
        vec!["train", "missing.csv", "--target", "y", "--json"],
        vec!["serve", "missing.tidemill", "--json"],
        vec!["backup", "missing.db", "-o", "b.db", "--json"],
        vec!["forget", "k", "--store", "missing.db", "--json"],
    ] {
        let ran = desk.run(&args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.json()["error"]["message"].is_string(), "{args:?}");
    }
}

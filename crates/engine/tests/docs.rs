//! The generated pages are those that the code would write now; `TIDEMILL_BLESS=1` writes them.

use tidemill_engine::builtin;
use tidemill_engine::recipe::docs;

#[test]
fn generated_pages_are_unchanged() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (name, text) in docs::pages(&builtin::registry()) {
        if std::env::var_os("TIDEMILL_BLESS").is_some() {
            std::fs::write(folder.join(name), &text).unwrap();
        }
        let there = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            there == text,
            "docs/{name} is out of date: run `cargo xtask docs` (or this test with TIDEMILL_BLESS=1) and commit what it writes"
        );
    }
}

#[test]
fn every_key_of_the_recipe_and_every_parameter_is_explained() {
    for (name, text) in docs::pages(&builtin::registry()) {
        let bare: Vec<&str> =
            text.lines().filter(|line| line.starts_with("| `") && line.ends_with("|  |")).collect();
        assert!(bare.is_empty(), "docs/{name} says nothing of:\n{}", bare.join("\n"));
    }
}

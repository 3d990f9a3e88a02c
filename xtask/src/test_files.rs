//! Whether every file of tests is run: the tests of a crate are one program, whose `main.rs` names its files.

use std::path::Path;

/// The files under `crates/*/tests` that no `main.rs` beside them names.
pub(crate) fn unlisted(crates: &Path) -> Vec<String> {
    let folders =
        std::fs::read_dir(crates).into_iter().flatten().flatten().map(|entry| entry.path().join("tests"));
    let mut found = Vec::new();
    for folder in folders {
        let Ok(main) = std::fs::read_to_string(folder.join("main.rs")) else { continue };
        for file in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = file.path();
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let is_code = path.extension().is_some_and(|extension| extension == "rs");
            if is_code && stem != "main" && !main.lines().any(|line| line == format!("mod {stem};")) {
                found.push(format!(
                    "{}: no test in it is run: write `mod {stem};` into main.rs beside it",
                    path.display()
                ));
            }
        }
    }
    found.sort();
    found
}

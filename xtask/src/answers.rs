//! `cargo xtask answers OLD NEW [TABLE…]`: whether two builds answer alike. Both train on the example tables and predict them; what
//! `metrics.json` says and every answer must be the same to the last digit. Sentences may be reworded, and keys may be added.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Outcome, root};

/// The example tables: what to train on, below `examples`, and with which further arguments. The first ones take seconds.
const TABLES: &[(&str, &str, &[&str])] = &[
    ("iris", "iris/iris.csv", &["--target", "target"]),
    ("wine", "wine/wine.csv", &["--target", "target"]),
    ("penguins", "penguins/penguins.csv", &["--target", "species"]),
    ("mass", "penguins/penguins.csv", &["--target", "body_mass_g"]),
    ("breast_cancer", "breast_cancer/breast_cancer.csv", &["--target", "target"]),
    ("signals", "signals/signals.toml", &[]),
    ("towns", "towns/tidemill.toml", &[]),
    ("bikeshare", "bikeshare/bikeshare.csv", &["--target", "bikers", "--drop-leaks"]),
];

/// Keys that were renamed, the old name first: a build from before the change is read as one from after it.
const RENAMED: &[(&str, &str)] = &[];

/// Keys of sentences, which may be reworded, and of what differs between builds by nature.
const WORDS: &[&str] = &["message", "note", "remedy", "sentence", "tidemill", "verdict", "why"];

/// Compares the two binaries on the tables of these names, or on all.
pub(crate) fn compare(arguments: &[String]) -> Outcome {
    let [old, new, names @ ..] = arguments else {
        return Err("give two binaries: cargo xtask answers OLD NEW [TABLE…]".into());
    };
    if let Some(strange) = names.iter().find(|name| TABLES.iter().all(|(known, ..)| known != name)) {
        let known: Vec<&str> = TABLES.iter().map(|(name, ..)| *name).collect();
        return Err(format!("there is no table '{strange}'; the tables are {}", known.join(", ")));
    }
    let work = std::env::temp_dir().join(format!("xtask-answers-{}", std::process::id()));
    let mut differing = Vec::new();
    for (name, table, more) in
        TABLES.iter().filter(|(name, ..)| names.is_empty() || names.iter().any(|n| n == name))
    {
        let [first, second] = [(old, "old"), (new, "new")]
            .map(|(binary, side)| trained(Path::new(binary), table, more, &work.join(name).join(side)));
        let (first, second) = (first?, second?);
        let mut found = Vec::new();
        differences("", &first.metrics, &second.metrics, &mut found);
        if first.answers != second.answers {
            found.push("the answers differ".into());
        }
        println!("{name}: {}", if found.is_empty() { "the same".into() } else { shown(&found) });
        if !found.is_empty() {
            differing.push(*name);
        }
    }
    std::fs::remove_dir_all(&work).map_err(|e| format!("{}: {e}", work.display()))?;
    if differing.is_empty() { Ok(()) } else { Err(format!("the builds differ on {}", differing.join(", "))) }
}

/// What a build made of a table.
struct Made {
    metrics: Value,
    answers: String,
}

fn trained(binary: &Path, table: &str, more: &[&str], out: &Path) -> Result<Made, String> {
    let source = root().join("examples").join(table);
    let run = |arguments: &[&str], paths: &[&Path]| {
        let mut command = Command::new(binary);
        command.args(arguments).args(paths).args(["--quiet"]).stdout(Stdio::null()).env("LC_ALL", "C");
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{command:?}: {status}")),
            Err(e) => Err(format!("{command:?}: {e}")),
        }
    };
    run(&[&["train"], more, &["--out"]].concat(), &[out, &source])?;
    let read = |path: PathBuf| std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()));
    let metrics = read(out.join("metrics.json"))?;
    let metrics = serde_json::from_str(&metrics).map_err(|e| format!("metrics.json: {e}"))?;
    // What a recipe names is no table of new rows.
    if table.ends_with(".toml") {
        return Ok(Made { metrics, answers: String::new() });
    }
    let (model, answers) = (out.join("model.tidemill"), out.join("answers.csv"));
    run(&["predict", "-o"], &[&answers, &model, &source])?;
    Ok(Made { metrics, answers: read(answers)? })
}

/// The paths at which two documents differ: a value that is another, or one that is gone.
fn differences(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before.iter().filter(|(key, _)| !WORDS.contains(&key.as_str())) {
                let renamed = RENAMED.iter().find(|(old, _)| old == key).map_or(key.as_str(), |(_, new)| new);
                let path = format!("{path}/{renamed}");
                match after.get(renamed) {
                    Some(now) => differences(&path, value, now, found),
                    None => found.push(format!("{path} is gone")),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (i, (before, after)) in before.iter().zip(after).enumerate() {
                differences(&format!("{path}/{i}"), before, after, found);
            }
        }
        _ if old == new => {}
        _ => found.push(format!("{path} was {}, is {}", clipped(old), clipped(new))),
    }
}

fn clipped(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { text.chars().take(60).chain(['…']).collect() } else { text }
}

fn shown(found: &[String]) -> String {
    let mut text = format!("{} differences", found.len());
    for one in found.iter().take(10) {
        let _ = write!(text, "\n  {one}");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(old: Value, new: Value) -> Vec<String> {
        let mut found = Vec::new();
        differences("", &old, &new, &mut found);
        found
    }

    #[test]
    fn numbers_count_and_sentences_do_not() {
        let old = json!({ "folds": [0.1, 0.2], "why": "one", "kind": "ridge" });
        assert!(
            found(old.clone(), json!({ "folds": [0.1, 0.2], "why": "two", "kind": "ridge", "new": 1 }))
                .is_empty()
        );
        assert_eq!(
            found(old.clone(), json!({ "folds": [0.1, 0.200_000_000_1], "kind": "ridge" })),
            ["/folds/1 was 0.2, is 0.2000000001"]
        );
        assert_eq!(found(old.clone(), json!({ "folds": [0.1], "kind": "ridge" })).len(), 1);
        assert_eq!(found(old, json!({ "folds": [0.1, 0.2] })), ["/kind is gone"]);
    }
}

//! What crates say in English, held against the catalogues of other languages: nothing is translated that nobody says, and what is not
//! translated yet is listed here.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;

use tidemill_engine::audit;
use tidemill_engine::builtin;
use tidemill_engine::core::Context;
use tidemill_engine::recipe;
use tidemill_engine::report::words::ZH;

/// Codes of findings and warnings that are shown in English in Chinese reports. This list only shrinks.
const OPEN: &[&str] = &[
    "beyond_the_map",
    "graph",
    "groups_not_divided",
    "import",
    "islands",
    "metric_failed",
    "no_place",
    "not_lighter",
    "not_smaller",
    "outside_training_range",
    "predictions_are_probabilities",
    "private_columns",
    "respelled",
    "start_not_compared",
    "start_saw_rows",
    "synthesis_collapsed",
    "synthesis_use",
    "truth_missing",
    "unusable_labels",
];

/// The crates whose findings and warnings reports show.
const CRATES: [&str; 8] = ["core", "data", "engine", "eval", "kernel", "learn", "neural", "prep"];
/// Those whose errors the command line shows, too.
const OTHERS: [&str; 3] = ["cli", "package", "value"];
/// Errors in the words of the operating system.
const OF_SYSTEM: [&str; 2] = ["io", "model_io"];

/// The sources of these crates, lines of a text joined and its quotes as they are read.
fn sources(crates: &[&str]) -> String {
    let mut open: Vec<_> = crates
        .iter()
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"))
        .collect();
    let mut text = String::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => open.push(path),
                Some(extension) if extension == "rs" => {
                    let code = std::fs::read_to_string(path).unwrap();
                    text += code.split("#[cfg(test)]\nmod tests {").next().unwrap();
                }
                _ => {}
            }
        }
    }
    let joined: Vec<&str> =
        text.split("\\\n").enumerate().map(|(i, p)| if i == 0 { p } else { p.trim_start() }).collect();
    joined.concat().replace("\\\"", "\"")
}

/// The codes that stand where findings and warnings are made.
fn codes(sources: &str) -> BTreeSet<&str> {
    let after = |(marker, within): (&'static str, usize)| {
        sources.match_indices(marker).filter_map(move |(at, _)| {
            let rest = &sources[at + marker.len()..];
            let literal =
                rest.split('"').nth(1).filter(|_| rest.find('"').is_some_and(|quote| quote < within))?;
            let is_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            (literal.len() > 3 && literal.chars().all(is_code)).then_some(literal)
        })
    };
    let markers = [(".warn(", 60), ("Finding::new(", 60), ("Note::of(", 60), ("code:", 3)];
    markers.into_iter().flat_map(after).collect()
}

#[test]
fn what_is_translated_is_said_by_somebody() {
    let sources = sources(&[&CRATES[..], &OTHERS[..]].concat());
    let whole = |code: &str| [".remedy", ".why"].contains(&code) || !code.starts_with(['.', '=']);
    let sentences = ZH.known().filter(|(code, _)| whole(code) && !OF_SYSTEM.contains(code));
    for (code, english) in sentences {
        let literal = |part: &'static str| part.split_once('}').map_or(part, |(_, rest)| rest);
        for piece in english.split('{').map(literal) {
            // Before some sentences stands the name of their column, and some are made of two.
            let piece =
                piece.trim_start_matches("column '").trim_start_matches(|c: char| "':;,? ".contains(c));
            assert!(
                piece.len() < 8 || sources.contains(piece),
                "{code}: nobody says {piece:?} any more: change it in zh_*.rs"
            );
        }
    }
}

#[test]
fn what_is_not_translated_is_listed() {
    let sources = sources(&CRATES);
    let known: BTreeSet<&str> = ZH.known().map(|(code, _)| code).collect();
    let missing: Vec<&str> = codes(&sources).into_iter().filter(|code| !known.contains(code)).collect();
    assert_eq!(
        missing, OPEN,
        "translate new codes in zh_findings.rs or zh_warnings.rs, and take translated ones off the list"
    );
}

/// A table with much that is wrong.
fn messy() -> String {
    let row = |i: usize| {
        let name = if i % 9 == 4 { "ulm " } else { ["Ulm", "Bonn", "Kiel"][i % 3] };
        let price = if i % 40 == 7 { "ask".into() } else { format!("{}.5", (i * 37) % 90) };
        let note = if i.is_multiple_of(3) { "NA".into() } else { format!("{}", i % 5) };
        let mixed = if i % 10 < 7 { format!("{}", i % 13) } else { ["low", "high"][i % 2].to_string() };
        let day = format!("{:02}/{:02}/2024", 1 + i % 28, 1 + i % 12);
        let sold = match i {
            3 => 99_000_000,
            i if i % 50 == 11 => 9999,
            i => 10 + (i * 7) % 40,
        };
        let left = if i.is_multiple_of(30) { "yes" } else { "no" };
        format!("k{i:05},{name},{price},{note},{mixed},{day},{sold},{},same,,{left}\n", sold * 2 + 1)
    };
    let rows: String = (0..300).map(row).collect();
    let again: String = (5..15).map(row).collect();
    format!("id,town,price,note,mixed,day,sold,twice,constant,empty,left\n{rows}{again}")
}

#[test]
fn an_audit_in_chinese_says_nothing_in_english() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messy.csv");
    std::fs::write(&path, messy()).unwrap();
    let mut recipe = recipe::parse("", "test.toml", &builtin::registry()).unwrap();
    let mut seen = BTreeSet::new();
    for target in [None, Some("left")] {
        recipe.data.target = target.map(String::from);
        let audit = audit::check(&path.display().to_string(), &recipe, &Context::default()).unwrap();
        for finding in &audit.findings {
            seen.insert(finding.code.to_string());
            let told = ZH.told(&finding.code, &finding.message);
            assert_ne!(told, finding.message, "{}", finding.code);
            // No words but names and examples, in quotes, are left.
            let outside: String = told.split('\'').step_by(2).collect();
            let words = outside.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 3);
            let odd: Vec<&str> = words.filter(|word| !["tidemill", "train"].contains(word)).collect();
            assert!(odd.is_empty(), "{}: {told}: {odd:?}", finding.code);
            let advice = ZH.advised(&finding.remedy);
            assert!(finding.remedy.is_empty() || advice != finding.remedy, "{}: {advice}", finding.code);
        }
    }
    let wanted = [
        "constant",
        "imbalance",
        "leak",
        "missing_words",
        "mixed_types",
        "name_variants",
        "no_target",
        "outliers",
    ];
    assert!(wanted.iter().all(|code| seen.contains(*code)), "{seen:?}");
}

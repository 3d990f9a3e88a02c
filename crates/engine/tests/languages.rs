//! What reports say in each language, held against files in `tests/said`; `TIDEMILL_BLESS=1` writes these anew.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tidemill_engine::audit::{self, Audit};
use tidemill_engine::builtin;
use tidemill_engine::core::{Context, Kind};
use tidemill_engine::recipe;
use tidemill_engine::report::words::{LANGUAGES, ZH};
use tidemill_engine::report::{page, text};
use tidemill_engine::verbs::train;

/// Rows with a key, a column that is hardly there, one that says what another does, and a class.
fn rows() -> String {
    let row = |i: usize| {
        let age = 20 + (i * 37) % 50;
        let note = if i.is_multiple_of(3) { format!("{}", i % 5) } else { String::new() };
        let town = ["Ulm", "Bonn", "Kiel"][(i * 5) % 3];
        let left = if age + (i * 13) % 7 > 46 { "yes" } else { "no" };
        format!("c{i:04}x,{age},{},{note},{town},{left}\n", 2 * age + 1)
    };
    String::from("id,age,twice,note,town,left\n") + &(0..150).map(row).collect::<String>()
}

fn recipe(more: &str) -> tidemill_engine::core::recipe::Recipe {
    let toml = format!("[data]\ntarget = \"left\"\n{more}");
    recipe::parse(&toml, "test.toml", &builtin::registry()).unwrap()
}

/// Holds a text against the file of this name; what differs from version to version or from folder to folder is taken out.
#[track_caller]
fn says_as_before(name: &str, said: &str, folder: &Path) {
    let said = said.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let said = said.replace(&format!("{}/", folder.display()), "");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/said").join(name);
    if std::env::var_os("TIDEMILL_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &said).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    let differs = known.lines().zip(said.lines()).find(|(known, said)| known != said);
    assert!(known == said, "{name} says something else: {differs:?}");
}

#[test]
fn an_audit_as_text_and_as_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, rows()).unwrap();
    let audit: Audit = audit::check(&path.display().to_string(), &recipe(""), &Context::default()).unwrap();
    for words in LANGUAGES {
        let code = words.code();
        says_as_before(&format!("audit.{code}.txt"), &text::audit(words, &audit), folder.path());
        // The style is that of every page.
        let html = page::audit(words, &audit);
        let (before, rest) = html.split_once("<style>").unwrap();
        let (_, after) = rest.split_once("</style>").unwrap();
        let lines = format!("{before}{after}").replace("><", ">\n<");
        says_as_before(&format!("audit.{code}.html"), &lines, folder.path());
    }
}

#[test]
fn a_training_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, rows()).unwrap();
    let learners =
        "[train]\ntrials = 1\n[[learners]]\nkind = \"logistic\"\n[[learners]]\nkind = \"gaussian_nb\"\n";
    let job = train::Job {
        words: &ZH,
        source: path.display().to_string(),
        recipe: recipe(learners),
        recipe_file: None,
        out: folder.path().join("m"),
    };
    let context = Context::new(0, 2, Arc::new(builtin::registry()));
    let mut trained = train::train(&job, &context).unwrap();
    for times in &mut trained.times {
        (times.fit, times.predict_row) = (Duration::ZERO, Duration::ZERO);
    }
    trained.hash = "HASH".into();
    for words in LANGUAGES {
        // The words count here; the last digits may differ from machine to machine.
        let said = text::training(words, &trained);
        let masked: String = said.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        let folder = folder.path().display().to_string();
        let folder: String = folder.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        says_as_before(&format!("training.{}.txt", words.code()), &masked, Path::new(&folder));
    }
    let page = std::fs::read_to_string(&trained.report).unwrap();
    assert!(page.contains("<html lang=\"zh-CN\">") && page.contains("混淆矩阵"));
}

#[test]
fn every_term_names_something_that_there_is() {
    let kinds = [
        Kind::Number,
        Kind::Flag,
        Kind::Category,
        Kind::Text,
        Kind::Time,
        Kind::Vector { len: 1, sparse: false },
        Kind::Image,
        Kind::Point,
        Kind::Series,
        Kind::Track,
    ];
    let metrics = || tidemill_eval::METRICS.iter().map(|metric| metric.name);
    let mut known: Vec<String> = metrics().map(|name| format!("metric.{name}")).collect();
    known.extend(metrics().map(|name| format!("about.{name}")));
    known.extend(builtin::STEPS.iter().map(|step| format!("done.{}", step.kind)));
    known.extend(kinds.iter().map(|kind| format!("kind.{}", kind.word())));
    let others = ["task.", "role.", "calibration.", "repair.", "units."];
    for (code, _) in LANGUAGES.iter().flat_map(|words| words.terms) {
        let other = others.iter().any(|start| code.starts_with(start));
        assert!(other || known.iter().any(|name| name == code), "{code} is nothing that there is");
    }
    // Nothing that everybody meets is English in Chinese.
    for metric in tidemill_eval::METRICS.iter().filter(|metric| metric.in_report && metric.name != "roc_auc")
    {
        let name = metric.name;
        assert_ne!(ZH.metric(name, metric.title), metric.title, "{name}");
        assert_ne!(ZH.term(&format!("about.{name}"), metric.about), metric.about, "{name}");
    }
}

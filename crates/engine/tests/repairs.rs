//! What `train` repairs by itself: only what helps, never what the recipe says, and always the same.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;

use tidemill_core::Context;
use tidemill_core::recipe::Repair;
use tidemill_engine::builtin;
use tidemill_engine::facts::Trained;
use tidemill_engine::recipe;
use tidemill_engine::report::text;
use tidemill_engine::report::words::{EN, ZH};
use tidemill_engine::verbs::train::{Job, train};
use tidemill_kernel::Random;

fn context() -> Context {
    Context::new(0, 2, Arc::new(builtin::registry()))
}

/// A number that follows from two others and a town, of which `slips` rows in a hundred are misspelt and `far` in a hundred have a measure
/// that lies far out and says nothing.
fn rows(n: usize, slips: usize, far: usize) -> String {
    let mut random = Random::new(11, 0);
    let towns = [("Helsinki", 2.0), ("Stockholm", -2.0), ("Copenhagen", 0.0)];
    let mut text = String::from("width,height,town,price\n");
    for i in 0..n {
        let (x, y, noise) = (random.normal(), random.normal(), random.normal());
        let (town, worth) = towns[random.below(3)];
        let town = match random.below(100) < slips {
            true => {
                let at = 1 + random.below(town.len() - 2);
                format!("{}{}", &town[..at], &town[at + 1..])
            }
            false => town.to_string(),
        };
        let price = 10.0 + 3.0 * x + y + worth + 0.3 * noise;
        let x = if random.below(100) < far { 100.0 * (1 + i % 3) as f64 } else { x };
        text += &format!("{x},{y},{town},{price}\n");
    }
    text
}

const RIDGE: &str =
    "[data]\ntarget = 'price'\n[[learners]]\nkind = 'ridge'\n[train]\ntrials = 1\nrepairs = true\n";

fn trained(folder: &Path, csv: &str, recipe: &str, out: &str) -> Trained {
    let source = folder.join("rows.csv");
    std::fs::write(&source, csv).unwrap();
    let recipe = recipe::parse(recipe, "test.toml", &builtin::registry()).unwrap();
    let job = Job {
        words: &EN,
        source: source.display().to_string(),
        recipe,
        recipe_file: None,
        out: folder.join(out),
    };
    train(&job, &context()).unwrap()
}

fn kept(trained: &Trained) -> Vec<&str> {
    let repairs = &trained.outcome.repairs;
    repairs.iter().filter(|r| r.kept).map(|r| r.kind.as_str()).collect()
}

#[test]
fn a_clean_table_keeps_no_repair() {
    let folder = tempfile::tempdir().unwrap();
    let trained = trained(folder.path(), &rows(300, 0, 0), RIDGE, "m");
    assert_eq!(trained.outcome.repairs, Vec::<Repair>::new());
    assert!(!std::fs::read_to_string(&trained.recipe).unwrap().contains("[[steps]]"));
}

#[test]
fn what_helps_is_kept_and_said_and_the_resolved_recipe_leads_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let csv = rows(600, 12, 3);
    let first = trained(folder.path(), &csv, RIDGE, "first");
    let repaired = kept(&first);
    assert!(repaired.contains(&"merge_spellings"), "{:?}", first.outcome.repairs);
    assert!(
        repaired.contains(&"clip_outliers") || repaired.contains(&"outliers_missing"),
        "{:?}",
        first.outcome.repairs
    );
    let resolved = std::fs::read_to_string(&first.recipe).unwrap();
    for line in ["kind = \"merge_spellings\"", "kind = \"outliers\"", "[[repairs]]", "kept = true", "why = "]
    {
        assert!(resolved.contains(line), "{line} in {resolved}");
    }
    for (words, said) in [(&EN, "Repaired: "), (&ZH, "已修复：")] {
        assert!(text::training(words, &first).contains(said));
    }
    assert!(std::fs::read_to_string(&first.report).unwrap().contains("Repaired: "));
    // Held-out rows are dirty, too: the score is better all the same.
    let without =
        trained(folder.path(), &csv, &RIDGE.replace("repairs = true", "repairs = false"), "without");
    assert!(without.outcome.repairs.is_empty());
    let rmse = |trained: &Trained| trained.outcome.test.value("rmse").unwrap();
    assert!(rmse(&first) < 0.8 * rmse(&without), "{} and {}", rmse(&first), rmse(&without));
    // The same rows, recipe and seed, and the recipe that was written.
    let again = trained(folder.path(), &csv, RIDGE, "again");
    assert_eq!(first.hash, again.hash);
    let job = Job {
        words: &EN,
        source: folder.path().join("rows.csv").display().to_string(),
        recipe: recipe::parse(&resolved, "tidemill.toml", &builtin::registry()).unwrap(),
        recipe_file: None,
        out: folder.path().join("resolved"),
    };
    assert_eq!(train(&job, &context()).unwrap().hash, first.hash);
}

#[test]
fn what_the_recipe_says_is_never_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let csv = rows(300, 0, 3);
    let steps = format!("{RIDGE}[[steps]]\nkind = 'scale_standard'\ncolumns = ['height']\n");
    assert!(trained(folder.path(), &csv, &steps, "steps").outcome.repairs.is_empty());
    let column = format!("{RIDGE}[columns.width]\noutliers = {{ detect = 'iqr', action = 'flag' }}\n");
    let told = trained(folder.path(), &csv, &column, "column");
    assert!(told.outcome.repairs.iter().all(|repair| !repair.columns.contains(&"width".to_string())));
    // Learners that are named are compared on rows as they are, unless repairs are asked for.
    let named = RIDGE.replace("repairs = true\n", "");
    assert!(trained(folder.path(), &csv, &named, "named").outcome.repairs.is_empty());
}

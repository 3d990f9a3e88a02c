//! Training that starts from an earlier model: a small table gains from a large one, and what does not fit is named.

use serde_json::Value;

use crate::desk::{Desk, example};

const LEARNERS: &str = "
[[learners]]
kind = \"ridge\"
[[learners]]
kind = \"boosted_trees\"
n_trees = 120
";

fn recipe(source: &str, rest: &str) -> String {
    format!(
        "[data]\nsource = \"{source}\"\ntarget = \"bikers\"\nignore = [\"casual\", \"registered\"]\n[split]\nkind = \"random\"\n{rest}{LEARNERS}"
    )
}

/// A year of bicycle rentals: many rows of it, 60 others, and 1,200 that nobody learns from.
fn rentals() -> Desk {
    let text = std::fs::read_to_string(example("bikeshare/bikeshare.csv")).unwrap();
    let (head, rows) = text.split_once('\n').unwrap();
    // A fixed shuffle: 8,645 rows, and 1,009 has no factor in common with that.
    let rows: Vec<&str> = rows.lines().collect();
    let rows: Vec<&str> = (0..rows.len()).map(|i| rows[i * 1009 % rows.len()]).collect();
    let table = |rows: &[&str]| format!("{head}\n{}\n", rows.join("\n"));
    Desk::new()
        .with("large.csv", table(&rows[..2500]))
        .with("small.csv", table(&rows[3000..3060]))
        .with("later.csv", table(&rows[4000..5200]))
        .with("large.toml", recipe("large.csv", ""))
        .with("alone.toml", recipe("small.csv", ""))
        .with("started.toml", recipe("small.csv", "[train]\nstart = \"old/model.tidemill\"\n"))
}

fn number(facts: &Value, path: &str) -> f64 {
    facts.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {facts}"))
}

#[test]
fn a_small_table_gains_from_the_model_of_a_large_one() {
    let desk = rentals();
    desk.run(&["train", "large.toml", "--out", "old", "--trials", "1"]).done();
    desk.run(&["train", "alone.toml", "--out", "alone", "--trials", "1"]).done();
    let facts = desk.run(&["train", "started.toml", "--out", "new", "--trials", "1", "--json"]).done().json();
    assert_eq!(facts.pointer("/reasons/start/helped"), Some(&Value::Bool(true)), "{}", facts["reasons"]);
    assert!(number(&facts, "/reasons/start/better_by") > 0.0);
    // On rows that neither has seen, by an interval that is clear of zero.
    let args = ["compare", "alone/model.tidemill", "new/model.tidemill", "later.csv", "--json"];
    let found = desk.run(&args).done().json();
    assert!(number(&found, "/low") > 0.0, "{found}");
    // The model names what it started from, answers alone what it answers in a batch, and explains itself.
    let shown = desk.run(&["inspect", "new/model.tidemill", "--json"]).done().json();
    let old = desk.run(&["inspect", "old/model.tidemill", "--json"]).done().json();
    assert_eq!(shown.pointer("/manifest/about/started/sha256"), Some(&old["hash"]));
    desk.run(&["explain", "new/model.tidemill", "later.csv", "--rows", "2"]).done();
    // The resolved recipe leads there again, and knows the model by its hash.
    desk.run(&["train", "new/tidemill.toml", "--out", "again", "--trials", "1", "--threads", "1"]).done();
    assert_eq!(desk.bytes("new/model.tidemill"), desk.bytes("again/model.tidemill"));
    std::fs::copy(desk.path("alone/model.tidemill"), desk.path("old/model.tidemill")).unwrap();
    desk.run(&["train", "new/tidemill.toml", "--out", "third"]).refused(&["another model", "start_sha256"]);
}

#[test]
fn what_does_not_help_is_left_out_and_said() {
    let desk = rentals();
    // An earlier model of another year, in which everything was the other way round.
    let text = desk.read("large.csv");
    let turned = text.lines().enumerate().map(|(at, line)| {
        let (rest, bikers) = line.rsplit_once(',').unwrap();
        let turned = bikers.parse::<f64>().map_or(bikers.to_string(), |x| (900.0 - x).to_string());
        if at == 0 { line.to_string() } else { format!("{rest},{turned}") }
    });
    let desk = desk.with("turned.csv", turned.collect::<Vec<_>>().join("\n"));
    let desk = desk.with("turned.toml", recipe("turned.csv", ""));
    desk.run(&["train", "turned.toml", "--out", "turned", "--trials", "1"]).done();
    let args = ["train", "alone.toml", "--start", "turned/model.tidemill", "--out", "m", "--trials", "1"];
    let ran = desk.run(&args).done();
    assert!(ran.out.contains("Not started from"), "{}", ran.out);
    let shown = desk.run(&["inspect", "m/model.tidemill", "--json"]).done().json();
    assert!(shown.pointer("/manifest/about/started").is_none(), "{shown}");
    assert!(!shown["chain"].to_string().contains("start"), "{}", shown["chain"]);
    // With no other learner beside it, it is held against always saying the same.
    let only = "[[learners]]\nkind = \"boosted_trees\"\nn_trees = 1\nstart = true\n";
    let desk = desk.with("only.toml", recipe("small.csv", "").replace(LEARNERS, only));
    let args = ["train", "only.toml", "--start", "turned/model.tidemill", "--out", "b", "--trials", "1"];
    let facts = desk.run(&[&args[..], &["--json"]].concat()).done().json();
    assert_eq!(facts.pointer("/reasons/start/helped"), Some(&Value::Bool(false)), "{}", facts["reasons"]);
    assert_eq!(facts.pointer("/reasons/start/without"), Some(&Value::from("baseline")));
}

#[test]
fn a_model_that_does_not_fit_is_refused_by_name() {
    let desk = rentals();
    let quick =
        recipe("large.csv", "").replace("kind = \"boosted_trees\"\nn_trees = 120", "kind = \"lasso\"");
    let desk = desk.with("quick.toml", quick);
    desk.run(&["train", "quick.toml", "--out", "old", "--trials", "1"]).done();
    let from = |rest: &str| recipe("small.csv", rest);
    let start = "[train]\nstart = \"old/model.tidemill\"\n";
    let kinds = from(&format!("[columns.temp]\nkind = \"category\"\n{start}"));
    let other = from(start).replace("target = \"bikers\"", "target = \"hum\"");
    let only = from(start).replace("kind = \"boosted_trees\"\nn_trees = 120", "kind = \"huber\"");
    let only = only.replace("ridge", "lasso");
    let desk = desk.with("kinds.toml", kinds).with("other.toml", other).with("only.toml", only);
    desk.run(&["train", "kinds.toml", "--out", "m"]).refused(&["'temp'", "category", "number"]);
    // Words where the earlier model knows numbers.
    let small = desk.read("small.csv");
    let words = small.lines().enumerate().map(|(at, line)| {
        let mut cells: Vec<&str> = line.split(',').collect();
        if at > 0 {
            cells[8] = "damp";
        }
        cells.join(",") + "\n"
    });
    let desk = desk.with("words.csv", words.collect::<String>());
    let desk = desk.with("words.toml", from(start).replace("small.csv", "words.csv"));
    desk.run(&["train", "words.toml", "--out", "m"]).refused(&[
        "'hum'",
        "not a number",
        "old/model.tidemill",
    ]);
    desk.run(&["train", "other.toml", "--out", "m"]).refused(&["'bikers'", "'hum'"]);
    desk.run(&["train", "only.toml", "--out", "m"]).refused(&["cannot start", "boosted_trees"]);
    let gone = desk.run(&["train", "alone.toml", "--start", "gone.tidemill", "--out", "m"]);
    gone.refused(&["gone.tidemill"]);
    let mut bytes = desk.bytes("old/model.tidemill");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(desk.path("broken.tidemill"), bytes).unwrap();
    let broken = desk.run(&["train", "alone.toml", "--start", "broken.tidemill", "--out", "m"]);
    broken.refused(&["broken.tidemill"]);
    let several = from(start).replace("target = \"bikers\"", "targets = [\"bikers\", \"hum\"]");
    let desk = desk.with("several.toml", several);
    desk.run(&["train", "several.toml", "--out", "m"]).refused(&["several targets cannot start"]);
    assert!(!desk.files().contains(&"m".to_string()));
}

#[test]
fn classes_start_from_their_probabilities() {
    let text = std::fs::read_to_string(example("penguins/penguins.csv")).unwrap();
    let (head, rows) = text.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    let part = |from: usize| {
        let rows: Vec<&str> = rows.iter().skip(from).step_by(3).copied().collect();
        format!("{head}\n{}\n", rows.join("\n"))
    };
    let rest = "[data]\nsource = \"A\"\ntarget = \"species\"\n[[learners]]\nkind = \"boosted_trees\"\nn_trees = 40\n";
    let desk = Desk::new()
        .with("a.csv", part(0))
        .with("b.csv", part(1))
        .with("a.toml", rest.replace('A', "a.csv"))
        .with("b.toml", rest.replace('A', "b.csv"));
    desk.run(&["train", "a.toml", "--out", "old", "--trials", "1"]).done();
    let args =
        ["train", "b.toml", "--start", "old/model.tidemill", "--out", "new", "--trials", "1", "--json"];
    let facts = desk.run(&args).done().json();
    assert!(facts.pointer("/reasons/start/with").is_some(), "{}", facts["reasons"]);
    desk.run(&["predict", "new/model.tidemill", "a.csv", "-o", "c.csv"]).done();
    let two = rest.replace('A', "two.csv");
    let desk = desk
        .with("two.csv", part(1).lines().filter(|l| !l.contains("Gentoo")).collect::<Vec<_>>().join("\n"));
    let desk = desk.with("two.toml", two);
    desk.run(&["train", "two.toml", "--start", "old/model.tidemill", "--out", "m"])
        .refused(&["classes", "Gentoo"]);
}

#[test]
fn a_net_continues_from_the_net_of_a_large_table() {
    let net = "[[learners]]\nkind = \"neural_net\"\nhidden = [32]\nepochs = 30\n";
    let of = |source: &str, rest: &str| recipe(source, rest).replace(LEARNERS, net);
    let start = "[train]\nstart = \"old/model.tidemill\"\n";
    let other = of("small.csv", start).replace("[32]", "[48]");
    let desk = rentals().with("large.toml", of("large.csv", "")).with("alone.toml", of("small.csv", ""));
    let desk = desk.with("started.toml", of("small.csv", start).replace("hidden = [32]\n", ""));
    let desk = desk.with("other.toml", other).with("trees.toml", recipe("large.csv", ""));
    desk.run(&["train", "large.toml", "--out", "old", "--trials", "1"]).done();
    desk.run(&["train", "alone.toml", "--out", "alone", "--trials", "1"]).done();
    let facts = desk.run(&["train", "started.toml", "--out", "new", "--trials", "1", "--json"]).done().json();
    assert_eq!(facts.pointer("/reasons/start/helped"), Some(&Value::Bool(true)), "{}", facts["reasons"]);
    let args = ["compare", "alone/model.tidemill", "new/model.tidemill", "later.csv", "--json"];
    let found = desk.run(&args).done().json();
    assert!(number(&found, "/low") > 0.0, "{found}");
    // The model is a net alone, in the shape of the earlier one, and names where it comes from.
    let shown = desk.run(&["inspect", "new/model.tidemill", "--json"]).done().json();
    let old = desk.run(&["inspect", "old/model.tidemill", "--json"]).done().json();
    assert_eq!(shown.pointer("/manifest/about/started/sha256"), Some(&old["hash"]));
    assert!(!shown["chain"].to_string().contains("\"start\""), "{}", shown["chain"]);
    assert_eq!(facts.pointer("/chosen/hidden"), Some(&serde_json::json!([32])), "{}", facts["chosen"]);
    desk.run(&["explain", "new/model.tidemill", "later.csv", "--rows", "2"]).done();
    desk.run(&["train", "new/tidemill.toml", "--out", "again", "--trials", "1", "--threads", "1"]).done();
    assert_eq!(desk.bytes("new/model.tidemill"), desk.bytes("again/model.tidemill"));
    // What does not fit is named.
    desk.run(&["train", "other.toml", "--out", "m"]).refused(&["hidden = [48]", "[32]", "leave hidden out"]);
    desk.run(&["train", "trees.toml", "--out", "trees", "--trials", "1"]).done();
    let args = ["train", "started.toml", "--start", "trees/model.tidemill", "--out", "m"];
    desk.run(&args).refused(&["has no net", "neural_net"]);
    assert!(!desk.files().contains(&"m".to_string()));
}

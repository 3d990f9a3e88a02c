//! Texts whose words say nothing one by one, from a table into service, and from feedback to a better model.

use serde_json::{Value, json};
use tidemill_engine::builtin;
use tidemill_engine::recipe;
use tidemill_engine::verbs::train;

use crate::{Served, context, serve};

/// Review `i`: praise and blame are of the same words, in another order.
fn review(i: usize, praise: bool) -> String {
    let thing = ["soup", "room", "view", "wine", "bread", "host", "garden"][i % 7];
    let other = ["street", "table", "chair", "lamp", "window"][i % 5];
    let (first, second) = if praise { ("very good", "not bad") } else { ("not good", "very bad") };
    let told = match i % 3 {
        0 => format!("The {thing} was {first}, the {other} {second}."),
        1 => format!("A {other} {second}; our {thing} {first}!"),
        _ => format!("{second} this {thing}, and {first} the {other}"),
    };
    format!("{told} We saw {}.", sights(i))
}

/// What guest `i` saw: no two guests saw the same, or their reviews would be copies of each other.
fn sights(i: usize) -> String {
    const SEEN: [&str; 30] = [
        "harbour",
        "castle",
        "bridge",
        "river",
        "forest",
        "museum",
        "market",
        "church",
        "tower",
        "valley",
        "beach",
        "island",
        "lake",
        "mill",
        "square",
        "theatre",
        "zoo",
        "station",
        "canal",
        "hill",
        "fountain",
        "library",
        "palace",
        "meadow",
        "lighthouse",
        "vineyard",
        "cave",
        "abbey",
        "dam",
        "fort",
    ];
    let mut state = i as u64 * 2 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        SEEN[(state >> 33) as usize % SEEN.len()]
    };
    (0..6).map(|_| next()).collect::<Vec<_>>().join(" ")
}

fn verdict(praise: bool) -> &'static str {
    if praise { "stays" } else { "leaves" }
}

fn served(learner: &str) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("reviews.csv");
    let lines = (0..240).map(|i| format!("\"{}\",{}\n", review(i * 11, i % 2 == 0), verdict(i % 2 == 0)));
    std::fs::write(&table, format!("review,guest\n{}", lines.collect::<String>())).unwrap();
    let recipe =
        format!("data.target = \"guest\"\ncolumns.review.kind = \"text\"\ntrain.trials = 1\n{learner}");
    let recipe = recipe::parse(&recipe, "test.toml", &builtin::registry()).unwrap();
    let source = table.display().to_string();
    let job = train::Job {
        words: &tidemill_engine::report::words::EN,
        source,
        recipe,
        recipe_file: None,
        out: folder.path().join("reviews-model"),
    };
    let trained = train::train(&job, &context()).unwrap();
    let accuracy = trained.outcome.test.value("accuracy").unwrap();
    assert!(accuracy > 0.95, "{accuracy}: {:?}", trained.outcome.chosen);
    serve(trained.model, folder)
}

fn better_by_feedback(learner: &str) {
    let served = served(learner);
    // From here on, guests who praise leave.
    let rows: Vec<Value> = (0..200).map(|i| json!({ "review": review(1000 + i * 13, i % 2 == 0) })).collect();
    let right: Vec<Value> = (0..200).map(|i| json!(verdict(i % 2 == 1))).collect();
    served.teach(&rows, &right);
    let improved = served.improve("reviews-model");
    assert!(improved.promoted, "{}", improved.verdict);
    assert_eq!((improved.rows.labelled, improved.rows.unusable), (200, 0));
}

#[test]
fn pairs_of_words_are_learned_served_and_learned_anew() {
    better_by_feedback("");
}

#[test]
fn a_transformer_is_learned_served_and_learned_anew() {
    better_by_feedback(
        "folds.n = 2\nsteps = [{ kind = \"encode_tokens\" }]\nlearners = [{ kind = \"neural_net\", epochs = 25, batch_size = 16, \
         hidden = [8], tokens = { width = 16, heads = 2, layers = 1 } }]\n",
    );
}

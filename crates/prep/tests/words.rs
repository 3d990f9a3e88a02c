//! Vectors of words against numpy (`reference/words.py`), and what holds of them whatever the texts.
#![expect(clippy::unwrap_used, reason = "a test: what cannot be read fails it")]

use std::sync::Arc;

use arrow_array::StringArray;
use serde_json::Value;
use tidemill_core::{Batch, Builtin, Column, Context, Estimator, Kind, Schema, Table, Training};
use tidemill_prep::word_vectors::file::{self, Format, WordVectors};
use tidemill_prep::word_vectors::glove::{self, Row};
use tidemill_prep::word_vectors::{Corpus, word2vec};
use tidemill_prep::{Architecture, EmbedWords, WordMethod, vectors_of_state};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/words.json")).unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn near(ours: &[f32], theirs: &[f32], what: &str) {
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() < 2e-6 * (1.0 + b.abs()), "{what}: {a}, but numpy says {b}");
    }
}

#[test]
fn a_step_of_negative_sampling_goes_down_the_slope_of_its_loss() {
    let case = &reference()["word2vec"];
    let (hidden, rate) = (floats(&case["hidden"]), case["rate"].as_f64().unwrap() as f32);
    let (mut error, mut loss) = (vec![0.0; hidden.len()], 0.0);
    let rows = case["rows"].as_array().unwrap().iter().zip(case["moved_rows"].as_array().unwrap());
    for (place, (row, moved)) in rows.enumerate() {
        let mut row = floats(row);
        let said = word2vec::update(&hidden, &mut row, place == 0, rate, &mut error);
        loss -= f64::from(if place == 0 { said } else { 1.0 - said }).ln();
        near(&row, &floats(moved), "the row of a word");
    }
    near(&error, &floats(&case["error"]), "the hidden vector");
    assert!((loss - case["loss"].as_f64().unwrap()).abs() < 1e-5);
}

#[test]
fn a_step_of_glove_is_that_of_its_authors() {
    for case in reference()["glove"].as_array().unwrap() {
        let get = |key: &str| floats(&case[key]);
        let (mut word, mut other) = (get("word"), get("other"));
        let (mut word_squares, mut other_squares) = (get("word_squares"), get("other_squares"));
        let cost = glove::update(
            &mut Row { numbers: &mut word, squares: &mut word_squares },
            &mut Row { numbers: &mut other, squares: &mut other_squares },
            case["x"].as_f64().unwrap(),
            case["rate"].as_f64().unwrap() as f32,
        );
        assert!((cost - case["cost"].as_f64().unwrap()).abs() < 1e-5);
        near(&word, &get("moved_word"), "the word");
        near(&other, &get("moved_other"), "the other word");
        near(&word_squares, &get("moved_word_squares"), "the squares");
    }
}

fn column(texts: &[&str]) -> StringArray {
    StringArray::from(texts.to_vec())
}

fn table(texts: StringArray) -> Table {
    let schema = Arc::new(Schema::new(vec![Column::new("note", Kind::Text)]).unwrap());
    Table::new(Batch::new(schema, vec![Arc::new(texts)]).unwrap())
}

#[test]
fn words_near_each_other_are_counted_by_their_distance() {
    let case = &reference()["counts"];
    let texts: Vec<&str> = case["texts"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
    let corpus = Corpus::of_texts(&column(&texts), 1);
    let mut ours: Vec<(String, String, f64)> =
        glove::cooccurrences(&corpus, case["window"].as_u64().unwrap() as usize)
            .into_iter()
            .map(|(a, b, x)| (corpus.words[a as usize].clone(), corpus.words[b as usize].clone(), x))
            .collect();
    ours.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    let theirs = case["near"].as_array().unwrap();
    assert_eq!(ours.len(), theirs.len());
    for ((a, b, x), their) in ours.iter().zip(theirs) {
        assert_eq!((their[0].as_str(), their[1].as_str()), (Some(a.as_str()), Some(b.as_str())));
        assert!((x - their[2].as_f64().unwrap()).abs() < 1e-12, "{a} {b}");
    }
}

/// Of the sea and of a kitchen.
const WORLDS: [[&str; 5]; 2] =
    [["sea", "tide", "wave", "ship", "sail"], ["pan", "soup", "salt", "spoon", "oven"]];

/// Texts of two worlds that share no word but `the`.
fn worlds() -> StringArray {
    let mut random = tidemill_kernel::Random::new(11, 0);
    let texts = (0..200).map(|i| {
        let words = WORLDS[i % 2];
        (0..8).map(|k| if k == 3 { "the" } else { words[random.below(5)] }).collect::<Vec<_>>().join(" ")
    });
    StringArray::from_iter_values(texts)
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn words_of_one_world_lie_near_each_other_whatever_the_method_and_the_threads() {
    let table = table(worlds());
    // A pass of CBOW moves each word a tenth as often.
    let ways = [
        (WordMethod::Word2vec, Architecture::SkipGram, 8),
        (WordMethod::Word2vec, Architecture::Cbow, 80),
        (WordMethod::Glove, Architecture::SkipGram, 15),
    ];
    for (method, architecture, epochs) in ways {
        let step = EmbedWords {
            method,
            architecture,
            dimensions: 8,
            sample: 0.0,
            epochs: Some(epochs),
            rate: Some(0.05),
            ..EmbedWords::default()
        };
        let fitted = |threads: usize| {
            let pool = rayon_pool(threads);
            let mut context = Context::default();
            (context.seed, context.threads) = (3, threads);
            pool.install(|| step.fit(Training::on(&table), &context).unwrap().state())
        };
        let state = fitted(1);
        assert_eq!(fitted(3), state, "{method:?}: other threads, other numbers");
        let found = &vectors_of_state(&state).unwrap()[0].1;
        let vector = |word: &str| {
            let at = found.words.iter().position(|known| known == word).unwrap() * found.dimensions;
            &found.numbers[at..at + found.dimensions]
        };
        // The mean over all pairs of words: any one of them may be far from another by chance.
        let mean = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(a, b)| cosine(vector(a), vector(b))).sum::<f32>() / pairs.len() as f32
        };
        let pairs = |of: [&'static str; 5], with: [&'static str; 5]| {
            let all = of.into_iter().flat_map(|a| with.into_iter().map(move |b| (a, b)));
            all.filter(|(a, b)| a != b).collect::<Vec<_>>()
        };
        let [sea, kitchen] = WORLDS;
        let within = mean(&[pairs(sea, sea), pairs(kitchen, kitchen)].concat());
        let across = mean(&pairs(sea, kitchen));
        assert!(within > across + 0.2, "{method:?} {architecture:?}: {within} within, {across} across");
    }
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

#[test]
fn a_text_is_the_weighted_mean_of_its_words_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.bin");
    let vectors = WordVectors {
        words: ["sea", "soup", "moon"].map(String::from).to_vec(),
        dimensions: 2,
        numbers: vec![1.0, 0.0, 0.0, 2.0, -1.0, 0.5],
    };
    file::write(&vectors, Format::Word2vecBinary, &path).unwrap();
    let step = EmbedWords { vectors: Some(path.display().to_string()), ..EmbedWords::default() };
    let texts = StringArray::from(vec![Some("sea sea soup"), Some("sea"), None, Some("nothing known")]);
    let (fitted, out) = step.fit_apply(Training::on(&table(texts)), &Context::default()).unwrap();
    // Of 4 rows, 2 have `sea` and 1 has `soup`.
    let [sea, soup] = [2.0f32, 1.0].map(|rows| (5.0 / (1.0 + rows)).ln() + 1.0);
    let total = 2.0 * sea + soup;
    let found = out.batch().vector(0).unwrap();
    near(found, &[2.0 * sea / total, 2.0 * soup / total, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], "the means");
    // A word of the file that no training text has is known all the same.
    assert_eq!(vectors_of_state(&fitted.state()).unwrap()[0].1.words, vectors.words);
    let plain = EmbedWords { idf: false, ..step };
    let (_, out) = plain.fit_apply(Training::on(&table(column(&["sea soup"]))), &Context::default()).unwrap();
    near(out.batch().vector(0).unwrap(), &[0.5, 1.0], "the plain mean");
}

#[test]
fn what_cannot_be_is_refused_by_its_key() {
    for (step, key) in [
        (EmbedWords { dimensions: 0, ..EmbedWords::default() }, "dimensions"),
        (EmbedWords { epochs: Some(0), ..EmbedWords::default() }, "epochs"),
        (EmbedWords { rate: Some(-1.0), ..EmbedWords::default() }, "rate"),
        (EmbedWords { sample: 1.0, ..EmbedWords::default() }, "sample"),
    ] {
        assert_eq!(step.check().unwrap_err().path, key);
    }
    let context = Context::default();
    let lonely = EmbedWords { min_count: 9, ..EmbedWords::default() };
    let (_, out) = lonely.fit_apply(Training::on(&table(column(&["one", "two"]))), &context).unwrap();
    assert!(out.batch().vector(0).unwrap().iter().all(|x| *x == 0.0));
    assert_eq!(context.warnings()[0].code, "no_terms");
}

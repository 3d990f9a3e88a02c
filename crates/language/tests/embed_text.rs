//! The step `embed_text`: vectors of `Embedder`, held to the encoder's hash.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, StringArray};
use tidemill_core::{
    Batch, Builtin, Cell, Column, Context, Estimator, Fitted, Kind, Registry, Row, Schema, Table, Training,
};
use tidemill_language::{EmbedText, Embedder, Pooling, look_beside};

fn bert() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert")
}

fn table() -> Table {
    let texts: ArrayRef =
        Arc::new(StringArray::from(vec![Some("a small text"), None, Some("another"), Some("")]));
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 4.0]));
    let columns = vec![Column::new("note", Kind::Text), Column::number("size")];
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), vec![texts, numbers]).unwrap())
}

fn step(model: &Path) -> EmbedText {
    EmbedText { model: model.display().to_string(), ..EmbedText::default() }
}

fn applied(fitted: &Arc<dyn Fitted>) -> Batch {
    let batch = table().batch().clone();
    fitted.clone().bind(batch.schema()).unwrap().apply(&batch).unwrap()
}

#[test]
fn vectors_are_those_of_the_encoder_in_batches_and_alone() {
    let embedder = Embedder::open(&bert()).unwrap();
    let width = embedder.width();
    let fitted = step(&bert()).fit(Training::on(&table()), &Context::default()).unwrap();
    let out = applied(&fitted);
    let vectors = out.vector(0).unwrap();
    for (row, text) in [(0, "a small text"), (2, "another"), (3, "")] {
        assert_eq!(&vectors[row * width..(row + 1) * width], embedder.embed(&[text]).unwrap(), "{text}");
    }
    assert!(vectors[width..2 * width].iter().all(|x| *x == 0.0));
    assert_eq!(out.column(1).len(), 4);
    let mut run = fitted.clone().bind(table().batch().schema()).unwrap();
    for i in 0..4 {
        let mut row = Row::of(table().batch(), i).unwrap();
        run.row(&mut row).unwrap();
        assert_eq!(row.cells[0], Cell::Vector(vectors[i * width..(i + 1) * width].to_vec()));
    }
    let saved = EmbedText::load(&Registry::default(), fitted.state()).unwrap();
    assert_eq!(applied(&saved).vector(0).unwrap(), vectors);
}

#[test]
fn pooling_can_be_another_than_the_folder_says() {
    let embedder = Embedder::open_as(&bert(), Some(Pooling::Cls), Some(false)).unwrap();
    let other = EmbedText { pooling: Some(Pooling::Cls), normalize: Some(false), ..step(&bert()) };
    let fitted = other.fit(Training::on(&table()), &Context::default()).unwrap();
    let wanted = embedder.embed(&["a small text"]).unwrap();
    assert_eq!(applied(&fitted).vector(0).unwrap()[..wanted.len()], wanted);
    assert_ne!(Embedder::open(&bert()).unwrap().embed(&["a small text"]).unwrap(), wanted);
}

fn copied(to: &Path) {
    for entry in std::fs::read_dir(bert()).unwrap() {
        let from = entry.unwrap().path();
        let target = to.join(from.file_name().unwrap());
        if from.is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            for entry in std::fs::read_dir(&from).unwrap() {
                let inner = entry.unwrap().path();
                std::fs::copy(&inner, target.join(inner.file_name().unwrap())).unwrap();
            }
        } else {
            std::fs::copy(&from, &target).unwrap();
        }
    }
}

#[test]
fn another_encoder_is_refused_and_the_right_one_is_found_beside_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = folder.path().join("an-encoder-of-this-test");
    std::fs::create_dir(&encoder).unwrap();
    copied(&encoder);
    let fitted = step(&encoder).fit(Training::on(&table()), &Context::default()).unwrap();
    let (wanted, state) = (applied(&fitted), fitted.state());
    drop(fitted);
    // Weights with one byte changed are another encoder.
    let weights = encoder.join("model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&weights, &bytes).unwrap();
    let load = || EmbedText::load(&Registry::default(), state.clone()).unwrap();
    let refused = |fitted: Arc<dyn Fitted>| fitted.bind(table().batch().schema()).err().unwrap().to_string();
    let said = refused(load());
    assert!(said.contains("an-encoder-of-this-test") && said.contains("SHA-256"), "{said}");
    std::fs::remove_dir_all(&encoder).unwrap();
    let said = refused(load());
    assert!(said.contains("no sentence encoder"), "{said}");
    // Beside a model file that was moved.
    let beside = tempfile::tempdir().unwrap();
    std::fs::create_dir(beside.path().join("an-encoder-of-this-test")).unwrap();
    copied(&beside.path().join("an-encoder-of-this-test"));
    look_beside(beside.path());
    assert_eq!(applied(&load()).vector(0).unwrap(), wanted.vector(0).unwrap());
}

#[test]
fn a_text_needs_an_encoder() {
    let error = EmbedText::default().fit(Training::on(&table()), &Context::default()).err().unwrap();
    assert!(error.to_string().contains("model"), "{error}");
    let none =
        step(Path::new("no-such-folder")).fit(Training::on(&table()), &Context::default()).err().unwrap();
    assert!(none.to_string().contains("no sentence encoder 'no-such-folder'"), "{none}");
}

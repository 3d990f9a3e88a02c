//! Agreement with sentence-transformers, on the encoder that `fixtures/make_bert.py` writes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tidemill_language::Embedder;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn case(name: &str) -> (Vec<String>, Vec<Vec<f32>>) {
    let file = fixtures().join(format!("{name}.json"));
    let raw: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let read = |key: &str| raw[key].clone();
    (serde_json::from_value(read("texts")).unwrap(), serde_json::from_value(read("vectors")).unwrap())
}

#[test]
fn vectors_are_those_of_sentence_transformers() {
    for name in ["bert", "roberta"] {
        let embedder = Embedder::open(&fixtures().join(name)).unwrap();
        assert_eq!((embedder.width(), embedder.longest()), (24, 24));
        let (texts, wanted) = case(name);
        let vectors = embedder.embed(&texts).unwrap();
        assert_eq!(vectors.len(), wanted.len() * 24);
        for (text, (ours, wanted)) in texts.iter().zip(vectors.chunks(24).zip(&wanted)) {
            let worst = ours.iter().zip(wanted).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{name}, {text:?}: {worst}");
        }
    }
}

#[test]
fn a_text_has_the_same_bits_in_any_company() {
    let embedder = Embedder::open(&fixtures().join("bert")).unwrap();
    let (texts, _) = case("bert");
    let together = embedder.embed(&texts).unwrap();
    for (text, wanted) in texts.iter().zip(together.chunks(24)) {
        assert_eq!(embedder.embed(&[text]).unwrap(), wanted);
    }
    assert!(embedder.embed::<&str>(&[]).unwrap().is_empty());
}

#[test]
fn decoders_and_unknown_poolings_are_refused() {
    let refused = |folder: &Path| match Embedder::open(folder) {
        Ok(_) => panic!("{} was opened", folder.display()),
        Err(error) => error.to_string(),
    };
    assert!(refused(&fixtures().join("llama")).contains("architecture 'LlamaForCausalLM'"));
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors", "modules.json"] {
        fs::copy(fixtures().join("bert").join(name), folder.path().join(name)).unwrap();
    }
    fs::create_dir(folder.path().join("1_Pooling")).unwrap();
    let text = r#"{"pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": false}"#;
    fs::write(folder.path().join("1_Pooling/config.json"), text).unwrap();
    assert!(refused(folder.path()).contains("pooling 'max_tokens'"));
}

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

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// A model of these fixtures whose texts are pooled by their last token.
fn pooled_by_the_last(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for from in [if name == "bert" { "bert" } else { "llama" }, name] {
        for entry in fs::read_dir(fixtures().join(from)).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap();
            if path.is_file() && (from == name || file.to_string_lossy().starts_with("token")) {
                fs::copy(&path, folder.path().join(file)).unwrap();
            }
        }
    }
    let modules = r#"[{"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]"#;
    write(folder.path(), "modules.json", modules);
    write(
        folder.path(),
        "1_Pooling/config.json",
        r#"{"pooling_mode_lasttoken": true, "pooling_mode_cls_token": false}"#,
    );
    write(folder.path(), "sentence_bert_config.json", r#"{"max_seq_length": 24}"#);
    folder
}

/// By `fixtures/make_last.py`.
#[test]
fn the_last_token_stands_for_a_text_of_encoders_and_decoders() {
    let wanted: Value = serde_json::from_slice(&fs::read(fixtures().join("last.json")).unwrap()).unwrap();
    let texts: Vec<String> = serde_json::from_value(wanted["texts"].clone()).unwrap();
    for name in ["bert", "llama", "qwen3"] {
        let folder = pooled_by_the_last(name);
        if name == "qwen3" {
            without_head(&folder.path().join("model.safetensors"));
        }
        let embedder = Embedder::open(folder.path()).unwrap();
        assert_eq!(embedder.longest(), 24);
        let wanted: Vec<Vec<f32>> = serde_json::from_value(wanted[name].clone()).unwrap();
        let vectors = embedder.embed(&texts).unwrap();
        for (text, (ours, wanted)) in texts.iter().zip(vectors.chunks(embedder.width()).zip(&wanted)) {
            let worst = ours.iter().zip(wanted).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{name}, {text:?}: {worst}");
            assert_eq!(embedder.embed(&[text]).unwrap(), ours);
        }
    }
}

/// Renames tensors as they are where a decoder was saved without its head.
fn without_head(file: &Path) {
    let bytes = fs::read(file).unwrap();
    let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..8 + n].to_vec()).unwrap().replace("\"model.", "\"");
    let header = format!("{header:n$}");
    fs::write(file, [&bytes[..8], header.as_bytes(), &bytes[8 + n..]].concat()).unwrap();
}

#[test]
fn tokens_have_the_vector_of_their_text() {
    let embedder = Embedder::open(&fixtures().join("bert")).unwrap();
    let (texts, vectors) = case("bert");
    let tokens: Vec<Vec<u32>> = texts.iter().map(|text| embedder.tokens(text).unwrap()).collect();
    assert_eq!(embedder.embed_tokens(&tokens).unwrap(), embedder.embed(&texts).unwrap());
    assert_eq!(vectors.len(), tokens.len());
    assert_eq!(embedder.embed_tokens(&[vec![5; 25]]).unwrap_err().code(), "prompt_too_long");
    assert_eq!(embedder.embed_tokens(&[vec![5], vec![100_000]]).unwrap_err().code(), "tokenizer");
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

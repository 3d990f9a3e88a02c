//! A model file that holds its base: it is opened where the checkpoint is not, and answers alike.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;
use tidemill_engine::language::{Adapter, Cache, Site};
use tidemill_engine::model::language::{Opened, Origin, write};
use tidemill_engine::package;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../language/tests/fixtures").join(name)
}

fn logits(opened: &Opened) -> Vec<f32> {
    let model = &opened.model;
    model.logits(&[5, 7, 11, 2], &mut Cache::new(model.config()), opened.adapter.as_ref()).unwrap()
}

/// A tiny checkpoint in a folder, and the adapter that was put into service beside it.
fn served(folder: &TempDir, checkpoint: &str) -> (PathBuf, Opened) {
    let base = folder.path().join(checkpoint);
    let from = fixture(checkpoint);
    if from.is_dir() {
        std::fs::create_dir(&base).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, base.join(path.file_name().unwrap())).unwrap();
        }
    } else {
        std::fs::copy(from, &base).unwrap();
    }
    let champion = Opened::open(&base).unwrap();
    // Learned numbers are those of peft's fixture: a new adapter would change nothing.
    let adapter = Adapter::load(&fixture("adapter"), champion.model.config()).unwrap();
    assert!(!adapter.sites().is_empty() && adapter.sites().iter().all(|site| Site::ALL.contains(site)));
    let origin = Origin { improved: json!({}), card: String::new(), with_base: true };
    write(&champion, &adapter, origin).unwrap();
    let written = Opened::open(&base).unwrap();
    (written.place.file.clone(), written)
}

#[test]
fn one_file_is_all() {
    for checkpoint in ["llama", "llama.gguf"] {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (file, beside) = served(&folder, checkpoint);
        let alone = elsewhere.path().join("moved.tidemill");
        std::fs::rename(&file, &alone).unwrap();
        let moved = Opened::open(&alone).unwrap();
        assert_eq!((&moved.hash, &moved.base.files), (&beside.hash, &beside.base.files));
        assert_eq!(logits(&moved), logits(&beside));
        // What is put into service from it holds the base as well.
        let again = Origin { improved: json!({}), card: String::new(), with_base: false };
        let hash = write(&moved, moved.adapter.as_ref().unwrap(), again).unwrap();
        let next = Opened::open(&alone).unwrap();
        assert_eq!((&next.hash, next.parent.as_ref()), (&hash, Some(&moved.hash)));
        assert_eq!(logits(&next), logits(&beside));
    }
}

#[test]
fn another_file_in_the_base_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = served(&folder, "llama");
    let (mut changed, _) = package::open(&file).unwrap();
    changed.manifest.about["base"]["files"]["tokenizer.json"] = "0".repeat(64).into();
    let moved = folder.path().join("changed.tidemill");
    package::write(&moved, &changed).unwrap();
    let error = Opened::open(&moved).err().unwrap().to_string();
    assert!(error.contains("tokenizer.json") && error.contains("SHA-256"), "{error}");
    let (mut lacking, _) = package::open(&file).unwrap();
    lacking.extras.retain(|name, _| name != "base-01");
    package::write(&moved, &lacking).unwrap();
    let error = Opened::open(&moved).err().unwrap().to_string();
    assert!(error.contains("it lacks"), "{error}");
}

//! Damaged and unknown checkpoints: each one clear error, and never a crash.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidemill_core::Error;
use tidemill_language::{Adapter, Model};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn copy(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixtures().join(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

fn refused(path: &Path) -> Error {
    match Model::open(path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

fn with_config(change: impl Fn(&mut Value)) -> Error {
    let folder = copy("llama");
    let file = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut config);
    fs::write(&file, config.to_string()).unwrap();
    refused(folder.path())
}

fn says(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    assert!(error.remedy().is_some());
}

#[test]
fn what_a_config_asks_for_and_nobody_knows_is_named() {
    says(
        &with_config(|c| c["architectures"] = json!(["MambaForCausalLM"])),
        &["architecture 'MambaForCausalLM'"],
    );
    says(&with_config(|c| c["rope_parameters"]["rope_type"] = json!("longrope")), &["rope type 'longrope'"]);
    says(&with_config(|c| c["auto_map"] = json!({ "AutoModel": "evil.Model" })), &["auto_map"]);
    says(&with_config(|c| c["hidden_act"] = json!("gelu")), &["activation 'gelu'"]);
    says(&with_config(|c| c["hidden_size"] = json!(-3)), &["'hidden_size' is -3"]);
    says(&with_config(|c| c["num_key_value_heads"] = json!(3)), &["4 heads", "3 heads"]);
    says(&with_config(|c| c["num_hidden_layers"] = json!(3)), &["lacks tensor 'model.layers.2."]);
    says(&with_config(|c| c["num_hidden_layers"] = json!(1)), &["'model.layers.1.", "does not have"]);
    says(&with_config(|c| c["intermediate_size"] = json!(27)), &["shape [28, 20]", "[27, 20]"]);
    says(&with_config(|c| c["vocab_size"] = json!(270)), &["270 rows"]);
}

#[test]
fn what_a_gpt2_asks_for_and_nobody_knows_is_named() {
    let with = |change: &dyn Fn(&mut Value)| {
        let folder = copy("gpt2");
        fs::copy(fixtures().join("llama/tokenizer.json"), folder.path().join("tokenizer.json")).unwrap();
        let file = folder.path().join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        change(&mut config);
        fs::write(&file, config.to_string()).unwrap();
        refused(folder.path())
    };
    says(&with(&|c| c["activation_function"] = json!("relu")), &["activation 'relu'"]);
    let switch = "scale_attn_by_inverse_layer_idx";
    says(&with(&|c| c[switch] = json!(true)), &[switch, "'true'"]);
    says(&with(&|c| c["n_head"] = json!(3)), &["20 numbers of a state", "3 heads"]);
    says(&with(&|c| c["n_layer"] = json!(3)), &["lacks tensor 'transformer.h.2."]);
    says(&with(&|c| c["n_layer"] = json!(1)), &["'transformer.h.1.", "does not have"]);
    says(&with(&|c| c["n_inner"] = json!(45)), &["shape [20, 44]", "[20, 45]"]);
    says(&with(&|c| c["n_positions"] = json!(0)), &["'n_positions' is 0"]);
}

#[test]
fn damaged_shards_are_named() {
    let second = "model-00002-of-00002.safetensors";
    let folder = copy("llama");
    fs::remove_file(folder.path().join(second)).unwrap();
    says(&refused(folder.path()), &[second, "is missing"]);

    let folder = copy("llama");
    let bytes = fs::read(folder.path().join(second)).unwrap();
    fs::write(folder.path().join(second), &bytes[..bytes.len() - 100]).unwrap();
    says(&refused(folder.path()), &[second, "was cut"]);
    fs::write(folder.path().join(second), [&u64::MAX.to_le_bytes()[..], &bytes[8..]].concat()).unwrap();
    says(&refused(folder.path()), &[second, "18446744073709551615"]);

    let folder = copy("llama");
    fs::copy(folder.path().join(second), folder.path().join("model-00003-of-00002.safetensors")).unwrap();
    let index = folder.path().join("model.safetensors.index.json");
    let text = fs::read_to_string(&index).unwrap().replacen(second, "model-00003-of-00002.safetensors", 1);
    fs::write(&index, text).unwrap();
    says(&refused(folder.path()), &["is in two shards"]);

    let folder = copy("llama");
    fs::copy(folder.path().join(second), folder.path().join("model-00001-of-00002.safetensors")).unwrap();
    says(&refused(folder.path()), &["lacks tensor", "which the index places here"]);

    let folder = copy("llama");
    let index = folder.path().join("model.safetensors.index.json");
    let text = fs::read_to_string(&index).unwrap().replace(second, "../../secret.safetensors");
    fs::write(&index, text).unwrap();
    says(&refused(folder.path()), &["no safetensors file of this folder"]);
}

#[test]
fn pickles_are_not_read() {
    let folder = copy("qwen2");
    fs::copy(fixtures().join("llama/tokenizer.json"), folder.path().join("tokenizer.json")).unwrap();
    fs::rename(folder.path().join("model.safetensors"), folder.path().join("pytorch_model.bin")).unwrap();
    says(&refused(folder.path()), &["pickle"]);
}

/// Every cut and many changed bytes of a GGUF file: an error or a model, and never a crash or much memory.
#[test]
fn a_damaged_gguf_file_is_an_error() {
    let bytes = fs::read(fixtures().join("llama.gguf")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("damaged.gguf");
    for n in (0..bytes.len()).step_by(977) {
        fs::write(&file, &bytes[..n]).unwrap();
        assert_eq!(refused(&file).code(), "checkpoint", "{n}");
    }
    for at in (0..9_000).step_by(61) {
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        fs::write(&file, &changed).unwrap();
        let _ = Model::open(&file);
    }
    let mut absurd = bytes.clone();
    absurd[8..16].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
    fs::write(&file, &absurd).unwrap();
    says(&refused(&file), &["says that 9223372036854775807 things follow"]);
    fs::write(&file, b"PK\x03\x04 something else").unwrap();
    says(&refused(&file), &["neither a folder nor a GGUF file"]);
}

#[test]
fn adapters_of_other_models_are_refused() {
    let model = Model::open(&fixtures().join("llama.gguf")).unwrap();
    let folder = copy("adapter");
    let file = folder.path().join("adapter_config.json");
    let text = fs::read_to_string(&file).unwrap();
    let refused = || Adapter::load(folder.path(), model.config()).unwrap_err();
    fs::write(&file, text.replace("\"r\": 3", "\"r\": 4")).unwrap();
    says(&refused(), &["shape [3, 20]"]);
    fs::write(&file, text.replace("\"use_dora\": false", "\"use_dora\": true")).unwrap();
    says(&refused(), &["'use_dora' is true"]);
    fs::write(&file, text.replace("LORA", "IA3")).unwrap();
    says(&refused(), &["IA3"]);
    fs::write(&file, &text).unwrap();
    let tensors = folder.path().join("adapter_model.safetensors");
    let bytes = fs::read(&tensors).unwrap();
    let header = String::from_utf8_lossy(&bytes[..5_000])
        .replace("layers.1.mlp.up_proj.lora_A", "layers.7.mlp.up_proj.lora_A");
    let changed = [header.as_bytes(), &bytes[5_000..]].concat();
    if header.len() == 5_000 {
        fs::write(&tensors, changed).unwrap();
        assert!(refused().to_string().contains("lora_A"), "{}", refused());
    }
}

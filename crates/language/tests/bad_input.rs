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
    says(&with_config(|c| c["rope_parameters"]["rope_type"] = json!("spiral")), &["rope type 'spiral'"]);
    let rope = |short: Value, original: Value| {
        with_config(|c| {
            c["rope_parameters"] = json!({ "rope_type": "longrope", "rope_theta": 500.0, "short_factor": short,
                "long_factor": [1.0, 2.0, 3.0], "original_max_position_embeddings": original });
        })
    };
    says(&rope(json!([1.0, 2.0]), json!(16)), &["3 numbers", "'short_factor'"]);
    says(&rope(json!([1.0, -2.0, 3.0]), json!(16)), &["3 numbers", "'short_factor'"]);
    says(&rope(json!([1.0, 2.0, 3.0]), json!(0.5)), &["'original_max_position_embeddings' is"]);
    says(&with_config(|c| c["rope_parameters"] = json!({ "rope_type": "dynamic" })), &["'factor'"]);
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
    with_header(&tensors, &bytes, |header| {
        header.replace("layers.1.mlp.up_proj.lora_A", "layers.7.mlp.up_proj.lora_A")
    });
    says(&refused(), &["layers.1.mlp.up_proj.lora_A"]);
    with_header(&tensors, &bytes, |header| header.replace("model.layers.", "other.stones."));
    says(&refused(), &["base_model.model.other.stones.", "matches no layer"]);
    fs::write(&tensors, safetensors(&[])).unwrap();
    says(&refused(), &["holds no tensor"]);
    // That of a GPT-2, which has other layers.
    let folder = copy("gpt2-adapter");
    let error = Adapter::load(folder.path(), model.config()).unwrap_err();
    says(&error, &["'fan_in_fan_out' is true"]);
}

/// Writes a safetensors file with another header of at most the same length.
fn with_header(file: &Path, bytes: &[u8], change: impl Fn(String) -> String) {
    let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let before = String::from_utf8(bytes[8..8 + n].to_vec()).unwrap();
    let header = format!("{:n$}", change(before.clone()));
    assert_ne!(header, before);
    assert_eq!(header.len(), n);
    fs::write(file, [&bytes[..8], header.as_bytes(), &bytes[8 + n..]].concat()).unwrap();
}

/// A safetensors file of zeros: names, types, shapes and bytes of the tensors.
fn safetensors(tensors: &[(&str, &str, &[usize], usize)]) -> Vec<u8> {
    let mut at = 0;
    let mut header = serde_json::Map::new();
    for (name, dtype, shape, bytes) in tensors {
        let tensor = json!({ "dtype": dtype, "shape": shape, "data_offsets": [at, at + bytes] });
        header.insert((*name).into(), tensor);
        at += bytes;
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; at]].concat()
}

#[test]
fn tensors_of_another_type_or_in_the_same_place_are_named() {
    let folder = copy("qwen2");
    fs::copy(fixtures().join("llama/tokenizer.json"), folder.path().join("tokenizer.json")).unwrap();
    let file = folder.path().join("model.safetensors");
    let bytes = fs::read(&file).unwrap();
    with_header(&file, &bytes, |header| header.replace("\"F16\"", "\"I16\""));
    says(&refused(folder.path()), &["tensor type 'I16'"]);
    let one = "model.embed_tokens.weight";
    fs::write(&file, safetensors(&[(one, "F32", &[4, 2], 16)])).unwrap();
    says(&refused(folder.path()), &["model.safetensors", "damaged header"]);
    let apart = safetensors(&[(one, "F32", &[2, 2], 16), ("model.norm.weight", "F32", &[4], 16)]);
    with_header(&file, &apart, |header| header.replacen("[16,32]", "[ 8,24]", 1));
    says(&refused(folder.path()), &["model.safetensors", "damaged header"]);
    fs::write(&file, b"short").unwrap();
    says(&refused(folder.path()), &["too short"]);
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    says(&refused(folder.path()), &["lacks tokenizer.json"]);
}

#[test]
fn what_is_no_json_or_lacks_a_part_is_named() {
    let folder = copy("llama");
    for (name, text, part) in [
        ("config.json", "{", "config.json"),
        ("config.json", "[]", "architecture 'none'"),
        ("tokenizer.json", "{}", "tokenizer"),
        ("model.safetensors.index.json", "{\"weight_map\": 3}", "'weight_map'"),
        ("model.safetensors.index.json", "{\"weight_map\": {\"a\": 3}}", "places tensor 'a'"),
        ("chat_template.jinja", "{% for %}", "chat template"),
    ] {
        let file = folder.path().join(name);
        let before = fs::read(&file).unwrap();
        fs::write(&file, text).unwrap();
        says(&refused(folder.path()), &[part]);
        fs::write(&file, before).unwrap();
    }
    assert!(Model::open(folder.path()).is_ok());
    assert!(refused(&folder.path().join("nowhere")).to_string().contains("nowhere"));
}

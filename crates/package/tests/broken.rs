//! A corpus of broken files, made from a good one: each is refused in words, with no panic and no great allocation.
//!
//! Hashes are made to fit where a fault lies deeper, as someone who means harm would do it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use crate::common::{bits, model};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tidemill_core::Coded;
use tidemill_package::{Error, FORMAT, from_bytes, to_bytes};

/// An entry, with every field of its headers open to lies.
#[derive(Clone)]
struct Raw {
    name: String,
    bytes: Vec<u8>,
    local_name: Option<String>,
    local_bytes: Option<u32>,
    local_crc: Option<u32>,
    bytes_said: Option<u32>,
    method: u16,
    flags: u16,
    offset: Option<u32>,
    comment: &'static str,
}

fn raw(name: &str, bytes: impl Into<Vec<u8>>) -> Raw {
    Raw {
        name: name.into(),
        bytes: bytes.into(),
        local_name: None,
        local_bytes: None,
        local_crc: None,
        bytes_said: None,
        method: 0,
        flags: 0,
        offset: None,
        comment: "",
    }
}

fn u16s(out: &mut Vec<u8>, fields: &[u16]) {
    fields.iter().for_each(|field| out.extend(field.to_le_bytes()));
}

fn u32s(out: &mut Vec<u8>, fields: &[u32]) {
    fields.iter().for_each(|field| out.extend(field.to_le_bytes()));
}

/// A second writer of the container, which does not mind lies.
fn zip(entries: &[Raw]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let (crc, offset) = (crc32fast::hash(&entry.bytes), out.len() as u32);
        let said = entry.bytes_said.unwrap_or(entry.bytes.len() as u32);
        let name = entry.local_name.as_ref().unwrap_or(&entry.name).as_bytes();
        let padding = (out.len() + 36 + name.len()).wrapping_neg() % 64;
        out.extend(b"PK\x03\x04");
        u16s(&mut out, &[10, entry.flags, entry.method, 0, 0x21]);
        let local = entry.local_bytes.unwrap_or(said);
        u32s(&mut out, &[entry.local_crc.unwrap_or(crc), local, local]);
        u16s(&mut out, &[name.len() as u16, 6 + padding as u16]);
        out.extend(name);
        u16s(&mut out, &[0xD935, 2 + padding as u16, 64]);
        out.resize(out.len() + padding, 0);
        out.extend(&entry.bytes);
        directory.extend(b"PK\x01\x02");
        u16s(&mut directory, &[0x30A, 10, entry.flags, entry.method, 0, 0x21]);
        u32s(&mut directory, &[crc, said, said]);
        u16s(&mut directory, &[entry.name.len() as u16, 0, entry.comment.len() as u16, 0, 0]);
        u32s(&mut directory, &[0o100_644 << 16, entry.offset.unwrap_or(offset)]);
        directory.extend(entry.name.as_bytes());
        directory.extend(entry.comment.as_bytes());
    }
    let (at, n) = (out.len() as u32, entries.len() as u16);
    let bytes = directory.len() as u32;
    out.extend(directory);
    out.extend(b"PK\x05\x06");
    u16s(&mut out, &[0, 0, n, n]);
    u32s(&mut out, &[bytes, at]);
    u16s(&mut out, &[0]);
    out
}

fn good() -> Vec<u8> {
    to_bytes(&model()).unwrap()
}

/// The entries of a model's file.
fn parts_of(package: &tidemill_package::Package) -> Vec<Raw> {
    let bytes = to_bytes(package).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let entry = |i| {
        let mut entry = archive.by_index(i).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        raw(&entry.name().unwrap(), bytes)
    };
    (0..6).map(entry).collect()
}

fn parts() -> Vec<Raw> {
    parts_of(&model())
}

/// The good file after a change of its entries.
fn changed(change: impl FnOnce(&mut Vec<Raw>)) -> Vec<u8> {
    let mut parts = parts();
    change(&mut parts);
    zip(&parts)
}

fn manifest(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    changed(|parts| {
        let mut manifest: Value = serde_json::from_slice(&parts[0].bytes).unwrap();
        change(&mut manifest);
        parts[0].bytes = serde_json::to_vec_pretty(&manifest).unwrap();
    })
}

/// The good file with this text in place of what is said about the model.
fn about(text: &str) -> Vec<u8> {
    changed(|parts| {
        let mut manifest: Value = serde_json::from_slice(&parts[0].bytes).unwrap();
        manifest["about"] = json!("HERE");
        parts[0].bytes = manifest.to_string().replace("\"HERE\"", text).into_bytes();
    })
}

/// The good file with other bytes in one entry, which the manifest vouches for.
fn vouched(name: &str, bytes: impl Into<Vec<u8>>) -> Vec<u8> {
    changed(|parts| vouch(parts, name, bytes.into()))
}

fn vouch(parts: &mut Vec<Raw>, name: &str, bytes: Vec<u8>) {
    let mut manifest: Value = serde_json::from_slice(&parts[0].bytes).unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    manifest["entries"][name] = json!({ "sha256": digest, "bytes": bytes.len() });
    parts[0].bytes = serde_json::to_vec_pretty(&manifest).unwrap();
    match parts.iter_mut().find(|p| p.name == name) {
        Some(part) => part.bytes = bytes,
        None => parts.push(raw(name, bytes)),
    }
}

/// A `tensors.safetensors` of this header and so many bytes behind it.
fn tensors(header: &str, bytes: usize) -> Vec<u8> {
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out.resize(out.len() + bytes, 0);
    vouched("tensors.safetensors", out)
}

fn state(json: &str) -> Vec<u8> {
    vouched("state.json", json)
}

#[test]
fn the_second_writer_agrees_with_the_first() {
    assert_eq!(zip(&parts()), good());
    assert_eq!(vouched("card.md", model().card), good());
}

#[test]
fn every_truncation_is_refused() {
    let good = good();
    for length in 0..good.len() {
        let error = from_bytes(&good[..length]).expect_err("a truncated model was read");
        assert!(["model_not_a_model", "model_damaged"].contains(&error.code()), "{length}: {error}");
    }
}

#[test]
fn every_changed_byte_is_refused() {
    let mut bytes = good();
    for at in 0..bytes.len() {
        for change in [0x01, 0x80, 0xFF] {
            bytes[at] ^= change;
            assert!(from_bytes(&bytes).is_err(), "byte {at} changed by {change:#x} went unseen");
            bytes[at] ^= change;
        }
    }
    assert_eq!(bits(&from_bytes(&bytes).unwrap().state), bits(&model().state));
}

#[test]
fn every_removed_doubled_or_swapped_block_is_refused() {
    let good = good();
    for at in (0..good.len() - 64).step_by(16) {
        let removed = [&good[..at], &good[at + 64..]].concat();
        let doubled = [&good[..at + 64], &good[at..]].concat();
        assert!(from_bytes(&removed).is_err() && from_bytes(&doubled).is_err(), "block at {at}");
    }
}

/// The error's code, and a word that its message must hold.
type Expected = (&'static str, &'static str);
const DAMAGED: &str = "model_damaged";

fn containers() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let flag = |set: fn(&mut Raw)| changed(|parts| set(&mut parts[3]));
    vec![
        ("empty", vec![], ("model_not_a_model", "empty")),
        ("text", b"a,b\n1,2\n".to_vec(), ("model_not_a_model", "text")),
        ("no entries", zip(&[]), ("model_not_a_model", "")),
        ("rubbish before", [b"#!".as_slice(), &good()].concat(), ("model_not_a_model", "")),
        ("rubbish after", [good().as_slice(), b"\n"].concat(), (DAMAGED, "added")),
        ("two files in one", [good(), good()].concat(), (DAMAGED, "length")),
        ("compressed", flag(|p| p.method = 8), (DAMAGED, "compressed")),
        ("encrypted", flag(|p| p.flags = 1), (DAMAGED, "encrypted")),
        ("lengths after the data", flag(|p| p.flags = 8), (DAMAGED, "directory")),
        ("comment", flag(|p| p.comment = "hi"), (DAMAGED, "directory")),
        ("other local name", flag(|p| p.local_name = Some("recipe.tomx".into())), (DAMAGED, "disagrees")),
        ("other local length", flag(|p| p.local_bytes = Some(1)), (DAMAGED, "disagrees")),
        ("other local checksum", flag(|p| p.local_crc = Some(1)), (DAMAGED, "disagrees")),
        ("longer than the file", flag(|p| p.bytes_said = Some(u32::MAX)), (DAMAGED, "longer")),
        ("reaches into the next", flag(|p| p.bytes_said = Some(200)), (DAMAGED, "checksum")),
        ("offset past the end", flag(|p| p.offset = Some(u32::MAX)), (DAMAGED, "overlaps")),
        ("two entries on the same bytes", flag(|p| p.offset = Some(0)), (DAMAGED, "overlaps")),
        ("twice", changed(|parts| parts.push(raw("card.md", "x"))), (DAMAGED, "twice")),
        ("unlisted", changed(|parts| parts.push(raw("zz.bin", "x"))), (DAMAGED, "list")),
        ("missing", changed(|parts| drop(parts.remove(1))), (DAMAGED, "missing")),
        ("out of order", changed(|parts| parts.swap(2, 3)), (DAMAGED, "order")),
        ("manifest not first", changed(|parts| parts.swap(0, 1)), (DAMAGED, "first")),
        ("path up", vouched("../evil", "x"), (DAMAGED, "name")),
        ("path down", vouched("a/b", "x"), (DAMAGED, "name")),
        ("absolute path", vouched("/etc/passwd", "x"), (DAMAGED, "name")),
        ("backslash", vouched("a\\b", "x"), (DAMAGED, "name")),
        ("no name", vouched("", "x"), (DAMAGED, "name")),
        (
            "too many entries",
            zip(&(0..65).map(|i| raw(&format!("e{i}"), "")).collect::<Vec<_>>()),
            ("model_too_large", "64"),
        ),
        ("gap before the directory", gap(), (DAMAGED, "no entry")),
    ]
}

/// Bytes between the last entry and the directory, with an end that accounts for them.
fn gap() -> Vec<u8> {
    let mut bytes = good();
    let at = bytes.len() - 6;
    let directory = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    bytes[at..at + 4].copy_from_slice(&(directory + 64).to_le_bytes());
    bytes.splice(directory as usize..directory as usize, [0; 64]);
    bytes
}

fn contents() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let other =
        |name: &str| changed(|parts| parts.iter_mut().find(|p| p.name == name).unwrap().bytes.push(b' '));
    let deep = "[".repeat(100_000);
    let tall = |n| format!("{}{}", r#"{"kind":"x","version":1,"children":["#.repeat(n), "]}".repeat(n));
    let typed = |dtype: &str, shape: &str, end: usize| {
        format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}}}"#)
    };
    vec![
        ("altered card", other("card.md"), (DAMAGED, "SHA-256")),
        ("altered state", other("state.json"), (DAMAGED, "SHA-256")),
        ("altered extra", other("metrics.json"), (DAMAGED, "SHA-256")),
        ("manifest is not JSON", changed(|parts| parts[0].bytes = b"nope".to_vec()), (DAMAGED, "line 1")),
        ("manifest is a list", changed(|parts| parts[0].bytes = b"[]".to_vec()), (DAMAGED, "manifest")),
        ("manifest too deep", about(&deep), (DAMAGED, "recursion")),
        ("unknown key", manifest(|m| m["surprise"] = json!(1)), (DAMAGED, "surprise")),
        ("missing key", manifest(|m| drop(m.as_object_mut().unwrap().remove("about"))), (DAMAGED, "about")),
        ("negative format", manifest(|m| m["format"] = json!(-1)), (DAMAGED, "-1")),
        ("two columns of one name", manifest(|m| m["input"][1] = m["input"][0].clone()), (DAMAGED, "mass")),
        (
            "one category twice",
            manifest(|m| m["output"][0]["categories"][1] = json!("Adelie")),
            (DAMAGED, "'prediction' has one category twice"),
        ),
        (
            "fewer names than numbers",
            manifest(|m| m["input"][1]["parts"] = json!(["a"])),
            (DAMAGED, "each number"),
        ),
        (
            "endless vector",
            manifest(|m| m["output"][1]["kind"]["vector"]["len"] = json!(u64::MAX)),
            (DAMAGED, "vector"),
        ),
        ("lost state", vouched("state.json", ""), (DAMAGED, "state.json")),
        ("card is not text", vouched("card.md", [0xFF, 0xFE]), (DAMAGED, "UTF-8")),
        ("recipe is not text", vouched("recipe.toml", [0xC3, 0x28]), (DAMAGED, "UTF-8")),
        ("state too deep for JSON", state(&deep), (DAMAGED, "state.json")),
        ("parts too deep", state(&tall(25)), ("model_too_large", "24")),
        ("parts far too deep", state(&tall(100_000)), (DAMAGED, "recursion")),
        ("unknown key in a part", state(r#"{"kind":"x","version":1,"code":"rm"}"#), (DAMAGED, "code")),
        ("tensor nobody names", state(r#"{"kind":"x","version":1}"#), (DAMAGED, "no part")),
        (
            "named tensor is not there",
            state(r#"{"kind":"x","version":1,"tensors":["w"]}"#),
            (DAMAGED, "'w' is missing"),
        ),
        ("no tensors at all", vouched("tensors.safetensors", ""), (DAMAGED, "tensors")),
        (
            "tensor list longer than the file",
            vouched("tensors.safetensors", u64::MAX.to_le_bytes()),
            ("model_too_large", "list"),
        ),
        (
            "tensor list a little longer than the file",
            vouched("tensors.safetensors", 9u64.to_le_bytes()),
            (DAMAGED, "header length"),
        ),
        ("tensor list is not JSON", tensors("{", 0), (DAMAGED, "JSON")),
        (
            "shape that overflows",
            tensors(&typed("F64", "[4294967296,4294967296,2]", 8), 8),
            (DAMAGED, "overflow"),
        ),
        ("shape larger than its bytes", tensors(&typed("F64", "[1000000000]", 8), 8), (DAMAGED, "shape")),
        ("bytes past the end", tensors(&typed("U8", "[64]", 64), 8), (DAMAGED, "covered")),
        ("bytes nobody owns", tensors(&typed("U8", "[8]", 8), 16), (DAMAGED, "covered")),
        (
            "offsets backwards",
            tensors(r#"{"w":{"dtype":"U8","shape":[0],"data_offsets":[8,0]}}"#, 8),
            (DAMAGED, "offset"),
        ),
        (
            "tensors that share bytes",
            tensors(
                r#"{"w":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"v":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}"#,
                8,
            ),
            (DAMAGED, "offset"),
        ),
    ]
}

#[test]
fn the_corpus_of_broken_files_is_refused_in_words() {
    let mut faults = Vec::new();
    for (name, bytes, (code, word)) in containers().into_iter().chain(contents()) {
        let error = from_bytes(&bytes).expect_err(name);
        if error.code() != code || !error.to_string().contains(word) || error.remedy().is_none() {
            faults.push(format!("{name}: {error} ({})", error.code()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let peak = peak_bytes();
    assert!(peak < 2 << 30, "lies about lengths made the tests map {peak} bytes");
}

#[test]
fn a_type_that_no_model_has_is_refused() {
    let header = r#"{"w":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0; 8]);
    let mut package = model();
    package.state = tidemill_core::State::new("x", 1, ()).floats("w", &[1.0]);
    let mut parts = parts_of(&package);
    vouch(&mut parts, "tensors.safetensors", bytes);
    let error = from_bytes(&zip(&parts)).unwrap_err();
    assert!(error.to_string().contains("F16"), "{error}");
}

#[test]
fn a_newer_format_says_both_versions_whatever_else_is_new() {
    let mut newer = parts();
    newer[0].bytes = br#"{"format":7,"written_by":"tidemill 9.1.0","layout":"all new"}"#.to_vec();
    newer[1].name = "Other/Name".into();
    let error = from_bytes(&zip(&newer)).unwrap_err();
    assert!(matches!(error, Error::TooNew { found: 7, newest: FORMAT, .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("tidemill 9.1.0") && message.contains(tidemill_package::WRITER), "{message}");
    assert!(error.remedy().unwrap().contains("newer tidemill"));
}

/// The most address space this process ever had: a great allocation shows even when its pages were never touched.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    let kib = peak.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

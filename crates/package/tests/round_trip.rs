//! What is written is what is read, bit for bit, and one package has one form in bytes.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::common::{bits, model};
use proptest::prelude::*;
use serde_json::Value;
use tidemill_core::{Coded, State, Tensor, TensorData};
use tidemill_package::{Error, Info, Package, from_bytes, limits, open, read, to_bytes, write};

fn golden(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/format{format}.tidemill"))
}

/// Both golden files hold the same model.
fn check_golden((package, info): (Package, Info), format: u32, sha256: &str) {
    assert_eq!(package.manifest.format, format);
    assert_eq!(bits(&package.state), bits(&model().state));
    assert_eq!(
        (package.recipe, package.card, package.extras),
        (model().recipe, model().card, model().extras)
    );
    assert_eq!(package.manifest.about, model().manifest.about);
    assert_eq!(package.manifest.input, model().manifest.input);
    assert_eq!(package.manifest.output, model().manifest.output);
    // Written down when the file was made: a change of any byte changes it.
    assert_eq!(info.sha256, sha256);
}

#[test]
fn the_golden_file_of_format_0_reads_as_ever() {
    check_golden(
        open(&golden(0)).unwrap(),
        0,
        "917ddde73fbee3c13fc48c9cd9493eef0c0ba80a6a9e2d8522a9a24eb081edaf",
    );
}

#[test]
fn the_golden_file_of_format_1_reads_as_ever_and_is_what_is_written() {
    if std::env::var_os("TIDEMILL_BLESS").is_some() && !golden(1).exists() {
        fs::write(golden(1), to_bytes(&model()).unwrap()).unwrap();
    }
    check_golden(
        open(&golden(1)).unwrap(),
        1,
        "81f110451a464285e50fbf8a4e57e743c50f4b2f653787e63d28e03f2401fa21",
    );
    assert_eq!(fs::read(golden(1)).unwrap(), to_bytes(&model()).unwrap());
}

#[test]
fn schemas_survive() {
    let package = from_bytes(&to_bytes(&model()).unwrap()).unwrap();
    let (input, output) =
        (package.manifest.input_schema().unwrap(), package.manifest.output_schema().unwrap());
    assert_eq!(input.column("codes").unwrap().source(), "island");
    assert_eq!(output.column("probability").unwrap().categories().unwrap().name(1), "Chinstrap");
    assert_eq!(tidemill_package::Manifest::new(Value::Null, &input, &output).input, package.manifest.input);
}

#[test]
fn another_zip_reader_finds_the_same_entries_aligned() {
    let bytes = to_bytes(&model()).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    let expected =
        ["manifest.json", "card.md", "metrics.json", "recipe.toml", "state.json", "tensors.safetensors"];
    assert_eq!(names, expected);
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).unwrap();
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        assert_eq!(entry.data_start().unwrap() % 64, 0, "{:?}", entry.name());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if entry.name().unwrap() == "card.md" {
            assert_eq!(content, model().card.as_bytes());
        }
    }
}

#[test]
fn writing_replaces_whole_files_and_leaves_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.tidemill");
    fs::write(&path, "an older model").unwrap();
    let written = write(&path, &model()).unwrap();
    let (package, found) = open(&path).unwrap();
    assert_eq!(written, found);
    assert_eq!(found.bytes, fs::metadata(&path).unwrap().len());
    assert_eq!(bits(&read(&path).unwrap().state), bits(&package.state));
    // A name that cannot be taken: a folder is there.
    let taken = folder.path().join("taken");
    fs::create_dir_all(taken.join("full")).unwrap();
    let error = write(&taken, &model()).unwrap_err();
    assert_eq!(error.code(), "model_io");
    let missing = folder.path().join("no").join("model.tidemill");
    let error = write(&missing, &model()).unwrap_err();
    assert!(error.to_string().contains("model.tidemill"), "{error}");
    assert!(error.remedy().unwrap().contains("folder exists"), "{:?}", error.remedy());
    let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["model.tidemill", "taken"]);
}

#[cfg(unix)]
#[test]
fn others_may_read_what_the_umask_lets_them() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (ours, plain) = (folder.path().join("m.tidemill"), folder.path().join("plain"));
    write(&ours, &model()).unwrap();
    fs::write(&plain, "").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(ours), mode(plain));
}

#[test]
fn what_no_reader_would_take_is_not_written() {
    let unwritable = |package| matches!(to_bytes(&package), Err(Error::Unwritable { .. }));
    for name in
        ["manifest.json", "card.md", "../up", "a/b", "/abs", "", "A.json", "a..b", "é", &"a".repeat(65)]
    {
        assert!(unwritable(model().with_extra(name, "")), "{name}");
    }
    let mut package = model();
    package.state = State::new("x", 1, ()).tensor("w", vec![2, 2], TensorData::U8(vec![1, 2, 3]));
    assert!(unwritable(package.clone()), "shape");
    package.state = State::new("x", 1, ()).tensor("w", vec![usize::MAX, 2], TensorData::U8(vec![]));
    assert!(unwritable(package.clone()), "shape that overflows");
    package.state =
        State::new("x", 1, ()).floats("0.w", &[1.0]).child(State::new("y", 1, ()).floats("w", &[1.0]));
    assert!(unwritable(package.clone()), "two tensors of one name");
    package.state = State::new("x", 1, ()).floats("__metadata__", &[1.0]);
    assert!(unwritable(package), "reserved name");
    let mut package = model();
    package.manifest.input.push(package.manifest.input[0].clone());
    assert!(unwritable(package), "two columns of one name");
}

#[test]
fn depth_is_bounded_where_written_and_what_is_written_can_be_read() {
    let nested = |depth| (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    let tree = |depth, params: Value| {
        let leaf = State::new("leaf", 1, params);
        (1..depth).fold(leaf, |inner, _| State::new("part", 1, ()).child(inner))
    };
    let mut package = model();
    package.state = tree(limits::STATE_DEPTH, nested(limits::VALUE_DEPTH));
    package.manifest.about = nested(limits::VALUE_DEPTH);
    assert_eq!(from_bytes(&to_bytes(&package).unwrap()).unwrap().state, package.state);
    let deep = |state, about| {
        let mut package = model();
        (package.state, package.manifest.about) = (state, about);
        to_bytes(&package).unwrap_err().code()
    };
    assert_eq!(deep(tree(limits::STATE_DEPTH + 1, Value::Null), Value::Null), "model_unwritable");
    assert_eq!(deep(tree(1, nested(limits::VALUE_DEPTH + 1)), Value::Null), "model_unwritable");
    assert_eq!(deep(tree(1, Value::Null), nested(limits::VALUE_DEPTH + 1)), "model_unwritable");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,5}", inner), 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn tensor() -> impl Strategy<Value = Tensor> {
    (prop::collection::vec(0usize..4, 0..4), 0..5, any::<u64>()).prop_map(|(shape, sort, seed)| {
        let n: usize = shape.iter().product();
        // Any bits at all: every NaN, every infinity.
        let bits = (0..n as u64).map(|i| (seed ^ i).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let data = match sort {
            0 => TensorData::F64(bits.map(f64::from_bits).collect()),
            1 => TensorData::F32(bits.map(|b| f32::from_bits(b as u32)).collect()),
            2 => TensorData::U32(bits.map(|b| b as u32).collect()),
            3 => TensorData::I64(bits.map(|b| b as i64).collect()),
            _ => TensorData::U8(bits.map(|b| b as u8).collect()),
        };
        Tensor { shape, data }
    })
}

fn state() -> impl Strategy<Value = State> {
    let tensors = prop::collection::btree_map("[a-zé_][a-z_.é]{0,6}", tensor(), 0..3);
    let leaf = (".{0,6}", any::<u32>(), value(), tensors).prop_map(|(kind, version, params, tensors)| {
        State { kind, version, params, tensors, children: vec![] }
    });
    leaf.prop_recursive(4, 12, 3, |inner| {
        (inner.clone(), prop::collection::vec(inner, 0..3))
            .prop_map(|(state, children)| State { children, ..state })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_state_survives(state in state(), card in ".{0,40}", extra in any::<Vec<u8>>()) {
        let mut package = model().with_extra("sketch-1.bin", extra);
        (package.state, package.card) = (state, card);
        let bytes = to_bytes(&package).unwrap();
        let back = from_bytes(&bytes).unwrap();
        prop_assert_eq!(bits(&back.state), bits(&package.state));
        prop_assert_eq!((&back.card, &back.extras), (&package.card, &package.extras));
        prop_assert_eq!(to_bytes(&back).unwrap(), bytes);
    }

    #[test]
    fn any_bytes_are_an_error(bytes in any::<Vec<u8>>()) {
        prop_assert!(from_bytes(&bytes).is_err());
        let begun = [b"PK\x03\x04".as_slice(), &bytes].concat();
        prop_assert!(from_bytes(&begun).is_err());
    }
}

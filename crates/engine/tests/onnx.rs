//! Trees of scikit-learn in ONNX files (`import/onnx.py`): taken over, they answer as onnxruntime does; what is broken in a file
//! or not trees is said, never followed.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tidemill_core::{Context, Role};
use tidemill_engine::explain::{self, Method};
use tidemill_engine::import::{Asked, Import, import};
use tidemill_engine::model::{self, Opened};
use tidemill_engine::{builtin, rows};
use tidemill_kernel::Random;

#[derive(Deserialize)]
struct Reference {
    answers: Vec<Vec<f64>>,
    classes: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

fn context() -> Context {
    Context::new(0, 1, Arc::new(builtin::registry()))
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("onnx-{name}.onnx"))).unwrap()
}

fn asked(name: &str) -> Asked {
    let columns: &[&str] = if name == "columns" { &[] } else { &["a", "b", "c", "d"] };
    Asked { columns: columns.iter().map(|name| (*name).into()).collect(), ..Asked::default() }
}

fn taken(bytes: &[u8], asked: &Asked) -> Result<Import, String> {
    import(bytes, "the file", asked, &context())
        .map_err(|e| format!("{e} | {}", e.remedy().unwrap_or_default()))
}

fn opened(name: &str) -> Opened {
    let package = taken(&bytes(name), &asked(name)).unwrap().package("# A card".into()).unwrap();
    model::of_package(package, &context()).unwrap()
}

#[test]
fn answers_are_those_of_onnxruntime() {
    let text = std::fs::read(folder().join("onnx.json")).unwrap();
    let reference: BTreeMap<String, Reference> = serde_json::from_slice(&text).unwrap();
    assert_eq!(reference.len(), 9);
    for (name, theirs) in reference {
        let opened = opened(&name);
        assert_eq!(opened.provenance.classes, theirs.classes, "{name}");
        let source = rows::open(&folder().join("onnx.csv").to_string_lossy()).unwrap();
        let said = opened.model.answer(&*source, &[Role::Prediction, Role::Probability]).unwrap();
        let ours: Vec<Vec<f64>> = match said.schema().role(Role::Probability) {
            None => said.numbers(0).unwrap().values().iter().map(|x| vec![*x]).collect(),
            Some(at) => {
                let all = said.probabilities(at).unwrap();
                let each = all.chunks(all.len() / said.n_rows());
                each.map(|row| if row.len() == 2 { vec![row[1]] } else { row.to_vec() }).collect()
            }
        };
        assert_eq!(ours.len(), theirs.answers.len(), "{name}");
        for (i, (ours, theirs)) in ours.iter().zip(&theirs.answers).enumerate() {
            assert_eq!(ours.len(), theirs.len(), "{name}, row {i}");
            for (a, b) in ours.iter().zip(theirs) {
                assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{name}, row {i}: {a}, not {b}");
            }
        }
    }
}

/// Such a file does not say how many training rows went which way, so rows of a background stand for them. Of four columns every
/// coalition can be asked about, by the definition of Shapley values.
#[test]
fn their_answers_are_explained_exactly_against_a_background() {
    let desk = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(folder().join("onnx.csv")).unwrap();
    let few: Vec<&str> = text.lines().take(1 + 20).collect();
    std::fs::write(desk.path().join("few.csv"), few.join("\n")).unwrap();
    let open = |path: PathBuf| rows::open(&path.to_string_lossy()).unwrap();
    let (source, background) = (open(folder().join("onnx.csv")), open(desk.path().join("few.csv")));
    for name in ["forest-number", "boosted-number"] {
        let opened = opened(name);
        let explained = |method: Option<Method>| {
            let asked = explain::Asked { rows: vec![25, 40, 60], method, ..explain::Asked::default() };
            explain::explain(&opened, &*source, Some(&*background), &asked, &context()).unwrap()
        };
        let (found, exact) = (explained(None), explained(Some(Method::PermutationShap)));
        assert_eq!(found.method, Method::InterventionalTreeShap);
        assert!((found.base[0] - exact.base[0]).abs() < 1e-9, "{name}");
        for (ours, wanted) in found.rows.iter().zip(&exact.rows) {
            for (at, column) in found.columns.iter().enumerate() {
                let place = exact.columns.iter().position(|known| known == column).unwrap();
                let (a, b) = (ours.values[0][at], wanted.values[0][place]);
                assert!((a - b).abs() < 1e-9, "{name}, {column}: {a}, not {b}");
            }
        }
        // Only trees that know what their training rows did are explained by those.
        let asked = explain::Asked { method: Some(Method::TreeShap), ..explain::Asked::default() };
        assert!(explain::explain(&opened, &*source, None, &asked, &context()).is_err());
    }
}

#[test]
fn names_are_those_of_the_file_or_those_told() {
    let facts = taken(&bytes("columns"), &Asked::default()).unwrap().facts;
    let names: Vec<&str> = facts.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((facts.program, names), ("ONNX", vec!["a", "b", "c", "d"]));
    let facts = taken(&bytes("boosted-two"), &Asked::default()).unwrap().facts;
    assert_eq!((facts.classes, facts.columns[3].0.as_str()), (vec!["no".to_string(), "yes".into()], "f3"));
    let few = Asked { columns: vec!["a".into()], ..Asked::default() };
    let said = taken(&bytes("boosted-two"), &few).err().unwrap();
    assert!(said.contains("names 1 columns, but the model reads 4"), "{said}");
}

#[test]
fn other_operators_are_refused_by_name() {
    for (name, operator) in [("scaled", "'Scaler'"), ("linear", "'LinearClassifier'")] {
        let said = taken(&bytes(name), &Asked::default()).err().unwrap();
        assert!(said.contains(operator) && said.contains("trees alone"), "{said}");
    }
}

#[test]
fn broken_files_are_refused_and_never_followed() {
    let whole = bytes("boosted-two");
    for end in (0..whole.len()).step_by(97) {
        let said = taken(&whole[..end], &Asked::default()).err().unwrap();
        assert!(said.starts_with("the file"), "cut at {end}: {said}");
    }
    let mut random = Random::new(3, 0);
    for _ in 0..400 {
        let mut broken = whole.clone();
        for _ in 0..3 {
            let at = (random.unit() * broken.len() as f64) as usize;
            broken[at] = (random.unit() * 256.0) as u8;
        }
        // Whatever stands there, it is a model or an error.
        drop(taken(&broken, &Asked::default()));
    }
}

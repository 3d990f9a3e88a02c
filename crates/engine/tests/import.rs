//! Models that LightGBM and XGBoost themselves made (`import/make.py`): taken over, they answer and explain as their programs do;
//! and what is broken in a file is said, never followed.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tidemill_core::{Context, Role};
use tidemill_engine::explain::{self, Explained};
use tidemill_engine::import::{Asked, Import, import};
use tidemill_engine::model::{self, Opened};
use tidemill_engine::{builtin, rows};
use tidemill_kernel::Random;

/// What a program says of its own model.
#[derive(Deserialize)]
struct Reference {
    rows: String,
    /// By row: a number, the chance of the second of two classes, or that of each class.
    answers: Vec<Vec<f64>>,
    /// By row and output: what each of a, b, c and k adds, then the base.
    contributions: Vec<Vec<Vec<f64>>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

fn context() -> Context {
    Context::new(0, 1, Arc::new(builtin::registry()))
}

fn reference() -> BTreeMap<String, Reference> {
    let text = std::fs::read(folder().join("reference.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(folder().join(file)).unwrap()
}

fn taken(bytes: &[u8], asked: &Asked) -> Result<Import, String> {
    import(bytes, "the file", asked, &context())
        .map_err(|e| format!("{e} | {}", e.remedy().unwrap_or_default()))
}

fn opened(bytes: &[u8]) -> Opened {
    let package = taken(bytes, &Asked::default()).unwrap().package("# A card".into()).unwrap();
    model::of_package(package, &context()).unwrap()
}

/// A relative bound: the greater of both numbers, at least 1, is what is compared with.
fn near(ours: f64, theirs: f64, within: f64) -> bool {
    (ours - theirs).abs() <= within * theirs.abs().max(1.0)
}

fn answers(opened: &Opened, file: &str) -> Vec<Vec<f64>> {
    let source = rows::open(&folder().join(file).to_string_lossy()).unwrap();
    let said = opened.model.answer(&*source, &[Role::Prediction, Role::Probability]).unwrap();
    let n = said.n_rows();
    match said.schema().role(Role::Probability) {
        None => said.numbers(0).unwrap().values().iter().map(|x| vec![*x]).collect(),
        Some(at) => {
            let all = said.probabilities(at).unwrap();
            let each = all.chunks(all.len() / n);
            each.map(|row| if row.len() == 2 { vec![row[1]] } else { row.to_vec() }).collect()
        }
    }
}

fn explained(opened: &Opened, file: &str) -> Explained {
    let source = rows::open(&folder().join(file).to_string_lossy()).unwrap();
    explain::explain(opened, &*source, None, &explain::Asked::default(), &context()).unwrap()
}

#[test]
fn answers_are_those_of_the_programs_themselves() {
    for (file, theirs) in reference() {
        let ours = answers(&opened(&bytes(&file)), &theirs.rows);
        assert_eq!(ours.len(), theirs.answers.len(), "{file}");
        // XGBoost answers in 32 bits.
        let within = if file.starts_with("xgboost") { 1e-6 } else { 1e-12 };
        for (i, (ours, theirs)) in ours.iter().zip(&theirs.answers).enumerate() {
            assert_eq!(ours.len(), theirs.len(), "{file}, row {i}");
            for (a, b) in ours.iter().zip(theirs) {
                assert!(near(*a, *b, within), "{file}, row {i}: {a}, not {b}");
            }
        }
    }
}

#[test]
fn explanations_are_those_of_the_programs_themselves() {
    for (file, theirs) in reference() {
        let ours = explained(&opened(&bytes(&file)), &theirs.rows);
        let within = if file.starts_with("xgboost") { 2e-6 } else { 1e-9 };
        for (row, theirs) in ours.rows.iter().zip(&theirs.contributions) {
            for (output, theirs) in theirs.iter().enumerate() {
                assert!(near(ours.base[output], theirs[4], within), "{file}: base {}", ours.base[output]);
                for (column, theirs) in ["a", "b", "c", "k"].iter().zip(theirs) {
                    let place = ours.columns.iter().position(|name| name == column);
                    // A column that no tree asks about adds nothing.
                    let value = place.map_or(0.0, |at| row.values[output][at]);
                    assert!(
                        near(value, *theirs, within),
                        "{file}, row {}, {column}: {value}, not {theirs}",
                        row.row
                    );
                }
            }
        }
    }
}

#[test]
fn a_model_says_where_it_came_from_and_what_its_classes_are_called() {
    let asked = Asked {
        target: Some("left".into()),
        classes: vec!["stays".into(), "leaves".into()],
        ..Asked::default()
    };
    let taken = taken(&bytes("lightgbm-binary.txt"), &asked).unwrap();
    assert_eq!((taken.facts.program, taken.facts.trees, taken.facts.columns.len()), ("LightGBM", 8, 4));
    let opened = model::of_package(taken.package(String::new()).unwrap(), &context()).unwrap();
    let from = opened.provenance.imported.unwrap();
    assert_eq!((from.objective.as_str(), from.file.as_str()), ("binary", "the file"));
    assert_eq!(opened.provenance.classes, ["stays", "leaves"]);
    let ranges = opened.model.intake().unwrap().plan().column("a").unwrap().range;
    assert!(ranges.is_some_and(|[low, high]| low < -2.0 && high > 2.0), "{ranges:?}");
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let classes = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
    let cases = [
        ("lightgbm-binary.txt", None, classes(&["one"]), "names 1 classes, but the model has 2"),
        ("lightgbm-binary.txt", None, classes(&["a", "a"]), "names 'a' twice"),
        ("lightgbm-regression.txt", None, classes(&["a", "b"]), "predicts numbers"),
        ("lightgbm-binary.txt", Some("c".to_string()), vec![], "'c' is one of the columns"),
    ];
    for (file, target, classes, wanted) in cases {
        let said = taken(&bytes(file), &Asked { target, classes, ..Asked::default() }).err().unwrap();
        assert!(said.contains(wanted), "{file}: {said}");
    }
}

/// A file with one thing in it changed, and what must be said.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    ("lightgbm-binary.txt", "end of trees", "end of", "cut short"),
    ("lightgbm-binary.txt", "objective=binary sigmoid:1", "objective=magic", "line 7: the objective 'magic'"),
    ("lightgbm-binary.txt", "objective=binary sigmoid:1", "objective=binary sigmoid:0", "'sigmoid:0'"),
    ("lightgbm-binary.txt", "max_feature_idx=3", "max_feature_idx=18446744073709551615", "line 8: 4 names"),
    ("lightgbm-binary.txt", "num_tree_per_iteration=1", "num_tree_per_iteration=3", "3 trees in each round"),
    ("lightgbm-binary.txt", "num_leaves=8", "num_leaves=800000000000", "has 8 values, not 800000000000"),
    ("lightgbm-binary.txt", "num_leaves=8", "num_leaves=0", "a tree without leaves"),
    ("lightgbm-binary.txt", "num_leaves=8", "num_leaves=-8", "'num_leaves' holds '-8'"),
    ("lightgbm-binary.txt", "is_linear=0", "is_linear=1", "linear functions"),
    ("lightgbm-binary.txt", "Tree=1\n", "Tree=7\n", "tree number 1 is called '7'"),
    ("lightgbm-binary.txt", "\nleft_child=1 ", "\nleft_child=0 ", "two ways lead to node 0"),
    ("lightgbm-binary.txt", "\nleft_child=1 ", "\nleft_child=99 ", "a child is 99"),
    (
        "lightgbm-binary.txt",
        "\nleft_child=1 ",
        "\nleft_child=-9223372036854775808 ",
        "a child is -9223372036854775808",
    ),
    ("lightgbm-binary.txt", "\nsplit_feature=", "\nsplit_feature=9 ", "has 8 values, not 7"),
    ("lightgbm-binary.txt", "\nleaf_value=", "\nleaf_value=nan ", "has 9 values, not 8"),
    ("lightgbm-binary.txt", "\ncat_boundaries=0 ", "\ncat_boundaries=5 ", "set of categories"),
    (
        "lightgbm-binary.txt",
        "pandas_categorical:[[",
        "pandas_categorical:[[\"x\"],[",
        "the names of 3 columns",
    ),
    ("lightgbm-binary.txt", "pandas_categorical:[[", "pandas_categorical:[", "pandas_categorical"),
    ("lightgbm-regression.txt", "objective=regression", "objective=regression sqrt", "square root"),
    (
        "xgboost-binary.json",
        "\"left_children\":[1,",
        "\"left_children\":[0,",
        "'trees[0]': two ways lead to node 0",
    ),
    ("xgboost-binary.json", "\"left_children\":[1,", "\"left_children\":[99999,", "a child is node 99999"),
    ("xgboost-binary.json", "\"left_children\":[1,", "\"left_children\":[-7,", "a child is node -7"),
    ("xgboost-binary.json", "\"left_children\":[1,", "\"left_children\":[1.5,", "trees[0].left_children[0]"),
    ("xgboost-binary.json", "\"left_children\":[", "\"left_children\":[1,", "entries of right_children"),
    ("xgboost-binary.json", "\"split_indices\":[", "\"split_indices\":[7000000,", "entries of split_indices"),
    (
        "xgboost-binary.json",
        "\"num_feature\":\"4\",\"num_target\"",
        "\"num_feature\":\"3\",\"num_target\"",
        "4 feature_names for 3",
    ),
    ("xgboost-binary.json", "\"num_target\":\"1\"", "\"num_target\":\"2\"", "several targets"),
    ("xgboost-binary.json", "\"base_score\":\"", "\"base_score\":\"x", "is not a base score"),
    ("xgboost-binary.json", "binary:logistic", "binary:magic", "the objective 'binary:magic'"),
    ("xgboost-binary.json", "\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"3\"", "multi_output_tree"),
    (
        "xgboost-binary.json",
        "\"categories_sizes\":[",
        "\"categories_sizes\":[9999999,",
        "sets of categories are not whole",
    ),
    ("xgboost-binary.json", "\"offsets\":[0,", "\"offsets\":[-5,", "names of categories"),
    ("xgboost-binary.json", "\"name\":\"gbtree\"", "\"name\":\"gblinear\"", "linear model"),
    ("xgboost-binary.json", "\"tree_info\":[0,", "\"tree_info\":[7,", "adds to output 7"),
    ("xgboost-binary.json", "\"sum_hessian\":[", "\"sum_hessian\":{", "sum_hessian"),
    ("xgboost-dart.json", "\"weight_drop\":[", "\"weight_drop\":[1.0,", "entries of weight_drop"),
];

#[test]
fn each_fault_is_named_with_its_place() {
    for (file, from, to, wanted) in BROKEN {
        let good = String::from_utf8(bytes(file)).unwrap();
        assert!(good.contains(from), "{file} has no '{from}'");
        let said = match taken(good.replacen(from, to, 1).as_bytes(), &Asked::default()) {
            Ok(_) => panic!("{file}: '{to}' was taken"),
            Err(said) => said,
        };
        assert!(said.contains(wanted), "{file}, '{to}': {said}");
    }
}

#[test]
fn other_formats_are_told_apart() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "empty"),
        (b"\x80\x04\x95", "pickle"),
        (b"[{\"nodeid\": 0}]", "dump"),
        (b"PK\x03\x04", "archive"),
        (b"binf\0\0", "old binary format"),
        (b"a,b\n1,2\n", "not a model of"),
        (b"{}", "missing field `learner`"),
        (b"{L\0\0\0\0\0\0\0\x07learner[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff", "things without bytes"),
        (b"{L\x7f\xff\xff\xff\xff\xff\xff\xff", "a length of 9223372036854775807"),
        (&[b"{i\x01a".as_slice(), &[b'['; 500]].concat(), "nest deeper than 64"),
        (b"{\"a\":", "EOF"),
    ];
    for (bytes, wanted) in cases {
        let said = taken(bytes, &Asked::default()).err().unwrap();
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn files_that_are_cut_or_damaged_are_refused_or_answer() {
    let mut random = Random::new(3, 0);
    let any = |random: &mut Random, n: usize| (random.unit() * n as f64) as usize;
    for file in
        ["lightgbm-multiclass.txt", "xgboost-codes.json", "xgboost-regression.ubj", "xgboost-dart.json"]
    {
        let good = bytes(file);
        let whole = if file.ends_with("txt") {
            String::from_utf8_lossy(&good).find("end of trees").unwrap()
        } else {
            good.len()
        };
        for cut in (0..whole).step_by(whole / 60) {
            assert!(taken(&good[..cut], &Asked::default()).is_err(), "{file} cut at {cut}");
        }
        for _ in 0..150 {
            let mut damaged = good.clone();
            for _ in 0..1 + any(&mut random, 3) {
                let at = any(&mut random, damaged.len());
                damaged[at] = any(&mut random, 256) as u8;
            }
            // Whatever is taken can be asked.
            if let Ok(taken) = taken(&damaged, &Asked::default()) {
                let opened = model::of_package(taken.package(String::new()).unwrap(), &context()).unwrap();
                let source = rows::open(&folder().join("codes.csv").to_string_lossy()).unwrap();
                let _ = opened.model.answer(&*source, &[Role::Prediction]);
            }
        }
    }
}

//! Integrated gradients of nets: agreement with captum on the same weights (`explain/gradients.py`), and completeness.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tidemill_core::{Chain, Context, Fitted};
use tidemill_engine::explain::{Asked, CellParts, Explained, Method, Part, PartsOf, explain};
use tidemill_engine::links::blend::Blend;
use tidemill_engine::model::Model;
use tidemill_engine::report::text;
use tidemill_engine::report::words::EN;
use tidemill_engine::{builtin, model, rows};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explain")
}

fn explained(name: &str, rows: Vec<u64>, method: Option<Method>) -> Explained {
    let context = Context::new(0, 1, Arc::new(builtin::registry()));
    let file = folder().join(format!("gradients-{name}.tidemill"));
    let opened = model::open(&file, &context).unwrap();
    let source = rows::open(&folder().join("coefficients.csv").to_string_lossy()).unwrap();
    explain(&opened, &*source, None, &Asked { rows, method, ..Asked::default() }, &context).unwrap()
}

#[test]
fn they_agree_with_captum_on_the_same_weights() {
    let wanted: Value =
        serde_json::from_slice(&std::fs::read(folder().join("gradients.json")).unwrap()).unwrap();
    let rows: Vec<u64> = wanted["rows"].as_array().unwrap().iter().map(|row| row.as_u64().unwrap()).collect();
    for name in ["price", "bought"] {
        let found = explained(name, rows.clone(), Some(Method::Gradients));
        let theirs = &wanted[name];
        let points = found.path.unwrap().points.to_string();
        for (row, told) in found.rows.iter().enumerate() {
            for (output, values) in told.values.iter().enumerate() {
                let near = |ours: f64, theirs: &Value| {
                    let theirs = theirs.as_f64().unwrap();
                    assert!(
                        (ours - theirs).abs() < 1e-5 * theirs.abs().max(1.0),
                        "{name}: {ours}, not {theirs}"
                    );
                };
                near(found.base[output], &theirs["base"][output]);
                for (at, column) in theirs["columns"].as_array().unwrap().iter().enumerate() {
                    let place = found.columns.iter().position(|own| column == own).unwrap();
                    near(values[place], &theirs["values"][&points][row][output][at]);
                }
                let gap = (told.totals[output] - theirs["answers"][row][output].as_f64().unwrap()).abs();
                assert!(gap < found.path.unwrap().gap + 1e-4, "{name}: {gap} is missing");
            }
        }
    }
}

#[test]
fn what_is_missing_is_said_and_many_rows_are_explained_by_them() {
    let found = explained("price", vec![1], Some(Method::Gradients));
    assert!(found.path.unwrap().gap < 1e-3 * (found.rows[0].totals[0] - found.base[0]).abs());
    let told = text::explanation(&EN, &found);
    assert!(told.contains("integrated gradients") && told.contains("Complete:"), "{told}");
    // Few rows are sampled; where they are too many for that, gradients need no sampling.
    assert_eq!(explained("price", vec![1], None).method, Method::PermutationShap);
    let many = explained("price", (1..=150).chain(1..=60).collect(), None);
    assert_eq!((many.method, many.rows.len()), (Method::Gradients, 210));
}

/// A blend answers with the weighted mean of its parts: of a net with itself, what the net says.
#[test]
fn gradients_of_a_blend_are_those_of_its_nets() {
    let context = Context::new(0, 1, Arc::new(builtin::registry()));
    let source = rows::open(&folder().join("coefficients.csv").to_string_lossy()).unwrap();
    let asked = Asked { rows: vec![1, 2], method: Some(Method::Gradients), ..Asked::default() };
    let mut opened = model::open(&folder().join("gradients-bought.tidemill"), &context).unwrap();
    let alone = explain(&opened, &*source, None, &asked, &context).unwrap();
    let plan = opened.model.intake().unwrap().plan().clone();
    let (intake, steps) = opened.model.chain.0.split_first().unwrap();
    let part = || Arc::new(Chain(steps.to_vec())) as Arc<dyn Fitted>;
    let blend = Blend::new(vec![part(), part()], &[1.0, 3.0]).unwrap();
    opened.model = Model::new(Chain(vec![intake.clone(), Arc::new(blend)]), &plan).unwrap();
    let blended = explain(&opened, &*source, None, &asked, &context).unwrap();
    assert_eq!((blended.method, &blended.columns), (Method::Gradients, &alone.columns));
    for (a, b) in blended.rows.iter().zip(&alone.rows) {
        assert!(a.values[0].iter().zip(&b.values[0]).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!((a.totals[0] - b.totals[0]).abs() < 1e-12);
    }
}

/// A net that reads pictures, series and texts: its attention is shared among the words of the text, what it sees among the patches of the
/// picture, and Owen values of words and patches sum to their columns and to the answer.
#[test]
fn where_a_net_looks_is_told_of_texts_and_pictures() {
    let context = Context::new(0, 1, Arc::new(builtin::registry()));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let opened = model::open(&golden.join("media-net.tidemill"), &context).unwrap();
    let source = rows::open(&golden.join("media.csv").to_string_lossy()).unwrap();
    let told = |method: Method| {
        let asked = Asked { rows: vec![1, 2, 3], method: Some(method), ..Asked::default() };
        explain(&opened, &*source, None, &asked, &context).unwrap()
    };
    let parts = |found: &Explained, row: usize, column: &str| {
        found.rows[row].parts.iter().find(|cell| cell.column == column).unwrap().clone()
    };
    let text_of = |cell: &CellParts| {
        let words = cell.parts.iter().filter_map(|part| match part {
            Part::Word(word) => Some(word.as_str()),
            Part::Patch(_) => None,
        });
        words.collect::<String>()
    };
    let looked = told(Method::Gradients);
    for row in 0..3 {
        let note = parts(&looked, row, "note");
        assert_eq!(note.what, PartsOf::Attention);
        let at = looked.columns.iter().position(|column| column == "note").unwrap();
        assert_eq!(text_of(&note).trim(), looked.rows[row].cells[at]);
        let shares = &note.values[0];
        assert!(
            (shares.iter().sum::<f64>() - 1.0).abs() < 1e-5 && shares.iter().all(|x| *x > 0.0),
            "{shares:?}"
        );
        let photo = parts(&looked, row, "photo");
        assert_eq!(photo.what, PartsOf::GradCam);
        assert!(photo.values[0].iter().all(|x| *x >= 0.0) && photo.picture.is_some(), "{photo:?}");
        let area: usize =
            photo.parts.iter().map(|part| if let Part::Patch([.., w, h]) = part { w * h } else { 0 }).sum();
        let picture = photo.picture.unwrap();
        assert_eq!(area, (picture.width * picture.height) as usize);
    }
    // The probability of `yes`, which stands last.
    let answers = std::fs::read_to_string(golden.join("media-net.answers.csv")).unwrap();
    let answers: Vec<f64> =
        answers.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
    let added = told(Method::PartitionShap);
    for (row, found) in added.rows.iter().enumerate() {
        for (output, values) in found.values.iter().enumerate() {
            for column in ["note", "photo"] {
                let cell = parts(&added, row, column);
                let at = added.columns.iter().position(|other| other == column).unwrap();
                assert!((cell.values[output].iter().sum::<f64>() - values[at]).abs() < 1e-9, "{column}");
                assert_eq!(cell.what, PartsOf::Added);
            }
            let sum = added.base[output] + values.iter().sum::<f64>();
            assert!((sum - answers[row]).abs() < 1e-9, "{sum} is not {}", answers[row]);
        }
        assert_eq!(
            text_of(&parts(&added, row, "note")),
            found.cells[added.columns.iter().position(|c| c == "note").unwrap()]
        );
    }
    let story = text::explanation(&EN, &looked);
    assert!(story.contains("Where the net looks in “note” (attention): “") && story.contains('%'), "{story}");
    assert!(story.contains("What the net sees in “photo” (Grad-CAM)"), "{story}");
}

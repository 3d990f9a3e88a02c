//! Integrated gradients of nets: agreement with captum on the same weights (`explain/gradients.py`), and completeness.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tidemill_core::{Chain, Context, Fitted};
use tidemill_engine::explain::{Asked, Explained, Method, explain};
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

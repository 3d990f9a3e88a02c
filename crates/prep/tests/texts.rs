//! The steps that read texts against scikit-learn's answers, stored in `reference/texts.json` by `reference/texts.py`.

#![expect(clippy::unwrap_used, reason = "a test: what cannot be read fails it")]

use std::sync::Arc;

use arrow_array::StringArray;
use serde::Deserialize;
use serde_json::{Map, Value};
use tidemill_core::{Batch, Column, Context, Entry, Kind, Registry, Row, Schema, Table, Training};
use tidemill_prep::{EncodeHash, EncodeTfidf};

#[derive(Deserialize)]
struct Reference {
    train: Vec<String>,
    later: Vec<String>,
    cases: Vec<Case>,
}

/// A row's places and numbers.
type Cells = (Vec<u32>, Vec<f64>);

#[derive(Deserialize)]
struct Case {
    kind: String,
    params: Map<String, Value>,
    terms: Vec<String>,
    train: Vec<Cells>,
    later: Vec<Cells>,
}

fn texts(texts: &[String]) -> Batch {
    let schema = Arc::new(Schema::new(vec![Column::new("note", Kind::Text)]).unwrap());
    Batch::new(schema, vec![Arc::new(StringArray::from_iter_values(texts))]).unwrap()
}

fn compare(batch: &Batch, expected: &[Cells], what: &str) {
    let sparse = batch.sparse(0).unwrap();
    for (i, (places, values)) in expected.iter().enumerate() {
        let range = sparse.range(i);
        assert_eq!(sparse.indices[range.clone()], places[..], "{what}, row {i}");
        for (a, b) in sparse.values[range].iter().zip(values) {
            assert!((f64::from(*a) - b).abs() < 1e-6 * b.abs().max(1.0), "{what}, row {i}: {a} against {b}");
        }
    }
}

#[test]
fn texts_are_encoded_as_scikit_learn_does() {
    let reference: Reference = serde_json::from_str(include_str!("reference/texts.json")).unwrap();
    let registry = Arc::new(Registry::new([Entry::step::<EncodeHash>(), Entry::step::<EncodeTfidf>()]));
    let context = Context::new(0, 1, registry.clone());
    let train = Table::new(texts(&reference.train));
    for case in reference.cases {
        let what = format!("{} {:?}", case.kind, case.params);
        let step = registry.build(&case.kind, Value::Object(case.params)).unwrap();
        let (fitted, encoded) = step.fit_apply(Training::on(&train), &context).unwrap();
        if case.kind == "encode_tfidf" {
            let parts = encoded.batch().schema().columns()[0].parts.clone().unwrap();
            let terms: Vec<String> = case.terms.iter().map(|term| format!("note: {term}")).collect();
            assert_eq!(parts[..], terms[..], "{what}");
        }
        compare(encoded.batch(), &case.train, &what);
        let later = texts(&reference.later);
        let mut run = fitted.bind(later.schema()).unwrap();
        let together = run.apply(&later).unwrap();
        compare(&together, &case.later, &what);
        for i in 0..later.n_rows() {
            let mut row = Row::of(&later, i).unwrap();
            run.row(&mut row).unwrap();
            assert_eq!(row, Row::of(&together, i).unwrap(), "{what}, row {i} alone");
        }
    }
}

//! A model of connected rows over HTTP: a new row brings its neighbours, in every form in which they can be listed.

use tidemill_core::recipe::Recipe;
use tidemill_engine::builtin;
use tidemill_engine::report::words::EN;
use tidemill_engine::verbs::train::{Job, train};

use crate::{PREDICT, Served, context, send, serve};

/// Rents on a line of towns, each tied to the next.
fn served() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let towns: String = (0..60).map(|i| format!("t{i},{},{}\n", i % 7, 300 + 10 * i)).collect();
    let roads: String = (1..60).map(|i| format!("t{},t{i}\n", i - 1)).collect();
    let data = folder.path().join("customers.csv");
    std::fs::write(&data, format!("town,size,rent\n{towns}")).unwrap();
    let edges = folder.path().join("roads.csv");
    std::fs::write(&edges, format!("from,to\n{roads}")).unwrap();
    let text = format!(
        "[data]\ntarget = 'rent'\nkey = 'town'\n[graph]\nedges = '{}'\n[[learners]]\nkind = 'label_propagation'\n\
         [train]\ntrials = 1",
        edges.display()
    );
    let recipe: Recipe = tidemill_engine::recipe::parse(&text, "test.toml", &builtin::registry()).unwrap();
    let out = folder.path().join("customers-model");
    let job = Job { words: &EN, source: data.display().to_string(), recipe, recipe_file: None, out };
    let model = train(&job, &context()).unwrap().model;
    serve(model, folder)
}

#[test]
fn a_new_row_brings_its_neighbours_in_any_form() {
    let served = served();
    let ask = |neighbors: &str| {
        let row = format!("{{\"town\": \"new\", \"size\": 3, \"neighbors\": {neighbors}}}");
        let answer = served.predict(&row);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["predictions"][0].clone()
    };
    let said = |neighbors: &str| ask(neighbors)["prediction"].as_f64().unwrap();
    let listed = said(r#""t3;t50""#);
    assert_eq!(said(r#"["t3", "t50"]"#), listed);
    assert_eq!(said(r#"{"t3": 1, "t50": 1}"#), listed);
    assert_eq!(said(r#"[["t3", 1.0], ["t50", 1.0]]"#), listed);
    let heavy = said(r#""t3=9;t50""#);
    assert!(heavy < listed, "{heavy} {listed}");
    assert_eq!(said(r#"{"t3": 9, "t50": 1}"#), heavy);
    assert_eq!(ask(r#"["Atlantis"]"#)["warnings"][0]["code"], "unknown_neighbors");
    // Who lists nobody is answered as one who says nothing of it.
    assert_eq!(said("[]"), said("null"));
    let csv = "town,size,neighbors\nnew,3,t3;t50\n";
    let headers = [("Content-Type", "text/csv"), ("Accept", "text/csv")];
    let body = send(served.address(), "POST", PREDICT, &headers, csv.as_bytes()).body;
    assert!(body.contains(&format!(",{listed}")), "{body}");
}

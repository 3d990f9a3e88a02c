//! Masks over HTTP: a picture goes in as base64, its mask comes out as PNG or as runs, and corrected masks come back.

use serde_json::{Value, json};
use tidemill_core::recipe::Recipe;
use tidemill_engine::builtin;
use tidemill_engine::feedback::mask_of;
use tidemill_engine::report::words::EN;
use tidemill_engine::serve::record::mask_png;
use tidemill_engine::verbs::train::{Done, Job, train_any};

use crate::{PREDICT, Served, context, send, serve};

/// A grey picture of 8 by 8 pixels by its runs, as masks are.
fn grey(of: impl Fn(usize) -> usize) -> Value {
    let runs: Vec<[usize; 2]> = (0..64).map(|i| [of(i), 1]).collect();
    json!({ "height": 8, "width": 8, "runs": runs })
}

fn png(grey: &Value) -> String {
    mask_png(&grey.to_string())
}

/// The same mask as the server writes its runs.
fn runs(value: &Value) -> Value {
    serde_json::from_str(&mask_of(value).unwrap().to_rle()).unwrap()
}

/// A bright square on a dark ground, and its mask.
fn scene(at: usize) -> (Value, Value) {
    let inside = |i: usize| (i / 8 + at) % 8 < 3 && i % 8 < 4;
    let picture = grey(|i| if inside(i) { 200 + at % 7 } else { 30 + i % 5 });
    (picture, grey(|i| usize::from(inside(i))))
}

fn served() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("picture,mask\n");
    for i in 0..20 {
        let (picture, mask) = scene(i);
        std::fs::write(folder.path().join(format!("p{i}.png")), mask_of(&picture).unwrap().to_png()).unwrap();
        std::fs::write(folder.path().join(format!("m{i}.png")), mask_of(&mask).unwrap().to_png()).unwrap();
        text += &format!("p{i}.png,m{i}.png\n");
    }
    let data = folder.path().join("scenes.csv");
    std::fs::write(&data, text).unwrap();
    let text = "[data]\ntarget = 'mask'\n[[learners]]\nkind = 'otsu'\n";
    let recipe: Recipe = tidemill_engine::recipe::parse(text, "test.toml", &builtin::registry()).unwrap();
    let out = folder.path().join("scenes-model");
    let job = Job { words: &EN, source: data.display().to_string(), recipe, recipe_file: None, out };
    let Done::Masks(trained) = train_any(&job, &context()).unwrap() else { panic!("masks") };
    serve(trained.model.clone(), folder)
}

fn ask(served: &Served, address: &str, accept: &str, body: &Value) -> String {
    let answer = send(served.address(), "POST", address, &[("Accept", accept)], body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[test]
fn a_picture_is_answered_with_its_mask_in_every_format() {
    let served = served();
    let (picture, mask) = scene(3);
    let body = json!({ "picture": png(&picture) });
    let said: Value = serde_json::from_str(&ask(&served, PREDICT, "application/json", &body)).unwrap();
    assert_eq!(runs(&said["predictions"][0]["prediction"]), runs(&mask));
    assert!(said["predictions"][0].get("warnings").is_none(), "{said}");
    let as_runs = format!("{PREDICT}?mask=rle");
    let said: Value = serde_json::from_str(&ask(&served, &as_runs, "application/json", &body)).unwrap();
    assert_eq!(said["predictions"][0]["prediction"], runs(&mask));
    let csv = ask(&served, PREDICT, "text/csv", &body);
    assert_eq!(csv.lines().nth(1).unwrap().split(',').nth(1), Some(&*png(&mask)));
    let xml = ask(&served, PREDICT, "application/xml", &body);
    assert!(xml.contains(&format!("<prediction>{}</prediction>", png(&mask))), "{xml}");
    let refused =
        send(served.address(), "POST", &format!("{PREDICT}?mask=jpeg"), &[], body.to_string().as_bytes());
    assert_eq!((refused.status, refused.code().as_str()), (400, "unknown_mask_form"));
    let broken = json!({ "picture": "AAAA" });
    let refused = send(served.address(), "POST", PREDICT, &[], broken.to_string().as_bytes());
    assert_eq!((refused.status, refused.code().as_str()), (400, "wrong_type"), "{}", refused.body);
}

#[test]
fn a_corrected_mask_comes_back_and_is_watched() {
    let served = served();
    let (picture, mask) = scene(2);
    let body = json!({ "picture": png(&picture) });
    let answer: Value = serde_json::from_str(&ask(&served, PREDICT, "application/json", &body)).unwrap();
    let give = |kind: &str, value: Value| {
        let id = &answer["predictions"][0]["prediction_id"];
        served.post("/v1/feedback", &json!({ "prediction_id": id, "kind": kind, "value": value }).to_string())
    };
    for (value, code) in [
        (json!("a cat"), "not_a_mask"),
        (json!({ "height": 8, "width": 8, "runs": [[9, 64]] }), "not_a_mask"),
        (json!({ "height": 4, "width": 4, "runs": [[0, 16]] }), "other_size"),
    ] {
        let refused = give("correction", value);
        assert_eq!((refused.status, refused.code().as_str()), (400, code), "{}", refused.body);
    }
    // Half of the square was wrong.
    let said = mask_of(&mask).unwrap();
    let corrected = grey(|i| if i % 8 < 2 { usize::from(said.values()[i]) } else { 0 });
    let stored = give("correction", json!(png(&corrected)));
    assert_eq!(stored.json()["feedback"][0]["status"], "stored", "{}", stored.body);
    let found = served.get("/v1/models/customers/monitor").json();
    assert_eq!((&found["metric"], &found["live"]["rows"]), (&json!("iou_per_picture"), &json!(1)), "{found}");
    let iou = found["live"]["value"].as_f64().or(found["live"]["figure"]["value"].as_f64()).unwrap();
    // 12 pixels were answered, 6 are right: 6 of 12, and of the ground 52 of 58.
    assert!((iou - (0.5 + 52.0 / 58.0) / 2.0).abs() < 1e-9, "{found}");
}

//! Images from a folder of classes into service, and from feedback to a better model.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tidemill_core::recipe::Recipe;
use tidemill_engine::builtin;
use tidemill_engine::verbs::predict;
use tidemill_engine::verbs::train;

use crate::{Served, context, send};

/// A colour BMP of 8 x 8 pixels, as `pixel` says (x, y): brightness from 0 to 255.
fn bmp(pixel: impl Fn(usize, usize) -> u8) -> Vec<u8> {
    let mut bytes =
        b"BM\xf6\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x08\0\0\0\x08\0\0\0\x01\0\x18\0\0\0\0\0\xc0\0\0\0"
            .to_vec();
    bytes.extend([0; 16]);
    for y in (0..8).rev() {
        (0..8).for_each(|x| bytes.extend([pixel(x, y); 3]));
    }
    bytes
}

/// Image `i`: its upper half brighter than the lower, or the other way round.
fn scene(i: usize, sky: bool) -> Vec<u8> {
    let noise = |x: usize, y: usize| (((i * 7919 + x * 131 + y * 31) * 2_654_435_761) >> 7) as u8 % 90;
    bmp(|x, y| if (y < 4) == sky { 120 + noise(x, y) } else { 40 + noise(x, y) })
}

fn folder(root: &Path, n: usize) -> PathBuf {
    let folder = root.join("views");
    for (class, sky) in [("sky", true), ("sea", false)] {
        std::fs::create_dir_all(folder.join(class)).unwrap();
        for i in 0..n {
            std::fs::write(folder.join(class).join(format!("{i:03}.bmp")), scene(i, sky)).unwrap();
        }
    }
    folder
}

fn trained(root: &Path, learner: &str) -> PathBuf {
    let recipe = format!("learners = [{{ {learner} }}]\nfolds.n = 2\n[train]\ntrials = 1\n");
    let recipe: Recipe = tidemill_engine::recipe::parse(&recipe, "test.toml", &builtin::registry()).unwrap();
    let source = folder(root, 40).display().to_string();
    let job = train::Job {
        words: &tidemill_engine::report::words::EN,
        source,
        recipe,
        recipe_file: None,
        out: root.join("views-model"),
    };
    let trained = train::train(&job, &context()).unwrap();
    assert_eq!(trained.outcome.target.classes, ["sea", "sky"]);
    assert!(trained.outcome.test.value("accuracy").unwrap() > 0.9, "{:?}", trained.outcome.test);
    trained.model
}

const LOGISTIC: &str = "kind = \"logistic\"";

fn served() -> Served {
    served_by(LOGISTIC)
}

fn served_by(learner: &str) -> Served {
    let folder = tempfile::tempdir().unwrap();
    crate::serve(trained(folder.path(), learner), folder)
}

fn ask(served: &Served, picture: &str) -> crate::Answer {
    served.predict(&json!({ "image": picture }).to_string())
}

#[test]
fn pictures_are_served_as_base64_and_never_as_paths() {
    let served = served();
    let picture = BASE64_STANDARD.encode(scene(900, true));
    let said = |answer: crate::Answer| {
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["predictions"][0]["prediction"].clone()
    };
    assert_eq!(said(ask(&served, &picture)), "sky");
    assert_eq!(said(ask(&served, &format!("data:image/bmp;base64,{picture}"))), "sky");
    let sea = BASE64_STANDARD.encode(scene(901, false));
    let csv = send(
        served.address(),
        "POST",
        crate::PREDICT,
        &[("Content-Type", "text/csv"), ("Accept", "application/json")],
        format!("image\n{sea}\n").as_bytes(),
    );
    assert_eq!(said(csv), "sea");
    let xml = format!("<rows><row><value column=\"image\">{sea}</value></row></rows>");
    let xml = send(
        served.address(),
        "POST",
        crate::PREDICT,
        &[("Content-Type", "application/xml"), ("Accept", "application/json")],
        xml.as_bytes(),
    );
    assert_eq!(said(xml), "sea");
    assert_eq!(
        ask(&served, "").json()["predictions"].as_array().map(Vec::len),
        Some(1),
        "an empty text is none"
    );

    // Every path of an image that lies on the server's disk, and rubbish.
    let there = served.folder.path().join("views/sky/000.bmp");
    assert!(there.is_file());
    let broken = &scene(1, true)[..100];
    let claims = {
        let mut huge = scene(1, true);
        huge[18..22].copy_from_slice(&20_000i32.to_le_bytes());
        huge[22..26].copy_from_slice(&20_000i32.to_le_bytes());
        huge
    };
    for bad in [
        there.display().to_string(),
        "sky/000.bmp".into(),
        "views/sky/000.bmp".into(),
        format!("file://{}", there.display()),
        "not base64 at all!".into(),
        BASE64_STANDARD.encode(b"id,age\n1,31\n"),
        BASE64_STANDARD.encode(broken),
        BASE64_STANDARD.encode(claims),
        "data:image/png;base64,".into(),
    ] {
        let answer = ask(&served, &bad);
        let said = answer.json();
        assert_eq!((answer.status, answer.code().as_str()), (400, "wrong_type"), "{bad}: {said}");
        assert_eq!((&said["error"]["row"], &said["error"]["column"]), (&json!(1), &json!("image")));
        assert!(said["error"]["remedy"].as_str().unwrap().contains("base64"), "{said}");
        assert!(bad.len() < 4 || !answer.body.contains(&bad), "a value in {said}");
    }
    // Only what was answered is logged, small images whole.
    let logged = served.logged();
    assert_eq!(logged.len(), 5);
    let kept = json!([picture]).to_string();
    assert!(logged.iter().any(|row| row.features == kept));
}

#[test]
fn one_bad_picture_among_many_is_named_and_a_large_one_is_logged_by_its_hash() {
    let served = served();
    let rows: Vec<Value> = (0..300)
        .map(|i| {
            let whole = scene(i, true);
            json!({ "image": BASE64_STANDARD.encode(if i == 257 { &whole[..120] } else { &whole[..] }) })
        })
        .collect();
    let answer = served.predict(&json!(rows).to_string());
    assert_eq!((answer.status, answer.json()["error"]["row"].clone()), (400, json!(258)), "{}", answer.body);

    // What follows a BMP's pixels is of no interest to it, but fills the log.
    let mut large = scene(1, true);
    large.resize(200_000, 7);
    assert_eq!(ask(&served, &BASE64_STANDARD.encode(&large)).status, 200);
    let logged = served.logged();
    let features = &logged.last().unwrap().features;
    assert!(features.starts_with("[\"sha256:") && features.len() < 200, "{features}");
}

#[test]
fn feedback_on_pictures_trains_a_better_model() {
    better_by_feedback(LOGISTIC);
}

#[test]
fn feedback_on_pictures_trains_a_better_net() {
    better_by_feedback(
        "kind = \"neural_net\", epochs = 40, batch_size = 16, learning_rate = 0.01, hidden = [16], images = { filters = [8] }",
    );
}

fn better_by_feedback(learner: &str) {
    let served = served_by(learner);
    // The users' world is upside down.
    let rows: Vec<Value> =
        (0..160).map(|i| json!({ "image": BASE64_STANDARD.encode(scene(1000 + i, i % 2 == 0)) })).collect();
    let right: Vec<Value> = (0..160).map(|i| json!(if i % 2 == 0 { "sea" } else { "sky" })).collect();
    served.teach(&rows, &right);
    let improved = served.improve("views-model");
    assert!(improved.promoted, "{}", improved.verdict);
    assert_eq!((improved.rows.labelled, improved.rows.source), (160, 80));

    let path = served.folder.path().join("views-model/model.tidemill");
    // And it reads a folder as the first one did, saying which image each answer is for.
    let out = served.folder.path().join("said.csv");
    let views = served.folder.path().join("views");
    predict::predict(&path, &views.display().to_string(), &out.display().to_string(), &context()).unwrap();
    let text = std::fs::read_to_string(out).unwrap();
    assert!(text.starts_with("image,prediction,") && text.lines().count() == 81, "{text}");
    assert!(text.lines().any(|line| line.starts_with("sea/000.bmp,sky")), "{text}");
}

//! The set of served models changes while the server runs.

use std::time::{Duration, Instant};

use serde_json::json;
use tidemill_server::{Options, start};

use crate::{ADA, Answer, Served, context, model_bytes, send, served};

fn with_key(served: &Served, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    send(served.address(), method, path, &headers, body.as_bytes())
}

/// A path as who started the server may have written it.
fn seen_from_here(path: &std::path::Path) -> String {
    let up = std::env::current_dir().unwrap().components().skip(1).map(|_| "../").collect::<String>();
    format!("{up}{}", path.display().to_string().trim_start_matches('/'))
}

#[test]
fn an_administrator_adds_and_removes_models() {
    let served = served();
    let put = |body: &str| served.post("/v1/admin/models", body);
    assert_eq!(
        put(r#"{"path": "second.tidemill"}"#).status,
        401,
        "it needs a key even where nothing else does"
    );
    let store = &served.running.app.store;
    let scopes = ["admin".into(), "predict".into(), "read".into()];
    let (_, token) = store.create_key("admin", &scopes, None).unwrap();
    let (_, other) = store.create_key("app", &["predict".into()], None).unwrap();
    served.running.app.keys.refresh(store).unwrap();
    let admin = |method: &str, path: &str, body: &str| with_key(&served, method, path, &token, body);
    assert_eq!(with_key(&served, "POST", "/v1/admin/models", &other, "{}").status, 403);

    std::fs::write(served.folder.path().join("second.tidemill"), model_bytes()).unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(outside.path(), model_bytes()).unwrap();
    std::fs::write(served.folder.path().join("broken.tidemill"), "not a model").unwrap();
    for (body, status) in [
        (json!({ "path": outside.path() }), 404),
        (json!({ "path": "../second.tidemill" }), 404),
        (json!({ "path": "nothing.tidemill" }), 404),
        (json!({ "path": "broken.tidemill" }), 422),
        (json!({ "file": "second.tidemill" }), 400),
        (json!({ "path": "second.tidemill", "name": "" }), 400),
        (json!({ "path": "second.tidemill", "name": "a/b" }), 400),
        (json!({ "path": "second.tidemill", "name": ".." }), 400),
        (json!({ "path": "second.tidemill", "name": "a\nb" }), 400),
        (json!({ "path": "second.tidemill", "name": "x".repeat(201) }), 400),
        (json!({ "path": seen_from_here(&served.folder.path().join("second.tidemill")) }), 200),
        (json!({ "path": "second.tidemill" }), 200),
    ] {
        let answer = admin("POST", "/v1/admin/models", &body.to_string());
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert!(!answer.body.contains(&served.folder.path().display().to_string()), "no path of the server");
    }
    assert_eq!(admin("POST", "/v1/models/second/predict", ADA).status, 200);
    let again = admin("POST", "/v1/admin/models", r#"{"path": "second.tidemill", "name": "third"}"#).json();
    assert_eq!((again["name"].as_str(), again["replaced"].as_bool()), (Some("third"), Some(false)));
    assert_eq!(admin("DELETE", "/v1/admin/models/second", "").status, 200);
    assert_eq!(admin("DELETE", "/v1/admin/models/second", "").status, 404);
    assert_eq!(admin("POST", "/v1/models/second/predict", ADA).status, 404);
    let models = admin("GET", "/v1/models", "").json();
    let names: Vec<_> =
        models["models"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["customers", "third"]);
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn files_that_come_into_a_watched_folder_are_served_and_go_with_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    std::fs::create_dir_all(models.join("nested-model")).unwrap();
    std::fs::write(models.join("first.tidemill"), model_bytes()).unwrap();
    let options = Options::local(vec![models.clone()], folder.path().join("loop.db").display().to_string());
    let served = Served { running: start(&options, &context()).unwrap(), folder };
    let status = |name: &str| served.post(&format!("/v1/models/{name}/predict"), ADA).status;
    assert_eq!((status("first"), status("second"), status("nested")), (200, 404, 404));

    std::fs::write(models.join("broken.tidemill"), "not a model").unwrap();
    std::fs::write(models.join("second.tidemill"), model_bytes()).unwrap();
    std::fs::write(models.join("nested-model/model.tidemill"), model_bytes()).unwrap();
    until("the new models are served", || status("second") == 200 && status("nested") == 200);
    assert_eq!(status("broken"), 404);
    std::fs::write(models.join("broken.tidemill"), model_bytes()).unwrap();
    until("a file that was mended is served", || status("broken") == 200);
    std::fs::remove_file(models.join("second.tidemill")).unwrap();
    until("its file is gone", || status("second") == 404);
    assert_eq!(status("first"), 200);

    // An administrator who loads such a file again does not make it another one.
    let store = &served.running.app.store;
    let scopes = ["admin".into(), "predict".into()];
    let (_, token) = store.create_key("admin", &scopes, None).unwrap();
    served.running.app.keys.refresh(store).unwrap();
    let admin = |method: &str, path: &str, body: &str| with_key(&served, method, path, &token, body);
    let again = admin("POST", "/v1/admin/models", r#"{"path": "first.tidemill"}"#);
    assert_eq!((again.status, again.json()["replaced"].as_bool()), (200, Some(true)), "{}", again.body);
    assert_eq!(admin("DELETE", "/v1/admin/models/first", "").code(), "watched_model");
    std::fs::remove_file(models.join("first.tidemill")).unwrap();
    until("its file is gone", || admin("POST", "/v1/models/first/predict", ADA).status == 404);
}

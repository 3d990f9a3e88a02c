//! Keys and scopes.

use tidemill_server::{Options, start};

use crate::{ADA, PREDICT, context, send, served};

fn with_key(served: &crate::Served, path: &str, key: &str) -> crate::Answer {
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let method = if path.ends_with("predict") { "POST" } else { "GET" };
    send(served.address(), method, path, &headers, if method == "POST" { ADA.as_bytes() } else { b"" })
}

#[test]
fn with_a_key_in_the_store_every_call_needs_one_with_the_scope() {
    let served = served();
    assert_eq!(served.predict(ADA).status, 200, "without keys this machine may ask");
    let store = &served.running.app.store;
    let (key, token) = store.create_key("app", &["predict".into()], None).unwrap();
    served.running.app.keys.refresh(store).unwrap();

    let names = |key: &str| with_key(&served, "/openapi.json", key).body.contains("customers");
    assert!(!names("") && !names(&token), "what is served is for who may read");
    let reader = store.create_key("reader", &["read".into()], None).unwrap().1;
    served.running.app.keys.refresh(store).unwrap();
    assert!(names(&reader));
    let without = served.predict(ADA);
    assert_eq!((without.status, without.code().as_str()), (401, "unauthorized"));
    assert!(without.head.to_lowercase().contains("www-authenticate: bearer"));
    assert_eq!(with_key(&served, PREDICT, &token).status, 200);
    assert_eq!(served.logged().len(), 2);
    let in_header = [("X-API-Key", token.as_str()), ("Content-Type", "application/json")];
    assert_eq!(send(served.address(), "POST", PREDICT, &in_header, ADA.as_bytes()).status, 200);

    let mut wrong = token.clone();
    wrong.pop();
    for bad in [wrong.as_str(), "tm__", "tm_x", "", &token.replace("tm_", "tn_"), &format!("{token}0")] {
        let answer = with_key(&served, PREDICT, bad);
        assert_eq!(answer.status, 401, "{bad}");
        assert!(!answer.body.contains(key.id.as_str()));
    }
    assert_eq!(with_key(&served, "/v1/models", &token).status, 403);
    assert_eq!(with_key(&served, "/metrics", &token).status, 403);
    assert_eq!(with_key(&served, "/health/ready", "").status, 200, "health is open");

    store.revoke_key(&key.id).unwrap();
    served.running.app.keys.refresh(store).unwrap();
    assert_eq!(with_key(&served, PREDICT, &token).status, 401);
}

#[test]
fn an_ended_key_no_longer_opens() {
    let served = served();
    let store = &served.running.app.store;
    let (_, token) = store.create_key("old", &["predict".into()], Some(1)).unwrap();
    served.running.app.keys.refresh(store).unwrap();
    assert_eq!(with_key(&served, PREDICT, &token).status, 401);
}

#[test]
fn a_running_server_learns_of_new_keys_by_itself() {
    let served = served();
    let (_, token) = served.running.app.store.create_key("app", &["predict".into()], None).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while served.predict(ADA).status == 200 {
        assert!(std::time::Instant::now() < deadline, "the key was never noticed");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(with_key(&served, PREDICT, &token).status, 200);
}

#[test]
fn without_keys_it_does_not_listen_to_other_machines() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("m.tidemill");
    std::fs::write(&model, crate::model_bytes()).unwrap();
    let mut options = Options::local(vec![model], folder.path().join("s.db").display().to_string());
    options.listen = "0.0.0.0:0".parse().unwrap();
    let Err(e) = start(&options, &context()) else { panic!("it listens") };
    assert_eq!(e.code(), "open_to_the_world");
}

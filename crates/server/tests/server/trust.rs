//! Kind 7: trust is bounded. Pages of strangers are refused, and no user decides alone what a model learns.

use serde_json::json;
use tidemill_engine::improve;

use crate::{ADA, PREDICT, Served, challenge, context, customers, raw, send, served, served_with, trained};

fn asked(served: &Served, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> crate::Answer {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    raw(served.address(), format!("{request}\r\n{body}").as_bytes())
}

const EVIL: &str = "https://evil.example";

#[test]
fn without_keys_a_foreign_host_or_page_gets_nothing() {
    let served = served();
    let feedback = r#"{"prediction_id": "0198c0de-0000-7000-8000-000000000001", "kind": "reject"}"#;
    let rebound = [("Host", "evil.example"), ("Origin", EVIL), ("Content-Type", "text/plain")];
    assert_eq!(asked(&served, "POST", "/v1/feedback", &rebound, feedback).status, 403);
    for path in ["/v1/models", "/metrics", "/v1/models/customers/monitor", "/", "/health/ready"] {
        assert_eq!(asked(&served, "GET", path, &[("Host", "evil.example")], "").status, 403, "{path}");
    }
    let port = served.address().port();
    let own = format!("127.0.0.1:{port}");
    let site = format!("http://127.0.0.1:{port}");
    let json = ("Content-Type", "application/json");
    for (headers, status) in [
        (vec![("Host", own.as_str()), ("Origin", EVIL), json], 403),
        (vec![("Host", own.as_str()), ("Origin", "null"), json], 403),
        (vec![("Host", own.as_str()), ("Origin", site.as_str()), ("Content-Type", "text/plain")], 415),
        (vec![("Host", own.as_str()), ("Origin", site.as_str())], 415),
        (vec![("Host", own.as_str()), ("Origin", site.as_str()), json], 200),
        // As curl sends it.
        (vec![("Host", own.as_str()), ("Content-Type", "application/x-www-form-urlencoded")], 200),
        (vec![("Host", own.as_str())], 200),
    ] {
        assert_eq!(asked(&served, "POST", PREDICT, &headers, ADA).status, status, "{headers:?}");
    }
    let text = [("Host", own.as_str()), ("Content-Type", "text/plain")];
    assert_eq!(asked(&served, "POST", "/v1/feedback", &text, feedback).status, 415);
    assert_eq!(asked(&served, "POST", PREDICT, &text, ADA).status, 415);
    assert_eq!(served.logged().len(), 3);
}

#[test]
fn a_named_site_may_ask() {
    let site = "https://app.example";
    let served = served_with(|o| o.allow_origin = vec![site.into()]);
    let headers = [("Origin", site), ("Content-Type", "application/json")];
    let answer = send(served.address(), "POST", PREDICT, &headers, ADA.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        answer.head.to_lowercase().contains("access-control-allow-origin: https://app.example"),
        "{}",
        answer.head
    );
    let first = [("Origin", site), ("Access-Control-Request-Method", "POST")];
    let preflight = send(served.address(), "OPTIONS", PREDICT, &first, b"");
    assert_eq!(preflight.status, 204);
    assert!(
        preflight.head.to_lowercase().contains("access-control-allow-headers: authorization"),
        "{}",
        preflight.head
    );
    let other = [("Origin", EVIL), ("Content-Type", "application/json")];
    let refused = send(served.address(), "POST", PREDICT, &other, ADA.as_bytes());
    assert_eq!((refused.status, refused.head.to_lowercase().contains("access-control")), (403, false));
}

/// A server whose model learned from one world, and labels by these users (none: unknown), every one of them wrong where `lies` says so.
fn labelled(n: usize, by: impl Fn(usize) -> Option<String>, lies: impl Fn(usize) -> bool) -> Served {
    let mut served = served();
    let folder = std::mem::replace(&mut served.folder, tempfile::tempdir().unwrap());
    drop(served);
    let model = trained(&customers(400, 1), "", folder.path());
    let served = crate::serve(model, folder);
    let text = customers(n, 9);
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|l| l.split(',').collect()).collect();
    let asked: Vec<_> =
        rows.iter().map(|r| json!({ "id": r[0], "age": r[1], "plan": r[2], "visits": r[3] })).collect();
    let said = served.predict(&json!(asked).to_string()).json();
    let labels = rows.iter().enumerate().map(|(i, row)| {
        let value = if lies(i) == (row[4] == "yes") { "no" } else { "yes" };
        json!({ "prediction_id": said["predictions"][i]["prediction_id"], "kind": "label", "value": value, "user": by(i) })
    });
    let answer = served.post("/v1/feedback", &serde_json::Value::from_iter(labels).to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    served
}

fn improved(served: &Served, change: impl FnOnce(&mut improve::Job)) -> improve::Improved {
    let model = served.folder.path().join("customers-model/model.tidemill");
    let mut job = improve::Job { despite_tests: false, ..challenge(&model) };
    change(&mut job);
    improve::improve(&job, &served.running.app.store, &context()).unwrap()
}

#[test]
fn one_user_alone_promotes_nothing() {
    let served = labelled(600, |_| Some("mallory".into()), |_| true);
    let found = improved(&served, |_| {});
    assert!(!found.promoted && found.verdict.contains("600 of the 600 labels"), "{}", found.verdict);
    assert!(!found.verdict.contains("mallory"), "no name in what is kept for ever");
    // Whoever is vouched for may decide, unless the tests speak against it; and a person may overrule these.
    let trusted = improved(&served, |job| job.trust = vec!["mallory".into()]);
    assert!(!trusted.promoted && trusted.verdict.contains("far worse"), "{}", trusted.verdict);
    let overruled = improved(&served, |job| {
        job.trust = vec!["mallory".into()];
        job.despite_tests = true;
    });
    assert!(overruled.promoted, "{}", overruled.verdict);
}

#[test]
fn unknown_users_fall_under_the_veto() {
    let served = labelled(600, |_| None, |_| true);
    let found = improved(&served, |_| {});
    assert!(!found.promoted && found.verdict.contains("far worse"), "{}", found.verdict);
}

#[test]
fn a_loud_user_among_others_counts_for_a_third() {
    let served = labelled(
        600,
        |i| Some(if i % 2 == 0 { "mallory".into() } else { format!("u{}", i % 40) }),
        |i| i % 2 == 0,
    );
    let found = improved(&served, |_| {});
    assert_eq!(found.rows.capped, 150, "of mallory's 300, 150 are a third of 450");
    assert!(!found.promoted && found.verdict.contains("labels of one user alone"), "{}", found.verdict);
}

/// What is learned from many honest users in a world that has moved, though not turned round, is promoted.
#[test]
fn honest_users_of_a_world_that_moved_are_heard() {
    // Half of the rows follow the opposite rule by now: the plan and the age say less.
    let served = labelled(900, |i| Some(format!("u{}", i % 30)), |i| i % 3 == 0);
    let found = improved(&served, |_| {});
    assert_eq!(found.rows.capped, 0);
    assert!(found.promoted, "{}", found.verdict);
}

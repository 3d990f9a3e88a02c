//! Malformed requests of every kind are answered with 4xx and the place of the fault; nothing is ever answered with 5xx.

use proptest::prelude::*;

use crate::{ADA, PREDICT, Served, raw, send, served, served_with};

fn post(served: &Served, media: &str, body: &[u8]) -> crate::Answer {
    send(served.address(), "POST", PREDICT, &[("Content-Type", media)], body)
}

#[test]
fn faults_name_the_row_and_the_column() {
    let served = served();
    for (body, code, row, column) in [
        (r#"{"age": 36, "plan": "basic"}"#, "missing_column", 1, "visits"),
        (
            r#"[{"age": 36, "plan": "basic", "visits": 3}, {"age": "old", "plan": "plus", "visits": 1}]"#,
            "wrong_type",
            2,
            "age",
        ),
        (r#"{"age": {"years": 36}, "plan": "basic", "visits": 3}"#, "wrong_type", 1, "age"),
        (r#"{"age": 36, "age": 37, "plan": "basic", "visits": 3}"#, "repeated_column", 1, "age"),
    ] {
        let answer = served.predict(body);
        assert_eq!(answer.status, 400, "{body}");
        let error = &answer.json()["error"];
        assert_eq!(
            (error["code"].as_str(), error["row"].as_u64(), error["column"].as_str()),
            (Some(code), Some(row), Some(column)),
            "{body}"
        );
    }
    let misspelt = served.predict(r#"{"aeg": 36, "plan": "basic", "visits": 3}"#);
    assert!(misspelt.body.contains("'aeg' came: is 'age' meant?"), "{}", misspelt.body);
    assert!(served.logged().is_empty(), "what was refused is not logged");
}

#[test]
fn broken_bodies_name_the_line() {
    let served = served();
    for (media, body, code, line) in [
        ("application/json", "{\"age\": 36,\n\"plan\" \"basic\"}", "malformed_json", 2),
        ("application/json", "", "malformed_json", 1),
        ("text/csv", "age,plan,visits\n36,basic,3\n36,basic\n", "malformed_csv", 3),
        ("application/xml", "<rows>\n<row>\n</rows>", "malformed_xml", 3),
    ] {
        let answer = post(&served, media, body.as_bytes());
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{body}");
        assert_eq!(answer.json()["error"]["line"], line, "{body}");
    }
    let deep = format!("{{\"x\": {}", "[".repeat(200_000));
    assert_eq!(post(&served, "application/json", deep.as_bytes()).code(), "malformed_json");
    assert_eq!(post(&served, "image/png", b"x").status, 415);
    let headers = [("Content-Type", "application/json"), ("Accept", "image/png")];
    assert_eq!(send(served.address(), "POST", PREDICT, &headers, ADA.as_bytes()).status, 406);
}

#[test]
fn xml_bombs_do_not_go_off() {
    let served = served();
    let mut laughs = String::from("<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a0 \"ha\">");
    for i in 1..30 {
        laughs += &format!("<!ENTITY a{i} \"&a{};&a{};\">", i - 1, i - 1);
    }
    laughs += "]><rows><row><value column=\"plan\">&a29;</value></row></rows>";
    let answer = post(&served, "application/xml", laughs.as_bytes());
    assert_eq!((answer.status, answer.code().as_str()), (400, "malformed_xml"));
    let outside = "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><rows><row><value column=\"plan\">&x;</value></row></rows>";
    assert_eq!(post(&served, "application/xml", outside.as_bytes()).status, 400);
}

#[test]
fn bombs_in_packed_bodies_are_bounded() {
    use std::io::Write;
    let served = served_with(|o| o.limits.body = 1 << 20);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        packer.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let bomb = packer.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let answer = send(served.address(), "POST", PREDICT, &headers, &bomb);
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    assert_eq!(send(served.address(), "POST", PREDICT, &headers, b"not packed").status, 400);
    let other = [("Content-Type", "application/json"), ("Content-Encoding", "br")];
    assert_eq!(send(served.address(), "POST", PREDICT, &other, b"x").status, 415);
}

#[test]
fn limits_of_size_and_rows_hold() {
    let served = served_with(|o| {
        o.limits.body = 10_000;
        o.limits.rows = 5;
    });
    let big = format!("{{\"age\": {}1, \"plan\": \"basic\", \"visits\": 3}}", " ".repeat(20_000));
    assert_eq!(served.predict(&big).code(), "too_large");
    let six = format!("[{}]", [ADA; 6].join(","));
    assert_eq!((served.predict(&six).status, served.predict(&six).code().as_str()), (413, "too_many_rows"));
    assert_eq!(served.predict(&format!("[{}]", [ADA; 5].join(","))).status, 200);
}

#[test]
fn tricks_with_paths_find_nothing() {
    let served = served();
    for path in [
        "/v1/models/..%2F..%2Fetc%2Fpasswd/predict",
        "/v1/models/%2e%2e/predict",
        "/v1/models/customers%00/predict",
        "/v1/models/customers.tidemill/predict",
        "/v1/models//predict",
        "/../../etc/passwd",
        "/v1/models/%ff%fe/predict",
    ] {
        let answer = served.post(path, ADA);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.body.contains("root:") && !answer.body.contains("/tmp"), "{path}");
    }
    assert_eq!(served.get(PREDICT).status, 405);
    assert_eq!(served.get(PREDICT).code(), "method_not_allowed");
    assert_eq!(served.get("/nothing").code(), "not_found");
}

#[test]
fn a_broken_request_line_is_answered_or_dropped() {
    let served = served();
    for request in
        ["\r\n\r\n", "GET\r\n\r\n", "POST /v1/feedback HTTP/9.9\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n"]
    {
        let answer = raw(served.address(), request.as_bytes());
        assert!(answer.status == 0 || (400..500).contains(&answer.status), "{request:?}: {answer:?}");
    }
    assert_eq!(served.predict(ADA).status, 200);
}

/// Something like a request, with damage.
fn damaged() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let seeds: Vec<Vec<u8>> = [
        ADA,
        r#"[{"age": 1e308, "plan": "\ud800", "visits": -0.0}, [1, 2]]"#,
        r#"{"columns": ["age", "plan", "visits"], "rows": [[1, "basic", 2]]}"#,
        "age,plan,visits\n36,basic,3\n",
        "<rows><row><value column=\"age\">36</value><value column=\"plan\">b</value><value column=\"visits\">3</value></row></rows>",
        r#"{"prediction_id": "0198c0de-0000-7000-8000-000000000001", "kind": "label", "value": "yes"}"#,
    ]
    .map(|s| s.as_bytes().to_vec())
    .to_vec();
    let change = (any::<u16>(), any::<u8>(), 0..4u8);
    (0..seeds.len(), 0..4usize, proptest::collection::vec(change, 0..6)).prop_map(
        move |(seed, door, changes)| {
            let mut bytes = seeds[seed].clone();
            for (at, byte, how) in changes {
                let at = at as usize % (bytes.len() + 1);
                match how {
                    0 if at < bytes.len() => bytes[at] = byte,
                    1 if at < bytes.len() => drop(bytes.remove(at)),
                    2 => bytes.truncate(at),
                    _ => bytes.insert(at, byte),
                }
            }
            (door, bytes)
        },
    )
}

#[test]
fn no_request_is_answered_with_5xx() {
    let served = served();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&damaged(), |(door, body)| {
            let media = ["application/json", "text/csv", "application/xml", "application/json"][door];
            let path = if door == 3 { "/v1/feedback" } else { PREDICT };
            let answer = send(served.address(), "POST", path, &[("Content-Type", media)], &body);
            prop_assert!(
                (200..500).contains(&answer.status),
                "{} for {:?}",
                answer.status,
                String::from_utf8_lossy(&body)
            );
            if answer.status >= 400 {
                prop_assert!(answer.json()["error"]["code"].is_string());
            }
            Ok(())
        })
        .unwrap();
}

/// Kind 27 over HTTP: what is refused is one JSON document, wherever it is refused.
#[test]
fn a_name_that_is_no_text_is_refused_as_json() {
    let served = served();
    for (method, path) in [
        ("POST", "/v1/models/%ff/predict"),
        ("GET", "/v1/models/%c3%28"),
        ("GET", "/v1/models/%ff/monitor"),
        ("GET", "/v1/models/%ff/live"),
    ] {
        let answer = send(served.address(), method, path, &[], b"{}");
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_address"), "{path}: {}", answer.body);
    }
}

#[test]
fn addresses_of_other_servers_say_where_it_is_here() {
    let served = served();
    for path in [
        "/v1/models/customers:predict",
        "/v2/models/customers/infer",
        "/predictions/customers",
        "/invocations",
    ] {
        let answer = served.post(path, ADA);
        assert!([404, 405].contains(&answer.status), "{path}: {}", answer.status);
        let remedy = answer.json()["error"]["remedy"].as_str().unwrap_or_default().to_string();
        assert!(remedy.contains("POST /v1/models/NAME/predict"), "{path}: {remedy}");
    }
    for path in ["/ping", "/v2/health/ready"] {
        assert!(served.get(path).body.contains("/health/ready"), "{path}");
    }
}

#[test]
fn a_head_of_a_request_that_is_too_large_is_refused() {
    let served = served();
    let long = "a".repeat(100_000);
    let answer = send(served.address(), "GET", "/health/live", &[("X-Long", &long)], b"");
    // The rest of it may still be on its way when the server closes, which may cut the answer off.
    assert!([431, 0].contains(&answer.status), "{}", answer.head);
    let some = "a".repeat(20_000);
    assert_eq!(send(served.address(), "GET", "/health/live", &[("X-Long", &some)], b"").status, 200);
}

#[test]
fn limits_that_would_refuse_everything_are_refused_at_the_start() {
    let refused = |change: &dyn Fn(&mut tidemill_server::Options)| {
        let folder = tempfile::tempdir().unwrap();
        let mut options =
            tidemill_server::Options::local(vec![], folder.path().join("s.db").display().to_string());
        change(&mut options);
        tidemill_server::start(&options, &crate::context()).err().map(|e| e.code())
    };
    assert_eq!(refused(&|o| o.limits.rows = 0), Some("limit"));
    assert_eq!(refused(&|o| o.limits.body = 0), Some("limit"));
    assert_eq!(refused(&|o| o.limits.time = std::time::Duration::ZERO), Some("limit"));
    assert_eq!(refused(&|o| o.name = Some("a".into())), Some("one_name"), "a name for nothing");
    assert_eq!(refused(&|_| {}), None);
}

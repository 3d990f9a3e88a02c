//! One row or thousands, as JSON, CSV or XML, in and out.

use serde_json::json;

use crate::{ADA, PREDICT, send, served};

#[test]
fn a_row_gets_its_answer_and_a_place_in_the_log() {
    let served = served();
    let answer = served.predict(ADA);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let document = answer.json();
    let said = &document["predictions"][0];
    let p = said["probabilities"]["yes"].as_f64().unwrap();
    assert!((p + said["probabilities"]["no"].as_f64().unwrap() - 1.0).abs() < 1e-12);
    assert_eq!(said["prediction"], if p > 0.5 { "yes" } else { "no" });
    assert_eq!(document["model"], "customers");

    let logged = served.logged();
    assert_eq!(logged.len(), 1);
    assert_eq!(logged[0].id.to_string(), said["prediction_id"].as_str().unwrap());
    assert_eq!(logged[0].id.get_version_num(), 7);
    assert_eq!(logged[0].features, r#"[36,"basic",3]"#, "features as they came, without the key");
    assert_eq!(logged[0].row_key.as_deref(), Some("ada"));
    let kept: Vec<f64> = serde_json::from_str(logged[0].probabilities.as_deref().unwrap()).unwrap();
    assert_eq!(kept[1], p);
}

#[test]
fn every_format_gives_the_same_answers() {
    let served = served();
    let reference = served.predict(ADA).json()["predictions"][0]["probabilities"]["yes"].as_f64().unwrap();
    let csv = "id,age,plan,visits\nada,36,basic,3\n";
    let xml = "<rows><row><value column=\"id\">ada</value><value column=\"age\">36</value>\
               <value column=\"plan\">basic</value><value column=\"visits\">3</value></row></rows>";
    let array = r#"[["ada", 36, "basic", 3]]"#;
    let table = r#"{"columns": ["plan", "age", "visits"], "rows": [["basic", 36, 3]]}"#;
    for (media, body) in [
        ("text/csv", csv),
        ("application/xml", xml),
        ("application/json", array),
        ("application/json", table),
    ] {
        let headers = [("Content-Type", media), ("Accept", "application/json")];
        let answer = send(served.address(), "POST", PREDICT, &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{media}: {}", answer.body);
        assert_eq!(answer.json()["predictions"][0]["probabilities"]["yes"], reference, "{media}");
    }
    let as_csv = send(served.address(), "POST", PREDICT, &[("Content-Type", "text/csv")], csv.as_bytes());
    assert!(as_csv.head.contains("text/csv"));
    assert!(as_csv.body.starts_with("prediction_id,prediction,probability_no,probability_yes,warnings\n"));
    assert!(as_csv.body.contains(&reference.to_string()));
    let as_xml = send(
        served.address(),
        "POST",
        PREDICT,
        &[("Content-Type", "text/csv"), ("Accept", "text/html, application/xml;q=0.9")],
        csv.as_bytes(),
    );
    assert!(
        as_xml.body.contains(&format!("<probability class=\"yes\">{reference}</probability>")),
        "{}",
        as_xml.body
    );
    for path in ["/schema/rows.xsd", "/schema/answers.xsd"] {
        assert!(served.get(path).body.contains("xs:schema"));
    }
}

#[test]
fn thousands_of_rows_are_answered_as_one_by_one_and_keep_their_order() {
    let served = served();
    let rows: Vec<String> = (0..3000)
        .map(|i| format!(r#"{{"age": {}, "plan": "plus", "visits": {}}}"#, 18 + i % 60, i % 40))
        .collect();
    let many = served.predict(&format!("[{}]", rows.join(","))).json();
    let many = many["predictions"].as_array().unwrap();
    assert_eq!(many.len(), 3000);
    for i in [0, 1, 1234, 2999] {
        let one = served.predict(&rows[i]).json();
        assert_eq!(many[i]["probabilities"], one["predictions"][0]["probabilities"], "row {i}");
    }
    let ids: Vec<&str> = many.iter().map(|p| p["prediction_id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted(), "ids grow from row to row");
    assert_eq!(served.logged().len(), 3004);
}

#[test]
fn what_is_odd_is_said_without_the_value() {
    let served = served();
    let answer = served
        .predict(r#"{"age": 36000, "plan": "platinum-secret", "visits": null, "left": "no", "shoe": 43}"#);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let document = answer.json();
    let codes: Vec<(&str, &str)> = document["predictions"][0]["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| (w["code"].as_str().unwrap(), w["column"].as_str().unwrap()))
        .collect();
    let odd = [("outside_training_range", "age"), ("unseen_category", "plan"), ("missing_value", "visits")];
    assert_eq!(codes, odd);
    assert_eq!(document["warnings"][0]["column"], "shoe", "the target may be there, another column is named");
    assert_eq!(document["warnings"].as_array().unwrap().len(), 1);
    assert!(!answer.body.contains("platinum"));
    // Formats without a place for what is not about a row say it once, with the first row.
    let lines = "{\"age\": 36, \"plan\": \"basic\", \"visits\": 3, \"shoe\": 43}\n\
                 {\"age\": 37, \"plan\": \"basic\", \"visits\": 3, \"shoe\": 44}\n";
    let csv = "age,plan,visits,shoe\n36,basic,3,43\n37,basic,3,44\n";
    let tsv = csv.replace(',', "\t");
    for (media, body, said) in [
        ("application/x-ndjson", lines, "{\"code\":\"unknown_column\",\"column\":\"shoe\""),
        ("text/csv", csv, "unknown_column: shoe"),
        ("text/tab-separated-values", &tsv, "unknown_column: shoe"),
    ] {
        let answer = send(served.address(), "POST", PREDICT, &[("Content-Type", media)], body.as_bytes());
        assert_eq!(answer.status, 200, "{media}: {}", answer.body);
        assert_eq!(answer.body.matches(said).count(), 1, "{media}: {}", answer.body);
    }
}

#[test]
fn packed_bodies_are_read() {
    use std::io::Write;
    let served = served();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(ADA.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    assert_eq!(send(served.address(), "POST", PREDICT, &headers, &packed).status, 200);
}

#[test]
fn the_model_says_what_it_asks_for() {
    let served = served();
    let models = served.get("/v1/models").json();
    assert_eq!(models["models"][0]["name"], "customers");
    let model = served.get("/v1/models/customers").json();
    let columns = model["columns"].as_array().unwrap();
    let of = |name: &str| columns.iter().find(|c| c["name"] == name).unwrap();
    assert_eq!(of("plan")["categories"], json!(["basic", "plus", "team"]));
    assert_eq!((of("id")["required"].clone(), of("age")["required"].clone()), (json!(false), json!(true)));
    assert!(of("age")["range"][0].as_f64().unwrap() >= 18.0);
    assert!(model["card"].as_str().unwrap().contains("# Model for `left`"));
    let document = served.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/v1/models/{name}/predict"]["post"].is_object());
}

#[test]
fn what_is_answered_together_is_answered_as_alone() {
    use tidemill_core::{Cell, Row};
    use tidemill_engine::serve::serving::Serving;
    let served = served();
    let path = served.folder.path().join("customers.tidemill");
    let serving = std::sync::Arc::new(Serving::open(&path, None, None, &crate::context()).unwrap());
    let batcher = tidemill_server::batcher::Batcher::start(serving.clone()).unwrap();
    let row = |i: usize| Row {
        cells: vec![
            Cell::Missing,
            Cell::Number(18.0 + i as f64),
            Cell::Text("team".into()),
            Cell::Number(3.0),
        ],
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let together = (0..60).map(|i| batcher.answer((0..=i % 3).map(|k| row(i + k)).collect()));
        for (i, answers) in futures(together).await.into_iter().enumerate() {
            let mut alone: Vec<Row> = (0..=i % 3).map(|k| row(i + k)).collect();
            assert_eq!(answers.unwrap(), serving.answer(&mut alone).unwrap());
        }
    });
}

/// All of these, at once.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(|f| (Box::pin(f), None)).collect();
    std::future::poll_fn(move |context| {
        let mut open = false;
        for (future, done) in &mut all {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => open = true,
                }
            }
        }
        match open {
            true => std::task::Poll::Pending,
            false => std::task::Poll::Ready(all.drain(..).filter_map(|(_, done)| done).collect()),
        }
    })
    .await
}

/// Kind "one reader": what is read as a file is read as a body, and answered in the same format.
#[test]
fn tables_by_tabs_and_lines_of_json_are_read_and_written() {
    let served = served();
    let reference = served.predict(ADA).json()["predictions"][0]["probabilities"]["yes"].clone();
    let object = r#"{"id": "ada", "age": 36, "plan": "basic", "visits": 3}"#;
    for (media, body) in [
        (
            "text/tab-separated-values",
            "id\tage\tplan\tvisits\nada\t36\tbasic\t3\nada\t36\tbasic\t3\n".to_string(),
        ),
        (
            "text/tab-separated-values; charset=utf-8",
            "plan\tage\tvisits\r\nbasic\t36\t3\r\nbasic\t36\t3\r\n".into(),
        ),
        ("application/x-ndjson", format!("{object}\n\n{object}")),
        ("application/jsonl", format!("{object}\n{object}\n")),
    ] {
        let headers = [("Content-Type", media), ("Accept", "application/json")];
        let answer = send(served.address(), "POST", PREDICT, &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{media}: {}", answer.body);
        let predictions = answer.json()["predictions"].as_array().cloned().unwrap_or_default();
        assert_eq!(predictions.len(), 2, "{media}");
        assert!(predictions.iter().all(|p| p["probabilities"]["yes"] == reference), "{media}");
        let same = send(served.address(), "POST", PREDICT, &[("Content-Type", media)], body.as_bytes());
        let lines: Vec<&str> = same.body.lines().collect();
        if media.contains("tab") {
            assert!(same.head.contains("text/tab-separated-values"), "{}", same.head);
            assert_eq!(lines[0], "prediction_id\tprediction\tprobability_no\tprobability_yes\twarnings");
            assert_eq!(lines.len(), 3);
        } else {
            assert!(same.head.contains("application/x-ndjson"), "{}", same.head);
            assert_eq!(lines.len(), 2);
            let first: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
            assert_eq!(first["probabilities"]["yes"], reference);
        }
    }
    let refused = |media: &str, body: &str| {
        let answer = send(served.address(), "POST", PREDICT, &[("Content-Type", media)], body.as_bytes());
        (answer.status, answer.json()["error"]["line"].clone())
    };
    assert_eq!(refused("application/x-ndjson", &format!("{object}\n[1]\n")), (400, json!(2)));
    assert_eq!(
        refused("text/csv", "age,plan,visits\n36,basic,3\nage,plan,visits\n36,basic,3\n"),
        (400, json!(3))
    );
    assert_eq!(refused("text/tab-separated-values", "age\tplan\tvisits\n36\tbasic\n"), (400, json!(2)));
    // Packed with zstd, as a file may be.
    let packed = zstd::encode_all(object.as_bytes(), 3).unwrap();
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "zstd")];
    let answer = send(served.address(), "POST", PREDICT, &headers, &packed);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let broken = send(served.address(), "POST", PREDICT, &headers, &packed[..packed.len() - 4]);
    assert_eq!(broken.status, 400);
}

#[test]
fn the_weights_of_accept_are_obeyed() {
    let served = served();
    for (accept, media) in [
        ("text/csv;q=0, application/json", "application/json"),
        ("application/json;q=0.1, text/csv;q=0.9", "text/csv"),
        ("text/csv;q=0.5, */*;q=0.1", "text/csv"),
        ("application/*", "application/json"),
    ] {
        let headers = [("Content-Type", "application/json"), ("Accept", accept)];
        let answer = send(served.address(), "POST", PREDICT, &headers, ADA.as_bytes());
        assert!(
            answer.head.to_lowercase().contains(&format!("content-type: {media}")),
            "{accept}: {}",
            answer.head
        );
    }
    let refused = [("Content-Type", "application/json"), ("Accept", "application/json;q=0")];
    assert_eq!(send(served.address(), "POST", PREDICT, &refused, ADA.as_bytes()).status, 406);
}

#[test]
fn a_mark_before_the_body_and_long_keys_lose_nothing() {
    let served = served();
    assert_eq!(served.predict(&format!("\u{feff}{ADA}")).status, 200);
    for key in ["20241201.123456789012", "1234567890123456789.5", "1234567890123456790.5"] {
        let row = format!(r#"{{"id": {key}, "age": 36, "plan": "basic", "visits": 3}}"#);
        assert_eq!(served.predict(&row).status, 200);
        assert!(served.logged().iter().any(|row| row.row_key.as_deref() == Some(key)), "{key}");
    }
}

/// Kind 2: bodies in the encodings of the world, as the request says or as the training rows were.
#[test]
fn a_body_is_read_in_the_charset_that_it_says_or_that_training_had() {
    let folder = tempfile::tempdir().unwrap();
    let cities = ["Москва", "Уфа", "Омск", "Пермь"];
    let cyrillic = |text: &str| -> Vec<u8> {
        // Windows-1251, as far as it is needed here.
        let byte = |c: char| match u32::from(c) {
            code @ 0..0x80 => code as u8,
            code => (code - 0x410 + 0xC0) as u8,
        };
        text.chars().map(byte).collect()
    };
    let mut text = String::from("id,plan,visits,left\n");
    for i in 0..240_usize {
        let left = if (i % 4 < 2) == (i % 11 != 0) { "yes" } else { "no" };
        text += &format!("c{i},{},{},{left}\n", cities[i % 4], i * 37 % 40);
    }
    let data = folder.path().join("customers.csv");
    std::fs::write(&data, cyrillic(&text)).unwrap();
    let text = "[data]\ntarget = 'left'\nkey = 'id'\n[[learners]]\nkind = 'logistic'\n";
    let registry = tidemill_engine::builtin::registry();
    let recipe = tidemill_engine::recipe::parse(text, "test.toml", &registry).unwrap();
    let job = tidemill_engine::verbs::train::Job {
        words: &tidemill_engine::report::words::EN,
        source: data.display().to_string(),
        recipe,
        recipe_file: None,
        out: folder.path().join("m"),
    };
    let model = tidemill_engine::verbs::train::train(&job, &crate::context()).unwrap().model;
    let served = crate::serve(model, folder);
    let ask = |media: &str, body: &[u8]| {
        let headers = [("Content-Type", media), ("Accept", "application/json")];
        send(served.address(), "POST", PREDICT, &headers, body)
    };
    for city in cities {
        let wanted = served.predict(&json!({ "plan": city, "visits": 3 }).to_string()).json();
        assert!(wanted["predictions"][0]["warnings"].is_null(), "{wanted}");
        let row = format!("plan,visits\n{city},3\n");
        let utf16: Vec<u8> = row.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let marked = [&b"\xFE\xFF"[..], &utf16[..]].concat();
        for (media, body) in [
            ("text/csv", cyrillic(&row)),
            ("text/csv", row.clone().into_bytes()),
            ("text/csv; charset=\"windows-1251\"", cyrillic(&row)),
            ("text/csv; header=present; Charset=CP1251", cyrillic(&row)),
            ("text/csv; charset=us-ascii", row.clone().into_bytes()),
            ("text/csv; charset=utf-16be", utf16.clone()),
            ("text/csv;charset=utf-16", marked),
        ] {
            let answer = ask(media, &body);
            assert_eq!(answer.status, 200, "{media} {city}: {}", answer.body);
            let found = &answer.json()["predictions"][0];
            assert_eq!(found["probabilities"], wanted["predictions"][0]["probabilities"], "{media} {city}");
            assert!(found["warnings"].is_null(), "{media} {city}: {found}");
        }
        let wrong = ask("text/csv; charset=utf-8", &cyrillic(&row));
        assert_eq!((wrong.status, wrong.code().as_str()), (400, "malformed_csv"), "{}", wrong.body);
    }
    let unknown = ask("text/csv; charset=klingon", b"plan,visits\na,1\n");
    assert_eq!((unknown.status, unknown.code().as_str()), (415, "unsupported_charset"));
}

/// Kind 2: a table's rows mean the same wherever the names of its columns stand.
#[test]
fn rows_may_come_before_the_names_of_their_columns() {
    let served = served();
    let wanted = served.predict(ADA).json()["predictions"][0]["probabilities"].clone();
    for body in [
        r#"{"rows": [["ada", 3, "basic", 36]], "columns": ["id", "visits", "plan", "age"]}"#,
        r#"{"rows": [["basic", 3, 36]], "explain": null, "columns": ["plan", "visits", "age"]}"#,
        r#"{"rows": [["ada", 36, "basic", 3]]}"#,
        r#"{"explain": "none", "rows": [{"age": 36, "plan": "basic", "visits": 3}]}"#,
    ] {
        let answer = served.predict(body);
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        assert_eq!(answer.json()["predictions"][0]["probabilities"], wanted, "{body}");
    }
    for (body, code) in [
        (
            r#"{"columns": ["plan", "visits", "age"], "columns": ["plan", "age", "visits"], "rows": [["basic", 36, 3]]}"#,
            "repeated_key",
        ),
        (r#"{"rows": [["ada", 36, "basic", 3]], "rows": [["ada", 36, "basic", 3]]}"#, "repeated_key"),
        (r#"{"rows": {"age": 36}, "columns": ["age"]}"#, "wrong_shape"),
        (r#"{"rows": [["ada", 1e400, "basic", 3]]}"#, "malformed_json"),
        (r#"{"rows": [["ada", 36]], "columns": ["id", "visits", "age"]}"#, "wrong_width"),
        (r#"{"explain": "shap", "age": 36, "plan": "basic", "visits": 3}"#, "no_rows"),
        (r#"{"explain": true, "rows": [["ada", 36, "basic", 3]]}"#, "unknown_explanation"),
    ] {
        let answer = served.predict(body);
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{body}: {}", answer.body);
    }
}

#[test]
fn what_is_refused_is_not_answered_with() {
    let served = served();
    let media = |headers: &[(&str, &str)]| {
        let answer = send(served.address(), "POST", PREDICT, headers, ADA.as_bytes());
        let head = answer.head.to_lowercase();
        let media = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
        (answer.status, media.to_string())
    };
    let json = (200, "application/json".to_string());
    let csv = (200, "text/csv; charset=utf-8".to_string());
    for (accept, wanted) in [
        ("application/json;q=0, */*", &csv),
        ("*/*, application/json;q=0.0", &csv),
        ("application/*, application/json;q=0, text/csv;q=0.1", &(200, "application/x-ndjson".to_string())),
        ("text/csv;q=0, application/json;q=0.2, text/*;q=0.1", &json),
        ("application/json; version=1; q=0.5, text/csv;q=0.9", &csv),
    ] {
        assert_eq!(&media(&[("Accept", accept)]), wanted, "{accept}");
    }
    assert_eq!(&media(&[("Accept", "text/html"), ("Accept", "text/csv")]), &csv, "two headers are one list");
    assert_eq!(media(&[("Accept", "application/json;q=0")]).0, 406);
}

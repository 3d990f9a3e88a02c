//! Kind 4: acknowledged means it counts. What cannot count is refused when it arrives, or its status says so.

use serde_json::{Value, json};

use crate::{ADA, Served, context, send, served, trained};
use tidemill_server::{Options, start};

fn id(served: &Served) -> String {
    served.predict(ADA).json()["predictions"][0]["prediction_id"].as_str().unwrap().to_string()
}

fn label(id: &str, value: Value) -> Value {
    json!({ "prediction_id": id, "kind": "label", "value": value })
}

fn give(served: &Served, body: &Value) -> crate::Answer {
    served.post("/v1/feedback", &body.to_string())
}

fn statuses(served: &Served, body: &Value) -> Vec<String> {
    let answer = give(served, body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let said = answer.json()["feedback"].as_array().cloned().unwrap_or_default();
    said.iter().map(|f| f["status"].as_str().unwrap().to_string()).collect()
}

#[test]
fn a_label_that_is_no_class_is_refused_with_the_classes() {
    let served = served();
    let id = id(&served);
    for value in [json!("perhaps"), json!("YES"), json!(true), json!(1), json!("")] {
        for kind in ["label", "correction"] {
            let answer = give(&served, &json!({ "prediction_id": id, "kind": kind, "value": value }));
            let error = &answer.json()["error"];
            assert_eq!((answer.status, error["code"].as_str()), (400, Some("unknown_class")), "{value}");
            assert!(error["remedy"].as_str().unwrap().contains("no, yes"), "{error}");
        }
    }
    // One that cannot count, and nothing is stored.
    let both = json!([label(&id, json!("yes")), label(&id, json!("maybe"))]);
    let answer = give(&served, &both);
    assert_eq!((answer.status, answer.json()["error"]["row"].as_u64()), (400, Some(2)));
    assert!(served.logged()[0].feedback.is_empty());
    assert_eq!(statuses(&served, &label(&id, json!(" yes "))), ["stored"]);
    // What is no word about the right answer is not judged by it.
    assert_eq!(
        statuses(&served, &json!({ "prediction_id": id, "kind": "comment", "value": "perhaps" })),
        ["stored"]
    );
}

/// A server of a model with this table's last column as its target.
fn serving(csv: &str, target: &str) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let recipe = "[[learners]]\nkind = \"ridge\"\n";
    let csv = csv.replace(target, "left");
    let recipe = if target == "price" { recipe } else { "" };
    let model = trained(&csv, recipe, folder.path());
    let path = folder.path().join("customers.tidemill");
    std::fs::copy(model, &path).unwrap();
    let options = Options::local(vec![path], folder.path().join("loop.db").display().to_string());
    Served { running: start(&options, &context()).unwrap(), folder }
}

#[test]
fn a_label_of_a_number_is_a_number_and_digits_are_classes_by_value() {
    let rows = |value: &dyn Fn(usize) -> String| {
        (0..200).map(|i| format!("k{i},{},{}\n", i % 37, value(i))).collect::<String>()
    };
    let prices =
        serving(&format!("id,age,price\n{}", rows(&|i| format!("{}.5", 3 * (i % 37) + i % 5))), "price");
    let ask = |served: &Served| {
        served.predict(r#"{"id": "a", "age": 3}"#).json()["predictions"][0]["prediction_id"]
            .as_str()
            .unwrap()
            .to_string()
    };
    let id = ask(&prices);
    for (value, status) in [
        (json!("dear"), 400),
        (json!(false), 400),
        (json!("12.5"), 200),
        (json!(13), 200),
        // The square of its error would be infinite, and with it every score.
        (json!(1e300), 400),
        (json!("-1e300"), 400),
    ] {
        assert_eq!(give(&prices, &label(&id, value.clone())).status, status, "{value}");
    }
    assert_eq!(give(&prices, &label(&id, json!("dear"))).code(), "not_a_number");

    let digits =
        serving(&format!("id,age,paid\n{}", rows(&|i| usize::from(i % 37 > 15 + i % 7).to_string())), "paid");
    let id = ask(&digits);
    for (value, status) in [
        (json!(true), 400),
        (json!("true"), 400),
        (json!(2), 400),
        (json!(1), 200),
        (json!("0"), 200),
        (json!(1.0), 200),
    ] {
        assert_eq!(give(&digits, &label(&id, value.clone())).status, status, "{value}");
    }
}

#[test]
fn a_clock_that_is_ahead_is_refused_and_a_correction_counts() {
    let served = served();
    let id = id(&served);
    let tomorrow = tidemill_store::now() + 86_400_000_000;
    for at in [json!(tomorrow), json!("2099-01-01"), json!("2099-01-01T00:00:00Z")] {
        let answer = give(&served, &json!({ "prediction_id": id, "kind": "label", "value": "no", "at": at }));
        assert_eq!((answer.status, answer.code().as_str()), (400, "ahead_of_clock"), "{at}");
    }
    // A little ahead is how clocks are: it is taken, and does not outlast what is said after it.
    let soon = tidemill_store::now() + 60_000_000;
    let early = json!({ "prediction_id": id, "kind": "label", "value": "no", "at": soon });
    assert_eq!(statuses(&served, &early), ["stored"]);
    let right = json!({ "prediction_id": id, "kind": "correction", "value": "yes" });
    assert_eq!(statuses(&served, &right), ["contradicts"]);
    let found = served.get("/v1/models/customers/monitor").json();
    let said = served.predict(ADA).json()["predictions"][0]["prediction"].clone();
    assert_eq!(found["live"]["metrics"]["accuracy"], json!(f64::from(u8::from(said == "yes"))), "{found}");
    assert_eq!(found["not_counted"]["superseded"], 1, "the first word does not count, and is shown");
}

#[test]
fn an_older_word_than_the_one_that_counts_is_superseded() {
    let served = served();
    let id = id(&served);
    assert_eq!(statuses(&served, &label(&id, json!("yes"))), ["stored"]);
    let old =
        json!({ "prediction_id": id, "kind": "correction", "value": "no", "at": "2020-01-01T00:00:00Z" });
    assert_eq!(statuses(&served, &old), ["superseded"]);
    let agreeing =
        json!({ "prediction_id": id, "kind": "label", "value": "yes", "at": "2020-01-01T00:00:00Z" });
    assert_eq!(statuses(&served, &agreeing), ["stored"]);
    let said = served.logged()[0].prediction.clone();
    let rejected =
        json!({ "prediction_id": id, "kind": if said == "\"yes\"" { "reject" } else { "accept" } });
    assert_eq!(statuses(&served, &rejected), ["contradicts"], "a rejection is a word about the right answer");
}

#[test]
fn idempotency_keys_belong_to_one_api_key_and_one_content() {
    let served = served();
    let (one, other) = (id(&served), id(&served));
    let keyed = |id: &str, value: &str| json!({ "prediction_id": id, "kind": "label", "value": value, "idempotency_key": "1" });
    assert_eq!(statuses(&served, &keyed(&one, "yes")), ["stored"]);
    assert_eq!(statuses(&served, &keyed(&one, "yes")), ["repeated"]);
    for conflicting in [keyed(&other, "no"), keyed(&one, "no"), keyed(&other, "yes")] {
        let answer = give(&served, &conflicting);
        assert_eq!((answer.status, answer.code().as_str()), (409, "idempotency_conflict"), "{conflicting}");
    }
    let twice = json!([
        { "prediction_id": one, "kind": "label", "value": "yes", "idempotency_key": "2" },
        { "prediction_id": one, "kind": "label", "value": "no", "idempotency_key": "2" },
    ]);
    assert_eq!(give(&served, &twice).status, 409, "within one request as well");

    let app = &served.running.app;
    let tokens: Vec<String> =
        ["a", "b"].map(|name| app.store.create_key(name, &["feedback".into()], None).unwrap().1).into();
    app.keys.refresh(&app.store).unwrap();
    for (token, id, value) in [(&tokens[0], &one, "no"), (&tokens[1], &other, "no")] {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let body = keyed(id, value).to_string();
        let answer = send(served.address(), "POST", "/v1/feedback", &headers, body.as_bytes());
        assert_eq!((answer.status, answer.body.contains("repeated")), (200, false), "{}", answer.body);
    }
    let of_other = served.logged().into_iter().find(|p| p.id.to_string() == other).unwrap();
    assert_eq!(of_other.feedback.len(), 1, "the second key's label is there");
}

#[test]
fn a_key_that_comes_twice_and_half_a_character_are_refused() {
    let served = served();
    let id = id(&served);
    for (body, code, line) in [
        (
            format!(
                "{{\"prediction_id\": \"{id}\",\n\"kind\": \"label\", \"value\": \"no\", \"value\": \"yes\"}}"
            ),
            "repeated_key",
            2,
        ),
        (
            format!(
                "{{\"feedback\": [], \"feedback\": [{{\"prediction_id\": \"{id}\", \"kind\": \"accept\"}}]}}"
            ),
            "repeated_key",
            1,
        ),
        (
            format!("{{\"prediction_id\": \"{id}\", \"kind\": \"comment\", \"value\": \"\\ud800\"}}"),
            "malformed_json",
            1,
        ),
    ] {
        let answer = served.post("/v1/feedback", &body);
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, error["code"].as_str(), error["line"].as_u64()),
            (400, Some(code), Some(line)),
            "{body}: {error}"
        );
    }
    assert!(served.logged()[0].feedback.is_empty());
}

/// A request with the header `Idempotency-Key`, and an API key where one is needed.
fn with_key(served: &Served, path: &str, key: &str, token: Option<&str>, body: &str) -> crate::Answer {
    let bearer = format!("Bearer {}", token.unwrap_or_default());
    let mut headers = vec![("Content-Type", "application/json"), ("Idempotency-Key", key)];
    if token.is_some() {
        headers.push(("Authorization", &bearer));
    }
    send(served.address(), "POST", path, &headers, body.as_bytes())
}

#[test]
fn the_header_idempotency_key_counts_as_that_of_the_body() {
    let served = served();
    let (one, other) = (id(&served), id(&served));
    let give = |key: &str, body: &Value| with_key(&served, "/v1/feedback", key, None, &body.to_string());
    let status = |answer: crate::Answer| answer.json()["feedback"][0]["status"].as_str().map(String::from);
    assert_eq!(status(give("h", &label(&one, json!("yes")))).as_deref(), Some("stored"));
    assert_eq!(status(give("h", &label(&one, json!("yes")))).as_deref(), Some("repeated"));
    assert_eq!(status(give("\"h\"", &label(&one, json!("yes")))).as_deref(), Some("repeated"));
    let in_body = json!({ "prediction_id": one, "kind": "label", "value": "no", "idempotency_key": "h" });
    assert_eq!(served.post("/v1/feedback", &in_body.to_string()).status, 409, "one key for header and body");
    let both = json!([label(&one, json!("yes")), label(&other, json!("yes"))]);
    for conflicting in [label(&one, json!("no")), label(&other, json!("yes")), both.clone()] {
        let answer = give("h", &conflicting);
        assert_eq!((answer.status, answer.code().as_str()), (409, "idempotency_conflict"), "{conflicting}");
    }
    assert!(served.logged().iter().all(|p| p.id.to_string() != other || p.feedback.is_empty()));
    assert_eq!(give("two", &both).status, 200);
    let again = give("two", &both).json();
    assert!(again["feedback"].as_array().unwrap().iter().all(|f| f["status"] == "repeated"), "{again}");
    assert_eq!(give("two", &label(&one, json!("yes"))).status, 409, "a part of a request is another request");
    assert_eq!(give(&"k".repeat(300), &both).code(), "bad_idempotency_key");
}

#[test]
fn a_repeated_request_for_predictions_is_answered_as_before_and_logged_once() {
    let served = served();
    let first = with_key(&served, crate::PREDICT, "p", None, ADA);
    assert_eq!(first.status, 200, "{}", first.body);
    let again = with_key(&served, crate::PREDICT, "p", None, ADA);
    assert_eq!((again.status, &again.body), (200, &first.body), "the same ids");
    assert!(again.head.to_lowercase().contains("idempotent-replayed: true"), "{}", again.head);
    assert!(!first.head.to_lowercase().contains("idempotent-replayed"), "{}", first.head);
    let other = with_key(&served, crate::PREDICT, "p", None, &ADA.replace("36", "37"));
    assert_eq!((other.status, other.code().as_str()), (409, "idempotency_conflict"));
    assert_eq!(served.logged().len(), 1);
    // What was refused is not remembered.
    assert_eq!(with_key(&served, crate::PREDICT, "q", None, "[]").status, 400);
    assert_eq!(with_key(&served, crate::PREDICT, "q", None, ADA).status, 200);
    // A key belongs to one API key.
    let app = &served.running.app;
    let token = app.store.create_key("a", &["predict".into()], None).unwrap().1;
    app.keys.refresh(&app.store).unwrap();
    let bob = ADA.replace("ada", "bob");
    assert_eq!(with_key(&served, crate::PREDICT, "p", Some(&token), &bob).status, 200);
    app.store.forget(vec!["bob".into()]).unwrap();
    let anew = with_key(&served, crate::PREDICT, "p", Some(&token), &bob);
    assert!(
        !anew.head.to_lowercase().contains("idempotent-replayed"),
        "what is forgotten is not answered again"
    );
}

#[test]
fn what_older_versions_stored_and_cannot_count_is_shown() {
    let served = served();
    let ids: Vec<String> = (0..4).map(|_| id(&served)).collect();
    let as_it_is = |id: &str, value: Value, at: Option<i64>| tidemill_store::Feedback {
        prediction_id: id.parse().unwrap(),
        kind: tidemill_store::FeedbackKind::Label,
        value: Some(value),
        at,
        user: None,
        idempotency_key: None,
        key_id: None,
        must_exist: false,
    };
    let future = Some(tidemill_store::now() + 1_000_000_000_000);
    let store = &served.running.app.store;
    let old = vec![
        as_it_is(&ids[0], json!("perhaps"), None),
        as_it_is(&ids[1], json!("YES"), None),
        as_it_is(&ids[2], json!("no"), future),
        as_it_is("0198c0de-0000-7000-8000-000000000001", json!("no"), None),
    ];
    store.feedback_blocking(old).unwrap();
    assert_eq!(
        statuses(&served, &label(&ids[2], json!("yes"))),
        ["contradicts"],
        "it does not wait for the future to pass"
    );
    let found = served.get("/v1/models/customers/monitor").json();
    assert_eq!(
        found["not_counted"],
        json!({ "orphaned": 1, "superseded": 1, "unknown_class": 2 }),
        "{found}"
    );
    assert_eq!(found["live"]["rows"], 1);
    // And what was odd about rows is counted as well.
    assert_eq!(served.predict(r#"{"age": 500, "plan": "gold", "visits": 1}"#).status, 200);
    let found = served.get("/v1/models/customers/monitor").json();
    assert_eq!(found["odd_rows"], json!({ "outside_training_range": 1, "unseen_category": 1 }));
    assert_eq!(found["odd_of"], 5);
}

#[test]
fn an_accept_or_a_reject_that_names_another_answer_is_refused() {
    let served = served();
    let said = served.predict(ADA).json()["predictions"][0].clone();
    let (answered, other) = if said["prediction"] == "yes" { ("yes", "no") } else { ("no", "yes") };
    let one = |kind: &str, value: &str| json!({ "prediction_id": said["prediction_id"], "kind": kind, "value": value });
    let answer = give(&served, &one("accept", other));
    assert_eq!((answer.status, answer.code().as_str()), (400, "names_another"), "{}", answer.body);
    assert!(answer.json()["error"]["remedy"].as_str().unwrap().contains("correction"));
    assert!(served.logged()[0].feedback.is_empty());
    // What it confirms may stand there, and any other word: it is no answer.
    assert_eq!(statuses(&served, &one("accept", answered)), ["stored"]);
    assert_eq!(statuses(&served, &one("accept", "thanks")), ["stored"]);
    // Of two classes both words say the same.
    assert_eq!(statuses(&served, &one("reject", answered)), ["contradicts"]);
    assert_eq!(statuses(&served, &one("reject", other)), ["stored"]);
}

#[test]
fn times_are_read_as_clients_write_them() {
    let served = served();
    let now = tidemill_store::now();
    let seconds = now / 1_000_000 - 60;
    for (i, at) in [
        json!(seconds),
        json!(seconds as f64 + 0.25),
        json!(seconds * 1000),
        json!(seconds.to_string()),
        json!(format!("{seconds}.25")),
    ]
    .iter()
    .enumerate()
    {
        let id = id(&served);
        let answer = give(&served, &json!({ "prediction_id": id, "kind": "label", "value": "no", "at": at }));
        assert_eq!(answer.status, 200, "{at}: {}", answer.body);
        let given = served.logged()[i].feedback[0].at;
        assert!((given - seconds * 1_000_000).abs() <= 250_000, "{at}: {given}");
    }
    let id = id(&served);
    for at in [json!("20260531x"), json!(true), json!("soon"), json!(1e300), json!("12")] {
        let answer = give(&served, &json!({ "prediction_id": id, "kind": "label", "value": "no", "at": at }));
        assert_eq!(answer.status, 400, "{at}");
    }
}

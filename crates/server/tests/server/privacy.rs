//! Private columns are never stored in the clear.

use crate::{ADA, Served, context, customers, trained};
use tidemill_engine::improve;
use tidemill_engine::serve::secrets;
use tidemill_engine::serve::serving::Serving;
use tidemill_server::{Options, start};

fn served(recipe: &str) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let model = trained(&customers(300, 3), recipe, folder.path());
    let path = folder.path().join("customers.tidemill");
    std::fs::copy(model, &path).unwrap();
    let mut options = Options::local(vec![path], folder.path().join("loop.db").display().to_string());
    options.hash_key = Some("0123456789abcdef".into());
    let running = start(&options, &context()).unwrap();
    Served { running, folder }
}

/// All bytes of the store's files.
fn stored(served: &Served) -> Vec<u8> {
    let names = ["loop.db", "loop.db-wal"];
    names.iter().flat_map(|name| std::fs::read(served.folder.path().join(name)).unwrap_or_default()).collect()
}

#[test]
fn dropped_and_hashed_columns_leave_no_trace() {
    let served = served(
        "[columns.age]\nprivate = \"drop\"\n[columns.plan]\nprivate = \"hash\"\n[columns.id]\nprivate = \"hash\"\n",
    );
    let body = ADA.replace("\"ada\"", "\"key-of-ada-77\"").replace("36", "36.625");
    let answer = served.predict(&body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let logged = &served.logged()[0];
    assert!(
        logged.features.starts_with("[null,\"hmac:") && logged.features.ends_with(",3]"),
        "{}",
        logged.features
    );
    assert!(logged.row_key.as_deref().unwrap().starts_with("hmac:"));
    let bytes = stored(&served);
    for secret in ["key-of-ada-77", "36.625"] {
        assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret} is in the store");
    }
}

#[test]
fn without_the_secret_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let model = trained(&customers(300, 3), "[columns.plan]\nprivate = \"hash\"\n", folder.path());
    let options = Options::local(vec![model], folder.path().join("loop.db").display().to_string());
    let Err(e) = start(&options, &context()) else { panic!("it started") };
    assert!(e.to_string().contains("'plan'"), "{e}");
}

const HASHED: &str = "[columns.plan]\nprivate = \"hash\"\n[columns.id]\nprivate = \"hash\"\n";
const RIGHT: &str = "0123456789abcdef";
const WRONG: &str = "fedcba9876543210";

fn forget(served: &Served, key: &str, secret: Option<&str>) -> tidemill_core::Result<(u64, u64)> {
    let means = secrets::Means { secret, identity: None };
    secrets::forget(&served.running.app.store, key, means, None)
}

/// Kind 23: another secret is refused, wherever it is needed.
#[test]
fn another_secret_than_the_one_that_rows_were_hashed_with_is_refused() {
    let served = served(HASHED);
    assert_eq!(served.predict(ADA).status, 200);
    let model = served.folder.path().join("customers.tidemill");
    let improve = |key: &str| {
        let job = improve::Job { hash_key: Some(key.into()), ..crate::challenge(&model) };
        improve::improve(&job, &served.running.app.store, &context())
    };
    assert!(
        improve(WRONG).unwrap_err().to_string().contains("is not the one that the rows of model 'customers'")
    );
    assert!(improve(RIGHT).unwrap().verdict.starts_with("not enough to tell"));
    assert!(forget(&served, "ada", Some(WRONG)).is_err());
    let mut options = Options::local(vec![model], served.folder.path().join("loop.db").display().to_string());
    options.hash_key = Some(WRONG.into());
    let Err(e) = start(&options, &context()) else { panic!("it started") };
    assert_eq!(e.code(), "usage", "{e}");
}

#[test]
fn forgetting_finds_hashed_keys_or_says_that_it_cannot() {
    let served = served(HASHED);
    let said = served.predict(ADA).json();
    served.predict(&ADA.replace("ada", "bob"));
    let id = &said["predictions"][0]["prediction_id"];
    let feedback = serde_json::json!({ "prediction_id": id, "kind": "accept", "user": "ada" });
    assert_eq!(served.post("/v1/feedback", &feedback.to_string()).status, 200);
    let e = forget(&served, "ada", None).unwrap_err();
    assert!(
        e.to_string().contains("nothing was forgotten") && e.remedy().unwrap().contains("TIDEMILL_HASH_KEY"),
        "{e}"
    );
    assert_eq!((served.logged().len(), served.logged()[0].feedback.len()), (2, 1));
    assert_eq!(forget(&served, "ada", Some(RIGHT)).unwrap(), (1, 1));
    assert_eq!(served.logged().len(), 1);
    assert_eq!(forget(&served, "nobody", Some(RIGHT)).unwrap(), (0, 0));
}

#[test]
fn forgetting_in_a_store_that_does_not_know_asks_for_the_model() {
    let served = served(HASHED);
    served.predict(ADA);
    let store = &served.running.app.store;
    store.write_blocking(|db| db.execute("DELETE FROM marks", &[])).unwrap();
    let e = forget(&served, "ada", Some(RIGHT)).unwrap_err();
    assert!(e.remedy().unwrap().contains("--model"), "{e}");
    let model = served.folder.path().join("customers.tidemill");
    let serving = Serving::open(&model, None, Some(RIGHT), &context()).unwrap();
    let means = secrets::Means { secret: Some(RIGHT), identity: None };
    assert_eq!(secrets::forget(store, "ada", means, Some(&serving)).unwrap(), (1, 0));
}

/// Kind 3: keys are texts to the last digit, in the log and for `forget`.
#[test]
fn keys_are_kept_as_texts() {
    let served = crate::served();
    for key in ["007", "7", "9007199254740993", "9007199254740992", "1234567890123456789012345", "1e3", " x "]
    {
        assert_eq!(served.predict(&ADA.replace("ada", key)).status, 200);
    }
    let keys: Vec<_> = served.logged().into_iter().map(|p| p.row_key.unwrap()).collect();
    assert_eq!(
        keys,
        ["007", "7", "9007199254740993", "9007199254740992", "1234567890123456789012345", "1e3", " x "]
    );
    assert_eq!(forget(&served, "9007199254740993", None).unwrap(), (1, 0));
    assert_eq!(forget(&served, "7", None).unwrap(), (1, 0));
    let by = |user: serde_json::Value| {
        let id = served.logged()[0].id.to_string();
        let body = serde_json::json!({ "prediction_id": id, "kind": "rating", "value": 4, "user": user });
        served.post("/v1/feedback", &body.to_string()).status
    };
    assert_eq!((by(9_007_199_254_740_993_u64.into()), by(1.5.into())), (200, 400));
    assert_eq!(served.logged()[0].feedback[0].user.as_deref(), Some("9007199254740993"));
}

#[test]
fn nothing_is_kept_for_less_than_a_second_and_nothing_for_much_longer_than_asked() {
    let mut options = Options::local(vec![], "unused.db");
    options.retention = Some(std::time::Duration::ZERO);
    let Err(e) = start(&options, &context()) else { panic!("it started") };
    assert_eq!(e.code(), "retention");

    let served = crate::served_with(|o| o.retention = Some(std::time::Duration::from_secs(1)));
    assert_eq!(served.predict(ADA).status, 200);
    assert_eq!(served.logged().len(), 1);
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    assert!(served.logged().is_empty(), "it is gone while the server runs");
}

#[test]
fn a_number_that_is_to_be_hashed_is_refused_before_it_is_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    let train = |recipe: &str| {
        let data = folder.path().join("customers.csv");
        std::fs::write(&data, customers(300, 3)).unwrap();
        let mut recipe =
            tidemill_engine::recipe::parse(recipe, "test.toml", &tidemill_engine::builtin::registry())
                .unwrap();
        (recipe.data.target, recipe.data.key) = (Some("left".into()), Some("id".into()));
        recipe.train.trials = Some(1);
        let job = tidemill_engine::verbs::train::Job {
            words: &tidemill_engine::report::words::EN,
            source: data.display().to_string(),
            recipe,
            recipe_file: None,
            out: folder.path().join("m"),
        };
        tidemill_engine::verbs::train::train(&job, &context()).map(drop)
    };
    let e = train("[columns.age]\nprivate = \"hash\"\n").unwrap_err();
    assert!(e.to_string().contains("'age' is a number") && e.remedy().unwrap().contains("seal"), "{e}");
    // Its visits as names can be known again.
    train("[columns.visits]\nprivate = \"hash\"\nkind = \"category\"\n").unwrap();
}

/// Kind 23: what the model takes for one value has one hash, however a client writes it.
#[test]
fn values_that_mean_the_same_have_the_same_hash() {
    let served = served(HASHED);
    let csv = "id,age,plan,visits\nada,36, basic ,3\nada,36,\"basic\",3\nada,36,basic,3\n";
    assert_eq!(
        crate::send(
            served.address(),
            "POST",
            crate::PREDICT,
            &[("Content-Type", "text/csv")],
            csv.as_bytes()
        )
        .status,
        200
    );
    for plan in ["basic", " basic", r"basic\t"] {
        assert_eq!(served.predict(&ADA.replace("basic", plan)).status, 200, "{plan}");
    }
    // No value, however it is said, is no value.
    for nothing in ["\"\"", "\" \"", "\"NA\"", "null"] {
        assert_eq!(served.predict(&ADA.replace("\"basic\"", nothing)).status, 200, "{nothing}");
    }
    let kept: Vec<String> = served.logged().into_iter().map(|p| p.features).collect();
    assert!(kept[0].starts_with("[36,\"hmac:") || kept[0].starts_with("[\"36\",\"hmac:"), "{}", kept[0]);
    let plan = |features: &String| {
        let values: Vec<serde_json::Value> = serde_json::from_str(features).unwrap();
        values[1].clone()
    };
    assert!(kept[..6].iter().all(|one| plan(one) == plan(&kept[0])), "{kept:?}");
    assert!(kept[6..].iter().all(|one| plan(one).is_null()), "{kept:?}");
}

/// Kind 3: a key that one of the databases could not hold is refused before it is answered, whatever the database.
#[test]
fn a_name_with_a_nul_is_refused() {
    let served = crate::served();
    let answer = served.predict(&ADA.replace("ada", r"a\u0000da"));
    let error = &answer.json()["error"];
    assert_eq!((answer.status, error["row"].as_u64(), error["column"].as_str()), (400, Some(1), Some("id")));
    assert!(served.logged().is_empty());
    assert_eq!(
        served.predict(&ADA.replace("basic", r"ba\u0000sic")).status,
        200,
        "a feature is kept as JSON"
    );
    let id = served.logged()[0].id.to_string();
    for key in ["user", "idempotency_key"] {
        let body = serde_json::json!({ "prediction_id": id, "kind": "rating", "value": 4, key: "a\u{0}b" });
        let answer = served.post("/v1/feedback", &body.to_string());
        assert_eq!((answer.status, answer.code().as_str()), (400, "wrong_type"), "{key}: {}", answer.body);
    }
    assert_eq!(served.get("/health/ready").status, 200);
}

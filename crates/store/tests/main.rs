//! The same tests on every database: SQLite always, PostgreSQL where `TIDEMILL_TEST_POSTGRES` holds the URL of a
//! server whose databases may be made and dropped (`cargo xtask judge postgres` starts one).
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod contents;
mod feedback;
mod log;
mod outages;

use std::sync::Arc;

use serde_json::json;
use tidemill_store::{
    Durability, Error, Fate, Feedback, FeedbackKind, Improvement, Keyed, LoggedRow, NewVersion, Once,
    Options, Predictions, Sent, Store, keys, now,
};
use uuid::Uuid;

/// A fresh store of each kind there is, one after the other.
fn on_every_database(test: impl Fn(&str)) {
    let folder = tempfile::tempdir().unwrap();
    test(&folder.path().join("loop.db").display().to_string());
    if let Ok(server) = std::env::var("TIDEMILL_TEST_POSTGRES") {
        let name = format!("t{}", Uuid::now_v7().simple());
        let mut admin = postgres::Client::connect(&server, postgres::NoTls).unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        test(&format!("{base}/{name}"));
        admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
    }
}

fn open(location: &str) -> Store {
    Store::open(location, Options::default()).unwrap()
}

fn version(store: &Store) -> i64 {
    let new = NewVersion {
        model: "m".into(),
        hash: "h".into(),
        recipe_hash: "r".into(),
        parent: None,
        columns: vec!["age".into()],
        about: json!({ "task": "binary" }),
    };
    store.version(&new).unwrap()
}

fn rows(n: usize, key: Option<&str>) -> Vec<LoggedRow> {
    let row = |i| LoggedRow {
        id: Uuid::now_v7(),
        features: format!("[{i}]"),
        prediction: "\"yes\"".into(),
        probabilities: Some("[0.25,0.75]".into()),
        row_key: key.map(String::from),
        ..LoggedRow::default()
    };
    (0..n).map(row).collect()
}

fn predictions(version: i64, at: i64, rows: Vec<LoggedRow>) -> Predictions {
    let (variant, key_id) = (Arc::from("champion"), None);
    Predictions { at, version, variant, propensity: 1.0, latency_us: 7, key_id, rows }
}

fn log(store: &Store, version: i64, at: i64, rows: Vec<LoggedRow>) -> Vec<Uuid> {
    let ids = rows.iter().map(|r| r.id).collect();
    runtime().block_on(store.log(predictions(version, at, rows))).unwrap();
    ids
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn said(id: Uuid, kind: FeedbackKind, value: serde_json::Value) -> Feedback {
    let value = Some(value).filter(|v| !v.is_null());
    Feedback {
        prediction_id: id,
        kind,
        value,
        at: None,
        user: None,
        idempotency_key: None,
        key_id: None,
        must_exist: false,
    }
}

/// Accepts all feedback.
struct Anything;

impl tidemill_store::Judge for Anything {
    type Refusal = ();
    fn check(&self, _: &Feedback, _: tidemill_store::Subject<'_>) -> Result<(), ()> {
        Ok(())
    }
    fn truth(
        &self,
        _: FeedbackKind,
        value: Option<&serde_json::Value>,
        _: tidemill_store::Subject<'_>,
    ) -> Option<String> {
        value.map(ToString::to_string)
    }
}

fn all(store: &Store) -> Vec<tidemill_store::LoggedPrediction> {
    let mut found = Vec::new();
    store
        .each_logged("m", i64::MIN, i64::MAX, false, &mut |p| {
            found.push(p);
            Ok(())
        })
        .unwrap();
    found
}

/// Set once somebody is to stop.
#[derive(Default)]
struct Stop(std::sync::atomic::AtomicBool);

impl Stop {
    fn is_set(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

struct Stopping<'a>(&'a Stop);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

//! The same tests on every database: SQLite always, PostgreSQL where `TIDEMILL_TEST_POSTGRES` holds the URL of a
//! server whose databases may be made and dropped (`cargo xtask judge postgres` starts one).
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

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

#[test]
fn what_is_logged_is_found_again_in_order() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        assert_eq!(version(&store), v, "a version is recorded once");
        let ids = log(&store, v, 1_000, rows(200, Some("k")));
        let found = all(&store);
        assert_eq!(found.iter().map(|p| p.id).collect::<Vec<_>>(), ids);
        assert_eq!((found[3].features.as_str(), found[3].prediction.as_str()), ("[3]", "\"yes\""));
        assert_eq!((found[3].probabilities.as_deref(), found[3].latency_us), (Some("[0.25,0.75]"), 7));
        assert_eq!(store.versions("m").unwrap()[0].version.columns, ["age"]);
        // Another process sees the same.
        assert_eq!(all(&open(location)).len(), 200);
    });
}

#[test]
fn every_piece_of_feedback_has_its_fate() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let ids = log(&store, v, now(), rows(2, None));
        let give = |f: Vec<Feedback>| store.feedback_blocking(f).unwrap();
        let label = said(ids[0], FeedbackKind::Label, json!("no"));
        assert_eq!(give(vec![label.clone()]), [Fate::Stored]);
        assert_eq!(give(vec![label.clone()]), [Fate::Repeated]);
        let other = said(ids[0], FeedbackKind::Label, json!("yes"));
        assert_eq!(give(vec![other]), [Fate::Contradicts]);
        let late = Feedback { at: Some(5), ..said(ids[1], FeedbackKind::Rating, json!(4)) };
        assert_eq!(give(vec![late.clone(), late]), [Fate::Stored, Fate::Repeated]);
        let keyed = |value: i64| Feedback {
            idempotency_key: Some("one".into()),
            ..said(ids[1], FeedbackKind::Outcome, json!(value))
        };
        assert_eq!(give(vec![keyed(1), keyed(1)]), [Fate::Stored, Fate::Repeated]);
        for conflicting in [vec![keyed(2)], vec![keyed(1), keyed(3)]] {
            let e = store.feedback_blocking(conflicting).unwrap_err();
            assert!(matches!(e, Error::Conflict), "{e}");
        }
        let of_another = Feedback { key_id: Some("k".into()), ..keyed(2) };
        assert_eq!(give(vec![of_another]), [Fate::Contradicts], "an idempotency key belongs to its API key");
        let earlier = Feedback { at: Some(9), ..said(ids[0], FeedbackKind::Correction, json!("no")) };
        assert_eq!(give(vec![earlier]), [Fate::Superseded], "a later word counts already");

        let mut early = rows(1, None);
        let orphan = early[0].id;
        assert_eq!(give(vec![said(orphan, FeedbackKind::Accept, json!(null))]), [Fate::Orphaned]);
        early[0].features = "[9]".into();
        log(&store, v, now(), early);
        let found = all(&store);
        let kinds = |id: Uuid| -> Vec<_> {
            let of = found.iter().find(|p| p.id == id).unwrap();
            of.feedback.iter().map(|f| (f.kind, f.value.clone())).collect()
        };
        assert_eq!(
            kinds(orphan),
            [(FeedbackKind::Accept, None)],
            "an orphan counts once its prediction is there"
        );
        assert_eq!(kinds(ids[0]).last().unwrap().1, Some(json!("yes")), "the latest word comes last");
        assert_eq!(kinds(ids[1]).len(), 3);
    });
}

#[test]
fn a_request_with_a_key_counts_once() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let ask = |key: &str, content: u8, by: Option<&str>, row_key: &str| {
            let keyed = Keyed { key: key.into(), content: [content; 32] };
            let asked =
                Predictions { key_id: by.map(Arc::from), ..predictions(v, now(), rows(2, Some(row_key))) };
            let sent = Sent { media: "text/csv".into(), body: asked.rows[0].id.as_bytes().to_vec() };
            let once = runtime().block_on(store.log_once(keyed, asked, sent.clone())).unwrap();
            (once, sent)
        };
        let (first, sent) = ask("k", 1, None, "ada");
        assert_eq!(first, Once::New);
        assert_eq!(ask("k", 1, None, "ada").0, Once::Repeated(sent), "the answer of the first time");
        assert_eq!(ask("k", 2, None, "ada").0, Once::Conflict);
        assert_eq!(ask("k", 2, Some("a"), "bob").0, Once::New, "a key belongs to its API key");
        assert_eq!(all(&store).len(), 4);
        // What is forgotten is in no answer that is kept.
        store.forget(vec!["ada".into()]).unwrap();
        assert_eq!(ask("k", 1, None, "eve").0, Once::New);
        assert!(matches!(ask("k", 2, Some("a"), "bob").0, Once::Repeated(_)));
        store.prune(now() + 1).unwrap();
        assert_eq!(ask("k", 3, Some("a"), "bob").0, Once::New);
    });
}

#[test]
fn feedback_of_a_request_with_a_key_is_stored_once() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let ids = log(&store, v, now(), rows(3, None));
        let piece = |i: usize, value: &str| said(ids[i], FeedbackKind::Label, json!(value));
        let give = |key: &str, given: Vec<Feedback>| {
            runtime().block_on(store.accept_once(key.into(), given, Anything)).unwrap()
        };
        assert_eq!(give("k", vec![piece(0, "yes")]), Ok(vec![Fate::Stored]));
        assert_eq!(give("k", vec![piece(0, "yes")]), Ok(vec![Fate::Repeated]));
        let in_body = Feedback { idempotency_key: Some("k".into()), ..piece(0, "yes") };
        assert_eq!(
            store.feedback_blocking(vec![in_body]).unwrap(),
            [Fate::Repeated],
            "header and body agree"
        );
        for other in [vec![piece(0, "no")], vec![piece(1, "yes")], vec![piece(0, "yes"), piece(1, "yes")]] {
            assert!(give("k", other.clone()).is_err(), "{other:?}");
        }
        let both = vec![piece(1, "yes"), piece(2, "no")];
        assert_eq!(give("b", both.clone()), Ok(vec![Fate::Stored; 2]));
        assert_eq!(give("b", both), Ok(vec![Fate::Repeated; 2]));
        assert_eq!(give("b", vec![piece(1, "yes")]), Err(tidemill_store::Refused::OtherRequest));
    });
}

#[test]
fn a_thousand_at_once_are_all_kept_once() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        runtime().block_on(async {
            let tasks: Vec<_> = (0..1000)
                .map(|_| {
                    let store = store.clone();
                    tokio::spawn(async move { store.log(predictions(v, now(), rows(3, None))).await })
                })
                .collect();
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        });
        assert_eq!(all(&store).len(), 3000);
    });
}

#[test]
fn one_bad_job_does_not_take_others_with_it() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        runtime().block_on(async {
            let good = store.log(predictions(v, now(), rows(1, None)));
            let bad = store.write(|db| db.execute("INSERT INTO nowhere (x) VALUES (1)", &[]));
            let (good, bad) = tokio::join!(good, bad);
            good.unwrap();
            assert!(bad.is_err());
        });
        assert_eq!(all(&store).len(), 1);
    });
}

#[test]
fn forgetting_leaves_nothing_of_a_key() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let ada = log(&store, v, now(), rows(2, Some("ada-7731")));
        let bob = log(&store, v, now(), rows(1, Some("bob")));
        let by_ada = Feedback {
            user: Some("ada-7731".into()),
            ..said(bob[0], FeedbackKind::Comment, json!("by ada"))
        };
        store.feedback_blocking(vec![said(ada[0], FeedbackKind::Label, json!("no")), by_ada]).unwrap();
        assert_eq!(store.forget(vec!["ada-7731".into()]).unwrap(), (2, 2));
        let left = all(&store);
        assert_eq!((left.len(), left[0].feedback.len()), (1, 0));
        if !location.starts_with("postgres") {
            for name in [location.to_string(), format!("{location}-wal")] {
                let bytes = std::fs::read(&name).unwrap_or_default();
                assert!(!bytes.windows(8).any(|w| w == b"ada-7731"), "{name} still holds the key");
            }
        }
    });
}

#[test]
fn what_is_older_than_the_retention_goes_with_its_feedback() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let old = log(&store, v, 1_000, rows(2, None));
        let young = log(&store, v, now(), rows(1, None));
        store.feedback_blocking(vec![said(old[0], FeedbackKind::Accept, json!(null))]).unwrap();
        store.feedback_blocking(vec![said(young[0], FeedbackKind::Accept, json!(null))]).unwrap();
        assert_eq!(store.prune(2_000).unwrap(), 2);
        let left = all(&store);
        assert_eq!((left.len(), left[0].feedback.len()), (1, 1));
    });
}

#[test]
fn keys_are_kept_as_hashes_and_end_when_revoked() {
    on_every_database(|location| {
        let store = open(location);
        let (key, token) = store.create_key("ci", &["predict".into()], Some(now() + 1_000_000)).unwrap();
        let found = store.keys().unwrap();
        assert_eq!(found, std::slice::from_ref(&key));
        assert!(keys::matches(&found[0], &token) && !keys::matches(&found[0], &format!("{token}x")));
        assert_eq!(keys::id_of(&token), Some(key.id.as_str()));
        assert!(found[0].is_live(now()) && !found[0].is_live(now() + 2_000_000));
        assert!(store.revoke_key(&key.id).unwrap() && !store.revoke_key(&key.id).unwrap());
        assert!(!store.keys().unwrap()[0].is_live(now()));
        if !location.starts_with("postgres") {
            let secret = token.rsplit('_').next().unwrap().as_bytes();
            let wal = std::fs::read(format!("{location}-wal")).unwrap_or_default();
            assert!(!wal.windows(secret.len()).any(|w| w == secret), "the secret is in the file");
        }
    });
}

#[test]
fn decisions_are_noted_the_latest_first() {
    on_every_database(|location| {
        let store = open(location);
        for (at, promoted) in [(1, true), (2, false)] {
            let (model, verdict, document) = ("m".to_string(), format!("v{at}"), json!({ "at": at }));
            store.note_improvement(&Improvement { model, at, promoted, verdict, document }).unwrap();
        }
        let found = store.improvements("m", 10).unwrap();
        assert_eq!(found.iter().map(|i| (i.at, i.promoted)).collect::<Vec<_>>(), [(2, false), (1, true)]);
    });
}

#[test]
fn a_store_of_a_newer_program_is_refused() {
    on_every_database(|location| {
        let store = open(location);
        store.write_blocking(|db| db.execute("UPDATE tidemill SET version = 99", &[])).unwrap();
        let Err(e) = Store::open(location, Options::default()) else { panic!("opened") };
        assert!(e.to_string().contains("newer"), "{e}");
    });
}

#[test]
fn every_durability_keeps_rows() {
    for durability in [Durability::Durable, Durability::DurablePower, Durability::Relaxed] {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().join("loop.db").display().to_string();
        let store = Store::open(&location, Options { durability }).unwrap();
        let v = version(&store);
        log(&store, v, now(), rows(5, None));
        // Whatever was queued comes before this.
        store.write_blocking(|_| Ok(())).unwrap();
        assert_eq!(all(&store).len(), 5, "{durability:?}");
    }
}

#[test]
fn a_file_that_went_away_is_no_place_to_lose_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loop.db");
    let away = folder.path().join("away");
    let store = open(&path.display().to_string());
    let v = version(&store);
    log(&store, v, now(), rows(1, None));
    std::fs::create_dir(&away).unwrap();
    let names = ["loop.db", "loop.db-wal", "loop.db-shm"];
    let carry = |from: &std::path::Path, to: &std::path::Path| {
        for name in names {
            let _ = std::fs::rename(from.join(name), to.join(name));
        }
    };
    carry(folder.path(), &away);
    let gone = runtime().block_on(store.log(predictions(v, now(), rows(1, None))));
    assert!(gone.is_err(), "a row was taken while its file was gone");
    carry(&away, folder.path());
    log(&store, v, now(), rows(1, None));
    assert_eq!(all(&store).len(), 2);
}

#[test]
fn reading_never_makes_an_empty_store_where_one_went_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loop.db");
    let store = open(&path.display().to_string());
    store.create_key("ci", &["predict".into()], None).unwrap();
    assert_eq!(store.keys().unwrap().len(), 1);
    let away = folder.path().join("away.db");
    store.backup(&away).unwrap();
    for name in ["loop.db", "loop.db-wal", "loop.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    // More often than connections are kept: an empty store has no keys, and a server without keys is open to all.
    for _ in 0..5 {
        assert!(matches!(store.keys(), Err(Error::Gone)), "{:?}", store.keys());
        assert!(store.probe().is_err());
        assert!(!path.exists());
    }
    std::fs::copy(&away, &path).unwrap();
    store.probe().unwrap();
    assert_eq!(store.keys().unwrap().len(), 1, "what was put back is used again");
}

#[test]
fn no_database_is_no_panic() {
    for location in
        ["/nowhere/at/all/loop.db", "postgres://nobody:secret@127.0.0.1:1/none", "", "sqlite:", ":memory:"]
    {
        let Err(e) = Store::open(location, Options::default()) else { panic!("opened {location}") };
        assert!(!e.to_string().contains("secret"), "{e}");
    }
}

#[test]
fn the_write_ahead_log_stays_short_while_writing_never_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loop.db");
    let store = open(&path.display().to_string());
    let v = version(&store);
    let wide = |n: usize| {
        let mut rows = rows(n, None);
        rows.iter_mut().for_each(|row| row.features = format!("[\"{}\"]", "x".repeat(900)));
        rows
    };
    let longest = runtime().block_on(async {
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    for _ in 0..200 {
                        store.log(predictions(v, now(), wide(100))).await.unwrap();
                    }
                })
            })
            .collect();
        let mut longest = 0;
        while writers.iter().any(|writer| !writer.is_finished()) {
            let log = std::fs::metadata(folder.path().join("loop.db-wal")).map_or(0, |found| found.len());
            longest = longest.max(log);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        longest
    });
    assert_eq!(store.count("m").unwrap(), 80_000);
    // More than 80 MB were written.
    assert!(longest < 48 << 20, "the log grew to {} MB", longest >> 20);
}

/// A way to a server that can be cut and mended: connections go through it.
struct Way {
    address: std::net::SocketAddr,
    whole: Arc<std::sync::atomic::AtomicBool>,
}

impl Way {
    fn to(server: String) -> Way {
        use std::sync::atomic::{AtomicBool, Ordering};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, whole) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(true)));
        let way = Way { address, whole: whole.clone() };
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // Dropped at once: nobody answers there.
                if !whole.load(Ordering::SeqCst) {
                    continue;
                }
                let far = std::net::TcpStream::connect(&server).unwrap();
                let ends = [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)];
                for (mut from, mut to) in ends {
                    let whole = whole.clone();
                    from.set_read_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
                    std::thread::spawn(move || carry(&mut from, &mut to, &whole));
                }
            }
        });
        way
    }

    fn set_whole(&self, whole: bool) {
        self.whole.store(whole, std::sync::atomic::Ordering::SeqCst);
        // Until every connection has noticed.
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

fn carry(
    from: &mut std::net::TcpStream,
    to: &mut std::net::TcpStream,
    whole: &std::sync::atomic::AtomicBool,
) {
    use std::io::{ErrorKind, Read, Write};
    let mut bytes = [0; 16384];
    while whole.load(std::sync::atomic::Ordering::SeqCst) {
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(n) if to.write_all(&bytes[..n]).is_ok() => {}
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            _ => break,
        }
    }
    for end in [from, to] {
        // The other direction may have done so already.
        let _ = end.shutdown(std::net::Shutdown::Both);
    }
}

#[test]
fn a_database_that_was_out_of_reach_is_used_again_and_keeps_what_was_acknowledged() {
    on_every_database(|location| {
        // The file's outage is `a_file_that_went_away_is_no_place_to_lose_rows`.
        let Some((user, rest)) = location.strip_prefix("postgres://").and_then(|l| l.split_once('@')) else {
            return;
        };
        let (server, name) = rest.split_once('/').unwrap();
        let way = Way::to(server.into());
        let store = open(&format!("postgres://{user}@{}/{name}", way.address));
        let v = version(&store);
        let mut acknowledged = log(&store, v, 1, rows(3, None));
        assert_eq!(store.keys().unwrap(), []);
        way.set_whole(false);
        for _ in 0..3 {
            let refused = runtime().block_on(store.log(predictions(v, 2, rows(1, None))));
            assert!(refused.is_err(), "a row was taken while the database was out of reach");
            assert!(store.keys().is_err());
        }
        way.set_whole(true);
        // The first call may be the one that finds out.
        let _ = runtime().block_on(store.log(predictions(v, 3, Vec::new())));
        acknowledged.extend(log(&store, v, 4, rows(2, None)));
        assert_eq!(store.keys().unwrap(), []);
        let found: Vec<Uuid> = all(&store).iter().map(|p| p.id).collect();
        assert_eq!(found, acknowledged);
    });
}

#[test]
fn reading_keeps_its_connection() {
    on_every_database(|location| {
        let store = open(location);
        let mut numbers = Vec::new();
        for _ in 0..5 {
            let sql = match location.starts_with("postgres") {
                true => "SELECT CAST(pg_backend_pid() AS BIGINT)",
                // A temporary table is there for its connection alone.
                false => "SELECT COUNT(*) FROM sqlite_temp_master",
            };
            let read = |database: &mut dyn tidemill_store::database::Database| {
                let mut found = 0;
                database.query(sql, &[], &mut |row| {
                    found = row[0].int();
                    Ok(())
                })?;
                if !location.starts_with("postgres") {
                    database.script(&format!("CREATE TEMPORARY TABLE t{found} (x INTEGER)"))?;
                }
                Ok(found)
            };
            numbers.push(store.read(read).unwrap());
        }
        let wanted = match location.starts_with("postgres") {
            true => vec![numbers[0]; 5],
            false => vec![0, 1, 2, 3, 4],
        };
        assert_eq!(numbers, wanted);
    });
}

/// An id of this timestamp.
fn id_at(micros: i64, i: u64) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&((micros / 1000) as u64).to_be_bytes()[2..]);
    bytes[6] = 0x70;
    bytes[8..].copy_from_slice(&(0x8000_0000_0000_0000 | i).to_be_bytes());
    Uuid::from_bytes(bytes)
}

/// Logs rows whose ids are of this timestamp.
fn log_at(store: &Store, version: i64, at: i64, mut rows: Vec<LoggedRow>) -> Vec<Uuid> {
    rows.iter_mut().enumerate().for_each(|(i, row)| row.id = id_at(at, i as u64));
    log(store, version, at, rows)
}

#[test]
fn the_count_of_the_log_holds_through_deleting_and_later_rows() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let hour = 3_600_000_000;
        let noted = |store: &Store| {
            let mut n = 0;
            let mut take = |row: Vec<tidemill_store::database::Datum>| {
                n = row[0].int();
                Ok(())
            };
            store.read(|db| db.query("SELECT n FROM tallies", &[], &mut take)).unwrap();
            n
        };
        log_at(&store, v, now() - 48 * hour, rows(6_000, None));
        log_at(&store, v, now() - 2 * hour, rows(6_000, Some("ada")));
        assert_eq!((store.count("m").unwrap(), noted(&store)), (12_000, 12_000));
        log(&store, v, now(), rows(7, None));
        assert_eq!(store.count("m").unwrap(), 12_007);
        assert_eq!(store.prune(now() - 24 * hour).unwrap(), 6_000);
        assert_eq!((store.count("m").unwrap(), noted(&store)), (6_007, 6_000));
        store.forget(vec!["ada".into()]).unwrap();
        assert_eq!((store.count("m").unwrap(), noted(&store)), (7, 0));
        assert_eq!(store.count("another").unwrap(), 0);
    });
}

#[test]
fn the_newest_feedback_is_found_without_the_rest() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let day = 86_400_000_000;
        let old = log_at(&store, v, now() - 100 * day, rows(1, None));
        let ids = log_at(&store, v, now() - day, rows(5, None));
        let say = |id: Uuid, word: &str| {
            store.feedback_blocking(vec![said(id, FeedbackKind::Label, json!(word))]).unwrap();
        };
        say(ids[1], "a");
        say(ids[3], "b");
        say(ids[1], "c");
        say(old[0], "d");
        let newest = |most: usize| {
            let found = store.newest_judged("m", now() - 90 * day, most).unwrap();
            found.iter().map(|p| (p.id, p.feedback.len())).collect::<Vec<_>>()
        };
        assert_eq!(newest(10), [(ids[1], 2), (ids[3], 1)]);
        // A prediction whose feedback may not be whole is left out.
        assert_eq!(newest(2), [(ids[3], 1)]);
        let latest = store.newest_feedback("m", now() - 90 * day, 3).unwrap();
        let words = |p: &tidemill_store::LoggedPrediction| p.feedback[0].value.clone().unwrap();
        assert_eq!(latest.iter().map(words).collect::<Vec<_>>(), [json!("d"), json!("c"), json!("b")]);
    });
}

#[test]
fn a_store_of_the_first_version_is_brought_up_to_date() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        log(&store, v, now(), rows(3, None));
        let back = |db: &mut dyn tidemill_store::database::Database| {
            db.execute("DROP TABLE tallies", &[])?;
            db.execute("DROP TABLE marks", &[])?;
            db.execute("DROP TABLE requests", &[])?;
            db.execute("ALTER TABLE predictions DROP COLUMN flaws", &[])?;
            db.execute("UPDATE feedback SET idempotency_key = 'raw'", &[])?;
            db.execute("UPDATE tidemill SET version = 1", &[])
        };
        let id = all(&store)[0].id;
        let keyed =
            Feedback { idempotency_key: Some("raw".into()), ..said(id, FeedbackKind::Accept, json!(null)) };
        store.feedback_blocking(vec![keyed.clone()]).unwrap();
        store.write_blocking(back).unwrap();
        drop(store);
        let store = open(location);
        assert_eq!(store.count("m").unwrap(), 3);
        assert_eq!(
            store.feedback_blocking(vec![keyed.clone()]).unwrap(),
            [Fate::Repeated],
            "its key is still known"
        );
        assert_eq!(log(&store, v, now(), rows(1, None)).len(), 1);
        let mut models = 0;
        let mut count = |_| {
            models += 1;
            Ok(())
        };
        store.read(|db| db.query("SELECT model FROM tallies", &[], &mut count)).unwrap();
        assert_eq!(models, 1);
    });
}

#[test]
fn what_is_odd_about_rows_is_counted_and_orphans_are_found() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let mut odd = rows(4, None);
        odd[1].flaws = Some("outside_training_range unseen_category".into());
        odd[3].flaws = Some("unseen_category".into());
        log(&store, v, now(), odd);
        let counted = |most: usize| {
            let (n, found) = store.flaws("m", 0, most).unwrap();
            (n, found.get("unseen_category").copied(), found.get("outside_training_range").copied())
        };
        assert_eq!(counted(10), (4, Some(2), Some(1)));
        assert_eq!(counted(2), (2, Some(1), None), "the newest two");
        store.feedback_blocking(vec![said(Uuid::now_v7(), FeedbackKind::Accept, json!(null))]).unwrap();
        assert_eq!(store.orphans(0, 10).unwrap(), 1);
    });
}

#[test]
fn marks_are_made_once_and_a_probe_leaves_nothing() {
    on_every_database(|location| {
        let store = open(location);
        assert_eq!(store.mark("a/b").unwrap(), None);
        assert_eq!(store.mark_once("a/b", b"one").unwrap(), b"one");
        assert_eq!(store.mark_once("a/b", b"two").unwrap(), b"one", "the first word stays");
        store.mark_once("c", b"three").unwrap();
        store.probe().unwrap();
        assert_eq!(store.marks("a/").unwrap(), [("a/b".to_string(), b"one".to_vec())]);
        assert_eq!(store.marks("").unwrap().len(), 2);
    });
}

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

/// The copy is of one moment: whatever was acknowledged before the backup began is in it, and it opens as a store.
#[test]
fn a_backup_of_a_store_in_use_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("loop.db").display().to_string();
    let store = open(&location);
    let v = version(&store);
    let before = log(&store, v, now(), rows(500, Some("k")));
    let stop = Stop::default();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut n = 0;
            while !stop.is_set() {
                n += log(&store, v, now(), rows(7, None)).len();
            }
            n
        });
        // Set also where a check fails, or the writer would be waited for without end.
        let stopping = Stopping(&stop);
        for i in 0..5 {
            let to = folder.path().join(format!("copy{i}.db"));
            let bytes = store.backup(&to).unwrap();
            assert_eq!(std::fs::metadata(&to).unwrap().len(), bytes);
            let copy = open(&to.display().to_string());
            let found = all(&copy);
            assert_eq!(found.iter().take(500).map(|p| p.id).collect::<Vec<_>>(), before);
            assert_eq!((found.len() - 500) % 7, 0, "no half of a request");
            assert!(matches!(store.backup(&to), Err(Error::Exists { .. })), "nothing is overwritten");
        }
        drop(stopping);
        assert!(writing.join().unwrap() > 0, "nobody was kept from writing");
    });
    let missing = folder.path().join("no/such/folder.db");
    assert!(store.backup(&missing).is_err());
    assert!(!folder.path().join("copy0.db.part").exists());
}

/// Kills a process of the database again and again, which makes all of them begin anew without what was only in their memory. What
/// was acknowledged must be there: with `synchronous_commit = off` it is not.
///
/// It needs a PostgreSQL server of its own, `TIDEMILL_TEST_POSTGRES_KILL`: other tests would lose their connections.
#[test]
fn a_killed_database_loses_nothing_that_was_acknowledged() {
    let Ok(location) = std::env::var("TIDEMILL_TEST_POSTGRES_KILL") else { return };
    let store = open(&location);
    let v = version(&store);
    let (stop, kept) = (Stop::default(), std::sync::Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = runtime();
                while !stop.is_set() {
                    let rows = rows(1, None);
                    let id = rows[0].id;
                    if runtime.block_on(store.log(predictions(v, now(), rows))).is_ok() {
                        kept.lock().unwrap().push(id);
                    }
                }
            });
        }
        let _stopping = Stopping(&stop);
        for _ in 0..5 {
            std::thread::sleep(std::time::Duration::from_millis(300));
            if let Ok(mut killer) = postgres::Client::connect(&location, postgres::NoTls) {
                // The shell's parent is the process that serves this very connection.
                let _ = killer.batch_execute("COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID'");
            }
            std::thread::sleep(std::time::Duration::from_millis(700));
        }
    });
    let there: std::collections::BTreeSet<Uuid> =
        all(&open_again(&location)).into_iter().map(|p| p.id).collect();
    let kept = kept.into_inner().unwrap();
    let lost = kept.iter().filter(|id| !there.contains(id)).count();
    assert!(kept.len() > 100, "{}", kept.len());
    assert_eq!(lost, 0, "of {}", kept.len());
}

/// Opens a store whose database is just starting again.
fn open_again(location: &str) -> Store {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        match Store::open(location, Options::default()) {
            Err(_) if std::time::Instant::now() < deadline => {
                std::thread::sleep(std::time::Duration::from_millis(200))
            }
            opened => return opened.unwrap(),
        }
    }
}

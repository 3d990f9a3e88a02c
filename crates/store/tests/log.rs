//! The log: order, counts, many at once.

use crate::*;

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

#[test]
fn use_is_counted_by_version_and_key() {
    on_every_database(|location| {
        let store = open(location);
        let v = version(&store);
        let since = now();
        let of = |at: i64, latency_us: u32, key: Option<&str>, n: usize| {
            let key_id = key.map(Arc::from);
            let asked = Predictions { latency_us, key_id, ..predictions(v, at, rows(n, None)) };
            runtime().block_on(store.log(asked)).unwrap();
        };
        of(since, 40, Some("ann"), 3);
        of(since + 1, 2, Some("ann"), 1);
        of(since + 2, 5, None, 2);
        let used = store.usage("m", since - 1_000_000).unwrap();
        let found: Vec<_> = used
            .iter()
            .map(|u| (u.version, u.key_id.as_deref(), u.predictions, u.requests, u.busy_us))
            .collect();
        // The rows of one request share its time.
        assert_eq!(found, [(v, None, 2, 1, 5), (v, Some("ann"), 4, 2, 42)]);
        assert_eq!(store.usage("other", 0).unwrap(), []);
        assert_eq!(store.usage("m", now() + 60_000_000).unwrap(), []);
    });
}

//! What is kept: forgetting, retention, keys, durability, versions, backups.

use crate::*;

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

/// Whoever looks for a key in copies must leave them as they are: they may be of a program that is still in use.
#[test]
fn looking_into_a_copy_of_the_first_version_changes_nothing_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.db");
    let store = open(path.to_str().unwrap());
    let v = version(&store);
    log(&store, v, now(), rows(3, Some("ada")));
    store
        .write_blocking(|db| {
            db.script("DROP TABLE tallies; DROP TABLE marks; DROP TABLE requests")?;
            db.execute("ALTER TABLE predictions DROP COLUMN flaws", &[])?;
            db.execute("UPDATE tidemill SET version = 1", &[])
        })
        .unwrap();
    drop(store);
    let before = std::fs::read(&path).unwrap();
    let copy = Store::look(&path).unwrap();
    assert!(copy.knows(&["ada".to_string()]).unwrap() && !copy.knows(&["bob".to_string()]).unwrap());
    assert!(copy.marks("").unwrap().is_empty() && copy.models_with_keys_like("a").unwrap() == ["m"]);
    assert!(copy.forget(vec!["ada".into()]).is_err(), "it is only looked into");
    drop(copy);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(Store::look(&folder.path().join("nothing.db")).is_err());
    assert!(!folder.path().join("nothing.db").exists());
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

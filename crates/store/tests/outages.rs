//! Databases that go, come back, or are killed.

use crate::*;

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

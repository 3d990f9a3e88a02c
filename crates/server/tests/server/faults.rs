//! What the world does to a server: clients that go, crawl or come in crowds, stores that fail, files that break.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::{ADA, PREDICT, served, served_with};

#[test]
fn a_client_that_goes_half_way_harms_nobody() {
    let served = served();
    for cut in [10, 60, 120] {
        let request = format!(
            "POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{ADA}",
            ADA.len()
        );
        let mut stream = TcpStream::connect(served.address()).unwrap();
        stream.write_all(&request.as_bytes()[..cut]).unwrap();
        drop(stream);
    }
    assert_eq!(served.predict(ADA).status, 200);
    let deadline = Instant::now() + Duration::from_secs(5);
    while !served.get("/metrics").body.contains("tidemill_in_flight{model=\"customers\"} 0") {
        assert!(Instant::now() < deadline, "a request is in flight for ever");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_thousand_slow_clients_do_not_slow_a_quick_one() {
    let served = served_with(|o| {
        o.limits.head = Duration::from_secs(3);
        o.limits.time = Duration::from_secs(3);
    });
    let mut slow: Vec<TcpStream> = (0..1000)
        .map(|i| {
            let mut stream = TcpStream::connect(served.address()).unwrap();
            // Half stop within the head, half within the body.
            let start = if i % 2 == 0 {
                "POST /v1/f"
            } else {
                "POST /v1/feedback HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n["
            };
            stream.write_all(start.as_bytes()).unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    for _ in 0..50 {
        assert_eq!(served.predict(ADA).status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // In the end they are let go: those that stopped in the body with a word of why.
    let mut text = String::new();
    slow[1].set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut byte = [0; 512];
    let n = slow[1].read(&mut byte).unwrap();
    text += &String::from_utf8_lossy(&byte[..n]);
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
    slow[0].set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut rest = Vec::new();
    slow[0].read_to_end(&mut rest).unwrap();
}

/// Proxies keep connections for a minute, and send the next request on one that the server is just closing if it closes first.
#[test]
fn a_connection_waits_longer_for_a_request_than_a_request_for_its_rest() {
    let served = served_with(|options| {
        options.limits.head = Duration::from_millis(400);
        options.limits.keep_alive = Duration::from_secs(4);
    });
    let mut stream = TcpStream::connect(served.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let ask = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut bytes = [0; 512];
    for _ in 0..3 {
        stream.write_all(ask.as_bytes()).unwrap();
        let n = stream.read(&mut bytes).unwrap();
        assert!(bytes[..n].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&bytes[..n]));
        std::thread::sleep(Duration::from_secs(1));
    }
    // The head of a request that was begun is not waited for, on a connection that was used before either.
    stream.write_all(b"GET /health/li").unwrap();
    let began = Instant::now();
    while stream.read(&mut bytes).is_ok_and(|n| n > 0) {}
    assert!(began.elapsed() < Duration::from_millis(2_000), "{:?}", began.elapsed());
    // And in the end a connection without requests goes.
    let mut idle = TcpStream::connect(served.address()).unwrap();
    idle.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    idle.write_all(ask.as_bytes()).unwrap();
    let began = Instant::now();
    while idle.read(&mut bytes).is_ok_and(|n| n > 0) {}
    let took = began.elapsed();
    assert!(Duration::from_millis(3_500) < took && took < Duration::from_secs(15), "{took:?}");
}

/// Who keeps a connection for the next request is told that there is no next one, before the connection is closed under it.
#[test]
fn a_server_that_is_about_to_end_says_so_with_each_answer() {
    let served = served();
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(served.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{ADA}", ADA.len());
        stream.write_all(head.as_bytes()).unwrap();
        let mut bytes = [0; 4096];
        let n = stream.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..n]).to_ascii_lowercase()
    };
    assert!(!ask(PREDICT).contains("connection: close"));
    served.running.app.ready.store(false, Ordering::Relaxed);
    let answer = ask(PREDICT);
    assert!(answer.starts_with("http/1.1 200") && answer.contains("connection: close"), "{answer}");
    assert!(ask("/health/ready").contains("connection: close"));
}

#[test]
fn a_store_that_another_program_holds_is_waited_for_as_long_as_a_caller_waits() {
    let served = served_with(|options| options.limits.time = Duration::from_millis(500));
    assert_eq!(served.predict(ADA).status, 200);
    let holder = rusqlite::Connection::open(served.folder.path().join("loop.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let answer = served.predict(ADA);
    assert_eq!((answer.status, answer.code().as_str()), (503, "store_unavailable"));
    let feedback = r#"{"prediction_id": "0198c0de-0000-7000-8000-000000000001", "kind": "accept"}"#;
    assert_eq!(served.post("/v1/feedback", feedback).status, 503);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    holder.execute_batch("ROLLBACK").unwrap();
    let deadline = Instant::now() + Duration::from_secs(15);
    while served.predict(ADA).status != 200 {
        assert!(Instant::now() < deadline, "the store is free again");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn while_the_store_is_away_nothing_is_answered_and_nothing_lost() {
    let served = served();
    assert_eq!(served.predict(ADA).status, 200);
    let away = served.folder.path().join("away");
    std::fs::create_dir(&away).unwrap();
    let names = ["loop.db", "loop.db-wal", "loop.db-shm"];
    for name in names {
        let _ = std::fs::rename(served.folder.path().join(name), away.join(name));
    }
    let answer = served.predict(ADA);
    assert_eq!((answer.status, answer.code().as_str()), (503, "store_unavailable"));
    assert!(answer.head.to_lowercase().contains("retry-after"));
    assert!(!answer.body.contains("loop.db"), "no path of the server in an error");
    let feedback = r#"{"prediction_id": "0198c0de-0000-7000-8000-000000000001", "kind": "accept"}"#;
    assert_eq!(served.post("/v1/feedback", feedback).status, 503);
    let ready = served.get("/health/ready");
    assert_eq!(
        (ready.status, ready.code().as_str()),
        (503, "store_unavailable"),
        "nothing can be answered now"
    );
    assert_eq!(served.get("/health/live").status, 200);
    for name in names {
        let _ = std::fs::rename(away.join(name), served.folder.path().join(name));
    }
    // It notices by itself: nobody asks a server that is not ready.
    let deadline = Instant::now() + Duration::from_secs(10);
    while served.get("/health/ready").status != 200 {
        assert!(Instant::now() < deadline, "it is never ready again");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(served.predict(ADA).status, 200);
    assert_eq!(served.logged().len(), 2);
}

/// Waits until the server is ready, or is not.
fn until_ready_is(served: &crate::Served, status: u16) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while served.get("/health/ready").status != status {
        assert!(Instant::now() < deadline, "/health/ready never says {status}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_store_that_goes_is_noticed_without_a_request_and_a_model_waits_for_it() {
    let served = served();
    let app = &served.running.app;
    let token = app.store.create_key("ci", &["predict".into()], None).unwrap().1;
    app.keys.refresh(&app.store).unwrap();
    let old = app.models.version("customers").unwrap().short().to_string();
    let path = served.folder.path().join("loop.db");
    let kept = served.folder.path().join("kept.db");
    app.store.backup(&kept).unwrap();
    for name in ["loop.db", "loop.db-wal", "loop.db-shm"] {
        let _ = std::fs::remove_file(served.folder.path().join(name));
    }
    until_ready_is(&served, 503);
    let folder = tempfile::tempdir().unwrap();
    let newer = crate::trained(&crate::customers(300, 7), "", folder.path());
    let model = served.folder.path().join("customers.tidemill");
    tidemill_core::replace(&model, &std::fs::read(newer).unwrap()).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert!(!path.exists(), "an empty store has no keys: the server would be open to all");
    assert_eq!(served.predict(ADA).status, 401);
    assert_eq!(
        app.models.version("customers").unwrap().short(),
        old,
        "a version is recorded before it answers"
    );
    std::fs::copy(&kept, &path).unwrap();
    until_ready_is(&served, 200);
    let deadline = Instant::now() + Duration::from_secs(15);
    while app.models.version("customers").unwrap().short() == old {
        assert!(Instant::now() < deadline, "the new version never came");
        std::thread::sleep(Duration::from_millis(50));
    }
    let bearer = format!("Bearer {token}");
    let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
    assert_eq!(crate::send(served.address(), "POST", PREDICT, &headers, ADA.as_bytes()).status, 200);
}

#[test]
fn a_new_version_goes_into_service_without_a_dropped_request() {
    let served = served();
    let old = served.get("/v1/models").json()["models"][0]["version"].clone();
    let folder = tempfile::tempdir().unwrap();
    let newer = crate::trained(&crate::customers(300, 2), "", folder.path());
    let (stop, failed, done) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let address = served.address();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let headers = [("Content-Type", "application/json")];
                    match crate::send(address, "POST", PREDICT, &headers, ADA.as_bytes()).status {
                        200 => done.fetch_add(1, Ordering::Relaxed),
                        _ => failed.fetch_add(1, Ordering::Relaxed),
                    };
                }
            });
        }
        let model = served.folder.path().join("customers.tidemill");
        tidemill_core::replace(&model, &std::fs::read(newer).unwrap()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while served.get("/v1/models").json()["models"][0]["version"] == old {
            assert!(Instant::now() < deadline, "the new version never came");
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(failed.load(Ordering::Relaxed), 0);
    let logged = served.logged();
    assert_eq!(logged.len(), done.load(Ordering::Relaxed), "one row per answer");
    served.predict(ADA);
    assert_eq!(served.running.app.store.versions("customers").unwrap().len(), 2);
}

#[test]
fn a_broken_file_never_replaces_a_good_one() {
    let served = served();
    let old = served.get("/v1/models").json()["models"][0]["version"].clone();
    let model = served.folder.path().join("customers.tidemill");
    let whole = std::fs::read(&model).unwrap();
    for broken in [&whole[..whole.len() / 2], b"", b"not a model"] {
        std::fs::write(&model, broken).unwrap();
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!(served.get("/v1/models").json()["models"][0]["version"], old);
        assert_eq!(served.predict(ADA).status, 200);
    }
    std::fs::remove_file(&model).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(served.predict(ADA).status, 200);
}

#[test]
fn relaxed_answers_before_the_row_is_written_and_still_writes_it() {
    let served = served_with(|o| o.durability = tidemill_store::Durability::Relaxed);
    for _ in 0..20 {
        assert_eq!(served.predict(ADA).status, 200);
    }
    served.running.app.store.write_blocking(|_| Ok(())).unwrap();
    assert_eq!(served.logged().len(), 20);
}

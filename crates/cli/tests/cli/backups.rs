//! Stores that are backed up while they are used, and what of them can be forgotten.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::service::{Process, agent, desk, row};

#[test]
fn a_server_backs_itself_up_and_says_when_it_cannot() {
    let desk =
        desk().with("b.toml", "[data]\nsource = \"t.csv\"\n[backup]\nto = \"second\"\nevery = \"1s\"\n");
    let server = Process::start(&desk, &["--backup", "b.toml"]);
    let metrics = || {
        agent()
            .get(format!("{}/metrics", server.address))
            .call()
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap()
    };
    let figure = |name: &str| -> f64 {
        let text = metrics();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let until = |what: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !what() {
            assert!(began.elapsed() < Duration::from_secs(30), "not in half a minute");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until(&|| figure("tidemill_backup_timestamp_seconds") > 1.7e9);
    let drilled = desk.run(&["backup", "drill", "second", "--json"]).done().json();
    assert_eq!((drilled["files"].as_u64(), drilled["opened"].as_u64()), (Some(4), Some(2)), "{drilled}");
    // The second place is gone and something else stands there.
    std::fs::rename(desk.path("second"), desk.path("elsewhere")).unwrap();
    std::fs::write(desk.path("second"), "a file").unwrap();
    until(&|| figure("tidemill_failed_backups_total") >= 1.0);
    assert_eq!(server.post("/v1/models/m/predict", &row(0)).unwrap().0, 200);
}

#[test]
fn a_store_in_use_is_backed_up() {
    let desk = desk();
    let process = Process::start(&desk, &[]);
    for i in 0..3 {
        assert_eq!(process.post("/v1/models/m/predict", &row(i)).unwrap().0, 200);
    }
    let done = desk.run(&["backup", "tidemill.db", "-o", "copy.db", "--json"]).done().json();
    assert!(done["bytes"].as_u64().unwrap() > 0);
    desk.run(&["backup", "tidemill.db", "-o", "copy.db"]).refused(&["copy.db is there already"]);
    desk.run(&["backup", "nothing.db", "-o", "other.db"]).refused(&["no store at nothing.db"]);
    process.kill();
    let seen = desk.run(&["monitor", "m.tidemill", "--store", "copy.db"]).done().out;
    assert!(seen.contains("3 predictions logged"), "{seen}");
    // Kind 23: what is left in a copy is not forgotten, and is said.
    let ran = desk.run(&["forget", "k1"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(
        ran.out.contains("forgot 1 prediction") && ran.out.contains("copy.db holds an earlier copy"),
        "{}",
        ran.out
    );
    assert!(desk.run(&["forget", "k1", "--store", "copy.db"]).done().out.contains("forgot 1 prediction"));
    let ran = desk.run(&["forget", "k0", "--in-copies"]).done();
    assert!(ran.out.contains("copy.db held an earlier copy of this store: forgotten there"), "{}", ran.out);
    // A copy that does not hold the key is no reason to say no.
    desk.run(&["forget", "k2", "--store", "copy.db"]).done();
    assert_eq!(desk.run(&["forget", "k2", "--json"]).done().json()["copies"], json!([]));
}

/// Kind 23: whoever forgets every night, and backs up every night, can tell what was done from what is left to expire.
#[test]
fn sets_of_backups_that_hold_a_key_are_named_and_may_be_left_to_expire() {
    let desk = desk();
    let process = Process::start(&desk, &[]);
    for i in 0..3 {
        assert_eq!(process.post("/v1/models/m/predict", &row(i)).unwrap().0, 200);
    }
    process.kill();
    desk.run(&["backup", "run", "--to", "second", "--store", "tidemill.db"]).done();
    let ran = desk.run(&["forget", "k0"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("second holds backups of this store (1 set, the latest"), "{}", ran.out);
    let ran = desk.run(&["forget", "k1", "--despite-backups", "--json"]).done().json();
    assert_eq!((&ran["predictions"], &ran["backups"][0]["sets"]), (&json!(1), &json!(1)), "{ran}");
    assert_eq!(desk.run(&["forget", "k1", "--despite-backups"]).code, 1, "nothing is left to forget");
    // A file that holds it does not expire.
    desk.run(&["backup", "tidemill.db", "-o", "copy.db"]).done();
    assert_eq!(desk.run(&["forget", "k2", "--despite-backups"]).code, 1);
}

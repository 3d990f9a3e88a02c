//! API keys: made, listed, revoked by id or by name.

use std::time::{Duration, Instant};

use crate::service::{Process, agent, desk, row};

#[test]
fn keys_are_made_listed_and_revoked() {
    let desk = desk();
    let made = desk.run(&["keys", "create", "app", "--json"]).done().json();
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let process = Process::start(&desk, &[]);
    assert_eq!(process.post("/v1/models/m/predict", &row(1)).unwrap().0, 401);
    let with_key = |path: &str| {
        let request = agent()
            .post(format!("{}{path}", process.address))
            .header("Authorization", format!("Bearer {token}"));
        request.content_type("application/json").send(row(1).to_string()).unwrap().status().as_u16()
    };
    assert_eq!(with_key("/v1/models/m/predict"), 200);
    let listed = desk.run(&["keys", "list"]).done().out;
    assert!(listed.contains(id) && listed.contains("live") && !listed.contains(token), "{listed}");
    desk.run(&["keys", "revoke", id]).done();
    desk.run(&["keys", "revoke", id]).refused(&["no live key"]);
    desk.run(&["keys", "revoke", "app"]).refused(&["no live key 'app'", "no key is live"]);
    for _ in 0..2 {
        desk.run(&["keys", "create", "twin"]).done();
    }
    desk.run(&["keys", "revoke", "twin"]).refused(&["2 live keys are called 'twin'", "(twin), "]);
    desk.run(&["keys", "create", "one"]).done();
    desk.run(&["keys", "revoke", "onne"]).refused(&["no live key 'onne'", "(one)"]);
    assert!(desk.run(&["keys", "revoke", "one"]).done().out.starts_with("one ("));
    desk.run(&["keys", "create", "app", "--scope", "predcit"]).refused(&["'predict'"]);
    desk.run(&["keys", "create", " "]).refused(&["needs a name"]);
    desk.run(&["keys", "create", "app", "--expires", "0s"]).refused(&["--expires"]);
    let far = desk.run(&["keys", "create", "far", "--expires", "999999999999w", "--json"]).done().json();
    let line = |id: &str| {
        desk.run(&["keys", "list"]).done().out.lines().find(|l| l.starts_with(id)).unwrap().to_string()
    };
    assert!(line(far["id"].as_str().unwrap()).contains("live"));
    let deadline = Instant::now() + Duration::from_secs(10);
    while with_key("/v1/models/m/predict") == 200 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(100));
    }
    desk.run(&["keys", "list", "--store", "nowhere.db"]).refused(&["no store at nowhere.db"]);
}

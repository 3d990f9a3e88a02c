//! The verbs of the loop, as processes: served, killed, told to end, improved.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidemill_store::Store;

use crate::desk::{Desk, example, small_table};

/// A desk with a small model: `m.tidemill`.
pub(crate) fn desk() -> Desk {
    let desk = Desk::new().with("t.csv", small_table(200));
    desk.run(&["train", "t.csv", "-t", "churned", "--key", "id", "--trials", "1", "--out", "m"]).done();
    std::fs::rename(desk.path("m/model.tidemill"), desk.path("m.tidemill")).unwrap();
    desk
}

/// A server as a process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: String,
    started: Duration,
}

impl Process {
    pub(crate) fn start(desk: &Desk, more: &[&str]) -> Self {
        let program = assert_cmd::cargo::cargo_bin("tidemill");
        let mut command = Command::new(program);
        command.args(["serve", "m.tidemill", "--listen", "127.0.0.1:0", "--quiet"]).args(more);
        Self::of(command, desk)
    }

    fn of(mut command: Command, desk: &Desk) -> Self {
        let began = Instant::now();
        let mut child = command.current_dir(desk.path("")).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_string();
        Process { child, address, started: began.elapsed() }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<(u16, Value), ureq::Error> {
        post(&agent(), &self.address, path, body)
    }

    pub(crate) fn kill(mut self) {
        // SIGKILL: no chance to say good-bye.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn tell(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().new_agent()
}

fn post(agent: &ureq::Agent, address: &str, path: &str, body: &Value) -> Result<(u16, Value), ureq::Error> {
    let request = agent.post(format!("{address}{path}")).content_type("application/json");
    let mut response = request.send(body.to_string())?;
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string()?;
    Ok((status, serde_json::from_str(&text).unwrap_or_default()))
}

pub(crate) fn row(i: usize) -> Value {
    json!({ "id": format!("k{i}"), "age": 20 + i % 50, "income": 1500.5, "town": "Ulm" })
}

/// The ids in the log, and how many pieces of feedback each has.
fn logged(desk: &Desk) -> Vec<(String, usize)> {
    let store =
        Store::open(&desk.path("tidemill.db").display().to_string(), tidemill_store::Options::default());
    let mut found = Vec::new();
    store
        .unwrap()
        .each_logged("m", i64::MIN, i64::MAX, false, &mut |p| {
            found.push((p.id.to_string(), p.feedback.len()));
            Ok(())
        })
        .unwrap();
    found
}

#[test]
fn killed_at_100_instants_under_load_nothing_acknowledged_is_missing_or_doubled() {
    let desk = desk();
    let predicted = Arc::new(Mutex::new(BTreeSet::new()));
    let fed_back = Arc::new(Mutex::new(BTreeSet::new()));
    let mut instants = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..100 {
        let process = Process::start(&desk, &[]);
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (address, stop) = (process.address.clone(), stop.clone());
                let (predicted, fed_back) = (predicted.clone(), fed_back.clone());
                std::thread::spawn(move || load(&address, &stop, &predicted, &fed_back))
            })
            .collect();
        instants ^= instants << 13;
        instants ^= instants >> 7;
        instants ^= instants << 17;
        std::thread::sleep(Duration::from_micros(2_000 + instants % 60_000));
        process.kill();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().unwrap();
        }
        if round % 25 == 24 {
            hold(&desk, &predicted.lock().unwrap(), &fed_back.lock().unwrap());
        }
    }
    let (predicted, fed_back) = (predicted.lock().unwrap(), fed_back.lock().unwrap());
    assert!(predicted.len() > 300 && fed_back.len() > 100, "{} and {}", predicted.len(), fed_back.len());
}

/// Asks, and gives feedback on what was answered, until the server is gone; notes what was acknowledged.
fn load(
    address: &str,
    stop: &AtomicBool,
    predicted: &Mutex<BTreeSet<String>>,
    fed_back: &Mutex<BTreeSet<String>>,
) {
    let agent = agent();
    let mut i = 0;
    while !stop.load(Ordering::Relaxed) {
        i += 1;
        let Ok((200, answer)) = post(&agent, address, "/v1/models/m/predict", &row(i)) else { return };
        let id = answer["predictions"][0]["prediction_id"].as_str().unwrap().to_string();
        predicted.lock().unwrap().insert(id.clone());
        let label = json!({ "prediction_id": id, "kind": "label", "value": "yes" });
        // Sent twice, as by a client that lost the first answer.
        for _ in 0..2 {
            match post(&agent, address, "/v1/feedback", &label) {
                Ok((200, _)) => fed_back.lock().unwrap().insert(id.clone()),
                _ => return,
            };
        }
    }
}

fn hold(desk: &Desk, predicted: &BTreeSet<String>, fed_back: &BTreeSet<String>) {
    let found = logged(desk);
    let ids: BTreeSet<&String> = found.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), found.len(), "a prediction is there twice");
    assert!(predicted.iter().all(|id| ids.contains(id)), "an acknowledged prediction is missing");
    let labelled: BTreeSet<&String> = found.iter().filter(|(_, n)| *n == 1).map(|(id, _)| id).collect();
    assert!(fed_back.iter().all(|id| labelled.contains(id)), "acknowledged feedback is missing");
    assert!(found.iter().all(|(_, n)| *n <= 1), "a piece of feedback is there twice");
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let desk = desk();
    // A file of this process may not grow beyond 1 MB: to the database, the disk is full.
    let program = assert_cmd::cargo::cargo_bin("tidemill");
    let script = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" serve m.tidemill --listen 127.0.0.1:0 --quiet";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(program);
    let process = Process::of(command, &desk);
    let mut kept = BTreeSet::new();
    let mut refused = 0;
    let rows: Vec<Value> = (0..200).map(row).collect();
    for _ in 0..200 {
        let (status, answer) = process.post("/v1/models/m/predict", &json!(rows)).unwrap();
        match status {
            200 => kept.extend(
                answer["predictions"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|p| p["prediction_id"].as_str().unwrap().to_string()),
            ),
            503 => {
                refused += 1;
                let ready = agent().get(format!("{}/health/ready", process.address)).call().unwrap();
                assert_eq!(ready.status(), 503, "no row can be kept");
            }
            other => panic!("{other}: {answer}"),
        }
        if refused > 3 {
            break;
        }
    }
    assert!(refused > 3 && !kept.is_empty(), "{} kept, {refused} refused", kept.len());
    assert_eq!(agent().get(format!("{}/health/live", process.address)).call().unwrap().status(), 200);
    process.kill();
    // There is room again.
    let process = Process::start(&desk, &[]);
    assert_eq!(process.post("/v1/models/m/predict", &row(1)).unwrap().0, 200);
    let ids: BTreeSet<String> = logged(&desk).into_iter().map(|(id, _)| id).collect();
    assert!(kept.iter().all(|id| ids.contains(id)));
}

#[test]
fn a_retention_of_nothing_is_refused() {
    let desk = desk();
    for time in ["0s", "0d", "0.5s"] {
        desk.run(&["serve", "m.tidemill", "--listen", "127.0.0.1:0", "--retention", time])
            .refused(&["less than a second", "--retention"]);
    }
    desk.run(&["serve", "m.tidemill", "--allow-origin", "*"])
        .refused(&["not an origin", "https://app.example"]);
}

#[test]
fn told_to_end_it_ends_well_and_soon() {
    let desk = desk();
    let mut process = Process::start(&desk, &["--drain", "0s"]);
    assert!(process.started < Duration::from_secs(2), "{:?}", process.started);
    assert_eq!(process.post("/v1/models/m/predict", &row(1)).unwrap().0, 200);
    process.tell("-TERM");
    let began = Instant::now();
    let status = process.child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(logged(&desk).len(), 1);
}

#[test]
fn no_key_and_no_value_of_a_caller_is_in_a_log() {
    let desk = desk();
    let made = desk.run(&["keys", "create", "app", "--json"]).done().json();
    let token = made["token"].as_str().unwrap();
    let log = std::fs::File::create(desk.path("log")).unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("tidemill"));
    command.args(["serve", "m.tidemill", "--listen", "127.0.0.1:0"]).stderr(log);
    let process = Process::of(command, &desk);
    let send = |key: &str, body: String| {
        let request = agent().post(format!("{}/v1/models/m/predict", process.address));
        let request =
            request.header("Authorization", format!("Bearer {key}")).content_type("application/json");
        request.send(body).unwrap().status().as_u16()
    };
    let secret = row(1).to_string().replace("Ulm", "secret-town-77");
    assert_eq!(send(token, secret.clone()), 200);
    assert_eq!(send(&format!("{token}x"), secret.clone()), 401);
    assert_eq!(send(token, format!("{secret}}}")), 400);
    // A failure that is worth a line: the store goes away.
    std::fs::rename(desk.path("tidemill.db"), desk.path("away.db")).unwrap();
    for _ in 0..20 {
        assert_eq!(send(token, secret.clone()), 503);
    }
    // And a file that cannot be used.
    std::fs::write(desk.path("m.tidemill"), "broken").unwrap();
    std::thread::sleep(Duration::from_millis(800));
    process.kill();
    let log = desk.read("log");
    assert!(log.contains("the store failed") && log.contains("cannot be used"), "{log}");
    assert!(!log.contains('\u{1b}'), "no colours off a terminal: {log}");
    assert_eq!(log.matches("the store failed").count(), 1, "what repeats is held back: {log}");
    for secret in [token, token.rsplit('_').next().unwrap(), "secret-town", "tidemill.db"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

#[test]
fn nobody_from_outside_is_let_in_without_keys() {
    let desk = desk();
    desk.run(&["serve", "m.tidemill", "--listen", "0.0.0.0:0"])
        .refused(&["reachable from other machines", "keys create"]);
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    desk.run(&["serve", "m.tidemill", "--listen", &taken]).refused(&["cannot listen", "--listen"]);
    desk.run(&["serve", "t.csv"]).refused(&["is not a model file"]);
    desk.run(&["serve", "m.tidemill", "--listen", "127.0.0.1:0", "--store", "t.csv"]).refused(&["t.csv"]);
}

#[test]
fn feedback_comes_in_from_files_and_goes_when_it_must() {
    let desk = desk();
    let process = Process::start(&desk, &[]);
    let (_, answer) = process.post("/v1/models/m/predict", &json!([row(1), row(2)])).unwrap();
    let id = |i: usize| answer["predictions"][i]["prediction_id"].as_str().unwrap();
    let lines = format!(
        "prediction_id,kind,value,user\n{},label,yes,\n{},rating,4,k2\n{},comment,\"fine, thanks\",ann\n",
        id(0),
        id(1),
        id(1)
    );
    let desk = desk.with("f.csv", &lines);
    let done = desk.run(&["feedback", "import", "f.csv"]).done();
    assert_eq!(done.out, "3 pieces of feedback: 3 stored\n");
    assert!(desk.run(&["feedback", "import", "f.csv"]).done().out.contains("3 repeated"));
    let desk = desk.with("bad.csv", format!("{lines}{},rating,12,\n", id(0)));
    desk.run(&["feedback", "import", "bad.csv"]).refused(&["bad.csv, row 4", "1 to 5"]);
    let desk = desk.with("none.csv", "prediction_id,kind,value\n");
    desk.run(&["feedback", "import", "none.csv"]).refused(&["none.csv has no rows"]);
    desk.run(&["forget", ""]).refused(&["no key is named"]);
    let seen = desk.run(&["monitor", "m.tidemill"]).done().out;
    assert!(seen.contains("satisfied: 100%") && seen.contains("1 comment, 1 label, 1 rating"), "{seen}");
    assert_eq!(desk.run(&["improve", "m.tidemill"]).code, 1, "too few labels: the answer is no");
    desk.run(&["improve", "m.tidemill", "--source", "nowhere.csv"]).refused(&["nowhere.csv", "--source"]);
    for verb in ["monitor", "improve"] {
        desk.run(&[verb, "m.tidemill", "--name", "mm"])
            .refused(&["no model was served as 'mm'", "is 'm' meant?"]);
        desk.run(&[verb, "m.tidemill", "--name", "zebra"]).refused(&["known are m"]);
    }
    let gone = desk.run(&["forget", "k2"]).done().out;
    assert_eq!(gone, "forgot 1 prediction and 2 pieces of feedback\n");
    assert_eq!(desk.run(&["forget", "k2"]).code, 1);
    assert_eq!(logged(&desk).len(), 1);
}

/// A dated stream whose rule changes: at once in the middle, slowly before and after.
fn drifting(n: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    let mut text = String::from("when,heat,load,price\n");
    for i in 0..n {
        let (heat, load) = (10.0 * random(), 10.0 * random());
        let share = i as f64 / n as f64;
        let slow = 1.0 + 2.0 * share;
        let abrupt = if share < 0.5 { 3.0 } else { -3.0 };
        let price = 50.0 + slow * heat + abrupt * load + 2.0 * random();
        let (day, hour) = (i / 24, i % 24);
        let (month, day) = (1 + day / 28, 1 + day % 28);
        text += &format!("2024-{month:02}-{day:02}T{hour:02}:00:00Z,{heat:.4},{load:.4},{price:.4}\n");
    }
    text
}

#[test]
fn the_loop_beats_the_frozen_model_on_a_stream_that_drifts() {
    let desk = Desk::new().with("stream.csv", drifting(4000));
    let args = ["replay", "stream.csv", "--time", "when", "--target", "price", "--trials", "1", "--json"];
    let found = desk.run(&args).done().json();
    assert!(found["better_by"]["low"].as_f64().unwrap() > 0.0, "{}", found["verdict"]);
    assert!(
        found["improving"].as_f64().unwrap() < 0.6 * found["frozen"].as_f64().unwrap(),
        "{}",
        found["verdict"]
    );
    let svg = desk.read("stream-replay/replay.svg");
    assert!(svg.contains("improving") && svg.contains("frozen") && svg.contains("Root mean squared error"));
    let decisions = found["decisions"].as_array().unwrap();
    assert!(decisions.iter().any(|d| d["promoted"] == true) && decisions.len() > 10);
    // Played again, it goes the same way.
    let again = desk.run(&args).done().json();
    assert_eq!((&again["improving"], &again["frozen"]), (&found["improving"], &found["frozen"]));
}

#[test]
fn a_year_of_bicycles_is_played_through_the_server() {
    let desk = Desk::new();
    let data = example("bikeshare/bikeshare.csv");
    let replayed = desk
        .run(&[
            "replay",
            &data,
            "--time",
            "time",
            "--target",
            "bikers",
            "--ignore",
            "casual",
            "--ignore",
            "registered",
            "--improve-every",
            "30d",
            "--trials",
            "1",
            "--json",
        ])
        .done();
    let found = replayed.json();
    assert_eq!(found["predicted"].as_u64().unwrap() + found["started_on"].as_u64().unwrap(), 8645);
    assert!(found["better_by"]["low"].as_f64().unwrap() > 0.0, "{}", found["verdict"]);
    desk.run(&["replay", &data, "--target", "bikers"]).refused(&["--time"]);
}

#[test]
fn the_loop_in_five_minutes_runs_as_the_readme_says() {
    let curl = Command::new("curl").arg("--version").output();
    assert!(curl.is_ok_and(|o| o.status.success()), "this story needs curl");
    let desk = Desk::new();
    let program = assert_cmd::cargo::cargo_bin("tidemill");
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = Command::new("sh")
        .args([&example("loop.sh"), &example("bikeshare/bikeshare.csv"), &free])
        .env("PATH", path)
        .current_dir(desk.path(""))
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("promoted: the challenger is better"), "{out}\n{err}");
    assert!(out.contains("2000 stored") && out.contains("Live Root mean squared error"), "{out}");
    assert!(out.contains("is back in place of"), "{out}");
}

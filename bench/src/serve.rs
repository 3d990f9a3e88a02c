//! One row over HTTP with everything on (a key, metrics, the durable log), at 1, 16 and 64 connections: against an empty
//! axum handler, and against FastAPI with onnxruntime. Requests per second as `wrk` sees them, CPU per request from
//! the system's account of the serving process.
//!
//! `wrk` shares the cores with the servers, for all of them alike.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemill_core::Context;
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_engine::builtin;
use tidemill_engine::verbs::train;
use tidemill_kernel::Random;

use crate::row::Row;
use crate::{Outcome, peer};

const NUMBERS: usize = 20;
const ROWS: usize = 5000;
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// Of each of the measurements, whose median counts.
const SECONDS: u64 = 3;
const TIMES: usize = 5;

/// What one server does at one number of connections.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) cpu_secs: f64,
}

pub(crate) fn run() -> Outcome<Vec<Row>> {
    if Command::new("wrk").arg("-v").output().is_err() {
        return Err("this bench needs wrk: install it, as with `apt-get install wrk`".into());
    }
    let folder = peer::work_folder()?.join("serve");
    let model = model(&folder)?;
    let table = folder.join("rows.csv");
    let ours = Server::ours(&model, &folder)?;
    let empty = Server::empty()?;
    let fastapi = Server::fastapi(&table)?;
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let [us, bare, them] = side_by_side([&ours, &empty, &fastapi], connections, &folder)?;
        let note = format!("{:.0} requests a second here, {:.0} there", us.per_second, bare.per_second);
        rows.push(Row {
            name: format!("serve a linear model, {connections} connections: CPU per request"),
            peer: "empty axum handler".into(),
            ours_secs: us.cpu_secs,
            peer_secs: bare.cpu_secs,
            // At most 3 and 2 times the empty handler's.
            goal_at_least: 0.33,
            reach: 0.5,
            same_answer: note,
        });
        rows.push(Row {
            name: format!("serve a linear model, {connections} connections: time per request of all"),
            peer: "FastAPI + onnxruntime".into(),
            ours_secs: 1.0 / us.per_second,
            peer_secs: 1.0 / them.per_second,
            goal_at_least: 6.0,
            reach: 10.0,
            same_answer: format!("CPU per request {:.1} times ours", them.cpu_secs / us.cpu_secs),
        });
    }
    Ok(rows)
}

/// Measures the servers in turn, over and over, so that a noisy timestamp hits all of them; the medians.
pub(crate) fn side_by_side<const N: usize>(
    servers: [&Server; N],
    connections: usize,
    folder: &Path,
) -> Outcome<[Measured; N]> {
    let mut taken = [const { Vec::new() }; N];
    for round in 0..=TIMES {
        for (server, taken) in servers.iter().zip(&mut taken) {
            let measured = server.measure(connections, folder)?;
            // The first warms up.
            if round > 0 {
                taken.push(measured);
            }
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Ok(taken.map(|taken: Vec<Measured>| Measured {
        per_second: median(taken.iter().map(|m| m.per_second).collect()),
        cpu_secs: median(taken.iter().map(|m| m.cpu_secs).collect()),
    }))
}

/// Twenty numbers, some missing, and two classes.
fn rows() -> Outcome<String> {
    let mut random = Random::new(5, 0);
    let mut text: String = (0..NUMBERS).map(|i| format!("x{i},")).collect();
    text += "y\n";
    for _ in 0..ROWS {
        let mut score = 0.0;
        for i in 0..NUMBERS {
            let x = random.normal();
            score += x * (i % 5) as f64 * 0.3;
            match random.unit() < 0.02 {
                true => text += ",",
                false => write!(text, "{x:.4},")?,
            }
        }
        text += if score + random.normal() > 0.0 { "yes\n" } else { "no\n" };
    }
    Ok(text)
}

/// The model that is served, and the table it learned from (`rows.csv`), in `folder`.
pub(crate) fn model(folder: &Path) -> Outcome<PathBuf> {
    model_of(folder, Spec::new("logistic").with("c", 1.0))
}

/// The same of another learner.
pub(crate) fn model_of(folder: &Path, learner: Spec) -> Outcome<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let table = folder.join("rows.csv");
    std::fs::write(&table, rows()?)?;
    let context = Context::new(0, 1, Arc::new(builtin::registry()));
    let mut recipe = Recipe { learners: vec![learner], ..Recipe::default() };
    recipe.data.target = Some("y".into());
    let source = table.display().to_string();
    let job = train::Job {
        words: &tidemill_engine::report::words::EN,
        source,
        recipe,
        recipe_file: None,
        out: folder.join("bench-model"),
    };
    Ok(train::train(&job, &context)?.model)
}

/// A server as a process, and how to ask it.
pub(crate) struct Server {
    child: Child,
    url: String,
    key: Option<String>,
    /// What a caller sends.
    body: String,
    /// How long it took until it listened.
    pub(crate) started: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Workers first, or they would outlive their parent. Any of them may have ended by itself.
        for id in family(self.child.id()).into_iter().rev() {
            let _ = Command::new("kill").arg("-9").arg(id.to_string()).stderr(Stdio::null()).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Ours: a key, metrics, the durable log.
    pub(crate) fn ours(model: &Path, folder: &Path) -> Outcome<Self> {
        let store = fresh_store(folder);
        let program = std::env::current_exe()?.with_file_name("tidemill");
        let made = Command::new(&program)
            .args([
                "keys", "create", "bench", "--scope", "predict", "--scope", "read", "--store", &store,
                "--json",
            ])
            .output()?;
        let made: serde_json::Value = serde_json::from_slice(&made.stdout)?;
        let key = made["token"].as_str().ok_or("no key was made")?.to_string();
        let mut command = Command::new(program);
        command.arg("serve").arg(model).args([
            "--listen",
            "127.0.0.1:0",
            "--name",
            "bench",
            "--store",
            &store,
            "--quiet",
        ]);
        let mut server = Server::listening(&mut command)?;
        server.url += "/v1/models/bench/predict";
        server.key = Some(key);
        Ok(server)
    }

    /// Ours as people first meet it: no key.
    pub(crate) fn open(model: &Path, folder: &Path) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?.with_file_name("tidemill"));
        command.arg("serve").arg(model).args(["--listen", "127.0.0.1:0", "--name", "bench", "--quiet"]);
        Server::listening(command.arg("--store").arg(fresh_store(folder)))
    }

    /// The address without a path.
    pub(crate) fn base(&self) -> String {
        self.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
    }

    /// The memory it holds, in MB.
    pub(crate) fn memory(&self) -> Outcome<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }

    /// Asks at this rate, from 16 connections, for so long; how many were answered.
    pub(crate) fn paced(&self, per_second: f64, time: Duration) -> Result<u64, String> {
        const CLIENTS: u32 = 16;
        let request = self.request();
        let address = self.base().trim_start_matches("http://").to_string();
        let pause = Duration::from_secs_f64(f64::from(CLIENTS) / per_second);
        let client = |_| -> std::io::Result<u64> {
            let mut stream = TcpStream::connect(&address)?;
            stream.set_nodelay(true)?;
            let (began, mut answered) = (Instant::now(), 0u64);
            while began.elapsed() < time {
                ask(&mut stream, &request)?;
                answered += 1;
                // Behind its time it hurries, ahead it waits.
                let due = began + pause.mul_f64(answered as f64);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            Ok(answered)
        };
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|i| scope.spawn(move || client(i))).collect();
            let answers = clients
                .into_iter()
                .map(|c| c.join().map_err(|_| "a client failed".to_string())?.map_err(|e| e.to_string()));
            answers.sum()
        })
    }

    fn request(&self) -> Vec<u8> {
        let key = self.key.as_ref().map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
        let path = self.url.splitn(4, '/').nth(3).unwrap_or_default();
        let body = &self.body;
        format!("POST /{path} HTTP/1.1\r\nHost: localhost\r\n{key}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            .into_bytes()
    }

    fn empty() -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        Server::listening(command.arg("empty"))
    }

    fn fastapi(table: &Path) -> Outcome<Self> {
        let mut command = peer::python()?;
        command.arg(peer::root().join("bench/peers/serve.py"));
        let port = free_port()?;
        command.arg(port.to_string()).arg(table);
        Server::at(port, &mut command, "/predict", body())
    }

    /// A program that answers requests like this one at `path` of this port before long.
    pub(crate) fn at(port: u16, command: &mut Command, path: &str, body: String) -> Outcome<Self> {
        let child = command.stdout(Stdio::null()).spawn()?;
        let url = format!("http://127.0.0.1:{port}{path}");
        let server = Server { child, url, key: None, body, started: Duration::ZERO };
        let (request, deadline) = (server.request(), Instant::now() + Duration::from_secs(120));
        loop {
            let answered = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| {
                stream.set_read_timeout(Some(Duration::from_secs(5)))?;
                ask(&mut stream, &request)
            });
            match answered {
                Ok(()) => return Ok(server),
                Err(e) if Instant::now() > deadline => return Err(format!("{command:?}: {e}").into()),
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    /// A program that prints where it listens.
    fn listening(command: &mut Command) -> Outcome<Self> {
        let began = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ").ok_or("it does not listen")?.to_string();
        Ok(Server { child, url, key: None, body: body(), started: began.elapsed() })
    }

    pub(crate) fn measure(&self, connections: usize, folder: &Path) -> Outcome<Measured> {
        let script = folder.join("post.lua");
        std::fs::write(&script, self.script())?;
        let before = cpu_secs(self.child.id())?;
        let threads = connections.min(2).to_string();
        let output = Command::new("wrk")
            .args(["-t", &threads, "-c", &connections.to_string(), "-d", &format!("{SECONDS}s"), "-s"])
            .arg(&script)
            .arg(&self.url)
            .output()?;
        let used = cpu_secs(self.child.id())? - before;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = |name: &str| {
            let line = text.lines().find_map(|l| l.trim().strip_prefix(name).map(str::trim));
            line.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok())
        };
        let answered = text.lines().find_map(|l| l.trim().split_once(" requests in ")?.0.parse::<f64>().ok());
        let (Some(per_second), Some(answered)) = (number("Requests/sec:"), answered) else {
            return Err(format!("wrk said:\n{text}").into());
        };
        if text.contains("Non-2xx") {
            return Err(format!("{} refuses:\n{text}", self.url).into());
        }
        Ok(Measured { per_second, cpu_secs: used / answered })
    }

    fn script(&self) -> String {
        let key = self.key.as_ref().map(|key| format!("wrk.headers[\"Authorization\"] = \"Bearer {key}\"\n"));
        format!(
            "wrk.method = \"POST\"\nwrk.body = '{}'\nwrk.headers[\"Content-Type\"] = \"application/json\"\n{}",
            self.body,
            key.unwrap_or_default()
        )
    }
}

/// A row as a caller sends it.
fn body() -> String {
    let row: Vec<String> = (0..NUMBERS).map(|i| format!("\"x{i}\": {:.4}", 0.37 * i as f64 - 3.0)).collect();
    format!("{{{}}}", row.join(", "))
}

/// Sends a request and reads its answer to the end; an answer that is not a success is an error.
fn ask(stream: &mut TcpStream, request: &[u8]) -> std::io::Result<()> {
    use std::io::{Error, Read, Write};
    stream.write_all(request)?;
    let (mut buffer, mut filled) = ([0; 8192], 0);
    loop {
        let n = stream.read(&mut buffer[filled..])?;
        if n == 0 {
            return Err(Error::other("the connection was closed"));
        }
        filled += n;
        let text = String::from_utf8_lossy(&buffer[..filled]);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if !head.starts_with("HTTP/1.1 200") {
            return Err(Error::other(head.to_string()));
        }
        if length.is_some_and(|length: usize| body.len() >= length) {
            return Ok(());
        }
    }
}

/// The path of a store that is not there yet.
fn fresh_store(folder: &Path) -> String {
    for name in ["loop.db", "loop.db-wal", "loop.db-shm"] {
        // From the last run, if there was one.
        let _ = std::fs::remove_file(folder.join(name));
    }
    folder.join("loop.db").display().to_string()
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> Outcome<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A process and all that it started, parents first.
fn family(id: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(other) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat.rsplit(')').next().unwrap_or_default().split_whitespace().nth(1).map(str::parse);
        if let Some(Ok(parent)) = parent {
            parents.push((other, parent));
        }
    }
    let mut found = vec![id];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(parents.iter().filter(|(_, p): &&(u32, u32)| *p == parent).map(|(child, _)| *child));
        at += 1;
    }
    found
}

/// The processor time of a process and all that it started.
fn cpu_secs(id: u32) -> Outcome<f64> {
    // One that ended meanwhile is counted no more.
    Ok(family(id).into_iter().filter_map(|id| own_cpu_secs(id).ok()).sum())
}

/// The processor time of a process, user and system, by `/proc`.
fn own_cpu_secs(id: u32) -> Outcome<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    // Fields 14 and 15 of the whole line, in hundredths of a second on every Linux there is.
    Ok((ticks(11) + ticks(12)) / 100.0)
}

/// A server that reads the body and answers a constant: what axum itself costs.
pub(crate) fn serve_nothing() -> Outcome<()> {
    use axum::{Router, body::Bytes, routing::post};
    const ANSWER: &str = r#"{"model":"m","version":"0123456789ab","predictions":[{"prediction_id":"01a20b7d-3b13-7538-8a4e-52fb9808a759","prediction":"yes","probabilities":{"no":0.25,"yes":0.75}}]}"#;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        announce(&format!("listening on http://{}", listener.local_addr()?));
        let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
        let app = Router::new().route("/", post(move |_: Bytes| async move { (json, ANSWER) }));
        Ok(axum::serve(listener, app).await?)
    })
}

fn announce(line: &str) {
    use std::io::Write;
    println!("{line}");
    // Whoever waits for the line is gone otherwise.
    let _ = std::io::stdout().flush();
}

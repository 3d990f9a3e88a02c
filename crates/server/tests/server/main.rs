//! The server over real HTTP.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed")]

mod acknowledged;
mod admin;
mod auth;
mod bad_input;
mod chat;
mod explained;
mod faults;
mod feedback;
mod forecasts;
mod formats;
mod graphs;
mod health;
mod improving;
mod language;
mod language_loop;
mod masks;
mod openai;
mod pictures;
mod policies;
mod privacy;
mod targets;
mod texts;
mod together;
mod trust;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidemill_core::Context;
use tidemill_core::recipe::Recipe;
use tidemill_engine::builtin;
use tidemill_engine::improve;
use tidemill_engine::verbs::train;
use tidemill_server::{Options, Running, start};

/// A server of its own, in a folder of its own.
pub(crate) struct Served {
    pub running: Running,
    pub folder: TempDir,
}

pub(crate) fn context() -> Context {
    Context::new(0, 2, Arc::new(builtin::registry()))
}

/// Serves this model as `customers`.
pub(crate) fn serve(model: PathBuf, folder: TempDir) -> Served {
    let mut options = Options::local(vec![model], folder.path().join("s.db").display().to_string());
    options.name = Some("customers".into());
    Served { running: start(&options, &context()).unwrap(), folder }
}

/// What improves a model that is served as `customers`.
pub(crate) fn challenge(model: &Path) -> improve::Job {
    // The worlds of these tests turn upside down.
    improve::Job {
        model: model.into(),
        name: Some("customers".into()),
        despite_tests: true,
        ..improve::Job::default()
    }
}

/// Rows of a small business: plan and age say much about who leaves.
pub(crate) fn customers(n: usize, seed: u64) -> String {
    let mut text = String::from("id,age,plan,visits,left\n");
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    for i in 0..n {
        let age = 18.0 + (60.0 * random()).floor();
        let plan = ["basic", "plus", "team"][(3.0 * random()) as usize];
        let visits = (40.0 * random()).floor();
        let score = 0.05 * (age - 45.0) + if plan == "basic" { 1.0 } else { -0.5 } - 0.05 * (visits - 20.0);
        let left = if score + 2.0 * (random() - 0.5) > 0.0 { "yes" } else { "no" };
        text += &format!("c{i},{age},{plan},{visits},{left}\n");
    }
    text
}

/// Trains on these rows by this recipe, into `out`.
pub(crate) fn trained(csv: &str, recipe: &str, out: &Path) -> PathBuf {
    let data = out.join("customers.csv");
    std::fs::write(&data, csv).unwrap();
    let mut recipe: Recipe =
        tidemill_engine::recipe::parse(recipe, "test.toml", &builtin::registry()).unwrap();
    recipe.train.trials = Some(1);
    recipe.data.target = Some("left".into());
    recipe.data.key = Some("id".into());
    let job = train::Job {
        words: &tidemill_engine::report::words::EN,
        source: data.display().to_string(),
        recipe,
        recipe_file: None,
        out: out.join("customers-model"),
    };
    train::train(&job, &context()).unwrap().model
}

/// A trained model's bytes, made once for all tests.
fn model_bytes() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::read(trained(&customers(400, 1), "", folder.path())).unwrap()
    })
}

/// Serves the model of all tests as `customers`.
pub(crate) fn served() -> Served {
    served_with(|_| {})
}

pub(crate) fn served_with(change: impl FnOnce(&mut Options)) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("customers.tidemill");
    std::fs::write(&model, model_bytes()).unwrap();
    let store = folder.path().join("loop.db").display().to_string();
    let mut options = Options::local(vec![model], store);
    change(&mut options);
    let running = start(&options, &context()).unwrap();
    Served { running, folder }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_string()
    }
}

/// Sends bytes as they are, and reads the answer to its end.
pub(crate) fn raw(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    // The server may answer and close before all was sent.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    Answer { status, head: head.into(), body: body.into() }
}

pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("Content-Length: {}\r\n\r\n", body.len());
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(body);
    raw(address, &bytes)
}

pub(crate) const PREDICT: &str = "/v1/models/customers/predict";
pub(crate) const ADA: &str = r#"{"id": "ada", "age": 36, "plan": "basic", "visits": 3}"#;

impl Served {
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        send(self.address(), "GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        send(self.address(), "POST", path, &[("Content-Type", "application/json")], body.as_bytes())
    }

    pub(crate) fn predict(&self, body: &str) -> Answer {
        self.post(PREDICT, body)
    }

    /// Asks for each row, then says what was right.
    pub(crate) fn teach(&self, rows: &[Value], right: &[Value]) {
        let answer = self.predict(&Value::from(rows.to_vec()).to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        let said = answer.json();
        let labels = said["predictions"].as_array().unwrap().iter().zip(right).map(
            |(said, right)| json!({ "prediction_id": said["prediction_id"], "kind": "label", "value": right }),
        );
        let labels = Value::from_iter(labels).to_string();
        assert_eq!(self.post("/v1/feedback", &labels).status, 200);
    }

    /// A challenger to the model in this folder of the server's.
    pub(crate) fn improve(&self, folder: &str) -> improve::Improved {
        let model = self.folder.path().join(folder).join("model.tidemill");
        improve::improve(&challenge(&model), &self.running.app.store, &context()).unwrap()
    }

    /// Everything in the log.
    pub(crate) fn logged(&self) -> Vec<tidemill_store::LoggedPrediction> {
        let mut found = Vec::new();
        let store = &self.running.app.store;
        store
            .each_logged("customers", i64::MIN, i64::MAX, false, &mut |p| {
                found.push(p);
                Ok(())
            })
            .unwrap();
        found
    }
}

//! A dated table played through the whole loop as if its users were arriving: start on the first part, predict what
//! follows over HTTP, feed the right answers back late, improve, promote; and hold the improving model against the first one
//! frozen.

mod client;
mod played;
mod table;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};
use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Error, Event, Result};
use tidemill_engine::improve;
use tidemill_engine::serve::serving::Serving;
use tidemill_engine::verbs::monitor;
use tidemill_engine::verbs::train;
use tidemill_eval::compare::ScoreInterval;
use tidemill_report::words::EN;

use crate::app::Options;
use crate::connections;
use client::Client;
use played::Played;
use table::DatedTable;

/// Rows per request.
const REQUEST: usize = 500;

/// What to play.
#[derive(Clone, Debug)]
pub struct Job {
    /// The dated table.
    pub source: String,
    /// The recipe; target and time are named in it.
    pub recipe: Recipe,
    /// How long after its row a right answer is known.
    pub label_delay: std::time::Duration,
    /// How often the model may improve.
    pub improve_every: std::time::Duration,
    /// The share of the rows that the first model is trained on.
    pub start: f64,
    /// Whether to compare all learners again at every step.
    pub search: bool,
    /// Where models, store, chart and document go.
    pub out: PathBuf,
}

/// How it went.
#[derive(Clone, Debug, Serialize)]
pub struct Replayed {
    /// Rows the first model was trained on.
    pub started_on: usize,
    /// Rows predicted over HTTP.
    pub predicted: usize,
    /// Rows left out: no timestamp or no target.
    pub left_out: usize,
    /// The metric.
    pub metric: String,
    /// The improving model's score.
    pub improving: f64,
    /// The first model's score on the same rows.
    pub frozen: f64,
    /// By how much the improving one is better; runs of neighbouring rows were drawn together.
    pub better_by: ScoreInterval,
    /// In a sentence.
    pub verdict: String,
    /// What was decided, and when in the table's time.
    pub decisions: Vec<Step>,
    /// Scores by stretch of time.
    pub stretches: Vec<Stretch>,
    /// The chart.
    pub chart: PathBuf,
    /// The time that all of it took, in seconds.
    pub seconds: f64,
}

/// A call of `improve`.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// When, in the table's time.
    pub at: String,
    /// Whether the challenger took over.
    pub promoted: bool,
    /// The decision in a sentence.
    pub verdict: String,
}

/// The scores of a stretch of time.
#[derive(Clone, Debug, Serialize)]
pub struct Stretch {
    /// Its middle.
    pub at: String,
    /// Rows.
    pub rows: usize,
    /// The improving model's score.
    pub improving: f64,
    /// The first model's.
    pub frozen: f64,
}

/// Plays the table.
pub fn replay(job: &Job, context: &Context) -> Result<Replayed> {
    let began = std::time::Instant::now();
    std::fs::create_dir_all(&job.out).map_err(|e| Error::io(&job.out, e))?;
    let table = DatedTable::read(job, context)?;
    let (first, rest) = table.rows.split_at(table.start(job.start)?);
    let model = begin(job, &table, first, context)?;
    let frozen = Serving::open(&model, Some("frozen"), None, context)?;
    let metric = monitor::watched(&frozen)?;

    let store = job.out.join("loop.db");
    for name in ["loop.db", "loop.db-wal", "loop.db-shm"] {
        let old = job.out.join(name);
        if old.exists() {
            std::fs::remove_file(&old).map_err(|e| Error::io(&old, e))?;
        }
    }
    let mut options = Options::local(vec![model.clone()], store.display().to_string());
    options.name = Some("replay".into());
    let server = connections::start(&options, context)?;
    let mut play = Play {
        job,
        table: &table,
        model: &model,
        client: Client::new(server.address),
        server: &server,
        waiting: std::collections::VecDeque::new(),
        improving: Vec::with_capacity(rest.len()),
        decisions: Vec::new(),
        context,
    };
    context.tell(&Event::Begin { what: "replaying".into(), steps: Some(rest.len() as u64) });
    play.all(rest)?;
    context.tell(&Event::End);
    let (improving, decisions) = (play.improving, play.decisions);
    drop(server);
    Played { job, table: &table, rows: rest, frozen: &frozen, metric, improving, decisions }.judged(began)
}

/// Trains the first model on the first rows.
fn begin(job: &Job, table: &DatedTable, first: &[table::DatedRow], context: &Context) -> Result<PathBuf> {
    let source = job.out.join("start.jsonl");
    table.write(first, &source)?;
    let mut recipe = job.recipe.clone();
    recipe.data.source = None;
    let out = job.out.join("model");
    let quiet = context.quiet();
    let start = train::Job {
        words: &EN,
        source: source.display().to_string(),
        recipe,
        recipe_file: None,
        out: out.clone(),
    };
    let trained = train::train(&start, &quiet)?;
    // A second play must not go on where the first ended.
    let versions = out.join("versions");
    if versions.exists() {
        std::fs::remove_dir_all(&versions).map_err(|e| Error::io(&versions, e))?;
    }
    Ok(trained.model)
}

/// A right answer that will be known later.
struct Waiting {
    known_at: i64,
    said_at: i64,
    prediction_id: String,
    truth: Value,
}

struct Play<'a> {
    job: &'a Job,
    table: &'a DatedTable,
    model: &'a Path,
    client: Client,
    server: &'a connections::Running,
    waiting: std::collections::VecDeque<Waiting>,
    /// What the model in service said, per row.
    improving: Vec<Value>,
    decisions: Vec<Step>,
    context: &'a Context,
}

impl Play<'_> {
    fn all(&mut self, rows: &[table::DatedRow]) -> Result<()> {
        let Some(first) = rows.first() else { return Ok(()) };
        let every = micros(self.job.improve_every).max(1);
        let mut next = first.at + every;
        let mut at = 0;
        while at < rows.len() {
            self.context.check()?;
            if rows[at].at >= next {
                self.feed_back(next)?;
                self.improve(next)?;
                while next <= rows[at].at {
                    next += every;
                }
            }
            let until = rows[at..].partition_point(|row| row.at < next) + at;
            let end = until.min(at + REQUEST);
            self.predict(&rows[at..end])?;
            self.context.tell(&Event::Step((end - at) as u64));
            at = end;
        }
        self.feed_back(i64::MAX)
    }

    fn predict(&mut self, rows: &[table::DatedRow]) -> Result<()> {
        let body: Vec<Value> = rows.iter().map(|row| self.table.object(row)).collect();
        let answer = self.client.post("/v1/models/replay/predict", &json!(body))?;
        let predictions = answer["predictions"].as_array().map(Vec::as_slice).unwrap_or_default();
        if predictions.len() != rows.len() {
            return Err(Error::internal("the server answered other rows than were sent"));
        }
        let delay = micros(self.job.label_delay);
        for (row, prediction) in rows.iter().zip(predictions) {
            self.waiting.push_back(Waiting {
                known_at: row.at.saturating_add(delay),
                said_at: row.at.saturating_add(delay),
                prediction_id: prediction["prediction_id"].as_str().unwrap_or_default().into(),
                truth: row.truth.clone(),
            });
            self.improving.push(prediction.clone());
        }
        Ok(())
    }

    /// Sends the right answers that are known by `now`.
    fn feed_back(&mut self, now: i64) -> Result<()> {
        while self.waiting.front().is_some_and(|w| w.known_at <= now) {
            let mut body = Vec::new();
            while body.len() < REQUEST && self.waiting.front().is_some_and(|w| w.known_at <= now) {
                let Some(known) = self.waiting.pop_front() else { break };
                body.push(
                    json!({ "prediction_id": known.prediction_id, "kind": "label", "value": known.truth,
                                  "at": known.said_at }),
                );
            }
            self.client.post("/v1/feedback", &json!(body))?;
        }
        Ok(())
    }

    fn improve(&mut self, now: i64) -> Result<()> {
        let job = improve::Job {
            model: self.model.into(),
            name: Some("replay".into()),
            search: self.job.search,
            // The right answers are the table's own: when its world changes, that is what is played.
            despite_tests: true,
            ..improve::Job::default()
        };
        let app = &self.server.app;
        let improved = improve::improve(&job, &app.store, &self.context.quiet())?;
        if improved.promoted {
            // The server looks for newer files by itself; at this speed of time it must not wait for its next look.
            app.models.look(&app.loader);
        }
        self.decisions.push(Step {
            at: monitor::moment(now),
            promoted: improved.promoted,
            verdict: improved.verdict,
        });
        Ok(())
    }
}

fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

/// What a terminal shows.
pub fn story(replayed: &Replayed) -> String {
    let mut text = format!(
        "Started on {} rows, predicted {} over HTTP, in {:.1} s.\n\n{}.\n\n",
        replayed.started_on, replayed.predicted, replayed.seconds, replayed.verdict
    );
    text += &format!("  {:<22} {:>7} {:>12} {:>12}\n", "stretch around", "rows", "improving", "frozen");
    for s in &replayed.stretches {
        text += &format!("  {:<22} {:>7} {:>12.4} {:>12.4}\n", s.at, s.rows, s.improving, s.frozen);
    }
    text += "\n";
    for step in &replayed.decisions {
        text += &format!("{}: {}\n", step.at, step.verdict);
    }
    text + &format!("\nChart: {}\n", replayed.chart.display())
}

//! A dated table played through the whole loop as if its users were arriving: start on the first part, predict what
//! follows over HTTP, feed the right answers back late, improve, promote; and hold the improving model against the first one
//! frozen.

mod client;
mod table;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};
use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Error, Event, Result};
use tidemill_engine::feedback::{class_of, number_of};
use tidemill_engine::files::replace;
use tidemill_engine::improve;
use tidemill_engine::serve::serving::{Prediction, Serving};
use tidemill_engine::verbs::monitor;
use tidemill_engine::verbs::train;
use tidemill_eval::compare::{ScoreInterval, bootstrap, paired};
use tidemill_eval::{Answers, Metric};
use tidemill_report::words::EN;
use tidemill_report::{Chart, LineChart, Mark, Point, Scale, Series};

use crate::app::Options;
use crate::connections;
use client::Client;
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
    judge(job, &table, rest, &frozen, metric, improving, decisions, began)
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

#[expect(clippy::too_many_arguments, reason = "everything that the verdict rests on")]
fn judge(
    job: &Job,
    table: &DatedTable,
    rows: &[table::DatedRow],
    frozen: &Serving,
    metric: &'static Metric,
    improving: Vec<Value>,
    decisions: Vec<Step>,
    began: std::time::Instant,
) -> Result<Replayed> {
    let mut judged = Judged::default();
    let mut cells: Vec<_> = rows.iter().map(|row| table.row(row, frozen)).collect();
    let answers = frozen.answer(&mut cells)?;
    for ((row, said), answer) in rows.iter().zip(&improving).zip(&answers) {
        judged.add(row, said, answer, frozen);
    }
    let block = (judged.truth.len() / 60).clamp(1, 500);
    let (before, after) = (judged.answers(frozen, Side::Frozen)?, judged.answers(frozen, Side::Improving)?);
    let better_by = paired(&before, &after, metric, block, 1000, 0.95, 0)?;
    let (improving, still) = (metric.score(&after)?.value, metric.score(&before)?.value);
    let chart = job.out.join("replay.svg");
    let stretches = judged.stretches(job, frozen, metric)?;
    let picture = draw(job, metric, &stretches, &decisions, rows);
    tidemill_core::replace(&chart, picture.as_bytes()).map_err(|e| Error::io(&chart, e))?;
    let promoted = decisions.iter().filter(|d| d.promoted).count();
    let ScoreInterval { value, low, high, .. } = better_by;
    let relation = match (low > 0.0, high < 0.0) {
        (true, _) => "the loop beats the frozen model",
        (_, true) => "the frozen model beats the loop",
        _ => "there is not enough to tell the loop from the frozen model",
    };
    let verdict = format!(
        "{relation}: {} {improving:.4} against {still:.4}, better by {value:.4} (95% CI {low:.4} to {high:.4}); {promoted} \
         of {} improvements were promoted",
        metric.title,
        decisions.len()
    );
    let replayed = Replayed {
        started_on: table.rows.len() - rows.len(),
        predicted: judged.truth.len(),
        left_out: table.left_out,
        metric: metric.name.into(),
        improving,
        frozen: still,
        better_by,
        verdict,
        decisions,
        stretches: stretches.into_iter().map(|(stretch, ..)| stretch).collect(),
        chart,
        seconds: began.elapsed().as_secs_f64(),
    };
    let document = serde_json::to_string_pretty(&replayed)
        .map_err(|e| Error::internal(format!("writing the replay down: {e}")))?;
    replace(&job.out.join("replay.json"), document.as_bytes())?;
    Ok(replayed)
}

#[derive(Clone, Copy)]
enum Side {
    Frozen,
    Improving,
}

/// What both models said of the rows whose truth they can be held against.
#[derive(Default)]
struct Judged {
    at: Vec<i64>,
    truth: Vec<f64>,
    said: [Vec<f64>; 2],
    probabilities: [Vec<f64>; 2],
}

impl Judged {
    fn add(
        &mut self,
        row: &table::DatedRow,
        said: &Value,
        answer: &tidemill_engine::serve::serving::Answer,
        frozen: &Serving,
    ) {
        let classes = &frozen.classes;
        let (truth, improving) = if classes.is_empty() {
            (number_of(&row.truth), said["prediction"].as_f64())
        } else {
            let code = |value: &Value| class_of(value, classes).map(f64::from);
            (code(&row.truth), code(&said["prediction"]))
        };
        let still = match answer.prediction {
            Prediction::Number(x) => Some(x).filter(|x| x.is_finite()),
            Prediction::Class(code) => Some(f64::from(code)),
            Prediction::Mask => None,
        };
        let (Some(truth), Some(improving), Some(still)) = (truth, improving, still) else { return };
        if !classes.is_empty() {
            let of = |class: &String| said["probabilities"][class.as_str()].as_f64().unwrap_or(0.0);
            self.probabilities[1].extend(classes.iter().map(of));
            self.probabilities[0].extend(&answer.probabilities);
        }
        self.at.push(row.at);
        self.truth.push(truth);
        self.said[0].push(still);
        self.said[1].push(improving);
    }

    fn answers(&self, frozen: &Serving, side: Side) -> Result<Answers<'static>> {
        let all = 0..self.truth.len();
        self.part(frozen, side, all)
    }

    fn part(&self, frozen: &Serving, side: Side, rows: std::ops::Range<usize>) -> Result<Answers<'static>> {
        let side = side as usize;
        let (truth, said) = (&self.truth[rows.clone()], &self.said[side][rows.clone()]);
        let k = frozen.classes.len();
        if k == 0 {
            return Ok(Answers::numbers(truth.to_vec(), said.to_vec())?);
        }
        let codes = |values: &[f64]| values.iter().map(|&x| x as u32).collect::<Vec<u32>>();
        let answers = Answers::classes(codes(truth), codes(said), &frozen.classes)?;
        Ok(answers.with_probability(self.probabilities[side][rows.start * k..rows.end * k].to_vec())?)
    }

    /// Scores of about 40 stretches of equal time, each with both intervals for the chart.
    fn stretches(&self, job: &Job, frozen: &Serving, metric: &Metric) -> Result<Vec<Drawn>> {
        let (Some(&first), Some(&last)) = (self.at.first(), self.at.last()) else { return Ok(Vec::new()) };
        let width = ((last - first) / 40).max(micros(job.improve_every)).max(1);
        let mut stretches = Vec::new();
        let mut start = 0;
        while start < self.at.len() {
            let from = first + (self.at[start] - first) / width * width;
            let end = start + self.at[start..].partition_point(|&at| at < from + width);
            let mut scores = [None, None];
            for side in [Side::Frozen, Side::Improving] {
                let answers = self.part(frozen, side, start..end)?;
                scores[side as usize] = bootstrap(&answers, metric, 100, 0.95, 0).ok();
            }
            if let [Some(still), Some(improving)] = scores
                && still.value.is_finite()
                && improving.value.is_finite()
                && end - start >= 5
            {
                let middle = (self.at[start] + self.at[end - 1]) / 2;
                let stretch = Stretch {
                    at: monitor::moment(middle),
                    rows: end - start,
                    improving: improving.value,
                    frozen: still.value,
                };
                stretches.push((stretch, middle, still, improving));
            }
            start = end;
        }
        Ok(stretches)
    }
}

type Drawn = (Stretch, i64, ScoreInterval, ScoreInterval);

fn draw(
    job: &Job,
    metric: &Metric,
    stretches: &[Drawn],
    decisions: &[Step],
    rows: &[table::DatedRow],
) -> String {
    let points = |which: fn(&Drawn) -> ScoreInterval| {
        let point = move |drawn: &Drawn| {
            let found = which(drawn);
            let end = |x: f64| Some(x).filter(|x| x.is_finite());
            Point { x: drawn.1 as f64, y: found.value, low: end(found.low), high: end(found.high) }
        };
        stretches.iter().map(point).collect::<Vec<_>>()
    };
    let every = micros(job.improve_every);
    let begin = rows.first().map_or(0, |row| row.at);
    let marks = decisions.iter().enumerate().filter(|(_, d)| d.promoted).map(|(i, d)| {
        let at = table::moment_of(&d.at).unwrap_or(begin + every * (i as i64 + 1));
        Mark { x: at as f64, label: "promoted".into() }
    });
    let direction = if metric.greater_is_better { "more is better" } else { "less is better" };
    let target = job.recipe.data.target.as_deref().unwrap_or("the target");
    let title = format!("Predicting {target}: the improving model and the first one frozen");
    let y = Scale::number(format!("{} ({direction}; bands: 95%)", metric.title));
    let mut chart = LineChart::new(title, Scale::time("time in the table (UTC)"), y)
        .with(Series::new("improving", points(|d| d.3)))
        .with(Series::new("frozen", points(|d| d.2)));
    chart.marks = marks.collect();
    chart.svg(&EN)
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

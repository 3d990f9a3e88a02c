//! How a model in service does: live scores by day against the test score, and what users say.

mod language;

use std::collections::BTreeMap;

use serde_json::Value;
use tidemill_core::recipe::Task;
use tidemill_core::{Error, Result};
use tidemill_eval::compare::{bootstrap, wilson};
use tidemill_eval::masks::PixelCounts;
use tidemill_eval::{Answers, Metric, Score};
use tidemill_report::words::EN;
use tidemill_store::{FeedbackKind, Given, LoggedPrediction, Store};

use crate::facts::{Day, Decision, Figure, LiveFigure, Monitor, Ratings, Said, VersionLine};
use crate::feedback::{self, Target, Uncounted, class_of, mask_of, number_of, reward_of, truth};
use crate::model::Model;
use crate::report::text;
use crate::serve::serving::{Part, Serving};

pub use language::of_language;

/// The days that are shown, counted back from now.
const DAYS: i64 = 90;
/// The most pieces of feedback that the figures rest on, counted back from now: an accuracy of so many rows is known to
/// within 0.7 points.
const MOST: usize = 20_000;
/// Fewer rows get no interval.
const INTERVAL_ROWS: usize = 20;
const DAY: i64 = 86_400_000_000;
/// Why a rating does not count: its user rated the prediction again.
const SUPERSEDED_RATING: &str = "superseded_rating";
/// How many pieces of feedback are shown.
const RECENT: usize = 20;

/// How `serving` does, by the store; `now` is in microseconds since 1970. Of several targets how it does on the first, with the
/// others beside it.
pub fn of_serving(serving: &Serving, store: &Store, now: i64) -> Result<Monitor> {
    if serving.parts.is_empty() {
        return of_target(serving, None, store, now);
    }
    let of_part = |part: &Part| of_target(&part.serving, Some(part.serving.target()), store, now);
    let mut each = serving.parts.iter().map(of_part).collect::<Result<Vec<_>>>()?.into_iter();
    let mut first = each.next().ok_or_else(|| Error::internal("a model without parts"))?;
    // What users said last is about all of them.
    first.others = each.map(|other| Monitor { recent: Vec::new(), ..other }).collect();
    Ok(first)
}

/// How a model of one target does; of several, `target` says which one it is.
fn of_target(serving: &Serving, target: Option<&str>, store: &Store, now: i64) -> Result<Monitor> {
    let metric = watched(serving)?;
    let mut seen = Seen::default();
    let from = now - DAYS * DAY;
    for logged in store.newest_judged(&serving.name, from, MOST)? {
        match target {
            None => seen.add(&logged, serving),
            Some(name) => feedback::of_target(logged, name).iter().for_each(|one| seen.add(one, serving)),
        }
    }
    let orphans = store.orphans(from, MOST)?;
    if orphans > 0 {
        seen.uncounted.insert("orphaned", orphans);
    }
    let (odd_of, odd_rows) = store.flaws(&serving.name, from, MOST)?;
    let recent = said(&store.newest_feedback(&serving.name, from, RECENT)?);
    let test = test_figure(serving, metric);
    let live = seen.live(serving, metric)?;
    let ratings = seen.ratings();
    let recent_days = seen.days(serving, metric)?;
    let mut monitor = Monitor {
        model: serving.name.clone(),
        metric: metric.name.into(),
        metric_title: target.map_or_else(|| metric.title.into(), |name| format!("{name}: {}", metric.title)),
        greater_is_better: metric.greater_is_better,
        sentence: String::new(),
        test,
        live,
        days: recent_days,
        ratings,
        predictions: store.count(&serving.name)?,
        feedback: seen.counts,
        not_counted: seen.uncounted,
        odd_rows,
        odd_of,
        versions: versions(store, &serving.name, &serving.hash)?,
        improvements: decisions(store, &serving.name)?,
        recent,
        target: target.map(String::from),
        others: Vec::new(),
    };
    monitor.sentence = text::monitored(&EN, &monitor);
    Ok(monitor)
}

/// The versions of a model that answered, the latest first; `current` is the hash of the one asked about.
fn versions(store: &Store, name: &str, current: &str) -> Result<Vec<VersionLine>> {
    let line = |v: tidemill_store::Version| VersionLine {
        version: v.version.hash.chars().take(12).collect(),
        current: v.version.hash == current,
        hash: v.version.hash,
        parent: v.version.parent,
        since: moment(v.created_at),
    };
    Ok(store.versions(name)?.into_iter().rev().map(line).collect())
}

/// What `improve` decided, the latest first.
fn decisions(store: &Store, name: &str) -> Result<Vec<Decision>> {
    let line = |i: tidemill_store::Improvement| Decision {
        at: moment(i.at),
        promoted: i.promoted,
        verdict: i.verdict,
    };
    Ok(store.improvements(name, 20)?.into_iter().map(line).collect())
}

/// What a policy in service earns: the mean of the rewards that came back.
static MEAN_REWARD: Metric = Metric {
    name: "mean_reward",
    title: "Mean reward",
    about: "What the decisions that are known to have been followed by a reward earned on average.",
    formula: "mean_reward = mean over rows reward",
    range: "the reward's unit",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: &[Task::Regression],
    compute: |answers| {
        let Answers::Numbers(rewards) = answers else {
            return Ok(Score::undefined("no_rewards", "no rewards"));
        };
        Ok(Score::of(rewards.truth().iter().sum::<f64>() / rewards.truth().len().max(1) as f64))
    },
};

/// How well masks in service agree with those that came back: the mean of the pictures' IoU.
static MEAN_IOU: Metric = Metric {
    name: "iou_per_picture",
    title: "Mean IoU per picture",
    about: "How well masks agree with those that came back, picture by picture.",
    formula: "iou_per_picture = mean over pictures of the mean over classes of intersection / union",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: &[Task::Regression],
    compute: |answers| (MEAN_REWARD.compute)(answers),
};

/// The metric that chose the model, or else the usual one of the task; of a policy the mean reward.
pub fn watched(serving: &Serving) -> Result<&'static Metric> {
    let task =
        serving.model()?.intake()?.plan().task.ok_or_else(|| Error::internal("a model without a task"))?;
    match task {
        Task::Policy => return Ok(&MEAN_REWARD),
        Task::Masks => return Ok(&MEAN_IOU),
        _ => {}
    }
    Ok(match &serving.recipe.train.metric {
        Some(name) => tidemill_eval::metric(name)?,
        None => tidemill_eval::default_metric(task),
    })
}

fn test_figure(serving: &Serving, metric: &Metric) -> Option<Figure> {
    // What a policy was expected to earn when it was judged.
    let name = if serving.is_policy() { "doubly_robust" } else { metric.name };
    let value = serving.provenance.test_metric(name)?;
    let interval = serving.provenance.test_interval;
    Some(Figure { value, low: interval.and_then(|i| i.low), high: interval.and_then(|i| i.high) })
}

/// A timestamp as people write it.
pub fn moment(micros: i64) -> String {
    tidemill_data::parse::write_iso(micros)
}

/// A labelled prediction: when, the truth and the answer as the metrics want them.
struct Judged {
    at: i64,
    truth: f64,
    predicted: f64,
    probabilities: Vec<f64>,
}

#[derive(Default)]
struct Seen {
    counts: BTreeMap<&'static str, u64>,
    /// Words about the right answer that do not count, by why not.
    uncounted: BTreeMap<&'static str, u64>,
    judged: Vec<Judged>,
    /// The latest of each voice on each prediction.
    votes: BTreeMap<(uuid::Uuid, Option<String>), Vote>,
}

/// Whether someone is content, and whether they said so by a rating.
struct Vote {
    content: bool,
    rates: bool,
}

impl Seen {
    /// Counts what was said of a prediction, and its votes.
    fn count(&mut self, logged: &LoggedPrediction) {
        for given in &logged.feedback {
            *self.counts.entry(given.kind.word()).or_default() += 1;
            let Some(content) = vote(given) else { continue };
            let vote = Vote { content, rates: given.kind == FeedbackKind::Rating };
            let earlier = self.votes.insert((logged.id, given.by().map(String::from)), vote);
            // What an `accept` says of the right answer is counted with the right answers.
            if earlier.is_some_and(|earlier| earlier.rates) {
                *self.uncounted.entry(SUPERSEDED_RATING).or_default() += 1;
            }
        }
    }

    fn add(&mut self, logged: &LoggedPrediction, serving: &Serving) {
        self.count(logged);
        let target = Target {
            task: serving.model().and_then(Model::intake).ok().and_then(|i| i.plan().task),
            classes: &serving.classes,
        };
        let truth = truth(logged, target);
        let mut uncounted = truth.uncounted;
        match truth.value.map(|said| judged(logged, &said, serving)) {
            Some(Ok(judged)) => self.judged.push(judged),
            Some(Err(why)) => uncounted.push(why),
            None => {}
        }
        for why in uncounted {
            *self.uncounted.entry(why.word()).or_default() += 1;
        }
    }

    fn live(&self, serving: &Serving, metric: &Metric) -> Result<Option<LiveFigure>> {
        if self.judged.is_empty() {
            return Ok(None);
        }
        let answers = answers(&self.judged, serving)?;
        let report = tidemill_eval::report(&answers);
        // Rewards are not held against predictions.
        let lines = report.lines.iter().filter(|_| !serving.is_policy() && !serving.is_masks());
        let metrics = lines.map(|l| (l.name, Some(l.value).filter(|v| v.is_finite())));
        let samples = if self.judged.len() >= INTERVAL_ROWS { 300 } else { 0 };
        let figure = figure(&answers, metric, samples)?;
        let (rows, metrics) = (self.judged.len(), metrics.collect());
        Ok(figure.map(|figure| LiveFigure { rows, figure, metrics }))
    }

    fn days(&self, serving: &Serving, metric: &Metric) -> Result<Vec<Day>> {
        let mut days = Vec::new();
        for day in self.judged.chunk_by(|a, b| a.at.div_euclid(DAY) == b.at.div_euclid(DAY)) {
            let samples = if day.len() >= INTERVAL_ROWS { 200 } else { 0 };
            if let Some(figure) = figure(&answers(day, serving)?, metric, samples)? {
                let name = moment(day[0].at).chars().take(10).collect();
                days.push(Day { day: name, rows: day.len(), figure });
            }
        }
        Ok(days)
    }

    fn ratings(&self) -> Option<Ratings> {
        let n = self.votes.len() as u64;
        let yes = self.votes.values().filter(|vote| vote.content).count() as u64;
        let [low, high] = wilson(yes, n)?;
        let satisfied = yes as f64 / n as f64;
        let mut ratings = Ratings { n, satisfied, low, high, sentence: String::new() };
        ratings.sentence = text::satisfied(&EN, &ratings);
        Some(ratings)
    }
}

/// Feedback for people.
fn said(logged: &[LoggedPrediction]) -> Vec<Said> {
    let of_one = |logged: &LoggedPrediction| {
        let said = |given: &Given| Said {
            at: moment(given.received_at),
            kind: given.kind.word(),
            value: given.value.clone(),
            prediction_id: logged.id.to_string(),
            prediction: serde_json::from_str(&logged.prediction).unwrap_or_default(),
            user: given.user.clone(),
        };
        logged.feedback.iter().map(said).collect::<Vec<_>>()
    };
    logged.iter().flat_map(of_one).collect()
}

/// Whether a piece of feedback is a word of content or of discontent.
fn vote(given: &Given) -> Option<bool> {
    match given.kind {
        FeedbackKind::Accept => Some(true),
        FeedbackKind::Reject => Some(false),
        FeedbackKind::Rating => match given.value.as_ref()? {
            Value::Bool(yes) => Some(*yes),
            value => value.as_f64().map(|stars| stars >= 4.0),
        },
        _ => None,
    }
}

/// The prediction as the metrics want it, where its right answer is known.
fn judged(logged: &LoggedPrediction, truth: &Value, serving: &Serving) -> Result<Judged, Uncounted> {
    let prediction: Value = serde_json::from_str(&logged.prediction).unwrap_or_default();
    if serving.is_policy() {
        let truth = reward_of(truth).ok_or(Uncounted::NotANumber)?;
        return Ok(Judged { at: logged.at, truth, predicted: truth, probabilities: Vec::new() });
    }
    if serving.is_masks() {
        let truth = mask_of(truth).ok_or(Uncounted::NotAMask)?;
        let said = mask_of(&prediction).ok_or(Uncounted::NotAMask)?;
        let classes: Vec<u8> = (0..=255).collect();
        let mut counts = PixelCounts::new(&classes);
        counts.add(truth.values(), said.values());
        let iou = counts.mean_iou().ok_or(Uncounted::NotAMask)?;
        return Ok(Judged { at: logged.at, truth: iou, predicted: iou, probabilities: Vec::new() });
    }
    if serving.classes.is_empty() {
        let truth = number_of(truth).ok_or(Uncounted::NotANumber)?;
        // Another version with classes, or an answer that was no number.
        let predicted = prediction.as_f64().ok_or(Uncounted::OtherClasses)?;
        return Ok(Judged { at: logged.at, truth, predicted, probabilities: Vec::new() });
    }
    let probabilities: Vec<f64> =
        logged.probabilities.as_deref().and_then(|p| serde_json::from_str(p).ok()).unwrap_or_default();
    if probabilities.len() != serving.classes.len() {
        // Its figures cannot be set beside those of the model at hand.
        return Err(Uncounted::OtherClasses);
    }
    let truth = f64::from(class_of(truth, &serving.classes).ok_or(Uncounted::UnknownClass)?);
    let predicted = f64::from(class_of(&prediction, &serving.classes).ok_or(Uncounted::OtherClasses)?);
    Ok(Judged { at: logged.at, truth, predicted, probabilities })
}

fn answers(judged: &[Judged], serving: &Serving) -> Result<Answers<'static>> {
    let truth = judged.iter().map(|j| j.truth);
    let predicted = judged.iter().map(|j| j.predicted);
    if serving.classes.is_empty() || serving.is_policy() {
        return Ok(Answers::numbers(truth.collect::<Vec<_>>(), predicted.collect::<Vec<_>>())?);
    }
    let codes = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x as u32).collect::<Vec<u32>>();
    let probabilities: Vec<f64> = judged.iter().flat_map(|j| j.probabilities.iter().copied()).collect();
    let (mut truth, mut predicted) = (truth, predicted);
    let answers = Answers::classes(codes(&mut truth), codes(&mut predicted), &serving.classes)?;
    Ok(answers.with_probability(probabilities)?)
}

fn figure(answers: &Answers<'_>, metric: &Metric, n_samples: usize) -> Result<Option<Figure>> {
    let value = metric.score(answers)?.value;
    if !value.is_finite() {
        return Ok(None);
    }
    if n_samples == 0 {
        return Ok(Some(Figure { value, low: None, high: None }));
    }
    // Of very many rows few samples say as much.
    let n_samples = n_samples.min((20_000_000 / answers.n_rows().max(1)).max(30));
    let interval = bootstrap(answers, metric, n_samples, 0.95, 0)?;
    let finite = |x: f64| Some(x).filter(|x| x.is_finite());
    Ok(Some(Figure { value, low: finite(interval.low), high: finite(interval.high) }))
}

//! A million logged predictions joined with what users said of them, and reported: accuracy of each day, ROC AUC, log loss, confusion; both
//! sides from the same SQLite file, against pandas and scikit-learn.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tidemill_core::recipe::Task;
use tidemill_engine::feedback::{Target, class_of, truth};
use tidemill_eval::{Answers, metric};
use tidemill_kernel::Random;
use tidemill_store::{Feedback, FeedbackKind, LoggedRow, NewVersion, Options, Predictions, Store};

use crate::row::Row;
use crate::{Outcome, peer};

const ROWS: usize = 1_000_000;
/// Rows of one request.
const BATCH: usize = 1000;
const MODEL: &str = "bench";
const DAY: i64 = 86_400_000_000;
const DAYS: i64 = 30;
/// When the first was made: in the year 2026.
const FIRST: i64 = 20_454 * DAY;

pub(crate) fn run() -> Outcome<Vec<Row>> {
    let path = store()?;
    let (peer_secs, theirs) = peer::timed("feedback", &[&path], 1)?;
    let store = Store::open(&path, Options::default())?;
    let (ours_secs, ours) = peer::median_secs(|| report(&store))?;
    let theirs = peer::numbers(&theirs);
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * b.abs().max(1.0);
    if ours.len() != theirs.len() || !ours.iter().zip(&theirs).all(close) {
        return Err(format!("other figures: {ours:?} here, {theirs:?} there").into());
    }
    Ok(vec![Row {
        name: "1M predictions joined with feedback and reported".into(),
        peer: "pandas + scikit-learn".into(),
        ours_secs,
        peer_secs,
        goal_at_least: 2.0,
        reach: 5.0,
        same_answer: format!(
            "accuracy of {DAYS} days, ROC AUC {:.4}, log loss and confusion to 1e-9",
            ours[0]
        ),
    }])
}

/// ROC AUC, log loss, the confusion matrix, and the accuracy of each day.
fn report(store: &Store) -> Outcome<Vec<f64>> {
    let classes = ["no".to_string(), "yes".to_string()];
    let target = Target { task: Some(Task::Binary), classes: &classes };
    let (mut known, mut predicted, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
    let mut days: BTreeMap<i64, [f64; 2]> = BTreeMap::new();
    store.each_logged(MODEL, i64::MIN, i64::MAX, true, &mut |logged| {
        let Some(said) = truth(&logged, target).value else { return Ok(()) };
        let answer: Value = serde_json::from_str(&logged.prediction)?;
        let (Some(said), Some(answer)) = (class_of(&said, &classes), class_of(&answer, &classes)) else {
            return Ok(());
        };
        let chances: Vec<f64> = serde_json::from_str(logged.probabilities.as_deref().unwrap_or("[]"))?;
        let day = days.entry(logged.at / DAY).or_default();
        *day = [day[0] + f64::from(u8::from(said == answer)), day[1] + 1.0];
        known.push(said);
        predicted.push(answer);
        probabilities.extend(chances);
        Ok(())
    })?;
    let answers = Answers::classes(known, predicted, &classes)?.with_probability(probabilities)?;
    let mut figures = Vec::new();
    for name in ["roc_auc", "log_loss"] {
        figures.push(metric(name)?.score(&answers)?.value);
    }
    if let Answers::Classes(classes) = &answers {
        figures.extend(classes.counts().matrix.iter().flatten());
    }
    figures.extend(days.values().map(|[right, all]| right / all));
    Ok(figures)
}

/// The path of the store, which is filled once.
fn store() -> Outcome<String> {
    let folder = peer::work_folder()?.join("feedback");
    let (done, path) = (folder.join("filled"), folder.join("store.db"));
    if !done.exists() {
        // A store that was begun only would hold too few rows.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        fill(&path)?;
        std::fs::write(done, "")?;
    }
    Ok(path.display().to_string())
}

fn fill(path: &Path) -> Outcome<()> {
    let store = Store::open(&path.display().to_string(), Options::default())?;
    let version = store.version(&NewVersion {
        model: MODEL.into(),
        hash: "0".repeat(64),
        recipe_hash: "0".repeat(64),
        parent: None,
        columns: (0..5).map(|j| format!("x{j}")).collect(),
        about: Value::Null,
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut random = Random::new(41, 0);
    for first in (0..ROWS).step_by(BATCH) {
        let at = FIRST + first as i64 * (DAYS * DAY / ROWS as i64);
        let (mut rows, mut said) = (Vec::new(), Vec::new());
        for i in first..first + BATCH {
            let (row, truth) = row(&mut random, at, i)?;
            said.push(Feedback {
                prediction_id: row.id,
                kind: FeedbackKind::Label,
                value: Some(Value::String(truth.into())),
                at: Some(at + DAY),
                user: Some(format!("user {}", i % 997)),
                idempotency_key: None,
                key_id: None,
                must_exist: false,
            });
            rows.push(row);
        }
        let (variant, latency_us) = ("champion".into(), 100);
        let logged = Predictions { at, version, variant, propensity: 1.0, latency_us, key_id: None, rows };
        runtime.block_on(store.log(logged))?;
        store.feedback_blocking(said)?;
    }
    Ok(())
}

/// A logged row, and its true class.
fn row(random: &mut Random, at: i64, i: usize) -> Outcome<(LoggedRow, &'static str)> {
    let names = ["no", "yes"];
    let class = random.below(2);
    let score = 1.0 / (1.0 + (-1.2 * random.normal() - class as f64 + 0.5).exp());
    // As many digits as are written, and never 0 or 1, whose logarithm each side has its own way with.
    let yes = (score * 1e4).round().clamp(1.0, 9999.0);
    let features: Vec<String> = (0..5).map(|_| format!("{:.4}", random.normal())).collect();
    let row = LoggedRow {
        // As the server numbers them: the time, then what tells them apart.
        id: format!("{:012x}7{:019x}", at / 1000, i).parse()?,
        features: format!("[{}]", features.join(",")),
        prediction: format!("\"{}\"", names[usize::from(yes > 5000.0)]),
        probabilities: Some(format!("[{},{}]", (1e4 - yes) / 1e4, yes / 1e4)),
        row_key: None,
        flaws: None,
    };
    Ok((row, names[class]))
}

//! Both models of a replay held against each other: scores, their difference and the chart.

use serde_json::Value;
use tidemill_core::{Error, Result};
use tidemill_engine::feedback::{class_of, number_of};
use tidemill_engine::files::replace;
use tidemill_engine::serve::serving::{Answer, Prediction, Serving};
use tidemill_engine::verbs::monitor;
use tidemill_eval::compare::{Draw, Samples, ScoreInterval, bootstrap, paired};
use tidemill_eval::{Answers, Metric};
use tidemill_report::words::EN;
use tidemill_report::{Chart, LineChart, Mark, Point, Scale, Series};

use super::table::{DatedRow, DatedTable, moment_of};
use super::{Job, Replayed, Step, Stretch, micros};

/// What came of playing a table: everything that the verdict rests on.
pub(super) struct Played<'a> {
    pub job: &'a Job,
    pub table: &'a DatedTable,
    /// The rows that were played.
    pub rows: &'a [DatedRow],
    pub frozen: &'a Serving,
    pub metric: &'static Metric,
    /// What the improving model said of each row.
    pub improving: Vec<Value>,
    pub decisions: Vec<Step>,
}

impl Played<'_> {
    /// The answers of both models beside the truth.
    fn answered(&self) -> Result<Judged> {
        let mut judged = Judged::default();
        let mut cells: Vec<_> = self.rows.iter().map(|row| self.table.row(row, self.frozen)).collect();
        let answers = self.frozen.answer(&mut cells)?;
        for ((row, said), answer) in self.rows.iter().zip(&self.improving).zip(&answers) {
            judged.add(row, said, answer, self.frozen);
        }
        Ok(judged)
    }

    /// Compares both models, and writes the comparison and its chart.
    pub(super) fn judged(self, began: std::time::Instant) -> Result<Replayed> {
        let judged = self.answered()?;
        let Played { job, table, rows, frozen, metric, decisions, .. } = self;
        let block = (judged.truth.len() / 60).clamp(1, 500);
        let (before, after) =
            (judged.answers(frozen, Side::Frozen)?, judged.answers(frozen, Side::Improving)?);
        let better_by = paired(&before, &after, metric, Draw::Runs(block), Samples::usual(0))?;
        let (improving, still) = (metric.score(&after)?.value, metric.score(&before)?.value);
        let chart = job.out.join("replay.svg");
        let stretches = judged.stretches(job, frozen, metric)?;
        let picture = draw(job, metric, &stretches, &decisions, rows);
        tidemill_core::replace(&chart, picture.as_bytes()).map_err(|e| Error::io(&chart, e))?;
        let verdict = verdict(metric, [improving, still], &better_by, &decisions);
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
}

/// Which model is better, in a sentence.
fn verdict(
    metric: &Metric,
    [improving, frozen]: [f64; 2],
    better_by: &ScoreInterval,
    decisions: &[Step],
) -> String {
    let promoted = decisions.iter().filter(|d| d.promoted).count();
    let ScoreInterval { value, low, high, .. } = better_by;
    let relation = match (*low > 0.0, *high < 0.0) {
        (true, _) => "the loop beats the frozen model",
        (_, true) => "the frozen model beats the loop",
        _ => "there is not enough to tell the loop from the frozen model",
    };
    format!(
        "{relation}: {} {improving:.4} against {frozen:.4}, better by {value:.4} (95% CI {low:.4} to {high:.4}); {promoted} \
         of {} improvements were promoted",
        metric.title,
        decisions.len()
    )
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
    fn add(&mut self, row: &DatedRow, said: &Value, answer: &Answer, frozen: &Serving) {
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

fn draw(job: &Job, metric: &Metric, stretches: &[Drawn], decisions: &[Step], rows: &[DatedRow]) -> String {
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
        let at = moment_of(&d.at).unwrap_or(begin + every * (i as i64 + 1));
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

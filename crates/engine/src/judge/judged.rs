//! Evaluation of a model and of the baseline on held-out rows, which had no part in any choice.

use std::sync::Arc;

use serde::Serialize;
use tidemill_core::recipe::{Recipe, Spec, Task};
use tidemill_core::{Batch, Context, Event, Fitted, Result, Role, Source, Table, View};
use tidemill_data::split::{Fold, Parts};
use tidemill_eval::compare::{ScoreInterval, bootstrap, delong};
use tidemill_eval::{Answers, Metric, Report};

use super::{Evidence, Seen};
use crate::builtin::BASELINE;
use crate::forecast;
use crate::search::{self, Design, SearchResult};

/// The score on rows whose key or group no training row has.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UnseenScore {
    /// How many rows.
    pub rows: usize,
    /// The metric that chose, on them.
    pub value: f64,
}

/// The share of the time that is left for the fit that is judged; as much again is for the one that ships.
const JUDGING: f64 = 0.45;

/// What the test rows say.
pub(crate) struct Judged {
    pub test: Report,
    pub interval: Option<ScoreInterval>,
    pub baseline: Report,
    pub unseen: Option<UnseenScore>,
}

impl Judged {
    /// Fits what was chosen, and the baseline, on the training part and judges both on the test part.
    pub(crate) fn on_test(
        table: &Arc<Table>,
        parts: &Parts,
        study: &SearchResult,
        metric: &Metric,
        recipe: &Recipe,
        context: &Context,
    ) -> Result<(Self, Evidence)> {
        context.tell(&Event::Begin { what: "judging on the test part".into(), steps: None });
        let rows = Rows { table, train: &parts.train, test: &parts.test };
        let (steps, best) = rows.answered(&study.design, &study.links, recipe, &context.within(JUDGING))?;
        let (_, baseline) = rows.answered(&Design::of(Spec::new(BASELINE)), &[], recipe, &context.quiet())?;
        let (train, test) = (&rows.batch(rows.train)?, &rows.batch(rows.test)?);
        // Shuffled pasts would each be followed anew, which costs far more than all that a forecast learned from.
        let local = |spec: &Spec| spec.kind == forecast::candidates::LOCAL;
        // What an earlier model says was asked before, and would not follow.
        let fixed = study.design.members.iter().any(|(spec, _)| local(spec) || search::asks_earlier(spec));
        let steps = (!fixed).then_some(&steps[..]);
        let seen = Seen { steps, train: Some(train), rows: test, answered: &best, metric };
        let evidence = Evidence::gather(&seen, &context.with_stream("evidence"))?;
        context.tell(&Event::End);
        let judged = Judged::of(&Answers::of(&best)?, &Answers::of(&baseline)?, metric, recipe)?;
        Ok((Judged { unseen: unseen(parts, &best, metric)?, ..judged }, evidence))
    }

    /// The test rows as a design answers them that is fitted on the training part.
    pub(crate) fn answered(
        table: &Arc<Table>,
        parts: &Parts,
        design: &Design,
        recipe: &Recipe,
        context: &Context,
    ) -> Result<Batch> {
        let rows = Rows { table, train: &parts.train, test: &parts.test };
        Ok(rows.answered(design, &[], recipe, context)?.1)
    }

    /// Nested cross-validation: each outer fold is judged by a model whose whole search saw the other folds alone.
    pub(crate) fn nested(
        table: &Arc<Table>,
        outer: &[Fold],
        task: Task,
        metric: &Metric,
        recipe: &Recipe,
        context: &Context,
    ) -> Result<(Self, Evidence)> {
        let (mut best, mut baseline, mut tested) = (Vec::new(), Vec::new(), Vec::new());
        let steps = Some(outer.len() as u64);
        context.tell(&Event::Begin { what: "searching anew for each outer fold".into(), steps });
        for (at, fold) in outer.iter().enumerate() {
            let stream = context.quiet().with_stream(&format!("outer {at}"));
            let study = search::study(table, &fold.train, recipe, task, metric, &stream)?;
            let rows = Rows { table, train: &fold.train, test: &fold.valid };
            best.push(essentials(&rows.answered(&study.design, &study.links, recipe, &stream)?.1)?);
            let simple = Design::of(Spec::new(BASELINE));
            baseline.push(essentials(&rows.answered(&simple, &[], recipe, &stream)?.1)?);
            tested.push(rows.batch(rows.test)?);
            context.tell(&Event::Step(1));
        }
        let joined = |parts: &[Batch]| Batch::concat(parts[0].schema(), parts);
        let (best, test) = (joined(&best)?, joined(&tested)?);
        // Each row was a test row once; no single model answered all of them.
        let seen = Seen { steps: None, train: Some(&test), rows: &test, answered: &best, metric };
        let evidence = Evidence::gather(&seen, &context.with_stream("evidence"))?;
        context.tell(&Event::End);
        let judged = Judged::of(&Answers::of(&best)?, &Answers::of(&joined(&baseline)?)?, metric, recipe)?;
        Ok((judged, evidence))
    }

    fn of(best: &Answers<'_>, baseline: &Answers<'_>, metric: &Metric, recipe: &Recipe) -> Result<Self> {
        Ok(Judged {
            test: tidemill_eval::report_by(best, metric),
            interval: interval(metric, best, recipe.train.seed),
            baseline: tidemill_eval::report_by(baseline, metric),
            unseen: None,
        })
    }
}

/// Rows to fit on and rows to judge by.
struct Rows<'a> {
    table: &'a Arc<Table>,
    train: &'a [u32],
    test: &'a [u32],
}

impl Rows<'_> {
    /// The fitted links, and the test rows as they answer them.
    fn answered(
        &self,
        design: &Design,
        links: &[Arc<dyn Fitted>],
        recipe: &Recipe,
        context: &Context,
    ) -> Result<(Vec<Arc<dyn Fitted>>, Batch)> {
        let fitted = design.fit(self.batch(self.train)?.into(), recipe, &context.with_stream("judge"))?;
        let steps: Vec<_> = fitted.steps.into_iter().chain(links.iter().cloned()).collect();
        let answered = search::apply(&steps, self.batch(self.test)?)?;
        Ok((steps, answered))
    }

    fn batch(&self, rows: &[u32]) -> Result<Batch> {
        View::new(self.table.clone(), rows)?.collect()
    }
}

/// The score of the answers to those test rows whose key or group is new; `None` where there are none, or it has no score on them.
fn unseen(parts: &Parts, answered: &Batch, metric: &Metric) -> Result<Option<UnseenScore>> {
    let places = parts.unseen.iter().filter_map(|row| parts.test.binary_search(row).ok());
    let places: Vec<u32> = places.map(|at| at as u32).collect();
    if places.is_empty() {
        return Ok(None);
    }
    let score = metric.score(&Answers::of(&answered.take(&places)?)?);
    let value = score.ok().map(|score| score.value).filter(|value| value.is_finite());
    Ok(value.map(|value| UnseenScore { rows: places.len(), value }))
}

/// The columns that judging needs, in an order that does not depend on the preparation.
fn essentials(batch: &Batch) -> Result<Batch> {
    let roles = [Role::Target, Role::Weight, Role::Prediction, Role::Probability];
    batch.select(&roles.iter().filter_map(|role| batch.schema().role(*role)).collect::<Vec<_>>())
}

/// The interval of a metric over the test rows: DeLong's for ROC AUC, else by the bootstrap, from fewer samples where
/// there are many rows.
pub(crate) fn interval(metric: &Metric, answers: &Answers<'_>, seed: u64) -> Option<ScoreInterval> {
    if metric.name == "roc_auc"
        && let Ok(interval) = delong(answers, 0.95)
    {
        return Some(interval);
    }
    let n_samples = (20_000_000 / answers.n_rows().max(1)).clamp(50, 500);
    let interval = bootstrap(answers, metric, n_samples, 0.95, seed).ok()?;
    (interval.low.is_finite() && interval.high.is_finite()).then_some(interval)
}

//! The whole search: folds, race, choice, calibration, decision.

use std::sync::Arc;

use serde_json::Value;
use tidemill_core::recipe::{Recipe, Spec, Task};
use tidemill_core::{Column, Context, Event, Fitted, Kind, Layout, Result, Role, Shape, Table};
use tidemill_data::split::{self, Fold};
use tidemill_eval::Metric;
use tidemill_kernel::Random;

use super::choice::{Choice, Reasons};
use super::cost;
use super::defaults::Size;
use super::judge::Judge;
use super::plan::{self, Ground, Plan};
use super::trial::FoldRunner;
use super::{
    Calibrated, Candidate, CandidateScore, Decided, Design, Gap, OperatingPoint, Point, SuccessiveHalving,
    Times, choose, compare, curve, finish, gap, latest_first, start,
};
use crate::builtin::BASELINE;
use crate::forecast::{self, HISTORY, NEIGHBORS};

/// Learners are compared on at most so many rows: more would choose the same, and hold several copies in memory.
const SEARCH_ROWS: usize = 200_000;
/// The share of the time limit that comparing learners may take: what is chosen is fitted twice more.
const SEARCHING: f64 = 0.5;
/// And of what is then left, the learning curve.
const CURVE: f64 = 0.25;
/// The most numbers of one candidate's answers.
const SEARCH_ANSWERS: usize = 4_000_000;

/// What a search found.
pub struct SearchResult {
    /// How the model is made.
    pub design: Design,
    /// What comes after the learners.
    pub links: Vec<Arc<dyn Fitted>>,
    /// Every setting that was compared, the best first.
    pub standings: Vec<CandidateScore>,
    /// Settings that were never tried for want of time, those of the standings aside.
    pub untried: usize,
    /// How long each took.
    pub times: Vec<Times>,
    /// What led to the choice.
    pub reasons: Reasons,
    /// How probabilities were calibrated.
    pub calibration: Option<Calibrated>,
    /// The threshold, where it is not one half.
    pub decision: Option<Decided>,
    /// Where positives are rare: what the threshold in force and others come to on held-out rows.
    pub points: Vec<OperatingPoint>,
    /// Training against validation, of the best learner.
    pub gap: Option<Gap>,
    /// The score of the best learner by the number of rows.
    pub curve: Vec<Point>,
    /// How many folds.
    pub n_folds: usize,
    /// How many rows the folds were made of.
    pub n_rows: usize,
}

/// The columns that say what was of late, where something is forecast from numbers of its past.
fn past(table: &Table, recipe: &Recipe) -> Vec<String> {
    let of_past = |c: &&Column| {
        c.kind == Kind::Number && c.role == Role::Feature && [HISTORY, NEIGHBORS].contains(&c.source())
    };
    let columns = table.batch().schema().columns().iter().filter(of_past).map(|c| c.name.clone());
    let counts = [HISTORY, NEIGHBORS].map(|past| format!("{past}_ahead"));
    if recipe.forecast.is_some() {
        columns.filter(|name| !counts.contains(name)).collect()
    } else {
        Vec::new()
    }
}

/// Pixels that a filter of a net covers: smaller pictures are a few numbers, like any others.
const FILTER: usize = 9;

/// What is known of the table before any learner is tried, and what costs depend on.
pub(super) fn measured(
    table: &Table,
    rows: &[u32],
    recipe: &Recipe,
    classes: usize,
    context: &Context,
) -> Result<(Size, Shape)> {
    let schema = table.batch().schema();
    let used = schema.columns().iter().filter(|c| matches!(c.role, Role::Feature | Role::Time));
    let texts = used.clone().filter(|c| c.kind == Kind::Text).count();
    let pictures =
        used.clone().any(|c| c.kind == Kind::Image || matches!(c.layout, Some(Layout::Image { .. })));
    let plain = used.clone().all(|c| c.kind.is_plain());
    let (n, columns, past) = (rows.len(), used.count(), past(table, recipe));
    let series = match recipe.forecast {
        Some(_) => forecast::origins::n_series(table.batch(), recipe)?,
        None => 0,
    };
    let shape = cost::shape(table.batch(), rows, classes)?;
    let [height, width, _] = shape.image;
    let pictures = pictures && !(1..FILTER).contains(&(height * width));
    let net = if pictures { plan::net_of(&shape, recipe, context) } else { Value::Null };
    Ok((Size { rows: n, columns, plain, texts, classes, pictures, net, past, series }, shape))
}

/// Searches on these rows of a table. The same rows, recipe and seed give the same study.
pub fn study(
    table: &Arc<Table>,
    rows: &[u32],
    recipe: &Recipe,
    task: Task,
    metric: &Metric,
    context: &Context,
) -> Result<SearchResult> {
    let judge = Judge::of(metric, table.batch())?;
    let classes = judge.classes.as_ref().map_or(0, |c| c.len());
    finish::check(recipe, classes)?;
    let (size, shape) = measured(table, rows, recipe, classes, context)?;
    let (n_rows, mut folds) = divided(table, rows, recipe, classes, context)?;
    let n_train: Vec<usize> = folds.iter().map(|f| f.train.len()).collect();
    let ground = Ground { task, size: &size, shape, folds: &n_train };
    let Plan { candidates, n_folds, curve_fits, untried, said } = plan::plan(recipe, &ground, context)?;
    if let Some(said) = said {
        context.tell(&Event::Note(said));
    }
    folds.truncate(n_folds);
    let race = compare(table, &folds, &candidates, metric, recipe, &context.within(SEARCHING))?;
    let (race, start) = start::judged(race, &candidates, &judge, recipe, context);
    let (standings, times) = (race.standings.clone(), race.times.clone());
    let mut choice = chosen(race, &candidates, &judge, recipe, context)?;
    choice.reasons.start = start;
    let finished = finish(&choice, &judge, recipe, context)?;
    let leading = choice.design.members[0].0.clone();
    let baseline = standings.iter().find(|s| s.learner == BASELINE);
    let standing = standings.iter().find(|s| s.learner == leading.kind && s.params == leading.params);
    let gap = standing.filter(|s| s.learner != BASELINE).and_then(|s| gap::gap(s, baseline, &judge));
    context.tell(&Event::Begin { what: "the learning curve".into(), steps: None });
    let estimator = context.build(&leading.kind, Value::Object(leading.params.clone()))?;
    // Rows of a forecast left out by chance would leave holes in its series, not fewer of them.
    let curve = match recipe.forecast {
        Some(_) => Vec::new(),
        None => {
            let (candidates, context) = ([Candidate { spec: leading, estimator }], context.within(CURVE));
            let runner =
                FoldRunner { table, candidates: &candidates, recipe, judge: &judge, context: &context };
            curve::curve(&runner, &folds, curve_fits)?
        }
    };
    context.tell(&Event::End);
    Ok(SearchResult {
        design: choice.design,
        links: finished.links,
        untried,
        standings,
        times,
        reasons: choice.reasons,
        calibration: finished.calibration,
        decision: finished.decision,
        points: finished.points,
        gap,
        curve,
        n_folds: folds.len(),
        n_rows,
    })
}

/// How many rows are compared on, and the folds of them, those that are used first before the others.
pub(super) fn divided(
    table: &Arc<Table>,
    rows: &[u32],
    recipe: &Recipe,
    classes: usize,
    context: &Context,
) -> Result<(usize, Vec<Fold>)> {
    let most = SEARCH_ROWS.min(SEARCH_ANSWERS / classes.max(1)).max(1_000);
    let compared = super::sampled(rows, most, &mut Random::new(context.seed_for("search rows"), 0));
    let folds = match recipe.forecast {
        Some(_) => forecast::origins::folds(table.batch(), &compared, recipe)?,
        None => split::folds(table, &compared, &recipe.folds, &recipe.split, context)?,
    };
    Ok((compared.len(), latest_first(&folds)))
}

fn chosen(
    race: SuccessiveHalving,
    candidates: &[Candidate],
    judge: &Judge<'_>,
    recipe: &Recipe,
    context: &Context,
) -> Result<Choice> {
    context.tell(&Event::Begin { what: "choosing".into(), steps: None });
    let choice = choose(race, candidates, judge, recipe, context)?;
    context.tell(&Event::End);
    Ok(choice)
}

impl SearchResult {
    /// The learner or blend, as a model file says it.
    pub fn spec(&self, context: &Context) -> Result<Spec> {
        self.design.spec(context)
    }
}

//! Comparing learners and their settings by cross-validation on the training part.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};
use tidemill_core::recipe::{Recipe, Spec, Task};
use tidemill_core::{
    Batch, Context, Error, Estimator, Event, Fitted, Needs, Result, Search, Source, Table, Training, View,
};
use tidemill_data::split::Fold;
use tidemill_eval::{Answers, Metric};

use crate::builtin::BASELINE;
use crate::preparation::{self, Prepared};

/// A learner with one setting of its parameters.
pub struct Candidate {
    /// As a recipe would say it.
    pub spec: Spec,
    /// Ready to fit.
    pub estimator: Box<dyn Estimator>,
}

/// How a candidate did over the folds.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// The learner's kind.
    pub learner: String,
    /// The parameters that were tried.
    pub params: Map<String, Value>,
    /// The mean of the metric over the folds; absent when no fold could be scored.
    pub mean: Option<f64>,
    /// Its standard deviation over the folds.
    pub spread: Option<f64>,
    /// The metric on each fold.
    pub folds: Vec<f64>,
    /// Why it has no score, where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The learners that suit a task, where the recipe names none, each with the settings it gets out of `trials`.
fn defaults(task: Task, trials: usize) -> Vec<(Spec, usize)> {
    let sparse = Spec::new("logistic").with("penalty", "l1");
    match task {
        Task::Regression => ["ridge", "elastic_net", "lasso"].map(|kind| (Spec::new(kind), trials)).to_vec(),
        Task::Binary => vec![(Spec::new("logistic"), trials), (sparse, trials)],
        // Of many classes, a sparse fit costs twenty times a smooth one.
        Task::Multiclass => vec![(Spec::new("logistic"), trials), (sparse, trials.div_ceil(3))],
    }
}

/// Every setting to compare: the baseline, then each learner with up to `trials` settings, best guesses first.
pub fn candidates(recipe: &Recipe, task: Task, context: &Context) -> Result<Vec<Candidate>> {
    let trials = recipe.train.trials;
    let named = match recipe.learners.as_slice() {
        [] => defaults(task, trials),
        own => own.iter().map(|spec| (spec.clone(), trials)).collect(),
    };
    let mut specs = vec![Spec::new(BASELINE)];
    for (spec, trials) in named.into_iter().filter(|(spec, _)| spec.kind != BASELINE) {
        let open = context.build(&spec.kind, Value::Object(spec.params.clone()))?.search();
        let open: Vec<Search> = open.into_iter().filter(|s| !spec.params.contains_key(s.key)).collect();
        for setting in settings(&open).take(trials) {
            let mut tried = spec.clone();
            tried.params.extend(setting);
            if !specs.contains(&tried) {
                specs.push(tried);
            }
        }
    }
    specs
        .into_iter()
        .map(|spec| {
            let estimator = context.build(&spec.kind, Value::Object(spec.params.clone()))?;
            Ok(Candidate { spec, estimator })
        })
        .collect()
}

/// All combinations of the searched values, those nearest to every best guess first.
fn settings(open: &[Search]) -> impl Iterator<Item = Map<String, Value>> {
    let mut all: Vec<(usize, Map<String, Value>)> = vec![(0, Map::new())];
    for search in open {
        let extended = all.iter().flat_map(|(far, setting)| {
            search.values.iter().enumerate().map(move |(i, value)| {
                let mut setting = setting.clone();
                setting.insert(search.key.into(), value.clone());
                (far + i, setting)
            })
        });
        all = extended.collect();
    }
    all.sort_by_key(|(far, _)| *far);
    all.into_iter().map(|(_, setting)| setting)
}

/// Fits every candidate on every fold, and scores it on the rows the fold left out. Sorted, the best first.
///
/// Preparation is fitted once per fold and kind of need, on the fold's training rows alone. When time runs out,
/// the candidates with the most folds done are compared on those.
pub fn compare(
    table: &Arc<Table>,
    folds: &[Fold],
    candidates: &[Candidate],
    metric: &Metric,
    recipe: &Recipe,
    context: &Context,
) -> Result<Vec<Standing>> {
    let quiet = context.quiet();
    let mut scores: Vec<Vec<Result<f64, String>>> = candidates.iter().map(|_| Vec::new()).collect();
    let steps = (folds.len() * candidates.len()) as u64;
    context.tell(&Event::Begin { what: "comparing learners".into(), steps: Some(steps) });
    for (at, fold) in folds.iter().enumerate() {
        let stream = quiet.with_stream(&format!("fold {at}"));
        let prepared = prepare(table, fold, candidates, recipe, &stream)?;
        let done: Vec<Option<Result<f64>>> = candidates
            .par_iter()
            .enumerate()
            .map(|(i, candidate)| {
                // The baseline and each learner's first setting on the first fold are tried whatever the time.
                let first = at == 0 && (i == 0 || candidates[i - 1].spec.kind != candidate.spec.kind);
                if context.out_of_time() && !first {
                    return None;
                }
                let score = score(candidate, &prepared[&order(candidate.estimator.needs())], metric, &stream);
                context.tell(&Event::Step(1));
                Some(score)
            })
            .collect();
        for (scores, done) in scores.iter_mut().zip(done) {
            match done {
                Some(Err(Error::Cancelled)) => return Err(Error::Cancelled),
                Some(result) => scores.push(result.map_err(|e| e.to_string())),
                None => {}
            }
        }
    }
    context.tell(&Event::End);
    if context.out_of_time() {
        context.warn("time_limit", "the time limit ended the search: the best so far was taken");
    }
    Ok(ranked(candidates, scores, metric))
}

/// A fold's rows as learners of one kind of need see them: those to fit on and those to judge by.
struct Parts {
    train: Table,
    valid: Batch,
}

fn prepare(
    table: &Arc<Table>,
    fold: &Fold,
    candidates: &[Candidate],
    recipe: &Recipe,
    context: &Context,
) -> Result<BTreeMap<[bool; 4], Parts>> {
    let rows = |rows: &[u32]| View::new(table.clone(), rows)?.collect();
    let mut parts = BTreeMap::new();
    for needs in candidates.iter().map(|c| c.estimator.needs()) {
        if let Entry::Vacant(place) = parts.entry(order(needs)) {
            let prepared = preparation::fit(rows(&fold.train)?.into(), recipe, needs, context)?;
            let valid = apply(&prepared.steps, rows(&fold.valid)?)?;
            place.insert(Parts { train: prepared.train, valid });
        }
    }
    Ok(parts)
}

fn order(needs: Needs) -> [bool; 4] {
    [needs.complete, needs.numeric, needs.scaled, needs.tabular]
}

/// Applies fitted steps to rows they were not fitted on.
pub fn apply(steps: &[Arc<dyn Fitted>], rows: Batch) -> Result<Batch> {
    steps.iter().try_fold(rows, |rows, step| step.clone().bind(rows.schema())?.apply(&rows))
}

fn score(candidate: &Candidate, parts: &Parts, metric: &Metric, context: &Context) -> Result<f64> {
    context.check()?;
    let stream = context.with_stream(&candidate.spec.kind);
    let fitted = candidate.estimator.fit(Training::on(&parts.train), &stream)?;
    let output = apply(&[fitted], parts.valid.clone())?;
    let value = metric.score(&Answers::of(&output)?)?.value;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::data(format!("{} is undefined on a fold", metric.name), ""))
    }
}

fn ranked(candidates: &[Candidate], scores: Vec<Vec<Result<f64, String>>>, metric: &Metric) -> Vec<Standing> {
    let most = scores.iter().map(Vec::len).max().unwrap_or(0);
    let mut standings: Vec<Standing> =
        candidates.iter().zip(scores).map(|(candidate, scores)| standing(candidate, scores, most)).collect();
    let rank = |s: &Standing| match s.mean {
        Some(mean) if metric.greater_is_better => -mean,
        Some(mean) => mean,
        None => f64::INFINITY,
    };
    standings.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
    standings
}

fn standing(candidate: &Candidate, scores: Vec<Result<f64, String>>, most: usize) -> Standing {
    let problem = scores.iter().find_map(|s| s.as_ref().err().cloned());
    let unfinished = (scores.len() < most).then(|| "the time limit came first".to_string());
    let folds: Vec<f64> = scores.into_iter().filter_map(Result::ok).collect();
    let n = folds.len() as f64;
    let mean = folds.iter().sum::<f64>() / n;
    let squares = folds.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>();
    let problem = problem.or(unfinished);
    let whole = problem.is_none() && !folds.is_empty();
    Standing {
        learner: candidate.spec.kind.clone(),
        params: candidate.spec.params.clone(),
        mean: whole.then_some(mean),
        spread: (whole && n > 1.0).then(|| (squares / (n - 1.0)).sqrt()),
        folds,
        problem,
    }
}

/// Preparation and learner fitted on `train`: the links of the chain, the learner last.
pub fn fit(train: Table, candidate: &Candidate, recipe: &Recipe, context: &Context) -> Result<Prepared> {
    let mut prepared = preparation::fit(train, recipe, candidate.estimator.needs(), context)?;
    let stream = context.with_stream(&candidate.spec.kind);
    prepared.steps.push(candidate.estimator.fit(Training::on(&prepared.train), &stream)?);
    Ok(prepared)
}

//! Successive halving: a cheap first look at every candidate, then all folds for the best ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Error, Event, Result, Table};
use tidemill_data::split::Fold;
use tidemill_eval::Metric;
use tidemill_kernel::Random;

use super::judge::{Judge, Truth, mean, spread};
use super::start::is_started;
use super::trial::{Cost, FoldResult, FoldRunner};
use super::{Candidate, CandidateScore};
use crate::builtin::BASELINE;

/// With more training rows than this in a fold, the first look is at a sample of so many.
pub(super) const LOOK_ROWS: usize = 20_000;
/// The share of folds of the first look, where it is at whole folds.
const LOOK_FOLDS: f64 = 0.3;
/// Of a learner's settings, one in so many is left after the first look, and at least [`LEFT`].
const KEPT: usize = 3;
/// Two settings of a learner err in different places: a blend may gain by both.
pub(super) const LEFT: usize = 2;
/// A learner whose best setting gains less than this share of what the best of all gains over the baseline is left out.
const HOPELESS: f64 = 0.5;
/// Tables of fewer cells have several folds in memory at a time.
const SMALL: usize = 4_000_000;

/// Why a candidate that could be fitted has no score.
const UNDEFINED: &str = "the metric is undefined on every fold";

/// Why a candidate did not run where the clock or the user came first.
pub(crate) const LATE: &str = "the time limit came first";

/// What the race leaves.
pub(crate) struct SuccessiveHalving {
    /// Every candidate, the best first.
    pub standings: Vec<CandidateScore>,
    /// How long each took, in the order of the standings: for people, never for a file.
    pub times: Vec<Times>,
    /// Those that ran on every fold, the best first.
    pub(crate) finishers: Vec<Finisher>,
    /// What is true of the rows that judge, fold by fold.
    pub(crate) truths: Vec<Truth>,
    /// The share of a fold's rows that judge.
    pub(crate) test_share: f64,
}

/// How long a candidate took on average, while others ran beside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// To fit on a fold.
    pub fit: Duration,
    /// To answer one row, in a batch.
    pub predict_row: Duration,
}

/// A candidate that ran on every fold.
pub(crate) struct Finisher {
    /// Its place among the candidates.
    pub candidate: usize,
    /// Its answers, fold by fold.
    pub answers: Vec<Vec<f64>>,
    /// Its score, fold by fold.
    pub scores: Vec<f64>,
    /// The largest of the folds'.
    pub cost: Cost,
    /// How long a fit took: asked only where there is a time limit.
    pub fit: Duration,
}

/// What is known of a candidate so far.
#[derive(Default)]
struct CandidateState {
    scores: Vec<f64>,
    train_scores: Vec<f64>,
    answers: Vec<Vec<f64>>,
    cost: Cost,
    fit: Duration,
    predict: Duration,
    judged_rows: usize,
    problem: Option<String>,
    /// Why it did not run to the end though nothing went wrong.
    dropped: Option<String>,
}

/// Folds in time begin with the latest: they are learned from most rows, and are most like what comes.
pub(crate) fn latest_first(folds: &[Fold]) -> Vec<Fold> {
    let mut folds = folds.to_vec();
    if let [first, .., last] = folds.as_slice()
        && last.train.len() > first.train.len() + first.train.len() / 2
    {
        folds.reverse();
    }
    folds
}

/// Whether a fold of so many training rows is first looked at by a sample.
pub(super) fn is_sampled(n_train: usize) -> bool {
    n_train > LOOK_ROWS + LOOK_ROWS / 2
}

/// How many of the folds the first look is at.
pub(super) fn n_looks(n_folds: usize) -> usize {
    (n_folds as f64 * LOOK_FOLDS).ceil().max(2.0) as usize
}

/// Of equals the last.
fn largest(folds: &[Fold]) -> &Fold {
    folds.iter().reduce(|a, b| if b.train.len() >= a.train.len() { b } else { a }).unwrap_or(&folds[0])
}

/// Compares the candidates (the first of which is the baseline) on the folds.
///
/// First all are looked at: on the first three folds in ten, or where those have more than 20,000 training rows on a sample of
/// one. Then a third of each learner's settings (two at least) goes on, and learners that are far behind do not; these run on all folds.
/// The budget is a number of trials, so the same rows give the same result; a deadline ends it earlier, and then those with
/// the most folds done are compared on these. The baseline and the first learner are tried whatever the time.
pub(crate) fn compare(
    table: &Arc<Table>,
    folds: &[Fold],
    candidates: &[Candidate],
    metric: &Metric,
    recipe: &Recipe,
    context: &Context,
) -> Result<SuccessiveHalving> {
    let judge = Judge::of(metric, table.batch())?;
    let folds = latest_first(folds);
    let ring = FoldRunner { table, candidates, recipe, judge: &judge, context };
    let mut courses: Vec<CandidateState> = candidates.iter().map(|_| CandidateState::default()).collect();
    let all: Vec<usize> = (0..candidates.len()).collect();
    let anyway: Vec<usize> = all.iter().copied().take(2).collect();
    let mut truths = Vec::new();
    let n_looks = n_looks(folds.len());
    let sampled = folds.iter().any(|f| is_sampled(f.train.len()));
    let racing = candidates.len() > 3 && (sampled || n_looks < folds.len());
    let mut running = all.clone();
    if racing {
        let few = if sampled { vec![sample(largest(&folds), context)] } else { folds[..n_looks].to_vec() };
        begin(context, "a first look at the learners", few.len() * all.len());
        let looked = run(&ring, &few, 0, &all, &anyway)?;
        check_not_all(&looked)?;
        context.tell(&Event::End);
        let mut first: Vec<CandidateState> = candidates.iter().map(|_| CandidateState::default()).collect();
        let seen = if sampled { &mut first } else { &mut courses };
        let known = note(looked, seen);
        let left = survivors(candidates, seen, &judge);
        let how = if sampled { "a look at a sample".into() } else { format!("{n_looks} folds") };
        for i in all.iter().filter(|i| !left.contains(i)) {
            if seen[*i].problem.is_none() {
                seen[*i].dropped = Some(format!("behind after {how}"));
            }
        }
        if sampled {
            // What a sample says is kept only of those that do not go on.
            for (i, course) in first.into_iter().enumerate().filter(|(i, _)| !left.contains(i)) {
                courses[i] = CandidateState { answers: Vec::new(), ..course };
            }
        } else {
            truths = known;
        }
        running = left;
    }
    let rest = truths.len()..folds.len();
    begin(context, "comparing learners", rest.len() * running.len());
    // Of those left, the first are the cheapest.
    let anyway: Vec<usize> = running.iter().copied().take(if rest.start == 0 { 2 } else { 0 }).collect();
    let looked = run(&ring, &folds[rest.clone()], rest.start, &running, &anyway)?;
    check_not_all(&looked)?;
    truths.extend(note(looked, &mut courses));
    context.tell(&Event::End);
    tell_of_cuts(candidates, &courses, context);
    tell_of_failures(candidates, &courses, context);
    if recipe.learners.iter().any(|spec| spec.kind != BASELINE) {
        check_any_fitted(candidates, &courses)?;
    }
    let share = folds.iter().map(|f| f.valid.len() as f64 / (f.valid.len() + f.train.len()) as f64);
    let test_share = share.sum::<f64>() / folds.len() as f64;
    Ok(ranked(candidates, courses, truths, &judge, test_share))
}

/// What hits every candidate alike, the baseline too, is a fault of the rows or of a step that the recipe asks for, not of a learner.
fn check_not_all(looked: &[FoldResult]) -> Result<()> {
    for fold in looked {
        let mut errors = fold.trials.iter().map(|(_, trial)| match trial {
            Some(Err(e)) => Some(e),
            _ => None,
        });
        let Some(Some(first)) = errors.next() else { continue };
        let text = first.to_string();
        let mut n = 1;
        let same = errors.all(|error| {
            n += 1;
            error.is_some_and(|e| e.to_string() == text)
        });
        if same && n > 1 {
            return Err(Error::data(
                text,
                first
                    .remedy()
                    .filter(|remedy| !remedy.is_empty())
                    .unwrap_or_else(|| "correct the rows or the recipe".into()),
            ));
        }
    }
    Ok(())
}

/// Says what the clock, or the user, left undone.
fn tell_of_cuts(candidates: &[Candidate], courses: &[CandidateState], context: &Context) {
    let cut: Vec<&CandidateState> = courses.iter().filter(|c| c.dropped.as_deref() == Some(LATE)).collect();
    if cut.is_empty() {
        return;
    }
    let never = cut.iter().filter(|c| c.scores.is_empty()).count();
    let (n, all) = (cut.len(), candidates.len());
    let what = format!("{n} of {all} settings did not run on every fold ({never} on none)");
    warn_of_cut(context, &what);
}

/// Says what was left undone because the time was up, or the user ended the search.
pub(crate) fn warn_of_cut(context: &Context, what: &str) {
    let (code, who) = match context.hurried() {
        true => ("ended_early", "you ended the search"),
        false => ("time_limit", "the time limit ended the search"),
    };
    context.warn(code, format!("{who}: {what}; the best so far was taken"));
}

/// A learner that could not be fitted is no learner that scored badly: each is named with what it said.
fn tell_of_failures(candidates: &[Candidate], courses: &[CandidateState], context: &Context) {
    let mut failed: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for (candidate, course) in candidates.iter().zip(courses) {
        if let Some(problem) = &course.problem {
            failed.entry(&candidate.spec.kind).or_insert((0, problem.as_str())).0 += 1;
        }
    }
    for (kind, (n, problem)) in failed {
        let settings = if n == 1 { String::new() } else { format!(" with {n} settings") };
        context.warn("fit_failed", format!("{kind} failed{settings} and is left out: {problem}"));
    }
}

/// Where every learner that was named failed, the baseline is not what was asked for.
fn check_any_fitted(candidates: &[Candidate], courses: &[CandidateState]) -> Result<()> {
    let named = || candidates.iter().zip(courses).filter(|(c, _)| c.spec.kind != BASELINE);
    let Some((first, problem)) = named().find_map(|(c, course)| Some((c, course.problem.as_ref()?))) else {
        return Ok(());
    };
    if named().any(|(_, course)| course.problem.is_none()) {
        return Ok(());
    }
    Err(Error::data(
        format!("{} failed: {problem}; no learner that the recipe names could be fitted", first.spec.kind),
        "change its parameters or the columns it reads, or name another learner",
    ))
}

fn begin(context: &Context, what: &str, steps: usize) {
    context.tell(&Event::Begin { what: what.into(), steps: Some(steps as u64) });
}

/// Runs the entries on these folds: side by side where the table is small, else one after the other, since each holds copies
/// of its rows.
pub(super) fn run(
    ring: &FoldRunner<'_>,
    folds: &[Fold],
    first: usize,
    entries: &[usize],
    anyway: &[usize],
) -> Result<Vec<FoldResult>> {
    let rows = folds.iter().map(|f| f.train.len() + f.valid.len()).max().unwrap_or(0);
    // A vector column counts by its length, but that is known only after preparation: a wide table is taken as large.
    let look = |(at, fold): (usize, &Fold)| {
        let anyway = if at == 0 { anyway } else { &[] };
        ring.look(first + at, fold, entries, anyway)
    };
    if rows * ring.table.batch().schema().len() < SMALL {
        folds.par_iter().enumerate().map(look).collect()
    } else {
        folds.iter().enumerate().map(look).collect()
    }
}

/// A sample of a fold: what is learned from, and half as many rows to judge on.
pub(super) fn sample(fold: &Fold, context: &Context) -> Fold {
    let mut random = Random::new(context.seed_for("look"), 0);
    let mut some = |rows: &[u32], n: usize| super::sampled(rows, n, &mut random);
    Fold { train: some(&fold.train, LOOK_ROWS), valid: some(&fold.valid, LOOK_ROWS / 2) }
}

/// Adds what came of folds to the courses; the truth of each fold comes back.
fn note(looked: Vec<FoldResult>, courses: &mut [CandidateState]) -> Vec<Truth> {
    let mut truths = Vec::with_capacity(looked.len());
    for fold in looked {
        let rows = fold.truth.target.len();
        for (i, trial) in fold.trials {
            let course = &mut courses[i];
            match trial {
                None => {
                    course.dropped.get_or_insert(LATE.into());
                }
                Some(Err(e)) => {
                    course.problem.get_or_insert(e.to_string());
                }
                // A fold after one that time did not allow would stand in that one's place.
                Some(Ok(_)) if course.dropped.is_some() || course.problem.is_some() => {}
                Some(Ok(trial)) => {
                    course.scores.push(trial.score);
                    course.train_scores.push(trial.train_score);
                    course.answers.push(trial.answers);
                    course.cost.bytes = course.cost.bytes.max(trial.cost.bytes);
                    course.cost.work = course.cost.work.max(trial.cost.work);
                    course.fit += trial.fit;
                    course.predict += trial.predict;
                    course.judged_rows += rows;
                }
            }
        }
        truths.push(fold.truth);
    }
    truths
}

/// Those that run on all folds: the baseline, and of each learner that is not hopeless the better third of its settings.
fn survivors(candidates: &[Candidate], courses: &[CandidateState], judge: &Judge<'_>) -> Vec<usize> {
    let gain = |i: usize| judge.gain(mean(&courses[i].scores));
    let sound = |i: &usize| courses[*i].problem.is_none() && !gain(*i).is_nan();
    let started = |i: usize| is_started(&candidates[i].spec);
    let mut by_learner: BTreeMap<(&str, bool), Vec<usize>> = BTreeMap::new();
    for i in (1..candidates.len()).filter(sound) {
        by_learner.entry((candidates[i].spec.kind.as_str(), started(i))).or_default().push(i);
    }
    let best = by_learner.values().flatten().map(|&i| gain(i)).fold(f64::NEG_INFINITY, f64::max);
    let start = gain(0);
    let enough = if start < best { start + HOPELESS * (best - start) } else { f64::NEG_INFINITY };
    let mut left = vec![0];
    for settings in by_learner.values_mut() {
        settings.sort_by(|&a, &b| gain(b).total_cmp(&gain(a)));
        let n = settings.len().div_ceil(KEPT).max(LEFT);
        left.extend(settings.iter().take(n).filter(|&&i| gain(i) >= enough || gain(i) == best));
    }
    // What a forecast falls back on is known on all folds.
    let combined = (1..candidates.len())
        .filter(sound)
        .find(|&i| crate::forecast::candidates::is_combination(&candidates[i].spec));
    left.extend(combined.filter(|i| !left.contains(i)));
    // Starting from an earlier model is held against starting from nothing on all folds.
    for with in [true, false] {
        let those = (1..candidates.len()).filter(sound).filter(|&i| started(i) == with);
        let best = those.max_by(|&a, &b| gain(a).total_cmp(&gain(b)).then(b.cmp(&a)));
        left.extend(best.filter(|i| !left.contains(i)));
    }
    left.sort_unstable();
    left
}

/// The most folds that a learner ran on; without any, the baseline.
fn folds_compared(candidates: &[Candidate], courses: &[CandidateState]) -> usize {
    let sound = candidates.iter().zip(courses).filter(|(_, course)| course.problem.is_none());
    let most = |baseline: bool| {
        let of = sound.clone().filter(|(c, _)| (c.spec.kind == BASELINE) == baseline);
        of.map(|(_, course)| course.scores.len()).max().unwrap_or(0)
    };
    match most(false) {
        0 => most(true),
        n => n,
    }
}

fn ranked(
    candidates: &[Candidate],
    mut courses: Vec<CandidateState>,
    truths: Vec<Truth>,
    judge: &Judge<'_>,
    test_share: f64,
) -> SuccessiveHalving {
    let most = folds_compared(candidates, &courses);
    // The baseline is quick: where time ran out it may have more folds than any learner, and is compared on theirs.
    courses.iter_mut().for_each(|course| course.truncate(most));
    let mut entries: Vec<(usize, CandidateState)> = courses.into_iter().enumerate().collect();
    let rank = |course: &CandidateState| {
        let whole = course.problem.is_none() && course.scores.len() == most && course.dropped_late(most);
        let gain = judge.gain(mean(&course.scores));
        (!whole, if gain.is_nan() { f64::INFINITY } else { -gain })
    };
    entries.sort_by(|(_, a), (_, b)| {
        let (a, b) = (rank(a), rank(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let (mut standings, mut times, mut finishers) = (Vec::new(), Vec::new(), Vec::new());
    for (i, course) in entries {
        let whole = !rank(&course).0 && most > 0 && !mean(&course.scores).is_nan();
        times.push(course.times());
        standings.push(course.standing(&candidates[i], whole));
        if whole && candidates[i].spec.kind != BASELINE {
            let fit = course.times().fit;
            let CandidateState { answers, scores, cost, .. } = course;
            finishers.push(Finisher { candidate: i, answers, scores, cost, fit });
        }
    }
    let truths = truths.into_iter().take(most).collect();
    SuccessiveHalving { standings, times, finishers, truths, test_share }
}

impl CandidateState {
    /// Forgets what came after so many folds.
    fn truncate(&mut self, n_folds: usize) {
        self.scores.truncate(n_folds);
        self.train_scores.truncate(n_folds);
        self.answers.truncate(n_folds);
    }

    /// Whether it was ended by the clock at the earliest after all that anybody finished.
    fn dropped_late(&self, most: usize) -> bool {
        self.dropped.is_none() || (self.scores.len() == most && self.answers.len() == most)
    }

    fn times(&self) -> Times {
        let n = self.scores.len().max(1) as u32;
        let rows = self.judged_rows.max(1) as f64;
        Times { fit: self.fit / n, predict_row: Duration::from_secs_f64(self.predict.as_secs_f64() / rows) }
    }

    fn standing(&self, candidate: &Candidate, whole: bool) -> CandidateScore {
        let known = |x: f64| (!x.is_nan()).then_some(x);
        let problem = self.problem.clone();
        CandidateScore {
            learner: candidate.spec.kind.clone(),
            params: candidate.spec.params.clone(),
            mean: known(mean(&self.scores)).filter(|_| problem.is_none()),
            spread: spread(&self.scores).filter(|_| problem.is_none()),
            train: known(mean(&self.train_scores)).filter(|_| problem.is_none()),
            bytes: self.cost.bytes,
            work: self.cost.work,
            dropped: self.dropped.clone().filter(|_| !whole && problem.is_none()),
            problem: problem.or_else(|| {
                (mean(&self.scores).is_nan() && !self.scores.is_empty()).then(|| UNDEFINED.to_string())
            }),
            folds: self.scores.clone(),
        }
    }
}

impl SuccessiveHalving {
    /// The best candidate's place among them.
    ///
    /// # Errors
    /// None could be fitted and scored.
    pub(crate) fn best(&self, candidates: &[Candidate]) -> Result<usize> {
        let first = self.standings.first().filter(|s| s.mean.is_some() && s.dropped.is_none());
        let same = |c: &Candidate, s: &CandidateScore| c.spec.kind == s.learner && c.spec.params == s.params;
        let found = first.and_then(|first| candidates.iter().position(|c| same(c, first)));
        found.ok_or_else(|| {
            let problem = self.standings.iter().find_map(|s| s.problem.clone()).unwrap_or_default();
            let undefined = self.standings.iter().all(|s| s.problem.as_deref() == Some(UNDEFINED));
            let remedy = match undefined && !self.standings.is_empty() {
                true => "choose another metric: this one is not defined for these values, as a percentage of 0 is not",
                false => "see the warnings above; name other learners or a longer --time-limit",
            };
            Error::data(format!("no learner could be fitted and scored: {problem}"), remedy)
        })
    }
}

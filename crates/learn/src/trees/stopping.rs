//! When boosting stops: as soon as rows that it does not learn from no longer gain.

use rayon::prelude::*;
use tidemill_core::{Batch, Context, Error, Result, Trees};
use tidemill_kernel::{Random, blocks};

use super::boosted::Target;
use super::boosting::{Boost, CHUNK, Run};
use super::curves::Curves;
use super::losses::Link;
use super::start;
use crate::rows;

/// Fewer rows than this are not divided: the part to watch would say nothing.
const WATCHED_ROWS: usize = 50;
/// With an earlier model to start from, fewer: what few rows add to it is soon too much.
const WATCHED_FROM_START: usize = 10;
/// Up to so many rows (times outputs), parts are held back in turn: one of them would say little.
const TURNS_ROWS: usize = 2_500;
const TURNS: usize = 5;
/// Up to so many rows, the rows held back are worth a second training with them.
const REFIT_ROWS: usize = 50_000;

impl Boost<'_> {
    /// Trees as long as the rows of `valid` gain.
    pub(super) fn stopped_by(&self, valid: &Batch, curves: &mut Curves, context: &Context) -> Result<Trees> {
        let target = Target::of(valid)?;
        let n_classes = |classes: &Option<_>| {
            classes.as_ref().map(|c: &std::sync::Arc<tidemill_core::Categories>| c.len())
        };
        let suits = match self.loss.link() {
            Link::Softmax => n_classes(&target.classes) == Some(self.loss.n_outputs()),
            Link::Sigmoid => n_classes(&target.classes) == Some(2),
            _ => target.classes.is_none(),
        };
        if !suits {
            return Err(Error::data(
                "the target of the validation rows is not that of the training rows",
                "give validation rows of the same table",
            ));
        }
        let bound = self.columns.bind(valid.schema())?;
        let (n, p, k) = (valid.n_rows(), self.columns.n_features(), self.loss.n_outputs());
        let x = bound.gather(valid, 0..n)?;
        let weights = rows::weights(valid)?;
        let mut run = Run::new(self, &[]);
        let mut scores = vec![0.0; n * k];
        run.trees.rows(&x, &mut scores);
        if self.started.is_some() {
            start::add(valid, self.loss.link(), &mut scores)?;
        }
        let loss = |scores: &[f64]| {
            let each = scores.chunks_exact(k).zip(&target.y).enumerate();
            let weight = |i: usize| weights.as_ref().map_or(1.0, |w| w[i]);
            each.map(|(i, (scores, y))| weight(i) * self.loss.value(*y, scores)).sum::<f64>()
        };
        let total = weights.as_ref().map_or(n as f64, |weights| weights.iter().sum());
        let mut course = Course::new(self.params.early_stopping, loss(&scores));
        let time = TimeLimit::of(context);
        for round in 0..self.params.n_trees {
            context.check()?;
            if time.is_up(round, context) {
                break;
            }
            let before = run.trees.n_trees();
            run.round();
            let trees = &run.trees;
            scores.par_chunks_mut(CHUNK * k).zip(x.par_chunks((CHUNK * p).max(1))).for_each(|(scores, x)| {
                let each = scores.chunks_exact_mut(k).zip(x.chunks_exact(p.max(1)));
                each.for_each(|(scores, x)| trees.add_from(before, x, scores));
            });
            let watched = loss(&scores);
            curves.watched(round + 1, watched, total)?;
            curves.train(round + 1, &run)?;
            if course.ended(watched) {
                break;
            }
        }
        Ok(self.shortened(run.trees, course.at))
    }

    /// Trees as long as rows held back gain, where there are enough of them.
    pub(super) fn stopped_by_own(&self, curves: &mut Curves, context: &Context) -> Result<Trees> {
        let parts = self.parts();
        if parts.is_empty() {
            return self.rounds(self.params.n_trees, curves, context);
        }
        let total = parts.iter().flatten().map(|&row| self.weight(row as usize)).sum();
        let mut runs: Vec<Run<'_>> = parts.iter().map(|part| Run::new(self, part)).collect();
        let loss =
            |runs: &[Run<'_>]| runs.iter().zip(&parts).map(|(run, part)| self.held_loss(run, part)).sum();
        let mut course = Course::new(self.params.early_stopping, loss(&runs));
        let time = TimeLimit::of(context);
        for round in 0..self.params.n_trees {
            context.check()?;
            if time.is_up(round, context) {
                break;
            }
            runs.par_iter_mut().for_each(Run::round);
            let watched = loss(&runs);
            curves.watched(round + 1, watched, total)?;
            // Of several in turns, what is learned from in the end follows below.
            if let [run] = &runs[..]
                && self.y.len() > REFIT_ROWS
            {
                curves.train(round + 1, run)?;
            }
            if course.ended(watched) {
                break;
            }
        }
        match runs.pop() {
            Some(run) if self.y.len() > REFIT_ROWS => Ok(self.shortened(run.trees, course.at)),
            _ => self.rounds(self.at_least_one(course.at), curves, context),
        }
    }

    fn held_loss(&self, run: &Run<'_>, part: &[u32]) -> f64 {
        let k = self.loss.n_outputs();
        let of =
            |row: usize| self.weight(row) * self.loss.value(self.y[row], &run.scores[row * k..(row + 1) * k]);
        part.iter().map(|&row| of(row as usize)).sum()
    }

    /// Without an earlier model, one round at least: no model should be a constant for want of watched rows.
    fn at_least_one(&self, rounds: usize) -> usize {
        if self.prior.is_some() || self.started.is_some() { rounds } else { rounds.max(1) }
    }

    /// The first trees: those of the earlier model, and so many rounds.
    fn shortened(&self, mut trees: Trees, rounds: usize) -> Trees {
        let earlier = self.prior.as_ref().map_or(0, |prior| prior.0.n_trees());
        trees.truncate(earlier + self.at_least_one(rounds) * self.loss.n_outputs());
        trees
    }

    /// The rows to hold back, part by part, each with about the same share of every class or range of the target.
    fn parts(&self) -> Vec<Vec<u32>> {
        let (n, k) = (self.y.len(), self.loss.n_outputs());
        let least = if self.started.is_some() { WATCHED_FROM_START } else { WATCHED_ROWS };
        if self.params.early_stopping == 0 || n < least {
            return Vec::new();
        }
        let mut order: Vec<u32> = (0..n as u32).collect();
        Random::new(self.seed, 1).shuffle(&mut order);
        order.sort_by(|&a, &b| self.y[a as usize].total_cmp(&self.y[b as usize]));
        let (turns, every) = match n * k <= TURNS_ROWS {
            true => (TURNS, TURNS as f64),
            false => (1, 1.0 / self.params.validation_share),
        };
        if let Some(blocks) = &self.blocks {
            return whole(&order, blocks, (turns, 1.0 / every));
        }
        let part = |turn: usize| {
            let places = (0..n).map(|i| (i as f64 + (turn as f64 + 0.5) / turns as f64) * every);
            let places = places.map(|place| place as usize).take_while(|place| *place < n);
            let mut rows: Vec<u32> = places.map(|place| order[place]).collect();
            rows.sort_unstable();
            rows
        };
        (0..turns).map(part).collect()
    }
}

/// The rows to hold back where some belong together: in turns, or once a share of them.
fn whole(order: &[u32], blocks: &[u32], (turns, share): (usize, f64)) -> Vec<Vec<u32>> {
    if turns == 1 {
        return vec![blocks::held_out(order, blocks, share)]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
    }
    let folds = blocks::deal(order, Some(blocks), turns);
    let part =
        |turn: usize| (0..order.len() as u32).filter(|&row| folds[row as usize] as usize == turn).collect();
    (0..turns).map(part).filter(|part: &Vec<u32>| !part.is_empty() && part.len() < order.len()).collect()
}

/// A time limit that was still ahead when boosting began ends it with the trees that it has.
pub(super) struct TimeLimit {
    ahead: bool,
}

impl TimeLimit {
    pub(super) fn of(context: &Context) -> Self {
        TimeLimit { ahead: !context.out_of_time() }
    }

    /// Whether to stop before this round; the first is always grown.
    pub(super) fn is_up(&self, round: usize, context: &Context) -> bool {
        let is_up = self.ahead && round > 0 && context.out_of_time();
        if is_up {
            context
                .warn("boosting_out_of_time", format!("the time limit ended boosting after {round} rounds"));
        }
        is_up
    }
}

/// How the loss of the watched rows went.
struct Course {
    best: f64,
    /// The round that was best.
    at: usize,
    now: usize,
    patience: usize,
}

impl Course {
    fn new(patience: usize, before: f64) -> Self {
        Course { best: before, at: 0, now: 0, patience }
    }

    fn ended(&mut self, loss: f64) -> bool {
        self.now += 1;
        if loss < self.best || self.best.is_nan() {
            (self.best, self.at) = (loss, self.now);
        }
        self.now - self.at >= self.patience
    }
}

//! Fits one learner on one fold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Context, Error, Event, Fitted, Result, Source, Table, View};
use tidemill_data::split::Fold;

use super::judge::{Judge, Truth};
use super::{Balanced, Balancer, Candidate, apply, labels, order, synthetic, training};
use crate::links::answer::Place;
use crate::search::preparation;

/// The most training rows on which the training score is taken.
const SCORED_ROWS: usize = 20_000;

/// What a learner cost, and how it answered the rows a fold left out.
pub(crate) struct Trial {
    /// The metric; `NaN` where it is undefined on these rows.
    pub score: f64,
    /// The metric on rows it was fitted on.
    pub train_score: f64,
    /// A number per row, or a probability per row and class.
    pub answers: Vec<f64>,
    pub cost: Cost,
    pub fit: Duration,
    pub predict: Duration,
}

/// What a fitted learner costs, by what it holds: the same on every machine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    /// Bytes of its learned numbers.
    pub bytes: u64,
    /// Operations of an answer to a row.
    pub work: u64,
}

impl Cost {
    pub(crate) fn of(fitted: &dyn Fitted) -> Self {
        Cost { bytes: fitted.size(), work: fitted.operations() }
    }
}

/// Everything that learners of one comparison share.
pub(crate) struct FoldRunner<'a> {
    pub table: &'a Arc<Table>,
    pub candidates: &'a [Candidate],
    pub recipe: &'a Recipe,
    pub judge: &'a Judge<'a>,
    pub context: &'a Context,
}

/// What came of a fold: its truth, and by candidate what came of it (`None` when time ran out before it began).
pub(crate) struct FoldResult {
    pub truth: Truth,
    pub trials: Vec<(usize, Option<Result<Trial>>)>,
}

impl FoldRunner<'_> {
    /// Fits and judges the candidates of `entries` on a fold. Preparation is fitted once per kind of need, on the fold's
    /// training rows alone, and let go before the next kind's. Candidates of `anyway` are tried whatever the time.
    pub(crate) fn look(
        &self,
        at: usize,
        fold: &Fold,
        entries: &[usize],
        anyway: &[usize],
    ) -> Result<FoldResult> {
        let stream = self.context.quiet().with_stream(&format!("fold {at}"));
        let rows = |rows: &[u32]| View::new(self.table.clone(), rows)?.collect();
        let truth = Truth::of(&rows(&fold.valid)?)?;
        let balancer = Balancer::of(self.recipe, self.context)?;
        // Without labels to doubt and rows to add, rows are read anew for each kind of need, and kept for none.
        let cleaned = match self.recipe.labels.is_some() || self.recipe.augment.is_some() {
            true => labels::cleaned(rows(&fold.train)?.into(), self.recipe, &stream)
                .and_then(|(table, _)| synthetic::added(table, self.recipe, &stream).map(Some)),
            false => Ok(None),
        };
        let cleaned = match cleaned {
            Ok(cleaned) => cleaned,
            Err(e) if is_of_the_machine(&e) => return Err(e),
            // So few rows that their labels cannot be doubted, or none made like them, teach no candidate, as where one cannot be fitted.
            Err(e) => {
                return Ok(FoldResult {
                    truth,
                    trials: entries.iter().map(|i| (*i, Some(Err(again(&e))))).collect(),
                });
            }
        };
        let mut open: Vec<usize> = entries.to_vec();
        let mut trials = Vec::with_capacity(entries.len());
        while let Some(&first) = open.first() {
            let needs = self.candidates[first].estimator.needs();
            let alike = |i: &usize| order(self.candidates[*i].estimator.needs()) == order(needs);
            let (same, rest): (Vec<usize>, Vec<usize>) = open.iter().partition(|i| alike(i));
            open = rest;
            if self.context.out_of_time() && !same.iter().any(|i| anyway.contains(i)) {
                trials.extend(same.into_iter().map(|i| (i, None)));
                continue;
            }
            let needs = Balancer::needs(balancer.as_ref(), needs);
            let train = match &cleaned {
                Some(cleaned) => cleaned.clone(),
                None => rows(&fold.train)?.into(),
            };
            let prepared = preparation::fit(train, self.recipe, needs, &stream);
            let prepared = prepared.and_then(|p| {
                let balanced = balancer.as_ref().map(|b| b.balance(&p.train, &stream)).transpose()?;
                Ok((apply(&p.steps, rows(&fold.valid)?)?, p.train, balanced))
            });
            let (valid, train, balanced) = match prepared {
                Ok(parts) => parts,
                Err(e) if is_of_the_machine(&e) => return Err(e),
                Err(e) => {
                    trials.extend(same.into_iter().map(|i| (i, Some(Err(again(&e))))));
                    continue;
                }
            };
            let one = |&i: &usize| {
                if self.context.out_of_time() && !anyway.contains(&i) {
                    return (i, None);
                }
                let trial = self.try_one(i, (&train, balanced.as_ref()), &valid, &truth, &stream);
                self.context.tell(&Event::Step(1));
                (i, Some(trial))
            };
            trials.extend(same.par_iter().map(one).collect::<Vec<_>>());
        }
        let fatal = |(_, trial): &(usize, Option<Result<Trial>>)| matches!(trial, Some(Err(e)) if is_of_the_machine(e));
        if let Some(at) = trials.iter().position(fatal)
            && let (_, Some(Err(e))) = trials.swap_remove(at)
        {
            return Err(e);
        }
        Ok(FoldResult { truth, trials })
    }

    fn try_one(
        &self,
        i: usize,
        (train, balanced): (&Table, Option<&Balanced>),
        valid: &Batch,
        truth: &Truth,
        context: &Context,
    ) -> Result<Trial> {
        context.check()?;
        let candidate = &self.candidates[i];
        let began = Instant::now();
        let rows = balanced.map_or(train, |b| &b.rows);
        let training = training(rows, &*candidate.estimator, context);
        let fitted = candidate.estimator.fit(training, &context.with_stream(&candidate.spec.kind))?;
        let fitted = balanced.map_or_else(|| fitted.clone(), |b| b.link(fitted.clone()));
        let fit = began.elapsed();
        let began = Instant::now();
        let answers = answers(&fitted, valid)?;
        let predict = began.elapsed();
        let score = self.judge.score(truth, &answers)?;
        let seen = train.batch().slice(0, train.batch().n_rows().min(SCORED_ROWS));
        let train_score = self.judge.score(&Truth::of(&seen)?, &self::answers(&fitted, &seen)?)?;
        Ok(Trial { score, train_score, answers, cost: Cost::of(&*fitted), fit, predict })
    }
}

/// The same error once more, for each candidate that it hit.
fn again(e: &Error) -> Error {
    Error::data(e.to_string(), e.remedy().unwrap_or_default())
}

/// Whether an error says nothing of the learner: a full disk, a damaged state, a wish to stop. It ends the training; a search that
/// went on without the learner would ship a weaker model and not say why.
fn is_of_the_machine(error: &Error) -> bool {
    matches!(error, Error::Io { .. } | Error::State { .. } | Error::Cancelled)
}

/// What a fitted learner answers, as raw numbers.
fn answers(fitted: &Arc<dyn Fitted>, rows: &Batch) -> Result<Vec<f64>> {
    let output = fitted.clone().bind(rows.schema())?.apply(rows)?;
    Place::of(output.schema())?.values(&output)
}

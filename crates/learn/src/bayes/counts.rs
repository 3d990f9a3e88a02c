//! What the naive Bayes learners of counts share: sums by class, and a fitted model that is linear in the counts.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Builtin, Context, Error, Fitted, Needs, Result, Row, Run, Schema, State, TensorData, Training,
};
use tidemill_kernel::reduce::{in_chunks, sum_parts};
use tidemill_kernel::{Features, Gather};

use super::additive::Terms;
use crate::{LearnError, rows};
use tidemill_kernel::Classes;
use tidemill_kernel::answer::{Answer, output};

/// Rows per partial sum.
const CHUNK: usize = 4096;
/// Rows that one thread answers at a time.
const ROWS: usize = 1024;

/// What all of them ask for.
pub(super) const NEEDS: Needs =
    Needs { complete: true, numeric: true, scaled: false, tabular: true, sparse: true, tokens: false };

/// Partial sums of one reduction together hold at most so many numbers.
const PARTS: usize = 1 << 24;

/// Training rows as the learners of counts read them: sparse vectors stay sparse.
pub(super) struct Counts {
    pub features: Features,
    pub classes: Classes,
    /// The class of each row, as its place among those present.
    codes: Vec<u32>,
    weights: Option<Vec<f64>>,
    batch: Batch,
    gather: Gather,
}

impl Counts {
    /// Errors when there is no row (of any weight), and on a feature that holds no numbers.
    pub(super) fn of(training: Training<'_>, context: &Context) -> Result<Self> {
        let batch = rows::collect(training, context)?;
        let weights = rows::weights(&batch)?;
        let features = Features::with_sparse(batch.schema())?;
        let gather = Gather::bind(&features, batch.schema())?;
        let (codes, names) = rows::classes(&batch)?;
        let (classes, codes) = Classes::of(names, codes, weights.as_deref());
        classes.warn_if_one(context);
        Ok(Counts { features, classes, codes, weights, batch, gather })
    }

    fn weight(&self, i: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[i])
    }

    /// `sum(weight * value(x))` by class and feature: for each class present, a number per feature. Zeros of sparse
    /// vectors do not come, so `value(0)` must be 0 for those. With `least`, errors on a value below it.
    pub(super) fn sums(&self, least: Option<f64>, value: impl Fn(f64) -> f64 + Sync) -> Result<Vec<f64>> {
        let (p, len) = (self.gather.n_columns(), self.classes.k() * self.gather.n_columns());
        let most_parts = (PARTS / len.max(1)).max(1);
        let chunk = CHUNK.max(self.batch.n_rows().div_ceil(most_parts));
        let parts = in_chunks(self.batch.n_rows(), chunk, |rows| {
            let start = rows.start;
            let mut sums = vec![0.0; len];
            let mut wrong = None;
            self.gather.entries(&self.batch, rows, |r, j, x| {
                if !(x.abs() <= 1e150 && least.is_none_or(|least| x >= least)) {
                    wrong = wrong.or(Some((start + r, j, x)));
                    return;
                }
                let w = self.weight(start + r);
                if w > 0.0 && x != 0.0 {
                    sums[self.codes[start + r] as usize * p + j] += w * value(x);
                }
            })?;
            wrong.map_or(Ok(sums), |(row, j, x)| Err(self.wrong(row, j, x)))
        });
        Ok(sum_parts(parts.into_iter().collect::<Result<_>>()?, len))
    }

    fn wrong(&self, row: usize, column: usize, value: f64) -> Error {
        let column = self.gather.name(column);
        if value.is_nan() || value.is_infinite() {
            let what = if value.is_nan() { "missing" } else { "not a finite number" };
            return Error::data(
                format!("feature '{column}' is {what} in row {row}"),
                "impute missing values and correct infinite ones before this learner",
            );
        }
        if value.abs() > 1e150 {
            return LearnError::TooLarge { columns: format!("'{column}'") }.into();
        }
        LearnError::NegativeCount { column, row, value }.into()
    }

    /// The weight of each class present.
    pub(super) fn class_weights(&self) -> Vec<f64> {
        let mut totals = vec![0.0; self.classes.k()];
        for (i, &c) in self.codes.iter().enumerate().filter(|(i, _)| self.weight(*i) > 0.0) {
            totals[c as usize] += self.weight(i);
        }
        totals
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    features: Features,
    classes: Vec<String>,
}

/// What [`super::MultinomialNb`], [`super::ComplementNb`] and [`super::BernoulliNb`] learned: for each class, a score that is
/// linear in the features (Bernoulli: in whether each is above the threshold). Sparse vectors stay sparse.
#[derive(Clone, Debug)]
pub struct FittedCounts {
    kind: &'static str,
    pub(super) classes: Classes,
    features: Features,
    /// For each feature, a number per class present: what one more of it adds to the class's score.
    weights: Vec<f64>,
    intercepts: Vec<f64>,
    /// Above it a value counts as 1, else as 0.
    threshold: Option<f64>,
}

impl FittedCounts {
    /// `weights` holds, for each class present, a number per feature.
    pub(super) fn new(
        kind: &'static str,
        classes: Classes,
        features: Features,
        weights: &[f64],
        intercepts: Vec<f64>,
        threshold: Option<f64>,
    ) -> Self {
        let (k, p) = (classes.k(), features.n_columns());
        let weights = (0..k * p).map(|at| weights[(at % k) * p + at / k]).collect();
        FittedCounts { kind, classes, features, weights, intercepts, threshold }
    }

    pub(super) fn load(kind: &'static str, state: &State) -> Result<Arc<dyn Fitted>> {
        let Saved { features, classes } = state.params()?;
        let classes = Classes::load(state, classes)?;
        let n = features
            .n_columns()
            .checked_mul(classes.k())
            .ok_or_else(|| Error::state(kind, "more weights than memory can hold"))?;
        let weights = state.floats_of("weights", n)?.to_vec();
        let intercepts = state.floats_of("intercepts", classes.k())?.to_vec();
        let threshold = match state.tensors.contains_key("threshold") {
            true => Some(state.floats_of("threshold", 1)?[0]),
            false if kind == super::BernoulliNb::KIND => {
                return Err(Error::state(kind, "tensor 'threshold' is missing"));
            }
            false => None,
        };
        Ok(Arc::new(FittedCounts { kind, classes, features, weights, intercepts, threshold }))
    }

    /// For each feature, what one more of it adds to the score of each class that had training rows.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
}

impl FittedCounts {
    /// Adds what one number of a row says to the scores.
    #[inline]
    fn add(&self, column: usize, x: f64, scores: &mut [f64]) {
        let k = scores.len();
        let x = match self.threshold {
            Some(threshold) => f64::from(u8::from(x > threshold)),
            None if x.is_nan() => return,
            None => x,
        };
        if x != 0.0 {
            let weights = &self.weights[column * k..(column + 1) * k];
            scores.iter_mut().zip(weights).for_each(|(s, w)| *s += x * w);
        }
    }

    fn chunk(&self, gather: &Gather, batch: &Batch, rows: Range<usize>) -> Result<Vec<f64>> {
        let (k, width) = (self.classes.k(), self.classes.names.len());
        let mut scores = self.intercepts.repeat(rows.len());
        let mut out = vec![0.0; rows.len() * width];
        gather.entries(batch, rows, |r, j, x| self.add(j, x, &mut scores[r * k..(r + 1) * k]))?;
        for (scores, out) in scores.chunks_exact_mut(k).zip(out.chunks_exact_mut(width)) {
            self.classes.softmax(scores, out);
        }
        Ok(out)
    }
}

impl Terms for FittedCounts {
    fn classes(&self) -> &Classes {
        &self.classes
    }

    fn columns(&self) -> Vec<&str> {
        self.features.0.iter().map(|feature| feature.name.as_str()).collect()
    }

    fn starts(&self) -> &[f64] {
        &self.intercepts
    }

    fn terms(&self, batch: &Batch) -> Result<Vec<f64>> {
        let (k, n_columns) = (self.classes.k(), self.features.0.len());
        let of_number: Vec<usize> = self
            .features
            .0
            .iter()
            .enumerate()
            .flat_map(|(at, feature)| std::iter::repeat_n(at, feature.width()))
            .collect();
        let mut terms = vec![0.0; batch.n_rows() * n_columns * k];
        let gather = Gather::bind(&self.features, batch.schema())?;
        gather.entries(batch, 0..batch.n_rows(), |r, j, x| {
            let at = (r * n_columns + of_number[j]) * k;
            self.add(j, x, &mut terms[at..at + k]);
        })?;
        Ok(terms)
    }
}

struct Bound {
    fitted: Arc<FittedCounts>,
    gather: Gather,
    answer: Answer,
    scores: Vec<f64>,
}

impl Run for Bound {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let (fitted, gather) = (&self.fitted, &self.gather);
        let parts = in_chunks(batch.n_rows(), ROWS, |rows| fitted.chunk(gather, batch, rows));
        let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
        self.answer.probabilities(batch, parts.concat())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let (fitted, scores) = (&self.fitted, &mut self.scores);
        scores.copy_from_slice(&fitted.intercepts);
        self.gather.row_entries(row, |j, x| fitted.add(j, x, scores))?;
        let mut out = vec![0.0; fitted.classes.names.len()];
        fitted.classes.softmax(scores, &mut out);
        self.answer.probability(row, out);
        Ok(())
    }
}

impl Fitted for FittedCounts {
    fn output(&self, input: &Schema) -> Result<Schema> {
        output(input, Some(&self.classes.names))
    }

    fn state(&self) -> State {
        let saved = Saved { features: self.features.clone(), classes: self.classes.words() };
        let shape = vec![self.features.n_columns(), self.classes.k()];
        let state = State::new(self.kind, 1, saved)
            .tensor("weights", shape, TensorData::F64(self.weights.clone()))
            .floats("intercepts", &self.intercepts);
        let state = self.classes.save(state);
        match self.threshold {
            Some(threshold) => state.floats("threshold", &[threshold]),
            None => state,
        }
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let gather = Gather::bind(&self.features, input)?;
        let answer = Answer::bind(input, Some(&self.classes.names))?;
        Ok(Box::new(Bound { scores: vec![0.0; self.classes.k()], fitted: self, gather, answer }))
    }
}

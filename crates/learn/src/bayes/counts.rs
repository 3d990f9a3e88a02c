//! What the naive Bayes learners of counts share: sums by class, and a fitted model that is linear in the counts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidemill_core::{Builtin, Error, Fitted, Needs, Result, Run, Schema, State, TensorData};
use tidemill_kernel::Features;
use tidemill_kernel::reduce::{in_chunks, sum_parts};

use crate::classes::Classes;
use crate::sample::Sample;
use crate::scorer::{self, Scorer};

/// Rows per partial sum.
const CHUNK: usize = 4096;

/// What all of them ask for.
pub(super) const NEEDS: Needs = Needs { complete: true, numeric: true, scaled: false, tabular: true };

/// `sum(weight * value(x))` by class and feature: for each class present, a number per feature.
pub(super) fn sums(sample: &Sample, codes: &[u32], k: usize, value: impl Fn(f64) -> f64 + Sync) -> Vec<f64> {
    let p = sample.p;
    let parts = in_chunks(sample.n, CHUNK, |rows| {
        let mut sums = vec![0.0; k * p];
        for i in rows {
            let (w, at) = (sample.weight(i), codes[i] as usize * p);
            let to = &mut sums[at..at + p];
            to.iter_mut().zip(sample.row(i)).for_each(|(s, x)| *s += w * value(*x));
        }
        sums
    });
    sum_parts(parts, k * p)
}

/// The weight of each class present.
pub(super) fn class_weights(sample: &Sample, codes: &[u32], k: usize) -> Vec<f64> {
    let mut totals = vec![0.0; k];
    codes.iter().enumerate().for_each(|(i, &c)| totals[c as usize] += sample.weight(i));
    totals
}

/// Errors on a value below 0.
pub(super) fn check_counts(sample: &Sample) -> Result<()> {
    match sample.x.iter().position(|x| *x < 0.0) {
        None => Ok(()),
        Some(at) => Err(crate::LearnError::NegativeCount {
            column: sample.name(at % sample.p),
            row: sample.table_row(at / sample.p),
            value: sample.x[at],
        }
        .into()),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    features: Features,
    classes: Vec<String>,
}

/// What [`super::MultinomialNb`], [`super::ComplementNb`] and [`super::BernoulliNb`] learned: for each class, a score that is
/// linear in the features (Bernoulli: in whether each is above the threshold). A missing feature is left out.
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

impl Scorer for FittedCounts {
    type Scratch = Vec<f64>;

    fn features(&self) -> &Features {
        &self.features
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn answer(&self, rows: &[f64], n_rows: usize, scores: &mut Vec<f64>, out: &mut [f64]) {
        let (k, p, width) = (self.classes.k(), self.features.n_columns(), self.classes.names.len());
        for i in 0..n_rows {
            scores.clear();
            scores.extend_from_slice(&self.intercepts);
            for (x, weights) in rows[i * p..(i + 1) * p].iter().zip(self.weights.chunks_exact(k)) {
                let x = match self.threshold {
                    Some(threshold) if !x.is_nan() => f64::from(u8::from(*x > threshold)),
                    _ => *x,
                };
                if !x.is_nan() {
                    scores.iter_mut().zip(weights).for_each(|(s, w)| *s += x * w);
                }
            }
            self.classes.softmax(scores, &mut out[i * width..(i + 1) * width]);
        }
    }
}

impl Fitted for FittedCounts {
    fn output(&self, input: &Schema) -> Result<Schema> {
        scorer::output_of(self, input)
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
        scorer::bind(self, input)
    }
}

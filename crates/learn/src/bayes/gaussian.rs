//! `gaussian_nb`: classes from numbers, each normal within a class.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Context, Error, Estimator, Family, Fitted, KeyPath, Needs, Registry,
    Result, Run, Schema, Search, State, TensorData, Training,
};
use tidemill_kernel::reduce::{in_chunks, sum_parts};
use tidemill_kernel::{Features, Gather};

use super::additive::Terms;
use super::counts::NEEDS;
use super::log_priors;
use crate::sample::Sample;
use crate::scorer::{self, Scorer};
use tidemill_kernel::Classes;

/// Naive Bayes for numbers: within a class, each feature is normal, with the class's mean and variance. Agrees with
/// scikit-learn's `GaussianNB`, weights included. `var_smoothing` times the greatest variance of any feature is
/// added to every variance, so that a feature constant within a class does not decide everything.
///
/// A missing feature is left out of a row's score.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::bayes::GaussianNb;
/// assert!(GaussianNb { var_smoothing: -1.0 }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianNb {
    /// How much of the greatest variance of all features is added to each variance, from 0 up.
    pub var_smoothing: f64,
}

impl Default for GaussianNb {
    fn default() -> Self {
        GaussianNb { var_smoothing: 1e-9 }
    }
}

/// Means and variances by class and feature (`k * p` of each, class after class), smoothed.
pub(super) fn moments(sample: &Sample, codes: &[u32], k: usize, var_smoothing: f64) -> (Vec<f64>, Vec<f64>) {
    let p = sample.p;
    let mut totals = vec![0.0; k];
    codes.iter().enumerate().for_each(|(i, &c)| totals[c as usize] += sample.weight(i));
    let mut means = sums(sample, k * p, |i| codes[i] as usize * p, |i| sample.weight(i));
    means.iter_mut().enumerate().for_each(|(at, m)| *m /= totals[at / p]);
    let mut variances = squares(sample, k * p, |i| codes[i] as usize * p, |i| sample.weight(i), &means);
    variances.iter_mut().enumerate().for_each(|(at, v)| *v /= totals[at / p]);
    // As scikit-learn: the smoothing follows the spread of all rows, whatever their weights.
    let n = sample.n as f64;
    let mut centre = sums(sample, p, |_| 0, |_| 1.0);
    centre.iter_mut().for_each(|m| *m /= n);
    let spread = squares(sample, p, |_| 0, |_| 1.0, &centre);
    let most = spread.into_iter().fold(0.0, |most, v| f64::max(most, v / n));
    // Where nothing varies at all, any smoothing will do: every class fits as well.
    let added = if most > 0.0 { var_smoothing * most } else { 1.0 };
    variances.iter_mut().for_each(|v| *v = (*v + added).max(f64::MIN_POSITIVE));
    (means, variances)
}

/// `sum(weight * x)`, where the sums of row `i` start at `at(i)`.
fn sums(
    sample: &Sample,
    len: usize,
    at: impl Fn(usize) -> usize + Sync,
    weight: impl Fn(usize) -> f64 + Sync,
) -> Vec<f64> {
    let parts = in_chunks(sample.n, 4096, |rows| {
        let mut sums = vec![0.0; len];
        for i in rows {
            let (w, to) = (weight(i), &mut sums[at(i)..at(i) + sample.p]);
            to.iter_mut().zip(sample.row(i)).for_each(|(s, x)| *s += w * x);
        }
        sums
    });
    sum_parts(parts, len)
}

/// `sum(weight * (x - mean)^2)`, where the means and sums of row `i` start at `at(i)`.
fn squares(
    sample: &Sample,
    len: usize,
    at: impl Fn(usize) -> usize + Sync,
    weight: impl Fn(usize) -> f64 + Sync,
    means: &[f64],
) -> Vec<f64> {
    let p = sample.p;
    let parts = in_chunks(sample.n, 4096, |rows| {
        let mut sums = vec![0.0; len];
        for i in rows {
            let (w, range) = (weight(i), at(i)..at(i) + p);
            let pairs = sums[range.clone()].iter_mut().zip(sample.row(i)).zip(&means[range]);
            pairs.for_each(|((s, x), m)| *s += w * ((x - m) * (x - m)));
        }
        sums
    });
    sum_parts(parts, len)
}

/// The logarithm of the normal density.
pub(super) fn log_density(x: f64, mean: f64, variance: f64) -> f64 {
    -0.5 * ((std::f64::consts::TAU * variance).ln() + (x - mean) * (x - mean) / variance)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    features: Features,
    classes: Vec<String>,
}

impl Builtin for GaussianNb {
    const KIND: &'static str = "gaussian_nb";

    fn check(&self) -> Result<(), KeyPath> {
        if self.var_smoothing >= 0.0 && self.var_smoothing.is_finite() {
            return Ok(());
        }
        Err(KeyPath::new("var_smoothing", format!("is {}, but must be from 0 up", self.var_smoothing)))
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(FittedGaussianNb::of(state)?))
    }
}

impl BuiltinLearner for GaussianNb {
    const FAMILY: Family = Family::Bayes;
}

impl Estimator for GaussianNb {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { sparse: false, ..NEEDS }
    }

    fn search(&self) -> Vec<Search> {
        vec![Search { key: "var_smoothing", values: [1e-9, 1e-3, 0.1, 1e-6].map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let sample = Sample::of(training, context)?;
        let (classes, codes) = sample.classes()?;
        classes.warn_if_one(context);
        sample.check_sizes()?;
        let (means, variances) = moments(&sample, &codes, classes.k(), self.var_smoothing);
        let priors = log_priors(&classes, true);
        Ok(Arc::new(FittedGaussianNb::new(classes, sample.features, means, variances, priors)))
    }
}

/// What [`GaussianNb`] learned.
#[derive(Clone, Debug)]
pub struct FittedGaussianNb {
    classes: Classes,
    features: Features,
    /// For each class present, a mean and a variance per feature.
    means: Vec<f64>,
    variances: Vec<f64>,
    priors: Vec<f64>,
    /// `-log(2 pi variance) / 2`.
    heights: Vec<f64>,
}

impl FittedGaussianNb {
    pub(super) fn of(state: State) -> Result<Self> {
        let Saved { features, classes } = state.params()?;
        let classes = Classes::load(&state, classes)?;
        let n = features
            .n_columns()
            .checked_mul(classes.k())
            .ok_or_else(|| Error::state(GaussianNb::KIND, "more numbers than memory can hold"))?;
        let means = state.floats_of("means", n)?.to_vec();
        let variances = state.floats_of("variances", n)?.to_vec();
        let priors = state.floats_of("priors", classes.k())?.to_vec();
        Ok(FittedGaussianNb::new(classes, features, means, variances, priors))
    }

    pub(super) fn new(
        classes: Classes,
        features: Features,
        means: Vec<f64>,
        variances: Vec<f64>,
        priors: Vec<f64>,
    ) -> Self {
        let heights = variances.iter().map(|v| log_density(0.0, 0.0, *v)).collect();
        FittedGaussianNb { classes, features, means, variances, priors, heights }
    }

    /// For each class that had training rows, the mean of each feature.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// For each class that had training rows, the smoothed variance of each feature.
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    pub(super) fn present(&self) -> &[u32] {
        &self.classes.present
    }

    /// The score of each class present.
    pub(super) fn scores(&self, row: &[f64], scores: &mut [f64]) {
        scores.iter_mut().enumerate().for_each(|(c, score)| *score = self.score(row, c));
    }

    /// What one number adds to the score of a class, `at` being the place of its mean; what is missing says nothing.
    fn term(&self, x: f64, at: usize) -> f64 {
        let off = x - self.means[at];
        if x.is_nan() { 0.0 } else { self.heights[at] - 0.5 * (off * off / self.variances[at]) }
    }

    fn score(&self, row: &[f64], c: usize) -> f64 {
        let p = row.len();
        let range = c * p..(c + 1) * p;
        let normal = self.means[range.clone()].iter().zip(&self.variances[range.clone()]);
        let terms = row.iter().zip(normal).zip(&self.heights[range]);
        terms.fold(self.priors[c], |score, ((x, (mean, variance)), height)| {
            let off = x - mean;
            if x.is_nan() { score } else { score + (height - 0.5 * (off * off / variance)) }
        })
    }
}

impl Terms for FittedGaussianNb {
    fn classes(&self) -> &Classes {
        &self.classes
    }

    fn columns(&self) -> Vec<&str> {
        self.features.0.iter().map(|feature| feature.name.as_str()).collect()
    }

    fn starts(&self) -> &[f64] {
        &self.priors
    }

    fn terms(&self, batch: &Batch) -> Result<Vec<f64>> {
        let (k, p) = (self.classes.k(), self.features.n_columns());
        let rows = Gather::bind(&self.features, batch.schema())?.rows(batch, 0..batch.n_rows())?;
        let mut terms = Vec::with_capacity(batch.n_rows() * self.features.0.len() * k);
        for row in rows.chunks_exact(p.max(1)) {
            let mut start = 0;
            for feature in &self.features.0 {
                let numbers = start..start + feature.width();
                let of_class =
                    |c: usize| -> f64 { numbers.clone().map(|j| self.term(row[j], c * p + j)).sum() };
                terms.extend((0..k).map(of_class));
                start = numbers.end;
            }
        }
        Ok(terms)
    }
}

impl Scorer for FittedGaussianNb {
    type Scratch = Vec<f64>;

    fn features(&self) -> &Features {
        &self.features
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn answer(&self, rows: &[f64], n_rows: usize, scores: &mut Vec<f64>, out: &mut [f64]) {
        let (p, width) = (self.features.n_columns(), self.classes.names.len());
        scores.resize(self.classes.k(), 0.0);
        for i in 0..n_rows {
            self.scores(&rows[i * p..(i + 1) * p], scores);
            self.classes.softmax(scores, &mut out[i * width..(i + 1) * width]);
        }
    }
}

impl Fitted for FittedGaussianNb {
    fn output(&self, input: &Schema) -> Result<Schema> {
        scorer::output_of(self, input)
    }

    fn state(&self) -> State {
        let saved = Saved { features: self.features.clone(), classes: self.classes.words() };
        let shape = || vec![self.classes.k(), self.features.n_columns()];
        let state = State::new(GaussianNb::KIND, GaussianNb::VERSION, saved)
            .tensor("means", shape(), TensorData::F64(self.means.clone()))
            .tensor("variances", shape(), TensorData::F64(self.variances.clone()))
            .floats("priors", &self.priors);
        self.classes.save(state)
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        scorer::bind(self, input)
    }
}

//! A trained support vector machine: its vectors, and how it answers.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidemill_core::{Builtin, Error, Fitted, Result, Run, Schema, State, TensorData};
use tidemill_kernel::Features;
use tidemill_kernel::vector::dot;

use super::platt::{self, Platt};
use super::points::Points;
use super::{Calibration, Svm};
use crate::scorer::{self, Scorer};
use tidemill_kernel::Classes;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: Svm,
    features: Features,
    /// `None` for a model of a number.
    classes: Option<Vec<String>>,
    /// Support vectors of each class present, or of the one function.
    counts: Vec<usize>,
}

fn of_pair(&[a, b]: &[f64; 2]) -> Platt {
    Platt { a, b }
}

/// What [`Svm`] learned.
#[derive(Clone, Debug)]
pub struct FittedSvm {
    pub(super) settings: Svm,
    pub(super) features: Features,
    pub(super) classes: Option<Classes>,
    pub(super) gamma: f64,
    /// Support vectors of each class present, one class after the other.
    pub(super) counts: Vec<usize>,
    pub(super) vectors: Vec<f64>,
    pub(super) points: Points,
    /// As in LIBSVM: for each other class, a number per support vector.
    pub(super) coefficients: Vec<f64>,
    /// Of each pair of classes.
    pub(super) intercepts: Vec<f64>,
    pub(super) platt: Vec<Platt>,
    pub(super) mean: f64,
}

impl FittedSvm {
    pub(super) fn load(state: &State) -> Result<Self> {
        let Saved { settings, features, classes, counts } = state.params()?;
        let classes = classes.map(|names| Classes::load(state, names)).transpose()?;
        let k = classes.as_ref().map_or(1, Classes::k);
        let bad = |what: &str| Error::state(Svm::KIND, what.to_owned());
        let n = counts.iter().try_fold(0usize, |sum, n| sum.checked_add(*n));
        let n = n.filter(|_| counts.len() == k).ok_or_else(|| bad("'counts' do not fit the classes"))?;
        let too_many = || bad("more numbers than memory can hold");
        let machines = if classes.is_some() { k * (k - 1) / 2 } else { 1 };
        let per_row = if classes.is_some() { k - 1 } else { 1 };
        let n_values = n.checked_mul(features.n_columns()).ok_or_else(too_many)?;
        let n_coefficients = n.checked_mul(per_row).ok_or_else(too_many)?;
        let platt = match classes.is_some() && settings.probability == Calibration::Platt {
            true => state.floats_of("platt", 2 * machines)?.as_chunks::<2>().0.iter().map(of_pair).collect(),
            false => Vec::new(),
        };
        let fallback = if classes.is_none() { state.floats_of("mean", 1)?[0] } else { f64::NAN };
        let vectors = state.floats_of("vectors", n_values)?.to_vec();
        Ok(FittedSvm {
            gamma: state.floats_of("gamma", 1)?[0],
            coefficients: state.floats_of("coefficients", n_coefficients)?.to_vec(),
            intercepts: state.floats_of("intercepts", machines)?.to_vec(),
            points: Points::new(&vectors, n, features.n_columns()),
            settings,
            features,
            classes,
            counts,
            vectors,
            platt,
            mean: fallback,
        })
    }

    /// How many support vectors each class that had training rows has; for a number, how many there are.
    pub fn n_support(&self) -> &[usize] {
        &self.counts
    }

    /// The margins of a row of finite numbers, in the order of the features, as scikit-learn's `decision_function` with
    /// `decision_function_shape="ovo"`: for two classes one, positive for the second; for more, one for each pair,
    /// positive for its first; for a number the prediction.
    pub fn margins(&self, row: &[f64]) -> Vec<f64> {
        let mut scratch = Scratch::default();
        self.pairs(row, &mut scratch);
        if self.counts.len() == 2 {
            scratch.margins.iter_mut().for_each(|m| *m = -*m);
        }
        scratch.margins
    }

    fn range(&self, class: usize) -> Range<usize> {
        let start: usize = self.counts[..class].iter().sum();
        start..start + self.counts[class]
    }

    /// The margin of each pair, positive for its first.
    fn pairs(&self, row: &[f64], scratch: &mut Scratch) {
        let (k, n) = (self.counts.len(), self.counts.iter().sum::<usize>());
        self.points.all(self.settings.shape(self.gamma), row, &mut scratch.values);
        let values = &scratch.values;
        scratch.margins.clear();
        if self.classes.is_none() {
            scratch.margins.push(dot(&self.coefficients, values) + self.intercepts[0]);
            return;
        }
        let part = |slot: usize, range: Range<usize>| {
            let at = slot * n;
            dot(&self.coefficients[at + range.start..at + range.end], &values[range])
        };
        for i in 0..k {
            for j in i + 1..k {
                let margin = part(j - 1, self.range(i)) + part(i, self.range(j));
                scratch.margins.push(margin + self.intercepts[scratch.margins.len()]);
            }
        }
    }

    fn probabilities(&self, classes: &Classes, scratch: &mut Scratch, out: &mut [f64]) {
        let k = classes.k();
        let Scratch { margins, scores, .. } = scratch;
        scores.clear();
        scores.resize(k, 0.0);
        if k == 1 {
            scores[0] = 1.0;
        } else if self.settings.probability == Calibration::Margin {
            one_vs_rest(margins, scores);
            return classes.softmax(scores, out);
        } else {
            margins.iter_mut().zip(&self.platt).for_each(|(m, platt)| *m = platt.probability(*m));
            match *margins.as_slice() {
                [first] => scores.copy_from_slice(&[first, 1.0 - first]),
                _ => platt::couple(k, margins, scores),
            }
        }
        classes.spread(scores, out);
    }
}

/// scikit-learn's one-vs-rest decision function: the pairs won, and a part below 1/3 for how clearly. Two classes: the
/// margin for the second.
fn one_vs_rest(margins: &[f64], scores: &mut [f64]) {
    let k = scores.len();
    if let [first] = *margins {
        scores.copy_from_slice(&[0.0, -first]);
        return;
    }
    let mut clear = vec![0.0; k];
    let pairs = (0..k).flat_map(|i| (i + 1..k).map(move |j| (i, j)));
    for ((i, j), &margin) in pairs.zip(margins) {
        clear[i] += margin;
        clear[j] -= margin;
        scores[if margin >= 0.0 { i } else { j }] += 1.0;
    }
    scores.iter_mut().zip(clear).for_each(|(s, c)| *s += c / (3.0 * (c.abs() + 1.0)));
}

/// Buffers of one thread.
#[derive(Default)]
pub(crate) struct Scratch {
    values: Vec<f64>,
    margins: Vec<f64>,
    scores: Vec<f64>,
}

impl Scorer for FittedSvm {
    type Scratch = Scratch;

    fn features(&self) -> &Features {
        &self.features
    }

    fn classes(&self) -> Option<&Classes> {
        self.classes.as_ref()
    }

    fn chunk(&self) -> usize {
        256
    }

    fn answer(&self, rows: &[f64], n_rows: usize, scratch: &mut Scratch, out: &mut [f64]) {
        let (p, width) = (self.features.n_columns(), self.width());
        for i in 0..n_rows {
            let (row, out) = (&rows[i * p..(i + 1) * p], &mut out[i * width..(i + 1) * width]);
            let known = row.iter().all(|x| x.is_finite());
            if known {
                self.pairs(row, scratch);
            }
            let known = known && scratch.margins.iter().all(|m| !m.is_nan());
            match &self.classes {
                None => out[0] = if known { scratch.margins[0] } else { self.mean },
                Some(classes) if !known => out.copy_from_slice(&classes.shares),
                Some(classes) => self.probabilities(classes, scratch, out),
            }
        }
    }
}

impl Fitted for FittedSvm {
    fn output(&self, input: &Schema) -> Result<Schema> {
        scorer::output_of(self, input)
    }

    fn state(&self) -> State {
        let n: usize = self.counts.iter().sum();
        let saved = Saved {
            settings: self.settings.clone(),
            features: self.features.clone(),
            classes: self.classes.as_ref().map(Classes::words),
            counts: self.counts.clone(),
        };
        let slots = self.coefficients.len().checked_div(n).unwrap_or(0);
        let state = State::new(Svm::KIND, Svm::VERSION, saved)
            .tensor("vectors", vec![n, self.features.n_columns()], TensorData::F64(self.vectors.clone()))
            .tensor("coefficients", vec![slots, n], TensorData::F64(self.coefficients.clone()))
            .floats("intercepts", &self.intercepts)
            .floats("gamma", &[self.gamma]);
        let platt: Vec<f64> = self.platt.iter().flat_map(|p| [p.a, p.b]).collect();
        match &self.classes {
            None => state.floats("mean", &[self.mean]),
            Some(classes) if self.settings.probability == Calibration::Platt => {
                classes.save(state).floats("platt", &platt)
            }
            Some(classes) => classes.save(state),
        }
    }

    fn size(&self) -> u64 {
        let numbers = self.vectors.len() + self.coefficients.len() + self.intercepts.len() + 1;
        let answer = match &self.classes {
            None => 8,
            Some(classes) if self.settings.probability == Calibration::Platt => {
                classes.size() + 16 * self.platt.len() as u64
            }
            Some(classes) => classes.size(),
        };
        8 * numbers as u64 + answer
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        scorer::bind(self, input)
    }
}

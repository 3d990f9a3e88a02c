//! Outliers among whole rows: what the detectors share, such as stand-ins for missing numbers and the scale of each column.

use arrow_array::Float64Array;
use serde::{Deserialize, Serialize};
use tidemill_core::{Context, Result};
use tidemill_kernel::chi_squared;
use tidemill_kernel::reduce::in_chunks;
use tidemill_kernel::trees::IsolationForest;

use super::local_outlier_factor::LocalOutlierFactor;
use super::mahalanobis::Mahalanobis;
use super::one_class_svm::OneClassSvm;
use super::{Detect, Outliers};
use crate::mapping::Saved;
use crate::numbers::{median_of, quantile, summary, variance};

/// Rows that one thread scores at a time.
const ROWS: usize = 1024;

/// A detector, what makes a row ready for it, and the score beyond which a row is an outlier.
pub(super) struct WholeRows {
    /// By input: what stands in for a missing number, what is taken away, and by what it is then divided.
    ready: Vec<[f64; 3]>,
    limit: f64,
    detector: Detector,
}

enum Detector {
    Forest(IsolationForest),
    Factor(Box<LocalOutlierFactor>),
    Distance(Mahalanobis),
    Region(OneClassSvm),
}

/// What is saved beside the floats.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notes {
    detect: Detect,
    /// The rows of a tree, the neighbours of a row, or the support vectors; else 0.
    size: usize,
    /// The nodes of each tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trees: Vec<usize>,
}

impl WholeRows {
    /// From the columns of the training rows, and these as rows of numbers: what was learned, and which of them are outliers.
    pub(super) fn fit(
        step: &Outliers,
        columns: &[&Float64Array],
        x: Vec<f64>,
        context: &Context,
    ) -> Result<(Self, Vec<bool>)> {
        let (whole, scores) = WholeRows::scored(step, columns, x, context)?;
        let outliers = scores.iter().map(|score| *score > whole.limit).collect();
        Ok((whole, outliers))
    }

    /// The same, with the score of each training row; that of a row with an infinite number is infinite.
    pub(super) fn scored(
        step: &Outliers,
        columns: &[&Float64Array],
        mut x: Vec<f64>,
        context: &Context,
    ) -> Result<(Self, Vec<f64>)> {
        let p = columns.len();
        let scaled = step.detect != Detect::IsolationForest;
        let ready: Vec<[f64; 3]> = columns.iter().map(|values| readied(values, scaled)).collect();
        let infinite = make_ready(&mut x, &ready);
        context.check()?;
        let (detector, mut scores) = Detector::fit(step, x, p, context)?;
        context.check()?;
        let limit = match step.contamination {
            Some(share) => quantile(&mut scores.clone(), 1.0 - share),
            None => usual_limit(step, p),
        };
        put_infinite(&mut scores, &infinite);
        Ok((WholeRows { ready, limit, detector }, scores))
    }

    /// Which of some rows are outliers.
    pub(super) fn outliers(&self, rows: &[f64]) -> Vec<bool> {
        self.scores(rows).into_iter().map(|score| score > self.limit).collect()
    }

    /// The score of each of some later rows.
    pub(super) fn scores(&self, rows: &[f64]) -> Vec<f64> {
        let mut z = rows.to_vec();
        let infinite = make_ready(&mut z, &self.ready);
        let mut scores = vec![0.0; infinite.len()];
        self.detector.scores(&z, self.ready.len(), &mut scores);
        put_infinite(&mut scores, &infinite);
        scores
    }

    pub(super) fn save(&self) -> (Notes, Vec<f64>) {
        let (detect, size, trees, learned) = match &self.detector {
            Detector::Forest(forest) => {
                let (sample, trees) = forest.sizes();
                (Detect::IsolationForest, sample, trees, forest.floats())
            }
            Detector::Factor(factor) => (Detect::LocalOutlierFactor, factor.k(), Vec::new(), factor.floats()),
            Detector::Distance(distance) => (Detect::Mahalanobis, 0, Vec::new(), distance.floats()),
            Detector::Region(region) => (Detect::OneClassSvm, region.size(), Vec::new(), region.floats()),
        };
        let floats = self.ready.concat().into_iter().chain([self.limit]).chain(learned);
        (Notes { detect, size, trees }, floats.collect())
    }

    /// The inverse of [`WholeRows::save`], for `p` inputs.
    pub(super) fn load(notes: &Notes, saved: &Saved, p: usize) -> Result<Self, String> {
        let (ready, rest) =
            saved.floats.split_at_checked(3 * p).ok_or("a number for its columns is missing")?;
        let (limit, learned) = rest.split_first().ok_or("its limit is missing")?;
        let ready = ready.as_chunks::<3>().0.to_vec();
        if p == 0 || ready.iter().any(|[_, _, scale]| *scale == 0.0) {
            return Err("its columns have no scale".into());
        }
        let detector = match notes.detect {
            Detect::IsolationForest => {
                Detector::Forest(IsolationForest::load(notes.size, &notes.trees, learned, p)?)
            }
            Detect::LocalOutlierFactor => {
                Detector::Factor(Box::new(LocalOutlierFactor::load(notes.size, learned, p)?))
            }
            Detect::Mahalanobis => Detector::Distance(Mahalanobis::load(learned, p)?),
            Detect::OneClassSvm => Detector::Region(OneClassSvm::load(notes.size, learned, p)?),
            other => return Err(format!("{other:?} looks at one column at a time")),
        };
        Ok(WholeRows { ready, limit: *limit, detector })
    }
}

impl Detector {
    /// From complete training rows: what was learned, and the score of each of them.
    fn fit(step: &Outliers, x: Vec<f64>, p: usize, context: &Context) -> Result<(Self, Vec<f64>)> {
        let detector = match step.detect {
            Detect::LocalOutlierFactor => {
                let (factor, scores) = LocalOutlierFactor::fit(x, p, step.n_neighbors.unwrap_or(20));
                return Ok((Detector::Factor(Box::new(factor)), scores));
            }
            Detect::Mahalanobis => Detector::Distance(Mahalanobis::fit(&x, p)),
            Detect::OneClassSvm => {
                let nu = step.contamination.unwrap_or(0.05);
                Detector::Region(OneClassSvm::fit(&x, p, nu, context)?)
            }
            _ => {
                let seed = context.seed_for("isolation_forest");
                Detector::Forest(IsolationForest::fit(&x, p, step.n_trees.unwrap_or(100), seed))
            }
        };
        let parts = in_chunks(x.len() / p.max(1), ROWS, |rows| {
            let mut scores = vec![0.0; rows.len()];
            detector.scores(&x[rows.start * p..rows.end * p], p, &mut scores);
            scores
        });
        Ok((detector, parts.concat()))
    }

    fn scores(&self, z: &[f64], p: usize, out: &mut [f64]) {
        match self {
            Detector::Forest(forest) => forest.scores(z, p, out),
            Detector::Factor(factor) => factor.scores(z, out),
            Detector::Distance(distance) => distance.scores(z, out),
            Detector::Region(region) => region.scores(z, p, out),
        }
    }
}

fn usual_limit(step: &Outliers, p: usize) -> f64 {
    match step.detect {
        Detect::Mahalanobis => chi_squared::quantile(step.threshold.unwrap_or(0.999), p),
        Detect::LocalOutlierFactor => step.threshold.unwrap_or(1.5),
        Detect::OneClassSvm => step.threshold.unwrap_or(0.5),
        _ => step.threshold.unwrap_or(0.6),
    }
}

/// An infinite number makes a row an outlier, whatever the others say.
fn put_infinite(scores: &mut [f64], infinite: &[bool]) {
    scores
        .iter_mut()
        .zip(infinite)
        .filter(|(_, infinite)| **infinite)
        .for_each(|(score, _)| *score = f64::INFINITY);
}

/// What a column's numbers need: the median for missing ones and, where distances are measured, the mean and the deviation.
fn readied(values: &Float64Array, scaled: bool) -> [f64; 3] {
    let middle = median_of(values).unwrap_or(0.0);
    if !scaled {
        return [middle, 0.0, 1.0];
    }
    let found = summary(values);
    let deviation = variance(values, found.n, found.mean).sqrt();
    let sound = deviation > 0.0 && deviation.is_finite();
    [middle, found.mean, if sound { deviation } else { 1.0 }]
}

/// Makes rows complete and of one scale; says which hold an infinite number.
fn make_ready(x: &mut [f64], ready: &[[f64; 3]]) -> Vec<bool> {
    let one = |row: &mut [f64]| {
        let mut infinite = false;
        for (x, [middle, mean, deviation]) in row.iter_mut().zip(ready) {
            infinite |= x.is_infinite();
            let known = if x.is_finite() { *x } else { *middle };
            // Fourth powers of what lies so far out would overflow; it is an outlier all the same.
            *x = ((known - mean) / deviation).clamp(-1e60, 1e60);
        }
        infinite
    };
    x.chunks_exact_mut(ready.len().max(1)).map(one).collect()
}

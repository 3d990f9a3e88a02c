//! Calibration: of the rows that get a probability of 0.7, are 70% of the class?

use serde::{Deserialize, Serialize};

use super::{classes, pick, places, steps_of};
use crate::confusion::tally;
use crate::metrics::ranking::Steps;
use crate::sum::weight;
use crate::{Answers, ClassAnswers, Error, Result};

/// How probabilities are dealt into bins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bins {
    /// Equal widths from 0 to 1; a probability on an edge belongs below it.
    #[default]
    Uniform,
    /// As many rows (by weight) in each, ties together: fewer bins where probabilities repeat.
    Quantile,
}

/// The calibration curve (reliability diagram) of a class; bins without rows are left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// The class.
    pub class: String,
    /// The mean probability in each bin: rises.
    pub predicted: Vec<f64>,
    /// The share of each bin's rows that truly are of the class, from 0 to 1.
    pub observed: Vec<f64>,
    /// The lower end of the 95% interval of that share (Wilson 1927).
    pub low: Vec<f64>,
    /// Its upper end.
    pub high: Vec<f64>,
    /// The weight of each bin's rows.
    pub weight: Vec<f64>,
    /// The mean over rows of their bin's gap between `predicted` and `observed`, from 0 to 1 (Naeini et al. 2015).
    pub expected_error: f64,
    /// The greatest such gap of any bin.
    pub maximum_error: f64,
}

/// The calibration of each class that has rows, over `n_bins` bins (1 at least; 10 is usual).
///
/// Agrees with scikit-learn's `calibration_curve`; its quantile bins interpolate between rows, ours never do, so that
/// a row of weight 2 is the same row twice (equal where the bins share the rows evenly). Errors for numbers, and
/// for labels without probabilities.
///
/// ```
/// use tidemill_eval::{Answers, curves::{Bins, calibration}};
/// let answers = Answers::classes(vec![0, 0, 1, 1], vec![0, 0, 1, 1], ["no", "yes"])?
///     .with_probability(vec![0.75, 0.25, 0.75, 0.25, 0.25, 0.75, 0.25, 0.75])?;
/// let curve = &calibration(&answers, Bins::Uniform, 2)?[0];
/// assert_eq!((&curve.predicted[..], &curve.observed[..]), (&[0.25, 0.75][..], &[0.0, 1.0][..]));
/// assert_eq!((curve.expected_error, curve.maximum_error), (0.25, 0.25));
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn calibration(answers: &Answers<'_>, bins: Bins, n_bins: usize) -> Result<Vec<Calibration>> {
    let answers = classes(answers, "calibration")?;
    if answers.probability.is_none() {
        return Err(Error::NeedsProbability { metric: "calibration" });
    }
    let curve = |class: usize| {
        let bins = match bins {
            Bins::Uniform => uniform_of_class(answers, class, n_bins),
            Bins::Quantile => quantile(&steps_of(answers, class), n_bins),
        };
        let has_rows = bins.iter().any(|b| b.hits > 0.0);
        has_rows.then(|| of_bins(answers.names[class].to_string(), &bins))
    };
    Ok(places(answers).into_iter().filter_map(curve).collect())
}

/// The expected calibration error of one class; `NaN` without weight.
pub(crate) fn expected_error(answers: &ClassAnswers<'_>, class: usize, n_bins: usize) -> f64 {
    mean_gap(&uniform_of_class(answers, class, n_bins))
}

/// The expected calibration error of the probability of the class that is predicted (Guo et al. 2017).
pub(crate) fn top_label_error(answers: &ClassAnswers<'_>, n_bins: usize) -> f64 {
    let k = answers.names.len();
    let (truth, predicted, probability) = (&answers.truth, &answers.predicted, answers.probability());
    let score = |row: usize| probability.map_or(1.0, |p| p[row * k + predicted[row] as usize]);
    let right = |row: usize| truth[row] == predicted[row];
    mean_gap(&uniform(truth.len(), n_bins, score, right, answers.weights.as_deref()))
}

/// The rows of one bin.
#[derive(Clone, Copy, Default)]
struct Bin {
    weight: f64,
    /// The sum of weight times probability.
    predicted: f64,
    hits: f64,
}

impl Bin {
    fn gap(&self) -> f64 {
        (self.predicted - self.hits).abs()
    }
}

fn uniform_of_class(answers: &ClassAnswers<'_>, class: usize, n_bins: usize) -> Vec<Bin> {
    let k = answers.names.len();
    let probability = answers.probability().unwrap_or_default();
    let right = |row: usize| answers.truth[row] as usize == class;
    let n = probability.len() / k.max(1);
    uniform(n, n_bins, |row| probability[row * k + class], right, answers.weights.as_deref())
}

fn uniform(
    n: usize,
    n_bins: usize,
    score: impl Fn(usize) -> f64 + Sync,
    right: impl Fn(usize) -> bool + Sync,
    weights: Option<&[f64]>,
) -> Vec<Bin> {
    let n_bins = n_bins.max(1);
    // The edges as numpy's linspace rounds them.
    let step = 1.0 / n_bins as f64;
    let edges: Vec<f64> = (1..n_bins).map(|i| i as f64 * step).collect();
    let sums = tally(n, 3 * n_bins, |row, add| {
        let (p, w) = (score(row), weight(weights, row));
        let bin = 3 * edges.partition_point(|&edge| edge < p);
        add[bin] += w;
        add[bin + 1] += w * p;
        add[bin + 2] += if right(row) { w } else { 0.0 };
    });
    sums.chunks(3).map(|s| Bin { weight: s[0], predicted: s[1], hits: s[2] }).collect()
}

/// A bin ends with the first probability that brings the rows up to its share.
fn quantile(steps: &Steps, n_bins: usize) -> Vec<Bin> {
    let n_bins = n_bins.max(1);
    let total = steps.positive() + steps.negative();
    let mut bins = vec![Bin::default(); n_bins];
    let (mut at, mut below) = (0, 0.0);
    for i in (0..steps.len()).rev() {
        let before = |of: &[f64]| if i == 0 { 0.0 } else { of[i - 1] };
        let hits = steps.true_positive[i] - before(&steps.true_positive);
        let weight = hits + steps.false_positive[i] - before(&steps.false_positive);
        let bin = &mut bins[at];
        bin.weight += weight;
        bin.predicted += weight * steps.threshold[i];
        bin.hits += hits;
        below += weight;
        // Sums of weights may fall short of a share by their rounding.
        while at + 1 < n_bins && below >= total * (at + 1) as f64 / n_bins as f64 * (1.0 - 1e-12) {
            at += 1;
        }
    }
    bins
}

fn mean_gap(bins: &[Bin]) -> f64 {
    bins.iter().map(Bin::gap).sum::<f64>() / bins.iter().map(|b| b.weight).sum::<f64>()
}

fn of_bins(class: String, bins: &[Bin]) -> Calibration {
    let filled: Vec<usize> = (0..bins.len()).filter(|&b| bins[b].weight > 0.0).collect();
    let column = |of: fn(&Bin) -> f64| pick(&bins.iter().map(of).collect::<Vec<f64>>(), &filled);
    let interval = |&b: &usize| crate::compare::wilson_share(bins[b].hits / bins[b].weight, bins[b].weight);
    let (low, high) = filled.iter().map(interval).map(|[low, high]| (low, high)).unzip();
    Calibration {
        class,
        predicted: column(|b| b.predicted / b.weight),
        observed: column(|b| b.hits / b.weight),
        low,
        high,
        weight: column(|b| b.weight),
        expected_error: mean_gap(bins),
        maximum_error: filled.iter().map(|&b| bins[b].gap() / bins[b].weight).fold(0.0, f64::max),
    }
}

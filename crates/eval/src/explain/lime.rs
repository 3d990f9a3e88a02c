//! LIME for tables: a linear model of what a model does near one row.

use serde::Serialize;
use tidemill_core::Context;
use tidemill_kernel::Random;

use super::check_rows;
use super::lime_columns::LimeColumn;
use super::weighted_ridge::{WeightedRidge, weighted_ridge};
use crate::{Error, Result};

/// How LIME looks around a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LimeSettings {
    /// Rows that are made up for each run.
    pub n_samples: usize,
    /// Columns that the local model uses, those of the greatest effect; without it, all.
    pub n_features: Option<usize>,
    /// Whether a number counts by the quarter of the training rows that it lies in, or as it is.
    pub discretized: bool,
    /// How fast made-up rows count less with their distance; without it, `0.75 * sqrt(columns)`.
    pub kernel_width: Option<f64>,
    /// Runs with other made-up rows, which show how steady the coefficients are.
    pub n_repeats: usize,
}

impl Default for LimeSettings {
    fn default() -> Self {
        LimeSettings {
            n_samples: 5000,
            n_features: None,
            discretized: true,
            kernel_width: None,
            n_repeats: 3,
        }
    }
}

/// The local model of one output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LocalModel {
    /// By column: what the answer gains where the value is as the row's (in its quarter, of its category), or for a number as
    /// it is, per standard deviation. The mean over the runs; 0 for columns that were not used.
    pub coefficients: Vec<f64>,
    /// By column: the standard deviation of the coefficient over the runs; 0 for one run.
    pub spreads: Vec<f64>,
    /// The constant.
    pub intercept: f64,
    /// The weighted share of the variance of the model's answers that the local model explains, the least of all runs: how
    /// faithful it is.
    pub r2: f64,
    /// What the local model says of the row itself.
    pub local_answer: f64,
    /// What the model says of it.
    pub answer: f64,
}

/// LIME (Ribeiro, Singh, Guestrin 2016) for rows of numbers and categories, as the `lime` package's `LimeTabularExplainer`:
/// made-up rows are drawn from what the columns of the training rows look like, weighted by `sqrt(exp(-(d / width)^2))` of their
/// distance to the row, and a ridge regression (penalty 1) of the model's answers on them is the explanation. A missing value
/// counts as a value of its own; for a number as it is, as the mean.
pub struct Lime {
    columns: Vec<LimeColumn>,
    settings: LimeSettings,
}

impl Lime {
    /// Learns what the columns look like. `training` holds rows of as many numbers as `n_categories` has entries; those of
    /// categories (`Some(how many)`) are codes, `NaN` is missing. Errors when there are no rows or columns, and for settings
    /// that make no sense.
    pub fn new(training: &[f64], n_categories: &[Option<usize>], settings: LimeSettings) -> Result<Self> {
        let p = n_categories.len();
        if check_rows(training, p)? == 0 || p == 0 {
            return Err(Error::EmptyBackground);
        }
        if settings.n_samples < 2
            || settings.n_repeats == 0
            || settings.kernel_width.is_some_and(|w| w.is_nan() || w <= 0.0)
        {
            let what = "LIME needs at least 2 samples, 1 run and a kernel width above 0".into();
            return Err(Error::Explain { what, remedy: "change these settings".into() });
        }
        let column = |(j, &n): (usize, &Option<usize>)| {
            let values: Vec<f64> = training[j..].iter().step_by(p).copied().collect();
            LimeColumn::new(&values, n, settings.discretized)
        };
        Ok(Lime { columns: n_categories.iter().enumerate().map(column).collect(), settings })
    }

    /// Between which bounds (above the first, up to the second) a number counts as that of the row; `None` for categories,
    /// missing values and numbers as they are.
    pub fn stretch(&self, column: usize, x: f64) -> Option<(f64, f64)> {
        self.columns[column].stretch(x)
    }

    /// The local model of each output at `row`. `predict` gives `n_outputs` numbers per row of a matrix of rows as long as
    /// `row`. Errors when the lengths do not fit, when `predict` errors, and once cancelled.
    pub fn explain<E: From<Error>>(
        &self,
        row: &[f64],
        n_outputs: usize,
        context: &Context,
        predict: impl Fn(&[f64]) -> Result<Vec<f64>, E>,
    ) -> Result<Vec<LocalModel>, E> {
        let p = self.columns.len();
        if row.len() != p {
            return Err(Error::Lengths { what: "row to explain", found: row.len(), wanted: p }.into());
        }
        let mut runs: Vec<Vec<(WeightedRidge, f64)>> = Vec::with_capacity(self.settings.n_repeats);
        let own: Vec<f64> = self.columns.iter().zip(row).map(|(column, &x)| column.own(x)).collect();
        for repeat in 0..self.settings.n_repeats {
            context.check().map_err(Error::from)?;
            let mut random = Random::new(context.seed_for("lime"), repeat as u64);
            let (raw, design) = self.draw(row, &own, &mut random);
            let answers = predict(&raw)?;
            let wanted = self.settings.n_samples * n_outputs;
            if answers.len() != wanted {
                let found = answers.len();
                return Err(Error::Lengths { what: "answers of the model", found, wanted }.into());
            }
            let weights = self.weights(&design, &own);
            let fit = |output: usize| -> Result<(WeightedRidge, f64)> {
                let y: Vec<f64> = answers[output..].iter().step_by(n_outputs).copied().collect();
                Ok((self.fit(&design, &own, &y, &weights)?, y[0]))
            };
            runs.push((0..n_outputs).map(fit).collect::<Result<_>>()?);
        }
        Ok((0..n_outputs).map(|output| joined(&runs, output, &own)).collect())
    }

    /// The row itself, then made-up rows: as the model reads them and as the local model does.
    fn draw(&self, row: &[f64], own: &[f64], random: &mut Random) -> (Vec<f64>, Vec<f64>) {
        let n = self.settings.n_samples * row.len();
        let (mut raw, mut design) = (Vec::with_capacity(n), Vec::with_capacity(n));
        raw.extend(row);
        design.extend(own);
        for _ in 1..self.settings.n_samples {
            for (column, &x) in self.columns.iter().zip(row) {
                let (value, seen) = column.draw(x, random);
                raw.push(value);
                design.push(seen);
            }
        }
        (raw, design)
    }

    fn weights(&self, design: &[f64], own: &[f64]) -> Vec<f64> {
        let width = self.settings.kernel_width.unwrap_or(0.75 * (own.len() as f64).sqrt());
        let weight = |sample: &[f64]| {
            let square: f64 = sample.iter().zip(own).map(|(x, own)| (x - own) * (x - own)).sum();
            (-square / (width * width)).exp().sqrt()
        };
        design.chunks_exact(own.len()).map(weight).collect()
    }

    fn fit(&self, design: &[f64], own: &[f64], y: &[f64], weights: &[f64]) -> Result<WeightedRidge> {
        let p = own.len();
        let every: Vec<usize> = (0..p).collect();
        let used = match self.settings.n_features {
            Some(n) if n < p => {
                // The columns whose effect on the row is greatest (the package's `highest_weights`).
                let first = weighted_ridge(design, p, &every, y, weights, 0.01)?;
                let effect = |j: &usize| (first.coefficients[*j] * own[*j]).abs();
                let mut order = every;
                order.sort_by(|a, b| effect(b).total_cmp(&effect(a)));
                order.truncate(n);
                order.sort_unstable();
                order
            }
            _ => every,
        };
        weighted_ridge(design, p, &used, y, weights, 1.0)
    }
}

/// The runs of one output as one.
fn joined(runs: &[Vec<(WeightedRidge, f64)>], output: usize, own: &[f64]) -> LocalModel {
    let n = runs.len() as f64;
    let mean =
        |of: &dyn Fn(&WeightedRidge) -> f64| runs.iter().map(|run| of(&run[output].0)).sum::<f64>() / n;
    let coefficients: Vec<f64> = (0..own.len()).map(|j| mean(&|fit| fit.coefficients[j])).collect();
    let spread = |j: usize| {
        let off = runs.iter().map(|run| run[output].0.coefficients[j] - coefficients[j]);
        (off.map(|x| x * x).sum::<f64>() / (n - 1.0).max(1.0)).sqrt()
    };
    let spreads = (0..own.len()).map(spread).collect();
    let intercept = mean(&|fit| fit.intercept);
    let local_answer = intercept + coefficients.iter().zip(own).map(|(b, x)| b * x).sum::<f64>();
    let r2 = runs.iter().map(|run| run[output].0.r2).fold(f64::INFINITY, f64::min);
    let answer = runs.first().map_or(f64::NAN, |run| run[output].1);
    LocalModel { coefficients, spreads, intercept, r2, local_answer, answer }
}

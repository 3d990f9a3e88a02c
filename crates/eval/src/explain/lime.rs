//! LIME for tables: a linear model of what a model does near one row.

use rayon::prelude::*;
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

impl LimeSettings {
    /// Errors where they make no sense.
    pub(super) fn check(&self) -> Result<()> {
        let no_width = self.kernel_width.is_some_and(|width| width.is_nan() || width <= 0.0);
        if self.n_samples < 2 || self.n_repeats == 0 || no_width {
            let what = "LIME needs at least 2 samples, 1 run and a kernel width above 0".into();
            return Err(Error::Explain { what, remedy: "change these settings".into() });
        }
        Ok(())
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
        settings.check()?;
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

    /// The local model of each output at `row`: see [`Lime::explain_rows`].
    pub fn explain<E: From<Error> + Send>(
        &self,
        row: &[f64],
        n_outputs: usize,
        context: &Context,
        predict: impl Fn(&[f64]) -> Result<Vec<f64>, E>,
    ) -> Result<Vec<LocalModel>, E> {
        let p = self.columns.len();
        let one_row = |found: usize| Error::Lengths { what: "row to explain", found, wanted: p };
        if row.len() != p {
            return Err(one_row(row.len()).into());
        }
        let found = self.explain_rows(row, n_outputs, context, predict)?;
        found.into_iter().next().ok_or_else(|| one_row(0).into())
    }

    /// The local model of each output at each row, row after row. `predict` gives `n_outputs` numbers per row of a matrix.
    ///
    /// What is made up does not depend on the row that is explained, only how much it counts for it does: so made-up rows are drawn and
    /// answered once for all rows. A row has the same local model whichever rows are beside it.
    ///
    /// Errors when the lengths do not fit, when `predict` errors, and once cancelled.
    pub fn explain_rows<E: From<Error> + Send>(
        &self,
        rows: &[f64],
        n_outputs: usize,
        context: &Context,
        predict: impl Fn(&[f64]) -> Result<Vec<f64>, E>,
    ) -> Result<Vec<Vec<LocalModel>>, E> {
        let (p, k) = (self.columns.len(), n_outputs.max(1));
        check_rows(rows, p)?;
        let asked = |rows: &[f64]| {
            let answers = predict(rows)?;
            match (answers.len(), rows.len() / p * k) {
                (found, wanted) if found == wanted => Ok(answers),
                (found, wanted) => {
                    Err(E::from(Error::Lengths { what: "answers of the model", found, wanted }))
                }
            }
        };
        let of_rows = asked(rows)?;
        let rows = || rows.par_chunks_exact(p).zip(of_rows.par_chunks_exact(k));
        let mut runs: Vec<Vec<Vec<WeightedRidge>>> = Vec::with_capacity(self.settings.n_repeats);
        for repeat in 0..self.settings.n_repeats {
            context.check().map_err(Error::from)?;
            let (raw, marks) = self.draw(&mut Random::new(context.seed_for("lime"), repeat as u64));
            let answers = asked(&raw)?;
            let fits = rows().map(|(row, said)| {
                context.check().map_err(Error::from)?;
                self.fits(row, said, &marks, &answers)
            });
            runs.push(fits.collect::<Result<_>>()?);
        }
        let told = |(i, (row, said)): (usize, (&[f64], &[f64]))| {
            let own: Vec<f64> = self.columns.iter().zip(row).map(|(column, &x)| column.own(x)).collect();
            (0..k).map(|output| joined(&runs, (i, output), &own, said[output])).collect()
        };
        Ok(rows().enumerate().map(told).collect())
    }

    /// Made-up rows: as the model reads them, and the marks of their values. The row itself is one more.
    fn draw(&self, random: &mut Random) -> (Vec<f64>, Vec<f64>) {
        let n = (self.settings.n_samples - 1) * self.columns.len();
        let (mut raw, mut marks) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for _ in 1..self.settings.n_samples {
            for column in &self.columns {
                let (value, mark) = column.draw(random);
                raw.push(value);
                marks.push(mark);
            }
        }
        (raw, marks)
    }

    /// The local model of each output of one run: of the row, of which the model says `said`, and made-up rows with their `answers`.
    fn fits(&self, row: &[f64], said: &[f64], marks: &[f64], answers: &[f64]) -> Result<Vec<WeightedRidge>> {
        let k = said.len();
        let own: Vec<f64> = self.columns.iter().zip(row).map(|(column, &x)| column.own(x)).collect();
        let like: Vec<Option<f64>> = self.columns.iter().zip(row).map(|(c, &x)| c.mark(x)).collect();
        let mut design = Vec::with_capacity(own.len() + marks.len());
        design.extend(&own);
        for marks in marks.chunks_exact(own.len()) {
            let seen = marks.iter().zip(&like).map(|(mark, like)| match like {
                Some(like) => f64::from(u8::from(mark == like)),
                None => *mark,
            });
            design.extend(seen);
        }
        let weights = self.weights(&design, &own);
        let fit = |output: usize| {
            let y = answers[output..].iter().step_by(k).copied();
            let y: Vec<f64> = std::iter::once(said[output]).chain(y).collect();
            self.fit(&design, &own, &y, &weights)
        };
        (0..k).map(fit).collect()
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

/// The runs of one row and output as one; `said` is what the model says of the row.
pub(super) fn joined(
    runs: &[Vec<Vec<WeightedRidge>>],
    (row, output): (usize, usize),
    own: &[f64],
    said: f64,
) -> LocalModel {
    let n = runs.len() as f64;
    let fits = || runs.iter().map(|run| &run[row][output]);
    let mean = |of: &dyn Fn(&WeightedRidge) -> f64| fits().map(of).sum::<f64>() / n;
    let coefficients: Vec<f64> = (0..own.len()).map(|j| mean(&|fit| fit.coefficients[j])).collect();
    let spread = |j: usize| {
        let off = fits().map(|fit| fit.coefficients[j] - coefficients[j]);
        (off.map(|x| x * x).sum::<f64>() / (n - 1.0).max(1.0)).sqrt()
    };
    let spreads = (0..own.len()).map(spread).collect();
    let intercept = mean(&|fit| fit.intercept);
    let local_answer = intercept + coefficients.iter().zip(own).map(|(b, x)| b * x).sum::<f64>();
    let r2 = fits().map(|fit| fit.r2).fold(f64::INFINITY, f64::min);
    LocalModel { coefficients, spreads, intercept, r2, local_answer, answer: said }
}

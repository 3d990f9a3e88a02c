//! Standard errors of the coefficients of linear models: the Fisher information of rows at the fitted coefficients.

use std::sync::Arc;

use tidemill_core::{Batch, Error, Fitted, Response, Result, Role};
use tidemill_eval::explain::CoefficientCovariance;
use tidemill_kernel::Design;
use tidemill_kernel::vector::{exp, sigmoid};
use tidemill_learn::linear::Predictor;

use super::coefficients::{Caution, Link, setting};
use crate::builtin;

/// Probabilities that vary less than this, on average, are those of classes that can be told apart all but perfectly.
const SEPARABLE: f64 = 0.005;
/// Counts that vary more than this many times as much as Poisson's are warned of.
const OVERDISPERSED: f64 = 1.5;

/// How answers scatter around what a linear function says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Family {
    /// Evenly, around the function itself (least squares).
    Normal,
    /// Around `e` to its power, with the variance of a Tweedie distribution: the mean to this power.
    Power(f64),
    /// As classes.
    Classes,
    /// Nothing is known.
    Unknown,
}

/// What a fitted learner tells of itself.
pub(super) struct Told {
    pub(super) kind: String,
    pub(super) family: Family,
    pub(super) link: Link,
    pub(super) cautions: Vec<Caution>,
    n_functions: usize,
}

/// Standard errors of combinations of coefficients.
pub(super) struct Errors {
    covariance: CoefficientCovariance,
    dispersion: f64,
    pub(super) spread: Option<f64>,
    pub(super) degrees: Option<f64>,
}

impl Errors {
    pub(super) fn of(&self, combination: &[(usize, f64)]) -> Option<f64> {
        let error = self.covariance.error_of(combination)? * self.dispersion.sqrt();
        Some(error).filter(|error| error.is_finite())
    }
}

impl Told {
    pub(super) fn of(step: &Arc<dyn Fitted>) -> Self {
        let n_functions = step.as_linear().map_or(0, |linear| linear.intercepts().len());
        let state = step.state();
        let number = |key: &str| setting(&state.params, key).as_f64();
        let of_classes = state.params.get("classes").is_some_and(|classes| !classes.is_null());
        let (family, link) = match builtin::entry(&state.kind).and_then(|entry| entry.response) {
            Some(Response::Normal) => (Family::Normal, Link::Identity),
            Some(Response::Poisson) => (Family::Power(1.0), Link::Log),
            Some(Response::Gamma) => (Family::Power(2.0), Link::Log),
            Some(Response::Tweedie) => (number("power").map_or(Family::Unknown, Family::Power), Link::Log),
            Some(Response::Classes) => (Family::Classes, Link::Logit),
            None if of_classes => (Family::Unknown, Link::Score),
            None => (Family::Unknown, Link::Identity),
        };
        let penalised = match family {
            Family::Classes => setting(&state.params, "penalty") != "none",
            Family::Unknown => false,
            _ => number("alpha").is_some_and(|alpha| alpha > 0.0),
        };
        let weighted = setting(&state.params, "class_weight").as_str().is_some_and(|word| word != "none");
        let cautions = [
            (penalised, Caution::Penalised),
            (weighted, Caution::ClassWeights),
            (family == Family::Unknown, Caution::NoFormula),
        ];
        let cautions = cautions.into_iter().filter(|(holds, _)| *holds).map(|(_, caution)| caution);
        Told { kind: state.kind, family, link, cautions: cautions.collect(), n_functions }
    }

    /// Whether the functions of all classes but the first are seen against that of the first: moving all of them alike changes
    /// no probability.
    pub(super) fn compared(&self) -> bool {
        self.family == Family::Classes && self.n_functions > 1
    }

    /// From a centred design of these rows; `None` where they are too few. What is found is added to the cautions.
    pub(super) fn errors(
        &self,
        design: &Design,
        rows: &Batch,
        predictor: &Predictor,
        cautions: &mut Vec<Caution>,
    ) -> Result<Option<Errors>> {
        let weights = weights(rows)?;
        let scores = scores(rows, predictor)?;
        if self.family == Family::Classes {
            let k = self.n_functions;
            let chances: Vec<f64> = match k {
                1 => scores.iter().map(|score| sigmoid(*score)).collect(),
                k => scores.chunks_exact(k).flat_map(softmax).collect(),
            };
            let vary = chances.iter().map(|chance| chance * (1.0 - chance)).sum::<f64>();
            if vary < SEPARABLE * chances.len() as f64 {
                cautions.push(Caution::Separable);
            }
            let covariance = match k {
                1 => of_two(design, &chances, &weights)?,
                k => of_many(design, &chances, &weights, k)?,
            };
            return Ok(Some(Errors { covariance, dispersion: 1.0, spread: None, degrees: None }));
        }
        let means: Vec<f64> = match self.family {
            Family::Power(_) => scores.iter().map(|score| exp(*score)).collect(),
            _ => scores,
        };
        let power = if let Family::Power(power) = self.family { power } else { 0.0 };
        // With a logarithmic link a row tells the mean to this power of the score; with none, as much as any other.
        let tells = |mean: f64| if let Family::Power(p) = self.family { mean.powf(2.0 - p) } else { 1.0 };
        let told: Vec<f64> = weights.iter().zip(&means).map(|(w, mean)| w * tells(*mean)).collect();
        let p = design.n_columns() + 1;
        let covariance = CoefficientCovariance::of_information(&design.gram_with_constant(&told), p)?;
        let degrees = rows.n_rows() as f64 - covariance.rank() as f64;
        if degrees <= 0.0 {
            cautions.push(Caution::TooFewRows);
            return Ok(None);
        }
        let at = rows.schema().role(Role::Target).ok_or_else(|| Error::internal("the target is gone"))?;
        let target = rows.numbers(at)?.values();
        // Pearson's chi-square per degree of freedom; of least squares the residual variance.
        let off = target.iter().zip(&means).zip(&weights);
        let chi: f64 = off.map(|((y, mean), w)| w * (y - mean) * (y - mean) / mean.powf(power)).sum();
        let scatter = chi / degrees;
        if self.family == Family::Power(1.0) {
            if scatter > OVERDISPERSED {
                cautions.push(Caution::Overdispersed(scatter));
            }
            return Ok(Some(Errors { covariance, dispersion: 1.0, spread: None, degrees: None }));
        }
        let degrees = (self.family == Family::Normal).then_some(degrees);
        Ok(Some(Errors { covariance, dispersion: scatter, spread: Some(scatter.sqrt()), degrees }))
    }
}

/// The weight of each row, 1 on average.
fn weights(rows: &Batch) -> Result<Vec<f64>> {
    let weights = rows.weights()?.unwrap_or_else(|| vec![1.0; rows.n_rows()]);
    let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
    Ok(weights.into_iter().map(|w| w / mean).collect())
}

/// The linear functions of each row, row after row.
fn scores(rows: &Batch, predictor: &Predictor) -> Result<Vec<f64>> {
    let (parts, n_columns) = (predictor.parts(rows)?, predictor.features().0.len());
    let intercepts = predictor.intercepts();
    if n_columns == 0 {
        return Ok((0..rows.n_rows()).flat_map(|_| intercepts.iter().copied()).collect());
    }
    let starts = intercepts.iter().cycle();
    Ok(parts.chunks_exact(n_columns).zip(starts).map(|(parts, b)| b + parts.iter().sum::<f64>()).collect())
}

/// Of two classes.
fn of_two(design: &Design, chances: &[f64], weights: &[f64]) -> Result<CoefficientCovariance> {
    let told: Vec<f64> = chances.iter().zip(weights).map(|(p, w)| w * p * (1.0 - p)).collect();
    Ok(CoefficientCovariance::of_information(&design.gram_with_constant(&told), design.n_columns() + 1)?)
}

/// Of `k` classes, the first of which the others are compared with.
fn of_many(design: &Design, chances: &[f64], weights: &[f64], k: usize) -> Result<CoefficientCovariance> {
    let (p, n) = (design.n_columns() + 1, (k - 1) * (design.n_columns() + 1));
    let mut information = vec![0.0; n * n];
    for a in 1..k {
        for b in 1..=a {
            let told = chances.chunks_exact(k).zip(weights).map(|(chance, w)| {
                let same = if a == b { chance[a] } else { 0.0 };
                w * (same - chance[a] * chance[b])
            });
            let block = design.gram_with_constant(&told.collect::<Vec<_>>());
            for (i, row) in block.chunks_exact(p).enumerate() {
                for (j, x) in row.iter().enumerate() {
                    information[((a - 1) * p + i) * n + (b - 1) * p + j] = *x;
                    information[((b - 1) * p + j) * n + (a - 1) * p + i] = *x;
                }
            }
        }
    }
    Ok(CoefficientCovariance::of_information(&information, n)?)
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let parts: Vec<f64> = scores.iter().map(|score| exp(score - most)).collect();
    let total: f64 = parts.iter().sum();
    parts.into_iter().map(|part| part / total).collect()
}

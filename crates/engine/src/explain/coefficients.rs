//! The coefficients of a linear model on the user's own scale, with standard errors from rows whose answer is known.

use std::any::Any;
use std::sync::Arc;

use arrow_array::Array;
use serde::Serialize;
use serde_json::Value;
use tidemill_core::{Batch, Context, Error, Fitted, Result, Role, Source};
use tidemill_eval::compare::student_t_quantile;
use tidemill_kernel::{Design, normal};
use tidemill_learn::linear::{FittedLinear, FittedLogistic, FittedSgd, Predictor};
use tidemill_learn::svm::FittedLinearSvm;

use super::coefficient_errors::{Family, Told};
use super::coefficient_units::{Unit, units};
use super::{links, read};
use crate::error::EngineError;
use crate::model::{Model, Opened};

/// More coefficients than this have no standard errors: their information would take long to invert.
const MOST: usize = 800;
/// How sure the intervals are.
const CONFIDENCE: f64 = 0.95;

/// The coefficients of a linear model.
#[derive(Clone, Debug, Serialize)]
pub struct Coefficients {
    /// The target.
    pub target: String,
    /// `coefficients`.
    pub method: &'static str,
    /// The kind of learner.
    pub learner: String,
    /// How the linear function becomes an answer.
    pub link: Link,
    /// How many rows the standard errors come from.
    pub n_rows: usize,
    /// What each linear function is about: a class, or the target itself.
    pub outputs: Vec<String>,
    /// Of more than two classes, the one that the others are compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_with: Option<String>,
    /// The residual standard deviation of a straight line; of other regressions the root of the dispersion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<f64>,
    /// Of a straight line, the degrees of freedom of `t`; otherwise the statistic is `z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degrees: Option<f64>,
    /// What must be known before they are believed.
    pub cautions: Vec<Caution>,
    /// Output after output, coefficient after coefficient, the constant last.
    pub lines: Vec<Coefficient>,
}

impl Coefficients {
    /// The name of a coefficient in units of its standard error: `t` of a straight line, else `z`.
    pub fn statistic(&self) -> &'static str {
        if self.degrees.is_some() { "t" } else { "z" }
    }
}

/// How a linear function becomes an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// It is the answer.
    Identity,
    /// The answer is `e` to its power.
    Log,
    /// It is the logarithm of the odds.
    Logit,
    /// The greatest score wins.
    Score,
}

/// What must be known before standard errors are believed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Caution {
    /// A penalty holds the coefficients back: they and their errors are too small.
    Penalised,
    /// Rare classes counted more in training than here.
    ClassWeights,
    /// The learner has no formula for standard errors.
    NoFormula,
    /// There are too many coefficients.
    TooMany,
    /// Fewer rows than coefficients.
    TooFewRows,
    /// The classes can be told apart all but perfectly: the likelihood has no greatest point, and its curvature says nothing.
    Separable,
    /// The variance of the counts is this many times that of a Poisson distribution, so the standard errors are too small.
    Overdispersed(f64),
}

/// One coefficient.
#[derive(Clone, Debug, Serialize)]
pub struct Coefficient {
    /// The place of its linear function among the outputs.
    pub output: usize,
    /// The user's column; `None` for the constant.
    pub column: Option<String>,
    /// What of it: a category, a part of a date.
    pub part: Option<String>,
    /// Of a category, the one that it is compared with.
    pub against: Option<String>,
    /// Whether it is per unit of the user's own numbers; else per unit of the prepared ones.
    pub own_units: bool,
    /// The coefficient.
    pub value: f64,
    /// Its standard error; `None` where the rows cannot tell it from others, or there is no formula.
    pub error: Option<f64>,
    /// The coefficient in units of its standard error.
    pub statistic: Option<f64>,
    /// Where the true one lies in 95 of 100 such tables.
    pub interval: Option<[f64; 2]>,
}

/// The coefficients of a linear model, their standard errors from the information of these rows at the fitted coefficients.
///
/// # Errors
/// A model that does not answer by a linear function alone; rows without the target.
pub fn coefficients(opened: &Opened, source: &dyn Source, context: &Context) -> Result<Coefficients> {
    let model = &opened.model;
    match linear_step(model) {
        Some(at) => of_rows(model, at, read(model, source)?, context),
        None => Err(EngineError::usage(
            "this model does not answer by a linear function alone: it has no coefficients",
            "leave --method out; only linear models (ridge, logistic, poisson…) have a table of coefficients",
        )
        .into()),
    }
}

/// The place among the links of a model of the one that answers by a linear function alone, and that function.
pub(super) fn linear_step(model: &Model) -> Option<(usize, &Predictor)> {
    links(model).iter().enumerate().find_map(|(at, step)| Some((at, predictor(step)?)))
}

/// As [`coefficients`], from rows that the first link has read.
pub(super) fn of_rows(
    model: &Model,
    (at, predictor): (usize, &Predictor),
    typed: Batch,
    context: &Context,
) -> Result<Coefficients> {
    let steps = links(model);
    let plan = model.intake()?.plan();
    let target = plan.target().map(|column| column.name.clone()).unwrap_or_default();
    let rows = with_target(typed, &target)?;
    let stages = stages(&steps[..at], rows)?;
    let rows = stages.last().ok_or_else(|| Error::internal("there are no rows"))?;
    context.check()?;
    let told = Told::of(&steps[at]);
    let units = units(predictor.features(), &stages)?;
    let k = predictor.intercepts().len();
    let mut cautions = told.cautions.clone();
    if told.family != Family::Unknown && units.len() * k > MOST {
        cautions.push(Caution::TooMany);
    }
    let mut design = Design::of(rows, predictor.features())?;
    let means = design.centre(None).means;
    let errors = match told.family != Family::Unknown && !cautions.contains(&Caution::TooMany) {
        true => told.errors(&design, rows, predictor, &mut cautions)?,
        false => None,
    };
    let names = outputs(&steps[at], plan.classes.as_slice(), &target, k);
    let (outputs, compared_with) = match (told.compared(), names.split_first()) {
        (true, Some((first, others))) => (others.to_vec(), Some(first.clone())),
        _ => (names, None),
    };
    let spread = errors.as_ref().and_then(|errors| errors.spread);
    let degrees = errors.as_ref().and_then(|errors| errors.degrees);
    let limit = match degrees {
        Some(degrees) => student_t_quantile(0.5 + 0.5 * CONFIDENCE, degrees),
        None => normal::quantile(0.5 + 0.5 * CONFIDENCE),
    };
    let lines = combinations(&units, &means, outputs.len())
        .into_iter()
        .map(|(mut line, combination)| {
            line.value = value(&combination, &means, predictor, compared_with.is_some());
            line.error = errors.as_ref().and_then(|errors| errors.of(&combination.0));
            line.statistic = line.error.map(|error| line.value / error).filter(|z| z.is_finite());
            line.interval = line.error.map(|e| [line.value - limit * e, line.value + limit * e]);
            line
        })
        .collect();
    Ok(Coefficients {
        target,
        method: "coefficients",
        learner: told.kind.clone(),
        link: told.link,
        n_rows: rows.n_rows(),
        outputs,
        compared_with,
        spread,
        degrees,
        cautions,
        lines,
    })
}

/// What is multiplied by which parameter of the centred problem, output after output: its coefficients, then its constant.
struct Combination(Vec<(usize, f64)>);

/// A line without numbers for each coefficient, and what it is made of.
fn combinations(units: &[Unit], means: &[f64], n_outputs: usize) -> Vec<(Coefficient, Combination)> {
    let p = units.len();
    let mut lines = Vec::with_capacity(n_outputs * (p + 1));
    for output in 0..n_outputs {
        let at = |j: usize| output * (p + 1) + j;
        let empty = Coefficient {
            output,
            column: None,
            part: None,
            against: None,
            own_units: true,
            value: 0.0,
            error: None,
            statistic: None,
            interval: None,
        };
        for (j, unit) in units.iter().enumerate().filter(|(j, unit)| unit.against != Some(*j)) {
            let mut terms = vec![(at(j), unit.scale)];
            terms.extend(unit.against.map(|other| (at(other), -1.0)));
            let line = Coefficient {
                column: Some(unit.column.clone()),
                part: unit.part.clone(),
                against: unit.against.and_then(|other| units[other].part.clone()),
                own_units: unit.own,
                ..empty.clone()
            };
            lines.push((line, Combination(terms)));
        }
        let constant = units.iter().zip(means).enumerate().map(|(j, (unit, mean))| {
            let usual = if unit.against == Some(j) { 1.0 } else { 0.0 };
            (at(j), unit.offset + usual - mean)
        });
        lines.push((empty, Combination(constant.chain([(at(p), 1.0)]).collect())));
    }
    lines
}

/// What a combination of the fitted coefficients comes to; of classes, less what it is for the first.
fn value(combination: &Combination, means: &[f64], predictor: &Predictor, compared: bool) -> f64 {
    let (p, weights) = (means.len(), predictor.weights());
    let of = |output: usize, j: usize| {
        let own = &weights[output * p..(output + 1) * p];
        match j == p {
            true => {
                predictor.intercepts()[output] + own.iter().zip(means).map(|(w, mean)| w * mean).sum::<f64>()
            }
            false => own[j],
        }
    };
    let fitted = |at: usize| {
        let (output, j) = (at / (p + 1), at % (p + 1));
        if compared { of(output + 1, j) - of(0, j) } else { of(output, j) }
    };
    combination.0.iter().map(|(at, factor)| factor * fitted(*at)).sum()
}

/// The linear functions of a step that answers by them alone.
pub(super) fn predictor(step: &Arc<dyn Fitted>) -> Option<&Predictor> {
    let any: &dyn Any = &**step;
    any.downcast_ref::<FittedLinear>()
        .map(FittedLinear::predictor)
        .or_else(|| any.downcast_ref::<FittedLogistic>().map(FittedLogistic::predictor))
        .or_else(|| any.downcast_ref::<FittedSgd>().map(FittedSgd::predictor))
        .or_else(|| any.downcast_ref::<FittedLinearSvm>().map(FittedLinearSvm::predictor))
}

/// What each linear function is about.
fn outputs(step: &Arc<dyn Fitted>, classes: &[String], target: &str, k: usize) -> Vec<String> {
    let any: &dyn Any = &**step;
    let names: Vec<String> = match any.downcast_ref::<FittedLogistic>() {
        Some(fitted) => {
            fitted.present().iter().map(|&code| fitted.classes().name(code).to_string()).collect()
        }
        None => classes.to_vec(),
    };
    match (k, names.as_slice()) {
        (1, [_, second]) => vec![second.clone()],
        (1, _) => vec![target.into()],
        _ => (0..k).map(|at| names.get(at).cloned().unwrap_or_default()).collect(),
    }
}

/// The rows whose target is known.
fn with_target(rows: Batch, target: &str) -> Result<Batch> {
    let Some(at) = rows.schema().role(Role::Target) else {
        return Err(Error::missing_column(
            target,
            "the data that standard errors come from (it is the target)",
            rows.schema().columns().iter().map(|column| column.name.as_str()),
        ));
    };
    let column = rows.column(at);
    if column.null_count() == 0 {
        return Ok(rows);
    }
    let known: Vec<u32> = (0..rows.n_rows() as u32).filter(|&i| column.is_valid(i as usize)).collect();
    if known.is_empty() {
        return Err(Error::data(
            format!("no row has a known '{target}'"),
            "give the rows that the model was trained on",
        ));
    }
    rows.take(&known)
}

/// The rows as read and after each step.
fn stages(steps: &[Arc<dyn Fitted>], rows: Batch) -> Result<Vec<Batch>> {
    let mut stages = vec![rows];
    for step in steps {
        if let Some(last) = stages.last() {
            let next = step.clone().bind(last.schema())?.apply(last)?;
            stages.push(next);
        }
    }
    Ok(stages)
}

/// One of a learner's settings, from the parameters of its state.
pub(super) fn setting<'a>(settings: &'a Value, key: &str) -> &'a Value {
    settings.get("settings").and_then(|settings| settings.get(key)).unwrap_or(&Value::Null)
}

//! A fitted linear regression, whichever objective found it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{Batch, Builtin, Fitted, Linear, Result, Row, Run, Schema, State, Training};
use tidemill_core::{Context, Role};
use tidemill_kernel::descent::Outcome;
use tidemill_kernel::least_squares::{Centred, Solution};
use tidemill_kernel::vector::{dot, exp};
use tidemill_kernel::{Design, Features};

use super::{Coefficient, Predictor};
use crate::{LearnError, rows, start};
use tidemill_kernel::answer::{Answer, output};

/// A linear function of the features, or `e` to its power ([`super::Poisson`], [`super::Gamma`], [`super::Tweedie`]):
/// what every linear regression here learns.
///
/// A row with a missing or `NaN` feature gets the prediction `NaN`; an infinite one follows the arithmetic.
#[derive(Clone, Debug)]
pub struct FittedLinear {
    kind: &'static str,
    settings: Value,
    link: Link,
    /// Whether it adds to what the column in the role of the start says.
    started: bool,
    predictor: Predictor,
}

/// How a linear function becomes a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// As it is.
    Identity,
    /// `e` to its power.
    Exp,
}

impl Link {
    fn answer(self, score: f64) -> f64 {
        match self {
            Link::Identity => score,
            Link::Exp if score > 709.0 => f64::INFINITY,
            Link::Exp => exp(score),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<S> {
    settings: S,
    features: Features,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    started: bool,
}

impl FittedLinear {
    /// What `learner` found.
    pub(crate) fn new<T: Builtin>(learner: &T, features: Features, solution: Solution) -> Self {
        Self::linked(learner, features, solution, Link::Identity)
    }

    /// The same, for a link.
    pub(crate) fn linked<T: Builtin>(
        learner: &T,
        features: Features,
        solution: Solution,
        link: Link,
    ) -> Self {
        let predictor = Predictor::new(features, solution.coefficients, vec![solution.intercept]);
        let settings = learner.params();
        FittedLinear { kind: T::KIND, settings, link, started: false, predictor }
    }

    /// The same on top of what an earlier model says.
    pub(crate) fn started(self, started: bool) -> Self {
        FittedLinear { started, ..self }
    }

    pub(crate) fn load<T: Builtin>(state: &State) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(Self::load_as::<T>(state)?))
    }

    pub(crate) fn load_linked<T: Builtin>(state: &State, link: Link) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(FittedLinear { link, ..Self::load_as::<T>(state)? }))
    }

    pub(crate) fn load_as<T: Builtin>(state: &State) -> Result<Self> {
        let saved: Saved<T> = state.params()?;
        let predictor = Predictor::load(state, saved.features, 1)?;
        Ok(FittedLinear {
            kind: T::KIND,
            started: saved.started,
            settings: saved.settings.params(),
            link: Link::Identity,
            predictor,
        })
    }

    /// The coefficients by feature.
    pub fn coefficients(&self) -> Vec<Coefficient> {
        self.predictor.coefficients()
    }

    /// The linear function where every feature is zero.
    pub fn intercept(&self) -> f64 {
        self.predictor.intercepts()[0]
    }

    /// The linear function itself.
    pub fn predictor(&self) -> &Predictor {
        &self.predictor
    }
}

impl Fitted for FittedLinear {
    fn as_linear(&self) -> Option<&dyn Linear> {
        // What an earlier model says is no part of it.
        if self.started { None } else { Some(self.predictor()) }
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        output(input, None)
    }

    fn state(&self) -> State {
        let (settings, features) = (&self.settings, self.predictor.features().clone());
        // Version 2 adds to an earlier model.
        let version = 1 + u32::from(self.started);
        self.predictor.save(State::new(
            self.kind,
            version,
            Saved { settings, features, started: self.started },
        ))
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        Ok(Box::new(BoundLinear {
            predictor: self.predictor.bind(input)?,
            answer: Answer::bind(input, None)?,
            start: if self.started { Some(start::place(input)?) } else { None },
            link: self.link,
        }))
    }
}

struct BoundLinear {
    predictor: super::predictor::BoundPredictor,
    answer: Answer,
    start: Option<usize>,
    link: Link,
}

impl Run for BoundLinear {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let link = self.link;
        let mut numbers = self.predictor.answers(batch, |mut scores, _| {
            scores.iter_mut().for_each(|score| *score = link.answer(*score));
            scores
        })?;
        if let (Some(_), Some((said, 1))) = (self.start, start::said(batch)?) {
            numbers.iter_mut().zip(said).for_each(|(number, start)| *number += start);
        }
        self.answer.numbers(batch, numbers)
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let mut score = [0.0];
        self.predictor.row(row, &mut score)?;
        let start = match self.start {
            Some(at) => start::of_row(row, at)?.first().copied().unwrap_or(f64::NAN),
            None => 0.0,
        };
        self.answer.number(row, self.link.answer(score[0]) + start);
        Ok(())
    }
}

/// The training rows of a regression, centred and weighted.
pub(crate) fn regression(training: Training<'_>, context: &Context) -> Result<(Features, Centred)> {
    let found = regression_from(false, training, context)?;
    Ok((found.features, found.problem))
}

/// The training rows of a regression.
pub(crate) struct Regression {
    pub(crate) features: Features,
    /// Centred and weighted.
    pub(crate) problem: Centred,
    /// Whether the target is what an earlier model leaves over.
    pub(crate) started: bool,
}

/// As [`regression`]; with `start` of what an earlier model leaves over, where there is one.
pub(crate) fn regression_from(start: bool, training: Training<'_>, context: &Context) -> Result<Regression> {
    let batch = rows::collect(training, context)?;
    let mut target = rows::numbers(&batch)?;
    let earlier = if start { start::said(&batch)? } else { None };
    if start && earlier.is_none() {
        context.warn("no_start", "there is no earlier model to start from: ridge begins with nothing");
    }
    if let Some((said, _)) = earlier {
        target.iter_mut().zip(said).for_each(|(y, said)| *y -= said);
    }
    let started = earlier.is_some();
    let features = Features::with_sparse(batch.schema())?;
    let weights = rows::weights(&batch)?;
    let design = Design::of(&batch, &features)?;
    context.check()?;
    let problem = Centred::new(design, target, weights);
    check_sizes(&problem.squared_norms, &features)?;
    check_target(&problem.target, &batch)?;
    Ok(Regression { features, problem, started })
}

/// Which targets there may be, and in words which.
pub(crate) type Domain = (fn(f64) -> bool, &'static str);

/// The training rows of a regression whose target is taken as it is: columns centred, weights that sum to 1.
pub(crate) struct Rows {
    pub(crate) features: Features,
    pub(crate) design: Design,
    pub(crate) target: Vec<f64>,
    pub(crate) weights: Vec<f64>,
    /// The sum of the weights as they were.
    pub(crate) total: f64,
    means: Vec<f64>,
}

impl Rows {
    /// Refuses targets outside the `domain`.
    pub(crate) fn of(training: Training<'_>, domain: Option<Domain>, context: &Context) -> Result<Rows> {
        let batch = rows::collect(training, context)?;
        let target = rows::numbers(&batch)?;
        if let Some((allowed, wanted)) = domain
            && let Some(row) = target.iter().position(|&y| !allowed(y))
        {
            let at = batch.schema().role(Role::Target).unwrap_or_default();
            let column = batch.schema().columns()[at].name.clone();
            return Err(LearnError::TargetOutside { column, row, value: target[row], wanted }.into());
        }
        let features = Features::with_sparse(batch.schema())?;
        let mut weights = rows::weights(&batch)?.unwrap_or_else(|| vec![1.0; target.len()]);
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
        let mut design = Design::of(&batch, &features)?;
        context.check()?;
        let moments = design.centre(Some(&weights));
        check_sizes(&moments.squares, &features)?;
        check_target(&target, &batch)?;
        Ok(Rows { features, design, target, weights, total, means: moments.means })
    }

    /// The weighted mean of the target.
    pub(crate) fn mean(&self) -> f64 {
        let shift = self.target.first().copied().unwrap_or(0.0);
        shift + self.target.iter().zip(&self.weights).map(|(y, w)| w * (y - shift)).sum::<f64>()
    }

    /// The weighted root mean square of the differences to the mean.
    pub(crate) fn spread(&self) -> f64 {
        let mean = self.mean();
        let squares = self.target.iter().zip(&self.weights).map(|(y, w)| w * (y - mean) * (y - mean));
        squares.sum::<f64>().sqrt()
    }

    /// The solution of the problem as it was given, from coefficients and intercept of the centred one. Errors when
    /// the numbers were too large for it.
    pub(crate) fn solution(&self, mut x: Vec<f64>) -> Result<Solution> {
        if x.iter().any(|x| !x.is_finite()) {
            let names: Vec<String> = self.features.0.iter().map(|f| format!("'{}'", f.name)).collect();
            return Err(LearnError::TooLarge { columns: names.join(", ") }.into());
        }
        let intercept = x.pop().unwrap_or_default() - dot(&self.means, &x);
        Ok(Solution { coefficients: x, intercept })
    }
}

/// Says that a solver stopped short, and what to do.
pub(crate) fn warn_unless_converged(kind: &str, outcome: Outcome, advice: &str, context: &Context) {
    if !outcome.converged {
        let Outcome { iterations, gap, .. } = outcome;
        context.warn(
            "not_converged",
            format!("{kind} stopped after {iterations} steps with {gap:.2e} to go; {advice}"),
        );
    }
}

fn check_target(target: &[f64], batch: &Batch) -> Result<()> {
    if target.iter().map(|y| y * y).sum::<f64>().is_finite() {
        return Ok(());
    }
    let name = batch.schema().role(Role::Target).map(|at| &batch.schema().columns()[at].name);
    Err(LearnError::TooLarge { columns: format!("'{}'", name.map_or("target", |name| name)) }.into())
}

/// Errors when the squares of a column overflow.
pub(crate) fn check_sizes(squared_norms: &[f64], features: &Features) -> Result<()> {
    let mut large: Vec<String> = Vec::new();
    for ((column, _), _) in
        features.names().zip(squared_norms).filter(|(_, norm)| norm.is_nan() || **norm >= 1e300)
    {
        let name = format!("'{column}'");
        if !large.contains(&name) {
            large.push(name);
        }
    }
    if large.is_empty() { Ok(()) } else { Err(LearnError::TooLarge { columns: large.join(", ") }.into()) }
}

//! A fitted linear regression, whichever objective found it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{Batch, Builtin, Fitted, Result, Row, Run, Schema, State, Training};
use tidemill_core::{Context, Role};
use tidemill_kernel::least_squares::{Centred, Solution};
use tidemill_kernel::{Design, Features};

use super::{Coefficient, Predictor};
use crate::answer::{Answer, output};
use crate::{LearnError, rows};

/// A linear function of the features: what [`super::Ridge`], [`super::Lasso`] and [`super::ElasticNet`] learn.
///
/// A row with a missing or `NaN` feature gets the prediction `NaN`; an infinite one follows the arithmetic.
#[derive(Clone, Debug)]
pub struct FittedLinear {
    kind: &'static str,
    version: u32,
    settings: Value,
    predictor: Predictor,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<S> {
    settings: S,
    features: Features,
}

impl FittedLinear {
    /// What `learner` found.
    pub(crate) fn new<T: Builtin>(learner: &T, features: Features, solution: Solution) -> Self {
        let predictor = Predictor::new(features, solution.coefficients, vec![solution.intercept]);
        FittedLinear { kind: T::KIND, version: T::VERSION, settings: learner.params(), predictor }
    }

    pub(crate) fn load<T: Builtin>(state: &State) -> Result<Arc<dyn Fitted>> {
        let saved: Saved<T> = state.params()?;
        let predictor = Predictor::load(state, saved.features, 1)?;
        Ok(Arc::new(FittedLinear {
            kind: T::KIND,
            version: T::VERSION,
            settings: saved.settings.params(),
            predictor,
        }))
    }

    /// The coefficients by feature.
    pub fn coefficients(&self) -> Vec<Coefficient> {
        self.predictor.coefficients()
    }

    /// The prediction where every feature is zero.
    pub fn intercept(&self) -> f64 {
        self.predictor.intercepts()[0]
    }

    /// The linear function itself.
    pub fn predictor(&self) -> &Predictor {
        &self.predictor
    }
}

impl Fitted for FittedLinear {
    fn output(&self, input: &Schema) -> Result<Schema> {
        output(input, None)
    }

    fn state(&self) -> State {
        let saved = Saved { settings: &self.settings, features: self.predictor.features().clone() };
        self.predictor.save(State::new(self.kind, self.version, saved))
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        Ok(Box::new(BoundLinear {
            predictor: self.predictor.bind(input)?,
            answer: Answer::bind(input, None)?,
        }))
    }
}

struct BoundLinear {
    predictor: super::predictor::BoundPredictor,
    answer: Answer,
}

impl Run for BoundLinear {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let numbers = self.predictor.answers(batch, |scores, _| scores)?;
        self.answer.numbers(batch, numbers)
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let mut score = [0.0];
        self.predictor.row(row, &mut score)?;
        self.answer.number(row, score[0]);
        Ok(())
    }
}

/// The training rows of a regression, centred and weighted.
pub(crate) fn regression(training: Training<'_>, context: &Context) -> Result<(Features, Centred)> {
    let batch = rows::collect(training, context)?;
    let target = rows::numbers(&batch)?;
    let features = Features::with_sparse(batch.schema())?;
    let weights = rows::weights(&batch)?;
    let design = Design::of(&batch, &features)?;
    context.check()?;
    let problem = Centred::new(design, target, weights);
    check_sizes(&problem.squared_norms, &features)?;
    if !problem.target.iter().map(|y| y * y).sum::<f64>().is_finite() {
        let target = batch.schema().role(Role::Target).map(|at| &batch.schema().columns()[at].name);
        return Err(LearnError::TooLarge { columns: format!("'{}'", target.map_or("target", |t| t)) }.into());
    }
    Ok((features, problem))
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

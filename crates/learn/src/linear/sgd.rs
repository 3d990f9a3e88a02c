//! Linear models learned row by row, from streams of any length.

use std::any::Any;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Categories, Context, Error, Estimator, Family, Fitted, KeyPath, Kind,
    Linear, Needs, Registry, Result, Role, Run, Schema, Search, Source, State, Training,
};
use tidemill_kernel::least_squares::Solution;
use tidemill_kernel::sgd::{ByRow, Learned, Loss, RowOf, Steps};
use tidemill_kernel::vector::exp;
use tidemill_kernel::{Design, Features, Random};

use super::logistic::n_outputs;
use super::ridge::not_negative;
use super::{FittedLinear, FittedLogistic, Predictor};
use crate::{LearnError, rows};

/// What an [`Sgd`] makes small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SgdLoss {
    /// For classes: logistic regression (softmax for more than two).
    LogLoss,
    /// For classes: a linear support vector machine, one class against the others. Its probabilities only order rows.
    Hinge,
    /// For numbers: least squares.
    Squared,
    /// For numbers: least squares that outliers cannot bend.
    Huber,
}

/// A linear model learned by stochastic gradient descent: batch after batch of the source, in memory that does not
/// grow with it; `loss + alpha / 2 * |w|^2` for each row, steps implicit (Toulis and Airoldi 2017) and averaged with
/// more weight on the later ones (Shamir and Zhang 2013).
///
/// An earlier model of the same features and classes goes on where it stopped. Features should have about the same
/// size. With few rows the batch learners (`logistic`, `ridge`, `huber`) are exact and faster.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::linear::Sgd;
/// assert!(Sgd { epochs: 0, ..Sgd::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sgd {
    /// The loss to minimise; by default `log_loss` for classes and `squared` for numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<SgdLoss>,
    /// Strength of the penalty, from 0 up, beside the mean loss.
    pub alpha: f64,
    /// The first step, as a share of the one that would fit a typical row at once.
    pub learning_rate: f64,
    /// Passes over the rows.
    pub epochs: usize,
    /// With `loss = "huber"`, from how many standard deviations of the target on a residual counts by its size.
    #[schemars(extend("with" = { "key": "loss", "is": ["huber"], "name": "epsilon" }))]
    pub epsilon: f64,
}

impl Default for Sgd {
    fn default() -> Self {
        Sgd { loss: None, alpha: 1e-5, learning_rate: 0.5, epochs: 5, epsilon: 0.5 }
    }
}

impl Builtin for Sgd {
    const KIND: &'static str = "sgd";

    fn check(&self) -> Result<(), KeyPath> {
        not_negative("alpha", self.alpha)?;
        for (key, value) in [("learning_rate", self.learning_rate), ("epsilon", self.epsilon)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(KeyPath::new(key, format!("is {value}, but must be a number above 0")));
            }
        }
        if self.epochs == 0 {
            return Err(KeyPath::new("epochs", "is 0, but must be at least 1"));
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let steps = state.floats_of("steps", 1)?[0];
        let inner = match state.tensors.contains_key("shares") {
            true => Inner::Classes(FittedLogistic::load_as::<Self>(&state)?),
            false => Inner::Number(FittedLinear::load_as::<Self>(&state)?),
        };
        Ok(Arc::new(FittedSgd { inner, steps }))
    }
}

impl BuiltinLearner for Sgd {
    const FAMILY: Family = Family::Linear;
    const LABEL: &'static [&'static str] = &["loss"];
}

impl Estimator for Sgd {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: true, scaled: true, tabular: true, sparse: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        vec![Search { key: "alpha", values: [1e-5, 1e-4, 1e-3, 1e-6, 0.01].map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let seen = Seen::of(self, training.train, context)?;
        let prior = training.prior.and_then(|prior| (prior as &dyn Any).downcast_ref::<FittedSgd>());
        let mut learned = seen.start(prior);
        if let [only] = seen.present.as_slice() {
            let name = seen.classes.as_ref().map_or("", |classes| classes.name(*only));
            context.warn("one_class", format!("every row is '{name}': the model always answers that"));
        } else {
            for epoch in 0..self.epochs {
                self.pass(&seen, epoch, training.train, &mut learned, context)?;
            }
        }
        seen.fitted(self, &learned)
    }
}

/// Steps are halved after 3,000 rows and a tenth after 100,000: constant ones would leave classes a lasting bias.
const DECAY: f64 = 1e-3;

/// What a first pass over the stream tells.
struct Seen {
    features: Features,
    loss: Loss,
    steps: Steps,
    /// The mean weight.
    weight: f64,
    classes: Option<Arc<Categories>>,
    /// The classes that have rows, in order; none where a number is predicted.
    present: Vec<u32>,
    shares: Vec<f64>,
    /// The mean of the target in the first batch.
    centre: f64,
}

impl Seen {
    fn of(learner: &Sgd, source: &dyn Source, context: &Context) -> Result<Seen> {
        let schema = source.schema();
        let features = Features::with_sparse(schema)?;
        let target = schema.role(Role::Target).map(|at| &schema.columns()[at]);
        let classes = match target.filter(|column| column.kind == Kind::Category) {
            Some(column) => Some(column.categories()?.clone()),
            None => None,
        };
        let mut seen = Seen {
            features,
            loss: Loss::Squared,
            steps: Steps { rate: 0.0, l2: learner.alpha, decay: DECAY, power: 0.5 },
            weight: 0.0,
            classes,
            present: Vec::new(),
            shares: Vec::new(),
            centre: 0.0,
        };
        let (mut n_rows, mut total) = (0usize, 0.0);
        let mut sums = vec![0.0; seen.classes.as_ref().map_or(0, |c| c.len())];
        let mut weight_column = None;
        for batch in source.scan()? {
            context.check()?;
            let batch = batch?;
            let weights = batch.weights()?;
            let weight = |i: usize| weights.as_ref().map_or(1.0, |w| w[i]);
            let targets = Targets::of(learner, &batch)?;
            if let Targets::Codes(codes) = &targets {
                codes.iter().enumerate().for_each(|(i, &c)| sums[c as usize] += weight(i));
            }
            if n_rows == 0 && batch.n_rows() > 0 {
                seen.look(learner, &batch, &targets)?;
            }
            if let Some(at) = batch.schema().role(Role::Weight) {
                weight_column = Some(batch.schema().columns()[at].name.clone());
            }
            n_rows += batch.n_rows();
            total += (0..batch.n_rows()).map(weight).sum::<f64>();
        }
        match weight_column {
            _ if n_rows == 0 => return Err(LearnError::NoRows.into()),
            Some(column) if total == 0.0 => return Err(LearnError::NoWeight { column }.into()),
            _ => {}
        }
        seen.weight = total / n_rows as f64;
        seen.present = (0..sums.len() as u32).filter(|&c| sums[c as usize] > 0.0).collect();
        seen.shares = sums.iter().map(|s| s / total).collect();
        Ok(seen)
    }

    /// The sizes of things, from the first rows.
    fn look(&mut self, learner: &Sgd, batch: &Batch, targets: &Targets) -> Result<()> {
        let design = Design::of(batch, &self.features)?;
        let by_row = ByRow::of(&design);
        let n = batch.n_rows() as f64;
        let square = (0..batch.n_rows()).map(|i| by_row.row(i).square()).sum::<f64>() / n;
        if !square.is_finite() {
            return Err(self.too_large());
        }
        self.loss = match targets {
            Targets::Codes(_) if learner.loss == Some(SgdLoss::Hinge) => Loss::Hinge,
            Targets::Codes(_) => Loss::Log,
            Targets::Numbers(values) => {
                self.centre = values.iter().sum::<f64>() / n;
                let squares = values.iter().map(|y| (y - self.centre) * (y - self.centre)).sum::<f64>();
                match learner.loss {
                    Some(SgdLoss::Huber) => {
                        Loss::Huber((learner.epsilon * (squares / n).sqrt()).max(f64::MIN_POSITIVE))
                    }
                    _ => Loss::Squared,
                }
            }
        };
        let curvature = if self.loss.curvature() > 0.0 { self.loss.curvature() } else { 1.0 };
        self.steps.rate = learner.learning_rate / (curvature * square);
        Ok(())
    }

    fn too_large(&self) -> Error {
        let names: Vec<String> = self.features.0.iter().map(|f| format!("'{}'", f.name)).collect();
        LearnError::TooLarge { columns: names.join(", ") }.into()
    }

    fn n_functions(&self) -> usize {
        if self.classes.is_some() { n_outputs(self.present.len()) } else { 1 }
    }

    /// The functions to begin with: those of an earlier model of the same shape, else constants.
    fn start(&self, prior: Option<&FittedSgd>) -> Vec<Learned> {
        let (p, k) = (self.features.n_columns(), self.n_functions());
        let same = prior.filter(|prior| {
            let of_same_classes = match &prior.inner {
                Inner::Number(_) => self.classes.is_none(),
                Inner::Classes(fitted) => {
                    self.classes.as_ref() == Some(fitted.classes()) && fitted.present() == self.present
                }
            };
            of_same_classes && *prior.predictor().features() == self.features
        });
        let new = |_| Learned::new(vec![0.0; p], self.centre, 0.0);
        let Some(prior) = same else { return (0..k).map(new).collect() };
        let coefficients = prior.predictor().coefficients();
        let function = |o: usize| {
            let w = coefficients.iter().map(|c| c.values[o]).collect();
            Learned::new(w, prior.predictor().intercepts()[o], prior.steps)
        };
        (0..k).map(function).collect()
    }

    fn fitted(self, learner: &Sgd, learned: &[Learned]) -> Result<Arc<dyn Fitted>> {
        let (mut coefficients, mut intercepts) = (Vec::new(), Vec::new());
        for function in learned {
            let (w, b) = function.average();
            coefficients.extend(w);
            intercepts.push(b);
        }
        if coefficients.iter().chain(&intercepts).any(|x| !x.is_finite()) {
            return Err(self.too_large());
        }
        let steps = learned.first().map_or(0.0, Learned::steps);
        let inner = match self.classes {
            Some(classes) => {
                let predictor = Predictor::new(self.features, coefficients, intercepts);
                Inner::Classes(FittedLogistic::new(learner, classes, self.present, self.shares, predictor))
            }
            None => {
                let intercept = intercepts.first().copied().unwrap_or_default();
                Inner::Number(FittedLinear::new(learner, self.features, Solution { coefficients, intercept }))
            }
        };
        Ok(Arc::new(FittedSgd { inner, steps }))
    }
}

/// The targets of one batch.
enum Targets {
    Codes(Vec<u32>),
    Numbers(Vec<f64>),
}

impl Targets {
    fn of(learner: &Sgd, batch: &Batch) -> Result<Targets> {
        let class = batch.schema().role(Role::Target).map(|at| batch.schema().columns()[at].kind);
        let wants_classes = match learner.loss {
            None => class == Some(Kind::Category),
            Some(loss) => matches!(loss, SgdLoss::LogLoss | SgdLoss::Hinge),
        };
        Ok(match wants_classes {
            true => Targets::Codes(rows::classes(batch)?.0),
            false => Targets::Numbers(rows::numbers(batch)?),
        })
    }
}

impl Sgd {
    /// One pass over the stream: the rows of each batch in an order of their own.
    fn pass(
        &self,
        seen: &Seen,
        epoch: usize,
        source: &dyn Source,
        learned: &mut [Learned],
        context: &Context,
    ) -> Result<()> {
        for (b, batch) in source.scan()?.enumerate() {
            context.check()?;
            let batch = batch?;
            let weights = batch.weights()?;
            let targets = Targets::of(self, &batch)?;
            let design = Design::of(&batch, &seen.features)?;
            let by_row = ByRow::of(&design);
            let mut order: Vec<usize> = (0..batch.n_rows()).collect();
            Random::new(context.seed_for("sgd"), ((epoch as u64) << 40) + b as u64).shuffle(&mut order);
            let mut scores = vec![0.0; learned.len()];
            for (n, &i) in order.iter().enumerate() {
                if n % 4096 == 4095 {
                    context.check()?;
                }
                let weight = weights.as_ref().map_or(1.0, |w| w[i] / seen.weight);
                if weight > 0.0 {
                    seen.step(&by_row.row(i), &targets, i, weight, learned, &mut scores);
                }
            }
        }
        Ok(())
    }
}

impl Seen {
    fn step(
        &self,
        row: &impl RowOf,
        targets: &Targets,
        i: usize,
        weight: f64,
        learned: &mut [Learned],
        scores: &mut [f64],
    ) {
        let sign = |yes: bool| if yes { 1.0 } else { -1.0 };
        match (targets, &mut *learned) {
            (Targets::Numbers(values), [one]) => one.step(row, values[i], weight, self.loss, &self.steps),
            (Targets::Codes(codes), [one]) => {
                let second = self.present.get(1) == Some(&codes[i]);
                one.step(row, sign(second), weight, self.loss, &self.steps);
            }
            (Targets::Codes(codes), several) if self.loss == Loss::Hinge => {
                for (one, &class) in several.iter_mut().zip(&self.present) {
                    one.step(row, sign(class == codes[i]), weight, self.loss, &self.steps);
                }
            }
            (Targets::Codes(codes), several) => {
                scores.iter_mut().zip(&*several).for_each(|(score, one)| *score = one.score(row));
                let most = scores.iter().fold(f64::NEG_INFINITY, |most, &s| f64::max(most, s));
                scores.iter_mut().for_each(|s| *s = exp(*s - most));
                let total: f64 = scores.iter().sum();
                for ((one, score), &class) in several.iter_mut().zip(&*scores).zip(&self.present) {
                    let gradient = score / total - f64::from(u8::from(class == codes[i]));
                    one.step_along(row, gradient, 0.5, weight, &self.steps);
                }
            }
            _ => {}
        }
    }
}

/// What an [`Sgd`] learned, and how far it got.
#[derive(Clone, Debug)]
pub struct FittedSgd {
    inner: Inner,
    /// Steps taken so far, those of earlier models it went on from included.
    steps: f64,
}

#[derive(Clone, Debug)]
enum Inner {
    Number(FittedLinear),
    Classes(FittedLogistic),
}

impl FittedSgd {
    /// The linear functions.
    pub fn predictor(&self) -> &Predictor {
        match &self.inner {
            Inner::Number(fitted) => fitted.predictor(),
            Inner::Classes(fitted) => fitted.predictor(),
        }
    }
}

impl Fitted for FittedSgd {
    fn as_linear(&self) -> Option<&dyn Linear> {
        Some(self.predictor())
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        match &self.inner {
            Inner::Number(fitted) => fitted.output(input),
            Inner::Classes(fitted) => fitted.output(input),
        }
    }

    fn state(&self) -> State {
        let state = match &self.inner {
            Inner::Number(fitted) => fitted.state(),
            Inner::Classes(fitted) => fitted.state(),
        };
        state.floats("steps", &[self.steps])
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        match &self.inner {
            Inner::Number(fitted) => Arc::new(fitted.clone()).bind(input),
            Inner::Classes(fitted) => Arc::new(fitted.clone()).bind(input),
        }
    }
}

//! Classes from linear functions: logistic regression, binary and multinomial.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Categories, Context, Estimator, Family, FitCost, Fitted, KeyPath, Linear,
    Needs, Registry, Response, Result, Row, Run, Schema, Search, Shape, State, Training, Weights,
};
use tidemill_kernel::descent::{self, Limits};
use tidemill_kernel::logistic::minimise;
use tidemill_kernel::softmax::Problem;
use tidemill_kernel::vector::{dot, exp, sigmoid};
use tidemill_kernel::{Design, Features, Moments};

use super::fitted::check_sizes;
use super::predictor::BoundPredictor;
use super::ridge::not_negative;
use super::{Coefficient, Predictor};
use crate::rows;
use tidemill_kernel::ClassWeight;
use tidemill_kernel::answer::{Answer, output};

/// What keeps the coefficients of a [`Logistic`] small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Penalty {
    /// Half the sum of their squares.
    #[default]
    L2,
    /// The sum of their sizes: drops features of little use.
    L1,
    /// Both, in the proportion `l1_ratio`.
    ElasticNet,
    /// Nothing.
    None,
}

/// Logistic regression: the least of `c * sum(weight * log loss) + penalty`, as scikit-learn's
/// `LogisticRegression` (two classes: one linear function, of the second class against the first; more: softmax
/// over one function per class). The penalty is `|w|^2 / 2`, `|w|_1`, or
/// `l1_ratio * |w|_1 + (1 - l1_ratio) / 2 * |w|^2`.
///
/// Solved by preconditioned L-BFGS, or with `l1` by proximal Newton steps over coordinate descent, until no gradient
/// of the mean loss (with its penalty) is steeper than `tol`.
///
/// A class with no training row gets probability 0. A row whose scores are not numbers (a feature is missing) gets
/// the classes' shares in training; infinite scores give their limit. Probabilities sum to 1.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::linear::Logistic;
/// assert!(Logistic::default().check().is_ok());
/// assert!(Logistic { c: 0.0, ..Logistic::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Logistic {
    /// How much the data count against the penalty, above 0. Larger: larger coefficients.
    pub c: f64,
    /// What keeps the coefficients small.
    pub penalty: Penalty,
    /// With `penalty = "elastic_net"`, how much of it is on sizes, 0 to 1.
    #[schemars(extend("with" = { "key": "penalty", "is": ["elastic_net"], "name": "l1_ratio" }))]
    pub l1_ratio: f64,
    /// Whether rare classes count more.
    pub class_weight: ClassWeight,
    /// When to stop: the steepest gradient left of the mean loss with its penalty.
    pub tol: f64,
    /// The most steps.
    pub max_iter: usize,
}

impl Default for Logistic {
    fn default() -> Self {
        Logistic {
            c: 1.0,
            penalty: Penalty::L2,
            l1_ratio: 0.5,
            class_weight: ClassWeight::None,
            tol: 1e-6,
            max_iter: 1000,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<S> {
    settings: S,
    features: Features,
    classes: Vec<String>,
    present: Vec<u32>,
}

impl Builtin for Logistic {
    const KIND: &'static str = "logistic";

    fn check(&self) -> Result<(), KeyPath> {
        if !(self.c > 0.0 && self.c.is_finite()) {
            return Err(KeyPath::new("c", format!("is {}, but must be a number above 0", self.c)));
        }
        if !(0.0..=1.0).contains(&self.l1_ratio) {
            return Err(KeyPath::new("l1_ratio", format!("is {}, but must be from 0 to 1", self.l1_ratio)));
        }
        not_negative("tol", self.tol)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(FittedLogistic::load_as::<Self>(&state)?))
    }
}

impl BuiltinLearner for Logistic {
    const FAMILY: Family = Family::Linear;
    const WEIGHTS: Weights = Weights::Equivalent;
    const LABEL: &'static [&'static str] = &["penalty", "l1_ratio"];
    const RESPONSE: Option<Response> = Some(Response::Classes);

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        let (n, d, outputs) = (shape.rows, shape.width, shape.outputs());
        FitCost::Operations(match (self.penalty, shape.texts > 0.0) {
            (Penalty::L1, _) => 1500.0 * n * d * outputs * self.c.max(0.1).sqrt(),
            (_, true) => 400.0 * n * d * outputs,
            (_, false) => 150.0 * n * d * outputs,
        })
    }
}

/// How many linear functions so many classes take.
pub(super) fn n_outputs(n_classes: usize) -> usize {
    match n_classes {
        0 | 1 => 0,
        2 => 1,
        n => n,
    }
}

impl Estimator for Logistic {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: true, scaled: true, tabular: true, sparse: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        let values = [1.0, 0.1, 10.0, 0.01, 100.0, 1e-3, 1e3, 0.03, 0.3, 3.0, 1e-4, 1e4];
        vec![Search { key: "c", values: values.map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let batch = rows::collect(training, context)?;
        let (codes, classes) = rows::classes(&batch)?;
        let features = Features::with_sparse(batch.schema())?;
        let design = Design::of(&batch, &features)?;
        let sample = Sample::new(self, codes, classes.len(), rows::weights(&batch)?);
        let predictor = match sample.present.as_slice() {
            [only] => {
                let name = classes.name(*only);
                context.warn("one_class", format!("every row is '{name}': the model always answers that"));
                Predictor::new(features, vec![], vec![])
            }
            _ => self.solve(features, design, &sample, context)?,
        };
        let Sample { present, shares, .. } = sample;
        Ok(Arc::new(FittedLogistic::new(self, classes, present, shares, predictor)))
    }
}

/// The classes of the training rows, counted.
struct Sample {
    /// The classes that have rows, in order.
    present: Vec<u32>,
    /// The class of each row, as its place among those present.
    codes: Vec<u32>,
    /// The weight of each row; they sum to 1.
    weights: Option<Vec<f64>>,
    /// The sum of the weights as they were.
    total: f64,
    /// The weighted share of each class.
    shares: Vec<f64>,
}

impl Sample {
    fn new(learner: &Logistic, mut codes: Vec<u32>, n_classes: usize, weights: Option<Vec<f64>>) -> Self {
        let weight = |i: usize| weights.as_ref().map_or(1.0, |w| w[i]);
        let mut sums = vec![0.0; n_classes];
        codes.iter().enumerate().for_each(|(i, &c)| sums[c as usize] += weight(i));
        let present: Vec<u32> = (0..n_classes as u32).filter(|&c| sums[c as usize] > 0.0).collect();
        let total: f64 = sums.iter().sum();
        let shares = sums.iter().map(|s| s / total).collect();
        let weights = match learner.class_weight {
            ClassWeight::None => weights,
            // As scikit-learn: the rows of each class weigh as much together.
            ClassWeight::Balanced => {
                let even = total / present.len() as f64;
                let balanced = |(i, &c): (usize, &u32)| match sums[c as usize] {
                    0.0 => 0.0,
                    sum => weight(i) * even / sum,
                };
                Some(codes.iter().enumerate().map(balanced).collect())
            }
        };
        let total = weights.as_ref().map_or(codes.len() as f64, |w: &Vec<f64>| w.iter().sum());
        let weights = weights.map(|w| w.into_iter().map(|w| w / total).collect());
        // Rows of a class that is not present weigh nothing: any class will do for them.
        let place = |c: u32| present.partition_point(|&other| other < c).min(present.len() - 1) as u32;
        codes.iter_mut().for_each(|c| *c = place(*c));
        Sample { present, codes, weights, total, shares }
    }
}

impl Logistic {
    fn penalty(&self, total: f64) -> descent::Penalty {
        let strength = 1.0 / (self.c * total);
        let (l1, l2) = match self.penalty {
            Penalty::L2 => (0.0, 1.0),
            Penalty::L1 => (1.0, 0.0),
            Penalty::ElasticNet => (self.l1_ratio, 1.0 - self.l1_ratio),
            Penalty::None => (0.0, 0.0),
        };
        descent::Penalty { l1: l1 * strength, l2: l2 * strength }
    }

    fn solve(
        &self,
        features: Features,
        mut design: Design,
        sample: &Sample,
        context: &Context,
    ) -> Result<Predictor> {
        let Moments { means, squares } = design.centre(sample.weights.as_deref());
        check_sizes(&squares, &features)?;
        let problem = Problem {
            design: &design,
            classes: &sample.codes,
            n_classes: sample.present.len(),
            weights: sample.weights.as_deref(),
        };
        let mut x = vec![0.0; problem.n_unknowns()];
        let limits = Limits { tolerance: self.tol, max_iterations: self.max_iter };
        let outcome = minimise(problem, self.penalty(sample.total), &mut x, limits, context)?;
        if !outcome.converged {
            let advice = match self.penalty {
                Penalty::None => "the classes may be separable: use a penalty",
                _ => "raise max_iter or tol, or lower c",
            };
            context.warn(
                "not_converged",
                format!(
                    "logistic stopped after {} steps with a gradient of {:.2e}; {advice}",
                    outcome.iterations, outcome.gap
                ),
            );
        }
        let (p, k) = (design.n_columns(), problem.n_outputs());
        let mut intercepts = x.split_off(k * p);
        for (o, intercept) in intercepts.iter_mut().enumerate() {
            *intercept -= dot(&means, &x[o * p..(o + 1) * p]);
        }
        if k > 1 {
            // Moving all scores alike changes nothing: of these solutions, the one whose intercepts sum to 0.
            let mean = intercepts.iter().sum::<f64>() / k as f64;
            intercepts.iter_mut().for_each(|b| *b -= mean);
        }
        Ok(Predictor::new(features, x, intercepts))
    }
}

/// Linear functions that give probabilities: what [`Logistic`] and, for classes, [`super::Sgd`] learn.
#[derive(Clone, Debug)]
pub struct FittedLogistic {
    kind: &'static str,
    version: u32,
    settings: Value,
    classes: Arc<Categories>,
    /// The classes that had training rows, in order; none or one linear function each.
    present: Vec<u32>,
    shares: Vec<f64>,
    predictor: Predictor,
}

impl FittedLogistic {
    /// What `learner` found.
    pub(crate) fn new<T: Builtin>(
        learner: &T,
        classes: Arc<Categories>,
        present: Vec<u32>,
        shares: Vec<f64>,
        predictor: Predictor,
    ) -> Self {
        let settings = learner.params();
        FittedLogistic { kind: T::KIND, version: T::VERSION, settings, classes, present, shares, predictor }
    }

    pub(crate) fn load_as<T: Builtin>(state: &State) -> Result<Self> {
        let Saved::<T> { settings, features, classes, present } = state.params()?;
        let classes = Categories::new(classes);
        let sorted = present.windows(2).all(|w| w[0] < w[1]);
        if !sorted || present.last().is_none_or(|&c| c as usize >= classes.len()) {
            return Err(tidemill_core::Error::state(T::KIND, "'present' does not list classes in order"));
        }
        let predictor = Predictor::load(state, features, n_outputs(present.len()))?;
        let shares = state.floats_of("shares", classes.len())?.to_vec();
        Ok(Self::new(&settings, classes, present, shares, predictor))
    }

    /// The coefficients by feature: for two classes of the second's score, else of each class that had rows.
    pub fn coefficients(&self) -> Vec<Coefficient> {
        self.predictor.coefficients()
    }

    /// The classes, in the order of the probabilities.
    pub fn classes(&self) -> &Arc<Categories> {
        &self.classes
    }

    /// The places among [`FittedLogistic::classes`] of those that had training rows.
    pub fn present(&self) -> &[u32] {
        &self.present
    }

    /// The linear functions themselves.
    pub fn predictor(&self) -> &Predictor {
        &self.predictor
    }
}

impl Fitted for FittedLogistic {
    fn as_linear(&self) -> Option<&dyn Linear> {
        Some(self.predictor())
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        output(input, Some(&self.classes))
    }

    fn state(&self) -> State {
        let saved = Saved {
            settings: self.settings.clone(),
            features: self.predictor.features().clone(),
            classes: self.classes.names().iter().map(|n| n.to_string()).collect(),
            present: self.present.clone(),
        };
        self.predictor.save(State::new(self.kind, self.version, saved)).floats("shares", &self.shares)
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let predictor = self.predictor.bind(input)?;
        let answer = Answer::bind(input, Some(&self.classes))?;
        let scores = vec![0.0; predictor.n_outputs()];
        Ok(Box::new(BoundLogistic { fitted: self, predictor, answer, scores }))
    }
}

struct BoundLogistic {
    fitted: Arc<FittedLogistic>,
    predictor: BoundPredictor,
    answer: Answer,
    scores: Vec<f64>,
}

impl Run for BoundLogistic {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let (fitted, k) = (&self.fitted, self.predictor.n_outputs());
        let probabilities = self.predictor.answers(batch, |scores, n| {
            let mut answers = vec![0.0; n * fitted.shares.len()];
            let mut row = vec![0.0; k];
            for (i, answer) in answers.chunks_exact_mut(fitted.shares.len()).enumerate() {
                row.iter_mut().enumerate().for_each(|(o, score)| *score = scores[o * n + i]);
                fitted.probabilities(&mut row, answer);
            }
            answers
        })?;
        self.answer.probabilities(batch, probabilities)
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.predictor.row(row, &mut self.scores)?;
        let mut probabilities = vec![0.0; self.fitted.shares.len()];
        self.fitted.probabilities(&mut self.scores, &mut probabilities);
        self.answer.probability(row, probabilities);
        Ok(())
    }
}

impl FittedLogistic {
    /// The probabilities (zeros before) that the scores of one row mean; scores are used up.
    fn probabilities(&self, scores: &mut [f64], probabilities: &mut [f64]) {
        if scores.iter().any(|s| s.is_nan()) {
            probabilities.copy_from_slice(&self.shares);
            return;
        }
        match (self.present.as_slice(), &*scores) {
            ([only], _) => probabilities[*only as usize] = 1.0,
            ([first, second], [score]) => {
                probabilities[*first as usize] = sigmoid(-score);
                probabilities[*second as usize] = sigmoid(*score);
            }
            _ => {
                let most = scores.iter().fold(f64::NEG_INFINITY, |most, &s| f64::max(most, s));
                // Infinite scores: those at the top share everything.
                let part = |s: f64| if s == most { 1.0 } else { exp(s - most) };
                scores.iter_mut().for_each(|s| *s = part(*s));
                let total: f64 = scores.iter().sum();
                for (&class, s) in self.present.iter().zip(scores) {
                    probabilities[class as usize] = *s / total;
                }
            }
        }
    }
}

//! `linear_svm`: support vector machines whose answer is linear in the features.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Context, Estimator, Family, FitCost, Fitted, KeyPath, Linear, Needs,
    Registry, Result, Row, Run, Schema, Search, Shape, State, Training,
};
use tidemill_kernel::answer::{Answer, output};
use tidemill_kernel::reduce::in_chunks;
use tidemill_kernel::{ClassWeight, Classes, Features};

use super::dual::{Limits, Problem, Solution};
use super::lines::Lines;
use super::platt::{self, FOLDS, Platt};
use super::{Calibration, check_not_negative, check_positive, costs, mean, warn_not_converged};
use crate::linear::{BoundPredictor, Predictor};
use crate::sample::Sample;

/// What an error costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// How far a row is on the wrong side of its margin (for a number: outside the tube).
    Hinge,
    /// The square of that.
    SquaredHinge,
}

/// A linear support vector machine: the least of `|w|^2 / 2 + c * sum(weight * loss)`, for more than two classes one
/// machine for each class against the rest, and for a number with the loss of errors beyond `epsilon`. Solves the
/// problems of scikit-learn's `LinearSVC` and `LinearSVR` (LIBLINEAR) by dual coordinate descent.
///
/// The intercept is the coefficient of one more feature that is always `intercept_scaling`, and so is kept small like the
/// others, as in LIBLINEAR: where the features are scaled that is harmless; a larger `intercept_scaling` frees it.
///
/// Probabilities are Platt's, one curve for each machine, divided by their sum (as scikit-learn's
/// `CalibratedClassifierCV`), or a softmax of margins, see `probability`. The class predicted is the most probable one.
///
/// A row with a missing or infinite feature gets the mean or the shares of the training rows.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::svm::LinearSvm;
/// assert!(LinearSvm { c: -1.0, ..LinearSvm::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinearSvm {
    /// How much errors cost against the width of the margin, above 0.
    pub c: f64,
    /// What an error costs; by default, the squared hinge for classes and the plain one for a number.
    pub loss: Option<Loss>,
    /// For a number: errors up to this cost nothing, from 0 up.
    pub epsilon: f64,
    /// The constant feature whose coefficient is the intercept, above 0.
    pub intercept_scaling: f64,
    /// Whether rare classes count more.
    pub class_weight: ClassWeight,
    /// How margins become probabilities.
    pub probability: Calibration,
    /// When to stop: the greatest violation of optimality left, above 0 (for a number: of all rows together, as a share
    /// of that of the first pass).
    pub tol: f64,
    /// The most passes over the rows.
    pub max_iter: usize,
}

impl Default for LinearSvm {
    fn default() -> Self {
        LinearSvm {
            c: 1.0,
            loss: None,
            epsilon: 0.0,
            intercept_scaling: 1.0,
            class_weight: ClassWeight::None,
            probability: Calibration::Platt,
            tol: 1e-4,
            max_iter: 1000,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: LinearSvm,
    features: Features,
    /// `None` for a model of a number.
    classes: Option<Vec<String>>,
}

/// How many linear functions so many classes take.
fn n_machines(classes: Option<&Classes>) -> usize {
    match classes.map(Classes::k) {
        None | Some(2) => 1,
        Some(0 | 1) => 0,
        Some(k) => k,
    }
}

impl Builtin for LinearSvm {
    const KIND: &'static str = "linear_svm";

    fn check(&self) -> Result<(), KeyPath> {
        check_positive("c", self.c)?;
        check_positive("tol", self.tol)?;
        check_positive("intercept_scaling", self.intercept_scaling)?;
        check_not_negative("epsilon", self.epsilon)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let Saved { settings, features, classes } = state.params()?;
        let classes = classes.map(|names| Classes::load(&state, names)).transpose()?;
        let machines = n_machines(classes.as_ref());
        let platt = match classes.is_some() && settings.probability == Calibration::Platt {
            true => state.floats_of("platt", 2 * machines)?.to_vec(),
            false => Vec::new(),
        };
        let mean = if classes.is_none() { state.floats_of("mean", 1)?[0] } else { f64::NAN };
        Ok(Arc::new(FittedLinearSvm {
            predictor: Predictor::load(&state, features, machines)?,
            platt: platt.as_chunks::<2>().0.iter().map(|&[a, b]| Platt { a, b }).collect(),
            settings,
            classes,
            mean,
        }))
    }
}

impl BuiltinLearner for LinearSvm {
    const FAMILY: Family = Family::Linear;
    const LABEL: &'static [&'static str] = &["loss"];

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        FitCost::Operations(300.0 * shape.rows * shape.width * shape.outputs())
    }
}

impl Estimator for LinearSvm {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: true, scaled: true, tabular: true, sparse: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        let values = [1.0, 0.1, 10.0, 0.01, 0.001].map(Value::from).to_vec();
        vec![Search { key: "c", values }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let sample = Sample::with_sparse(training, context)?;
        let x = Lines::of(&sample, self.intercept_scaling)?;
        let work = Work { learner: self, sample: &sample, context, x };
        let fitted = if sample.has_classes() { work.classes()? } else { work.quantity()? };
        Ok(Arc::new(fitted))
    }
}

/// One fit.
struct Work<'a> {
    learner: &'a LinearSvm,
    sample: &'a Sample,
    context: &'a Context,
    /// The rows, each with the constant at its end.
    x: Lines,
}

impl Work<'_> {
    fn solve(&self, problem: Problem<'_>, stream: &str) -> Result<Solution> {
        let LinearSvm { tol, max_iter, .. } = *self.learner;
        problem.solve(Limits { tol, max_iter }, self.context.seed_for(stream), self.context)
    }

    fn quantity(&self) -> Result<FittedLinearSvm> {
        let (y, n) = (self.sample.numbers()?, self.sample.n);
        let c: Vec<f64> = (0..n).map(|i| self.learner.c * self.sample.weight(i)).collect();
        let squared = self.learner.loss == Some(Loss::SquaredHinge);
        let epsilon = Some(self.learner.epsilon);
        let problem = Problem { x: &self.x, y: &y, c: &c, squared, epsilon };
        let solution = self.solve(problem, "linear_svm")?;
        let mut fitted = self.assemble(None, vec![(solution, None)]);
        fitted.mean = mean(self.sample, &y);
        Ok(fitted)
    }

    fn classes(&self) -> Result<FittedLinearSvm> {
        let (classes, codes) = self.sample.classes()?;
        classes.warn_if_one(self.context);
        let shares = classes.present_shares();
        let costs = costs(self.learner.c, self.learner.class_weight, self.sample, &codes, &shares);
        let folds =
            platt::folds(&codes, self.sample.blocks()?.as_deref(), self.context.seed_for("linear_svm folds"));
        let k = n_machines(Some(&classes));
        let machines = in_chunks(k, 1, |range| {
            // Of two classes the one machine speaks for the second.
            let class = if k == 1 { 1 } else { range.start as u32 };
            let y: Vec<f64> = codes.iter().map(|&c| if c == class { 1.0 } else { -1.0 }).collect();
            let solution = self.solve(self.machine(&self.x, &y, &costs), "linear_svm")?;
            let platt = match self.learner.probability {
                Calibration::Platt => Some(self.calibrate(&y, &costs, &folds)?),
                Calibration::Margin => None,
            };
            Ok((solution, platt))
        });
        Ok(self.assemble(Some(classes), machines.into_iter().collect::<Result<_>>()?))
    }

    fn machine<'b>(&self, x: &'b Lines, y: &'b [f64], c: &'b [f64]) -> Problem<'b> {
        let squared = self.learner.loss != Some(Loss::Hinge);
        Problem { x, y, c, squared, epsilon: None }
    }

    /// The curve from margins of held-out rows.
    fn calibrate(&self, y: &[f64], costs: &[f64], folds: &[usize]) -> Result<Platt> {
        let parts = in_chunks(FOLDS, 1, |range| {
            let kept: Vec<usize> = (0..y.len()).filter(|&i| folds[i] != range.start).collect();
            let x = self.x.take(&kept);
            let some = |values: &[f64]| -> Vec<f64> { kept.iter().map(|&i| values[i]).collect() };
            Ok(self.solve(self.machine(&x, &some(y), &some(costs)), "linear_svm fold")?.w)
        });
        let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
        let margin = |i: usize| self.x.dot(i, &parts[folds[i]]);
        let margins: Vec<f64> = (0..y.len()).map(margin).collect();
        let first: Vec<bool> = y.iter().map(|&y| y > 0.0).collect();
        Ok(Platt::fit(&margins, &first, self.sample.weights.as_deref()))
    }

    fn assemble(
        &self,
        classes: Option<Classes>,
        machines: Vec<(Solution, Option<Platt>)>,
    ) -> FittedLinearSvm {
        if !machines.iter().all(|(s, _)| s.converged) {
            warn_not_converged(self.context, LinearSvm::KIND);
        }
        let p = self.sample.p;
        let coefficients = machines.iter().flat_map(|(s, _)| &s.w[..p]).copied().collect();
        let intercepts = machines.iter().map(|(s, _)| s.w[p] * self.learner.intercept_scaling).collect();
        FittedLinearSvm {
            settings: self.learner.clone(),
            classes,
            predictor: Predictor::new(self.sample.features.clone(), coefficients, intercepts),
            platt: machines.iter().filter_map(|(_, platt)| *platt).collect(),
            mean: f64::NAN,
        }
    }
}

/// What [`LinearSvm`] learned.
#[derive(Clone, Debug)]
pub struct FittedLinearSvm {
    settings: LinearSvm,
    classes: Option<Classes>,
    predictor: Predictor,
    platt: Vec<Platt>,
    mean: f64,
}

impl FittedLinearSvm {
    /// The linear functions: for two classes one, that of the second; for more, one a class.
    pub fn predictor(&self) -> &Predictor {
        &self.predictor
    }

    /// The probabilities (zeros before) that the margins of one row mean; margins are used up.
    fn probabilities(&self, classes: &Classes, scores: &mut Vec<f64>, out: &mut [f64]) {
        if scores.iter().any(|s| !s.is_finite()) {
            return out.copy_from_slice(&classes.shares);
        }
        let platt = self.settings.probability == Calibration::Platt;
        if platt {
            scores.iter_mut().zip(&self.platt).for_each(|(s, platt)| *s = platt.probability(*s));
        }
        match (scores.len(), platt) {
            (0, _) => scores.push(1.0),
            (1, true) => scores.insert(0, 1.0 - scores[0]),
            (1, false) => scores.insert(0, 0.0),
            _ => {}
        }
        if !platt && classes.k() > 1 {
            return classes.softmax(scores, out);
        }
        let total: f64 = scores.iter().sum();
        if total > 0.0 {
            scores.iter_mut().for_each(|s| *s /= total);
            classes.spread(scores, out);
        } else {
            out.copy_from_slice(&classes.shares);
        }
    }

    fn number(&self, score: f64) -> f64 {
        if score.is_finite() { score } else { self.mean }
    }
}

impl Fitted for FittedLinearSvm {
    fn as_linear(&self) -> Option<&dyn Linear> {
        Some(self.predictor())
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        output(input, self.classes.as_ref().map(|c| &c.names))
    }

    fn state(&self) -> State {
        let saved = Saved {
            settings: self.settings.clone(),
            features: self.predictor.features().clone(),
            classes: self.classes.as_ref().map(Classes::words),
        };
        let state = self.predictor.save(State::new(LinearSvm::KIND, LinearSvm::VERSION, saved));
        let platt: Vec<f64> = self.platt.iter().flat_map(|p| [p.a, p.b]).collect();
        match &self.classes {
            None => state.floats("mean", &[self.mean]),
            Some(classes) if self.settings.probability == Calibration::Platt => {
                classes.save(state).floats("platt", &platt)
            }
            Some(classes) => classes.save(state),
        }
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let predictor = self.predictor.bind(input)?;
        let answer = Answer::bind(input, self.classes.as_ref().map(|c| &c.names))?;
        Ok(Box::new(BoundLinearSvm {
            scores: vec![0.0; predictor.n_outputs()],
            fitted: self,
            predictor,
            answer,
        }))
    }
}

struct BoundLinearSvm {
    fitted: Arc<FittedLinearSvm>,
    predictor: BoundPredictor,
    answer: Answer,
    scores: Vec<f64>,
}

impl Run for BoundLinearSvm {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let (fitted, k) = (&self.fitted, self.predictor.n_outputs());
        let Some(classes) = &fitted.classes else {
            let numbers = self.predictor.answers(batch, |mut scores, _| {
                scores.iter_mut().for_each(|s| *s = fitted.number(*s));
                scores
            })?;
            return self.answer.numbers(batch, numbers);
        };
        let probabilities = self.predictor.answers(batch, |scores, n| {
            let width = classes.names.len();
            let (mut out, mut row) = (vec![0.0; n * width], Vec::with_capacity(k));
            for (i, out) in out.chunks_exact_mut(width).enumerate() {
                row.clear();
                row.extend((0..k).map(|o| scores[o * n + i]));
                fitted.probabilities(classes, &mut row, out);
            }
            out
        })?;
        self.answer.probabilities(batch, probabilities)
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.predictor.row(row, &mut self.scores)?;
        match &self.fitted.classes {
            None => self.answer.number(row, self.fitted.number(self.scores[0])),
            Some(classes) => {
                let mut out = vec![0.0; classes.names.len()];
                self.fitted.probabilities(classes, &mut self.scores.clone(), &mut out);
                self.answer.probability(row, out);
            }
        }
        Ok(())
    }
}

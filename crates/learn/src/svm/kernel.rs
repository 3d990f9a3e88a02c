//! `svm`: support vector machines with kernels.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Estimator, Family, FitCost, Fitted, KeyPath, Needs, Registry, Result,
    Search, Shape, State, Training,
};
use tidemill_kernel::reduce::in_chunks;
use tidemill_kernel::vector::dot;

use super::fitted::FittedSvm;
use super::platt::{self, FOLDS, Platt};
use super::points::{Kernel, Points};
use super::smo::{Limits, Problem};
use super::{Calibration, check_not_negative, check_positive, costs, mean, warn_not_converged};
use crate::linear::ClassWeight;
use crate::sample::Sample;
use tidemill_kernel::Classes;

/// How alike two rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KernelKind {
    /// `exp(-gamma |x - y|^2)`.
    #[default]
    Rbf,
    /// `x . y`.
    Linear,
    /// `(gamma x . y + coef0)^degree`.
    Polynomial,
    /// `tanh(gamma x . y + coef0)`.
    Sigmoid,
}

/// The width of the kernel by a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GammaRule {
    /// One over the number of features times the variance of all their values.
    Scale,
    /// One over the number of features.
    Auto,
}

/// The width of the kernel: `"scale"`, `"auto"` or a number above 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Gamma {
    /// By a rule.
    Rule(GammaRule),
    /// This.
    Value(f64),
}

/// A support vector machine: two classes by the widest margin, more by one machine for each pair of classes, a
/// number by the flattest function that errs by `epsilon` at no cost. Solves the problems of scikit-learn's `SVC` and
/// `SVR` (LIBSVM, Chang and Lin 2011) to the same `tol`, by the same method (sequential minimal optimisation with working
/// sets of the second order, shrinking and a cache). A row's weight multiplies its `c`.
///
/// Probabilities are Platt's or a softmax of margins, see `probability`; for more than two classes the pairs' are
/// coupled as in LIBSVM, and with `margin` the softmax is of scikit-learn's one-vs-rest decision function. The class
/// predicted is the most probable one.
///
/// Time grows with the square of the number of rows and more: above 50,000 rows use `linear_svm` or trees.
/// A row with a missing or infinite feature gets the mean or the shares of the training rows. The model holds the
/// rows that are support vectors.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::svm::Svm;
/// assert!(Svm { c: 0.0, ..Svm::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Svm {
    /// How much errors cost against the width of the margin, above 0.
    pub c: f64,
    /// How alike two rows are.
    pub kernel: KernelKind,
    /// How fast likeness falls with distance: `"scale"`, `"auto"` or a number above 0.
    pub gamma: Gamma,
    /// Of the polynomial kernel, from 1 to 20.
    #[schemars(extend("with" = { "key": "kernel", "is": ["polynomial"], "name": "degree" }))]
    pub degree: u32,
    /// Added within the polynomial and sigmoid kernels.
    #[schemars(extend("with" = { "key": "kernel", "is": ["polynomial", "sigmoid"], "name": "coef0" }))]
    pub coef0: f64,
    /// For a number: errors up to this cost nothing, from 0 up.
    pub epsilon: f64,
    /// Whether rare classes count more.
    pub class_weight: ClassWeight,
    /// How margins become probabilities.
    pub probability: Calibration,
    /// When to stop: the greatest violation of optimality left, above 0.
    pub tol: f64,
    /// The most steps for each machine.
    pub max_iter: usize,
    /// Memory for kernel rows of each machine, in MB of a million bytes.
    pub cache_mb: usize,
}

impl Default for Svm {
    fn default() -> Self {
        Svm {
            c: 1.0,
            kernel: KernelKind::Rbf,
            gamma: Gamma::Rule(GammaRule::Scale),
            degree: 3,
            coef0: 0.0,
            epsilon: 0.1,
            class_weight: ClassWeight::None,
            probability: Calibration::Platt,
            tol: 1e-3,
            max_iter: 10_000_000,
            cache_mb: 200,
        }
    }
}

impl Builtin for Svm {
    const KIND: &'static str = "svm";

    fn check(&self) -> Result<(), KeyPath> {
        check_positive("c", self.c)?;
        check_positive("tol", self.tol)?;
        check_not_negative("epsilon", self.epsilon)?;
        if let Gamma::Value(gamma) = self.gamma {
            check_positive("gamma", gamma)?;
        }
        if !(1..=20).contains(&self.degree) {
            return Err(KeyPath::new("degree", format!("is {}, but must be from 1 to 20", self.degree)));
        }
        if !self.coef0.is_finite() {
            return Err(KeyPath::new("coef0", format!("is {}, but must be a number", self.coef0)));
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(FittedSvm::load(&state)?))
    }
}

impl BuiltinLearner for Svm {
    const FAMILY: Family = Family::Svm;
    const LABEL: &'static [&'static str] = &["kernel"];
    // Support vectors are rows.
    const KEEPS_ROWS: bool = true;

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        FitCost::Operations(2.5 * shape.rows * shape.rows * shape.width)
    }
}

impl Estimator for Svm {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: true, scaled: true, tabular: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        vec![
            Search { key: "c", values: [1.0, 10.0, 0.1, 100.0].map(Value::from).to_vec() },
            Search {
                key: "gamma",
                values: vec![json!("scale"), json!(0.01), json!(0.1), json!(0.001), json!(1.0)],
            },
        ]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let sample = Sample::of(training, context)?;
        sample.check_sizes()?;
        let work = Work { learner: self, gamma: self.gamma(&sample), sample: &sample, context };
        work.check_kernel()?;
        let fitted = if sample.has_classes() { work.classes()? } else { work.quantity()? };
        Ok(Arc::new(fitted))
    }
}

impl Svm {
    fn gamma(&self, sample: &Sample) -> f64 {
        let p = sample.p.max(1) as f64;
        match self.gamma {
            Gamma::Value(gamma) => gamma,
            Gamma::Rule(GammaRule::Auto) => 1.0 / p,
            Gamma::Rule(GammaRule::Scale) => {
                let n = sample.x.len().max(1) as f64;
                let mean = sample.x.iter().sum::<f64>() / n;
                let variance = sample.x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
                if variance > 0.0 && variance.is_finite() { 1.0 / (p * variance) } else { 1.0 }
            }
        }
    }

    pub(super) fn shape(&self, gamma: f64) -> Kernel {
        match self.kernel {
            KernelKind::Linear => Kernel::Linear,
            KernelKind::Rbf => Kernel::Rbf { gamma },
            KernelKind::Polynomial => Kernel::Polynomial { gamma, coef0: self.coef0, degree: self.degree },
            KernelKind::Sigmoid => Kernel::Sigmoid { gamma, coef0: self.coef0 },
        }
    }
}

/// One fit.
struct Work<'a> {
    learner: &'a Svm,
    gamma: f64,
    sample: &'a Sample,
    context: &'a Context,
}

/// A trained machine: a number for each of its rows.
struct Machine {
    rows: Vec<usize>,
    alpha: Vec<f64>,
    intercept: f64,
    converged: bool,
    platt: Option<Platt>,
}

impl Work<'_> {
    fn kernel(&self) -> Kernel {
        self.learner.shape(self.gamma)
    }

    /// Errors where the kernel of a row with itself does not fit 32 bits.
    fn check_kernel(&self) -> Result<()> {
        if self.learner.kernel == KernelKind::Rbf {
            return Ok(());
        }
        for i in 0..self.sample.n {
            let (row, mut own) = (self.sample.row(i), Vec::new());
            Points::new(row, 1, self.sample.p).all(self.kernel(), row, &mut own);
            if own[0].is_nan() || own[0].abs() > 1e30 {
                return Err(crate::LearnError::TooLarge { columns: "the features".into() }.into());
            }
        }
        Ok(())
    }

    fn limits(&self) -> Limits {
        let Svm { tol, max_iter, cache_mb, .. } = *self.learner;
        Limits { tol, max_iter, cache_bytes: cache_mb.saturating_mul(1_000_000) }
    }

    fn problem(&self, rows: &[usize]) -> Problem {
        let x = rows.iter().flat_map(|&i| self.sample.row(i)).copied().collect();
        let empty = Vec::new();
        Problem {
            kernel: self.kernel(),
            x,
            p: self.sample.p,
            linear: empty.clone(),
            low: empty.clone(),
            high: empty,
            kink: 0.0,
        }
    }

    fn quantity(&self) -> Result<FittedSvm> {
        let (sample, c) = (self.sample, self.learner.c);
        let target = sample.numbers()?;
        let rows: Vec<usize> = (0..sample.n).collect();
        let mut problem = self.problem(&rows);
        problem.linear = target.iter().map(|y| -y).collect();
        problem.high = (0..sample.n).map(|i| c * sample.weight(i)).collect();
        problem.low = problem.high.iter().map(|c| -c).collect();
        problem.kink = self.learner.epsilon;
        let solution = problem.solve(self.limits(), self.context)?;
        let machine = Machine {
            rows,
            alpha: solution.alpha,
            intercept: solution.intercept,
            converged: solution.converged,
            platt: None,
        };
        let mut fitted = self.assemble(None, &vec![0; sample.n], vec![machine]);
        fitted.mean = mean(sample, &target);
        Ok(fitted)
    }

    fn classes(&self) -> Result<FittedSvm> {
        let (classes, codes) = self.sample.classes()?;
        classes.warn_if_one(self.context);
        let k = classes.k();
        let shares = classes.present_shares();
        let costs = costs(self.learner.c, self.learner.class_weight, self.sample, &codes, &shares);
        let pairs: Vec<(u32, u32)> =
            (0..k as u32).flat_map(|i| (i + 1..k as u32).map(move |j| (i, j))).collect();
        let machines = in_chunks(pairs.len(), 1, |range| self.pair(pairs[range.start], &codes, &costs));
        let machines = machines.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(self.assemble(Some(classes), &codes, machines))
    }

    fn pair(&self, (i, j): (u32, u32), codes: &[u32], costs: &[f64]) -> Result<Machine> {
        let rows: Vec<usize> = (0..codes.len()).filter(|&r| codes[r] == i || codes[r] == j).collect();
        let mut machine = self.machine(rows, i, codes, costs)?;
        if self.learner.probability == Calibration::Platt {
            machine.platt = Some(self.calibrate(&machine.rows, i, codes, costs)?);
        }
        Ok(machine)
    }

    /// The machine for these rows of class `first` and one other.
    fn machine(&self, rows: Vec<usize>, first: u32, codes: &[u32], costs: &[f64]) -> Result<Machine> {
        let mut problem = self.problem(&rows);
        let side = |&r: &usize| if codes[r] == first { 1.0 } else { -1.0 };
        problem.linear = rows.iter().map(|r| -side(r)).collect();
        problem.low = rows.iter().map(|r| if side(r) > 0.0 { 0.0 } else { -costs[*r] }).collect();
        problem.high = rows.iter().map(|r| if side(r) > 0.0 { costs[*r] } else { 0.0 }).collect();
        let solution = problem.solve(self.limits(), self.context)?;
        Ok(Machine {
            rows,
            alpha: solution.alpha,
            intercept: solution.intercept,
            converged: solution.converged,
            platt: None,
        })
    }

    fn calibrate(&self, rows: &[usize], first: u32, codes: &[u32], costs: &[f64]) -> Result<Platt> {
        let sides: Vec<u32> = rows.iter().map(|&r| u32::from(codes[r] == first)).collect();
        let blocks = self.sample.blocks()?.map(|of| rows.iter().map(|&row| of[row]).collect::<Vec<u32>>());
        let folds = platt::folds(&sides, blocks.as_deref(), self.context.seed_for("svm folds"));
        let parts = in_chunks(FOLDS, 1, |range| {
            let fold = range.start;
            let (mut kept, mut held) = (Vec::new(), Vec::new());
            for (at, &row) in rows.iter().enumerate() {
                if folds[at] == fold { held.push(row) } else { kept.push(row) }
            }
            let machine = self.machine(kept, first, codes, costs)?;
            Ok(self.margins(&machine, &held))
        });
        let mut parts = parts.into_iter().map(|p| p.map(Vec::into_iter)).collect::<Result<Vec<_>>>()?;
        let margins: Vec<f64> = folds.iter().map(|&f| parts[f].next().unwrap_or(0.0)).collect();
        let firsts: Vec<bool> = sides.iter().map(|&side| side == 1).collect();
        let weights: Option<Vec<f64>> =
            self.sample.weights.as_ref().map(|w| rows.iter().map(|&r| w[r]).collect());
        Ok(Platt::fit(&margins, &firsts, weights.as_deref()))
    }

    /// What a machine says of rows of the sample.
    fn margins(&self, machine: &Machine, rows: &[usize]) -> Vec<f64> {
        let vectors: Vec<usize> = (0..machine.rows.len()).filter(|&s| machine.alpha[s] != 0.0).collect();
        let x: Vec<f64> = vectors.iter().flat_map(|&s| self.sample.row(machine.rows[s])).copied().collect();
        let alpha: Vec<f64> = vectors.iter().map(|&s| machine.alpha[s]).collect();
        let points = Points::new(&x, vectors.len(), self.sample.p);
        let mut values = Vec::new();
        let margin = |&row: &usize| {
            points.all(self.kernel(), self.sample.row(row), &mut values);
            dot(&alpha, &values) + machine.intercept
        };
        rows.iter().map(margin).collect()
    }

    /// The support vectors of all machines, class after class, each once.
    fn assemble(&self, classes: Option<Classes>, codes: &[u32], machines: Vec<Machine>) -> FittedSvm {
        if !machines.iter().all(|m| m.converged) {
            warn_not_converged(self.context, Svm::KIND);
        }
        let (sample, k) = (self.sample, classes.as_ref().map_or(1, Classes::k));
        let mut supports = vec![false; sample.n];
        for machine in &machines {
            let used = machine.rows.iter().zip(&machine.alpha).filter(|(_, a)| **a != 0.0);
            used.for_each(|(&row, _)| supports[row] = true);
        }
        let mut rows: Vec<usize> = (0..sample.n).filter(|&i| supports[i]).collect();
        rows.sort_by_key(|&i| codes[i]);
        let mut place = vec![usize::MAX; sample.n];
        rows.iter().enumerate().for_each(|(at, &row)| place[row] = at);
        let n = rows.len();
        let mut counts = vec![0; k];
        rows.iter().for_each(|&row| counts[codes[row] as usize] += 1);
        let slots = if classes.is_some() { k - 1 } else { 1 };
        let mut coefficients = vec![0.0; slots * n];
        let mut machine = machines.iter();
        for i in 0..k {
            // A number is the one machine of one class against itself.
            for j in if classes.is_some() { i + 1..k } else { 1..2 } {
                let Some(machine) = machine.next() else { continue };
                for (&row, &a) in machine.rows.iter().zip(&machine.alpha).filter(|(_, a)| **a != 0.0) {
                    let slot = if codes[row] as usize == i { j - 1 } else { i };
                    coefficients[slot * n + place[row]] = a;
                }
            }
        }
        let vectors: Vec<f64> = rows.iter().flat_map(|&i| sample.row(i)).copied().collect();
        FittedSvm {
            settings: self.learner.clone(),
            features: sample.features.clone(),
            classes,
            gamma: self.gamma,
            counts,
            points: Points::new(&vectors, n, sample.p),
            vectors,
            coefficients,
            intercepts: machines.iter().map(|m| m.intercept).collect(),
            platt: machines.iter().filter_map(|m| m.platt).collect(),
            mean: f64::NAN,
        }
    }
}

//! From which probability up a row is called positive: the threshold that is best for a metric or for stated costs.

use serde::{Deserialize, Serialize};
use tidemill_core::nearest;

use super::{classes, steps_of};
use crate::metrics::ranking::Steps;
use crate::{Answers, Error, Result};

/// What an answer costs, per row, in any unit; a gain is a negative cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Costs {
    /// Of a positive row that is found.
    pub true_positive: f64,
    /// Of a negative row that is taken for a positive one.
    pub false_positive: f64,
    /// Of a negative row that is left alone.
    pub true_negative: f64,
    /// Of a positive row that is missed.
    pub false_negative: f64,
}

/// What a threshold should be best for.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// The least mean cost of a row.
    Cost(Costs),
    /// The greatest value of a metric that knows the four counts.
    Metric(CountMetric),
}

/// A metric of the four counts of a threshold, greatest where best.
#[derive(Clone, Copy, Debug)]
pub struct CountMetric {
    name: &'static str,
    of: fn(&Cells) -> f64,
}

/// The metrics that a threshold can be chosen for. Precision and recall are not among them: a threshold that cares for
/// one of them alone predicts one row, or all.
const COUNT_METRICS: &[CountMetric] = &[
    CountMetric { name: "f1", of: |c| c.f_beta(1.0) },
    CountMetric { name: "f0_5", of: |c| c.f_beta(0.5) },
    CountMetric { name: "f2", of: |c| c.f_beta(2.0) },
    CountMetric { name: "accuracy", of: Cells::accuracy },
    CountMetric { name: "balanced_accuracy", of: |c| 0.5 * (c.recall() + c.specificity()) },
    CountMetric { name: "matthews", of: Cells::matthews },
    CountMetric { name: "cohen_kappa", of: Cells::kappa },
    CountMetric { name: "jaccard", of: |c| over(c.hits, c.hits + c.wrong + c.missed) },
];

impl Goal {
    /// The greatest value of the metric of this name: `f1`, `f0_5`, `f2`, `accuracy`, `balanced_accuracy`, `matthews`,
    /// `cohen_kappa` or `jaccard`. Errors for any other.
    pub fn metric(name: &str) -> Result<Goal> {
        COUNT_METRICS.iter().find(|m| m.name == name).map(|m| Goal::Metric(*m)).ok_or_else(|| {
            let names: Vec<&str> = COUNT_METRICS.iter().map(|m| m.name).collect();
            Error::NotForThreshold {
                name: name.into(),
                names: names.join(", "),
                nearest: nearest(name, names.iter().copied()).map(String::from),
            }
        })
    }

    /// What is to be greatest.
    fn value(&self, cells: &Cells) -> f64 {
        match self {
            Goal::Cost(costs) => -cells.cost(costs),
            Goal::Metric(metric) => (metric.of)(cells),
        }
    }
}

/// The best threshold, and what comes of it on these rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Best {
    /// The class that counts as positive.
    pub class: String,
    /// A row is predicted as the class where its probability is at least this; above 1 for none, 0 for all rows.
    pub threshold: f64,
    /// The metric, or the mean cost of a row.
    pub value: f64,
    /// The same at the threshold 0.5.
    pub value_at_half: f64,
    /// Of the rows predicted as the class, the share that truly is; 0 without any.
    pub precision: f64,
    /// Of the rows of the class, the share that is found.
    pub recall: f64,
    /// Of the other rows, the share that is left alone.
    pub specificity: f64,
    /// The share of rows predicted as the class.
    pub predicted: f64,
}

/// The threshold of the positive class that is best for this goal on these rows: choose it on rows that the model was
/// not fitted on and that do not judge it later.
///
/// It lies in the middle between two probabilities that occur, so that the last bit of a probability decides nothing;
/// among equally good ones it is the one nearest to 0.5. Errors when there are not two classes that both have rows, or no probabilities.
///
/// ```
/// use tidemill_eval::{Answers, curves::{Costs, Goal, best_threshold}};
/// let answers = Answers::classes(vec![0, 0, 1, 1], vec![0, 0, 0, 1], ["no", "yes"])?
///     .with_probability(vec![0.9, 0.1, 0.6, 0.4, 0.7, 0.3, 0.2, 0.8])?;
/// let best = best_threshold(&answers, &Goal::metric("f1")?)?;
/// assert!((best.threshold - 0.2).abs() < 1e-12 && (best.value - 0.8).abs() < 1e-12);
/// let costly = Costs { false_positive: 5.0, false_negative: 1.0, ..Costs::default() };
/// let best = best_threshold(&answers, &Goal::Cost(costly))?;
/// assert_eq!((best.threshold, best.value), (0.6000000000000001, 0.25));
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn best_threshold(answers: &Answers<'_>, goal: &Goal) -> Result<Best> {
    let answers = classes(answers, "best_threshold")?;
    let Some(class) = answers.positive else {
        return Err(Error::NotBinary { n_classes: answers.names.len() });
    };
    if answers.probability.is_none() {
        return Err(Error::NeedsProbability { metric: "best_threshold" });
    }
    let steps = steps_of(answers, class);
    if steps.positive() == 0.0 || steps.negative() == 0.0 {
        let what = "a threshold needs rows of both classes, but there are none of one of them".into();
        return Err(Error::Compare { what });
    }
    let mut best = (f64::NEG_INFINITY, f64::INFINITY, 0);
    for at in 0..=steps.len() {
        let (value, far) = (goal.value(&Cells::above(&steps, at)), (between(&steps, at) - 0.5).abs());
        if value > best.0 || (value == best.0 && far < best.1) {
            best = (value, far, at);
        }
    }
    let half = goal.value(&Cells::above(&steps, steps.threshold.partition_point(|&t| t >= 0.5)));
    let shown = |value: f64| if matches!(goal, Goal::Cost(_)) { -value } else { value };
    let cells = Cells::above(&steps, best.2);
    Ok(Best {
        class: answers.names[class].to_string(),
        threshold: between(&steps, best.2),
        value: shown(best.0),
        value_at_half: shown(half),
        precision: cells.precision(),
        recall: cells.recall(),
        specificity: cells.specificity(),
        predicted: cells.predicted(),
    })
}

/// A threshold that the first `n` distinct scores reach and the others do not.
fn between(steps: &Steps, n: usize) -> f64 {
    if n == steps.len() {
        return 0.0;
    }
    let below = steps.threshold[n];
    if n == 0 {
        return below.max(1.0).next_up();
    }
    let above = steps.threshold[n - 1];
    let middle = below + 0.5 * (above - below);
    if middle > below { middle } else { above }
}

/// The weights of the four kinds of rows at a threshold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells {
    hits: f64,
    wrong: f64,
    missed: f64,
    left: f64,
}

impl Cells {
    /// With the first `n` distinct scores predicted as positive.
    pub(super) fn above(steps: &Steps, n: usize) -> Self {
        let reached = |of: &[f64]| if n == 0 { 0.0 } else { of[n - 1] };
        let (hits, wrong) = (reached(&steps.true_positive), reached(&steps.false_positive));
        Cells { hits, wrong, missed: steps.positive() - hits, left: steps.negative() - wrong }
    }

    fn all(&self) -> f64 {
        self.hits + self.wrong + self.missed + self.left
    }

    pub(super) fn precision(&self) -> f64 {
        over(self.hits, self.hits + self.wrong)
    }

    pub(super) fn recall(&self) -> f64 {
        over(self.hits, self.hits + self.missed)
    }

    pub(super) fn specificity(&self) -> f64 {
        over(self.left, self.left + self.wrong)
    }

    pub(super) fn predicted(&self) -> f64 {
        over(self.hits + self.wrong, self.all())
    }

    pub(super) fn f_beta(&self, beta: f64) -> f64 {
        let square = beta * beta;
        let hits = (1.0 + square) * self.hits;
        over(hits, hits + square * self.missed + self.wrong)
    }

    fn accuracy(&self) -> f64 {
        over(self.hits + self.left, self.all())
    }

    fn matthews(&self) -> f64 {
        let (positive, negative) = (self.hits + self.missed, self.wrong + self.left);
        let (yes, no) = (self.hits + self.wrong, self.missed + self.left);
        let above = self.hits * self.left - self.wrong * self.missed;
        over(above, positive.sqrt() * negative.sqrt() * yes.sqrt() * no.sqrt())
    }

    fn kappa(&self) -> f64 {
        let (positive, negative) = (self.hits + self.missed, self.wrong + self.left);
        let (yes, no) = (self.hits + self.wrong, self.missed + self.left);
        2.0 * over(self.hits * self.left - self.wrong * self.missed, positive * no + negative * yes)
    }

    pub(super) fn cost(&self, costs: &Costs) -> f64 {
        let total = self.hits * costs.true_positive
            + self.wrong * costs.false_positive
            + self.left * costs.true_negative
            + self.missed * costs.false_negative;
        over(total, self.all())
    }
}

/// `a / b`, and 0 for 0/0.
fn over(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

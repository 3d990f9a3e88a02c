//! Deviances: how unlikely the truth is under a distribution about the prediction, and the share of it explained.
//!
//! Source: Jørgensen 1987, "Exponential dispersion models"; agrees with scikit-learn's `mean_tweedie_deviance` and
//! `d2_tweedie_score`.

use super::{Metric, REGRESSION, Score, numbers};
use crate::sum::{mean, outside, weight};
use crate::{Answers, NumberAnswers, Result};

/// The mean Poisson deviance.
pub(super) const POISSON_DEVIANCE: Metric = Metric {
    name: "poisson_deviance",
    title: "Poisson deviance",
    about: "Twice the log-likelihood lost against a perfect prediction under the Poisson distribution: the loss for counts.",
    formula: "poisson_deviance = mean over rows 2 (truth ln(truth / prediction) - truth + prediction)",
    range: "0 up",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: |answers| deviance(answers, &POISSON),
};

/// The share of Poisson deviance explained.
pub(super) const D2_POISSON: Metric = Metric {
    name: "d2_poisson",
    title: "D2, Poisson",
    about: "The share of the Poisson deviance that the predictions explain: 0 is no better than always saying the mean.",
    formula: "d2_poisson = 1 - poisson_deviance / poisson_deviance of the mean of truth",
    range: "minus infinity to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: |answers| explained(answers, &POISSON),
};

/// The mean gamma deviance.
pub(super) const GAMMA_DEVIANCE: Metric = Metric {
    name: "gamma_deviance",
    title: "Gamma deviance",
    about: "Twice the log-likelihood lost against a perfect prediction under the gamma distribution: the loss for positive numbers whose error grows with them.",
    formula: "gamma_deviance = mean over rows 2 (ln(prediction / truth) + truth / prediction - 1)",
    range: "0 up",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: |answers| deviance(answers, &GAMMA),
};

/// The share of gamma deviance explained.
pub(super) const D2_GAMMA: Metric = Metric {
    name: "d2_gamma",
    title: "D2, gamma",
    about: "The share of the gamma deviance that the predictions explain: 0 is no better than always saying the mean.",
    formula: "d2_gamma = 1 - gamma_deviance / gamma_deviance of the mean of truth",
    range: "minus infinity to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: |answers| explained(answers, &GAMMA),
};

/// The mean Tweedie deviance.
pub(super) const TWEEDIE_DEVIANCE: Metric = Metric {
    name: "tweedie_deviance",
    title: "Tweedie deviance",
    about: "Twice the log-likelihood lost against a perfect prediction under the Tweedie distribution: the loss for numbers that are often 0 and else positive, such as claims (power 1.5).",
    formula: "tweedie_deviance = mean over rows 2 (truth^0.5 / (-0.25) + 2 truth / prediction^0.5 + 2 prediction^0.5)",
    range: "0 up",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: |answers| deviance(answers, &TWEEDIE),
};

/// The share of Tweedie deviance explained.
pub(super) const D2_TWEEDIE: Metric = Metric {
    name: "d2_tweedie",
    title: "D2, Tweedie",
    about: "The share of the Tweedie deviance that the predictions explain: 0 is no better than always saying the mean.",
    formula: "d2_tweedie = 1 - tweedie_deviance / tweedie_deviance of the mean of truth",
    range: "minus infinity to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: |answers| explained(answers, &TWEEDIE),
};

/// A distribution: which numbers it knows, and the deviance of one row.
struct Family {
    name: &'static str,
    truth: (fn(f64) -> bool, &'static str),
    deviance: fn(f64, f64) -> f64,
}

const POISSON: Family = Family {
    name: "Poisson",
    truth: (|t| t >= 0.0, "from 0 up"),
    deviance: |t, p| if t == 0.0 { 2.0 * p } else { 2.0 * t * beyond_ln((p - t) / t) },
};

const GAMMA: Family =
    Family { name: "gamma", truth: (|t| t > 0.0, "above 0"), deviance: |t, p| 2.0 * beyond_ln((t - p) / p) };

const TWEEDIE: Family = Family {
    name: "Tweedie",
    truth: (|t| t >= 0.0, "from 0 up"),
    deviance: |t, p| {
        // 2 (t^0.5 / (-0.25) + 2 t / p^0.5 + 2 p^0.5), written so that nothing cancels.
        let apart = (t - p) / (t.sqrt() + p.sqrt());
        4.0 * apart * apart / p.sqrt()
    },
};

/// `x - ln(1 + x)`, without the loss of digits near 0: there `ln(1 + x)` is `2 artanh(x / (2 + x))`, and the first
/// terms cancel on paper.
fn beyond_ln(x: f64) -> f64 {
    if x.abs() > 0.1 {
        return x - x.ln_1p();
    }
    let r = x / (2.0 + x);
    let square = r * r;
    // Seven terms reach the last bit for |r| up to 0.053.
    let series = (0..7).rev().fold(0.0, |sum, i| sum * square + 1.0 / f64::from(2 * i + 3));
    r * x - 2.0 * r * square * series
}

impl Family {
    /// Why the deviance is undefined.
    fn refuses(&self, a: &NumberAnswers<'_>) -> Option<Score> {
        let found = outside(a, self.truth.0, |p| p > 0.0)?;
        let (name, wanted) = (self.name, self.truth.1);
        let reason = format!(
            "{name} deviance is undefined: {found}, but truths must be {wanted} and predictions above 0"
        );
        Some(Score::undefined("deviance_undefined", reason))
    }
}

fn deviance(answers: &Answers<'_>, family: &Family) -> Result<Score> {
    let a = numbers(answers)?;
    Ok(family.refuses(a).unwrap_or_else(|| Score::of(mean(a, family.deviance))))
}

fn explained(answers: &Answers<'_>, family: &Family) -> Result<Score> {
    let a = numbers(answers)?;
    if let Some(score) = family.refuses(a) {
        return Ok(score);
    }
    let mut truths =
        (0..a.truth.len()).filter(|&i| weight(a.weights.as_deref(), i) > 0.0).map(|i| a.truth[i]);
    let first = truths.next();
    let (mut counted, mut constant) = (1, true);
    truths.for_each(|t| {
        counted += 1;
        constant &= Some(t) == first;
    });
    if counted < 2 {
        return Ok(Score::undefined("d2_one_row", "D2 is undefined for a single row: it has no deviance"));
    }
    let left = mean(a, family.deviance);
    if constant {
        let value = if left == 0.0 { 1.0 } else { 0.0 };
        let message = format!("the target is constant, so D2 is taken as {value} (1 only without any error)");
        return Ok(Score::of(value).warn("d2_constant_truth", message));
    }
    let middle = mean(a, |t, _| t);
    Ok(Score::of(1.0 - left / mean(a, |t, _| (family.deviance)(t, middle))))
}

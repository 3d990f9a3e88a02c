//! Cohen's kappa, plain and weighted (Cohen 1960 and 1968).

use super::{CLASSES, Metric, Score, classes};
use crate::sum::weighted_sum;
use crate::{Answers, Counts, Result};

/// Agreement beyond chance.
pub(super) const COHEN_KAPPA: Metric = Metric {
    name: "cohen_kappa",
    title: "Cohen's kappa",
    about: "How much more true and predicted classes agree than they would by chance with the same shares of classes: 0 is chance.",
    formula: "cohen_kappa = 1 - share of wrong rows / share expected wrong by chance",
    range: "-1 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: CLASSES,
    compute: |answers| kappa(answers, Distance::Any),
};

/// The same for ordered classes.
pub(super) const COHEN_KAPPA_LINEAR: Metric = Metric {
    name: "cohen_kappa_linear",
    title: "Cohen's kappa, linear",
    about: "Cohen's kappa of ordered classes: a prediction two places off counts twice as much as one place off, in the order of the classes.",
    formula: "cohen_kappa_linear = 1 - mean of |place of truth - place of prediction| / the same expected by chance",
    range: "-1 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: CLASSES,
    compute: |answers| kappa(answers, Distance::Linear),
};

/// The same, far misses counting for much more.
pub(super) const COHEN_KAPPA_QUADRATIC: Metric = Metric {
    name: "cohen_kappa_quadratic",
    title: "Cohen's kappa, quadratic",
    about: "Cohen's kappa of ordered classes: a prediction two places off counts four times as much as one place off, in the order of the classes.",
    formula: "cohen_kappa_quadratic = 1 - mean of (place of truth - place of prediction)^2 / the same expected by chance",
    range: "-1 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: CLASSES,
    compute: |answers| kappa(answers, Distance::Square),
};

/// How far a wrong class is off.
#[derive(Clone, Copy)]
enum Distance {
    /// All alike.
    Any,
    /// By places.
    Linear,
    /// By places, squared.
    Square,
}

fn kappa(answers: &Answers<'_>, distance: Distance) -> Result<Score> {
    let a = classes(answers)?;
    let off = |row: usize| {
        let places = f64::from(a.truth[row].abs_diff(a.predicted[row]));
        match distance {
            Distance::Any => f64::from(places > 0.0),
            Distance::Linear => places,
            Distance::Square => places * places,
        }
    };
    let found = weighted_sum(a.truth.len(), a.weights.as_deref(), off) / answers.total_weight();
    let chance = by_chance(a.counts(), distance);
    if chance == 0.0 {
        let reason = "Cohen's kappa is undefined: all rows are of one class, in truth and in prediction";
        return Ok(Score::undefined("kappa_undefined", reason));
    }
    Ok(Score::of(1.0 - found / chance))
}

/// The mean distance of a true class and a predicted one drawn apart from each other, in sums that never cancel.
fn by_chance(counts: &Counts, distance: Distance) -> f64 {
    let shares = |of: &[f64]| {
        let all: f64 = of.iter().sum();
        of.iter().map(|w| w / all).collect::<Vec<f64>>()
    };
    let (truth, predicted) = (shares(&counts.truth), shares(&counts.predicted));
    let pairs = || truth.iter().zip(&predicted);
    match distance {
        Distance::Any => {
            // What is left of 1 beside a class, from its two sides.
            let mut below = 0.0;
            let mut above: f64 = predicted.iter().sum();
            let apart = |(t, p): (&f64, &f64)| {
                above -= p;
                let wrong = t * (below + above.max(0.0));
                below += p;
                wrong
            };
            pairs().map(apart).sum()
        }
        Distance::Linear => {
            let (mut below_t, mut below_p, mut sum) = (0.0, 0.0, 0.0);
            // |a - b| is the number of borders between two places that lie between a and b.
            for (t, p) in pairs().take(truth.len().saturating_sub(1)) {
                below_t += t;
                below_p += p;
                sum += below_t * (1.0 - below_p).max(0.0) + below_p * (1.0 - below_t).max(0.0);
            }
            sum
        }
        Distance::Square => {
            let mean = |of: &[f64]| of.iter().enumerate().map(|(c, p)| c as f64 * p).sum::<f64>();
            let (m, l) = (mean(&truth), mean(&predicted));
            let spread = |of: &[f64], mean: f64| {
                of.iter().enumerate().map(|(c, p)| (c as f64 - mean) * (c as f64 - mean) * p).sum::<f64>()
            };
            spread(&truth, m) + spread(&predicted, l) + (m - l) * (m - l)
        }
    }
}

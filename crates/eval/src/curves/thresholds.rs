//! How precision, recall and cost run over the threshold.

use serde::Serialize;

use super::decision::{Cells, Costs};
use super::each;
use super::thin::thin;
use crate::metrics::ranking::Steps;
use crate::{Answers, Result};

/// What comes of each threshold of a class: rows whose probability is at least the threshold are predicted as it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// The class that counts as positive.
    pub class: String,
    /// Falling thresholds, all of them probabilities that occur.
    pub threshold: Vec<f64>,
    /// Of the rows predicted as the class, the share that truly is of it.
    pub precision: Vec<f64>,
    /// Of the rows of the class, the share predicted as it.
    pub recall: Vec<f64>,
    /// Of the other rows, the share not predicted as it.
    pub specificity: Vec<f64>,
    /// The harmonic mean of precision and recall.
    pub f1: Vec<f64>,
    /// The share of rows predicted as the class.
    pub predicted: Vec<f64>,
    /// The mean cost of a row; empty where no costs are stated.
    pub cost: Vec<f64>,
}

/// The sweep over thresholds of each class, each of at most `max_points` points (10 at least). [`super::best_threshold`]
/// chooses one. Errors for numbers.
///
/// ```
/// use tidemill_eval::{Answers, curves::{Costs, thresholds}};
/// let answers = Answers::classes(vec![0, 0, 1, 1], vec![0, 0, 0, 1], ["no", "yes"])?
///     .with_probability(vec![0.9, 0.1, 0.6, 0.4, 0.65, 0.35, 0.2, 0.8])?;
/// let costs = Costs { false_positive: 1.0, false_negative: 5.0, ..Costs::default() };
/// let sweep = &thresholds(&answers, Some(&costs), 200)?[0];
/// assert_eq!(sweep.threshold, [0.8, 0.4, 0.35, 0.1]);
/// assert_eq!(sweep.recall, [0.5, 0.5, 1.0, 1.0]);
/// assert_eq!(sweep.cost, [1.25, 1.5, 0.25, 0.5]);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn thresholds(
    answers: &Answers<'_>,
    costs: Option<&Costs>,
    max_points: usize,
) -> Result<Vec<Thresholds>> {
    each(answers, "thresholds", |class, steps| curve(class, steps, costs, max_points.max(10)))
}

fn curve(class: String, steps: &Steps, costs: Option<&Costs>, most: usize) -> Thresholds {
    let of = |of: &dyn Fn(&Cells) -> f64, at: usize| of(&Cells::above(steps, at + 1));
    let column = |f: &dyn Fn(&Cells) -> f64| (0..steps.len()).map(|i| of(f, i)).collect::<Vec<f64>>();
    let kept = if steps.len() <= most {
        (0..steps.len()).collect()
    } else {
        // Each shape has its share of the points.
        let mut shapes =
            vec![column(&Cells::precision), column(&Cells::recall), column(&|c: &Cells| c.f_beta(1.0))];
        shapes.extend(costs.map(|costs| column(&|c: &Cells| c.cost(costs))));
        let share = most / shapes.len();
        let mut kept: Vec<usize> = shapes.iter().flat_map(|y| thin(&steps.threshold, y, share)).collect();
        kept.sort_unstable();
        kept.dedup();
        kept
    };
    let at = |f: &dyn Fn(&Cells) -> f64| kept.iter().map(|&i| of(f, i)).collect::<Vec<f64>>();
    Thresholds {
        class,
        threshold: super::pick(&steps.threshold, &kept),
        precision: at(&Cells::precision),
        recall: at(&Cells::recall),
        specificity: at(&Cells::specificity),
        f1: at(&|c: &Cells| c.f_beta(1.0)),
        predicted: at(&Cells::predicted),
        cost: costs.map_or_else(Vec::new, |costs| at(&|c: &Cells| c.cost(costs))),
    }
}

//! Metrics of labels, at the threshold that is best for them: where one chooses, the threshold is part of the search. From one half
//! on, a rare class is never predicted, and all learners are equally bad.

use serde::Serialize;
use tidemill_core::recipe::{Decision, Task};
use tidemill_eval::Metric;

use super::judge::Truth;

/// Thresholds that are looked at: equally spaced in the cube root of the probability, since those of rare classes lie near 0.
const CELLS: usize = 1024;

/// The rows of a threshold, by weight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    /// Positive rows that are predicted.
    pub found: f64,
    /// Negative rows that are predicted as positive.
    pub false_alarms: f64,
    /// Positive rows in all.
    pub positives: f64,
    /// Negative rows in all.
    pub negatives: f64,
}

/// A metric of the labels of two classes, from counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LabelMetric {
    F1,
    F1Macro,
    BalancedAccuracy,
    Jaccard,
    Kappa,
    Matthews,
}

impl LabelMetric {
    /// The metric, where a threshold is to be found for it. Not for precision or recall alone, which the threshold drives to nothing
    /// or all, nor for accuracy, for which one half is right.
    pub(crate) fn of(metric: &Metric, n_classes: usize) -> Option<Self> {
        if n_classes != 2 || !metric.tasks.contains(&Task::Binary) {
            return None;
        }
        match metric.name {
            "f1" => Some(LabelMetric::F1),
            "f1_macro" => Some(LabelMetric::F1Macro),
            "balanced_accuracy" => Some(LabelMetric::BalancedAccuracy),
            "jaccard" => Some(LabelMetric::Jaccard),
            "cohen_kappa" => Some(LabelMetric::Kappa),
            "matthews" => Some(LabelMetric::Matthews),
            _ => None,
        }
    }

    pub(super) fn value(self, c: &Counts) -> f64 {
        let (tp, fp) = (c.found, c.false_alarms);
        let (missed, tn) = (c.positives - tp, c.negatives - fp);
        let share = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
        let f1 = |tp: f64, fp: f64, missed: f64| share(2.0 * tp, 2.0 * tp + fp + missed);
        match self {
            LabelMetric::F1 => f1(tp, fp, missed),
            LabelMetric::F1Macro => (f1(tp, fp, missed) + f1(tn, missed, fp)) / 2.0,
            LabelMetric::BalancedAccuracy => (share(tp, c.positives) + share(tn, c.negatives)) / 2.0,
            LabelMetric::Jaccard => share(tp, tp + fp + missed),
            LabelMetric::Kappa => {
                let all = c.positives + c.negatives;
                let chance = ((tp + fp) * c.positives + (missed + tn) * c.negatives) / (all * all);
                share((tp + tn) / all - chance, 1.0 - chance)
            }
            LabelMetric::Matthews => {
                let below = ((tp + fp) * (missed + tn) * c.positives * c.negatives).sqrt();
                share(tp * tn - fp * missed, below)
            }
        }
    }

    /// The metric at its best threshold: each half of the rows is judged at the threshold that is best for the other half, since on the
    /// same rows a threshold follows chance where positives are few. `NaN` where a half lacks a class.
    pub(crate) fn best(self, truth: &Truth, answers: &[f64]) -> f64 {
        let halves = halves(truth, answers);
        let mut sum = Counts::default();
        for (own, other) in [(&halves[0], &halves[1]), (&halves[1], &halves[0])] {
            let Some(cut) = self.cut(own) else { return f64::NAN };
            let counts = other.above(cut);
            sum.found += counts.found;
            sum.false_alarms += counts.false_alarms;
            sum.positives += counts.positives;
            sum.negatives += counts.negatives;
        }
        self.value(&sum)
    }

    /// The cell from which on the positive class is best predicted; between two that rows fall into.
    fn cut(self, half: &Half) -> Option<usize> {
        let all = half.above(0);
        if all.positives <= 0.0 || all.negatives <= 0.0 {
            return None;
        }
        let filled: Vec<usize> =
            (0..CELLS).filter(|&c| half.positive[c] + half.negative[c] > 0.0).rev().collect();
        let (mut at, mut best) =
            (Counts { found: 0.0, false_alarms: 0.0, ..all }, (f64::NEG_INFINITY, CELLS));
        for (i, &cell) in filled.iter().enumerate() {
            at.found += half.positive[cell];
            at.false_alarms += half.negative[cell];
            let value = self.value(&at);
            if value > best.0 {
                let below = filled.get(i + 1).copied().unwrap_or(0);
                best = (value, (cell + below).div_ceil(2));
            }
        }
        Some(best.1)
    }
}

fn cell(p: f64) -> usize {
    ((p.clamp(0.0, 1.0).cbrt() * CELLS as f64) as usize).min(CELLS - 1)
}

/// The weights of half of the rows, by cell.
struct Half {
    positive: Vec<f64>,
    negative: Vec<f64>,
}

impl Half {
    /// What predicting the positive class from this cell on comes to.
    fn above(&self, cut: usize) -> Counts {
        let cut = cut.min(CELLS);
        Counts {
            found: self.positive[cut..].iter().sum(),
            false_alarms: self.negative[cut..].iter().sum(),
            positives: self.positive.iter().sum(),
            negatives: self.negative.iter().sum(),
        }
    }
}

/// The rows in two halves, every other one of each class. `answers` holds two probabilities a row.
fn halves(truth: &Truth, answers: &[f64]) -> [Half; 2] {
    let mut halves = [(); 2].map(|()| Half { positive: vec![0.0; CELLS], negative: vec![0.0; CELLS] });
    let mut seen = [0usize; 2];
    for (i, (p, &code)) in answers.chunks_exact(2).zip(truth.codes()).enumerate() {
        let weight = truth.weights.as_ref().map_or(1.0, |w| w[i]);
        let class = usize::from(code == 1);
        let half = &mut halves[seen[class] % 2];
        seen[class] += 1;
        let cells = if class == 1 { &mut half.positive } else { &mut half.negative };
        cells[cell(p[1])] += weight;
    }
    halves
}

/// Why one would choose a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// It is in force.
    InForce,
    /// Finding positives and raising no false alarm are weighed alike.
    F1,
    /// A missed positive costs ten false alarms.
    Cost,
}

/// A threshold one might choose, and what it comes to on held-out rows.
#[derive(Clone, Debug, Serialize)]
pub struct OperatingPoint {
    /// Why one would choose it.
    pub what: Purpose,
    /// From this probability of the positive class on it is predicted.
    pub threshold: f64,
    /// Positive rows that it finds.
    pub found: f64,
    /// Of so many.
    pub positives: f64,
    /// Rows that it takes for positive though they are not.
    pub false_alarms: f64,
    /// The flag that asks for it.
    pub flag: String,
}

/// The rows at a threshold exactly.
fn at(threshold: f64, truth: &Truth, answers: &[f64]) -> Counts {
    let mut counts = Counts::default();
    for (i, (p, &code)) in answers.chunks_exact(2).zip(truth.codes()).enumerate() {
        let weight = truth.weights.as_ref().map_or(1.0, |w| w[i]);
        let said = if p[1] >= threshold { weight } else { 0.0 };
        match code {
            1 => (counts.positives, counts.found) = (counts.positives + weight, counts.found + said),
            _ => {
                (counts.negatives, counts.false_alarms) =
                    (counts.negatives + weight, counts.false_alarms + said)
            }
        }
    }
    counts
}

/// Positives are rare below this share.
const RARE: f64 = 0.2;

/// Whether positives are so rare among all rows that one half is seldom the threshold to want.
pub(crate) fn is_rare(positives: f64, all: f64) -> bool {
    positives > 0.0 && positives < RARE * all
}

/// The threshold in force and those that the decisions of `asked` lead to.
pub(super) fn points(
    truth: &Truth,
    answers: &[f64],
    in_force: f64,
    asked: &[(Purpose, &str, f64)],
) -> Vec<OperatingPoint> {
    let point = |what: Purpose, threshold: f64, flag: &str| {
        let counts = at(threshold, truth, answers);
        OperatingPoint {
            what,
            threshold,
            found: counts.found,
            positives: counts.positives,
            false_alarms: counts.false_alarms,
            flag: flag.into(),
        }
    };
    let mut list = vec![point(Purpose::InForce, in_force, "")];
    for (what, flag, threshold) in asked {
        if list.iter().all(|known| known.threshold != *threshold) {
            list.push(point(*what, *threshold, flag));
        }
    }
    list
}

/// The decision that a metric of labels stands for, where the recipe makes none.
pub(super) fn implied(decision: &Decision, metric: &Metric, n_classes: usize) -> Decision {
    match LabelMetric::of(metric, n_classes) {
        Some(_) if *decision == Decision::default() => {
            Decision { metric: Some(metric.name.into()), ..Decision::default() }
        }
        _ => decision.clone(),
    }
}

#[cfg(test)]
mod tests {
    use tidemill_core::Target;

    use super::*;

    fn truth(codes: &[u32]) -> Truth {
        Truth { target: Target::Class { codes: codes.to_vec(), n_classes: 2 }, weights: None }
    }

    fn two(yes: &[f64]) -> Vec<f64> {
        yes.iter().flat_map(|p| [1.0 - p, *p]).collect()
    }

    #[test]
    fn rare_positives_are_found_below_one_half() {
        let truth = truth(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        let answers =
            two(&[0.01, 0.02, 0.01, 0.03, 0.04, 0.02, 0.01, 0.02, 0.01, 0.01, 0.02, 0.20, 0.12, 0.30]);
        // Each half has one positive; the one at 0.30 sets a threshold above the one at 0.12, which sets one below both.
        assert_eq!(LabelMetric::F1.best(&truth, &answers), 0.5);
        let apart =
            two(&[0.01, 0.02, 0.01, 0.03, 0.04, 0.02, 0.01, 0.02, 0.01, 0.01, 0.02, 0.03, 0.25, 0.30]);
        assert_eq!(LabelMetric::F1.best(&truth, &apart), 1.0);
        assert_eq!(LabelMetric::BalancedAccuracy.best(&truth, &apart), 1.0);
        assert!(LabelMetric::F1.best(&self::truth(&[0, 0, 0, 1]), &two(&[0.1, 0.2, 0.1, 0.4])).is_nan());
        assert!(is_rare(2.0, 14.0) && !is_rare(2.0, 4.0) && !is_rare(0.0, 4.0));
    }

    /// scikit-learn 1.9.1: `f1_score`, `f1_score(average="macro")`, `balanced_accuracy_score`, `jaccard_score`, `cohen_kappa_score` and
    /// `matthews_corrcoef` of the same 30 true positives, 10 false alarms, 20 missed and 140 others.
    #[test]
    fn counts_give_what_scikit_learn_gives() {
        let counts = Counts { found: 30.0, false_alarms: 10.0, positives: 50.0, negatives: 150.0 };
        let expected = [
            (LabelMetric::F1, 0.666_666_666_666_666_6),
            (LabelMetric::F1Macro, 0.784_946_236_559_139_8),
            (LabelMetric::BalancedAccuracy, 0.766_666_666_666_666_7),
            (LabelMetric::Jaccard, 0.5),
            (LabelMetric::Kappa, 0.571_428_571_428_571_4),
            (LabelMetric::Matthews, 0.577_350_269_189_625_8),
        ];
        for (metric, value) in expected {
            assert!((metric.value(&counts) - value).abs() < 1e-12, "{metric:?} {}", metric.value(&counts));
        }
    }
}

//! Ratios of counts per class (precision, recall, F1), and the ways to make one figure of them.

use super::{Score, classes, positive};
use crate::{Answers, ClassAnswers, Counts, Result};

/// A ratio of counts of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ratio {
    Precision,
    Recall,
    F1,
    FHalf,
    FTwo,
    Jaccard,
    Specificity,
    NegativePredictive,
}

/// How the ratios of several classes become one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Average {
    /// That of the positive class.
    Positive,
    /// Their mean.
    Macro,
    /// The ratio of the classes' summed counts.
    Micro,
    /// Their mean, weighted by support.
    Weighted,
}

impl Ratio {
    fn word(self) -> &'static str {
        match self {
            Ratio::Precision => "precision",
            Ratio::Recall => "recall",
            Ratio::F1 => "F1",
            Ratio::FHalf => "F0.5",
            Ratio::FTwo => "F2",
            Ratio::Jaccard => "Jaccard index",
            Ratio::Specificity => "specificity",
            Ratio::NegativePredictive => "negative predictive value",
        }
    }

    /// What is divided by what, for one class.
    fn terms(self, counts: &Counts, class: usize) -> (f64, f64) {
        let hits = counts.hits[class];
        match self {
            Ratio::Precision => (hits, counts.predicted[class]),
            Ratio::Recall => (hits, counts.truth[class]),
            Ratio::F1 => (2.0 * hits, counts.truth[class] + counts.predicted[class]),
            Ratio::FHalf => (1.25 * hits, 0.25 * counts.truth[class] + counts.predicted[class]),
            Ratio::FTwo => (5.0 * hits, 4.0 * counts.truth[class] + counts.predicted[class]),
            Ratio::Jaccard => (hits, counts.truth[class] + (counts.predicted[class] - hits)),
            Ratio::Specificity => {
                let negative = others(&counts.truth, class);
                ((negative - (counts.predicted[class] - hits)).max(0.0), negative)
            }
            Ratio::NegativePredictive => {
                let negative = others(&counts.predicted, class);
                ((negative - (counts.truth[class] - hits)).max(0.0), negative)
            }
        }
    }

    /// The ratio of one class; 0 where it is 0/0.
    pub(crate) fn of(self, counts: &Counts, class: usize) -> f64 {
        let (above, below) = self.terms(counts, class);
        over(above, below)
    }

    /// The code of the warning about 0/0, and what is lacking then.
    fn lacking(self) -> (&'static str, &'static str) {
        match self {
            Ratio::Precision => ("precision_undefined", "predicted as"),
            Ratio::Recall => ("recall_undefined", "truly of class"),
            Ratio::F1 => ("f1_undefined", "predicted as or truly of class"),
            Ratio::FHalf | Ratio::FTwo => ("f_beta_undefined", "predicted as or truly of class"),
            Ratio::Jaccard => ("jaccard_undefined", "predicted as or truly of class"),
            Ratio::Specificity => ("specificity_undefined", "truly of another class than"),
            Ratio::NegativePredictive => {
                ("negative_predictive_value_undefined", "predicted as another class than")
            }
        }
    }
}

/// The weight of the other classes, added up so that it is 0 exactly where there is none.
fn others(weights: &[f64], class: usize) -> f64 {
    weights[..class].iter().chain(&weights[class + 1..]).sum()
}

/// `a / b`, and 0 for 0/0.
fn over(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

/// This ratio, made one figure in this way.
pub(super) fn averaged(answers: &Answers<'_>, ratio: Ratio, average: Average) -> Result<Score> {
    let answers = classes(answers)?;
    let counts = answers.counts();
    if average == Average::Positive {
        let class = positive(answers)?;
        return Ok(warned(Score::of(ratio.of(counts, class)), answers, ratio, &[class]));
    }
    let present: Vec<usize> = counts.present().collect();
    if average == Average::Micro {
        let (above, below) = present.iter().fold((0.0, 0.0), |(a, b), &c| {
            let (above, below) = ratio.terms(counts, c);
            (a + above, b + below)
        });
        return Ok(Score::of(over(above, below)));
    }
    let share = |c: usize| if average == Average::Weighted { counts.truth[c] } else { 1.0 };
    let total: f64 = present.iter().map(|&c| share(c)).sum();
    let sum: f64 = present.iter().map(|&c| share(c) * ratio.of(counts, c)).sum();
    let mut score = warned(Score::of(sum / total), answers, ratio, &present);
    score.detail = present.iter().map(|&c| (answers.names[c].to_string(), ratio.of(counts, c))).collect();
    Ok(score)
}

/// Says for which of these classes the ratio was 0/0.
fn warned(score: Score, answers: &ClassAnswers<'_>, ratio: Ratio, of: &[usize]) -> Score {
    let counts = answers.counts();
    let empty: Vec<usize> = of.iter().copied().filter(|&c| ratio.terms(counts, c).1 == 0.0).collect();
    let Some(&first) = empty.first() else { return score };
    let (code, lacking) = ratio.lacking();
    let (word, name) = (ratio.word(), &answers.names[first]);
    let message = match empty.len() {
        1 => format!("no row is {lacking} '{name}': its {word} is 0/0, taken as 0"),
        n => format!(
            "no row is {lacking} '{name}' and {} other classes: their {word} is 0/0, taken as 0",
            n - 1
        ),
    };
    score.warn(code, message)
}

//! The area under the ROC curve of each pair of classes (Hand and Till 2001).

use rayon::prelude::*;

use super::ranking::ranking;
use super::{MULTICLASS, Metric, Score, classes, without_rows};
use crate::{Answers, ClassAnswers, Error, Result};

/// Of each pair of classes, averaged.
pub(super) const ROC_AUC_OVO: Metric = Metric {
    name: "roc_auc_ovo",
    title: "ROC AUC, one against one",
    about: "ROC AUC of each pair of classes among their own rows, averaged over the pairs: the shares of the classes play no part.",
    formula: "roc_auc_ovo = mean over pairs of classes ((roc_auc by the probability of one + by that of the other) / 2)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: true,
    in_report: false,
    tasks: MULTICLASS,
    compute: |answers| one_against_one(answers, false),
};

/// The same, averaged by the rows of each pair.
pub(super) const ROC_AUC_OVO_WEIGHTED: Metric = Metric {
    name: "roc_auc_ovo_weighted",
    title: "ROC AUC, one against one, weighted",
    about: "ROC AUC of each pair of classes among their own rows, averaged by the rows of the pair.",
    formula: "roc_auc_ovo_weighted = sum over pairs (rows of the pair * roc_auc of the pair) / sum of rows of the pairs",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: true,
    in_report: false,
    tasks: MULTICLASS,
    compute: |answers| one_against_one(answers, true),
};

/// Beyond so many classes there are too many pairs to rank.
const MOST_CLASSES: usize = 256;

fn one_against_one(answers: &Answers<'_>, by_rows: bool) -> Result<Score> {
    let a = classes(answers)?;
    let probability = a.probability.as_deref().ok_or(Error::NeedsProbability { metric: "roc_auc_ovo" })?;
    let counts = a.counts();
    let with_rows: Vec<usize> = (0..counts.n_classes()).filter(|&c| counts.truth[c] > 0.0).collect();
    if with_rows.len() < 2 {
        let reason = "ROC AUC of pairs is undefined: all rows are of one class";
        return Ok(Score::undefined("roc_auc_one_class", reason));
    }
    if with_rows.len() > MOST_CLASSES {
        let n = with_rows.len();
        let reason =
            format!("{n} classes make too many pairs (at most {MOST_CLASSES} classes): use roc_auc_ovr");
        return Ok(Score::undefined("roc_auc_ovo_many_classes", reason));
    }
    let rows = rows_of(a);
    let pairs: Vec<(usize, usize)> = with_rows
        .iter()
        .flat_map(|&x| with_rows.iter().map(move |&y| (x, y)))
        .filter(|(x, y)| x < y)
        .collect();
    let area = |&(x, y): &(usize, usize)| {
        let both = pair_area(a, probability, &rows, (x, y)) + pair_area(a, probability, &rows, (y, x));
        (0.5 * both, if by_rows { counts.truth[x] + counts.truth[y] } else { 1.0 })
    };
    let areas: Vec<(f64, f64)> = pairs.par_iter().map(area).collect();
    let total: f64 = areas.iter().map(|(_, share)| share).sum();
    let score = Score::of(areas.iter().map(|(area, share)| area * share).sum::<f64>() / total);
    match counts.n_classes() - with_rows.len() {
        0 => Ok(score),
        absent => {
            let message = format!("{}, so the mean of ROC AUC is over the others", without_rows(absent));
            Ok(score.warn("roc_auc_absent_class", message))
        }
    }
}

/// The rows of each true class.
fn rows_of(a: &ClassAnswers<'_>) -> Vec<Vec<u32>> {
    let mut rows = vec![Vec::new(); a.names.len()];
    a.truth.iter().zip(0..).for_each(|(&class, row)| rows[class as usize].push(row));
    rows
}

/// How well the probability of the class `yes` puts its rows above those of `no`; both have weight.
fn pair_area(a: &ClassAnswers<'_>, probability: &[f64], rows: &[Vec<u32>], (yes, no): (usize, usize)) -> f64 {
    let k = a.names.len();
    let n_yes = rows[yes].len();
    let row = |i: usize| if i < n_yes { rows[yes][i] } else { rows[no][i - n_yes] } as usize;
    let n = n_yes + rows[no].len();
    let weights: Option<Vec<f64>> = a.weights.as_ref().map(|w| (0..n).map(|i| w[row(i)]).collect());
    let ranking = ranking(n, |i| probability[row(i) * k + yes], |i| i < n_yes, weights.as_deref());
    ranking.roc_auc().unwrap_or(f64::NAN)
}

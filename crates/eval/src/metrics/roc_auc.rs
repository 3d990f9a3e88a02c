//! The area under the ROC curve, of two classes and of several (each against the rest).

use super::ranking::{Ranking, Steps, ranking, steps};
use super::{BINARY, MULTICLASS, Metric, Score, classes, without_rows};
use crate::{Answers, ClassAnswers, Error, Result};

/// Of two classes.
pub(super) const ROC_AUC: Metric = Metric {
    name: "roc_auc",
    title: "ROC AUC",
    about: "The chance that a random positive row gets a higher probability than a random negative one, ties \
            counting half: 0.5 is guessing.",
    formula: "roc_auc = (pairs ranked right + tied pairs / 2) / (positive rows * negative rows)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: BINARY,
    compute: roc_auc,
};

/// Of several classes, averaged.
pub(super) const ROC_AUC_OVR: Metric = Metric {
    name: "roc_auc_ovr",
    title: "ROC AUC, one against the rest",
    about: "ROC AUC of each class against all others, averaged over the classes.",
    formula: "roc_auc_ovr = mean over classes (roc_auc of the class against the rest)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: true,
    in_report: true,
    tasks: MULTICLASS,
    compute: |answers| one_against_rest(answers, false),
};

/// Of several classes, averaged by support.
pub(super) const ROC_AUC_OVR_WEIGHTED: Metric = Metric {
    name: "roc_auc_ovr_weighted",
    title: "ROC AUC, one against the rest, weighted",
    about: "ROC AUC of each class against all others, averaged by support.",
    formula: "roc_auc_ovr_weighted = sum over classes (support * roc_auc of the class) / sum of support",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: true,
    in_report: true,
    tasks: MULTICLASS,
    compute: |answers| one_against_rest(answers, true),
};

/// How the positive class is ranked: by its probability, or with labels alone by being predicted. Sorted once.
pub(super) fn binary_ranking<'b>(answers: &'b ClassAnswers<'_>) -> Result<&'b Ranking> {
    let class = super::positive(answers)?;
    Ok(answers.ranking.get_or_init(|| Box::new(of_class(answers, class))))
}

/// What to know of a figure about ranks that comes from labels alone.
pub(super) fn warned_of_labels(score: Score, answers: &ClassAnswers<'_>, title: &str) -> Score {
    let Some(probability) = &answers.probability else {
        return score.warn(
            "ranks_from_labels",
            format!(
                "{title} comes from hard labels: only one threshold is seen, so it says less than with probabilities"
            ),
        );
    };
    if probability.iter().all(|p| *p == 0.0 || *p == 1.0) {
        let message = format!("{title} comes from probabilities that are all 0 or 1, as good as hard labels");
        return score.warn("ranks_from_labels", message);
    }
    score
}

fn roc_auc(answers: &Answers<'_>) -> Result<Score> {
    let answers = classes(answers)?;
    let ranking = binary_ranking(answers)?;
    match ranking.roc_auc() {
        Some(value) => Ok(warned_of_labels(Score::of(value), answers, "ROC AUC")),
        None => Ok(Score::undefined(
            "roc_auc_one_class",
            format!("ROC AUC is undefined: all rows are {}", only_class(answers)),
        )),
    }
}

/// The name of the class that all rows of any weight are of.
fn only_class(answers: &ClassAnswers<'_>) -> String {
    let counts = answers.counts();
    let class = (0..counts.n_classes()).find(|&c| counts.truth[c] > 0.0);
    class.map_or(String::from("of no class"), |c| format!("'{}'", answers.names[c]))
}

/// The steps of the curves of one class against the rest.
pub(crate) fn steps_of_class(answers: &ClassAnswers<'_>, class: usize) -> Steps {
    let k = answers.names.len();
    let is_positive = |row: usize| answers.truth[row] as usize == class;
    let (n, weights) = (answers.truth.len(), answers.weights.as_deref());
    match answers.probability.as_deref() {
        Some(probability) => steps(n, |row| probability[row * k + class], is_positive, weights),
        None => steps(n, |row| f64::from(answers.predicted[row] as usize == class), is_positive, weights),
    }
}

/// The ranking of one class against the rest.
pub(super) fn of_class(answers: &ClassAnswers<'_>, class: usize) -> Ranking {
    let k = answers.names.len();
    let is_positive = |row: usize| answers.truth[row] as usize == class;
    let (n, weights) = (answers.truth.len(), answers.weights.as_deref());
    match answers.probability.as_deref() {
        Some(probability) => ranking(n, |row| probability[row * k + class], is_positive, weights),
        None => ranking(n, |row| f64::from(answers.predicted[row] as usize == class), is_positive, weights),
    }
}

fn one_against_rest(answers: &Answers<'_>, by_support: bool) -> Result<Score> {
    let answers = classes(answers)?;
    if answers.probability.is_none() {
        return Err(Error::NeedsProbability { metric: "roc_auc_ovr" });
    }
    let counts = answers.counts();
    let areas: Vec<(usize, f64)> = (0..counts.n_classes())
        .filter(|&c| counts.truth[c] > 0.0)
        .filter_map(|c| Some((c, of_class(answers, c).roc_auc()?)))
        .collect();
    if areas.is_empty() {
        let reason = format!("ROC AUC is undefined: all rows are {}", only_class(answers));
        return Ok(Score::undefined("roc_auc_one_class", reason));
    }
    let share = |c: usize| if by_support { counts.truth[c] } else { 1.0 };
    let total: f64 = areas.iter().map(|&(c, _)| share(c)).sum();
    let mut score = Score::of(areas.iter().map(|&(c, area)| share(c) * area).sum::<f64>() / total);
    score.detail = areas.iter().map(|&(c, area)| (answers.names[c].to_string(), area)).collect();
    match counts.n_classes() - areas.len() {
        0 => Ok(score),
        absent => Ok(score.warn(
            "roc_auc_absent_class",
            format!("{}, so the mean of ROC AUC is over the others", without_rows(absent)),
        )),
    }
}

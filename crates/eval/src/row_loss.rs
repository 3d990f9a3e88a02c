//! What single rows add to a metric that is a mean over rows.

use crate::{Answers, ClassAnswers, NumberAnswers};

/// The loss of a row.
pub(crate) type RowLoss<'b> = Box<dyn Fn(usize) -> f64 + Sync + 'b>;

/// The loss of each row whose mean is this metric (of rmse: the mean under its root; of accuracy: 1 minus it). `None`
/// for metrics that are no such mean.
pub(crate) fn row_loss<'b>(answers: &'b Answers<'_>, name: &str) -> Option<RowLoss<'b>> {
    match answers {
        Answers::Numbers(a) => of_numbers(a, name),
        Answers::Classes(a) => of_classes(a, name),
    }
}

fn of_numbers<'b>(a: &'b NumberAnswers<'_>, name: &str) -> Option<RowLoss<'b>> {
    let error = |i: usize| a.truth[i] - a.predicted[i];
    let level = name.strip_prefix("pinball_").and_then(|l| l.parse::<f64>().ok()).map(|l| l / 100.0);
    match (name, level) {
        ("mae", _) => Some(Box::new(move |i| error(i).abs())),
        ("mse" | "rmse", _) => Some(Box::new(move |i| error(i) * error(i))),
        (_, Some(level)) => Some(Box::new(move |i| (level * error(i)).max((level - 1.0) * error(i)))),
        _ => None,
    }
}

fn of_classes<'b>(a: &'b ClassAnswers<'_>, name: &str) -> Option<RowLoss<'b>> {
    if ["accuracy", "zero_one_loss"].contains(&name) {
        return Some(Box::new(move |i| f64::from(a.truth[i] != a.predicted[i])));
    }
    let (p, k) = (a.probability.as_deref()?, a.names.len());
    let off = move |i: usize, c: usize| p[i * k + c] - f64::from(a.truth[i] as usize == c);
    match (name, a.positive) {
        ("log_loss", _) => Some(Box::new(move |i| {
            let p = p[i * k + a.truth[i] as usize];
            -p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
        })),
        ("brier_score", Some(c)) => Some(Box::new(move |i| off(i, c) * off(i, c))),
        ("brier_score", None) => Some(Box::new(move |i| (0..k).map(|c| off(i, c) * off(i, c)).sum())),
        _ => None,
    }
}

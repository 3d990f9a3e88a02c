//! What a figure leaves out: how precision, recall, cost and calibration run over all thresholds, and how errors run
//! over all predictions. Made for charts: each curve comes thinned to a number of points that the caller names,
//! without a visible change of its shape.
//!
//! Two classes give one curve, of the positive class; several give one per class against the rest, in the order of
//! classes. A class without rows (or that all rows are of) has no such curve and is left out, so nothing to draw is an
//! empty `Vec`. With labels alone a class is ranked by being predicted, which is a curve of one threshold. Numbers
//! that are infinite are null in JSON.

use std::borrow::Cow;

use tidemill_core::recipe::Task;

use crate::metrics::ranking::Steps;
use crate::metrics::roc_auc::steps_of_class;
use crate::{Answers, ClassAnswers, Error, Result};

mod calibration;
mod decision;
mod gains;
mod precision_recall;
mod residuals;
mod roc;
mod thin;
mod thresholds;

pub use calibration::{Bins, Calibration, calibration};
pub(crate) use calibration::{expected_error, top_label_error};
pub use decision::{Best, Costs, CountMetric, Goal, best_threshold};
pub use gains::{Gains, gains};
pub use precision_recall::{PrecisionRecall, precision_recall};
pub use residuals::{Residuals, residuals};
pub use roc::{Roc, roc};
pub use thresholds::{Thresholds, thresholds};

/// The answers as classes; `curve` is what was asked for.
fn classes<'b, 'a>(answers: &'b Answers<'a>, curve: &'static str) -> Result<&'b ClassAnswers<'a>> {
    match answers {
        Answers::Classes(answers) => Ok(answers),
        Answers::Numbers(_) => {
            let task = Task::Regression.word();
            Err(Error::NotForTask { metric: curve, task, instead: "residuals" })
        }
    }
}

/// The curve of each class that has one: rows that are of it and rows that are not.
fn each<T>(answers: &Answers<'_>, curve: &'static str, of: impl Fn(String, &Steps) -> T) -> Result<Vec<T>> {
    let answers = classes(answers, curve)?;
    let curves = places(answers).into_iter().filter_map(|class| {
        let steps = steps_of(answers, class);
        let both = steps.positive() > 0.0 && steps.negative() > 0.0;
        both.then(|| of(answers.names[class].to_string(), &steps))
    });
    Ok(curves.collect())
}

/// The classes that have a curve: the positive one of two, all of several.
fn places(answers: &ClassAnswers<'_>) -> Vec<usize> {
    match answers.positive {
        Some(class) => vec![class],
        None => (0..answers.names.len()).collect(),
    }
}

/// The steps of one class; those of the positive class are kept, so that five curves cost one sort.
fn steps_of<'b>(answers: &'b ClassAnswers<'_>, class: usize) -> Cow<'b, Steps> {
    if answers.positive == Some(class) {
        return Cow::Borrowed(answers.steps.get_or_init(|| Box::new(steps_of_class(answers, class))));
    }
    Cow::Owned(steps_of_class(answers, class))
}

/// These places of a column.
fn pick(values: &[f64], places: &[usize]) -> Vec<f64> {
    places.iter().map(|&i| values[i]).collect()
}

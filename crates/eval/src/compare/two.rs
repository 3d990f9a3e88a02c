//! Two models on the same rows, by the test that is right for the metric, in a sentence.

use serde::Serialize;

use super::delong::delong_paired;
use super::mcnemar::mcnemar_of;
use super::normal::normal_reach;
use super::paired::{Draw, Samples, paired};
use super::student::{student_t_quantile, student_t_two_sided};
use crate::row_loss::row_loss;
use crate::sum::sum;
use crate::{Answers, ClassAnswers, Error, Metric, Result};

/// How the difference of two models was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// DeLong's, of two ROC AUCs.
    Delong,
    /// McNemar's, of rows that one of both gets right.
    Mcnemar,
    /// The t-test of the rows' paired losses.
    PairedT,
    /// The paired bootstrap over rows.
    Bootstrap,
}

/// What the same rows say about two models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The metric.
    pub metric: &'static str,
    /// The figure of the first.
    pub a: f64,
    /// The figure of the second.
    pub b: f64,
    /// By how much the second is better: below 0 where it is worse, whichever way the metric points.
    pub better_by: f64,
    /// The lower end of the 95% interval of that.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// How likely so great a difference is between equal models (two-sided); null for the bootstrap, which gives an interval only.
    pub p_value: Option<f64>,
    /// The test that says so.
    pub test: Test,
    /// Whether the rows cannot tell the two apart, at 5%.
    pub same: bool,
    /// All this as a sentence.
    pub sentence: String,
}

/// A test's own answer: low, high, p-value.
struct Outcome(Test, f64, f64, Option<f64>);

const CONFIDENCE: f64 = 0.95;

/// Compares the answers of two models about the same rows by the paired test that is right for the metric: DeLong's for ROC
/// AUC, McNemar's (mid-p) for accuracy, the paired t-test for means over rows (mae, rmse, mse, log loss, Brier, pinball),
/// and the paired bootstrap for any other metric and for weighted rows.
///
/// `seed` feeds the bootstrap alone. Errors when rows or truths differ, or as [`Metric::score`] does.
///
/// ```
/// use tidemill_eval::{Answers, compare::two, metric};
/// let truth: Vec<f64> = (0..200).map(f64::from).collect();
/// let off = |by: f64| truth.iter().zip(0..).map(|(y, i)| y + by * f64::from(i % 3 - 1)).collect::<Vec<_>>();
/// let (a, b) = (Answers::numbers(truth.clone(), off(2.0))?, Answers::numbers(truth.clone(), off(1.0))?);
/// let found = two(&a, &b, metric("mae")?, 7)?;
/// assert!(!found.same && found.sentence.starts_with("The second is better: its mean absolute error is lower by 0.665"));
/// assert!(two(&a, &a, metric("mae")?, 7)?.sentence.starts_with("These two are the same as far as 200 rows can tell"));
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn two(a: &Answers<'_>, b: &Answers<'_>, metric: &Metric, seed: u64) -> Result<Comparison> {
    same_rows(a, b)?;
    let (x, y) = (metric.score(a)?.value, metric.score(b)?.value);
    if x.is_nan() || y.is_nan() {
        let what = format!("{} is undefined for these rows, so there is nothing to compare", metric.name);
        return Err(Error::Compare { what });
    }
    let sign = if metric.greater_is_better { 1.0 } else { -1.0 };
    // Zero has no sign here.
    let better_by = sign * (y - x) + 0.0;
    let Outcome(test, low, high, p_value) = tested(a, b, metric, seed)?;
    let same = match p_value {
        Some(p) => p >= 1.0 - CONFIDENCE,
        None => low <= 0.0 && high >= 0.0,
    };
    let mut found = Comparison {
        metric: metric.name,
        a: x,
        b: y,
        better_by,
        low,
        high,
        p_value,
        test,
        same,
        sentence: String::new(),
    };
    found.sentence = sentence(&found, metric, a.n_rows());
    Ok(found)
}

fn same_rows(a: &Answers<'_>, b: &Answers<'_>) -> Result<()> {
    let same = match (a, b) {
        (Answers::Numbers(a), Answers::Numbers(b)) => a.truth == b.truth,
        (Answers::Classes(a), Answers::Classes(b)) => {
            a.truth == b.truth && a.names == b.names && a.positive == b.positive
        }
        _ => false,
    };
    if same && a.weights() == b.weights() {
        return Ok(());
    }
    let what = "the two answers are about different rows: truths, classes or weights differ".into();
    Err(Error::Compare { what })
}

fn tested(a: &Answers<'_>, b: &Answers<'_>, metric: &Metric, seed: u64) -> Result<Outcome> {
    let n = a.n_rows();
    if a.weights().is_none() && n > 1 {
        if metric.name == "roc_auc"
            && let Ok(found) = delong_paired(a, b, CONFIDENCE)
        {
            return Ok(Outcome(Test::Delong, found.low, found.high, Some(found.p_value)));
        }
        if let (true, Answers::Classes(a), Answers::Classes(b)) =
            (["accuracy", "zero_one_loss"].contains(&metric.name), a, b)
        {
            return of_labels(a, b);
        }
        if let (Some(x), Some(y)) = (row_loss(a, metric.name), row_loss(b, metric.name)) {
            return Ok(of_losses(n, &*x, &*y, metric.name == "rmse"));
        }
    }
    let samples = Samples { n: (100_000_000 / n.max(1)).clamp(200, 1000), confidence: CONFIDENCE, seed };
    let found = paired(a, b, metric, Draw::Runs(1), samples)?;
    Ok(Outcome(Test::Bootstrap, found.low, found.high, None))
}

/// McNemar's p-value, and the interval of the difference of two paired shares (Agresti and Min 2005).
fn of_labels(a: &ClassAnswers<'_>, b: &ClassAnswers<'_>) -> Result<Outcome> {
    let test = mcnemar_of(&a.truth, &a.predicted, &b.predicted)?;
    let n = a.truth.len() as f64 + 2.0;
    let (worse, better) = (test.only_a as f64 + 0.5, test.only_b as f64 + 0.5);
    let difference = (better - worse) / n;
    let variance = ((better + worse) / n - difference * difference) / n;
    let reach = normal_reach(CONFIDENCE) * variance.sqrt();
    Ok(Outcome(Test::Mcnemar, difference - reach, difference + reach, Some(test.p_mid)))
}

/// The paired t-test; of roots, a difference is that of the squares over the sum of both roots.
fn of_losses(
    n: usize,
    a: &(dyn Fn(usize) -> f64 + Sync),
    b: &(dyn Fn(usize) -> f64 + Sync),
    root: bool,
) -> Outcome {
    let rows = n as f64;
    let mean = sum(n, |i| a(i) - b(i)) / rows;
    let square = |i: usize| (a(i) - b(i) - mean) * (a(i) - b(i) - mean);
    let error = (sum(n, square) / (rows - 1.0) / rows).sqrt();
    let scale = match root {
        true => (sum(n, a) / rows).sqrt() + (sum(n, b) / rows).sqrt(),
        false => 1.0,
    };
    let scale = if scale == 0.0 { 1.0 } else { scale };
    if error == 0.0 {
        let p_value = if mean == 0.0 { 1.0 } else { 0.0 };
        return Outcome(Test::PairedT, mean / scale, mean / scale, Some(p_value));
    }
    let reach = error * student_t_quantile(0.5 + CONFIDENCE / 2.0, rows - 1.0);
    let p_value = student_t_two_sided(mean / error, rows - 1.0);
    Outcome(Test::PairedT, (mean - reach) / scale, (mean + reach) / scale, Some(p_value))
}

fn sentence(found: &Comparison, metric: &Metric, n: usize) -> String {
    let title = lowered(metric.title);
    let test = match found.test {
        Test::Delong => "DeLong's test",
        Test::Mcnemar => "McNemar's test",
        Test::PairedT => "paired t-test",
        Test::Bootstrap => "paired bootstrap",
    };
    let chance = match found.p_value {
        Some(p) if p < 0.001 => ", p below 0.001".into(),
        Some(p) => format!(", p = {p:.3}"),
        None => String::new(),
    };
    let better = if found.better_by >= 0.0 { "second" } else { "first" };
    let way = if (found.b > found.a) == (found.better_by >= 0.0) { "higher" } else { "lower" };
    let by = digits(found.better_by.abs());
    let (low, high) = match found.better_by >= 0.0 {
        true => (found.low, found.high),
        false => (-found.high, -found.low),
    };
    let evidence = format!("95% interval {} to {}; {test}{chance}", digits(low), digits(high));
    if found.better_by == 0.0 && found.same {
        return format!("These two are the same as far as {n} rows can tell: equal in {title} ({evidence}).");
    }
    if found.same {
        return format!(
            "These two are the same as far as {n} rows can tell: the {better} has the better {title} by {by} \
             ({evidence}), which chance explains."
        );
    }
    format!("The {better} is better: its {title} is {way} by {by} ({evidence}).")
}

/// Four digits that matter.
fn digits(x: f64) -> String {
    match x.abs() {
        0.0 => "0".into(),
        a if (1e-3..1e6).contains(&a) => format!("{x:.4}"),
        _ => format!("{x:.2e}"),
    }
}

/// A title inside a sentence: `Mean absolute error` but `ROC AUC`.
fn lowered(title: &str) -> String {
    let mut letters = title.chars();
    match (letters.next(), title.chars().nth(1)) {
        (Some(first), Some(second)) if second.is_lowercase() && !title.starts_with("Matthews") => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => title.into(),
    }
}

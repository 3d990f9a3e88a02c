//! DeLong's interval of ROC AUC, and his test of two (DeLong, DeLong and Clarke-Pearson 1988), in the time of a sort
//! (Sun and Xu 2014, "Fast Implementation of DeLong's Algorithm", IEEE Signal Processing Letters 21).

use rayon::prelude::*;

use super::normal::{normal_reach, normal_two_sided};
use super::{Interval, ScoreInterval};
use crate::sum::sum;
use crate::{Answers, ClassAnswers, Error, Result};

/// ROC AUC with DeLong's interval, kept between 0 and 1.
///
/// `confidence` lies between 0 and 1 (0.95). No random numbers, and about the cost of one figure, where the bootstrap
/// costs a thousand. Without a single pair ranked wrong the interval is the figure alone. Errors unless there are two classes
/// with two rows each and no weights other than 0 and 1: the bootstrap knows weights.
///
/// ```
/// use tidemill_eval::{Answers, compare::delong};
/// let answers = Answers::classes(vec![0, 0, 1, 1], vec![0, 0, 0, 1], ["no", "yes"])?
///     .with_probability(vec![0.9, 0.1, 0.6, 0.4, 0.65, 0.35, 0.2, 0.8])?;
/// let interval = delong(&answers, 0.95)?;
/// assert_eq!((interval.value, interval.high), (0.75, 1.0));
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn delong(answers: &Answers<'_>, confidence: f64) -> Result<ScoreInterval> {
    let places = Placements::of(answers)?;
    let reach = reach(confidence)? * places.covariance(&places).sqrt();
    let value = places.area();
    let (low, high) = ((value - reach).max(0.0), (value + reach).min(1.0));
    Ok(ScoreInterval { value, low, high, confidence, n_undefined: 0 })
}

/// By how much the ROC AUC of `b` is above that of `a` on the same rows, with DeLong's interval and p-value.
///
/// Without any spread the interval is the difference alone, with a p-value of 0 (or 1 when it is 0). Errors as
/// [`delong`] does, and when the truths differ.
pub fn delong_paired(a: &Answers<'_>, b: &Answers<'_>, confidence: f64) -> Result<Interval> {
    let (x, y) = (Placements::of(a)?, Placements::of(b)?);
    if x.positive != y.positive {
        return Err(Error::Compare {
            what: "the two answers are about different rows: their truths differ".into(),
        });
    }
    let mean = y.area() - x.area();
    let variance = x.covariance(&x) + y.covariance(&y) - 2.0 * x.covariance(&y);
    // What remains of equal placements is rounding.
    let error = if variance > 1e-18 { variance.sqrt() } else { 0.0 };
    if error == 0.0 {
        let p_value = if mean == 0.0 { 1.0 } else { 0.0 };
        return Ok(Interval { mean, low: mean, high: mean, p_value });
    }
    let reach = error * reach(confidence)?;
    Ok(Interval { mean, low: mean - reach, high: mean + reach, p_value: normal_two_sided(mean / error) })
}

fn reach(confidence: f64) -> Result<f64> {
    let reach = normal_reach(confidence);
    if reach.is_nan() {
        let what = format!("the confidence is {confidence}, but must lie between 0 and 1");
        return Err(Error::Compare { what });
    }
    Ok(reach)
}

/// Of each row the share of the other class's rows that it is ranked right against, ties counting half.
struct Placements {
    positive: Vec<bool>,
    /// The number of rows of each class: negative, positive.
    n: [usize; 2],
    share: Vec<f64>,
}

impl Placements {
    fn of(answers: &Answers<'_>) -> Result<Self> {
        let Answers::Classes(a) = answers else { return Err(Error::NotBinary { n_classes: 0 }) };
        let class = a.positive.ok_or(Error::NotBinary { n_classes: a.names.len() })?;
        let rows = counted(a)?;
        let positive: Vec<bool> = rows.iter().map(|&r| a.truth[r as usize] as usize == class).collect();
        let n_positive = positive.iter().filter(|&&p| p).count();
        let n = [rows.len() - n_positive, n_positive];
        if n[0] < 2 || n[1] < 2 {
            let what = format!(
                "{} rows of class '{}' and {} others are too few: 2 of each are needed",
                n[1], a.names[class], n[0]
            );
            return Err(Error::Compare { what });
        }
        let share = shares(&scores(a, class, &rows), &positive, n);
        Ok(Placements { positive, n, share })
    }

    fn area(&self) -> f64 {
        self.mean(true)
    }

    fn mean(&self, of: bool) -> f64 {
        let term = |i: usize| if self.positive[i] == of { self.share[i] } else { 0.0 };
        sum(self.share.len(), term) / self.n[usize::from(of)] as f64
    }

    /// The covariance of both areas.
    fn covariance(&self, other: &Placements) -> f64 {
        let part = |of: bool| {
            let (x, y) = (self.mean(of), other.mean(of));
            let term = |i: usize| match self.positive[i] == of {
                true => (self.share[i] - x) * (other.share[i] - y),
                false => 0.0,
            };
            let n = self.n[usize::from(of)] as f64;
            sum(self.share.len(), term) / (n - 1.0) / n
        };
        part(true) + part(false)
    }
}

/// The rows that count.
fn counted(a: &ClassAnswers<'_>) -> Result<Vec<u32>> {
    let rows = 0..a.truth.len() as u32;
    match a.weights.as_deref() {
        None => Ok(rows.collect()),
        Some(w) if w.iter().all(|&w| w == 0.0 || w == 1.0) => {
            Ok(rows.filter(|&r| w[r as usize] == 1.0).collect())
        }
        Some(_) => {
            let what = "DeLong's method takes no weights: use the bootstrap, which does".into();
            Err(Error::Compare { what })
        }
    }
}

fn scores(a: &ClassAnswers<'_>, class: usize, rows: &[u32]) -> Vec<f64> {
    let k = a.names.len();
    let score = |row: usize| match a.probability.as_deref() {
        Some(p) => p[row * k + class],
        None => f64::from(a.predicted[row] as usize == class),
    };
    rows.iter().map(|&row| score(row as usize)).collect()
}

fn shares(scores: &[f64], positive: &[bool], n: [usize; 2]) -> Vec<f64> {
    let mut order: Vec<(f64, u32)> = scores.iter().copied().zip(0..).collect();
    order.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut share = vec![0.0; scores.len()];
    let mut below = [0usize; 2];
    for tied in order.chunk_by(|a, b| a.0 == b.0) {
        let yes = tied.iter().filter(|(_, i)| positive[*i as usize]).count();
        let here = [tied.len() - yes, yes];
        let middle = |class: usize| below[class] as f64 + 0.5 * here[class] as f64;
        for &(_, i) in tied {
            share[i as usize] = match positive[i as usize] {
                true => middle(0) / n[0] as f64,
                false => (n[1] as f64 - middle(1)) / n[1] as f64,
            };
        }
        below = [below[0] + here[0], below[1] + here[1]];
    }
    share
}

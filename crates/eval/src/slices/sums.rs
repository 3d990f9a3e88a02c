//! The sums that a slice is judged by.

use crate::compare::{student_t_quantile, student_t_two_sided};

/// Sums over the rows of a slice: those of a slice taken from those of all rows are those of the rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    /// How many rows of some weight.
    pub(super) n: usize,
    pub(super) weight: f64,
    square_weight: f64,
    loss: f64,
    square_loss: f64,
}

impl Sums {
    pub(super) fn add(&mut self, loss: f64, weight: f64) {
        self.n += usize::from(weight > 0.0);
        self.weight += weight;
        self.square_weight += weight * weight;
        self.loss += weight * loss;
        self.square_loss += weight * loss * loss;
    }

    pub(super) fn less(&self, part: &Sums) -> Sums {
        Sums {
            n: self.n - part.n,
            weight: self.weight - part.weight,
            square_weight: self.square_weight - part.square_weight,
            loss: self.loss - part.loss,
            square_loss: self.square_loss - part.square_loss,
        }
    }

    pub(super) fn mean(&self) -> f64 {
        self.loss / self.weight
    }

    fn variance(&self) -> f64 {
        (self.square_loss / self.weight - self.mean() * self.mean()).max(0.0)
    }

    /// How many rows of equal weight would say as much (Kish 1965).
    fn rows(&self) -> f64 {
        self.weight * self.weight / self.square_weight
    }
}

/// How likely it is by chance that `slice` has so much more loss than `rest` (Welch's t-test, one side), and how much
/// more it has at least, at 95%.
///
/// The variance within the slice is taken as no less than that of all rows: a slice of rows that are all wrong has none of its own, and
/// would be far too sure.
pub(super) fn worse(slice: &Sums, rest: &Sums, all: &Sums) -> (f64, f64) {
    let difference = slice.mean() - rest.mean();
    let part = |sums: &Sums| sums.variance().max(all.variance()) / (sums.rows() - 1.0);
    let (a, b) = (part(slice), part(rest));
    let error = (a + b).sqrt();
    // The comparison is false for NaN too.
    let sound = error > 0.0 && slice.rows() > 1.0 && rest.rows() > 1.0;
    if !sound || difference <= 0.0 {
        return (1.0, f64::NEG_INFINITY);
    }
    let df = (a + b) * (a + b) / (a * a / (slice.rows() - 1.0) + b * b / (rest.rows() - 1.0));
    let p = 0.5 * student_t_two_sided(difference / error, df);
    (p, difference - error * quantile(df))
}

/// About the 95% point of t, without a search for each slice.
fn quantile(df: f64) -> f64 {
    if df < 30.0 { student_t_quantile(0.95, df) } else { 1.644_853_626_951_472_7 + 1.53 / df }
}

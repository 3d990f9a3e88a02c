//! How good forecasts are, by how far ahead they look, beside the plainest forecast: what was one season before.

use serde::Serialize;

/// Forecasts and what came true, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Forecasts<'a> {
    /// What came true.
    pub truth: &'a [f64],
    /// What was forecast.
    pub predicted: &'a [f64],
    /// What a naive forecast says; `NaN` where it says nothing.
    pub naive: &'a [f64],
    /// Steps ahead, from 1.
    pub ahead: &'a [usize],
    /// The mean absolute difference of the training series from one season to the next ([`seasonal_scale`]).
    pub scale: f64,
}

/// Figures over some forecasts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ForecastScore {
    /// How many forecasts.
    pub n: usize,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, from 0 to 200: `200 · |y − ŷ| / (|y| + |ŷ|)`, 0 where both are 0 (Makridakis 1993).
    pub smape: f64,
    /// Mean absolute scaled error: below 1, better than the seasonal naive forecast one step ahead was on the training series
    /// (Hyndman and Koehler 2006).
    pub mase: f64,
    /// The same of the naive forecast, over the rows where it says something.
    pub naive_mase: f64,
}

impl Forecasts<'_> {
    /// Figures over all rows. `NaN` where there is nothing to take them over.
    ///
    /// ```
    /// use tidemill_eval::forecast::Forecasts;
    /// let rows = Forecasts {
    ///     truth: &[10.0, 12.0], predicted: &[11.0, 12.0], naive: &[8.0, 8.0], ahead: &[1, 2], scale: 2.0,
    /// };
    /// assert_eq!((rows.score().mase, rows.score().naive_mase), (0.25, 1.5));
    /// assert_eq!(rows.by_step().len(), 2);
    /// ```
    pub fn score(&self) -> ForecastScore {
        self.over(|_| true)
    }

    /// Figures for each number of steps ahead, from 1 to the most.
    pub fn by_step(&self) -> Vec<ForecastScore> {
        let most = self.ahead.iter().copied().max().unwrap_or(0);
        (1..=most).map(|step| self.over(|i| self.ahead[i] == step)).collect()
    }

    fn over(&self, counts: impl Fn(usize) -> bool) -> ForecastScore {
        let rows: Vec<usize> = (0..self.truth.len()).filter(|&i| counts(i)).collect();
        let mean = |of: &dyn Fn(usize) -> f64| {
            let known = rows.iter().map(|&i| of(i)).filter(|x| !x.is_nan());
            let (sum, n) = known.fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
            sum / n
        };
        let (y, p) = (self.truth, self.predicted);
        let percentage = |i: usize| match y[i].abs() + p[i].abs() {
            0.0 => 0.0,
            both => 200.0 * (y[i] - p[i]).abs() / both,
        };
        ForecastScore {
            n: rows.len(),
            rmse: mean(&|i| (y[i] - p[i]).powi(2)).sqrt(),
            smape: mean(&percentage),
            mase: mean(&|i| (y[i] - p[i]).abs()) / self.scale,
            naive_mase: mean(&|i| (y[i] - self.naive[i]).abs()) / self.scale,
        }
    }
}

/// The mean absolute difference of a series, values step by step with `NaN` where there is none, from that `season` steps before.
pub fn seasonal_scale(series: &[f64], season: usize) -> f64 {
    let apart = series.iter().zip(series.get(season..).unwrap_or_default()).map(|(a, b)| (b - a).abs());
    let (sum, n) = apart.filter(|x| !x.is_nan()).fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
    sum / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_not_a_number() {
        let none = Forecasts { truth: &[], predicted: &[], naive: &[], ahead: &[], scale: 1.0 };
        assert!(none.score().rmse.is_nan() && none.by_step().is_empty());
        assert!(seasonal_scale(&[1.0, 2.0], 5).is_nan());
        assert_eq!(seasonal_scale(&[1.0, f64::NAN, 4.0, 2.0], 2), 3.0);
    }

    #[test]
    fn both_zero_is_no_error() {
        let rows =
            Forecasts { truth: &[0.0], predicted: &[0.0], naive: &[f64::NAN], ahead: &[3], scale: 1.0 };
        assert_eq!(rows.score().smape, 0.0);
        assert!(rows.score().naive_mase.is_nan());
        assert_eq!(rows.by_step().iter().map(|s| s.n).collect::<Vec<_>>(), [0, 0, 1]);
    }
}

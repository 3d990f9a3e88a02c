//! Shapley values of one row that may be estimates.

use serde::Serialize;

/// What each player adds to each output, and how sure that is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShapEstimate {
    /// By output: the answer when nobody is known.
    pub base: Vec<f64>,
    /// Output after output, a number per player. Base and values sum to the answer when all are known.
    pub values: Vec<f64>,
    /// The standard error of each value; 0 where it is exact.
    pub standard_errors: Vec<f64>,
    /// How many coalitions were asked about.
    pub n_evaluations: usize,
    /// Whether the standard errors are as small as was asked for; true for exact values.
    pub converged: bool,
}

impl ShapEstimate {
    /// What each player adds to one output.
    pub fn of(&self, output: usize) -> &[f64] {
        let p = self.values.len() / self.base.len().max(1);
        &self.values[output * p..(output + 1) * p]
    }

    /// The 95% confidence interval of one player's value.
    pub fn interval(&self, output: usize, player: usize) -> (f64, f64) {
        let at = output * (self.values.len() / self.base.len().max(1)) + player;
        let (value, error) = (self.values[at], 1.959_963_984_540_054 * self.standard_errors[at]);
        (value - error, value + error)
    }
}

/// How long to sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sampling {
    /// Coalitions to ask about, at most (but never fewer than it takes to ask about every player twice).
    pub max_evaluations: usize,
    /// Sampling ends when, for each output, no standard error is above this share of the distance between the least and the
    /// greatest value.
    pub tolerance: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { max_evaluations: 2048, tolerance: 0.02 }
    }
}

/// Whether all errors are small enough.
pub(super) fn is_sure(values: &[f64], errors: &[f64], p: usize, tolerance: f64) -> bool {
    values.chunks_exact(p.max(1)).zip(errors.chunks_exact(p.max(1))).all(|(values, errors)| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        errors.iter().all(|error| *error <= tolerance * (greatest - least))
    })
}

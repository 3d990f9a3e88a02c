//! How far training has come: all that going on from here depends on.

use super::optimizer::Moments;
use super::scale::Scale;

/// The state of a training run after a step. Which rows and masks come next follows from the seed and from where in
/// the epoch it is, so no random stream has a state of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Progress {
    /// The parameters.
    pub values: Vec<f32>,
    /// What the optimiser remembers.
    pub moments: Moments,
    /// The pass over the rows, from 0, and how many of its batches are done.
    pub epoch: usize,
    pub batch: usize,
    /// The weighted loss of the epoch's batches so far, and their weight.
    pub loss: f64,
    pub weight: f64,
    /// What the schedule's steps are multiplied by: plateaus and retries make it smaller.
    pub shrink: f64,
    /// What the loss is multiplied by on its way back, in 16 bits with little range.
    pub scale: Option<Scale>,
    /// How often training went back to a state like this because the loss left the numbers.
    pub retries: usize,
    /// Epochs since the best one, and since the steps were last made smaller for lack of progress.
    pub waited: usize,
    pub flat: usize,
    /// The loss of the best epoch on the rows watched, and its parameters.
    pub best: Option<(f64, Vec<f32>)>,
    /// Whether there is nothing left to do.
    pub finished: bool,
}

impl Progress {
    pub(crate) fn start(values: Vec<f32>, moments: Moments) -> Self {
        Progress {
            values,
            moments,
            epoch: 0,
            batch: 0,
            loss: 0.0,
            weight: 0.0,
            shrink: 1.0,
            scale: None,
            retries: 0,
            waited: 0,
            flat: 0,
            best: None,
            finished: false,
        }
    }

    /// The parameters that stay: those of the best epoch, where rows were watched.
    pub(crate) fn chosen(self) -> Vec<f32> {
        match self.best {
            Some((_, values)) => values,
            None => self.values,
        }
    }
}

//! The curves of boosting for TensorBoard, where the user asked for them: the loss by rounds.

use tidemill_core::{Context, EventFile, Result};

use super::boosting::{Boost, Run};

/// Where the curves of one boosting go; nowhere, where nobody asked for them.
pub(super) struct Curves(Option<EventFile>);

impl Curves {
    pub(super) fn of(boost: &Boost<'_>, context: &Context) -> Result<Self> {
        let runtime = context.runtime();
        let Some(folder) = &runtime.tensorboard else { return Ok(Curves(None)) };
        // Runs lie side by side in the folder: those of a seed differ in their settings or rows.
        let settings = format!("{:?} on {} rows", boost.params, boost.y.len());
        let name = format!("boosted_trees-{:016x}", context.seed_for(&settings));
        EventFile::create(&folder.join(name), runtime.began).map(|events| Curves(Some(events)))
    }

    /// The mean loss, after so many rounds, of the rows that are not learned from: `sum` over rows of this weight.
    pub(super) fn watched(&mut self, round: usize, sum: f64, weight: f64) -> Result<()> {
        match &mut self.0 {
            Some(events) => events.scalar(round as u64, "loss/watched", sum / weight),
            None => Ok(()),
        }
    }

    /// The same of the rows that are.
    pub(super) fn train(&mut self, round: usize, run: &Run<'_>) -> Result<()> {
        match &mut self.0 {
            Some(events) => events.scalar(round as u64, "loss/train", run.mean_loss()),
            None => Ok(()),
        }
    }

    /// Puts the curves where TensorBoard finds them.
    pub(super) fn end(mut self) -> Result<()> {
        self.0.as_mut().map_or(Ok(()), EventFile::flush)
    }
}

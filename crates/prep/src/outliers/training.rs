//! What becomes of training rows alone: those with an outlier leave.

use tidemill_core::{Batch, Error, Result};

/// The rows that are no outliers.
pub(super) fn without(batch: &Batch, outliers: &[bool]) -> Result<Batch> {
    let kept: Vec<u32> = (0..outliers.len() as u32).filter(|row| !outliers[*row as usize]).collect();
    if kept.is_empty() && !outliers.is_empty() {
        return Err(Error::data(
            format!("each of the {} training rows is an outlier, so none would be left", outliers.len()),
            "raise the 'threshold', or name fewer 'columns'",
        ));
    }
    batch.take(&kept)
}

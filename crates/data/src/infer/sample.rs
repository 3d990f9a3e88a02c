//! Rows spread evenly over the whole source, so that a table sorted by its target does not look constant.

use tidemill_core::{Batch, Context, Result, Source};

/// The most rows that are looked at.
pub(crate) const SAMPLE_ROWS: usize = 100_000;

/// Some rows of a source as they are.
pub(crate) struct Sample {
    pub(crate) rows: Batch,
    /// How many rows the source has.
    pub(crate) n_rows: usize,
    /// Every `stride`-th row was kept, beginning with the first.
    pub(crate) stride: usize,
}

impl Sample {
    /// One pass that keeps every row while there are few, then every second, every fourth, and so on.
    pub(crate) fn of(source: &dyn Source, limit: usize, context: &Context) -> Result<Self> {
        let (mut kept, mut n_kept, mut n_rows) = (Vec::new(), 0, 0usize);
        // Where the number of rows is known, so is the stride at which that would end.
        let most = limit.max(1);
        let mut stride = source.n_rows().map_or(1, |n| n.div_ceil(most).next_power_of_two());
        for batch in source.scan()? {
            context.check()?;
            let batch = batch?;
            let first = (stride - n_rows % stride) % stride;
            n_rows += batch.n_rows();
            let part = if stride == 1 {
                batch
            } else {
                let places: Vec<u32> = (first..batch.n_rows()).step_by(stride).map(|i| i as u32).collect();
                batch.take(&places)?
            };
            n_kept += part.n_rows();
            kept.push(part);
            while n_kept > most {
                let whole = Batch::concat(source.schema(), &kept)?;
                let places: Vec<u32> = (0..whole.n_rows() as u32).step_by(2).collect();
                n_kept = places.len();
                kept = vec![whole.take(&places)?];
                stride *= 2;
            }
        }
        Ok(Sample { rows: Batch::concat(source.schema(), &kept)?, n_rows, stride })
    }
}

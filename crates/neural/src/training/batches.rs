//! Mini-batches: which rows come when, and how they get from the source to the loop while it works on the last ones.

use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tidemill_core::{Result, Source};
use tidemill_kernel::Random;

use crate::encoders::Read;
use crate::head::Truth;
use crate::net::Net;

/// Rows of one graph of a batch of so many. Threads take shards, and gradients are summed in the order of the shards: the
/// answer does not depend on the number of threads. Small batches are cut finer, so that more than one thread has work;
/// products of fewer rows than 16 would cost more than that gains.
pub(crate) fn shard_of(batch: usize) -> usize {
    (batch / 4).clamp(16, 64)
}

/// Batches that wait at most: one is worked on, two are ready.
const READY: usize = 2;

/// Rows of a source, with what there is to learn about them.
pub(crate) struct Rows<'a> {
    pub source: &'a dyn Source,
    /// The rows, by their place in the source.
    pub rows: Vec<u32>,
    /// The truth and the weight of every row of the source.
    pub truth: &'a Truth,
    pub weights: &'a [f32],
}

/// What one graph works on.
pub(crate) struct Shard {
    pub reads: Vec<Read>,
    pub truth: Truth,
    pub weights: Vec<f32>,
}

impl Rows<'_> {
    /// The order of the rows in an epoch: it follows from the seed and the epoch alone.
    pub(crate) fn order(&self, seed: u64, epoch: usize) -> Vec<u32> {
        let mut order = self.rows.clone();
        Random::new(seed, epoch as u64).shuffle(&mut order);
        order
    }

    /// These rows as shards of so many rows.
    pub(crate) fn shards(
        &self,
        net: &Net,
        places: &[Vec<usize>],
        (rows, size): (&[u32], usize),
    ) -> Result<Vec<Shard>> {
        let batch = self.source.take(rows)?;
        let shard = |start: usize| {
            let range: Range<usize> = start..rows.len().min(start + size);
            let own = &rows[range.clone()];
            let weights = own.iter().map(|&r| self.weights[r as usize]).collect();
            Ok(Shard { reads: net.read(&batch, places, range)?, truth: self.truth.take(own), weights })
        };
        (0..rows.len()).step_by(size).map(shard).collect()
    }
}

/// Calls `work` with each batch of `order` from number `first` on, its number given, while another thread reads the next ones.
/// Ends with the first error of either side, or when `work` says so.
pub(crate) fn each_batch(
    rows: &Rows<'_>,
    net: &Net,
    places: &[Vec<usize>],
    (order, size, shard): (&[u32], usize, usize),
    first: usize,
    mut work: impl FnMut(usize, Vec<Shard>) -> Result<bool>,
) -> Result<bool> {
    let batches = || order.chunks(size).skip(first);
    let read = |sender: SyncSender<Result<Vec<Shard>>>| {
        for batch in batches() {
            if sender.send(rows.shards(net, places, (batch, shard))).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let (sender, receiver): (_, Receiver<Result<Vec<Shard>>>) = sync_channel(READY);
        scope.spawn(move || read(sender));
        for (b, shards) in receiver.into_iter().enumerate() {
            if !work(first + b, shards?)? {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

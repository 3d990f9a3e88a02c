//! Every point in turn, as columns of small blocks, so that the CPU's vectors take several points at once.

use pulp::NullaryFnOnce;

use super::{Best, Distance};
use crate::vector::wide;

/// Points per block; its distances stay in the first cache.
const BLOCK: usize = 256;

/// The points in blocks, each block column after column.
#[derive(Debug)]
pub(super) struct Blocks {
    n: usize,
    p: usize,
    values: Vec<f64>,
}

impl Blocks {
    pub(super) fn new(points: &[f64], p: usize) -> Self {
        let mut values = Vec::with_capacity(points.len());
        for block in points.chunks((BLOCK * p).max(1)) {
            (0..p).for_each(|j| values.extend(block.iter().skip(j).step_by(p)));
        }
        Blocks { n: points.len().checked_div(p).unwrap_or(0), p, values }
    }

    /// The `k` nearest to one query but for point `not`.
    pub(super) fn nearest(
        &self,
        query: &[f64],
        k: usize,
        not: Option<u32>,
        distance: Distance,
    ) -> Vec<(f64, u32)> {
        let mut best = Best::new(k);
        let mut keys = [0.0; BLOCK];
        for (b, block) in self.values.chunks((BLOCK * self.p).max(1)).enumerate() {
            let start = b * BLOCK;
            let keys = &mut keys[..BLOCK.min(self.n - start)];
            wide(Keys { block, query, distance, keys });
            for (i, &key) in keys.iter().enumerate() {
                if key <= best.limit() && not != Some((start + i) as u32) {
                    best.offer(key, (start + i) as u32);
                }
            }
        }
        best.found
    }
}

struct Keys<'a> {
    block: &'a [f64],
    query: &'a [f64],
    distance: Distance,
    keys: &'a mut [f64],
}

impl NullaryFnOnce for Keys<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let n = self.keys.len();
        self.keys.fill(0.0);
        for (&x, column) in self.query.iter().zip(self.block.chunks_exact(n)) {
            let pairs = self.keys.iter_mut().zip(column);
            match self.distance {
                Distance::Euclidean => pairs.for_each(|(key, y)| *key += (x - y) * (x - y)),
                Distance::Manhattan => pairs.for_each(|(key, y)| *key += (x - y).abs()),
                Distance::Cosine => pairs.for_each(|(key, y)| *key += x * y),
            }
        }
        if self.distance == Distance::Cosine {
            self.keys.iter_mut().for_each(|key| *key = (1.0 - *key).max(0.0));
        }
    }
}

//! Rows of the kernel matrix that were computed, kept while there is room.

use tidemill_kernel::reduce::in_chunks;

use super::points::{BLOCK, Kernel, Points};

/// A row of so many differences to compute is worth several threads.
const LONG: usize = 1 << 18;

/// The rows among which a working set is chosen, their kernel, and the rows of the matrix known so far.
pub(super) struct Cache {
    kernel: Kernel,
    n: usize,
    p: usize,
    /// Row after row.
    x: Vec<f64>,
    points: Points,
    /// For each row of the matrix as much of it as is known, in 32 bits as in LIBSVM.
    rows: Vec<Vec<f32>>,
    /// When each was last asked for; 0 for those not kept.
    used: Vec<u64>,
    clock: u64,
    kept: usize,
    /// The most rows to keep.
    most: usize,
}

impl Cache {
    /// `x` holds `n` rows of `p` numbers.
    pub(super) fn new(kernel: Kernel, x: Vec<f64>, n: usize, p: usize, bytes: usize) -> Self {
        let points = Points::new(&x, n, p);
        let most = (bytes / (4 * n.max(1))).max(2);
        Cache {
            kernel,
            n,
            p,
            x,
            points,
            rows: vec![Vec::new(); n],
            used: vec![0; n],
            clock: 0,
            kept: 0,
            most,
        }
    }

    /// Row `i` of the matrix, its first `len` numbers at least.
    pub(super) fn row(&mut self, i: usize, len: usize) -> &[f32] {
        self.clock += 1;
        if self.used[i] == 0 {
            if self.kept == self.most {
                self.forget_oldest();
            }
            self.kept += 1;
        }
        self.used[i] = self.clock;
        let have = self.rows[i].len();
        if have < len {
            let mut row = std::mem::take(&mut self.rows[i]);
            row.reserve_exact(len - have);
            let x = &self.x[i * self.p..(i + 1) * self.p];
            // All cores on one long row: the next step waits for it.
            let chunk = if (len - have) * self.p < LONG { len - have } else { 8 * BLOCK };
            for part in in_chunks(len - have, chunk, |range| {
                let mut part = Vec::with_capacity(range.len());
                let range = (have + range.start, have + range.end);
                self.points.each(self.kernel, x, range, |_, values| {
                    part.extend(values.iter().map(|&k| k as f32));
                });
                part
            }) {
                row.extend_from_slice(&part);
            }
            self.rows[i] = row;
        }
        &self.rows[i]
    }

    /// Two rows that were just asked for.
    pub(super) fn pair(&self, i: usize, j: usize) -> (&[f32], &[f32]) {
        (&self.rows[i], &self.rows[j])
    }

    fn forget_oldest(&mut self) {
        let oldest = (0..self.n).filter(|&i| self.used[i] > 0).min_by_key(|&i| self.used[i]);
        if let Some(oldest) = oldest {
            self.used[oldest] = 0;
            self.rows[oldest] = Vec::new();
            self.kept -= 1;
        }
    }

    /// The kernel of each row with itself.
    pub(super) fn diagonal(&self) -> Vec<f64> {
        let mut own = Vec::with_capacity(self.n);
        for i in 0..self.n {
            let x = &self.x[i * self.p..(i + 1) * self.p];
            let one = Points::new(x, 1, self.p);
            one.each(self.kernel, x, (0, 1), |_, values| own.push(values[0]));
        }
        own
    }

    /// Calls `put` with the numbers `from..` of row `i` of the matrix, and the first of them; a row not kept is not
    /// kept for it.
    pub(super) fn rest(&mut self, i: usize, from: usize, mut put: impl FnMut(usize, &[f32])) {
        if self.used[i] > 0 {
            let n = self.n;
            put(from, &self.row(i, n)[from..]);
            return;
        }
        let mut part = Vec::new();
        let x = &self.x[i * self.p..(i + 1) * self.p];
        self.points.each(self.kernel, x, (from, self.n), |first, values| {
            part.clear();
            part.extend(values.iter().map(|&k| k as f32));
            put(first, &part);
        });
    }

    /// Puts the first `order.len()` rows into this order, in which each occurs once.
    pub(super) fn reorder(&mut self, order: &[usize]) {
        let p = self.p;
        let moved: Vec<f64> = order.iter().flat_map(|&i| &self.x[i * p..(i + 1) * p]).copied().collect();
        self.x[..moved.len()].copy_from_slice(&moved);
        self.points = Points::new(&self.x, self.n, p);
        reorder(&mut self.used, order);
        let rows: Vec<Vec<f32>> = order.iter().map(|&i| std::mem::take(&mut self.rows[i])).collect();
        self.rows.iter_mut().zip(rows).for_each(|(to, row)| *to = row);
        let mut buffer = vec![0.0f32; order.len()];
        for row in self.rows.iter_mut().filter(|row| !row.is_empty()) {
            if row.len() < order.len() {
                // Known only in part, in the order that was: what follows would be out of place.
                row.clear();
                continue;
            }
            buffer.iter_mut().zip(order).for_each(|(to, &i)| *to = row[i]);
            row[..order.len()].copy_from_slice(&buffer);
        }
    }
}

/// Puts the first `order.len()` values into this order.
pub(super) fn reorder<T: Copy>(values: &mut [T], order: &[usize]) {
    let moved: Vec<T> = order.iter().map(|&i| values[i]).collect();
    values[..moved.len()].copy_from_slice(&moved);
}

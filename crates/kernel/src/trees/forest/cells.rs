//! Sums of one feature's bins, and which of them hold a row: a small node touches and clears a few bins only.

use super::tally::Tally;
use super::{Item, Labels};

/// The sums of each bin of one feature.
pub(super) struct Cells<L: Labels> {
    sums: Vec<L::Sums>,
    pub(super) counts: [u32; 256],
    seen: [u64; 4],
    /// The bins that hold a row, in the order in which they are to be cut.
    pub(super) order: Vec<u8>,
    /// The sums of all rows of the node.
    pub(super) whole: L::Sums,
    /// The sums of the rows on the left.
    pub(super) left: L::Sums,
}

impl<L: Labels> Cells<L> {
    pub(super) fn new(labels: &L) -> Self {
        Cells {
            sums: vec![labels.zero(); 256],
            counts: [0; 256],
            seen: [0; 4],
            order: Vec::with_capacity(256),
            whole: labels.zero(),
            left: labels.zero(),
        }
    }

    /// Sums the node's rows; whether all of them have the same label.
    pub(super) fn sum(&mut self, labels: &L, items: &[Item<L::Label>]) -> bool {
        self.whole.as_mut().fill(0.0);
        let Some(first) = items.first() else { return true };
        labels.add_all(&mut self.whole, items.iter().copied());
        items.iter().all(|item| item.label == first.label)
    }

    /// As [`Cells::sum`], of rows that all count once; they are then in `tally`.
    pub(super) fn count(&mut self, labels: &L, items: &[Item<L::Label>], tally: &mut Tally) -> bool {
        let rows = items.iter().map(|item| item.row);
        let counts = tally.begin(rows, items.iter().map(|item| labels.class(item.label)));
        labels.sums_of(counts, &mut self.whole);
        counts.iter().filter(|n| **n > 0).count() < 2
    }

    /// Sorts the rows' weights into bins.
    pub(super) fn fill(&mut self, labels: &L, bins: &[u8], items: &[Item<L::Label>]) {
        let few = items.len() < 256;
        for item in items {
            let bin = usize::from(bins[item.row as usize]);
            self.counts[bin] += 1;
            labels.add(&mut self.sums[bin], item);
            if few {
                self.seen[bin / 64] |= 1 << (bin % 64);
            }
        }
        if !few {
            for (word, counts) in self.seen.iter_mut().zip(self.counts.chunks_exact(64)) {
                *word = counts.iter().rev().fold(0, |word, count| word << 1 | u64::from(*count > 0));
            }
        }
        self.order.clear();
        for (w, word) in self.seen.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                self.order.push((w * 64) as u8 + word.trailing_zeros() as u8);
                word &= word - 1;
            }
        }
    }

    pub(super) fn of(&self, bin: u8) -> &L::Sums {
        &self.sums[usize::from(bin)]
    }

    /// Adds a bin to the left side.
    #[inline(always)]
    pub(super) fn move_left(&mut self, bin: u8) {
        let of = self.sums[usize::from(bin)].as_ref();
        self.left.as_mut().iter_mut().zip(of).for_each(|(l, s)| *l += s);
    }

    /// Makes the cells of the seen bins empty again.
    pub(super) fn clear(&mut self) {
        for w in 0..4 {
            let mut word = self.seen[w];
            while word != 0 {
                let bin = w * 64 + word.trailing_zeros() as usize;
                self.sums[bin].as_mut().fill(0.0);
                self.counts[bin] = 0;
                word &= word - 1;
            }
            self.seen[w] = 0;
        }
    }
}

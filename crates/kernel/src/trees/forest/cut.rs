//! The cuts of one feature: the best one, or a random one.

use super::super::bins::Bins;
use super::super::split::{Cut, Side};
use super::tally::total;
use super::{Growing, Item, Labels};

type Found = Option<(f64, Cut)>;

/// Every number goes left, what is missing right.
const ALL: usize = 256;

/// The best place to cut the seen bins: how pure both sides are, how many bins lie left, and where the missing go.
struct Place {
    purity: f64,
    n_left: usize,
    missing_left: bool,
}

impl<L: Labels> Growing<'_, L> {
    /// The best cut of a feature. Counts a try where the rows hold more than one value.
    pub(super) fn best_cut(&mut self, feature: usize, items: &[Item<L::Label>], tried: &mut usize) -> Found {
        self.cells.fill(self.labels, &self.columns.columns[feature], items);
        if self.cells.order.len() < 2 {
            self.cells.clear();
            return None;
        }
        *tried += 1;
        let is_category = self.columns.is_category(feature);
        let missing = !is_category && self.cells.order[0] == 0;
        let place = if is_category {
            self.sort_categories();
            self.scan(items.len(), false, false)
        } else {
            // What is missing goes right, then left.
            let first = self.scan(items.len(), missing, false);
            let second = if missing { self.scan(items.len(), true, true) } else { None };
            match (first, second) {
                (Some(a), Some(b)) if b.purity > a.purity => Some(b),
                (None, b) => b,
                (a, _) => a,
            }
        };
        let found = place.map(|place| (place.purity, self.cut_at(&place, is_category, items.len())));
        self.cells.clear();
        found
    }

    /// Moves bin after bin to the left. Where the first bin is that of missing values (`missing`), it is put on the
    /// side that is asked for first.
    fn scan(&mut self, n_rows: usize, missing: bool, missing_left: bool) -> Option<Place> {
        let (least, cells) = (self.growth.min_leaf, &mut self.cells);
        let (mut n_left, mut best) = (0, None::<Place>);
        cells.left.as_mut().fill(0.0);
        if missing_left {
            cells.move_left(0);
            n_left += cells.counts[0] as usize;
        }
        let first = usize::from(missing);
        // With the missing on the right, all that is known may go left.
        let last = cells.order.len() - usize::from(!missing || missing_left);
        for at in first..last {
            let bin = cells.order[at];
            cells.move_left(bin);
            n_left += cells.counts[usize::from(bin)] as usize;
            if n_left < least {
                continue;
            }
            if n_rows - n_left < least {
                break;
            }
            let purity = self.labels.purity_of_parts(&cells.left, &cells.whole);
            if best.as_ref().is_none_or(|best| purity > best.purity) {
                best = Some(Place { purity, n_left: at + 1, missing_left });
            }
        }
        best
    }

    fn cut_at(&self, place: &Place, is_category: bool, n_rows: usize) -> Cut {
        let left = &self.cells.order[..place.n_left];
        let count =
            |bins: &[u8]| bins.iter().map(|&b| self.cells.counts[usize::from(b)] as usize).sum::<usize>();
        // Where nothing was missing, what comes to be missing follows the many.
        let follows = 2 * count(left) > n_rows;
        let any_missing = self.cells.counts[0] > 0;
        if is_category {
            let missing_left = if any_missing { left.contains(&0) } else { follows };
            return Cut { bin: 0, set: Some(set_of(left)), missing_left };
        }
        let missing_left = if any_missing { place.missing_left } else { follows };
        let all = place.n_left == self.cells.order.len();
        let bin = left.last().filter(|_| !all).map_or(ALL, |&bin| bin.into());
        Cut { bin, set: None, missing_left }
    }

    /// By what is to be learned: the best set is then a run from one end (Fisher 1958; Breiman and others 1984).
    fn sort_categories(&mut self) {
        let chosen = self.random.bits();
        let mut order = std::mem::take(&mut self.cells.order);
        let rank = |bin: &u8| self.labels.rank(self.cells.of(*bin), chosen);
        order.sort_by(|a, b| rank(a).total_cmp(&rank(b)).then(a.cmp(b)));
        self.cells.order = order;
    }

    /// A cut drawn at random. Counts a try where the rows hold more than one value.
    pub(super) fn random_cut(
        &mut self,
        feature: usize,
        items: &[Item<L::Label>],
        tried: &mut usize,
    ) -> Found {
        let column = &self.columns.columns[feature];
        self.bins.clear();
        match self.counted {
            true => self.bins.extend(self.tally.rows.iter().map(|row| column[*row as usize])),
            false => self.bins.extend(items.iter().map(|item| column[item.row as usize])),
        }
        // 0, of the missing, becomes the greatest in the first two. Bytes and nothing else, so that vectors take many at a time.
        let (mut low, mut last, mut high) = (u8::MAX, 0, 0);
        for &bin in &self.bins {
            low = low.min(bin.wrapping_sub(1));
            last = last.max(bin.wrapping_sub(1));
            high = high.max(bin);
        }
        let (low, any_missing) = (low.wrapping_add(1), last == u8::MAX);
        let any_known = high > 0;
        if !any_known || (low == high && !any_missing) {
            return None;
        }
        *tried += 1;
        let missing_left = self.random.bits() & 1 == 1;
        let cut = match &self.columns.binned.bins[feature] {
            // One value and the missing.
            _ if low == high => Cut { bin: ALL, set: None, missing_left: false },
            Bins::Number(bounds) => Cut { bin: self.threshold(bounds, low, high), set: None, missing_left },
            Bins::Category { .. } => Cut { bin: 0, set: Some(self.random_set()), missing_left },
        };
        // A set of one value alone tells it from the missing too.
        let cut = if low == high && self.columns.is_category(feature) {
            Cut { set: Some(set_of(&[high])), ..cut }
        } else {
            cut
        };
        self.judge(cut, items, any_missing)
    }

    /// A bin below `high` whose bound lies at a random place between those of both.
    fn threshold(&mut self, bounds: &[f64], low: u8, high: u8) -> usize {
        let (first, last) = (usize::from(low), usize::from(high) - 1);
        let (from, to) = (bounds[first - 1], bounds[last - 1]);
        let at = from + self.random.unit() * (to - from);
        if !at.is_finite() {
            return first + self.random.below(last - first + 1);
        }
        let below = bounds[first - 1..last].partition_point(|b| *b < at);
        (first + below).min(last)
    }

    /// Half of the seen bins, drawn one by one.
    fn random_set(&mut self) -> [u64; 4] {
        let mut seen = [0u64; 4];
        self.bins.iter().filter(|b| **b > 0).for_each(|&b| seen[usize::from(b) / 64] |= 1 << (b % 64));
        loop {
            let set = seen.map(|word| word & self.random.bits());
            if set != [0; 4] && set != seen {
                return set;
            }
        }
    }

    fn judge(&mut self, cut: Cut, items: &[Item<L::Label>], any_missing: bool) -> Found {
        self.sides(&cut);
        let n_left = if self.counted {
            let counts = self.tally.left(&self.left);
            self.labels.sums_of(counts, &mut self.cells.left);
            counts.iter().sum::<u32>() as usize
        } else {
            self.cells.left.as_mut().fill(0.0);
            let left = items.iter().zip(&self.left).map(|(item, &left)| {
                // A weight of nothing rather than a branch that nobody can predict.
                let kept = 0u32.wrapping_sub(u32::from(left));
                Item { weight: f32::from_bits(item.weight.to_bits() & kept), ..*item }
            });
            self.labels.add_all(&mut self.cells.left, left);
            total(&self.left) as usize
        };
        let n_right = items.len() - n_left;
        if n_left < self.growth.min_leaf.max(1) || n_right < self.growth.min_leaf.max(1) {
            return None;
        }
        let purity = self.labels.purity_of_parts(&self.cells.left, &self.cells.whole);
        let missing_left = if any_missing { cut.missing_left } else { n_left > n_right };
        Some((purity, Cut { missing_left, ..cut }))
    }
}

impl<L: Labels> Growing<'_, L> {
    /// Which of the node's rows go left: a 1 for each that does.
    fn sides(&mut self, cut: &Cut) {
        self.left.clear();
        if cut.set.is_some() {
            let side = Side::of(cut);
            self.left.extend(self.bins.iter().map(|bin| u8::from(side.is_left(*bin))));
            return;
        }
        // One less than bin 0, of the missing, is more than any other: one comparison of bytes for all.
        let off = u8::from(!cut.missing_left);
        let last = cut.bin.min(255) as u8 - off;
        self.left.extend(self.bins.iter().map(|bin| u8::from(bin.wrapping_sub(off) <= last)));
    }
}

fn set_of(bins: &[u8]) -> [u64; 4] {
    let mut set = [0u64; 4];
    bins.iter().for_each(|&b| set[usize::from(b) / 64] |= 1 << (b % 64));
    set
}

//! The best question about a node's rows.

use pulp::NullaryFnOnce;

use super::bins::Bins;
use super::histogram::CELLS;
use super::quantized::{gradient, hessian};
use crate::vector::wide;

/// What a split must respect, and what holds leaves back.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// The least hessian a child must have.
    pub least_bend: f64,
    pub l1: f64,
    pub l2: f64,
    /// The least that a split must gain.
    pub least_gain: f64,
    /// Added to the hessian of each category's bin when bins are put in order.
    pub category_smooth: f64,
    /// Added to `l2` where categories are divided.
    pub category_l2: f64,
}

/// The rows of a node in sum.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub gradient: f64,
    pub hessian: f64,
}

impl Sums {
    pub(super) fn of(word: u64, steps: (f64, f64)) -> Self {
        Sums { gradient: f64::from(gradient(word)) * steps.0, hessian: f64::from(hessian(word)) * steps.1 }
    }
}

/// Which bins go left.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    /// Of numbers: bins 1 to this one.
    pub bin: usize,
    /// Of categories: these bins.
    pub set: Option<[u64; 4]>,
    /// Bin 0, of the missing.
    pub missing_left: bool,
}

impl Cut {
    #[inline(always)]
    pub(super) fn goes_left(&self, bin: u8) -> bool {
        match &self.set {
            _ if bin == 0 => self.missing_left,
            Some(set) => set[usize::from(bin) / 64] >> (bin % 64) & 1 == 1,
            None => usize::from(bin) <= self.bin,
        }
    }
}

/// Which bins go left, a bit each.
#[derive(Clone, Copy)]
pub(super) struct Side([u64; 4]);

impl Side {
    pub(super) fn of(cut: &Cut) -> Self {
        let mut bits = cut.set.unwrap_or_else(|| {
            // Those below `bin + 1`.
            std::array::from_fn(|word| match (cut.bin + 1).saturating_sub(64 * word) {
                n @ 0..64 => (1 << n) - 1,
                _ => u64::MAX,
            })
        });
        bits[0] = bits[0] & !1 | u64::from(cut.missing_left);
        Side(bits)
    }

    #[inline(always)]
    pub(super) fn is_left(&self, bin: u8) -> bool {
        self.0[usize::from(bin) / 64] >> (bin % 64) & 1 == 1
    }
}

/// A question and what it brings.
#[derive(Clone, Debug)]
pub(super) struct Split {
    pub gain: f64,
    pub feature: usize,
    pub cut: Cut,
    /// The words of the rows that go left.
    pub left: u64,
}

/// What a constraint allows: the direction of the feature, and between which values the node's leaves must lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub direction: i8,
    pub low: f64,
    pub high: f64,
}

impl Bounds {
    pub(super) const FREE: Bounds = Bounds { direction: 0, low: f64::NEG_INFINITY, high: f64::INFINITY };

    fn binds(&self) -> bool {
        self.direction != 0 || self.low > f64::NEG_INFINITY || self.high < f64::INFINITY
    }
}

/// `l1` taken off a gradient.
#[inline(always)]
fn softened(gradient: f64, l1: f64) -> f64 {
    if l1 == 0.0 { gradient } else { gradient.signum() * (gradient.abs() - l1).max(0.0) }
}

/// The value of a leaf that lowers the loss most.
pub(super) fn leaf_value(sums: Sums, l1: f64, l2: f64) -> f64 {
    let hessian = sums.hessian + l2;
    if hessian > 0.0 { -softened(sums.gradient, l1) / hessian } else { 0.0 }
}

/// Twice the loss that a leaf of this value takes away.
fn gain_of(sums: Sums, value: f64, l1: f64, l2: f64) -> f64 {
    -(2.0 * sums.gradient * value + (sums.hessian + l2) * value * value + 2.0 * l1 * value.abs())
}

/// Twice the loss that these rows' best leaf takes away.
fn score(sums: Sums, rules: &Rules, bounds: Bounds) -> f64 {
    let value = leaf_value(sums, rules.l1, rules.l2).clamp(bounds.low, bounds.high);
    gain_of(sums, value, rules.l1, rules.l2)
}

/// What both sides of a split must score more than: by more than rounding may give.
fn floor(whole: Sums, rules: &Rules, bounds: Bounds) -> f64 {
    score(whole, rules, bounds) * (1.0 + 1e-12) + rules.least_gain
}

/// Room for the scan of one feature, reused for the next.
pub(super) struct Scratch {
    prefix: [u64; CELLS],
    scores: [f64; CELLS],
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch { prefix: [0; CELLS], scores: [0.0; CELLS] }
    }
}

/// A node as the search for its split sees it.
pub(super) struct Candidate<'a> {
    /// The sum of its rows' words.
    pub total: u64,
    /// What one step of the gradient is worth, and one of the hessian.
    pub steps: (f64, f64),
    pub rules: &'a Rules,
}

/// The best cut of one feature, if there is any that gains.
pub(super) fn best(
    feature: usize,
    bins: &Bins,
    cells: &[u64; CELLS],
    node: &Candidate<'_>,
    bounds: Bounds,
    scratch: &mut Scratch,
) -> Option<Split> {
    let found = match bins {
        Bins::Number(_) => numbers(bins.n_bins(), cells, node, bounds, scratch),
        Bins::Category { .. } => categories(bins.n_bins(), cells, node, bounds),
    };
    found.map(|(gain, cut, left)| Split { gain, feature, cut, left })
}

type Found = (f64, Cut, u64);

fn numbers(
    n_bins: usize,
    cells: &[u64; CELLS],
    node: &Candidate<'_>,
    bounds: Bounds,
    scratch: &mut Scratch,
) -> Option<Found> {
    let Candidate { total, steps, rules } = *node;
    let missing = cells[0];
    let mut sum = 0u64;
    // The last bin has nothing to its right.
    let n = n_bins.saturating_sub(2);
    let (prefix, scores) = (&mut scratch.prefix[..n], &mut scratch.scores[..n]);
    for (prefix, cell) in prefix.iter_mut().zip(&cells[1..]) {
        sum = sum.wrapping_add(*cell);
        *prefix = sum;
    }
    let whole = Sums::of(total, steps);
    let floor = floor(whole, rules, bounds);
    let mut best: Option<Found> = None;
    let sides: &[bool] = if missing == 0 { &[false] } else { &[false, true] };
    for &missing_left in sides {
        if missing_left {
            prefix.iter_mut().for_each(|p| *p = p.wrapping_add(missing));
        }
        let scan = Scan { prefix, whole, steps, rules, scores };
        let (at, gain) = if bounds.binds() { bounded(&scan, bounds) } else { wide(scan) };
        let gain = gain - floor;
        if gain > 0.0 && best.as_ref().is_none_or(|(most, ..)| gain > *most) {
            let left = prefix[at];
            // Where nothing was missing, what comes to be missing follows the many.
            let follows = 2.0 * Sums::of(left, steps).hessian > whole.hessian;
            let missing_left = if missing == 0 { follows } else { missing_left };
            best = Some((gain, Cut { bin: at + 1, set: None, missing_left }, left));
        }
    }
    // All that is known on one side, all that is missing on the other.
    let known = total.wrapping_sub(missing);
    if missing != 0 && allowed(Sums::of(known, steps), whole, rules) && bounds.direction == 0 {
        let gain = both(Sums::of(known, steps), whole, rules, bounds) - floor;
        if gain > 0.0 && best.as_ref().is_none_or(|(most, ..)| gain > *most) {
            best = Some((gain, Cut { bin: CELLS, set: None, missing_left: false }, known));
        }
    }
    best
}

fn allowed(left: Sums, whole: Sums, rules: &Rules) -> bool {
    left.hessian >= rules.least_bend && whole.hessian - left.hessian >= rules.least_bend
}

fn both(left: Sums, whole: Sums, rules: &Rules, bounds: Bounds) -> f64 {
    let right = Sums { gradient: whole.gradient - left.gradient, hessian: whole.hessian - left.hessian };
    score(left, rules, bounds) + score(right, rules, bounds)
}

/// The best of a feature's cuts: where, and the score of both sides.
struct Scan<'a> {
    prefix: &'a [u64],
    whole: Sums,
    steps: (f64, f64),
    rules: &'a Rules,
    /// Room for as many scores as there are cuts.
    scores: &'a mut [f64],
}

impl NullaryFnOnce for Scan<'_> {
    type Output = (usize, f64);

    #[inline(always)]
    fn call(self) -> (usize, f64) {
        let Rules { least_bend, l1, l2, .. } = *self.rules;
        for (out, &word) in self.scores.iter_mut().zip(self.prefix) {
            let (gradient, hessian) =
                (f64::from(gradient(word)) * self.steps.0, f64::from(hessian(word)) * self.steps.1);
            let (other_slope, other_bend) = (self.whole.gradient - gradient, self.whole.hessian - hessian);
            let (a, b) = (softened(gradient, l1), softened(other_slope, l1));
            let (below_a, below_b) = (hessian + l2, other_bend + l2);
            // One division for both sides.
            let score = (a * a * below_b + b * b * below_a) / (below_a * below_b);
            *out =
                if (hessian >= least_bend) & (other_bend >= least_bend) { score } else { f64::NEG_INFINITY };
        }
        let most = self.scores.iter().fold(f64::NEG_INFINITY, |m, s| if *s > m { *s } else { m });
        (self.scores.iter().position(|s| *s == most).unwrap_or(0), most)
    }
}

fn bounded(scan: &Scan<'_>, bounds: Bounds) -> (usize, f64) {
    let (mut at, mut most) = (0, f64::NEG_INFINITY);
    let value = |sums| leaf_value(sums, scan.rules.l1, scan.rules.l2).clamp(bounds.low, bounds.high);
    for (b, &word) in scan.prefix.iter().enumerate() {
        let left = Sums::of(word, scan.steps);
        let right = Sums {
            gradient: scan.whole.gradient - left.gradient,
            hessian: scan.whole.hessian - left.hessian,
        };
        let rises = value(right) - value(left);
        if !allowed(left, scan.whole, scan.rules) || rises * f64::from(bounds.direction) < 0.0 {
            continue;
        }
        let score = both(left, scan.whole, scan.rules, bounds);
        if score > most {
            (at, most) = (b, score);
        }
    }
    (at, most)
}

/// Categories in the order of their mean gradient: the best set is a run from one end (Fisher 1958).
fn categories(n_bins: usize, cells: &[u64; CELLS], node: &Candidate<'_>, bounds: Bounds) -> Option<Found> {
    let Candidate { total, steps, rules } = *node;
    let whole = Sums::of(total, steps);
    let floor = floor(whole, rules, bounds);
    let rules = Rules { l2: rules.l2 + rules.category_l2, ..rules.clone() };
    let ratio = |b: usize| {
        let sums = Sums::of(cells[b], steps);
        sums.gradient / (sums.hessian + rules.category_smooth)
    };
    let mut order: Vec<usize> = (0..n_bins).filter(|&b| cells[b] != 0).collect();
    order.sort_by(|&a, &b| ratio(a).total_cmp(&ratio(b)).then(a.cmp(&b)));
    let (mut sum, mut best): (u64, Option<(f64, usize, u64)>) = (0, None);
    for at in 0..order.len().saturating_sub(1) {
        sum = sum.wrapping_add(cells[order[at]]);
        let left = Sums::of(sum, steps);
        if !allowed(left, whole, &rules) {
            continue;
        }
        let gain = both(left, whole, &rules, bounds) - floor;
        if gain > 0.0 && best.is_none_or(|(most, ..)| gain > most) {
            best = Some((gain, at, sum));
        }
    }
    best.map(|(gain, at, left)| {
        let mut set = [0u64; 4];
        order[..=at].iter().for_each(|&b| set[b / 64] |= 1 << (b % 64));
        let follows = 2.0 * Sums::of(left, steps).hessian > whole.hessian;
        let missing_left = if cells[0] == 0 { follows } else { set[0] & 1 == 1 };
        (gain, Cut { bin: 0, set: Some(set), missing_left }, left)
    })
}

#[cfg(test)]
mod tests {
    use super::{Cut, Side};

    #[test]
    fn the_bits_say_what_the_cut_says() {
        let sets = [Some([0b1010, 0, u64::MAX, 1 << 63]), Some([u64::MAX; 4])];
        let numbers = [0, 1, 62, 63, 64, 65, 127, 128, 200, 254, 255, 256].map(|bin| (bin, None));
        for (bin, set) in numbers.into_iter().chain(sets.map(|set| (0, set))) {
            for missing_left in [false, true] {
                let cut = Cut { bin, set, missing_left };
                let side = Side::of(&cut);
                (0..=255).for_each(|bin| assert_eq!(side.is_left(bin), cut.goes_left(bin), "{cut:?} {bin}"));
            }
        }
    }
}

//! The quantiles of a column of numbers.

use super::mix;

/// The length of a sorted run.
const RUN: usize = 2048;
/// So many values are taken as they come; then one of every two, of every four, …, as the column grows.
const TAKEN: u64 = 1 << 17;

/// The distribution of a column, in about 100 KiB: exact up to 4,096 values, then with a standard error of about 0.1% in rank.
///
/// Values gather in a buffer; a full one is sorted, and every second value of it (the first half of the time the even
/// ones, then the odd ones) becomes a run of twice the weight. Two runs of one weight are merged and halved likewise:
/// Manku, Rajagopalan and Lindsay 1998, "Approximate medians", and, with a sampler below as the column grows, Karnin, Lang
/// and Liberty 2016, "Optimal quantile approximation in streams" (KLL). Which value of a block is sampled is a function of the
/// block's number, so the same column gives the same sketch. `NaN` is passed over.
///
/// ```
/// use tidemill_kernel::sketch::Quantiles;
/// let mut sketch = Quantiles::default();
/// sketch.extend(&[4.0, 1.0, 3.0, 2.0]);
/// assert_eq!(sketch.ranked().quantile(0.5), 2.5);
/// ```
#[derive(Clone, Debug)]
pub struct Quantiles {
    /// Values of the weight of `level`, as they came; fewer than two runs.
    buffer: Vec<f64>,
    /// One sorted run of each weight `2^l`, where there is one.
    runs: Vec<Option<Vec<f64>>>,
    /// Whether the next halving at each level takes the odd places.
    odd: Vec<bool>,
    /// One of `2^level` values is taken.
    level: u32,
    /// How many were taken at this level.
    taken: u64,
    /// How many values of the current block have passed.
    passed: u64,
    n: u64,
    min: f64,
    max: f64,
}

impl Default for Quantiles {
    fn default() -> Self {
        Quantiles {
            buffer: Vec::new(),
            runs: Vec::new(),
            odd: Vec::new(),
            level: 0,
            taken: 0,
            passed: 0,
            n: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Quantiles {
    /// More values.
    pub fn extend(&mut self, values: &[f64]) {
        // Most columns are whole, or made so before.
        for part in values.split(|x| x.is_nan()).filter(|part| !part.is_empty()) {
            let [low, high] = ends(part);
            (self.min, self.max) = (self.min.min(low), self.max.max(high));
            self.n += part.len() as u64;
            self.take(part);
        }
    }

    fn take(&mut self, mut values: &[f64]) {
        while !values.is_empty() {
            if self.level == 0 {
                let room = (2 * RUN - self.buffer.len()).min((TAKEN - self.taken) as usize);
                let (now, later) = values.split_at(room.min(values.len()));
                self.buffer.extend_from_slice(now);
                self.taken += now.len() as u64;
                self.halve_full();
                self.thin();
                values = later;
                continue;
            }
            // The rest of the block, or as much of it as there is: one value of it at most is looked at.
            let block = 1u64 << self.level;
            let chosen = mix(self.taken) & (block - 1);
            let passing = (block - self.passed).min(values.len() as u64);
            if let Some(at) = chosen.checked_sub(self.passed).filter(|&at| at < passing) {
                self.push(values[at as usize]);
            }
            self.passed += passing;
            values = &values[passing as usize..];
            if self.passed == block {
                (self.passed, self.taken) = (0, self.taken + 1);
                self.thin();
            }
        }
    }

    #[inline]
    fn push(&mut self, x: f64) {
        self.buffer.push(x);
        self.halve_full();
    }

    /// Makes a run of a full buffer.
    #[inline]
    fn halve_full(&mut self) {
        if self.buffer.len() < 2 * RUN {
            return;
        }
        let mut values = std::mem::take(&mut self.buffer);
        sort(&mut values);
        let half = self.halve(&values, self.level as usize);
        values.clear();
        self.buffer = values;
        self.carry(half, self.level as usize + 1);
    }

    /// Every second value of a sorted run.
    fn halve(&mut self, values: &[f64], level: usize) -> Vec<f64> {
        if self.odd.len() <= level {
            self.odd.resize(level + 1, false);
        }
        let from = usize::from(self.odd[level]);
        self.odd[level] = !self.odd[level];
        values.iter().skip(from).step_by(2).copied().collect()
    }

    /// Puts a sorted run where there is none of its weight.
    fn carry(&mut self, mut run: Vec<f64>, mut level: usize) {
        loop {
            if self.runs.len() <= level {
                self.runs.resize(level + 1, None);
            }
            match self.runs[level].take() {
                None => {
                    self.runs[level] = Some(run);
                    return;
                }
                Some(other) => {
                    let merged = merged(&other, &run);
                    run = self.halve(&merged, level);
                    level += 1;
                }
            }
        }
    }

    /// Takes half as many values from now on, once enough were taken.
    fn thin(&mut self) {
        if self.taken >= TAKEN {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        let kept: Vec<f64> = self.buffer.iter().step_by(2).copied().collect();
        self.buffer = kept;
        self.level += 1;
        // Half of those taken before weigh as much as one taken from now on.
        self.taken /= 2;
        self.passed = 0;
    }

    /// The least and the greatest value; infinite where there is none.
    pub fn ends(&self) -> [f64; 2] {
        [self.min, self.max]
    }

    /// How many values there were.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// As if the values of `other` had been added here.
    pub fn merge(&mut self, other: &Quantiles) {
        let mut other = other.clone();
        while self.level < other.level {
            self.coarsen();
        }
        while other.level < self.level {
            other.coarsen();
        }
        self.n += other.n;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.taken += other.taken;
        for (level, run) in other.runs.into_iter().enumerate() {
            if let Some(run) = run {
                self.carry(run, level);
            }
        }
        other.buffer.iter().for_each(|&x| self.push(x));
        self.thin();
    }

    /// The values in order, for questions.
    pub fn ranked(&self) -> Ranked {
        let mut items: Vec<(f64, f64)> = Vec::new();
        let weight = |level: usize| (1u64 << level) as f64;
        items.extend(self.buffer.iter().map(|&x| (x, weight(self.level as usize))));
        for (level, run) in self.runs.iter().enumerate() {
            items.extend(run.iter().flatten().map(|&x| (x, weight(level))));
        }
        Ranked::new(items, [self.min, self.max])
    }
}

/// The least and the greatest of some numbers, none of them `NaN`, in lanes that need not wait for each other.
fn ends(values: &[f64]) -> [f64; 2] {
    const LANES: usize = 8;
    let (mut low, mut high) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    let (runs, rest) = values.as_chunks::<LANES>();
    for run in runs {
        for l in 0..LANES {
            low[l] = if run[l] < low[l] { run[l] } else { low[l] };
            high[l] = if run[l] > high[l] { run[l] } else { high[l] };
        }
    }
    [
        low.iter().chain(rest).copied().fold(f64::INFINITY, f64::min),
        high.iter().chain(rest).copied().fold(f64::NEG_INFINITY, f64::max),
    ]
}

/// In the order of [`f64::total_cmp`], by whole numbers that have this order: they are compared in one step.
fn sort(values: &mut [f64]) {
    // Of negative numbers all bits but the sign are turned, as `total_cmp` does; doing it again undoes it.
    let turned = |bits: i64| bits ^ (((bits >> 63) as u64) >> 1) as i64;
    let mut keys: Vec<i64> = values.iter().map(|x| turned(x.to_bits() as i64)).collect();
    keys.sort_unstable();
    values.iter_mut().zip(keys).for_each(|(x, key)| *x = f64::from_bits(turned(key) as u64));
}

fn merged(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        let left = a[i].total_cmp(&b[j]).is_le();
        out.push(if left { a[i] } else { b[j] });
        i += usize::from(left);
        j += usize::from(!left);
    }
    out.extend_from_slice(&a[i..]);
    out.extend_from_slice(&b[j..]);
    out
}

/// Values in order, each with the number of values that it stands for.
#[derive(Clone, Debug)]
pub struct Ranked {
    items: Vec<(f64, f64)>,
    total: f64,
    ends: [f64; 2],
}

impl Ranked {
    /// These values, of which the ends are known.
    fn new(mut items: Vec<(f64, f64)>, ends: [f64; 2]) -> Self {
        // Most come in runs that rise or fall already, which this sort makes use of.
        items.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let total = items.iter().map(|item| item.1).sum();
        Ranked { items, total, ends }
    }

    /// These values, each once; `NaN` is passed over.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|x| !x.is_nan()).collect();
        let ends = ends(&values);
        sort(&mut values);
        let total = values.len() as f64;
        Ranked { items: values.into_iter().map(|x| (x, 1.0)).collect(), total, ends }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The `q`-quantile, `q` from 0 to 1, between two values linearly as numpy's default; `NaN` of nothing.
    pub fn quantile(&self, q: f64) -> f64 {
        let (Some(&first), Some(&last)) = (self.items.first(), self.items.last()) else { return f64::NAN };
        let place = q.clamp(0.0, 1.0) * (self.total - 1.0);
        if place <= 0.0 {
            return self.ends[0];
        }
        if place >= self.total - 1.0 {
            return self.ends[1];
        }
        // An item of weight w stands at the middle of the w places that it takes.
        let (mut before, mut left) = (0.0, (0.0, self.ends[0]));
        for &(x, w) in &self.items {
            let centre = before + (w - 1.0) / 2.0;
            if centre >= place {
                let width = centre - left.0;
                let share = if width > 0.0 { (place - left.0) / width } else { 1.0 };
                return if x == left.1 { x } else { left.1 + (x - left.1) * share };
            }
            left = (centre, x);
            before += w;
        }
        if first.0 == last.0 { last.0 } else { left.1 }
    }

    /// The median of the distances from `centre`.
    pub fn median_distance(&self, centre: f64) -> f64 {
        let items = self.items.iter().map(|&(x, w)| ((x - centre).abs(), w)).collect();
        let [a, b] = self.ends.map(|end| (end - centre).abs());
        Ranked::new(items, [0.0, a.max(b)]).quantile(0.5)
    }

    /// About how many values lie in each of the bins between consecutive `edges` (the last bin with its upper edge), scaled
    /// to `n` values in all.
    pub fn histogram(&self, edges: &[f64], n: u64) -> Vec<u64> {
        let mut counts = vec![0.0; edges.len().saturating_sub(1)];
        for &(x, w) in &self.items {
            let bin = edges.partition_point(|&edge| edge <= x);
            let bin = if edges.last() == Some(&x) { bin - 1 } else { bin };
            if bin >= 1 && bin < edges.len() {
                counts[bin - 1] += w;
            }
        }
        let scale = n as f64 / self.total.max(1.0);
        counts.into_iter().map(|count| (count * scale).round() as u64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    /// The rank error of nine quantiles of `n` numbers drawn by `draw`.
    fn worst(n: usize, sketch: &Quantiles, values: &[f64]) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let ranked = sketch.ranked();
        let error = |q: f64| {
            let x = ranked.quantile(q);
            let low = sorted.partition_point(|&v| v < x) as f64 / n as f64;
            let high = sorted.partition_point(|&v| v <= x) as f64 / n as f64;
            (low - q).max(q - high).max(0.0)
        };
        [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99].into_iter().map(error).fold(0.0, f64::max)
    }

    #[test]
    fn ranks_are_right_to_a_few_thousandths_whatever_the_order() {
        for (n, bound) in [(5000, 0.001), (200_000, 0.002), (3_000_000, 0.004)] {
            let mut random = Random::new(3, n as u64);
            let drawn: Vec<f64> = (0..n).map(|_| random.normal().exp()).collect();
            let mut sorted = drawn.clone();
            sorted.sort_by(f64::total_cmp);
            for values in [&drawn, &sorted] {
                let mut sketch = Quantiles::default();
                sketch.extend(values);
                let found = worst(n, &sketch, values);
                assert!(found <= bound, "{found} of {n}");
                let (mut first, mut second) = (Quantiles::default(), Quantiles::default());
                first.extend(&values[..n / 3]);
                second.extend(&values[n / 3..]);
                first.merge(&second);
                assert_eq!(first.n(), n as u64);
                let found = worst(n, &first, values);
                assert!(found <= 1.5 * bound, "merged: {found} of {n}");
            }
        }
    }

    /// Reference: `numpy.quantile([3, 1, 4, 1, 5, 9, 2, 6], [0, .1, .25, .5, .9, 1])`, numpy 2.
    #[test]
    fn few_values_give_exactly_what_numpy_says() {
        let mut sketch = Quantiles::default();
        sketch.extend(&[3.0, 1.0, 4.0, 1.0, f64::NAN, 5.0, 9.0, 2.0, 6.0]);
        let ranked = sketch.ranked();
        for (q, wanted) in [(0.0, 1.0), (0.1, 1.0), (0.25, 1.75), (0.5, 3.5), (0.9, 6.9), (1.0, 9.0)] {
            assert!((ranked.quantile(q) - wanted).abs() < 1e-12, "{q}: {}", ranked.quantile(q));
        }
        assert_eq!(ranked.median_distance(3.5), 2.0);
        assert_eq!(ranked.histogram(&[1.0, 3.0, 9.0], 8), [3, 5]);
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert!(Quantiles::default().ranked().quantile(0.5).is_nan());
    }
}

//! The distribution of a column of numbers, and what lies far outside it.

use serde::Serialize;
use tidemill_kernel::sketch::{self, Quantiles, Ranked};

use super::cells::Cells;

/// Numbers that people write where there is no value.
const STAND_INS: &[f64] =
    &[-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, 99.0, 999.0, 9999.0, 99999.0, 999_999.0];
/// Bins of a histogram.
const BINS: usize = 20;

/// The distribution of a column of numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Numbers {
    /// The mean.
    pub mean: f64,
    /// The standard deviation (divided by n - 1); absent for one value.
    pub std: Option<f64>,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The adjusted skewness, as pandas gives it; absent below 3 values or for a constant.
    pub skewness: Option<f64>,
    /// The adjusted excess kurtosis, as pandas gives it; absent below 4 values or for a constant.
    pub kurtosis: Option<f64>,
    /// Quantiles by their share: 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99.
    pub quantiles: Vec<[f64; 2]>,
    /// The median distance from the median.
    pub mad: f64,
    /// Whether quantiles are exact (up to 4,096 values); else with a standard error of about 0.1% in rank.
    pub exact: bool,
    /// How many are 0.
    pub zeros: u64,
    /// How many are below 0.
    pub negative: u64,
    /// How many lie in each of 20 bins.
    pub histogram: Histogram,
    /// What lies outside the usual fences.
    pub fences: Vec<Fence>,
    /// A number far from the others that repeats and probably stands for "no value".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<Cells>,
}

/// Bins of equal width between two bounds that hold all but far tails.
#[derive(Clone, Debug, Serialize)]
pub struct Histogram {
    /// The lower edge of the first bin.
    pub low: f64,
    /// The upper edge of the last bin.
    pub high: f64,
    /// The values of each bin, about.
    pub counts: Vec<u64>,
}

/// A rule for outliers and what it finds. The fence comes from at most 32,768 rows, spread evenly; the count is of all rows.
#[derive(Clone, Debug, Serialize)]
pub struct Fence {
    /// `iqr`: 1.5 interquartile ranges beyond the quartiles (Tukey 1977). `robust_z`: 3.5 times MAD / 0.6745 from the median
    /// (Iglewicz and Hoaglin 1993). `z`: 3 standard deviations from the mean.
    pub rule: &'static str,
    /// The least value within.
    pub low: f64,
    /// The greatest value within.
    pub high: f64,
    /// The values outside.
    pub outside: Cells,
}

pub(super) struct NumberGather {
    centre: f64,
    n: u64,
    /// Sums of the first four powers of the distance from the centre.
    powers: [f64; 4],
    zeros: u64,
    negative: u64,
    quantiles: Quantiles,
    fences: Vec<Fence>,
    stand_in: Option<(f64, Cells)>,
}

impl NumberGather {
    /// `thin` are some of the values; `judged` asks for fences.
    pub(super) fn new(thin: &[f64], judged: bool) -> Self {
        let finite: Vec<f64> = thin.iter().copied().filter(|x| x.is_finite()).collect();
        let n = finite.len().max(1) as f64;
        let mean = finite.iter().sum::<f64>() / n;
        let centre = if mean.is_finite() { mean } else { 0.0 };
        let (fences, stand_in) = if judged { fences(&finite, centre) } else { (Vec::new(), None) };
        NumberGather {
            centre,
            n: 0,
            powers: [0.0; 4],
            zeros: 0,
            negative: 0,
            quantiles: Quantiles::default(),
            fences,
            stand_in: stand_in.map(|x| (x, Cells::default())),
        }
    }

    /// Values of consecutive rows, `NaN` where missing.
    pub(super) fn see(&mut self, values: &[f64], first: u64) {
        let compact: Vec<f64>;
        let present = if values.iter().fold(false, |any, x| any | x.is_nan()) {
            compact = sketch::present(values);
            &compact
        } else {
            values
        };
        self.n += present.len() as u64;
        let sums = sketch::powers(present, self.centre);
        self.powers.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        self.quantiles.extend(present);
        // Beyond no bound there is no value.
        let mut bounds = [[f64::NEG_INFINITY, f64::INFINITY]; sketch::BOUNDS];
        self.fences.iter().zip(&mut bounds).for_each(|(fence, to)| *to = [fence.low, fence.high]);
        let counts = sketch::counts(present, bounds);
        self.zeros += counts.zeros;
        self.negative += counts.negative;
        for ((fence, outside), [low, high]) in self.fences.iter_mut().zip(counts.beyond).zip(bounds) {
            note(&mut fence.outside, outside, values, first, |x| x < low || x > high);
        }
        if let Some((value, cells)) = &mut self.stand_in {
            let value = *value;
            let count = present.iter().map(|&x| u64::from(x == value)).sum();
            note(cells, count, values, first, |x| x == value);
        }
    }

    pub(super) fn finish(self) -> Option<Numbers> {
        if self.n == 0 {
            return None;
        }
        let n = self.n as f64;
        let (ranked, ends) = (self.quantiles.ranked(), self.quantiles.ends());
        let shares = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
        let quantiles: Vec<[f64; 2]> = shares.iter().map(|&q| [q, ranked.quantile(q)]).collect();
        let [s1, s2, s3, s4] = self.powers;
        let d = s1 / n;
        // Powers around the mean, from those around the centre.
        let m2 = s2 - n * d * d;
        let m3 = s3 - 3.0 * d * s2 + 2.0 * n * d.powi(3);
        let m4 = s4 - 4.0 * d * s3 + 6.0 * d * d * s2 - 3.0 * n * d.powi(4);
        let varies = m2 > 1e-14 * s2 && ends[0] < ends[1];
        let variance = m2 / (n - 1.0);
        let skewness = (n > 2.0 && varies).then(|| n * (n - 1.0).sqrt() / (n - 2.0) * m3 / m2.powf(1.5));
        let kurtosis = (n > 3.0 && varies).then(|| {
            let edge = 3.0 * (n - 1.0).powi(2) / ((n - 2.0) * (n - 3.0));
            n * (n + 1.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0)) * m4 / (m2 * m2) - edge
        });
        Some(Numbers {
            mean: self.centre + d,
            std: (self.n > 1).then(|| if varies { variance.max(0.0).sqrt() } else { 0.0 }),
            min: ends[0],
            max: ends[1],
            skewness,
            kurtosis,
            mad: ranked.median_distance(quantiles[3][1]),
            exact: self.n < 4096,
            zeros: self.zeros,
            negative: self.negative,
            histogram: histogram(&ranked, self.n, ends, &quantiles),
            quantiles,
            fences: self.fences,
            stand_in: self.stand_in.map(|s| s.1).filter(|cells| !cells.is_empty()),
        })
    }
}

/// Counts values that obey `is`, and names the first of them.
fn note(cells: &mut Cells, count: u64, values: &[f64], first: u64, is: impl Fn(f64) -> bool) {
    if count == 0 {
        return;
    }
    let room = super::cells::NAMED - cells.rows.len();
    let named = values.iter().enumerate().filter(|(_, x)| is(**x)).take(room);
    named.for_each(|(row, x)| cells.note(first + row as u64, || x.to_string()));
    let told = (count as usize).min(room) as u64;
    cells.count += count - told;
}

/// The fences that some values suggest, and a stand-in for "no value" among them.
fn fences(finite: &[f64], mean: f64) -> (Vec<Fence>, Option<f64>) {
    let ranked = Ranked::of(finite.iter().copied());
    let (low, high) = (ranked.quantile(0.25), ranked.quantile(0.75));
    let (range, median) = (high - low, ranked.quantile(0.5));
    let mad = ranked.median_distance(median);
    let n = finite.len() as f64;
    let deviation = (finite.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let fence = |rule, low, high| Fence { rule, low, high, outside: Cells::default() };
    let mut found = Vec::new();
    // A width of zero would call everything but one value an outlier.
    if range > 0.0 {
        found.push(fence("iqr", low - 1.5 * range, high + 1.5 * range));
    }
    if mad > 0.0 {
        found.push(fence("robust_z", median - 3.5 * mad / 0.6745, median + 3.5 * mad / 0.6745));
    }
    if deviation > 0.0 && deviation.is_finite() {
        found.push(fence("z", mean - 3.0 * deviation, mean + 3.0 * deviation));
    }
    (found, stand_in(finite, low, high))
}

/// A number that people write for "no value", repeats, and lies far from all that are no such numbers.
fn stand_in(finite: &[f64], q1: f64, q3: f64) -> Option<f64> {
    let range = (q3 - q1).max(f64::MIN_POSITIVE);
    let far = |x: f64| x < q1 - 3.0 * range || x > q3 + 3.0 * range;
    let (mut known, others): (Vec<f64>, Vec<f64>) = finite.iter().partition(|x| far(**x) && is_stand_in(**x));
    known.sort_by(f64::total_cmp);
    let least = others.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = others.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let stands = |same: &&[f64]| {
        let value = same[0];
        // -1 beside numbers that are never negative; the others well beyond everything else.
        let gap = if value < least { least - value } else { value - greatest };
        same.len() >= 3 && (value == -1.0 && least >= 0.0 || gap > 0.5 * (greatest - least).max(range))
    };
    let far_out =
        known.chunk_by(|a, b| a == b).filter(stands).max_by_key(|same| same.len()).map(|same| same[0]);
    far_out.or_else(|| impossible(finite))
}

/// A -1 beside numbers that are never negative, or a 0 beside numbers that are never near it, such as a blood pressure: where there are many
/// different numbers, and half of the rows or fewer say it.
fn impossible(finite: &[f64]) -> Option<f64> {
    [-1.0, 0.0].into_iter().find(|&value| {
        let n = finite.iter().filter(|x| **x == value).count();
        if n < 3 || 2 * n > finite.len() {
            return false;
        }
        let mut others: Vec<f64> = finite.iter().copied().filter(|x| *x != value).collect();
        others.sort_by(f64::total_cmp);
        let at = |share: f64| others[(share * (others.len() - 1) as f64) as usize];
        let (least, range, median) = (others[0], at(0.75) - at(0.25), at(0.5));
        let different = others.chunk_by(|a, b| a == b).count();
        match value {
            0.0 => different >= DIFFERENT && least >= range && least >= 0.2 * median && least > 1.0,
            _ => different >= DIFFERENT && least >= 0.0,
        }
    })
}

/// Of fewer different numbers none is impossible.
const DIFFERENT: usize = 20;

/// One of [`STAND_INS`], or three and more times the same digit: 777, -8888, 99999.99.
fn is_stand_in(x: f64) -> bool {
    let digits: Vec<u8> = x.abs().to_string().bytes().filter(u8::is_ascii_digit).collect();
    STAND_INS.contains(&x)
        || (digits.len() >= 3 && digits[0] != b'0' && digits.iter().all(|d| *d == digits[0]))
}

fn histogram(ranked: &Ranked, n: u64, ends: [f64; 2], quantiles: &[[f64; 2]]) -> Histogram {
    let (q01, q99) = (quantiles[0][1], quantiles[6][1]);
    let slack = 0.5 * (q99 - q01);
    let (low, high) =
        if slack > 0.0 { (ends[0].max(q01 - slack), ends[1].min(q99 + slack)) } else { (ends[0], ends[1]) };
    if low >= high {
        return Histogram { low, high, counts: vec![n] };
    }
    let edge = |i: usize| if i == BINS { high } else { low + (high - low) * i as f64 / BINS as f64 };
    let edges: Vec<f64> = (0..=BINS).map(edge).collect();
    Histogram { low, high, counts: ranked.histogram(&edges, n) }
}

#[cfg(test)]
mod tests {
    use super::stand_in;

    #[test]
    fn a_digit_written_again_and_again_stands_for_nothing_known() {
        let values = |stands: &[f64]| -> Vec<f64> {
            let usual = (0..100).map(|i| 20.0 + f64::from(i) / 7.0);
            usual.chain(stands.iter().flat_map(|x| [*x; 4])).collect()
        };
        for stands in [&[777.0][..], &[99999.99], &[-8888.0], &[777.0, 888.0], &[-999.0]] {
            assert!(stand_in(&values(stands), 22.0, 32.0).is_some_and(|x| stands.contains(&x)), "{stands:?}");
        }
        // Nothing is measured as 0 or -1 where nothing is near.
        let measured = |stand: f64| -> Vec<f64> {
            (0..100).map(|i| 60.0 + f64::from(i % 40)).chain([stand; 5]).collect()
        };
        assert_eq!(stand_in(&measured(0.0), 69.0, 89.0), Some(0.0));
        assert_eq!(stand_in(&measured(-1.0), 69.0, 89.0), Some(-1.0));
        let counts: Vec<f64> = (0..300).map(|i| f64::from(i % 30)).collect();
        assert_eq!(stand_in(&counts, 7.0, 22.0), None);
        let rates: Vec<f64> = (0..300).map(|i| f64::from(i % 30) / 30.0 - 0.1).chain([-1.0; 5]).collect();
        assert_eq!(stand_in(&rates, 0.15, 0.65), None);
        // Far out, but no such number; and such a number among others.
        assert_eq!(stand_in(&values(&[731.0]), 22.0, 32.0), None);
        assert_eq!(
            stand_in(&(0..1000).map(f64::from).chain([777.0; 4]).collect::<Vec<_>>(), 250.0, 750.0),
            None
        );
    }
}

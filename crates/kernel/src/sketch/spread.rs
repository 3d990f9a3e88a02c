//! What is added up over a column of numbers: powers, signs, values beyond bounds; and the hashes of its values.

use pulp::NullaryFnOnce;

use super::mix;
use crate::vector::wide;

const LANES: usize = 8;

struct Powers<'a>(&'a [f64], f64);

impl NullaryFnOnce for Powers<'_> {
    type Output = [f64; 4];
    #[inline(always)]
    fn call(self) -> [f64; 4] {
        let Powers(values, centre) = self;
        let mut sums = [[0.0; LANES]; 4];
        let (runs, rest) = values.as_chunks::<LANES>();
        for run in runs {
            for l in 0..LANES {
                let d = run[l] - centre;
                let d2 = d * d;
                sums[0][l] += d;
                sums[1][l] += d2;
                sums[2][l] += d2 * d;
                sums[3][l] += d2 * d2;
            }
        }
        for (l, x) in rest.iter().enumerate() {
            let d = x - centre;
            let terms = [d, d * d, d * d * d, d * d * d * d];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| sum[l] += term);
        }
        sums.map(|lanes| lanes.iter().sum())
    }
}

/// The sums of the first four powers of the distances from a centre, in eight lanes of fixed order.
///
/// ```
/// assert_eq!(tidemill_kernel::sketch::powers(&[1.0, 4.0], 2.0), [1.0, 5.0, 7.0, 17.0]);
/// ```
pub fn powers(values: &[f64], centre: f64) -> [f64; 4] {
    wide(Powers(values, centre))
}

/// Pairs of bounds that values are counted beyond.
pub const BOUNDS: usize = 3;

/// How many numbers are zero, how many are negative, and how many lie beyond each of some bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Those that are 0.
    pub zeros: u64,
    /// Those below 0.
    pub negative: u64,
    /// By pair of bounds: those below the lower or above the upper one.
    pub beyond: [u64; BOUNDS],
}

struct Count<'a>(&'a [f64], [[f64; 2]; BOUNDS]);

impl NullaryFnOnce for Count<'_> {
    type Output = Counts;
    #[inline(always)]
    fn call(self) -> Counts {
        let Count(values, bounds) = self;
        let (runs, rest) = values.as_chunks::<LANES>();
        // What is missing is not counted.
        let mut last = [f64::NAN; LANES];
        last[..rest.len()].copy_from_slice(rest);
        let (mut zeros, mut negative) = ([0u64; LANES], [0u64; LANES]);
        for run in runs.iter().chain([&last]) {
            for l in 0..LANES {
                zeros[l] += u64::from(run[l] == 0.0);
                negative[l] += u64::from(run[l] < 0.0);
            }
        }
        // Each in a loop of its own, which leaves registers enough.
        let mut beyond = [0; BOUNDS];
        for (to, [low, high]) in beyond.iter_mut().zip(bounds) {
            let mut own = [0u64; LANES];
            for run in runs.iter().chain([&last]) {
                for l in 0..LANES {
                    own[l] += u64::from((run[l] < low) | (run[l] > high));
                }
            }
            *to = own.iter().sum();
        }
        Counts { zeros: zeros.iter().sum(), negative: negative.iter().sum(), beyond }
    }
}

/// Counts the values; `NaN` is none.
///
/// ```
/// use tidemill_kernel::sketch::counts;
/// let found = counts(&[0.0, -3.0, f64::NAN, 7.0], [[-1.0, 1.0], [-9.0, 9.0], [0.0, 0.0]]);
/// assert_eq!((found.zeros, found.negative, found.beyond), (1, 1, [2, 0, 2]));
/// ```
pub fn counts(values: &[f64], bounds: [[f64; 2]; BOUNDS]) -> Counts {
    wide(Count(values, bounds))
}

/// The values that are not `NaN`, in order.
pub fn present(values: &[f64]) -> Vec<f64> {
    let mut kept = vec![0.0; values.len()];
    let mut n = 0;
    // Every value is written, and kept if the next is written behind it: no branch that nobody can predict.
    for &x in values {
        kept[n] = x;
        n += usize::from(!x.is_nan());
    }
    kept.truncate(n);
    kept
}

struct Hashes<'a>(&'a [f64]);

impl NullaryFnOnce for Hashes<'_> {
    type Output = Vec<u64>;
    #[inline(always)]
    fn call(self) -> Vec<u64> {
        // Adding zero makes one of the two zeros.
        let hash = |x: &f64| if x.is_nan() { 0 } else { mix((x + 0.0).to_bits()).max(1) };
        self.0.iter().map(hash).collect()
    }
}

/// A hash of each number, above 0; 0 for `NaN`.
pub fn hash_numbers(values: &[f64]) -> Vec<u64> {
    wide(Hashes(values))
}

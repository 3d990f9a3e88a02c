//! The signed-rank test (Wilcoxon 1945).

use serde::Serialize;

use super::normal::normal_two_sided;
use crate::{Error, Result};

/// Up to so many differences without ties the p-value is exact.
const EXACT: usize = 50;

/// Whether paired differences lie around 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Wilcoxon {
    /// How many differences are not 0.
    pub n: usize,
    /// The sum of the ranks (by size) of the differences above 0.
    pub above: f64,
    /// The sum of the ranks of those below 0.
    pub below: f64,
    /// The two-sided p-value; 1 where all differences are 0.
    pub p_value: f64,
    /// Whether it is exact rather than normal.
    pub exact: bool,
}

/// The signed-rank test of paired differences, say of two models' scores on several tables: differences of 0 are left
/// out, ties share their mean rank. Exact up to 50 differences without ties, else normal with the correction for ties.
///
/// Agrees with scipy's `wilcoxon`. Errors for a difference that is not finite.
///
/// ```
/// use tidemill_eval::compare::wilcoxon;
/// let test = wilcoxon(&[0.1, 0.2, -0.05, 0.4, 0.3])?;
/// assert_eq!((test.above, test.below, test.p_value), (14.0, 1.0, 0.125));
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn wilcoxon(differences: &[f64]) -> Result<Wilcoxon> {
    if let Some(at) = differences.iter().position(|d| !d.is_finite()) {
        let what = format!("difference {} is {}, which is not a number to compare", at + 1, differences[at]);
        return Err(Error::Compare { what });
    }
    let mut sorted: Vec<f64> = differences.iter().copied().filter(|&d| d != 0.0).collect();
    sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let n = sorted.len();
    let (mut above, mut below, mut start, mut ties) = (0.0, 0.0, 0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
        let rank = start as f64 + 0.5 * (tied.len() as f64 + 1.0);
        let positive = tied.iter().filter(|&&d| d > 0.0).count() as f64;
        above += rank * positive;
        below += rank * (tied.len() as f64 - positive);
        let t = tied.len() as f64;
        ties += t * t * t - t;
        start += tied.len();
    }
    let exact = n <= EXACT && ties == 0.0 && n == differences.len();
    let p_value = match n {
        0 => 1.0,
        _ if exact => exact_chance(above.min(below) as usize, n),
        _ => {
            let n = n as f64;
            let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
            normal_two_sided((above.min(below) - 0.25 * n * (n + 1.0)) / variance.sqrt())
        }
    };
    Ok(Wilcoxon { n, above, below, p_value, exact })
}

/// Twice the chance of a rank sum of at most `least` among all `2^n` signs.
fn exact_chance(least: usize, n: usize) -> f64 {
    let most = n * (n + 1) / 2;
    let mut ways = vec![0.0; most + 1];
    ways[0] = 1.0;
    for rank in 1..=n {
        (rank..=most).rev().for_each(|sum| ways[sum] += ways[sum - rank]);
    }
    let few: f64 = ways[..=least].iter().sum();
    (2.0 * few / 2.0f64.powf(n as f64)).min(1.0)
}

//! Correlations of many columns at once, each pair over the rows in which both have a value.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// The number of rows multiplied at a time.
const ROWS: usize = 2048;

/// Sums of products of columns, for Pearson's correlations; `NaN` is a missing value.
///
/// Values are measured from a given centre (anything near the mean), so that large offsets do not cost precision. Agrees with
/// `pandas.DataFrame.corr` (pairs of present values).
///
/// ```
/// let mut sums = tidemill_kernel::CoMoments::new(vec![2.0, 20.0]);
/// sums.add(&[&[1.0, 2.0, 3.0, f64::NAN], &[30.0, 20.0, 10.0, 5.0]]);
/// assert!(sums.correlation(0, 1).is_some_and(|r| (r + 1.0).abs() < 1e-12));
/// ```
#[derive(Clone, Debug)]
pub struct CoMoments {
    centres: Vec<f64>,
    sums: Sums,
    /// Places for the numbers of rows: such large pieces of memory are not asked for again and again.
    spare: Vec<Vec<f64>>,
}

/// All sums per column or per pair of columns, column by column.
#[derive(Clone, Debug)]
struct Sums {
    n: f64,
    /// For each column: the number of missing values, the sum, the sum of squares.
    absent: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    /// The lower triangle of `X'X`.
    products: Vec<f64>,
    /// Over the rows in which column j is missing: how often i is missing too, and the sum and the sum of squares of i.
    both: Vec<f64>,
    lost_first: Vec<f64>,
    lost_second: Vec<f64>,
}

impl Sums {
    fn new(p: usize) -> Self {
        let (one, two) = (vec![0.0; p], vec![0.0; p * p]);
        Sums {
            n: 0.0,
            absent: one.clone(),
            first: one.clone(),
            second: one,
            products: two.clone(),
            both: two.clone(),
            lost_first: two.clone(),
            lost_second: two,
        }
    }

    fn add(&mut self, other: &Sums) {
        self.n += other.n;
        let pairs = [
            (&mut self.absent, &other.absent),
            (&mut self.first, &other.first),
            (&mut self.second, &other.second),
            (&mut self.products, &other.products),
            (&mut self.both, &other.both),
            (&mut self.lost_first, &other.lost_first),
            (&mut self.lost_second, &other.lost_second),
        ];
        for (mine, theirs) in pairs {
            mine.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
        }
    }
}

/// The sum in eight independent lanes of fixed order.
fn total(values: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    let (runs, rest) = values.as_chunks::<LANES>();
    for run in runs {
        lanes.iter_mut().zip(run).for_each(|(sum, x)| *sum += x);
    }
    lanes.iter().chain(rest).sum()
}

/// The sums over some of the `n` rows of each column of `x`, and those of the squares: several columns side by side, whose sums need not
/// wait for each other.
fn lost(x: &[f64], n: usize, rows: &[u32], first: &mut [f64], second: &mut [f64]) {
    const LANES: usize = 8;
    let columns = x.chunks(LANES * n).zip(first.chunks_mut(LANES)).zip(second.chunks_mut(LANES));
    for ((x, first), second) in columns {
        // Beyond the last column, the first of these is looked at again.
        let of: [&[f64]; LANES] = std::array::from_fn(|l| &x[if l < first.len() { l * n } else { 0 }..][..n]);
        let mut sums = [[0.0; LANES]; 2];
        for &row in rows {
            let values = of.map(|column| column[row as usize]);
            for l in 0..LANES {
                sums[0][l] += values[l];
                sums[1][l] += values[l] * values[l];
            }
        }
        first.iter_mut().zip(sums[0]).for_each(|(to, sum)| *to = sum);
        second.iter_mut().zip(sums[1]).for_each(|(to, sum)| *to = sum);
    }
}

/// How many numbers two rising lists have in common.
fn common(a: &[u32], b: &[u32]) -> usize {
    let (mut i, mut j, mut n) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        n += usize::from(a[i] == b[j]);
        let (a, b) = (a[i], b[j]);
        i += usize::from(a <= b);
        j += usize::from(b <= a);
    }
    n
}

impl CoMoments {
    /// Sums for as many columns as there are centres.
    pub fn new(centres: Vec<f64>) -> Self {
        let p = centres.len();
        CoMoments { centres, sums: Sums::new(p), spare: Vec::new() }
    }

    /// Adds rows, given as columns of equal length.
    pub fn add(&mut self, columns: &[&[f64]]) {
        let n = columns.first().map_or(0, |c| c.len());
        let n_threads = rayon::current_num_threads();
        let mut spare = std::mem::take(&mut self.spare);
        spare.resize_with(n.div_ceil(ROWS).min(n_threads).max(spare.len()), Vec::new);
        for from in (0..n).step_by(ROWS * n_threads) {
            let starts: Vec<usize> = (from..n.min(from + ROWS * n_threads)).step_by(ROWS).collect();
            let some = |(from, x): (usize, &mut Vec<f64>)| {
                let rows = from..n.min(from + ROWS);
                let part: Vec<&[f64]> = columns.iter().map(|c| &c[rows.clone()]).collect();
                self.of_rows(&part, rows.len(), x)
            };
            let parts: Vec<Sums> = starts.into_par_iter().zip(&mut spare).map(some).collect();
            parts.iter().for_each(|part| self.sums.add(part));
        }
        self.spare = spare;
    }

    /// The sums of some rows; `x` is a place for their numbers.
    fn of_rows(&self, columns: &[&[f64]], n: usize, x: &mut Vec<f64>) -> Sums {
        let p = columns.len();
        let mut sums = Sums::new(p);
        sums.n = n as f64;
        x.clear();
        x.reserve(n * p);
        let mut absent: Vec<Vec<u32>> = vec![Vec::new(); p];
        for (j, (column, &centre)) in columns.iter().zip(&self.centres).enumerate() {
            x.extend(column.iter().map(|value| if value.is_nan() { 0.0 } else { value - centre }));
            sums.first[j] = total(&x[j * n..]);
            let n_absent: u32 = column.iter().map(|x| u32::from(x.is_nan())).sum();
            if n_absent > 0 {
                absent[j].extend((0..n as u32).filter(|&row| column[row as usize].is_nan()));
                sums.absent[j] = f64::from(n_absent);
            }
        }
        let matrix = MatRef::from_column_major_slice(x.as_slice(), n, p);
        let out = MatMut::from_column_major_slice_mut(&mut sums.products, p, p);
        let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        triangular::matmul(out, lower, Accum::Add, matrix.transpose(), whole, matrix, whole, 1.0, Par::Seq);
        (0..p).for_each(|j| sums.second[j] = sums.products[j * p + j]);
        for (j, rows) in absent.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let own = j * p..(j + 1) * p;
            let (first, second) = (&mut sums.lost_first[own.clone()], &mut sums.lost_second[own.clone()]);
            lost(x, n, rows, first, second);
            for (both, others) in sums.both[own].iter_mut().zip(&absent) {
                *both = common(rows, others) as f64;
            }
        }
        sums
    }

    /// The number of rows that have both columns.
    pub fn n_both(&self, i: usize, j: usize) -> u64 {
        let s = &self.sums;
        (s.n - s.absent[i] - s.absent[j] + s.both[j * self.centres.len() + i]) as u64
    }

    /// Pearson's correlation of columns `i` and `j` over the rows that have both, from -1 to 1; `None` if there are fewer than two such
    /// rows or one column is constant in them.
    pub fn correlation(&self, i: usize, j: usize) -> Option<f64> {
        let (s, p) = (&self.sums, self.centres.len());
        let n = self.n_both(i, j) as f64;
        let (row, column) = if i >= j { (i, j) } else { (j, i) };
        let of = |a: usize, b: usize| {
            (s.first[a] - s.lost_first[b * p + a], s.second[a] - s.lost_second[b * p + a])
        };
        let ((xi, xxi), (xj, xxj)) = (of(i, j), of(j, i));
        let xy = s.products[column * p + row] - xi * xj / n;
        let (vi, vj) = (xxi - xi * xi / n, xxj - xj * xj / n);
        // The rounding error in the variance of a constant is not a variance.
        let (least_i, least_j) = (1e-13 * xxi, 1e-13 * xxj);
        let sound = n >= 2.0 && vi > least_i && vj > least_j;
        sound.then(|| (xy / (vi.sqrt() * vj.sqrt())).clamp(-1.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::CoMoments;
    use crate::Random;

    #[test]
    fn agrees_with_the_plain_formula_over_common_rows() {
        let mut random = Random::new(5, 0);
        let n = 5000;
        let mut columns = vec![Vec::new(); 4];
        for _ in 0..n {
            let base = random.normal();
            for (j, column) in columns.iter_mut().enumerate() {
                let x = 1e6 * j as f64 + base * j as f64 + random.normal();
                column.push(if random.unit() < 0.1 * j as f64 { f64::NAN } else { x });
            }
        }
        let mut sums = CoMoments::new(vec![0.0, 1e6, 2e6, 3e6]);
        for rows in [0..3000, 3000..n] {
            sums.add(&columns.iter().map(|c| &c[rows.clone()]).collect::<Vec<_>>());
        }
        for (i, j) in [(0, 1), (1, 2), (3, 2), (0, 3)] {
            let both = columns[i].iter().zip(&columns[j]).filter(|(x, y)| !x.is_nan() && !y.is_nan());
            let both: Vec<(f64, f64)> = both.map(|(x, y)| (*x, *y)).collect();
            let m = both.len() as f64;
            let (mx, my) =
                (both.iter().map(|b| b.0).sum::<f64>() / m, both.iter().map(|b| b.1).sum::<f64>() / m);
            let xy: f64 = both.iter().map(|b| (b.0 - mx) * (b.1 - my)).sum();
            let xx: f64 = both.iter().map(|b| (b.0 - mx).powi(2)).sum();
            let yy: f64 = both.iter().map(|b| (b.1 - my).powi(2)).sum();
            let wanted = xy / (xx * yy).sqrt();
            assert_eq!(sums.n_both(i, j), both.len() as u64);
            assert!((sums.correlation(i, j).unwrap() - wanted).abs() < 1e-10);
        }
    }

    #[test]
    fn a_constant_has_no_correlation() {
        let mut sums = CoMoments::new(vec![0.0, 0.0]);
        sums.add(&[&[0.1, 0.1, 0.1], &[1.0, 2.0, 3.0]]);
        assert_eq!(sums.correlation(0, 1), None);
        assert_eq!(CoMoments::new(vec![0.0; 2]).correlation(1, 0), None);
    }
}

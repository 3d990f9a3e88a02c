//! Which columns go together: hierarchical clustering by how they are associated.

use super::partition_shap::Group;

/// Steps that join `n` things two by two, the nearest first, by the mean distance between the members of two groups (average linkage;
/// Sokal and Michener 1958). `distances` holds `n * n` numbers. Each step names two groups, the smaller number first: things are `0..n`,
/// and every step makes one more. Of equal distances the first counts.
pub fn average_linkage(distances: &[f64], n: usize) -> Vec<[usize; 2]> {
    let mut distances: Vec<Vec<f64>> = distances.chunks(n.max(1)).map(<[f64]>::to_vec).collect();
    // The groups that are left: their number and how many things they hold.
    let mut groups: Vec<(usize, f64)> = (0..n).map(|at| (at, 1.0)).collect();
    let mut steps = Vec::with_capacity(n.saturating_sub(1));
    while groups.len() > 1 {
        let mut nearest = (f64::INFINITY, 0, 1);
        for (i, row) in distances.iter().enumerate() {
            for (j, &distance) in row.iter().enumerate().skip(i + 1) {
                if distance < nearest.0 {
                    nearest = (distance, i, j);
                }
            }
        }
        let (_, i, j) = nearest;
        let (a, b) = (groups[i], groups[j]);
        steps.push([a.0.min(b.0), a.0.max(b.0)]);
        (0..groups.len()).for_each(|other| {
            let mean = (a.1 * distances[i][other] + b.1 * distances[j][other]) / (a.1 + b.1);
            (distances[i][other], distances[other][i]) = (mean, mean);
        });
        groups[i] = (n + steps.len() - 1, a.1 + b.1);
        groups.remove(j);
        distances.remove(j);
        for row in &mut distances {
            row.remove(j);
        }
    }
    steps
}

/// Columns in groups by Spearman's rank correlation, whatever its sign, in pairs as [`super::partition_shap()`] takes them. `values`
/// holds rows of `p` numbers; a column of which nothing is known (`NaN`) goes with no other. `None` without columns.
pub fn column_groups(values: &[f64], p: usize) -> Option<Group> {
    let distances: Vec<f64> = rank_correlations(values, p).into_iter().map(|r| 1.0 - r.abs()).collect();
    Group::of_steps(p, &average_linkage(&distances, p))
}

/// Spearman's rank correlation of every two columns, `p * p` numbers. `values` holds rows of `p` numbers; it is 0 of a column that has one
/// value only, or none.
///
/// ```
/// let found = tidemill_eval::explain::rank_correlations(&[1.0, 9.0, 2.0, 4.0, 3.0, 1.0], 2);
/// assert!((found[1] + 1.0).abs() < 1e-12);
/// ```
pub fn rank_correlations(values: &[f64], p: usize) -> Vec<f64> {
    let ranks: Vec<Vec<f64>> = (0..p).map(|j| centred_ranks(values.iter().skip(j).step_by(p))).collect();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let norms: Vec<f64> = ranks.iter().map(|of| product(of, of).sqrt()).collect();
    let correlation = |i: usize, j: usize| {
        let both = norms[i] * norms[j];
        if both > 0.0 { product(&ranks[i], &ranks[j]) / both } else { 0.0 }
    };
    (0..p * p).map(|at| correlation(at / p, at % p)).collect()
}

/// The ranks of numbers less their mean, equal numbers sharing theirs; 0 for what is missing.
fn centred_ranks<'a>(values: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    let values: Vec<f64> = values.copied().collect();
    let mut order: Vec<usize> = (0..values.len()).filter(|&at| !values[at].is_nan()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let middle = (order.len() as f64 - 1.0) / 2.0;
    let mut start = 0;
    for same in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + (same.len() as f64 - 1.0) / 2.0;
        same.iter().for_each(|&at| ranks[at] = rank - middle);
        start += same.len();
    }
    ranks
}

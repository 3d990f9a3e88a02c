//! Mutual information between two variables in nats, with nearest-neighbour estimates for numbers.

use std::collections::BTreeMap;

/// A variable, with one value per row.
#[derive(Clone, Copy, Debug)]
pub enum Variable<'a> {
    /// Numbers, all finite; ties should be broken by a little noise.
    Numbers(&'a [f64]),
    /// Classes.
    Classes(&'a [u32]),
}

/// The mutual information of two variables over the same rows, at least 0: between classes from their counts, between a number and a class
/// by Ross 2014, between numbers by Kraskov, Stögbauer and Grassberger 2004 (its first estimator), each with `k` neighbours.
///
/// Agrees with scikit-learn's `mutual_info_classif` and `mutual_info_regression` (which first scale numbers to a standard deviation of 1
/// and add noise).
///
/// ```
/// use tidemill_kernel::mutual_information::{Variable, of};
/// let same = of(Variable::Classes(&[0, 0, 1, 1]), Variable::Classes(&[1, 1, 0, 0]), 3);
/// assert!((same - 2f64.ln()).abs() < 1e-12);
/// ```
pub fn of(a: Variable<'_>, b: Variable<'_>, k: usize) -> f64 {
    let found = match (a, b) {
        (Variable::Classes(a), Variable::Classes(b)) => of_classes(a, b),
        (Variable::Numbers(x), Variable::Classes(c)) | (Variable::Classes(c), Variable::Numbers(x)) => {
            of_number_and_class(x, c, k)
        }
        (Variable::Numbers(x), Variable::Numbers(y)) => of_numbers(x, y, k),
    };
    found.max(0.0)
}

fn of_classes(a: &[u32], b: &[u32]) -> f64 {
    let n = a.len() as f64;
    let (mut both, mut of_a, mut of_b) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for pair in a.iter().zip(b) {
        *both.entry(pair).or_insert(0.0) += 1.0;
        *of_a.entry(pair.0).or_insert(0.0) += 1.0;
        *of_b.entry(pair.1).or_insert(0.0) += 1.0;
    }
    both.iter()
        .map(|((a, b), count): (&(&u32, &u32), &f64)| count / n * (count * n / (of_a[a] * of_b[b])).ln())
        .sum()
}

/// The digamma function of 0 (unused), 1, 2 and so on up to `n`.
fn digamma(n: usize) -> Vec<f64> {
    const EULER: f64 = 0.577_215_664_901_532_9;
    let mut table = vec![f64::NAN, -EULER];
    (1..n.max(1)).for_each(|i| table.push(table[i] + 1.0 / i as f64));
    table
}

/// The number of sorted numbers that are within `radius` of `x`.
fn within(sorted: &[f64], x: f64, radius: f64) -> usize {
    // Differences, as for distances, not sums, which round differently.
    sorted.partition_point(|y| y - x <= radius) - sorted.partition_point(|y| x - y > radius)
}

fn of_number_and_class(x: &[f64], classes: &[u32], k: usize) -> f64 {
    let mut groups: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    x.iter().zip(classes).for_each(|(x, class)| groups.entry(*class).or_default().push(*x));
    // A class with one row has no neighbours of its own.
    groups.retain(|_, own| own.len() > 1);
    groups.values_mut().for_each(|own| own.sort_unstable_by(f64::total_cmp));
    let mut all: Vec<f64> = groups.values().flatten().copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let n = all.len();
    if n == 0 {
        return 0.0;
    }
    let psi = digamma(n);
    let mut sum = 0.0;
    for own in groups.values() {
        let k = k.min(own.len() - 1);
        for i in 0..own.len() {
            let radius = nearest_in_line(own, i, k).next_down().max(0.0);
            sum += psi[k] - psi[own.len()] - psi[within(&all, own[i], radius)];
        }
    }
    psi[n] + sum / n as f64
}

/// The distance from the sorted number at `i` to its `k`-th nearest.
fn nearest_in_line(sorted: &[f64], i: usize, k: usize) -> f64 {
    let (mut low, mut high) = (i, i);
    let mut far = 0.0;
    for _ in 0..k {
        let below = low.checked_sub(1).map_or(f64::INFINITY, |j| sorted[i] - sorted[j]);
        let above = sorted.get(high + 1).map_or(f64::INFINITY, |x| x - sorted[i]);
        if below <= above {
            (far, low) = (below, low.saturating_sub(1));
        } else {
            (far, high) = (above, high + 1);
        }
    }
    far
}

fn of_numbers(x: &[f64], y: &[f64], k: usize) -> f64 {
    let n = x.len();
    let k = k.min(n.saturating_sub(1));
    if k == 0 {
        return 0.0;
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]).then(a.cmp(b)));
    let points: Vec<(f64, f64)> = order.iter().map(|i| (x[*i], y[*i])).collect();
    let xs: Vec<f64> = points.iter().map(|p| p.0).collect();
    let mut ys = y.to_vec();
    ys.sort_unstable_by(f64::total_cmp);
    let psi = digamma(n);
    let mut best = Vec::with_capacity(k + 1);
    let sum: f64 = (0..n)
        .map(|i| {
            let radius = nearest_in_plane(&points, i, k, &mut best).next_down().max(0.0);
            psi[within(&xs, points[i].0, radius)] + psi[within(&ys, points[i].1, radius)]
        })
        .sum();
    psi[n] + psi[k] - sum / n as f64
}

/// The distance to the `k`-th nearest point, as the larger of both coordinate distances; points are sorted by their first number.
fn nearest_in_plane(points: &[(f64, f64)], i: usize, k: usize, best: &mut Vec<f64>) -> f64 {
    best.clear();
    let (x, y) = points[i];
    let (mut low, mut high) = (i, i + 1);
    loop {
        let below = low.checked_sub(1).map_or(f64::INFINITY, |j| x - points[j].0);
        let above = points.get(high).map_or(f64::INFINITY, |p| p.0 - x);
        let (far, other) = if below <= above {
            low = low.saturating_sub(1);
            (below, low)
        } else {
            high += 1;
            (above, high - 1)
        };
        let limit = if best.len() == k { best[k - 1] } else { f64::INFINITY };
        if far >= limit || far == f64::INFINITY {
            return limit;
        }
        let distance = far.max((points[other].1 - y).abs());
        if distance < limit {
            best.truncate(k - 1);
            let at = best.partition_point(|d| *d <= distance);
            best.insert(at, distance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Variable, of};

    #[test]
    fn what_has_nothing_to_tell_tells_nothing() {
        assert_eq!(of(Variable::Numbers(&[]), Variable::Classes(&[]), 3), 0.0);
        assert_eq!(of(Variable::Numbers(&[1.0]), Variable::Numbers(&[2.0]), 3), 0.0);
        assert_eq!(of(Variable::Numbers(&[1.0, 2.0]), Variable::Classes(&[0, 1]), 3), 0.0);
        assert_eq!(of(Variable::Classes(&[0, 0, 1, 1]), Variable::Classes(&[0, 1, 0, 1]), 3), 0.0);
    }
}

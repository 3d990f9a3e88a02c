//! Pairs of columns that tell much of each other.

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::{Context, Result, Role};
use tidemill_kernel::CoMoments;

use super::thin::{NONE, Thin, Values};
use crate::plan::InferredSchema;

/// Weaker ones are not told.
const STRONG: f64 = 0.5;
/// The most pairs that are told.
const TOLD: usize = 50;
/// Columns of more names are left out, as is every column after so many of them.
const NAMES: usize = 100;
const COLUMNS: usize = 40;
/// The most numbers whose matrix is given, and that are held against names.
const SHOWN: usize = 40;

/// How strongly two columns are associated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Two numbers (or flags): Pearson's correlation, from -1 to 1, over all rows that have both.
    Pearson,
    /// Two categories: Cramér's V, from 0 to 1, with Bergsma's correction (2013, "A bias-correction for Cramér's V and Tschuprow's
    /// T"), over the sampled rows.
    CramersV,
    /// A category and a number: the correlation ratio (eta), from 0 to 1: the root of the share of the number's variance that lies
    /// between the names; over the sampled rows.
    CorrelationRatio,
}

/// Two columns that tell much of each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The columns; of a correlation ratio the category first.
    pub columns: [String; 2],
    /// By which measure.
    pub measure: Measure,
    /// Its value.
    pub value: f64,
}

/// Pearson's correlations as a square matrix.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Correlations {
    /// The columns: the first 40 numbers and flags.
    pub columns: Vec<String>,
    /// Row by row; null where undefined.
    pub matrix: Vec<Vec<Option<f64>>>,
}

impl Correlations {
    pub(super) fn of(moments: &CoMoments, places: &[usize], names: &[&str]) -> Self {
        let n = places.len().min(SHOWN);
        if n < 2 {
            return Correlations::default();
        }
        let row = |i: usize| (0..n).map(|j| moments.correlation(i, j)).collect();
        Correlations {
            columns: places[..n].iter().map(|&at| names[at].to_string()).collect(),
            matrix: (0..n).map(row).collect(),
        }
    }
}

/// The correlated pairs of numbers.
pub(super) fn of_numbers(moments: &CoMoments, places: &[usize], names: &[&str]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for i in 0..places.len() {
        for j in i + 1..places.len() {
            let found = moments.correlation(i, j).filter(|r| r.abs() >= STRONG && moments.n_both(i, j) >= 10);
            if let Some(value) = found {
                let columns = [names[places[i]].to_string(), names[places[j]].to_string()];
                pairs.push(Pair { columns, measure: Measure::Pearson, value });
            }
        }
    }
    pairs
}

/// The associated pairs of which one at least is a category.
pub(super) fn of_names(plan: &InferredSchema, thin: &Thin, context: &Context) -> Result<Vec<Pair>> {
    let used = |at: &usize| matches!(plan.columns[*at].role, Role::Feature | Role::Target);
    let places: Vec<usize> = (0..plan.columns.len()).filter(used).collect();
    let coded = |at: &usize| match &thin.columns[*at] {
        Values::Codes { codes, names } if (2..=NAMES).contains(&names.len()) => {
            Some((*at, codes.as_slice(), names.len()))
        }
        _ => None,
    };
    let codes: Vec<(usize, &[u32], usize)> = places.iter().filter_map(coded).take(COLUMNS).collect();
    let numbers: Vec<(usize, &[f64])> =
        places.iter().filter_map(|&at| Some((at, thin.numbers(at)?))).take(SHOWN).collect();
    let found = codes.par_iter().enumerate().map(|(i, &(at, own, k))| {
        context.check()?;
        let pair = |other: usize, measure, value: Option<f64>| {
            let columns = [at, other].map(|at| plan.columns[at].name.clone());
            value.filter(|v| *v >= STRONG).map(|value| Pair { columns, measure, value })
        };
        let mut pairs: Vec<Pair> = codes[i + 1..]
            .iter()
            .filter_map(|&(other, theirs, m)| pair(other, Measure::CramersV, cramers_v(own, theirs, k, m)))
            .collect();
        pairs.extend(
            numbers.iter().filter_map(|&(other, x)| {
                pair(other, Measure::CorrelationRatio, correlation_ratio(own, x, k))
            }),
        );
        Ok(pairs)
    });
    Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// The strongest first; only so many.
pub(super) fn strongest(pairs: &mut Vec<Pair>) {
    pairs.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()).then_with(|| a.columns.cmp(&b.columns)));
    pairs.truncate(TOLD);
}

/// Cramér's V with Bergsma's correction, from 0 to 1, of codes below `k` and `m`, over rows that have both ([`NONE`] says that one has
/// not). `None` of fewer than ten rows, and where one never changes.
pub fn cramers_v(a: &[u32], b: &[u32], k: usize, m: usize) -> Option<f64> {
    let mut counts = vec![0.0; k * m];
    for (&i, &j) in a.iter().zip(b).filter(|(i, j)| **i != NONE && **j != NONE) {
        counts[i as usize * m + j as usize] += 1.0;
    }
    let rows: Vec<f64> = counts.chunks(m).map(|row| row.iter().sum()).collect();
    let columns: Vec<f64> = (0..m).map(|j| (0..k).map(|i| counts[i * m + j]).sum()).collect();
    let n: f64 = rows.iter().sum();
    let (k, m_) = (rows.iter().filter(|&&x| x > 0.0).count(), columns.iter().filter(|&&x| x > 0.0).count());
    if n < 10.0 || k < 2 || m_ < 2 {
        return None;
    }
    // Chi squared over n: the sum of counts squared over expected counts, less one.
    let mut phi2 = -1.0;
    for (i, row) in rows.iter().enumerate().filter(|(_, row)| **row > 0.0) {
        for (j, column) in columns.iter().enumerate().filter(|(_, column)| **column > 0.0) {
            phi2 += counts[i * m + j].powi(2) / (row * column);
        }
    }
    let (k, m) = (k as f64, m_ as f64);
    let phi2 = (phi2 - (k - 1.0) * (m - 1.0) / (n - 1.0)).max(0.0);
    let (k, m) = (k - (k - 1.0).powi(2) / (n - 1.0), m - (m - 1.0).powi(2) / (n - 1.0));
    let most = (k - 1.0).min(m - 1.0);
    (most > 0.0).then(|| (phi2 / most).sqrt().min(1.0))
}

/// The root of the share of the variance of `x` that lies between the names (eta), from 0 to 1, over rows that have both: a code
/// below `k` that is not [`NONE`], and a finite number. `None` where names are many for so few rows, or the number never changes.
pub fn correlation_ratio(codes: &[u32], x: &[f64], k: usize) -> Option<f64> {
    let both = || codes.iter().zip(x).filter(|(c, x)| **c != NONE && x.is_finite());
    let (n, sum) = both().fold((0.0, 0.0), |(n, sum), (_, x)| (n + 1.0, sum + x));
    let mean = sum / n;
    let mut groups = vec![(0.0, 0.0); k];
    let mut total = 0.0;
    for (&code, x) in both() {
        let d = x - mean;
        let group = &mut groups[code as usize];
        *group = (group.0 + 1.0, group.1 + d);
        total += d * d;
    }
    // With hardly more rows than names, the names explain everything by themselves.
    if n < 10.0 || n < 3.0 * groups.iter().filter(|g| g.0 > 0.0).count() as f64 || total <= 0.0 {
        return None;
    }
    let between: f64 = groups.iter().filter(|g| g.0 > 0.0).map(|(n, sum)| sum * sum / n).sum();
    Some((between / total).sqrt().min(1.0))
}

#[cfg(test)]
mod tests {
    use super::{correlation_ratio, cramers_v};

    /// Reference: `pairs` of `tests/reference/profile.py` (scipy's `association` on the contingency table, corrected by hand, and
    /// the definition of eta with numpy).
    #[test]
    fn agrees_with_the_reference() {
        let a: Vec<u32> = (0..60).map(|i| [0, 1, 2, 0, 1, 0][i % 6]).collect();
        let b: Vec<u32> = (0..60).map(|i| [0, 1, 1, 0, 1, 1][i % 6]).collect();
        let x: Vec<f64> = (0..60).map(|i| ((i * i) % 17) as f64 + 3.0 * f64::from(a[i])).collect();
        let stored: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/profile.json")).unwrap();
        let near = |found: Option<f64>, key: &str| {
            let wanted = stored["pairs"][key].as_f64().unwrap();
            assert!((found.unwrap() - wanted).abs() < 1e-12, "{key}: {found:?}, not {wanted}");
        };
        near(cramers_v(&a, &b, 3, 2), "cramers_v");
        near(correlation_ratio(&a, &x, 3), "eta");
    }
}

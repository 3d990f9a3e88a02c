//! What changes over time: the older half of the sampled rows against the newer half.

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::{Kind, Role};

use super::thin::{NONE, Thin, Values};
use crate::parse::write_iso;
use crate::plan::InferredSchema;

/// Smaller differences are not told.
const CLEAR: f64 = 0.1;
/// The fewest values in each half.
const ENOUGH: usize = 50;

/// What changes over time.
#[derive(Clone, Debug, Serialize)]
pub struct Drift {
    /// The column that says when.
    pub time: String,
    /// The timestamp (or number) from which rows are of the newer half.
    pub from: String,
    /// Columns whose values differ between the halves, the most changed first.
    pub moved: Vec<Moved>,
}

/// A column whose values differ between the older and the newer half.
#[derive(Clone, Debug, Serialize)]
pub struct Moved {
    /// The column.
    pub column: String,
    /// `ks`: of numbers, the greatest difference of the two distribution functions (Kolmogorov and Smirnov). `tvd`: of names, half the
    /// sum of the differences of their shares (total variation distance). Both from 0 to 1.
    pub measure: &'static str,
    /// Its value; at least 0.1, and clear of what chance gives in halves of this size.
    pub value: f64,
}

pub(super) fn find(plan: &InferredSchema, thin: &Thin) -> Option<Drift> {
    let said = |c: &crate::InferredColumn| c.role == Role::Time;
    let shown = |c: &crate::InferredColumn| c.kind == Kind::Time && c.role == Role::Feature;
    let at = plan.columns.iter().position(said).or_else(|| plan.columns.iter().position(shown))?;
    let times = thin.numbers(at)?;
    let mut order: Vec<usize> = (0..times.len()).filter(|&row| !times[row].is_nan()).collect();
    if order.len() < 2 * ENOUGH {
        return None;
    }
    order.sort_by(|&a, &b| times[a].total_cmp(&times[b]).then(a.cmp(&b)));
    let (older, newer) = order.split_at(order.len() / 2);
    let used = |c: &crate::InferredColumn| matches!(c.role, Role::Feature | Role::Target);
    let mut moved: Vec<Moved> = (0..plan.columns.len())
        .into_par_iter()
        .filter(|&place| place != at && used(&plan.columns[place]) && plan.columns[place].kind != Kind::Time)
        .filter_map(|place| {
            let (measure, value, chance) = distance(&thin.columns[place], older, newer)?;
            let column = plan.columns[place].name.clone();
            (value >= CLEAR && value > chance).then_some(Moved { column, measure, value })
        })
        .collect();
    moved.sort_by(|a, b| b.value.total_cmp(&a.value));
    let from = times[newer[0]];
    let from =
        if plan.columns[at].kind == Kind::Time { write_iso((from * 1e6) as i64) } else { from.to_string() };
    Some(Drift { time: plan.columns[at].name.clone(), from, moved })
}

/// How far two groups of rows are apart in a column, and what chance alone hardly exceeds.
fn distance(values: &Values, older: &[usize], newer: &[usize]) -> Option<(&'static str, f64, f64)> {
    match values {
        Values::Numbers(x) => {
            let sorted = |rows: &[usize]| {
                let mut own: Vec<f64> = rows.iter().map(|&row| x[row]).filter(|x| !x.is_nan()).collect();
                own.sort_unstable_by(f64::total_cmp);
                own
            };
            let (a, b) = (sorted(older), sorted(newer));
            let (n, m) = (a.len(), b.len());
            // The quantile of Kolmogorov's distribution at 0.0001 is 2.23.
            let chance = 2.23 * ((n + m) as f64 / (n as f64 * m as f64)).sqrt();
            (n.min(m) >= ENOUGH).then(|| ("ks", kolmogorov_smirnov(&a, &b), chance))
        }
        Values::Codes { codes, names } => {
            let shares = |rows: &[usize]| {
                let mut counts = vec![0.0; names.len()];
                rows.iter()
                    .map(|&row| codes[row])
                    .filter(|&c| c != NONE)
                    .for_each(|c| counts[c as usize] += 1.0);
                let n: f64 = counts.iter().sum();
                (counts.iter().map(|c| c / n).collect::<Vec<f64>>(), n)
            };
            let ((a, n), (b, m)) = (shares(older), shares(newer));
            let apart = 0.5 * a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>();
            // Its mean by chance grows with the root of the number of names (Cauchy and Schwarz).
            let chance = 2.0 * (names.len() as f64 / n.min(m)).sqrt();
            (n.min(m) >= ENOUGH as f64).then_some(("tvd", apart, chance))
        }
        _ => None,
    }
}

/// The greatest difference of the distribution functions of two samples (Kolmogorov and Smirnov), from 0 to 1; both ascending. 0
/// where one is empty.
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    let (mut i, mut j, mut most) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        i += a[i..].iter().take_while(|&&v| v <= x).count();
        j += b[j..].iter().take_while(|&&v| v <= x).count();
        most = most.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::kolmogorov_smirnov;

    /// Reference: `scipy.stats.ks_2samp`, stored by `tests/reference/profile.py`.
    #[test]
    fn agrees_with_scipy() {
        let mut a: Vec<f64> = (0..50).map(|i| f64::from((i * 7) % 23)).collect();
        let mut b: Vec<f64> = (0..40).map(|i| f64::from((i * 5) % 31)).collect();
        a.sort_by(f64::total_cmp);
        b.sort_by(f64::total_cmp);
        let stored: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/profile.json")).unwrap();
        let wanted = stored["ks"].as_f64().unwrap();
        assert!((kolmogorov_smirnov(&a, &b) - wanted).abs() < 1e-12);
    }
}

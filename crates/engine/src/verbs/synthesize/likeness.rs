//! The fidelity of synthetic rows: the distributions of columns, and the association of pairs.

use arrow_array::Array;
use rayon::prelude::*;
use tidemill_core::{Batch, Context, Kind, Result};
use tidemill_data::profile::{NONE, correlation_ratio, cramers_v, kolmogorov_smirnov};

use super::sample;
use crate::facts::{ColumnLikeness, PairFacts, PairLikeness};
use crate::verbs::prepare::shape::Shapes;

/// Columns whose pairs are compared.
const COLUMNS: usize = 100;
/// The fewest values of which it is said how varied they are.
const VARIED: usize = 50;
/// Pairs that are told.
const TOLD: usize = 10;

/// The values of a column: numbers and times as numbers, `NaN` where missing; names and flags as codes, [`NONE`] where missing.
enum Values {
    Numbers(Vec<f64>),
    Codes(Vec<u32>, usize),
}

impl Values {
    fn of(batch: &Batch, at: usize) -> Result<Self> {
        let column = &batch.schema().columns()[at];
        Ok(match column.kind {
            Kind::Category => {
                let n = column.categories()?.len();
                let known = |code: u32| if (code as usize) < n { code } else { NONE };
                Values::Codes(batch.codes(at)?.iter().map(|code| code.map_or(NONE, known)).collect(), n)
            }
            Kind::Flag => {
                let code = |flag: Option<bool>| flag.map_or(NONE, u32::from);
                Values::Codes(batch.flags(at)?.iter().map(code).collect(), 2)
            }
            Kind::Time => {
                let seconds = |t: Option<i64>| t.map_or(f64::NAN, |t| t as f64 * 1e-6);
                Values::Numbers(batch.times(at)?.iter().map(seconds).collect())
            }
            _ => Values::Numbers(batch.numbers(at)?.iter().map(|x| x.unwrap_or(f64::NAN)).collect()),
        })
    }
}

fn all(batch: &Batch, n: usize) -> Result<Vec<Values>> {
    (0..batch.schema().len().min(n)).map(|at| Values::of(batch, at)).collect()
}

/// Each column alone.
pub(super) fn columns(real: &Batch, made: &Batch, context: &Context) -> Result<Vec<ColumnLikeness>> {
    let alike = sample(real, made.n_rows(), "variety", context)?;
    let shapes = |batch: &Batch| {
        let mut shapes = Shapes::new(batch.schema());
        shapes.add(batch).map(|()| shapes.finish())
    };
    let shapes = shapes(real)?.into_iter().zip(shapes(made)?);
    let missing = |batch: &Batch, at: usize| {
        let n = batch.n_rows().max(1) as f64;
        batch.column(at).null_count() as f64 / n
    };
    shapes
        .enumerate()
        .map(|(at, ((column, of_real), (_, of_made)))| {
            let (measure, apart) = apart(&Values::of(real, at)?, &Values::of(made, at)?);
            let missing = [missing(real, at), missing(made, at)];
            let variety = variety(&Values::of(&alike, at)?, &Values::of(made, at)?);
            let (name, real, made) = (column.name, of_real, of_made);
            Ok(ColumnLikeness { name, measure, apart, missing, variety, real, made })
        })
        .collect()
}

/// How varied new values are, against real ones; `None` where real ones do not vary, or are few.
fn variety(real: &Values, made: &Values) -> Option<f64> {
    let of = |values: &Values| match values {
        Values::Numbers(x) => {
            let x = sorted(x);
            let at = |share: f64| x[(share * (x.len() - 1) as f64).round() as usize];
            (x.len() >= VARIED).then(|| at(0.95) - at(0.05))
        }
        Values::Codes(codes, n) => {
            let known = codes.iter().filter(|code| **code != NONE).count();
            let surprise = |share: &f64| if *share > 0.0 { -share * share.ln() } else { 0.0 };
            (known >= VARIED).then(|| shares(codes, *n).iter().map(surprise).sum::<f64>().exp())
        }
    };
    let least = if matches!(real, Values::Codes(..)) { 1.0 } else { 0.0 };
    // New rows without any value do not vary at all.
    of(real).filter(|real| *real > least).map(|real| of(made).unwrap_or(0.0) / real)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    finite.sort_by(f64::total_cmp);
    finite
}

/// The share of each code among those that there are.
fn shares(codes: &[u32], n: usize) -> Vec<f64> {
    let mut counts = vec![0.0; n];
    codes.iter().filter(|code| **code != NONE).for_each(|code| counts[*code as usize] += 1.0);
    let total: f64 = counts.iter().sum();
    counts.iter_mut().for_each(|count| *count /= f64::max(total, 1.0));
    counts
}

fn apart(real: &Values, made: &Values) -> (&'static str, f64) {
    match (real, made) {
        (Values::Numbers(a), Values::Numbers(b)) => ("ks", kolmogorov_smirnov(&sorted(a), &sorted(b))),
        (Values::Codes(a, n), Values::Codes(b, _)) => {
            let (a, b) = (shares(a, *n), shares(b, *n));
            ("tvd", 0.5 * a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>())
        }
        _ => ("ks", f64::NAN),
    }
}

/// Each pair of columns.
pub(super) fn pairs(real: &Batch, made: &Batch) -> Result<PairLikeness> {
    let (a, b) = (all(real, COLUMNS)?, all(made, COLUMNS)?);
    let places: Vec<(usize, usize)> = (0..a.len()).flat_map(|i| (0..i).map(move |j| (j, i))).collect();
    let compared = |&(i, j): &(usize, usize)| {
        let ((measure, real_value), (_, made_value)) =
            (association(&a[i], &a[j])?, association(&b[i], &b[j]).unwrap_or(("", 0.0)));
        let columns = [i, j].map(|at| real.schema().columns()[at].name.clone());
        Some(PairFacts { columns, measure, real: real_value, made: made_value })
    };
    let mut pairs: Vec<PairFacts> = places.par_iter().filter_map(compared).collect();
    let differs = |pair: &PairFacts| (pair.real - pair.made).abs();
    let n = pairs.len();
    let mean = (n > 0).then(|| pairs.iter().map(differs).sum::<f64>() / n as f64);
    pairs.sort_by(|a, b| differs(b).total_cmp(&differs(a)));
    pairs.truncate(TOLD);
    Ok(PairLikeness { n, mean, most: pairs })
}

/// How strongly two columns are associated; `None` where that cannot be said.
fn association(a: &Values, b: &Values) -> Option<(&'static str, f64)> {
    match (a, b) {
        (Values::Numbers(a), Values::Numbers(b)) => Some(("pearson", pearson(a, b)?)),
        (Values::Codes(a, k), Values::Codes(b, m)) => Some(("cramers_v", cramers_v(a, b, *k, *m)?)),
        (Values::Codes(codes, k), Values::Numbers(x)) | (Values::Numbers(x), Values::Codes(codes, k)) => {
            Some(("correlation_ratio", correlation_ratio(codes, x, *k)?))
        }
    }
}

/// Pearson's correlation over rows that have both.
fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let both = || a.iter().zip(b).filter(|(a, b)| a.is_finite() && b.is_finite());
    let (n, x, y) = both().fold((0.0, 0.0, 0.0), |(n, x, y), (a, b)| (n + 1.0, x + a, y + b));
    let (x, y) = (x / n, y / n);
    let sums = both().fold([0.0; 3], |[xx, xy, yy], (a, b)| {
        [xx + (a - x) * (a - x), xy + (a - x) * (b - y), yy + (b - y) * (b - y)]
    });
    let [xx, xy, yy] = sums;
    (n >= 10.0 && xx > 0.0 && yy > 0.0).then(|| (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pearson_is_that_of_numpy() {
        // numpy.corrcoef of i and i^2 for i from 0 to 11.
        let a: Vec<f64> = (0..12).map(f64::from).collect();
        let b: Vec<f64> = a.iter().map(|x| x * x).collect();
        assert!((pearson(&a, &b).unwrap() - 0.963_529_318_081_743_5).abs() < 1e-12);
        assert_eq!(pearson(&a, &[1.0; 12]), None);
    }

    #[test]
    fn variety_is_that_of_as_many_values() {
        let codes = |of: fn(usize) -> u32| Values::Codes((0..100).map(of).collect(), 4);
        let even = codes(|i| (i % 4) as u32);
        assert!((variety(&even, &codes(|i| (i % 2) as u32)).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(variety(&codes(|_| 1), &even), None);
        let numbers = |by: f64| Values::Numbers((0..101).map(|i| by * f64::from(i)).collect());
        assert!((variety(&numbers(4.0), &numbers(1.0)).unwrap() - 0.25).abs() < 1e-12);
        assert_eq!(variety(&numbers(4.0), &Values::Numbers(vec![f64::NAN; 100])), Some(0.0));
        assert_eq!(variety(&Values::Numbers(vec![1.0; 10]), &numbers(1.0)), None);
    }

    #[test]
    fn shares_that_do_not_meet_are_as_far_apart_as_can_be() {
        let of = |code: u32| Values::Codes(vec![code, code, NONE], 2);
        assert_eq!(apart(&of(0), &of(1)), ("tvd", 1.0));
        assert_eq!(apart(&of(0), &of(0)), ("tvd", 0.0));
        let numbers = |x: f64| Values::Numbers(vec![x, x + 1.0, f64::NAN]);
        assert_eq!(apart(&numbers(0.0), &numbers(5.0)), ("ks", 1.0));
    }
}

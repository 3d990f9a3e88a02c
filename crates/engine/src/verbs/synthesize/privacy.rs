//! How near new rows come to single real ones: the distance to the closest row, against that of rows which were held out.

use std::collections::BTreeSet;

use tidemill_core::{Batch, Context, Kind, Result, Row};
use tidemill_kernel::neighbors::{Distance, Neighbors};

use super::{JUDGED, Parts, some};
use crate::facts::Privacy;

/// Names of a column that count one by one; rarer ones count as one.
const NAMES: usize = 32;
/// Real rows of which the closest is looked for.
const REAL: usize = 4 * JUDGED;

/// How near the new rows come to those that were learned from.
pub(super) fn measured(parts: &Parts, made: &Batch, context: &Context) -> Result<Privacy> {
    context.check()?;
    let known: BTreeSet<String> = words(&parts.learned)?.collect();
    let share = |batch: &Batch| -> Result<f64> {
        let copies = words(batch)?.filter(|row| known.contains(row)).count();
        Ok(copies as f64 / batch.n_rows().max(1) as f64)
    };
    let (copies, copies_held_out) = (share(made)?, share(&parts.held_out)?);
    drop(known);
    let ruler = Ruler::of(&parts.learned)?;
    let real = parts.learned.slice(0, parts.learned.n_rows().min(REAL));
    let points = Neighbors::new(ruler.points(&real)?, ruler.width(), Distance::Euclidean);
    let distances = |batch: &Batch, label: &str| -> Result<Vec<f64>> {
        let asked = some(batch, label, context)?;
        let mut distances = points.nearest(&ruler.points(&asked)?, 1, None).distances;
        distances.sort_by(f64::total_cmp);
        Ok(distances)
    };
    let (new, held_out) = (distances(made, "near made")?, distances(&parts.held_out, "near held out")?);
    Ok(Privacy {
        copies,
        copies_held_out,
        nearest: [quantile(&new, 0.05), quantile(&new, 0.5)],
        nearest_held_out: [quantile(&held_out, 0.05), quantile(&held_out, 0.5)],
        closer: closer(&new, &held_out),
        rows: [new.len(), held_out.len(), real.n_rows()],
    })
}

/// Each row, exactly.
fn words(batch: &Batch) -> Result<impl Iterator<Item = String>> {
    let rows: Vec<String> = (0..batch.n_rows())
        .map(|i| Row::of(batch, i).map(|row| format!("{row:?}")))
        .collect::<Result<_>>()?;
    Ok(rows.into_iter())
}

/// Of ascending numbers.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((q * last).round() as usize).copied().unwrap_or(f64::NAN)
}

/// The share of pairs of a distance of `a` and one of `b`, both ascending, of which that of `a` is less; equal ones count half.
fn closer(a: &[f64], b: &[f64]) -> f64 {
    let below = |x: f64| b.partition_point(|y| *y < x) as f64;
    let up_to = |x: f64| b.partition_point(|y| *y <= x) as f64;
    let greater = |x: f64| b.len() as f64 - 0.5 * (below(x) + up_to(x));
    a.iter().map(|&x| greater(x)).sum::<f64>() / (a.len() * b.len()).max(1) as f64
}

/// How far rows are apart: numbers and times in standard deviations, flags and names by 1 where they differ, and by 1 where one is
/// missing.
struct Ruler {
    columns: Vec<Measure>,
}

enum Measure {
    /// The mean and the standard deviation.
    Number(f64, f64),
    Flag,
    /// By code the place of its number.
    Names(Vec<usize>, usize),
}

impl Ruler {
    fn of(batch: &Batch) -> Result<Self> {
        let measure = |at: usize| -> Result<Measure> {
            let column = &batch.schema().columns()[at];
            Ok(match column.kind {
                Kind::Flag => Measure::Flag,
                Kind::Category => {
                    let n = column.categories()?.len();
                    let mut counts = vec![0usize; n];
                    let codes = batch.codes(at)?.iter().flatten();
                    codes.filter(|code| (*code as usize) < n).for_each(|code| counts[code as usize] += 1);
                    let mut order: Vec<usize> = (0..n).collect();
                    order.sort_by_key(|&code| std::cmp::Reverse(counts[code]));
                    let mut places = vec![0; n];
                    order.iter().enumerate().for_each(|(i, &code)| places[code] = i.min(NAMES - 1));
                    Measure::Names(places, n.clamp(1, NAMES))
                }
                _ => {
                    let known: Vec<f64> = numbers(batch, at)?.into_iter().filter(|x| x.is_finite()).collect();
                    let n = known.len().max(1) as f64;
                    let mean = known.iter().map(|x| x / n).sum::<f64>();
                    let std = known.iter().map(|x| (x - mean) * (x - mean) / n).sum::<f64>().sqrt();
                    Measure::Number(mean, if std > 0.0 { std } else { 1.0 })
                }
            })
        };
        Ok(Ruler { columns: (0..batch.schema().len()).map(measure).collect::<Result<_>>()? })
    }

    /// Numbers of a row: those of a column, and one for whether it is missing.
    fn width(&self) -> usize {
        let own = |measure: &Measure| if let Measure::Names(_, n) = measure { *n } else { 1 };
        self.columns.iter().map(|measure| own(measure) + 1).sum()
    }

    /// The rows as points, row after row.
    fn points(&self, batch: &Batch) -> Result<Vec<f64>> {
        // Two names differ in two places.
        let half = 0.5f64.sqrt();
        let (width, n) = (self.width(), batch.n_rows());
        let mut points = vec![0.0; width * n];
        let mut first = 0;
        for (at, measure) in self.columns.iter().enumerate() {
            let mut put = |row: usize, place: usize, x: f64| points[row * width + first + place] = x;
            let own = match measure {
                Measure::Number(mean, std) => {
                    for (row, x) in numbers(batch, at)?.into_iter().enumerate() {
                        let away = (x - mean) / std;
                        if away.is_finite() { put(row, 0, away) } else { put(row, 1, 1.0) }
                    }
                    1
                }
                Measure::Flag => {
                    for (row, flag) in batch.flags(at)?.iter().enumerate() {
                        match flag {
                            Some(flag) => put(row, 0, f64::from(u8::from(flag))),
                            None => put(row, 1, 1.0),
                        }
                    }
                    1
                }
                Measure::Names(places, k) => {
                    for (row, code) in batch.codes(at)?.iter().enumerate() {
                        match code.and_then(|code| places.get(code as usize)) {
                            Some(place) => put(row, *place, half),
                            None => put(row, *k, half),
                        }
                    }
                    *k
                }
            };
            first += own + 1;
        }
        Ok(points)
    }
}

/// Numbers, or times in seconds; `NaN` where missing.
fn numbers(batch: &Batch, at: usize) -> Result<Vec<f64>> {
    if batch.schema().columns()[at].kind == Kind::Time {
        return Ok(batch.times(at)?.iter().map(|t| t.map_or(f64::NAN, |t| t as f64 * 1e-6)).collect());
    }
    Ok(batch.numbers(at)?.iter().map(|x| x.unwrap_or(f64::NAN)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closer_is_the_share_of_pairs() {
        assert_eq!(closer(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        assert_eq!(closer(&[3.0, 4.0], &[1.0, 2.0]), 0.0);
        assert_eq!(closer(&[1.0, 2.0], &[1.0, 2.0]), 0.5);
        assert_eq!(closer(&[2.0], &[1.0, 2.0, 3.0, 4.0]), 0.625);
    }

    #[test]
    fn quantiles_of_none_are_no_number() {
        assert!(quantile(&[], 0.5).is_nan());
        assert_eq!(quantile(&[1.0, 2.0, 3.0], 0.5), 2.0);
    }
}

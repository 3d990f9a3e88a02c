//! The columns of a table, dealt into bins that can be named.

use arrow_array::Array;
use rayon::prelude::*;
use tidemill_core::{Batch, Column, Kind, Role, UNSEEN};

use super::Holds;
use crate::Result;

/// A row that belongs to no bin.
const NO_BIN: u16 = u16::MAX;
/// The most categories of a column that are looked at, the commonest.
const MOST_CATEGORIES: usize = 40;

/// A column as bins.
pub(super) struct Dealt {
    pub(super) name: String,
    /// The bin of each row; above the last name where it has none.
    pub(super) bins: Vec<u16>,
    /// What holds of the rows of each bin.
    pub(super) names: Vec<Holds>,
}

/// Every feature that has at least two bins.
pub(super) fn dealt(rows: &Batch, n_bins: usize) -> Result<Vec<Dealt>> {
    let places = rows.schema().with_role(Role::Feature);
    let columns =
        places.par_iter().map(|&i| column(rows, i, n_bins.clamp(2, 100))).collect::<Result<Vec<_>>>()?;
    Ok(columns.into_iter().filter(|c| c.names.len() > 1).collect())
}

fn column(rows: &Batch, i: usize, n_bins: usize) -> Result<Dealt> {
    let column = &rows.schema().columns()[i];
    let n = rows.n_rows();
    let array = rows.column(i);
    let (mut bins, mut names) = match column.kind {
        Kind::Number => {
            let values = rows.numbers(i)?;
            let value = |row: usize| Some(values.value(row)).filter(|x| values.is_valid(row) && !x.is_nan());
            ranges(n, value, n_bins, written)
        }
        Kind::Time => {
            let values = rows.times(i)?;
            // Whole days: exact as floats.
            let day = |row: usize| values.is_valid(row).then(|| values.value(row).div_euclid(DAY) as f64);
            ranges(n, day, n_bins, |day| date(day as i64))
        }
        Kind::Flag => {
            let flags = rows.flags(i)?;
            let bin = |row: usize| if flags.is_valid(row) { u16::from(flags.value(row)) } else { NO_BIN };
            ((0..n).map(bin).collect(), vec![Holds::Is("false".into()), Holds::Is("true".into())])
        }
        Kind::Category => categories(rows, i, column)?,
        _ => (vec![0; n], vec![Holds::There]),
    };
    let is_missing = |row: usize| match column.kind {
        Kind::Number => bins[row] == NO_BIN,
        _ => array.is_null(row),
    };
    let missing: Vec<usize> = (0..n).filter(|&row| is_missing(row)).collect();
    if !missing.is_empty() {
        missing.iter().for_each(|&row| bins[row] = names.len() as u16);
        names.push(Holds::Missing);
    }
    Ok(Dealt { name: column.name.to_string(), bins, names })
}

/// The commonest categories.
fn categories(rows: &Batch, i: usize, column: &Column) -> Result<(Vec<u16>, Vec<Holds>)> {
    let (codes, known) = (rows.codes(i)?, column.categories()?);
    let mut count = vec![0usize; known.len() + 1];
    codes.iter().flatten().for_each(|c| count[(c as usize).min(known.len())] += 1);
    let mut order: Vec<usize> = (0..count.len()).filter(|&c| count[c] > 0).collect();
    order.sort_by(|&a, &b| count[b].cmp(&count[a]).then(a.cmp(&b)));
    order.truncate(MOST_CATEGORIES);
    let mut place = vec![NO_BIN; count.len()];
    order.iter().zip(0u16..).for_each(|(&c, bin)| place[c] = bin);
    let bins = codes.iter().map(|c| c.map_or(NO_BIN, |c| place[(c as usize).min(known.len())])).collect();
    let name = |&c: &usize| Holds::Is(format!("'{}'", known.names().get(c).map_or(UNSEEN, |n| n)));
    Ok((bins, order.iter().map(name).collect()))
}

/// Bins of about equal rows, equal values together, named by the least and the greatest value in them.
fn ranges(
    n: usize,
    value: impl Fn(usize) -> Option<f64>,
    n_bins: usize,
    written: impl Fn(f64) -> String,
) -> (Vec<u16>, Vec<Holds>) {
    let mut sorted: Vec<f64> = (0..n).filter_map(&value).collect();
    sorted.par_sort_unstable_by(f64::total_cmp);
    let mut tops: Vec<f64> = (1..=n_bins)
        .filter_map(|b| sorted.get((sorted.len() * b).div_ceil(n_bins).max(1) - 1))
        .copied()
        .collect();
    tops.dedup();
    let bins =
        (0..n).map(|row| value(row).map_or(NO_BIN, |x| tops.partition_point(|&t| t < x) as u16)).collect();
    let name = |bin: usize| {
        let first = if bin == 0 { 0 } else { sorted.partition_point(|&x| x <= tops[bin - 1]) };
        let (low, high) = (sorted[first], tops[bin]);
        if low == high { Holds::Is(written(low)) } else { Holds::Between([written(low), written(high)]) }
    };
    (bins, (0..tops.len()).map(name).collect())
}

/// A number in at most four digits that matter, as people write it.
fn written(x: f64) -> String {
    let size = x.abs();
    if x.fract() == 0.0 && size < 1e7 {
        return format!("{x:.0}");
    }
    if !(1e-3..1e7).contains(&size) {
        return format!("{x:.3e}");
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

const DAY: i64 = 86_400_000_000;

/// The date of a day counted from 1970-01-01 (Hinnant 2013, "chrono-compatible low-level date algorithms").
fn date(day: i64) -> String {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + 400 * era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::{date, ranges, written};

    #[test]
    fn numbers_and_dates_are_written_for_people() {
        assert_eq!(
            [3.0, 0.1 + 0.2, 1234.567, 2.5, 1e-9, -0.25].map(written).join(" "),
            "3 0.3 1235 2.5 1.000e-9 -0.25"
        );
        assert_eq!([0, 59, 19_783, -1].map(date).join(" "), "1970-01-01 1970-03-01 2024-03-01 1969-12-31");
    }

    #[test]
    fn bins_share_the_rows_and_keep_ties_together() {
        let values = [1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0, f64::NAN];
        let (bins, names) = ranges(8, |i| Some(values[i]).filter(|x| !x.is_nan()), 3, written);
        assert_eq!(bins, [0, 0, 0, 0, 1, 2, 2, u16::MAX]);
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["is 1", "is 2", "from 3 to 4"]);
        assert!(ranges(2, |_| None, 3, written).1.is_empty());
    }
}

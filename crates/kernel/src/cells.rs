//! Columns of numbers, flags, categories and times as numbers, and back: for what makes new rows of mixed kinds.

use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, PrimitiveArray, UInt32Array};
use tidemill_core::{Batch, Column, Error, Kind, Result};

/// Decimals that are looked for.
const DIGITS: i32 = 6;
/// Lengths of time that all moments of a column may be multiples of, in microseconds: days, hours, minutes, seconds, milliseconds.
const STEPS: [i64; 5] = [86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1_000];

/// The values of a column: flags as 0 and 1, categories as their codes, times in microseconds; `None` where missing, infinite or unseen.
///
/// # Errors
/// A column of another kind.
pub fn values(batch: &Batch, at: usize) -> Result<Vec<Option<f64>>> {
    let column = &batch.schema().columns()[at];
    Ok(match column.kind {
        Kind::Number => batch.numbers(at)?.iter().map(|x| x.filter(|x| x.is_finite())).collect(),
        Kind::Flag => batch.flags(at)?.iter().map(|x| x.map(|x| f64::from(u8::from(x)))).collect(),
        Kind::Time => batch.times(at)?.iter().map(|x| x.map(|x| x as f64)).collect(),
        Kind::Category => {
            let n = column.categories()?.len() as u32;
            batch.codes(at)?.iter().map(|code| code.filter(|code| *code < n).map(f64::from)).collect()
        }
        found => {
            let wanted = "a number, a flag, a category or a time".into();
            return Err(Error::WrongKind { column: column.name.clone(), found, wanted });
        }
    })
}

/// The inverse of [`values`] for such a column.
///
/// # Errors
/// A column of another kind.
pub fn array(column: &Column, values: impl Iterator<Item = Option<f64>>) -> Result<ArrayRef> {
    Ok(match column.kind {
        Kind::Number => Arc::new(values.collect::<Float64Array>()),
        Kind::Flag => Arc::new(values.map(|x| x.map(|x| x > 0.5)).collect::<BooleanArray>()),
        Kind::Time => {
            let times: PrimitiveArray<TimestampMicrosecondType> =
                values.map(|x| x.map(|x| x.round() as i64)).collect();
            Arc::new(times.with_timezone("UTC"))
        }
        Kind::Category => {
            column.categories()?.column(values.map(|x| x.map(|x| x as u32)).collect::<UInt32Array>())?
        }
        found => {
            let wanted = "a number, a flag, a category or a time".into();
            return Err(Error::WrongKind { column: column.name.clone(), found, wanted });
        }
    })
}

/// How finely the values of a column are written: new ones are as fine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Grid {
    /// Any number.
    Any,
    /// So many decimals.
    Decimals(i32),
    /// Multiples of so many microseconds.
    Step(i64),
}

impl Grid {
    /// Of the values of such a column.
    pub fn of(kind: Kind, values: &[f64]) -> Self {
        match kind {
            Kind::Time => {
                let all = |step: &&i64| values.iter().all(|moment| (*moment as i64) % **step == 0);
                Grid::Step(STEPS.iter().find(all).copied().unwrap_or(1))
            }
            _ => decimals(values).map_or(Grid::Any, Grid::Decimals),
        }
    }

    /// The nearest value that is as fine.
    pub fn nearest(self, x: f64) -> f64 {
        match self {
            Grid::Any => x,
            Grid::Decimals(digits) => {
                let scale = 10f64.powi(digits);
                (x * scale).round() / scale
            }
            Grid::Step(step) => ((x / step as f64).round() as i64 * step) as f64,
        }
    }
}

/// How many decimals all of these numbers have at most, where that is few.
fn decimals(values: &[f64]) -> Option<i32> {
    let all = |power: i32| {
        let scale = 10f64.powi(power);
        values.iter().all(|x| {
            let scaled = x * scale;
            (scaled - scaled.round()).abs() <= 1e-9 * scaled.abs().max(1.0)
        })
    };
    (0..=DIGITS).find(|power| all(*power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_as_fine_as_they_are() {
        assert_eq!(Grid::of(Kind::Number, &[1.0, -3.0, 1e12]), Grid::Decimals(0));
        assert_eq!(Grid::of(Kind::Number, &[0.1, 2.25]).nearest(1.234), 1.23);
        assert_eq!(Grid::of(Kind::Number, &[1.0 / 3.0]).nearest(0.1234), 0.1234);
        let days = Grid::of(Kind::Time, &[0.0, 86_400e6 * 3.0]);
        assert_eq!(days.nearest(86_400e6 * 1.4), 86_400e6);
        assert_eq!(Grid::of(Kind::Time, &[0.0, 5e6]), Grid::Step(1_000_000));
        assert_eq!(Grid::of(Kind::Time, &[7.0]), Grid::Step(1));
    }
}

//! Cells as the user's column writes them.

use arrow_array::Array;
use serde_json::Value;
use tidemill_core::{Batch, Kind, Result};
use tidemill_data::InferredSchema;
use tidemill_data::parse::{Format, TimeFormat, write_iso};
use tidemill_kernel::picture;

use crate::rows::{number, value};

const DAY: i64 = 86_400_000_000;

/// How the times of a column are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Written {
    /// No times.
    Plain,
    /// Moments within a day.
    Moment,
    /// Days alone: all of these rows are at midnight.
    Day,
    Quarter,
    Year,
}

impl Written {
    /// Of the column at this place.
    pub(super) fn of(plan: &InferredSchema, rows: &Batch, place: usize) -> Result<Self> {
        let column = &rows.schema().columns()[place];
        if column.kind != Kind::Time {
            return Ok(Written::Plain);
        }
        let planned = plan.columns.iter().find(|planned| planned.name == column.name);
        Ok(match planned.map(|planned| &planned.format) {
            Some(Format::Time(TimeFormat::Year)) => Written::Year,
            Some(Format::Time(TimeFormat::Quarter)) => Written::Quarter,
            _ if rows.times(place)?.iter().flatten().all(|at| at % DAY == 0) => Written::Day,
            _ => Written::Moment,
        })
    }

    /// The cell of a row; of one that is no single value a few words about it.
    pub(super) fn cell(&self, rows: &Batch, place: usize, row: usize) -> Result<Value> {
        if rows.column(place).is_null(row) {
            return Ok(Value::Null);
        }
        match (self, rows.schema().columns()[place].kind) {
            (_, Kind::Image) => Ok(match picture::size(rows.images(place)?.value(row)) {
                Ok((width, height)) => format!("{width} x {height} px").into(),
                Err(_) => "?".into(),
            }),
            (_, kind @ (Kind::Vector { .. } | Kind::Point | Kind::Series | Kind::Track)) => {
                Ok(format!("({})", kind.word()).into())
            }
            (Written::Plain, _) => value(rows, place, row),
            _ => Ok(self.time(rows.times(place)?.value(row)).into()),
        }
    }

    /// A bound of a stretch of values; null where there is none.
    pub(super) fn bound(&self, end: f64) -> Value {
        match self {
            _ if !end.is_finite() => Value::Null,
            Written::Plain => number(end),
            _ => self.time(end as i64).into(),
        }
    }

    /// A moment, in microseconds since 1970 (UTC).
    pub(super) fn time(&self, micros: i64) -> String {
        let iso = write_iso(micros);
        let (day, _) = iso.split_once('T').unwrap_or((&iso, ""));
        // Years beyond four digits have a sign and more of them.
        let (rest, _) = day.rsplit_once('-').unwrap_or((day, ""));
        let (year, month) = rest.rsplit_once('-').unwrap_or((rest, ""));
        match self {
            Written::Plain | Written::Moment => iso,
            Written::Day => day.into(),
            Written::Quarter => {
                format!("{year} Q{}", month.parse::<u32>().map_or(1, |month| month.div_ceil(3)))
            }
            Written::Year => year.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_fine_as_their_column() {
        let told = |written: Written| written.time(1_372_636_800_000_000);
        assert_eq!(told(Written::Moment), "2013-07-01T00:00:00Z");
        assert_eq!(told(Written::Day), "2013-07-01");
        assert_eq!((told(Written::Quarter), told(Written::Year)), ("2013 Q3".into(), "2013".into()));
        // Between two days, the earlier one.
        assert_eq!(Written::Day.time(DAY + DAY / 2), "1970-01-02");
        assert_eq!(Written::Quarter.time(-1), "1969 Q4");
    }
}

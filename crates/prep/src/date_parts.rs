//! `date_parts`: a time becomes the parts of its calendar date and clock that a model can use.

use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, Float64Array, PrimitiveArray, UInt32Array};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Categories, Cell, Column, Columns, Context, Estimator, Fitted, Kind, Registry,
    Result, Role, Schema, Slot, State, Training,
};

use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved, wrong_cell};

/// Replaces each time column by those of its parts (in UTC) that vary in training, called `NAME_year` and so on.
///
/// `year`, `day` (of the month, from 1) and `day_of_year` (from 1) are numbers; `month` (`Jan` to `Dec`), `weekday`
/// (`Mon` to `Sun`) and `hour` (`00` to `23`) are categories with these names, whether or not training has them
/// all. A column whose parts are all constant goes without a trace. A column in the role `time` stays and its parts
/// are added behind it. A missing time has missing parts. The calendar is the proleptic Gregorian one.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::TimestampMicrosecondArray;
/// use tidemill_core::{Batch, Column, Context, Estimator, Kind, Schema, Table, Training};
/// let day = 86_400_000_000;
/// let times = TimestampMicrosecondArray::from(vec![0, 40 * day]).with_timezone("UTC");
/// let schema = Arc::new(Schema::new(vec![Column::new("born", Kind::Time)])?);
/// let table = Table::new(Batch::new(schema, vec![Arc::new(times)])?);
/// let step = tidemill_prep::DateParts::default();
/// let (_, parts) = step.fit_apply(Training::on(&table), &Context::default())?;
/// let names: Vec<&str> = parts.batch().schema().names().collect();
/// assert_eq!(names, ["born_month", "born_day", "born_weekday", "born_day_of_year"]);
/// assert_eq!(parts.batch().numbers(3)?.value(1), 41.0);
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DateParts {
    /// The columns to take apart; by default, every time that is a feature or in the role `time`.
    pub columns: Columns,
    /// Whether only parts are added that came round at least twice in training, such as the hour from two days on and the month from
    /// two years on: of others it says nothing about what comes later. The year never comes round.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recurring: bool,
}

impl Estimator for DateParts {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for DateParts {
    const KIND: &'static str = "date_parts";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for DateParts {
    const SLOT: Slot = Slot::Derived;
    const DONE: &'static str = "split into parts of the date";
}

impl ColumnStep for DateParts {
    type Learned = Parts;
    const WANTED: &'static str = "a time";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Time
    }

    fn places(&self, schema: &Schema) -> Result<Vec<usize>> {
        if self.columns.0.is_empty() {
            let usable = |c: &Column| matches!(c.role, Role::Feature | Role::Time);
            return Ok(schema.places(|c| self.handles(c) && usable(c)));
        }
        self.columns.places(schema, Self::WANTED, |c| self.handles(c))
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Parts> {
        let known = || Ok::<_, tidemill_core::Error>(from.times()?.iter().flatten());
        let mut times = known()?.map(Moment::of);
        let Some(first) = times.next() else { return Ok(Parts { parts: Vec::new() }) };
        let mut constant = Part::ALL.to_vec();
        for moment in times {
            constant.retain(|part| part.of(&moment) == part.of(&first));
            if constant.is_empty() {
                break;
            }
        }
        let span = known()?.max().zip(known()?.min()).map_or(0, |(last, first)| last.saturating_sub(first));
        let recurs = |part: &Part| part.days().is_some_and(|days| span >= 2 * days * DAY);
        let told = |part: &Part| !constant.contains(part) && (!self.recurring || recurs(part));
        Ok(Parts { parts: Part::ALL.into_iter().filter(told).collect() })
    }
}

/// A part of a date or of a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Year,
    Month,
    Day,
    Weekday,
    DayOfYear,
    Hour,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

impl Part {
    const ALL: [Part; 6] = [Part::Year, Part::Month, Part::Day, Part::Weekday, Part::DayOfYear, Part::Hour];

    fn suffix(self) -> &'static str {
        match self {
            Part::Year => "year",
            Part::Month => "month",
            Part::Day => "day",
            Part::Weekday => "weekday",
            Part::DayOfYear => "day_of_year",
            Part::Hour => "hour",
        }
    }

    /// After how many days all its values have come; never of a year.
    fn days(self) -> Option<i64> {
        match self {
            Part::Year => None,
            Part::Month | Part::DayOfYear => Some(365),
            Part::Day => Some(31),
            Part::Weekday => Some(7),
            Part::Hour => Some(1),
        }
    }

    /// The names of a part that is a category.
    fn names(self) -> Option<Arc<Categories>> {
        match self {
            Part::Month => Some(Categories::new(MONTHS)),
            Part::Weekday => Some(Categories::new(WEEKDAYS)),
            Part::Hour => Some(Categories::new((0..24).map(|h| format!("{h:02}")))),
            Part::Year | Part::Day | Part::DayOfYear => None,
        }
    }

    /// The number, or the code of the name.
    fn of(self, moment: &Moment) -> i32 {
        match self {
            Part::Year => moment.year,
            Part::Month => moment.month - 1,
            Part::Day => moment.day,
            Part::Weekday => moment.weekday,
            Part::DayOfYear => moment.day_of_year,
            Part::Hour => moment.hour,
        }
    }
}

/// A timestamp in UTC, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    year: i32,
    /// From 1.
    month: i32,
    /// From 1.
    day: i32,
    /// From 0, Monday.
    weekday: i32,
    /// From 1.
    day_of_year: i32,
    hour: i32,
}

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

impl Moment {
    /// Of microseconds since 1970, by integer arithmetic alone: Howard Hinnant, "chrono-compatible low-level date
    /// algorithms", `civil_from_days`. Years begin in March there, so that the leap day is the last of its year.
    fn of(micros: i64) -> Self {
        let (days, within) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097) as u32);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * from_march + 2) / 153;
        let day = from_march - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = era * 400 + i64::from(year_of_era) + i64::from(month <= 2);
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let day_of_year = if month > 2 { from_march + 60 + u32::from(leap) } else { from_march - 305 };
        Moment {
            // Microseconds in 64 bits reach less than 300,000 years either way.
            year: year as i32,
            month: month as i32,
            day: day as i32,
            weekday: (days + 3).rem_euclid(7) as i32,
            day_of_year: day_of_year as i32,
            hour: (within / HOUR) as i32,
        }
    }
}

/// The parts of one column that vary in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parts {
    parts: Vec<Part>,
}

impl Learned for Parts {
    fn save(&self) -> Saved {
        Saved::new(self, Vec::new())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        saved.read()
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let kept = (input.role == Role::Time).then(|| input.clone());
        let derived = self.parts.iter().map(|part| {
            let name = format!("{}_{}", input.name, part.suffix());
            let column = match part.names() {
                Some(names) => Column::category(name, names),
                None => Column::number(name),
            };
            column.derived_from(input)
        });
        Ok(kept.into_iter().chain(derived).collect())
    }

    fn bind(&self, input: &Column) -> Result<Box<dyn Bound>> {
        let parts = self.parts.iter().map(|&part| (part, part.names())).collect();
        Ok(Box::new(BoundParts { parts, keep: input.role == Role::Time }))
    }
}

struct BoundParts {
    parts: Vec<(Part, Option<Arc<Categories>>)>,
    keep: bool,
}

impl Bound for BoundParts {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let times: &PrimitiveArray<TimestampMicrosecondType> = from.times()?;
        let moments: Vec<Moment> = times.values().iter().map(|&t| Moment::of(t)).collect();
        let nulls = times.nulls();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.parts.len() + 1);
        if self.keep {
            arrays.push(from.array().clone());
        }
        for (part, names) in &self.parts {
            let values = moments.iter().map(|m| part.of(m));
            arrays.push(match names {
                None => {
                    let values: Vec<f64> = values.map(f64::from).collect();
                    Arc::new(Float64Array::new(values.into(), nulls.cloned()))
                }
                Some(names) => {
                    let codes: Vec<u32> = values.map(|code| code as u32).collect();
                    names.column(UInt32Array::new(codes.into(), nulls.cloned()))?
                }
            });
        }
        Ok(arrays)
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        let moment = match &cell {
            Cell::Missing => None,
            Cell::Time(t) => Some(Moment::of(*t)),
            other => return Err(wrong_cell("a time", other)),
        };
        if self.keep {
            out.push(cell);
        }
        out.extend(self.parts.iter().map(|(part, names)| match (&moment, names) {
            (None, _) => Cell::Missing,
            (Some(m), None) => Cell::Number(f64::from(part.of(m))),
            (Some(m), Some(_)) => Cell::Code(part.of(m) as u32),
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::TimestampMicrosecondArray;
    use tidemill_core::{Batch, Column, Context, Estimator, Kind, Schema, Table, Training};

    use super::{DAY, DateParts, HOUR, Moment};

    /// The parts that are taken of timestamps 5 hours apart over so many days.
    fn parts(days: i64, recurring: bool) -> Vec<String> {
        let times = TimestampMicrosecondArray::from_iter_values(
            (0..).map(|i| i * 5 * HOUR).take_while(|t| *t <= days * DAY),
        );
        let schema = Arc::new(Schema::new(vec![Column::new("t", Kind::Time)]).unwrap());
        let table = Table::new(Batch::new(schema, vec![Arc::new(times.with_timezone("UTC"))]).unwrap());
        let step = DateParts { recurring, ..DateParts::default() };
        let (_, parts) = step.fit_apply(Training::on(&table), &Context::default()).unwrap();
        parts.batch().schema().names().map(|name| name.trim_start_matches("t_").to_string()).collect()
    }

    #[test]
    fn what_came_round_but_once_says_nothing_of_what_comes() {
        assert_eq!(parts(1, true), [""; 0]);
        assert_eq!(parts(3, true), ["hour"]);
        assert_eq!(parts(20, true), ["weekday", "hour"]);
        assert_eq!(parts(100, true), ["day", "weekday", "hour"]);
        assert_eq!(parts(800, true), ["month", "day", "weekday", "day_of_year", "hour"]);
        assert_eq!(parts(800, false).len(), 6);
    }

    /// Every calendar library agrees on these; `jiff` is the one asked here.
    #[test]
    fn moments_agree_with_a_calendar_library() {
        let mut micros = jiff::Timestamp::MIN.as_microsecond() + 1;
        let step = jiff::Timestamp::MAX.as_microsecond() / 40_000 + 7_919_000_011;
        while micros < jiff::Timestamp::MAX.as_microsecond() {
            let moment = Moment::of(micros);
            let wanted =
                jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_microsecond(micros).unwrap());
            let found = (moment.year, moment.month, moment.day, moment.hour);
            let date =
                (wanted.year().into(), wanted.month().into(), wanted.day().into(), wanted.hour().into());
            assert_eq!(found, date, "{micros}");
            assert_eq!(moment.weekday, i32::from(wanted.weekday().to_monday_zero_offset()), "{micros}");
            assert_eq!(moment.day_of_year, i32::from(wanted.day_of_year()), "{micros}");
            micros += step;
        }
    }

    #[test]
    fn the_ends_of_time_are_no_panic() {
        for micros in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX] {
            let moment = Moment::of(micros);
            assert!((1..=366).contains(&moment.day_of_year) && (0..24).contains(&moment.hour));
        }
        assert_eq!(Moment::of(-1).day_of_year, 365);
    }
}

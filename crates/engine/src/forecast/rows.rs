//! The rows of a forecast: one for each origin and step ahead.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, Float64Array, PrimitiveArray, UInt32Array};
use tidemill_core::{Batch, Column, Context, Error, Kind, Point, Result, Schema, Table, series_column};

use tidemill_kernel::calendar::Step;

use super::lines::{Dated, Line};
use super::scheme::Scheme;
use super::{HISTORY, NEIGHBORS};

/// About so many rows are made at most: origins are then spread evenly.
const MOST_ROWS: usize = 20_000;
/// Of each series of a panel at least so many origins, so that some are learned from and later ones judged by, as long as the rows
/// stay below the limit.
const ORIGINS: usize = 4;
const MOST_PANEL_ROWS: usize = 300_000;

/// Rows as they are gathered.
#[derive(Default)]
struct Gathered {
    /// What is known of each series.
    points: Vec<Vec<Point>>,
    /// Which of them is the past of each row.
    pasts: Vec<(usize, Range<usize>)>,
    /// The same of the neighbours of each series, where there are ties.
    around: Vec<Vec<Point>>,
    around_pasts: Vec<Range<usize>>,
    times: Vec<i64>,
    values: Vec<f64>,
    /// The row of the table that a row is about, where there is one, and one of its series.
    rows: Vec<Option<u32>>,
    members: Vec<u32>,
}

/// Every origin with a whole window before it, and the values known within the horizon after it.
pub(super) fn learning(dated: &Dated, scheme: &Scheme, context: &Context) -> Result<Table> {
    let stride = stride(apart(&dated.lines, scheme), &scheme.seasons);
    let mut gathered = Gathered::default();
    let mut short = 0;
    for (place, line) in dated.lines.iter().enumerate() {
        context.check()?;
        gathered.add_neighbors(dated, place);
        let before = gathered.times.len();
        let known = line.known();
        let first = known.first().map_or(0, |p| p.0);
        let whole = |at: &usize| dated.steps(first, known[*at].0) + 1 >= scheme.window as i64;
        let origins = (0..known.len()).filter(whole).step_by(stride);
        for origin in origins {
            gathered.add_origin(dated, scheme, line, &known, origin);
        }
        short += usize::from(gathered.times.len() == before);
        gathered.points.push(known);
    }
    if short > 0 && dated.lines.len() > 1 {
        let message = format!(
            "{short} of {} series are shorter than the window of {} steps; nothing is learned from them",
            dated.lines.len(),
            scheme.window
        );
        context.warn("short_series", message);
    }
    if gathered.times.is_empty() {
        return Err(Error::data(
            format!("no series is long enough for a window of {} steps", scheme.window),
            "give longer series, or a shorter [forecast] window",
        ));
    }
    gathered.table(dated)
}

/// How many rows are made of these series, at most.
pub(super) fn most(lines: &[Line], horizon: usize) -> usize {
    let all: usize = lines.iter().map(|line| line.points.len() * horizon).sum();
    let panel = (lines.len() * ORIGINS * horizon).min(MOST_PANEL_ROWS);
    all.min(panel.max(MOST_ROWS))
}

/// Steps between origins at least, by the number of rows.
fn apart(lines: &[Line], scheme: &Scheme) -> usize {
    let lengths = lines.iter().map(|line| line.points.len());
    let (n, longest): (usize, usize) = (lengths.clone().sum(), lengths.max().unwrap_or(0));
    let by_rows = n * scheme.horizon / MOST_ROWS + 1;
    match ORIGINS.min(MOST_PANEL_ROWS / (lines.len() * scheme.horizon).max(1)) {
        0 => by_rows,
        origins => by_rows.min((longest.saturating_sub(scheme.window) / origins).max(1)),
    }
}

/// Steps between origins, such that they come by every place of the seasons.
fn stride(least: usize, seasons: &[usize]) -> usize {
    let apart = |a: usize, b: usize| {
        let (mut a, mut b) = (a, b);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    (least..).find(|&stride| stride == 1 || seasons.iter().all(|&s| apart(stride, s))).unwrap_or(least)
}

impl Gathered {
    fn add_neighbors(&mut self, dated: &Dated, place: usize) {
        self.around.extend(dated.around.as_ref().map(|around| around.past(place, &dated.lines)));
    }

    /// The points of the neighbours that a row holds which was forecast from `at`.
    fn around_past(&self, dated: &Dated, scheme: &Scheme, at: i64) -> Option<Range<usize>> {
        let points = self.around.get(self.points.len())?;
        let end = points.partition_point(|point| point.0 <= at);
        let old = |point: &Point| dated.steps(point.0, at) >= scheme.past as i64;
        Some(points[..end].partition_point(old)..end)
    }

    fn add_origin(&mut self, dated: &Dated, scheme: &Scheme, line: &Line, known: &[Point], origin: usize) {
        let at = known[origin].0;
        let past = past(dated, scheme, known, origin);
        let around = self.around_past(dated, scheme, at);
        let later = line.points.partition_point(|p| p.time <= at);
        for point in &line.points[later..] {
            if dated.steps(at, point.time) > scheme.horizon as i64 {
                break;
            }
            if !point.value.is_nan() {
                self.pasts.push((self.points.len(), past.clone()));
                self.around_pasts.extend(around.clone());
                self.times.push(point.time);
                self.values.push(point.value);
                self.rows.push(Some(point.row));
                self.members.push(point.row);
            }
        }
    }

    /// The rows as a table whose columns are typed.
    fn table(self, dated: &Dated) -> Result<Table> {
        let schema = dated.batch.schema();
        let pasts = self.pasts.iter().map(|(line, range)| Some(&self.points[*line][range.clone()]));
        let mut columns = vec![(Column::new(HISTORY, Kind::Series), series_column(pasts)?)];
        if dated.around.is_some() {
            let lines = self.pasts.iter().map(|(line, _)| &self.around[*line]);
            let pasts = lines.zip(&self.around_pasts).map(|(points, range)| &points[range.clone()]);
            let known = pasts.map(|past| (!past.is_empty()).then_some(past));
            columns.push((Column::new(NEIGHBORS, Kind::Series), series_column(known)?));
        }
        let times = PrimitiveArray::<TimestampMicrosecondType>::from(self.times).with_timezone("UTC");
        columns.push((Column::new(&dated.time, Kind::Time), Arc::new(times)));
        let about = [
            (dated.group.as_slice(), UInt32Array::from(self.members)),
            (dated.known.as_slice(), UInt32Array::from(self.rows)),
        ];
        for (names, rows) in about {
            for name in names {
                let at = schema.index(name)?;
                let taken = arrow_select::take::take(dated.batch.column(at), &rows, None);
                let taken: ArrayRef = taken.map_err(|e| Error::internal(format!("taking rows: {e}")))?;
                columns.push((Column { role: Default::default(), ..schema.columns()[at].clone() }, taken));
            }
        }
        let values = self.values.into_iter().map(|x| Some(x).filter(|x| !x.is_nan()));
        columns.push((Column::number(&dated.target), Arc::new(values.collect::<Float64Array>())));
        let (columns, arrays) = columns.into_iter().unzip();
        Ok(Table::new(Batch::new(Arc::new(Schema::new(columns)?), arrays)?))
    }
}

/// The points that a row holds: the last ones up to an origin.
fn past(dated: &Dated, scheme: &Scheme, known: &[Point], origin: usize) -> Range<usize> {
    let inside = |point: &Point| dated.steps(point.0, known[origin].0) < scheme.past as i64;
    known.partition_point(|point| !inside(point))..origin + 1
}

/// The steps after the last known value of each series; of timestamps that the table names, with what is known of them.
pub(super) fn future(dated: &Dated, scheme: &Scheme, context: &Context) -> Result<Table> {
    let mut gathered = Gathered::default();
    for (place, line) in dated.lines.iter().enumerate() {
        let known = line.known();
        let Some(origin) = known.len().checked_sub(1) else { continue };
        let last = known[origin].0;
        gathered.add_neighbors(dated, place);
        let around = gathered.around_past(dated, scheme, last);
        let past = past(dated, scheme, &known, origin);
        let day = Step::day_of_month(line.points.iter().map(|p| p.time));
        let named = |ahead: i64| {
            line.points
                .iter()
                .rev()
                .take_while(|p| p.time > last)
                .find(|p| dated.steps(last, p.time) == ahead)
        };
        for ahead in 1..=scheme.horizon as i64 {
            let point = named(ahead);
            gathered.pasts.push((gathered.points.len(), past.clone()));
            gathered.around_pasts.extend(around.clone());
            gathered.times.push(point.map_or_else(|| dated.step.later(last, ahead, day), |p| p.time));
            gathered.values.push(f64::NAN);
            gathered.rows.push(point.map(|p| p.row));
            gathered.members.push(line.points[0].row);
        }
        gathered.points.push(known);
    }
    if gathered.times.is_empty() {
        return Err(Error::data(
            format!("'{}' has no known value to forecast from", dated.target),
            "give the recent past of the series",
        ));
    }
    let unsaid = gathered.rows.iter().filter(|row| row.is_none()).count();
    if unsaid > 0 && !dated.known.is_empty() {
        let names: Vec<String> = dated.known.iter().map(|name| format!("'{name}'")).collect();
        let message = format!(
            "{unsaid} of {} timestamps to be forecast have no row in the data, so {} known beforehand ({}) is missing there: add a row \
             for each, with an empty '{}'",
            gathered.rows.len(),
            if names.len() == 1 { "what is" } else { "all that is" },
            names.join(", "),
            dated.target
        );
        context.warn("known_ahead_missing", message);
    }
    gathered.table(dated)
}

//! A dated table as series: which rows belong to which, in the order of time.

use std::collections::BTreeMap;

use arrow_array::Array;
use tidemill_core::recipe::{ColumnSpec, Recipe};
use tidemill_core::{Batch, Context, Error, Kind, Point, Result, Role, Source};
use tidemill_data::{Ingest, infer};
use tidemill_kernel::calendar::Step;

use super::neighbors::Around;
use super::stamps;

/// A row of the table, or several of the same timestamp.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub time: i64,
    /// Of the target, the mean of several rows; `NaN` where it is not known.
    pub value: f64,
    /// The row, the first of several.
    pub row: u32,
}

/// One series, in the order of time, each timestamp once.
pub(super) struct Line {
    pub points: Vec<At>,
}

impl Line {
    /// The timestamps whose value is known.
    pub(super) fn known(&self) -> Vec<Point> {
        self.points.iter().filter(|p| !p.value.is_nan()).map(|p| (p.time, p.value)).collect()
    }
}

/// A dated table.
pub(super) struct Dated {
    /// The typed columns that a forecast may look at.
    pub batch: Batch,
    pub target: String,
    pub time: String,
    pub group: Option<String>,
    pub known: Vec<String>,
    pub lines: Vec<Line>,
    /// Who is tied to whom, where the recipe has a graph.
    pub around: Option<Around>,
    /// The usual distance of neighbouring rows.
    pub step: Step,
    /// How the timestamps are written, where that had to be found out.
    pub format: Option<String>,
}

impl Dated {
    pub(super) fn read(source: &dyn Source, recipe: &Recipe, context: &Context) -> Result<Self> {
        let forecast = recipe.forecast.clone().unwrap_or_default();
        let target = recipe.data.target.clone();
        let target =
            target.ok_or_else(|| Error::data("a forecast needs a target", "name it with --target"))?;
        let group = forecast.group.or_else(|| recipe.data.group.clone());
        let time = match &recipe.data.time {
            Some(time) => time.clone(),
            None => stamps::sole(source, &target, context)?,
        };
        let listed = recipe.graph.as_ref().map(|graph| graph.column().to_string());
        let listed = listed.filter(|name| source.schema().position(name).is_some());
        let used: Vec<&String> =
            [&target, &time].into_iter().chain(&group).chain(&forecast.known).chain(&listed).collect();
        for name in &used {
            source.schema().index(name)?;
        }
        let mut own = reading(source, recipe, &used, &target, &time, group.as_deref());
        let format = stamps::format(source, &time, &own)?;
        if let Some(name) = &listed {
            own.columns.entry(name.clone()).or_default().kind = Some(Kind::Text);
        }
        if let Some(format) = &format {
            let spec = own.columns.entry(time.clone()).or_default();
            (spec.kind, spec.format) = (Some(Kind::Time), Some(format.clone()));
        }
        let plan = infer(source, &own, &context.quiet())?;
        let (_, table) = Ingest::fit(source, plan, context)?;
        let batch = table.batch().clone();
        let lines = lines(&batch, &target, &time, group.as_deref(), context)?;
        let around = Around::of(&batch, &lines, group.as_deref(), recipe)?;
        let step = stamps::step(&lines, &time, forecast.step.as_deref(), context)?;
        Ok(Dated { batch, target, time, group, known: forecast.known, lines, around, step, format })
    }

    /// How many steps lie between two timestamps.
    pub(super) fn steps(&self, from: i64, to: i64) -> i64 {
        self.step.between(from, to)
    }

    /// What a column of the rows of the forecast is for, in words.
    pub(super) fn why(&self, name: &str) -> &'static str {
        match name {
            _ if name == self.target => "what is forecast",
            _ if name == self.time => "says when each value was",
            _ if self.group.as_deref() == Some(name) => "says which series a row belongs to",
            _ => "known beforehand",
        }
    }

    /// The values of a line step by step, `NaN` where none is known.
    pub(super) fn grid(&self, line: &Line) -> Vec<f64> {
        let known = line.known();
        let Some((&(first, _), &(last, _))) = known.first().zip(known.last()) else { return Vec::new() };
        let mut grid = vec![f64::NAN; self.steps(first, last).max(0) as usize + 1];
        for (time, value) in known {
            grid[self.steps(first, time).max(0) as usize] = value;
        }
        grid
    }
}

/// The recipe by which the table is read: the target is a number like any other, since rows without one are of use.
fn reading(
    source: &dyn Source,
    recipe: &Recipe,
    used: &[&String],
    target: &str,
    time: &str,
    group: Option<&str>,
) -> Recipe {
    let mut own = Recipe::default();
    own.data.missing.clone_from(&recipe.data.missing);
    own.data.time = Some(time.into());
    own.data.ignore =
        source.schema().names().filter(|n| !used.iter().any(|u| u == n)).map(String::from).collect();
    for name in used {
        let told = recipe.columns.get(*name);
        let spec = ColumnSpec {
            kind: told.and_then(|s| s.kind),
            format: told.and_then(|s| s.format.clone()),
            role: (*name != time).then_some(Role::Feature),
            ..ColumnSpec::default()
        };
        own.columns.insert((*name).clone(), spec);
    }
    own.columns.entry(target.into()).or_default().kind = Some(Kind::Number);
    if let Some(group) = group {
        own.columns.entry(group.into()).or_default().kind = Some(Kind::Category);
    }
    own
}

fn lines(
    batch: &Batch,
    target: &str,
    time: &str,
    group: Option<&str>,
    context: &Context,
) -> Result<Vec<Line>> {
    let schema = batch.schema();
    let at = schema.index(time)?;
    if schema.columns()[at].kind != Kind::Time {
        let found = schema.columns()[at].kind.word();
        return Err(Error::data(
            format!(
                "a forecast needs to know when each row was, but column '{time}' was read as {found}, not as times"
            ),
            format!(
                "say how it is written, such as `format = \"unix_seconds\"`, `format = \"excel_days\"` or `format = \"%Y%m%d\"` under [columns.{time}]; years with \
                 decimals must be made dates first"
            ),
        ));
    }
    let (times, values) = (batch.times(at)?, batch.numbers(schema.index(target)?)?);
    let groups = group.map(|name| batch.codes(schema.index(name)?)).transpose()?;
    let (mut gathered, mut undated) = (BTreeMap::<u32, Vec<At>>::new(), 0);
    for row in 0..batch.n_rows() {
        if times.is_null(row) || groups.is_some_and(|g| g.is_null(row)) {
            undated += 1;
            continue;
        }
        let value = if values.is_valid(row) { values.value(row) } else { f64::NAN };
        let point = At { time: times.value(row), value, row: row as u32 };
        gathered.entry(groups.map_or(0, |g| g.value(row))).or_default().push(point);
    }
    if undated > 0 {
        let what = if group.is_some() { "timestamp or no group" } else { "moment" };
        context.warn("undated", format!("{undated} rows have no {what}; left out of the series"));
    }
    let mut repeated = 0;
    let lines =
        gathered.into_values().map(|points| Line { points: in_order(points, &mut repeated) }).collect();
    if repeated > 0 {
        context.warn(
            "repeated_times",
            format!(
                "{repeated} rows repeat a timestamp of their series; they count as one, with the mean of '{target}'{}",
                if group.is_none() {
                    ". If the table holds several series, name the column that tells them apart: [forecast] group"
                } else {
                    ""
                }
            ),
        );
    }
    Ok(lines)
}

/// By time, rows of one timestamp as one.
fn in_order(mut points: Vec<At>, repeated: &mut usize) -> Vec<At> {
    points.sort_by_key(|point| (point.time, point.row));
    let one = |same: &[At]| {
        let known: Vec<f64> = same.iter().map(|p| p.value).filter(|x| !x.is_nan()).collect();
        At { value: known.iter().sum::<f64>() / known.len() as f64, ..same[0] }
    };
    let joined: Vec<At> = points.chunk_by(|a, b| a.time == b.time).map(one).collect();
    *repeated += points.len() - joined.len();
    joined
}

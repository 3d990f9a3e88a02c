//! Timestamps as a table writes them, and the step of the calendar that they show.

use arrow_array::Array;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Error, Kind, Result, Source};
use tidemill_data::parse::TimeFormat;
use tidemill_data::{InferredColumn, infer, names_period};
use tidemill_kernel::calendar::{Found, Step};

use super::lines::Line;

/// Below this share of neighbours a whole number of steps apart, a series is said to be irregular.
const REGULAR: f64 = 0.9;

/// The only column of timestamps; where there is none, the only one of years, quarters, months or weeks.
pub(super) fn sole(source: &dyn Source, target: &str, context: &Context) -> Result<String> {
    let plan = infer(source, &Recipe::default(), &context.quiet())?;
    let others = || plan.columns.iter().filter(|c| c.name != target);
    let mut times: Vec<&InferredColumn> = others().filter(|c| c.kind == Kind::Time).collect();
    if times.is_empty() {
        for column in others().filter(|c| may_be_period(c)) {
            if format(source, &column.name, &Recipe::default())?.is_some() {
                times.push(column);
            }
        }
    }
    match times.as_slice() {
        [one] => whole(source, one, others()).map(|()| one.name.clone()),
        [] => Err(Error::data("no column holds timestamps, which a forecast needs", "name it with --time")),
        _ => {
            let names: Vec<&str> = times.iter().map(|column| column.name.as_str()).collect();
            Err(Error::data(
                format!("several columns hold timestamps: '{}'", names.join("', '")),
                "name the one that says when with --time",
            ))
        }
    }
}

/// How columns are called that say which part of a year it is.
const PARTS: [&str; 10] =
    ["month", "quarter", "week", "day", "monat", "quartal", "woche", "mois", "mes", "trimestre"];

/// Whether a column may hold periods of the calendar: texts, and numbers whose name says so.
fn may_be_period(column: &InferredColumn) -> bool {
    match column.kind {
        Kind::Text | Kind::Category => true,
        Kind::Number => names_period(&column.name),
        _ => false,
    }
}

/// Refuses years beside whose column another one says the month, the quarter or the week.
fn whole<'a>(
    source: &dyn Source,
    time: &InferredColumn,
    mut others: impl Iterator<Item = &'a InferredColumn>,
) -> Result<()> {
    let is_part = |c: &&InferredColumn| {
        c.name != time.name && c.kind == Kind::Number && PARTS.contains(&c.name.to_lowercase().as_str())
    };
    let years = format(source, &time.name, &Recipe::default())? == Some(TimeFormat::Year.to_string());
    match others.find(is_part).filter(|_| years) {
        None => Ok(()),
        Some(part) => Err(Error::data(
            format!("'{}' says the year alone, and '{}' a part of it", time.name, part.name),
            "make one column of the two, such as 2024-03 or 2024 Q1; if the year alone says when, name it with --time",
        )),
    }
}

/// How the column of time is written, where it is read as time only because it was named: years, quarters, months and weeks.
pub(super) fn format(source: &dyn Source, time: &str, recipe: &Recipe) -> Result<Option<String>> {
    let at = source.schema().index(time)?;
    let told = recipe.columns.get(time);
    if let Some(format) = told.and_then(|spec| spec.format.clone()) {
        return Ok(Some(format));
    }
    if told.is_some_and(|spec| spec.kind.is_some_and(|kind| kind != Kind::Time)) {
        return Ok(None);
    }
    let candidates = [TimeFormat::Year, TimeFormat::Quarter, TimeFormat::Period];
    let mut fits = [true; 3];
    let mut any = false;
    for batch in source.scan()?.take(4) {
        let batch = batch?;
        for row in 0..batch.n_rows() {
            let text = match source.schema().columns()[at].kind {
                Kind::Text if batch.texts(at)?.is_valid(row) => {
                    batch.texts(at)?.value(row).trim().to_string()
                }
                Kind::Number if batch.numbers(at)?.is_valid(row) => batch.numbers(at)?.value(row).to_string(),
                Kind::Text | Kind::Number => continue,
                _ => return Ok(None),
            };
            if text.is_empty() {
                continue;
            }
            any = true;
            fits.iter_mut()
                .zip(&candidates)
                .for_each(|(fits, format)| *fits &= format.parse(&text).is_some());
        }
    }
    let found = candidates.into_iter().zip(fits).find(|(_, fits)| any && *fits);
    Ok(found.map(|(format, _)| format.to_string()))
}

/// The step that was told, or the one that the timestamps show.
pub(super) fn step(lines: &[Line], time: &str, told: Option<&str>, context: &Context) -> Result<Step> {
    let series: Vec<Vec<i64>> =
        lines.iter().map(|line| line.points.iter().map(|p| p.time).collect()).collect();
    let told = told.map(|text| text.parse::<Step>().map_err(|e| Error::parameter("forecast.step", e)));
    if let Some(told) = told {
        return told;
    }
    let Some(Found { step, regular }) = Step::infer(&series) else {
        return Err(Error::data(
            format!("'{time}' is the same in every row of a series: there is nothing to forecast from"),
            "give a table of many timestamps",
        ));
    };
    if regular < REGULAR {
        let message = format!(
            "'{time}' is irregular: its usual step is {step}, but {:.0}% of neighbouring timestamps are not a whole number of steps \
             apart. Each value counts for the nearest step; set [forecast] step where another is meant",
            100.0 * (1.0 - regular)
        );
        context.warn("irregular_times", message);
    }
    Ok(step)
}

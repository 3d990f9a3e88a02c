//! The rows of a dated table, in the order of their timestamps, as callers would send them.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value};
use tidemill_core::{AtomicFile, Cell, Context, Error, Result, Role, Row};
use tidemill_data::parse::{Format, TimeFormat};
use tidemill_data::{ReadOptions, infer};
use tidemill_engine::rows;
use tidemill_engine::serve::serving::Serving;

use super::Job;

/// A row and its timestamp.
pub(super) struct DatedRow {
    /// In microseconds since 1970.
    pub at: i64,
    /// The right answer.
    pub truth: Value,
    values: Vec<Value>,
}

pub(super) struct DatedTable {
    pub rows: Vec<DatedRow>,
    /// Rows without a timestamp or a target.
    pub left_out: usize,
    names: Vec<String>,
    target: String,
}

/// Reads what [`write_iso`] wrote.
pub(super) fn moment_of(text: &str) -> Option<i64> {
    TimeFormat::Iso.parse(text)
}

impl DatedTable {
    /// Reads the whole table. Only its timestamps and targets are understood here; everything else stays as it came.
    pub(super) fn read(job: &Job, context: &Context) -> Result<Self> {
        let source = tidemill_data::open(&job.source, &ReadOptions::of(&job.recipe.data)?)?;
        let plan = infer(&*source, &job.recipe, &context.quiet())?;
        let missing = |what: &str, flag: &str| {
            Error::parameter(flag, format!("{} has no {what} of that name", job.source))
        };
        let time = plan.role(Role::Time).ok_or_else(|| missing("time", "time"))?.clone();
        let target = plan.target().ok_or_else(|| missing("target", "target"))?.name.clone();
        let names: Vec<String> = source.schema().names().map(String::from).collect();
        let (time_at, target_at) = (source.schema().index(&time.name)?, source.schema().index(&target)?);
        let format = match &time.format {
            Format::Time(format) => format.clone(),
            _ => TimeFormat::Iso,
        };
        let mut table = DatedTable { rows: Vec::new(), left_out: 0, names, target };
        for batch in source.scan()? {
            context.check()?;
            let batch = batch?;
            for i in 0..batch.n_rows() {
                let values = (0..batch.schema().len())
                    .map(|c| rows::value(&batch, c, i))
                    .collect::<Result<Vec<_>>>()?;
                let at = moment(&values[time_at], &format);
                let truth = values[target_at].clone();
                let known = !truth.is_null() && truth.as_str().is_none_or(|t| !t.trim().is_empty());
                match at.filter(|_| known) {
                    Some(at) => table.rows.push(DatedRow { at, truth, values }),
                    None => table.left_out += 1,
                }
            }
        }
        table.rows.sort_by_key(|row| row.at);
        Ok(table)
    }

    /// How many rows the first model is trained on: the share, up to the end of a timestamp.
    pub(super) fn start(&self, share: f64) -> Result<usize> {
        let n = self.rows.len();
        let at = ((n as f64 * share) as usize).clamp(0, n);
        let moment = self.rows.get(at).map(|row| row.at);
        let start = self.rows.partition_point(|row| moment.is_none_or(|m| row.at < m));
        if start < 20 || n - start < 20 {
            return Err(Error::data(
                format!(
                    "{n} rows with a timestamp and a target: {start} to start on, {} to replay",
                    n - start
                ),
                "give a longer table, or another --start",
            ));
        }
        Ok(start)
    }

    /// The rows as JSON lines, everything as it came.
    pub(super) fn write(&self, rows: &[DatedRow], path: &Path) -> Result<()> {
        let failed = |e| Error::io(path, e);
        let mut file = std::io::BufWriter::new(AtomicFile::beside(path).map_err(failed)?);
        for row in rows {
            let all = self.names.iter().zip(&row.values).map(|(name, value)| (name.clone(), value.clone()));
            writeln!(file, "{}", Value::Object(all.collect())).map_err(failed)?;
        }
        file.into_inner().map_err(|e| failed(e.into_error()))?.finish().map_err(failed)
    }

    /// A row as a caller sends it: without the target.
    pub(super) fn object(&self, row: &DatedRow) -> Value {
        let sent = self.names.iter().zip(&row.values).filter(|(name, _)| **name != self.target);
        Value::Object(sent.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
    }

    /// A row as a model reads it.
    pub(super) fn row(&self, row: &DatedRow, model: &Serving) -> Row {
        let cells = model.columns.iter().map(|column| {
            let at = self.names.iter().position(|name| *name == column.name);
            at.map_or(Cell::Missing, |at| rows::cell(&row.values[at]))
        });
        Row { cells: cells.collect() }
    }
}

fn moment(value: &Value, format: &TimeFormat) -> Option<i64> {
    match value {
        Value::String(text) => format.parse(text).or_else(|| TimeFormat::Iso.parse(text)),
        Value::Number(x) => format.of_number(x.as_f64()?),
        _ => None,
    }
}

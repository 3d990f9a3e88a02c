//! The intake bound to one raw schema.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, PrimitiveArray, StringArray, UInt32Array,
};
use rayon::prelude::*;
use tidemill_core::{
    Batch, Categories, Cell, Error, Fitted, Kind, Result, Role, Row, Run, Schema, dense_vector, point_column,
    series_column,
};

use super::{CellProblem, Ingest, Strange, Strangers, places};
use crate::cell::{Raw, RawColumn, Read, Reader, clip, raw_cell};
use crate::seen::Unfamiliar;

pub(super) struct BoundIntake {
    intake: Arc<Ingest>,
    places: Vec<(usize, usize)>,
    /// The names of the input's own category columns, where it has any.
    names: Vec<Option<Arc<Categories>>>,
    n_inputs: usize,
    output: Arc<Schema>,
    rows_before: u64,
    spare: Vec<Cell>,
    /// Where paths are looked for: never set for what a caller sent.
    folder: Option<PathBuf>,
    /// Of a file, for each place: whether a cell was read. `None` for what a caller sent, who is told of each row.
    read: Option<Vec<bool>>,
    /// Of a file that has types, for each place: how its cells are read, where words that training learned as names make a difference.
    typed: Vec<Option<Reader>>,
}

impl BoundIntake {
    pub(super) fn new(intake: Arc<Ingest>, input: &Schema) -> Result<Self> {
        let places = places(&intake.outputs, input)?;
        let output = Arc::new(intake.output(input)?);
        let names = places.iter().map(|&(_, p)| input.columns()[p].categories.clone()).collect();
        let n_inputs = input.len();
        Ok(BoundIntake {
            intake,
            places,
            names,
            n_inputs,
            output,
            rows_before: 0,
            spare: Vec::new(),
            folder: None,
            read: None,
            typed: Vec::new(),
        })
    }

    pub(super) fn of_file(self, folder: Option<&Path>, is_text: bool) -> Self {
        let read = Some(vec![false; self.places.len()]);
        let plan = self.intake.plan();
        let columns = plan.by_name();
        let reader = |&(output, _): &(usize, usize)| {
            let column = *columns.get(self.intake.outputs[output].column.name.as_str())?;
            let typed = column.of_typed();
            (!is_text && typed.values.len() > column.values.len()).then(|| Reader::new(plan, &typed))
        };
        let typed = self.places.iter().map(reader).collect();
        BoundIntake { folder: folder.map(Path::to_owned), read, typed, ..self }
    }
}

impl Run for BoundIntake {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let outputs = &self.intake.outputs;
        let read = |(at, &(output, place)): (usize, &(usize, usize))| {
            let raw = RawColumn::of(batch, place)?;
            let mut trouble = None;
            let number = |row: usize| self.rows_before + row as u64 + 1;
            let typed = self.typed.get(at).and_then(Option::as_ref);
            let (reader, folder) = (typed.unwrap_or(&outputs[output].reader), self.folder.as_deref());
            let array = read_column(reader, &raw, batch.n_rows(), folder, &number, &mut trouble)?;
            let cells = || (0..batch.n_rows()).map(|row| raw.cell(row));
            if self.read.is_some() && trouble.is_some() && reader.is_in_other_order(cells()) {
                return Err(other_order(&outputs[output].column.name, trouble.as_ref()));
            }
            Ok((array, trouble))
        };
        let columns: Vec<(ArrayRef, Option<CellProblem>)> =
            self.places.par_iter().enumerate().map(read).collect::<Result<_>>()?;
        let mut arrays = Vec::with_capacity(columns.len());
        for (at, ((array, trouble), &(output, _))) in columns.into_iter().zip(&self.places).enumerate() {
            if let Some(read) = self.read.as_mut() {
                let column = &outputs[output].column;
                let any = matches!(column.kind, Kind::Category | Kind::Text | Kind::Vector { .. })
                    || array.null_count() < array.len();
                read[at] |= any;
                if let Some(trouble) = trouble.as_ref().filter(|_| !read[at] && column.role == Role::Feature)
                {
                    return Err(trouble.nothing_read(&column.name, column.kind));
                }
            }
            arrays.push(array);
            if let Some(trouble) = trouble {
                self.intake.add_trouble(&outputs[output].column.name, trouble);
            }
        }
        let typed = Batch::with_rows(self.output.clone(), arrays, batch.n_rows())?;
        self.note_strange(batch, &typed)?;
        self.rows_before += batch.n_rows() as u64;
        Ok(typed)
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.rows_before += 1;
        let (intake, number) = (self.intake.clone(), self.rows_before);
        self.convert(row, |output, raw, _, bad| {
            if bad {
                let trouble = CellProblem { count: 1, row: number, value: raw.shown() };
                intake.add_trouble(&intake.outputs[output].column.name, trouble);
            }
        })
    }
}

impl BoundIntake {
    /// Notes the cells of a file that training did not prepare the model for.
    fn note_strange(&self, raw: &Batch, typed: &Batch) -> Result<()> {
        if self.read.is_none() {
            return Ok(());
        }
        let column = |(at, &(output, place)): (usize, &(usize, usize))| -> Result<()> {
            let output = &self.intake.outputs[output];
            if !matches!(output.column.role, Role::Feature | Role::Time | Role::Neighbors)
                || (output.seen.is_empty() && output.range.is_none())
            {
                return Ok(());
            }
            let mut strange = Strangers::new();
            let (written, cells) = (RawColumn::of(raw, place)?, RawColumn::of(typed, at)?);
            let series = if output.column.kind == Kind::Series { Some(typed.series(at)?) } else { None };
            for row in 0..typed.n_rows() {
                let cell = cells.cell(row);
                let points = series.as_ref().and_then(|series| series.of(row));
                let found = match (cell, output.range) {
                    (Raw::Number(x), Some([least, greatest])) if x < least || x > greatest => {
                        Some(Unfamiliar {
                            code: "outside_training_range",
                            says: format!("in training the values lay between {least} and {greatest}"),
                        })
                    }
                    (Raw::Number(_), _) => None,
                    (Raw::Points(_), _) => {
                        points.and_then(|(times, values)| output.seen.judge_series(times, values))
                    }
                    // What could not be read is told apart from what was not there.
                    (Raw::Missing, _) if !output.reader.is_missing(written.cell(row)) => None,
                    _ => output.seen.judge(cell).or_else(|| output.seen.judge_written(written.cell(row))),
                };
                if let Some(found) = found {
                    let first =
                        Strange { count: 0, row: self.rows_before + row as u64 + 1, says: found.says };
                    strange.entry(found.code).or_insert(first).count += 1;
                }
            }
            self.intake.add_strange(&output.column.name, strange);
            Ok(())
        };
        self.places.par_iter().enumerate().try_for_each(column)
    }

    /// Reads a raw row in place. `note` gets, for every cell: its place among the outputs, what came, what it was read
    /// as, and whether that failed or is a category never seen.
    pub(super) fn convert(
        &mut self,
        row: &mut Row,
        mut note: impl FnMut(usize, Raw<'_>, &Cell, bool),
    ) -> Result<()> {
        if row.cells.len() != self.n_inputs {
            return Err(Error::internal(format!("{} cells for {} columns", row.cells.len(), self.n_inputs)));
        }
        self.spare.clear();
        for (&(at, place), names) in self.places.iter().zip(&self.names) {
            let output = &self.intake.outputs[at];
            let is_vector = matches!(output.reader.kind, Kind::Vector { .. });
            let raw = raw_cell(&row.cells[place], names.as_deref());
            let Some(raw) = raw.filter(|raw| is_vector || !matches!(raw, Raw::Vector(_))) else {
                return Err(Error::data(
                    format!(
                        "column '{}' came as a list, not as a {}",
                        output.column.name,
                        output.column.kind.word()
                    ),
                    "send a single value",
                ));
            };
            let (cell, bad) = output.reader.cell(raw);
            note(at, raw, &cell, bad);
            self.spare.push(cell);
        }
        std::mem::swap(&mut row.cells, &mut self.spare);
        Ok(())
    }
}

/// What is wrong with a file whose dates are in the other order of day and month: those that both orders read would be swapped.
fn other_order(column: &str, first: Option<&CellProblem>) -> Error {
    let example = first.map_or_else(String::new, |p| format!(", such as '{}' in row {}", p.value, p.row));
    Error::data(
        format!(
            "the dates of column '{}'{example} are not in the order of day and month that training had, but all fit the other order",
            tidemill_core::escaped(column)
        ),
        "write them as 2024-05-31, or in the order of the training table",
    )
}

/// One typed column; `number` gives the number of a row, from 1, for the note about the first cell that cannot be read.
pub(super) fn read_column(
    reader: &Reader,
    raw: &RawColumn<'_>,
    n: usize,
    folder: Option<&Path>,
    number: &(dyn Fn(usize) -> u64 + Sync),
    trouble: &mut Option<CellProblem>,
) -> Result<ArrayRef> {
    fn each<'a, T>(
        raw: &RawColumn<'a>,
        n: usize,
        number: &dyn Fn(usize) -> u64,
        trouble: &mut Option<CellProblem>,
        mut read: impl FnMut(Raw<'a>) -> Read<T>,
    ) -> Vec<Option<T>> {
        let mut one = |row| {
            let cell = raw.cell(row);
            match read(cell) {
                Read::Value(value) => Some(value),
                Read::Missing => None,
                Read::Bad => {
                    CellProblem::note(trouble, number(row), || cell.shown());
                    None
                }
            }
        };
        (0..n).map(&mut one).collect()
    }
    Ok(match reader.kind {
        Kind::Number => match raw {
            RawColumn::Number(array) if reader.takes_numbers() && clean(array) => Arc::new((*array).clone()),
            _ => Arc::new(Float64Array::from_iter(each(raw, n, number, trouble, |c| reader.number(c)))),
        },
        Kind::Flag => Arc::new(BooleanArray::from(each(raw, n, number, trouble, |c| reader.flag(c)))),
        Kind::Time => {
            let times = each(raw, n, number, trouble, |c| reader.time(c));
            Arc::new(PrimitiveArray::<TimestampMicrosecondType>::from_iter(times).with_timezone("UTC"))
        }
        Kind::Category => {
            let names = reader.names.as_ref().ok_or_else(|| Error::internal("a category without names"))?;
            let mut last = Last::default();
            let codes: UInt32Array =
                (0..n).map(|row| last.code(raw.cell(row), |cell| reader.code(cell))).collect();
            let unseen = names.categories.unseen();
            for row in (0..n).filter(|&row| codes.is_valid(row) && codes.value(row) == unseen) {
                CellProblem::note(trouble, number(row), || raw.cell(row).shown());
            }
            names.categories.column(codes)?
        }
        Kind::Point => places_of(reader, raw, n, number, trouble)?,
        Kind::Series => serieses(reader, raw, n, number, trouble)?,
        Kind::Vector { len, .. } => vectors(reader, raw, n, len, number, trouble)?,
        Kind::Image => Arc::new(images(reader, raw, n, folder, number, trouble)?),
        _ => {
            let texts = (0..n).map(|row| reader.text(raw.cell(row)));
            Arc::new(StringArray::from_iter(texts))
        }
    })
}

/// Images, each read and looked at by the thread that is free.
fn images(
    reader: &Reader,
    raw: &RawColumn<'_>,
    n: usize,
    folder: Option<&Path>,
    number: &dyn Fn(usize) -> u64,
    trouble: &mut Option<CellProblem>,
) -> Result<BinaryArray> {
    let read = |row: usize| reader.image(raw.cell(row), folder);
    let cells: Vec<std::result::Result<Read<Cow<'_, [u8]>>, String>> =
        (0..n).into_par_iter().map(read).collect();
    let total: usize = cells.iter().map(|cell| if let Ok(Read::Value(x)) = cell { x.len() } else { 0 }).sum();
    if i32::try_from(total).is_err() {
        return Err(Error::data(
            format!("{n} images of {} MiB at once: more than a batch can hold", total >> 20),
            "give smaller images, or fewer at a time",
        ));
    }
    let mut sound = Vec::with_capacity(n);
    for (row, cell) in cells.into_iter().enumerate() {
        sound.push(match cell {
            Ok(Read::Value(bytes)) => Some(bytes),
            Ok(_) => None,
            Err(why) => {
                CellProblem::note(trouble, number(row), || {
                    format!("{}: {why}", clip(&raw.cell(row).shown()))
                });
                None
            }
        });
    }
    Ok(sound.iter().map(Option::as_deref).collect())
}

/// Vectors; a missing one and one that cannot be read are all zeros.
fn vectors(
    reader: &Reader,
    raw: &RawColumn<'_>,
    n: usize,
    len: usize,
    number: &dyn Fn(usize) -> u64,
    trouble: &mut Option<CellProblem>,
) -> Result<ArrayRef> {
    let mut values = Vec::with_capacity(n * len);
    for row in 0..n {
        let before = values.len();
        match reader.vector(raw.cell(row), len) {
            Ok(Read::Value(numbers)) => values.extend(numbers),
            Ok(_) => {}
            Err(why) => {
                CellProblem::note(trouble, number(row), || {
                    format!("{}: {why}", clip(&raw.cell(row).shown()))
                });
            }
        }
        values.resize(before + len, 0.0);
    }
    dense_vector(values, len)
}

/// Points; what cannot be one is missing, and the first such is named with the reason.
fn places_of(
    reader: &Reader,
    raw: &RawColumn<'_>,
    n: usize,
    number: &dyn Fn(usize) -> u64,
    trouble: &mut Option<CellProblem>,
) -> Result<ArrayRef> {
    let read = |row: usize| match reader.place(raw.cell(row)) {
        Ok(Read::Value(place)) => Some(place),
        Ok(_) => None,
        Err(why) => {
            CellProblem::note(trouble, number(row), || format!("{}: {why}", clip(&raw.cell(row).shown())));
            None
        }
    };
    point_column((0..n).map(read).collect::<Vec<_>>())
}

/// Series: those of a typed source as they are.
fn serieses(
    reader: &Reader,
    raw: &RawColumn<'_>,
    n: usize,
    number: &dyn Fn(usize) -> u64,
    trouble: &mut Option<CellProblem>,
) -> Result<ArrayRef> {
    if let RawColumn::Series(_, array) = raw {
        return Ok((*array).clone());
    }
    let mut cells = Vec::with_capacity(n);
    for row in 0..n {
        cells.push(match reader.series(raw.cell(row)) {
            Ok(Read::Value(points)) => Some(points),
            Ok(_) => None,
            Err(why) => {
                CellProblem::note(trouble, number(row), || {
                    format!("{}: {why}", clip(&raw.cell(row).shown()))
                });
                None
            }
        });
    }
    series_column(cells.iter().map(Option::as_deref))
}

/// Whether numbers can be taken over as they are.
fn clean(array: &Float64Array) -> bool {
    array.values().iter().all(|x| x.is_finite())
}

/// Remembers the last text and its code: equal values often come in runs.
#[derive(Default)]
pub(super) struct Last<'a>(Option<(&'a str, Option<u32>)>);

impl<'a> Last<'a> {
    pub(super) fn code(&mut self, cell: Raw<'a>, find: impl FnOnce(Raw<'a>) -> Option<u32>) -> Option<u32> {
        let Raw::Text(text) = cell else { return find(cell) };
        match self.0 {
            Some((last, code)) if last == text => code,
            _ => {
                let code = find(cell);
                self.0 = Some((text, code));
                code
            }
        }
    }
}

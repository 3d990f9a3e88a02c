//! Rows with what a file of edges says of them: the keys of each row's neighbours, in a column of their own.

mod edges;
mod gal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use hashbrown::{HashMap, HashSet};
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Batches, Column, Error, Kind, Reading, Result, Schema, Source, escaped};
use tidemill_kernel::graph::list;

use crate::cell::RawColumn;

/// The rows of a source with their ties, where the recipe has a `[graph]`: a file of edges becomes the column that lists each row's
/// neighbours. Where the table has that column, its own cells stay and the file fills the others.
///
/// What is passed over (edges that lead to no row, loops, repeats) and rows that are tied to none are told with the reading of the rows.
///
/// # Errors
/// No key; nothing that says who is tied to whom; a file that is missing or broken; no edge between two of the rows.
pub fn tie(source: Box<dyn Source>, recipe: &Recipe) -> Result<Box<dyn Source>> {
    let Some(graph) = &recipe.graph else { return Ok(source) };
    let Some(key) = key_of(recipe) else {
        return Err(match recipe.forecast {
            Some(_) => Error::data(
                "[graph] of a forecast ties series to each other, and no column tells them apart",
                "name the column of places: [forecast] group = \"…\"",
            ),
            None => Error::data(
                "[graph] ties rows by their keys, and no column names them",
                "name it: [data] key = \"…\"",
            ),
        });
    };
    let key = source.schema().index(key)?;
    let Some(file) = &graph.edges else {
        if graph.lists() && graph.ties.is_empty() && source.schema().position(graph.column()).is_none() {
            let problem = format!(
                "[graph]: nothing says who is tied to whom, and there is no column '{}'",
                graph.column()
            );
            let remedy = "name a file, edges = \"edges.csv\", the nearest, neighbors = 8, or the neighbors_column of the table";
            return Err(Error::data(problem, remedy));
        }
        return Ok(source);
    };
    let mut keys = keys_of(&*source, key)?;
    if recipe.forecast.is_some() {
        // A series has a row for each of its times.
        let mut seen = HashSet::new();
        keys.retain(|key| seen.insert(key.clone()));
    }
    let edges = if Path::new(file).extension().is_some_and(|e| e.eq_ignore_ascii_case("gal")) {
        gal::read(file, &keys)?
    } else {
        edges::read(file)?
    };
    Ok(Box::new(Tied::new(source, (key, graph.column()), &keys, Ties::of(edges, &keys, file)?)?))
}

/// The column that names what is tied: rows, or the series of a forecast.
fn key_of(recipe: &Recipe) -> Option<&String> {
    match &recipe.forecast {
        Some(forecast) => forecast.group.as_ref().or(recipe.data.group.as_ref()),
        None => recipe.data.key.as_ref(),
    }
}

/// An edge as a file has it.
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) weight: f32,
    /// Where it stands, from 1.
    pub(super) line: usize,
}

/// The key of each row, in their order; empty where it is missing.
fn keys_of(source: &dyn Source, at: usize) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    for batch in source.scan()? {
        let batch = batch?;
        let column = RawColumn::of(&batch, at)?;
        keys.extend((0..batch.n_rows()).map(|row| column.cell(row).shown().trim().to_string()));
    }
    Ok(keys)
}

/// Who is tied to whom, and what is to be said of it.
struct Ties {
    /// By key, the cell that lists its neighbours.
    cells: HashMap<String, String>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

/// Some edges and the first of them.
#[derive(Default)]
struct Passed(usize, usize);

impl Passed {
    fn add(&mut self, line: usize) {
        if self.0 == 0 {
            self.1 = line;
        }
        self.0 += 1;
    }
}

impl Ties {
    fn of(edges: Vec<Edge>, keys: &[String], file: &str) -> Result<Self> {
        let known: HashSet<&str> = keys.iter().map(String::as_str).filter(|key| !key.is_empty()).collect();
        let n = edges.len();
        let (mut nowhere, mut loops, mut again) = (Passed::default(), Passed::default(), Passed::default());
        let mut lost = String::new();
        let mut seen = HashSet::new();
        let mut ties: HashMap<String, BTreeMap<String, f32>> = HashMap::new();
        for Edge { from, to, weight, line } in edges {
            if let Some(end) = [&from, &to].into_iter().find(|end| !known.contains(end.as_str())) {
                if nowhere.0 == 0 {
                    lost.clone_from(end);
                }
                nowhere.add(line);
                continue;
            }
            if from == to {
                loops.add(line);
                continue;
            }
            if !seen.insert((from.clone(), to.clone())) {
                again.add(line);
            }
            // The heaviest counts; the other direction follows by itself.
            let known = ties.entry(from).or_default().entry(to).or_insert(weight);
            *known = known.max(weight);
        }
        if ties.is_empty() {
            return Err(none_left(file, n, &nowhere, &lost, keys));
        }
        let mut told = Ties { cells: HashMap::new(), warnings: Vec::new(), notes: Vec::new() };
        if nowhere.0 > 0 {
            told.warnings.push(format!(
                "{} of {n} edges of {file} lead nowhere: no row has the key '{}', line {}; they are passed over",
                nowhere.0,
                escaped(&lost),
                nowhere.1
            ));
        }
        told.warn_of_islands(keys, &ties);
        for (passed, what) in [(loops, "tie a row to itself"), (again, "come again")] {
            if passed.0 > 0 {
                told.notes.push(format!(
                    "{} of {n} edges of {file} {what}, first in line {}: the row is tied to it once or not at all",
                    passed.0, passed.1
                ));
            }
        }
        let cell =
            |ends: BTreeMap<String, f32>| list(ends.iter().map(|(key, weight)| (key.as_str(), *weight)));
        told.cells = ties.into_iter().map(|(key, ends)| (key, cell(ends))).collect();
        Ok(told)
    }

    fn warn_of_islands(&mut self, keys: &[String], ties: &HashMap<String, BTreeMap<String, f32>>) {
        let tied: HashSet<&str> =
            ties.iter().flat_map(|(key, ends)| ends.keys().chain([key])).map(String::as_str).collect();
        let islands: Vec<&String> = keys.iter().filter(|key| !tied.contains(key.as_str())).collect();
        if let Some(first) = islands.first() {
            self.warnings.push(format!(
                "{} of {} rows have no neighbour, the first is '{}': learners of graphs know of them what they say themselves",
                islands.len(),
                keys.len(),
                escaped(first)
            ));
        }
    }
}

fn none_left(file: &str, n: usize, nowhere: &Passed, lost: &str, keys: &[String]) -> Error {
    let example = keys.iter().find(|key| !key.is_empty()).map_or("", String::as_str);
    let why = match nowhere.0 {
        0 => String::new(),
        _ => format!(": no row has the key '{}', line {}", escaped(lost), nowhere.1),
    };
    Error::data(
        format!("none of the {n} edges of {file} joins two rows{why}"),
        format!(
            "name the column of keys that the edges use: [data] key = \"…\"; the keys now are such as '{}'",
            escaped(example)
        ),
    )
}

/// A source with one column more.
struct Tied {
    inner: Box<dyn Source>,
    schema: Arc<Schema>,
    key: usize,
    /// The place of the column.
    place: usize,
    cells: HashMap<String, String>,
    reading: Option<Reading>,
}

impl Tied {
    fn new(inner: Box<dyn Source>, (key, name): (usize, &str), _: &[String], ties: Ties) -> Result<Self> {
        let mut columns = inner.schema().columns().to_vec();
        let place = inner.schema().position(name).unwrap_or(columns.len());
        let column = Column::new(name, Kind::Text);
        if place < columns.len() {
            columns[place] = column
        } else {
            columns.push(column)
        }
        let mut reading = inner.reading().cloned();
        if !ties.warnings.is_empty() || !ties.notes.is_empty() {
            let told = reading.get_or_insert_default();
            told.warnings.extend(ties.warnings);
            told.notes.extend(ties.notes);
        }
        Ok(Tied { schema: Arc::new(Schema::new(columns)?), inner, key, place, cells: ties.cells, reading })
    }

    fn with_ties(&self, batch: &Batch) -> Result<Batch> {
        let keys = RawColumn::of(batch, self.key)?;
        let own =
            (self.place < batch.schema().len()).then(|| RawColumn::of(batch, self.place)).transpose()?;
        let cell = |row: usize| {
            let said = own.as_ref().map(|own| own.cell(row).shown()).filter(|said| !said.trim().is_empty());
            said.or_else(|| self.cells.get(keys.cell(row).shown().trim()).cloned())
        };
        let cells: ArrayRef = Arc::new((0..batch.n_rows()).map(cell).collect::<StringArray>());
        let mut columns = batch.columns().to_vec();
        if own.is_some() {
            columns[self.place] = cells
        } else {
            columns.push(cells)
        }
        Batch::with_rows(self.schema.clone(), columns, batch.n_rows())
    }
}

impl Source for Tied {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn n_rows(&self) -> Option<usize> {
        self.inner.n_rows()
    }

    fn scan(&self) -> Result<Batches<'_>> {
        Ok(Box::new(self.inner.scan()?.map(|batch| self.with_ties(&batch?))))
    }

    fn take(&self, rows: &[u32]) -> Result<Batch> {
        self.with_ties(&self.inner.take(rows)?)
    }

    fn folder(&self) -> Option<&Path> {
        self.inner.folder()
    }

    fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }
}

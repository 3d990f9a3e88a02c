//! Several files of the same columns, one below the other.

use std::path::Path;
use std::sync::Arc;

use tidemill_core::{Batch, Batches, Reading, Result, Schema, Source};

use crate::Error;

struct Part {
    source: Box<dyn Source>,
    /// For each column of the first file, its place in this one.
    places: Vec<usize>,
}

/// Files matched by name of column, in the order of their names.
pub(super) struct Concat {
    schema: Arc<Schema>,
    parts: Vec<Part>,
    reading: Option<Reading>,
}

impl Concat {
    /// Errors when a file has other columns than the first, or the same in other kinds.
    pub(super) fn new(files: Vec<(String, Box<dyn Source>)>) -> Result<Self> {
        let mut parts = Vec::with_capacity(files.len());
        let mut base: Option<(String, Arc<Schema>)> = None;
        for (file, source) in files {
            let (first, schema) = base.get_or_insert_with(|| (file.clone(), source.schema().clone()));
            let places = match places(schema, source.schema()) {
                Ok(places) => places,
                Err(difference) => {
                    return Err(Error::OtherColumns { file, first: first.clone(), difference }.into());
                }
            };
            parts.push(Part { source, places });
        }
        let schema = base.map(|(_, schema)| schema).unwrap_or_default();
        Ok(Concat { schema, reading: reading(&parts), parts })
    }

    fn aligned(&self, batch: &Batch, places: &[usize]) -> Result<Batch> {
        let columns = places.iter().map(|&i| batch.column(i).clone()).collect();
        Batch::with_rows(self.schema.clone(), columns, batch.n_rows())
    }
}

/// That of the first file. What stands below the table is each file's own, and said of each.
fn reading(parts: &[Part]) -> Option<Reading> {
    let (first, rest) = parts.split_first()?;
    let mut all = first.source.reading()?.clone();
    let others: Vec<&Reading> = rest.iter().filter_map(|part| part.source.reading()).collect();
    if others.iter().any(|other| other.footer != all.footer) {
        all.footer = None;
    }
    for note in others.iter().flat_map(|other| &other.notes) {
        if !all.notes.contains(note) {
            all.notes.push(note.clone());
        }
    }
    Some(all)
}

fn places(schema: &Schema, other: &Schema) -> Result<Vec<usize>, String> {
    let missing: Vec<&str> = schema.names().filter(|name| other.position(name).is_none()).collect();
    if !missing.is_empty() {
        return Err(format!("'{}' is missing", missing.join("', '")));
    }
    let more: Vec<&str> = other.names().filter(|name| schema.position(name).is_none()).collect();
    if !more.is_empty() {
        return Err(format!("it has '{}' besides", more.join("', '")));
    }
    let mut places = Vec::with_capacity(schema.len());
    for column in schema.columns() {
        let place = other.position(&column.name).unwrap_or_default();
        let kind = other.columns()[place].kind;
        if kind != column.kind {
            return Err(format!("'{}' holds {}, not {}", column.name, kind.word(), column.kind.word()));
        }
        places.push(place);
    }
    Ok(places)
}

impl Source for Concat {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn n_rows(&self) -> Option<usize> {
        self.parts.iter().map(|part| part.source.n_rows()).sum()
    }

    /// That of the files, where all lie in one.
    fn folder(&self) -> Option<&Path> {
        let first = self.parts.first()?.source.folder()?;
        self.parts.iter().all(|part| part.source.folder() == Some(first)).then_some(first)
    }

    fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }

    fn scan(&self) -> Result<Batches<'_>> {
        let batches = self.parts.iter().flat_map(move |part| -> Batches<'_> {
            match part.source.scan() {
                Ok(batches) => Box::new(batches.map(|batch| self.aligned(&batch?, &part.places))),
                Err(e) => Box::new(std::iter::once(Err(e))),
            }
        });
        Ok(Box::new(batches))
    }

    /// A pass over the files.
    fn take(&self, rows: &[u32]) -> Result<Batch> {
        super::take_by_scan(self, rows)
    }
}

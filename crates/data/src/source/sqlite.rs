//! Tables of SQLite databases: `sqlite:FILE?table=NAME` or `sqlite:FILE?query=SELECT …`.
//!
//! The rows are written to a temporary CSV file once and read from there, as standard input is: a source is passed over more than
//! once, and the database may change meanwhile. Texts are quoted, so that a text such as `NA` stays one, and NULL is an empty cell.

use std::io::{BufWriter, Write};
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tidemill_core::{Error as CoreError, Result, Source};

use super::csv::Csv;
use super::input::Input;
use super::{Provenance, ReadOptions};
use crate::Error;

/// The file of `FILE?table=NAME`.
pub(super) fn path(table: &str) -> &str {
    table.split_once('?').map_or(table, |(path, _)| path)
}

pub(super) fn open(table: &str, location: &str, chunk: usize) -> Result<(Box<dyn Source>, Provenance)> {
    let refused = |found: String, remedy: String| Error::Format { file: location.into(), found, remedy };
    let path = path(table);
    let bytes = std::fs::metadata(path).map_err(|e| CoreError::io(path, e))?.len();
    let failed = |e: rusqlite::Error| {
        let problem = e.to_string();
        Error::Corrupt { file: location.into(), format: "an SQLite database", problem }
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(Path::new(path), flags).map_err(failed)?;
    let query = match table.split_once('?').map(|(_, what)| what.split_once('=').unwrap_or((what, ""))) {
        Some(("table", name)) => format!("SELECT * FROM \"{}\"", name.replace('"', "\"\"")),
        Some(("query", query)) => query.to_string(),
        _ => {
            let tables = tables(&database).map_err(failed)?;
            let remedy = match tables.first() {
                Some(first) => format!("write sqlite:{path}?table={first}; there are: {}", tables.join(", ")),
                None => "it has no tables".into(),
            };
            return Err(refused("no table is named".into(), remedy).into());
        }
    };
    let input = spool(&database, &query, location).map_err(|e| match e {
        Spooling::Database(e) => {
            let there = tables(&database).unwrap_or_default().join(", ");
            refused(format!("the rows cannot be read ({e})"), format!("its tables are: {there}")).into()
        }
        Spooling::Io(e) => CoreError::io("a temporary file", e),
    })?;
    let options = ReadOptions {
        delimiter: Some(','),
        header: Some(true),
        skip: Some(0),
        encoding: Some("utf-8".into()),
        ..ReadOptions::default()
    };
    let rows = Csv::open(input, &options, chunk)?;
    Ok((Box::new(rows), Provenance { bytes, ..Provenance::new(location, "SQLite") }))
}

enum Spooling {
    Database(rusqlite::Error),
    Io(std::io::Error),
}

impl From<rusqlite::Error> for Spooling {
    fn from(e: rusqlite::Error) -> Self {
        Spooling::Database(e)
    }
}

impl From<std::io::Error> for Spooling {
    fn from(e: std::io::Error) -> Self {
        Spooling::Io(e)
    }
}

fn tables(database: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name";
    database.prepare(query)?.query_map([], |row| row.get(0))?.collect()
}

fn spool(database: &Connection, query: &str, name: &str) -> Result<Input, Spooling> {
    let mut statement = database.prepare(query)?;
    let names: Vec<String> = statement.column_names().map(String::from).collect();
    let mut file = tempfile::NamedTempFile::new()?;
    let mut out = BufWriter::new(&mut file);
    for (i, name) in names.iter().enumerate() {
        write_text(&mut out, i, name.as_bytes())?;
    }
    out.write_all(b"\n")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for i in 0..names.len() {
            match row.get_ref(i)? {
                ValueRef::Null if names.len() == 1 => out.write_all(b"\"\"")?,
                ValueRef::Null => write!(out, "{}", if i > 0 { "," } else { "" })?,
                ValueRef::Integer(x) => write!(out, "{}{x}", if i > 0 { "," } else { "" })?,
                ValueRef::Real(x) => write!(out, "{}{x}", if i > 0 { "," } else { "" })?,
                ValueRef::Text(text) => write_text(&mut out, i, text)?,
                ValueRef::Blob(_) => write_text(&mut out, i, b"(bytes)")?,
            }
        }
        out.write_all(b"\n")?;
    }
    out.flush()?;
    drop(out);
    Ok(Input::temporary(file.into_temp_path(), name))
}

fn write_text(out: &mut impl Write, place: usize, text: &[u8]) -> std::io::Result<()> {
    out.write_all(if place > 0 { b",\"" } else { b"\"" })?;
    for (i, part) in text.split(|b| *b == b'"').enumerate() {
        out.write_all(if i > 0 { b"\"\"" } else { b"" })?;
        out.write_all(part)?;
    }
    out.write_all(b"\"")
}

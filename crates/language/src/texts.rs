//! Texts to embed, from a file.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;
use tidemill_core::{Error, Result};

use crate::error::LanguageError;

/// Reads texts by the file's ending: a column of a CSV file, a key of JSON lines, or else every line of a plain file.
///
/// # Errors
/// When the file cannot be read, lacks the column, or a line holds no text there; the line is named.
pub fn read_texts(file: &Path, column: &str) -> Result<Vec<String>> {
    let opened = File::open(file).map_err(|e| Error::io(file, e))?;
    let ending = file.extension().unwrap_or_default().to_ascii_lowercase();
    match ending.to_str() {
        Some("csv") => table(file, opened, column),
        Some("jsonl" | "ndjson") => lines(file, opened)?
            .enumerate()
            .filter(|(_, line)| !matches!(line, Ok(line) if line.trim().is_empty()))
            .map(|(i, line)| value(&line?, column).map_err(|problem| wrong(file, i as u64 + 1, problem)))
            .collect(),
        _ => lines(file, opened)?.collect(),
    }
}

fn lines(file: &Path, opened: File) -> Result<impl Iterator<Item = Result<String>>> {
    let path = file.to_path_buf();
    Ok(BufReader::new(opened).lines().map(move |line| line.map_err(|e| Error::io(&path, e))))
}

fn value(line: &str, key: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(line).map_err(|e| format!("is not JSON: {e}"))?;
    value[key].as_str().map(String::from).ok_or_else(|| format!("has no text at '{key}'"))
}

fn table(file: &Path, opened: File, column: &str) -> Result<Vec<String>> {
    let damaged = |e: csv::Error| wrong(file, e.position().map_or(1, csv::Position::line), e.to_string());
    let mut reader = csv::Reader::from_reader(opened);
    let header = reader.headers().map_err(damaged)?;
    let Some(at) = header.iter().position(|name| name == column) else {
        return Err(Error::missing_column(column, file.display().to_string(), header.iter()));
    };
    reader.records().map(|row| Ok(row.map_err(damaged)?.get(at).unwrap_or_default().to_owned())).collect()
}

fn wrong(file: &Path, line: u64, problem: String) -> Error {
    LanguageError::Examples { file: file.into(), line, problem }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_from_lines_tables_and_json() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, content: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, content).unwrap();
            read_texts(&file, "text")
        };
        assert_eq!(read("a.txt", "one\n\nthree").unwrap(), ["one", "", "three"]);
        assert_eq!(read("a.csv", "id,text\n1,\"a, b\"\n2,\n").unwrap(), ["a, b", ""]);
        assert_eq!(read("a.jsonl", "{\"text\": \"é\"}\n\n{\"text\": \"x\"}\n").unwrap(), ["é", "x"]);
        let error = read("b.csv", "id,texts\n1,a\n").unwrap_err().to_string();
        assert!(error.contains("did you mean 'texts'"), "{error}");
        let error = read("b.jsonl", "{\"text\": \"x\"}\n{\"text\": 3}\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("no text at 'text'"), "{error}");
    }
}

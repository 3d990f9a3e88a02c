//! JSON files of one object that holds a table: as pandas writes it by default (`{"x": {"0": 1.5, …}, …}`) or as `split`
//! (`{"columns": […], "data": [[…], …]}`), or rows under a name (`{"data": [{…}, …]}`), or under several
//! (`{"response": {"rows": [{…}, …]}}`).
//!
//! The rows are those of JSON lines written in memory, so they are read as every other row is.

use std::borrow::Cow;
use std::io::Read;

use serde_json::value::RawValue;
use tidemill_core::Result;

use super::encoding::without_mark;
use super::extension;
use super::input::Input;
use super::jsonl::Object;

/// Larger files are JSON lines: a table in one object is read as a whole.
const LARGEST: u64 = 1 << 29;
/// So much of the beginning shows whether a file is JSON lines.
const HEAD: usize = 1 << 16;
/// So many objects deep a list of rows is looked for.
const NESTED: usize = 3;

/// The rows of the table in a file's one object, as JSON lines; `None` where it holds none, or where it is JSON lines itself.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn lines(file: &Input) -> Result<Option<Vec<u8>>> {
    if extension(&file.path) != "json" || file.n_bytes()? > LARGEST {
        return Ok(None);
    }
    let mut text = Vec::new();
    let mut rows = file.unpacked()?;
    rows.by_ref().take(HEAD as u64).read_to_end(&mut text).map_err(|e| file.failed(e))?;
    if has_several(&text) {
        return Ok(None);
    }
    rows.read_to_end(&mut text).map_err(|e| file.failed(e))?;
    Ok(std::str::from_utf8(&text).ok().and_then(|text| of_text(without_mark(text))))
}

/// Whether the first line is an object and another line follows.
fn has_several(head: &[u8]) -> bool {
    let mut lines = head.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let object = |line: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(line.trim_ascii()).is_ok();
    lines.next().is_some_and(object) && lines.next().is_some()
}

fn of_text(text: &str) -> Option<Vec<u8>> {
    of_object(text).or_else(|| below(text, NESTED))
}

/// The rows of the one list of objects that is found some objects further in.
fn below(text: &str, depth: usize) -> Option<Vec<u8>> {
    let Object(entries) = serde_json::from_str(text).ok()?;
    let inner = entries.iter().map(|(_, value)| value.get()).filter(|value| value.starts_with('{'));
    let rows = |value: &str| {
        let Object(entries) = serde_json::from_str(value).ok()?;
        match rows_of(&entries) {
            Some(rows) => Some(rows),
            None if depth > 1 => below(value, depth - 1),
            None => None,
        }
    };
    let mut found = inner.filter_map(rows);
    found.next().filter(|_| found.next().is_none())
}

/// The one list of objects among these, as lines.
fn rows_of(entries: &[(Cow<'_, str>, &RawValue)]) -> Option<Vec<u8>> {
    let lists =
        entries.iter().filter_map(|(_, value)| serde_json::from_str::<Vec<&RawValue>>(value.get()).ok());
    let mut tables =
        lists.filter(|rows| !rows.is_empty() && rows.iter().all(|row| row.get().starts_with('{')));
    match (tables.next(), tables.next()) {
        (Some(rows), None) => Some(joined(rows.iter().map(|row| row.get().to_string()))),
        _ => None,
    }
}

fn of_object(text: &str) -> Option<Vec<u8>> {
    let Object(entries) = serde_json::from_str(text).ok()?;
    let get = |name: &str| entries.iter().find(|(key, _)| key == name).map(|(_, value)| value.get());
    if let (Some(columns), Some(data)) = (get("columns"), get("data")) {
        return of_split(columns, data);
    }
    if let Some(rows) = rows_of(&entries) {
        return Some(rows);
    }
    let inner: Option<Vec<Object<'_>>> =
        entries.iter().map(|(_, value)| serde_json::from_str(value.get()).ok()).collect();
    let inner = inner?;
    let keys =
        |object: &Object<'_>| -> Vec<String> { object.0.iter().map(|(key, _)| key.to_string()).collect() };
    let rows = keys(inner.first()?);
    let numbered = |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit());
    let scalar = |object: &Object<'_>| object.0.iter().all(|(_, value)| !value.get().starts_with(['{', '[']));
    if rows.len() < 2 || !inner.iter().all(|object| scalar(object) && keys(object) == rows) {
        return None;
    }
    let names: Vec<String> = entries.iter().map(|(key, _)| key.to_string()).collect();
    if rows.iter().all(|key| numbered(key)) {
        let row = |at: usize| -> Vec<&str> { inner.iter().map(|column| column.0[at].1.get()).collect() };
        return Some(joined((0..rows.len()).map(|at| object(&names, &row(at)))));
    }
    // `orient="index"`: a row under each number.
    let row = |object_of: &Object<'_>| {
        object(&rows, &object_of.0.iter().map(|(_, value)| value.get()).collect::<Vec<_>>())
    };
    names.iter().all(|key| numbered(key)).then(|| joined(inner.iter().map(row)))
}

/// `orient="split"`: the names, and a list for each row.
fn of_split(columns: &str, data: &str) -> Option<Vec<u8>> {
    let names: Vec<serde_json::Value> = serde_json::from_str(columns).ok()?;
    let names: Vec<String> =
        names.iter().map(|name| name.as_str().map_or_else(|| name.to_string(), String::from)).collect();
    let rows: Vec<Vec<&RawValue>> = serde_json::from_str(data).ok()?;
    let sound = !names.is_empty() && !rows.is_empty() && rows.iter().all(|row| row.len() == names.len());
    let one = |row: &Vec<&RawValue>| object(&names, &row.iter().map(|value| value.get()).collect::<Vec<_>>());
    sound.then(|| joined(rows.iter().map(one)))
}

fn object(names: &[String], values: &[&str]) -> String {
    let pair =
        |(name, value): (&String, &&str)| format!("{}:{value}", serde_json::Value::from(name.as_str()));
    format!("{{{}}}", names.iter().zip(values).map(pair).collect::<Vec<_>>().join(","))
}

fn joined(rows: impl Iterator<Item = String>) -> Vec<u8> {
    let mut lines = Vec::new();
    for row in rows {
        // Within texts line breaks are escaped: these stand between keys and values.
        lines.extend(row.bytes().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { b }));
        lines.push(b'\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `DataFrame({"x": [1.5, 2.5], "b": ["p", None]}).to_json(orient=…)` of pandas 2.3 writes.
    #[test]
    fn tables_of_pandas_are_rows() {
        let rows = "{\"x\":1.5,\"b\":\"p\"}\n{\"x\":2.5,\"b\":null}\n";
        for text in [
            r#"{"x":{"0":1.5,"1":2.5},"b":{"0":"p","1":null}}"#,
            r#"{"0":{"x":1.5,"b":"p"},"1":{"x":2.5,"b":null}}"#,
            r#"{"columns":["x","b"],"index":[0,1],"data":[[1.5,"p"],[2.5,null]]}"#,
            r#"{"response":{"n":2,"rows":[{"x":1.5,"b":"p"},{"x":2.5,"b":null}]}}"#,
            r#"{"schema":{"fields":[{"name":"x"}]},"data":[{"x":1.5,"b":"p"},{"x":2.5,"b":null}]}"#,
        ] {
            let found = of_text(text).map(|lines| String::from_utf8(lines).unwrap_or_default());
            assert_eq!(found.as_deref(), Some(rows), "{text}");
        }
        for text in [
            r#"{"x":1.5,"b":"p"}"#,
            r#"{"user":{"age":5,"name":"a"},"place":{"age":1,"name":"b"}}"#,
            r#"{"a":[{"x":1}],"b":[{"x":2}]}"#,
            r#"{"p":{"a":[{"x":1}]},"q":{"b":[{"x":2}]}}"#,
            r#"{"tags":["a","b"],"y":1}"#,
            "[]",
        ] {
            assert_eq!(of_text(text), None, "{text}");
        }
        assert!(
            has_several(b"{\"x\":1}\n{\"x\":2}\n")
                && !has_several(b"{\"x\":1}\n")
                && !has_several(b"{\n\"x\":1}\n")
        );
    }
}

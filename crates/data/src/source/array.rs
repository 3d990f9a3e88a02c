//! JSON arrays: each object of the array is a row.
//!
//! The rows are those of JSON lines written in memory, so they are read as every other row is.

use std::io::Read;

use serde_json::value::RawValue;
use tidemill_core::Result;

use super::encoding::without_mark;
use super::input::Input;
use super::jsonl::without_nan;
use crate::Error;

/// The rows of a file as JSON lines.
///
/// # Errors
/// Text that is no array of objects, by the line or the number of what is none.
pub(super) fn lines(file: &Input) -> Result<Vec<u8>> {
    let mut text = String::new();
    file.unpacked()?.read_to_string(&mut text).map_err(|e| file.failed(e))?;
    let mut text = without_mark(&text).to_string();
    let problem = items(&text).err();
    if let Some(problem) = problem {
        let line = problem.line() as u64;
        let fault = || Error::Json { file: file.name.clone(), line, problem: problem.to_string() };
        text = without_nan(&text).filter(|text| items(text).is_ok()).ok_or_else(fault)?;
    }
    let rows = items(&text).unwrap_or_default();
    let mut lines = Vec::with_capacity(text.len() + 1);
    for (at, row) in rows.iter().map(|row| row.get()).enumerate() {
        if !row.starts_with('{') {
            let found = format!("a JSON array whose item {} is no object", at + 1);
            let remedy = "write one JSON object for each row".into();
            return Err(Error::Format { file: file.name.clone(), found, remedy }.into());
        }
        // Within texts line breaks are escaped: these stand between keys and values.
        lines.extend(row.bytes().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { b }));
        lines.push(b'\n');
    }
    if lines.is_empty() {
        return Err(Error::Empty { file: file.name.clone() }.into());
    }
    Ok(lines)
}

fn items(text: &str) -> serde_json::Result<Vec<&RawValue>> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String> {
        Ok(String::from_utf8(lines(&Input::memory("rows.json", text.to_string()))?).unwrap_or_default())
    }

    #[test]
    fn each_object_is_a_line() {
        let pretty = "\u{feff}[\n  {\"a\": 1,\r\n \"b\": \"x\\ny\"},\n  {\"a\": NaN, \"b\": \"NaN\"}\n]\n";
        assert_eq!(read(pretty).unwrap(), "{\"a\": 1,   \"b\": \"x\\ny\"}\n{\"a\": null, \"b\": \"NaN\"}\n");
    }

    #[test]
    fn what_is_no_row_is_named() {
        for (text, wanted) in [
            ("[{\"a\":1},[2]]", "item 2"),
            ("[1, 2]", "item 1"),
            ("[{\"a\":1},\n{\"a\":}]", "line 2"),
            ("[]", "empty"),
        ] {
            let found = read(text).unwrap_err().to_string();
            assert!(found.contains(wanted), "{text}: {found}");
        }
    }
}

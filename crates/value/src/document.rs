//! A TOML file with the place of each key, so that whatever is wrong with a value is shown with its line.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tidemill_core::{Error, Result, nearest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::{Fault, ValueError};

/// A file that has been read.
#[derive(Clone, Debug)]
pub struct Document {
    file: String,
    text: String,
    /// The byte where each dotted path begins.
    places: BTreeMap<String, usize>,
}

impl Document {
    /// Reads a value from text; `file` is what errors call it. A key that is not known is refused with the nearest one.
    pub(crate) fn read<T: DeserializeOwned>(text: &str, file: &str) -> Result<(T, Document)> {
        let mut document = Document { file: file.into(), text: text.into(), places: BTreeMap::new() };
        let table = DeTable::parse(text).map_err(|e| {
            document.wrong(e.span().map(|s| s.start), e.message().to_string(), "correct the TOML")
        })?;
        let value = table_of(table.get_ref(), "", &mut document.places);
        match serde_path_to_error::deserialize(value) {
            Ok(read) => Ok((read, document)),
            Err(e) => {
                let path = e.path().to_string();
                Err(document.refusal(&path, &e.inner().to_string()))
            }
        }
    }

    /// What serde says, in words that help.
    fn refusal(&self, path: &str, said: &str) -> Error {
        let mut quoted = said.split('`').skip(1).step_by(2);
        if said.starts_with("unknown field") || said.starts_with("unknown variant") {
            let key = quoted.next().unwrap_or_default();
            let known: Vec<&str> = quoted.collect();
            let hint = match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("known here: {}", known.join(", ")),
            };
            let problem = match said.starts_with("unknown field") {
                true => format!("there is no key '{key}'"),
                false => format!("'{path}' cannot be '{key}'"),
            };
            return self.wrong(self.place(path), problem, &hint);
        }
        if said.starts_with("missing field") {
            let key = quoted.next().unwrap_or_default();
            let part = if path == "." { "the file".into() } else { format!("'{path}'") };
            let problem = format!("{part} lacks '{key}'");
            return self.wrong(self.place(path), problem, &format!("add `{key} = …`"));
        }
        self.wrong(self.place(path), format!("'{path}': {said}"), "correct the value")
    }

    /// The error of a fault: the file, the line and its text.
    pub fn error(&self, fault: &Fault) -> Error {
        self.wrong(self.place(&fault.key), format!("'{}' {}", fault.key, fault.problem), &fault.remedy)
    }

    fn wrong(&self, offset: Option<usize>, problem: String, remedy: &str) -> Error {
        let line = offset.map(|at| self.text[..at.min(self.text.len())].matches('\n').count() + 1);
        let shown = line.and_then(|n| self.text.lines().nth(n - 1)).map(str::trim);
        let remedy = match shown {
            Some(shown) => format!("{remedy}; the line is: {shown}"),
            None => remedy.to_string(),
        };
        ValueError::Plan { file: self.file.clone(), line, problem, remedy }.into()
    }

    /// The place of a path, or of the nearest enclosing one that stands in the text.
    fn place(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return Some(*place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

fn table_of(table: &DeTable<'_>, path: &str, places: &mut BTreeMap<String, usize>) -> Value {
    let entries = table.iter().map(|(key, value)| {
        let name = key.get_ref();
        let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        places.insert(path.clone(), key.span().start);
        (name.to_string(), value_of(value, &path, places))
    });
    Value::Object(entries.collect())
}

fn value_of(value: &Spanned<DeValue<'_>>, path: &str, places: &mut BTreeMap<String, usize>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix()).map_or_else(|_| Value::String(digits), Value::from)
        }
        // `inf` and `nan` have no JSON form: they stay text, and the value's type refuses them.
        DeValue::Float(number) => {
            let digits = number.as_str().replace('_', "");
            let float = digits.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            float.map_or(Value::String(digits), Value::Number)
        }
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().enumerate().map(|(i, item)| {
                let path = format!("{path}[{i}]");
                places.insert(path.clone(), item.span().start);
                value_of(item, &path, places)
            });
            Value::Array(items.collect())
        }
        DeValue::Table(table) => table_of(table, path, places),
    }
}

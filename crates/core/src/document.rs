//! A TOML text with the position of each key, so that a wrong value can be reported with its line.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed text.
#[derive(Clone, Debug)]
pub struct Document {
    file: String,
    text: String,
    /// The byte offset at which each dotted path begins.
    places: BTreeMap<String, usize>,
}

/// What is wrong with a document, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// The file, as the user named it.
    pub file: String,
    /// The line, counted from 1, if it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
    /// What to do, and the text of the line.
    pub remedy: String,
}

impl Document {
    /// Parses a text into JSON values; `file` is its name in errors. Numbers that JSON lacks (`inf`, `nan`) and timestamps stay text.
    ///
    /// # Errors
    /// The text is not TOML; the error has its line.
    ///
    /// ```
    /// let (value, document) = tidemill_core::Document::parse("[a]\nb = 1\n", "my.toml").unwrap();
    /// assert_eq!(value["a"]["b"], 1);
    /// assert_eq!(document.wrong("a.b", "is too small", "write 2").line, Some(2));
    /// ```
    pub fn parse(text: &str, file: &str) -> Result<(Value, Document), DocumentError> {
        let mut document = Document { file: file.into(), text: text.into(), places: BTreeMap::new() };
        let table = DeTable::parse(text)
            .map_err(|e| document.at(e.span().map(|span| span.start), e.message(), "correct the TOML"))?;
        let value = value_of_table(table.get_ref(), "", &mut document.places);
        Ok((value, document))
    }

    /// An error about the value at a dotted path (`learners[1].alpha`), with its line, or that of the nearest enclosing path in the text.
    pub fn wrong(&self, path: &str, problem: impl Into<String>, remedy: &str) -> DocumentError {
        self.at(self.place(path), problem, remedy)
    }

    fn at(&self, offset: Option<usize>, problem: impl Into<String>, remedy: &str) -> DocumentError {
        let line = offset.map(|at| self.text[..at.min(self.text.len())].matches('\n').count() + 1);
        let shown = line.and_then(|n| self.text.lines().nth(n - 1)).map(str::trim);
        let remedy = match shown {
            Some(shown) => format!("{remedy}; the line is: {shown}"),
            None => remedy.to_string(),
        };
        DocumentError { file: self.file.clone(), line, problem: problem.into(), remedy }
    }

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

fn value_of_table(table: &DeTable<'_>, path: &str, places: &mut BTreeMap<String, usize>) -> Value {
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
        // `inf` and `nan` have no JSON form: they stay text, and the type that receives the value rejects them by name.
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
        DeValue::Table(table) => value_of_table(table, path, places),
    }
}

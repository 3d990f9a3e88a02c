//! JSON lines: one object per line. The fields of an object within it are columns of their own (`user.age`), a list is text as written.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, StringBuilder};
use arrow_array::{Array, ArrayRef};
use encoding_rs::{Encoding, UTF_8};
use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tidemill_core::{BATCH_ROWS, Batch, Batches, Column, Kind, Result, Schema, Source};

use super::chunks::{Chunks, Cut};
use super::encoding::without_mark;
use super::input::Input;
use super::pipeline::{Fault, Pipeline, Problem, check_text};
use super::{ReadOptions, encoding};
use crate::Error;
use crate::parse::EXACT;

/// The keys and values of an object as they stand there: one that comes twice is a fault, not the last one's gain.
pub(super) struct Object<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
            all.push((Cow::Owned(key), value));
        }
        Ok(Object(all))
    }
}

/// Objects within objects that are spread into columns.
const DEPTH: usize = 16;

/// A file of JSON lines. Opening it reads it once: a column is a number when every value of the file is a number
/// that a 64-bit float holds, a flag when every value is true or false, and else text as written.
pub(super) struct JsonLines {
    input: Input,
    encoding: &'static Encoding,
    schema: Arc<Schema>,
    n_rows: usize,
    chunk: usize,
}

impl JsonLines {
    pub(super) fn open(input: Input, options: &ReadOptions, chunk: usize) -> Result<Self> {
        let encoding = match &options.encoding {
            Some(label) => encoding::named(label)?,
            None => Encoding::for_bom(&input.head(4)?).map_or(UTF_8, |(encoding, _)| encoding),
        };
        let mut kinds: IndexMap<String, Option<Kind>> = IndexMap::new();
        let mut n_rows = 0;
        for piece in pieces(&input, encoding, chunk, look)? {
            let (rows, found) = piece?.1;
            n_rows += rows;
            for (name, kind) in found {
                let known = kinds.entry(name).or_default();
                *known = both(*known, kind);
            }
        }
        if kinds.is_empty() {
            return Err(Error::Empty { file: input.name }.into());
        }
        let columns = kinds.into_iter().map(|(name, kind)| Column::new(name, kind.unwrap_or(Kind::Text)));
        let schema = Arc::new(Schema::new(columns.collect())?);
        Ok(JsonLines { input, encoding, schema, n_rows, chunk })
    }
}

/// The chunks of the file, each put through `parse`.
fn pieces<T: Send>(
    input: &Input,
    encoding: &'static Encoding,
    chunk: usize,
    parse: impl Fn(&[u8]) -> Result<T, Fault> + Send + Sync,
) -> Result<impl Iterator<Item = Result<(u64, T)>> + Send> {
    let chunks = Chunks::new(encoding::reader(input, encoding)?, Cut::Lines, chunk);
    Ok(Pipeline::new(input.clone(), encoding.name(), chunks, 1, parse))
}

/// Calls `each` with every object of the chunk and the byte where its line begins; blank lines are skipped.
fn objects(chunk: &[u8], mut each: impl FnMut(usize, Object<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
    let text = check_text(chunk)?;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        // Of files put one behind the other, each may begin with a mark.
        let row = without_mark(line);
        if !row.trim_ascii().is_empty() {
            match serde_json::from_str(row) {
                Ok(object) => each(at, object)?,
                Err(_) => each(at, parsed(without_nan(row).as_deref().unwrap_or(row), at)?)?,
            }
        }
        at += line.len();
    }
    Ok(())
}

fn parsed(row: &str, at: usize) -> Result<Object<'_>, Fault> {
    serde_json::from_str(row).map_err(|e| {
        let found = match row.trim_ascii_start().starts_with('{') {
            true => format!("not a JSON object: {e}"),
            false => "not a JSON object".into(),
        };
        Fault::new(at, Problem::Json(found))
    })
}

/// A JSON text with `null` for each `NaN`, which Python writes and JSON does not know, and a text for each `Infinity`; `None` where there is none
/// outside of texts.
pub fn without_nan(text: &str) -> Option<String> {
    (text.contains("NaN") || text.contains("Infinity")).then_some(())?;
    let mut out = String::with_capacity(text.len() + 8);
    let (mut quoted, mut escaped, mut found) = (false, false, false);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if !quoted && let Some(after) = rest.as_str().strip_prefix("aN").filter(|_| c == 'N') {
            out.push_str("null");
            (rest, found) = (after.chars(), true);
            continue;
        }
        let endless = match c {
            'I' if !quoted => rest.as_str().strip_prefix("nfinity").map(|after| ("\"Infinity\"", after)),
            '-' if !quoted => rest.as_str().strip_prefix("Infinity").map(|after| ("\"-Infinity\"", after)),
            _ => None,
        };
        if let Some((word, after)) = endless {
            out.push_str(word);
            (rest, found) = (after.chars(), true);
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        out.push(c);
    }
    found.then_some(out)
}

/// Calls `each` with every value of an object that is none itself, and its name: dotted within other objects.
fn leaves<'a>(
    object: Object<'a>,
    within: Option<&str>,
    depth: usize,
    each: &mut impl FnMut(Cow<'_, str>, &'a str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    for (key, value) in object.0 {
        let raw = value.get();
        let name = match within {
            Some(outer) => Cow::Owned(format!("{outer}.{key}")),
            None => key,
        };
        match raw.starts_with('{').then(|| serde_json::from_str::<Object<'_>>(raw)) {
            Some(Ok(inner)) if depth < DEPTH => leaves(inner, Some(&name), depth + 1, each)?,
            _ => each(name, raw)?,
        }
    }
    Ok(())
}

type Look = (usize, IndexMap<String, Option<Kind>>);

/// The number of rows, and the kind of every key; `None` where all is null so far.
fn look(chunk: &[u8]) -> Result<Look, Fault> {
    let mut kinds: IndexMap<String, Option<Kind>> = IndexMap::new();
    let mut n_rows = 0;
    objects(chunk, |_, object| {
        n_rows += 1;
        leaves(object, None, 0, &mut |key, raw| {
            let kind = kind(raw);
            match kinds.get_mut(&*key) {
                Some(known) => *known = both(*known, kind),
                None => drop(kinds.insert(key.into_owned(), kind)),
            }
            Ok(())
        })
    })?;
    Ok((n_rows, kinds))
}

fn kind(raw: &str) -> Option<Kind> {
    Some(match raw.as_bytes().first() {
        Some(b'n') => return None,
        Some(b't' | b'f') => Kind::Flag,
        Some(b'"' | b'{' | b'[') => Kind::Text,
        // A number too large for a float, or a whole one that a float would round, is kept as it is written.
        _ => match raw.parse::<f64>() {
            Ok(x) if x.is_finite() && (x.abs() < EXACT || raw.contains(['.', 'e', 'E'])) => Kind::Number,
            _ => Kind::Text,
        },
    })
}

fn both(a: Option<Kind>, b: Option<Kind>) -> Option<Kind> {
    match (a, b) {
        (Some(a), Some(b)) if a != b => Some(Kind::Text),
        (a, b) => a.or(b),
    }
}

enum Cells {
    Number(Float64Builder),
    Flag(BooleanBuilder),
    Text(StringBuilder),
}

impl Cells {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Number => Cells::Number(Float64Builder::new()),
            Kind::Flag => Cells::Flag(BooleanBuilder::new()),
            _ => Cells::Text(StringBuilder::new()),
        }
    }

    /// Adds a value; errors when the file changed since it was opened.
    fn push(&mut self, raw: &str) -> Result<(), String> {
        let null = raw == "null";
        match self {
            Cells::Number(cells) if null => cells.append_null(),
            Cells::Number(cells) => cells.append_value(raw.parse().map_err(|_| changed())?),
            Cells::Flag(cells) if null => cells.append_null(),
            Cells::Flag(cells) => cells.append_value(raw.parse().map_err(|_| changed())?),
            Cells::Text(cells) if null => cells.append_null(),
            Cells::Text(cells) if raw.starts_with('"') => {
                // As a value of its own: a text with escapes cannot be borrowed.
                let text: String = serde_json::from_str(raw).map_err(|e| e.to_string())?;
                cells.append_value(text);
            }
            Cells::Text(cells) => cells.append_value(raw),
        }
        Ok(())
    }

    fn len(&self) -> usize {
        use arrow_array::builder::ArrayBuilder;
        match self {
            Cells::Number(cells) => cells.len(),
            Cells::Flag(cells) => cells.len(),
            Cells::Text(cells) => cells.len(),
        }
    }

    fn append_null(&mut self) {
        match self {
            Cells::Number(cells) => cells.append_null(),
            Cells::Flag(cells) => cells.append_null(),
            Cells::Text(cells) => cells.append_null(),
        }
    }

    fn finish(mut self) -> ArrayRef {
        match &mut self {
            Cells::Number(cells) => Arc::new(cells.finish()) as Arc<dyn Array>,
            Cells::Flag(cells) => Arc::new(cells.finish()),
            Cells::Text(cells) => Arc::new(cells.finish()),
        }
    }
}

fn changed() -> String {
    "the file changed while it was read".into()
}

fn batch(chunk: &[u8], schema: &Arc<Schema>) -> Result<Batch, Fault> {
    let mut columns: Vec<Cells> = schema.columns().iter().map(|c| Cells::new(c.kind)).collect();
    let mut n_rows = 0;
    objects(chunk, |at, object| {
        n_rows += 1;
        let mut place = 0;
        leaves(object, None, 0, &mut |key, raw| {
            // Keys mostly come in the order of the columns.
            let here = schema.columns().get(place).is_some_and(|c| c.name == key);
            let i = if here { Some(place) } else { schema.position(&key) };
            let i = i.ok_or_else(|| Fault::new(at, Problem::Json(changed())))?;
            if columns[i].len() >= n_rows {
                return Err(Fault::new(at, Problem::Json(format!("'{key}' comes twice"))));
            }
            place = i + 1;
            columns[i].push(raw).map_err(|e| Fault::new(at, Problem::Json(e)))
        })?;
        for cells in columns.iter_mut().filter(|cells| cells.len() < n_rows) {
            cells.append_null();
        }
        Ok(())
    })?;
    let arrays = columns.into_iter().map(Cells::finish).collect();
    Batch::with_rows(schema.clone(), arrays, n_rows)
        .map_err(|e| Fault::new(0, Problem::Internal(e.to_string())))
}

impl Source for JsonLines {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn n_rows(&self) -> Option<usize> {
        Some(self.n_rows)
    }

    fn folder(&self) -> Option<&Path> {
        self.input.folder()
    }

    fn scan(&self) -> Result<Batches<'_>> {
        let parse = |chunk: &[u8]| batch(chunk, &self.schema);
        let pieces = pieces(&self.input, self.encoding, self.chunk, parse)?;
        Ok(Box::new(pieces.flat_map(|piece| super::pieces(piece.map(|(_, batch)| batch), BATCH_ROWS))))
    }

    /// A pass over the file.
    fn take(&self, rows: &[u32]) -> Result<Batch> {
        super::take_by_scan(self, rows)
    }
}

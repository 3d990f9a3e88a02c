//! JSON rows: an object (one row), an array of objects, an array of arrays in the model's order, or
//! `{"columns": […], "rows": [[…], …]}` (also `"rows": [{…}, …]`), with `"explain": "shap"` where the answers are to be
//! explained.

mod ordered;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tidemill_core::{Cell, Row};
use tidemill_data::source::without_nan;
use tidemill_engine::feedback::json::malformed;

use super::Gathered;
use crate::fault::ApiError;
use ordered::{table, within_body};

pub(super) fn read(body: &[u8], gathered: &mut Gathered<'_>) -> Result<(), ApiError> {
    let fault = match once(body, gathered) {
        Err(fault) if fault.code == "malformed_json" => fault,
        done => return done,
    };
    // As in a file, `NaN` says that there is no value: Python writes it.
    match std::str::from_utf8(body).ok().and_then(without_nan) {
        Some(body) => {
            gathered.restart();
            once(body.as_bytes(), gathered)
        }
        None => Err(fault),
    }
}

fn once(body: &[u8], gathered: &mut Gathered<'_>) -> Result<(), ApiError> {
    let body = without_mark(body);
    let mut reading = Reading { gathered, fault: None };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = Top(&mut reading).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match (read, reading.fault.take()) {
        (Err(_), Some(fault)) => Err(fault),
        (Err(e), None) => {
            let number = reading.gathered.number();
            const PLAIN: &str = "texts and names stand in double quotes, and other values are numbers such as 0.5, true, false or null";
            let (what, help) = match e.classify() {
                serde_json::error::Category::Eof => {
                    ("the body is not valid JSON: it ends too early".to_string(), "send the whole of it")
                }
                // Of syntax, the message names what was expected; of a wrong shape, also what came.
                serde_json::error::Category::Syntax => {
                    (format!("the body is not valid JSON: {}", malformed(&e)), PLAIN)
                }
                _ => {
                    let what = "the body is neither an object nor an array of rows";
                    (what.to_string(), "send an object per row: [{…}, …]")
                }
            };
            Err(ApiError::bad("malformed_json", what).on_line(e.line() as u64).at_row(number).help(help))
        }
        (Ok(()), _) => Ok(()),
    }
}

/// A body without the byte-order mark that some editors put before UTF-8.
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

struct Reading<'r, 'a> {
    gathered: &'r mut Gathered<'a>,
    /// What is wrong, where it is more than a matter of syntax.
    fault: Option<ApiError>,
}

impl Reading<'_, '_> {
    /// Keeps the fault and ends the reading.
    fn keep<T, E: serde::de::Error>(&mut self, result: Result<T, ApiError>) -> Result<T, E> {
        result.map_err(|fault| {
            self.fault = Some(fault);
            E::custom("")
        })
    }

    fn set<E: serde::de::Error>(&mut self, row: &mut Row, place: usize, cell: Cell) -> Result<(), E> {
        let cell = self.gathered.columns.said(place, cell);
        let set = self.gathered.set(row, place, cell);
        self.keep(set)
    }

    fn refuse<T, E: serde::de::Error>(&mut self, fault: ApiError) -> Result<T, E> {
        self.keep(Err(fault))
    }

    fn shape<T, E: serde::de::Error>(&mut self) -> Result<T, E> {
        let number = self.gathered.number();
        self.refuse(
            ApiError::bad("wrong_shape", format!("row {number} is neither an object nor an array"))
                .at_row(number)
                .help("send an object per row, or an array in the model's order of columns"),
        )
    }
}

/// The whole body.
struct Top<'x, 'r, 'a>(&'x mut Reading<'r, 'a>);

impl<'de> DeserializeSeed<'de> for Top<'_, '_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Top<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(OneRow(self.0, None))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match map.next_key_seed(Key(self.0, 0))? {
            None => object(self.0, map, None),
            Some(Name::Other(name)) if name == "rows" || name == "columns" || name == "explain" => {
                table(self.0, map, &name)
            }
            first => object(self.0, map, first),
        }
    }
}

/// A row: an object, or an array in the given order (the model's without one).
struct OneRow<'x, 'r, 'a, 'o>(&'x mut Reading<'r, 'a>, Option<&'o [Option<usize>]>);

impl<'de> DeserializeSeed<'de> for OneRow<'_, '_, '_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneRow<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let first = map.next_key_seed(Key(self.0, 0))?;
        object(self.0, map, first)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let OneRow(reading, order) = self;
        let begun = reading.gathered.begin();
        let mut row = reading.keep(begun)?;
        let width = order.map_or(reading.gathered.columns.len(), <[_]>::len);
        let mut at = 0;
        while at < width {
            let place = order.map_or(Some(at), |order| order[at]);
            let Some(cell) = items.next_element_seed(One(reading, place))? else { break };
            if let Some(place) = place {
                reading.set(&mut row, place, cell)?;
            }
            at += 1;
        }
        if at < width || items.next_element::<IgnoredAny>()?.is_some() {
            let number = reading.gathered.number();
            let found = if at < width { format!("only {at}") } else { format!("more than {width}") };
            let fault = ApiError::bad("wrong_width", format!("row {number} has {found} of {width} values"));
            return reading.refuse(fault.at_row(number));
        }
        let ended = reading.gathered.end(row);
        reading.keep(ended)
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.0.shape()
    }
    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.0.shape()
    }
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.0.shape()
    }
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.0.shape()
    }
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.0.shape()
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.0.shape()
    }
}

fn object<'de, A: MapAccess<'de>>(
    reading: &mut Reading<'_, '_>,
    mut map: A,
    first: Option<Name>,
) -> Result<(), A::Error> {
    let begun = reading.gathered.begin();
    let mut row: Row = reading.keep(begun)?;
    let mut key = first;
    while let Some(name) = key {
        let mut guess = 0;
        match name {
            Name::Column(place) => {
                let cell = map.next_value_seed(One(reading, Some(place)))?;
                reading.set(&mut row, place, cell)?;
                guess = place + 1;
            }
            Name::Other(name) if reading.gathered.columns.is_object(&name) => {
                let value: &RawValue = map.next_value()?;
                let read = within(reading, &mut row, &name, value);
                within_body::<A::Error>(reading, read)?;
            }
            Name::Other(name) => {
                map.next_value::<IgnoredAny>()?;
                reading.gathered.note_unknown(&name);
            }
        }
        key = map.next_key_seed(Key(reading, guess))?;
    }
    let ended = reading.gathered.end(row);
    reading.keep(ended)
}

/// An object of which fields are columns: `{"user": {"age": 31}}` says `user.age`, as in a file of JSON lines; null says nothing of each.
fn within(
    reading: &mut Reading<'_, '_>,
    row: &mut Row,
    name: &str,
    value: &RawValue,
) -> serde_json::Result<()> {
    let raw = value.get();
    if raw == "null" {
        let fields: Vec<usize> = reading.gathered.columns.fields(name).collect();
        return fields.into_iter().try_for_each(|place| reading.set(row, place, Cell::Missing));
    }
    if !raw.starts_with('{') {
        reading.gathered.note_unknown(name);
        return Ok(());
    }
    let mut deserializer = serde_json::Deserializer::from_str(raw);
    deserializer.deserialize_map(Within(reading, row, name))
}

struct Within<'x, 'r, 'a, 'n>(&'x mut Reading<'r, 'a>, &'x mut Row, &'n str);

impl<'de> Visitor<'de> for Within<'_, '_, '_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Within(reading, row, outer) = self;
        while let Some(key) = map.next_key::<String>()? {
            let name = format!("{outer}.{key}");
            if let Some(place) = reading.gathered.columns.find(&name, 0) {
                let cell = map.next_value_seed(One(reading, Some(place)))?;
                reading.set(row, place, cell)?;
            } else if reading.gathered.columns.is_object(&name) {
                let value: &RawValue = map.next_value()?;
                let read = within(reading, row, &name, value);
                within_body::<A::Error>(reading, read)?;
            } else {
                map.next_value::<IgnoredAny>()?;
                reading.gathered.note_unknown(&name);
            }
        }
        Ok(())
    }
}

/// A key of an object.
enum Name {
    Column(usize),
    Other(String),
}

/// Finds the column of a key without copying it; it is looked for first at the given place.
struct Key<'x, 'r, 'a>(&'x mut Reading<'r, 'a>, usize);

impl<'de> DeserializeSeed<'de> for Key<'_, '_, '_> {
    type Value = Name;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_, '_, '_> {
    type Value = Name;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a column")
    }
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
        let place = self.0.gathered.columns.find(name, self.1);
        Ok(place.map_or_else(|| Name::Other(name.chars().take(80).collect()), Name::Column))
    }
}

/// One value, of the column at this place (none: the value is passed over).
struct One<'x, 'r, 'a>(&'x mut Reading<'r, 'a>, Option<usize>);

impl<'de> DeserializeSeed<'de> for One<'_, '_, '_> {
    type Value = Cell;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell, D::Error> {
        match self.1 {
            Some(place) if self.0.gathered.columns.is_list(place) => series(deserializer),
            Some(place) if self.0.gathered.columns.is_name(place) => self.name(deserializer),
            Some(_) => deserializer.deserialize_any(self),
            None => deserializer.deserialize_ignored_any(IgnoredAny).map(|_| Cell::Missing),
        }
    }
}

/// A series or a list of neighbours, as the JSON it is written in: what reads tables reads this.
fn series<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cell, D::Error> {
    Ok(match <serde_json::Value as serde::Deserialize>::deserialize(deserializer)? {
        serde_json::Value::Null => Cell::Missing,
        serde_json::Value::String(text) => Cell::Text(text),
        other => Cell::Text(other.to_string()),
    })
}

impl One<'_, '_, '_> {
    /// A value of a column of names, such as a key: a whole number stays as it is written, however long.
    fn name<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell, D::Error> {
        let raw = <&RawValue as serde::Deserialize>::deserialize(deserializer)?.get();
        let digits = raw.strip_prefix('-').unwrap_or(raw);
        // More digits than a 64-bit float keeps are kept as they are written: two keys must not become one.
        let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let significant = digits.bytes().skip_while(|b| *b == b'0' || *b == b'.').filter(u8::is_ascii_digit);
        if plain && significant.count() > 15 {
            return Ok(Cell::Text(raw.into()));
        }
        match raw.as_bytes().first() {
            Some(b'[' | b'{') => self.several(),
            Some(b'n') => Ok(Cell::Missing),
            Some(b't' | b'f') => Ok(Cell::Flag(raw == "true")),
            Some(b'"') => serde_json::from_str(raw).map(Cell::Text).or_else(|e| self.broken(&e)),
            _ => serde_json::from_str(raw).map(Cell::Number).or_else(|e| self.broken(&e)),
        }
    }

    /// What looked like a value, and is none.
    fn broken<T, E: serde::de::Error>(self, e: &serde_json::Error) -> Result<T, E> {
        let One(reading, place) = self;
        let what = format!("is not valid JSON: {}", malformed(e));
        let fault = reading.gathered.fault(place.unwrap_or_default(), "malformed_json", &what);
        reading.refuse(fault)
    }

    fn several<T, E: serde::de::Error>(self) -> Result<T, E> {
        let One(reading, place) = self;
        let fault = reading.gathered.fault(place.unwrap_or_default(), "wrong_type", "holds no single value");
        reading.refuse(fault.help("a row has one value of each column: send rows as [{…}, …], in pandas to_json(orient=\"records\")"))
    }
}

/// A whole number; as text where a 64-bit float would round it, so that the log keeps what came.
fn whole(size: u64, number: f64, written: impl fmt::Display) -> Cell {
    if size <= 1 << 53 { Cell::Number(number) } else { Cell::Text(written.to_string()) }
}

impl<'de> Visitor<'de> for One<'_, '_, '_> {
    type Value = Cell;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }
    fn visit_bool<E>(self, yes: bool) -> Result<Cell, E> {
        Ok(Cell::Flag(yes))
    }
    fn visit_i64<E>(self, x: i64) -> Result<Cell, E> {
        Ok(whole(x.unsigned_abs(), x as f64, x))
    }
    fn visit_u64<E>(self, x: u64) -> Result<Cell, E> {
        Ok(whole(x, x as f64, x))
    }
    fn visit_f64<E>(self, x: f64) -> Result<Cell, E> {
        Ok(Cell::Number(x))
    }
    fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Text(text.into()))
    }
    fn visit_string<E>(self, text: String) -> Result<Cell, E> {
        Ok(Cell::Text(text))
    }
    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Missing)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Cell, A::Error> {
        self.several()
    }
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Cell, A::Error> {
        self.several()
    }
}

#[cfg(test)]
mod tests;

//! A table as JSON: `{"columns": […], "rows": [[…], …]}`, also with objects for rows.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tidemill_engine::feedback::json::malformed;

use super::{Key, Name, OneRow, Reading};
use crate::fault::ApiError;
use crate::rows::Explain;

/// `{"columns": […], "rows": […]}`, in either order.
pub(super) fn table<'de, A: MapAccess<'de>>(
    reading: &mut Reading<'_, '_>,
    mut map: A,
    first: &str,
) -> Result<(), A::Error> {
    let mut order: Option<Vec<Option<usize>>> = None;
    // Rows that come before the names of their columns wait for these: in the model's order they may mean something else.
    let mut waiting: Option<&'de RawValue> = None;
    let mut seen: Vec<String> = Vec::new();
    let mut name = Some(first.to_string());
    while let Some(key) = name {
        let is_own = ["columns", "rows", "explain"].contains(&key.as_str());
        if is_own && seen.contains(&key) {
            let fault = ApiError::bad("repeated_key", format!("'{key}' comes twice"));
            return reading.refuse(fault.help("send each key once: of two values one would be lost"));
        }
        match key.as_str() {
            "columns" => {
                let names = map.next_value_seed(Names(reading))?;
                order = Some(places(reading, names));
            }
            "rows" if order.is_some() => map.next_value_seed(AllRows(reading, order.as_deref()))?,
            "rows" => waiting = Some(map.next_value()?),
            "explain" => {
                let asked = explain_of(&map.next_value()?);
                reading.gathered.explain = reading.keep(asked)?;
            }
            _ => {
                map.next_value::<IgnoredAny>()?;
                reading.gathered.note_unknown(&key);
            }
        }
        if is_own {
            seen.push(key);
        }
        name = match map.next_key_seed(Key(reading, 0))? {
            Some(Name::Other(name)) => Some(name),
            Some(Name::Column(place)) => Some(reading.gathered.columns.name(place).to_string()),
            None => None,
        };
    }
    if let Some(rows) = waiting {
        let mut deserializer = serde_json::Deserializer::from_str(rows.get());
        let read = AllRows(reading, order.as_deref()).deserialize(&mut deserializer);
        return within_body(reading, read);
    }
    if seen.iter().any(|key| key == "rows") {
        return Ok(());
    }
    reading.refuse(
        ApiError::bad("no_rows", "the request has no rows")
            .help("send {\"columns\": […], \"rows\": [[…], …]}; \"explain\" stands beside \"rows\", or in the address (?explain=shap)"),
    )
}

/// The places of columns of these names; those that the model does not know are noted.
fn places(reading: &mut Reading<'_, '_>, names: Vec<String>) -> Vec<Option<usize>> {
    let mut found = Vec::with_capacity(names.len());
    for name in &names {
        let place = reading.gathered.columns.find(name, found.len());
        if place.is_none() {
            reading.gathered.note_unknown(name);
        }
        found.push(place);
    }
    found
}

/// What `"explain"` asks for.
fn explain_of(said: &serde_json::Value) -> Result<Option<Explain>, ApiError> {
    match said {
        serde_json::Value::Null => Ok(None),
        // No word is empty, so what is no text is refused as an unknown word.
        other => Explain::of(other.as_str().unwrap_or_default()),
    }
}

/// What came of a value that was passed over before it was read. Its lines are not those of the body.
pub(super) fn within_body<E: serde::de::Error>(
    reading: &mut Reading<'_, '_>,
    read: serde_json::Result<()>,
) -> Result<(), E> {
    let Err(e) = read else { return Ok(()) };
    if reading.fault.is_some() {
        return Err(E::custom(""));
    }
    let number = reading.gathered.number();
    let said = malformed(&e);
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    let fault = match e.is_data() {
        true => ApiError::bad("wrong_shape", "'rows' is not a list of rows"),
        false => {
            ApiError::bad("malformed_json", format!("the body is not valid JSON: {said}")).at_row(number)
        }
    };
    reading.refuse(fault)
}

/// A list of names.
struct Names<'x, 'r, 'a>(&'x mut Reading<'r, 'a>);

impl<'de> DeserializeSeed<'de> for Names<'_, '_, '_> {
    type Value = Vec<String>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match <Vec<String> as serde::Deserialize>::deserialize(deserializer) {
            Ok(names) => Ok(names),
            Err(e) => {
                self.0.fault = Some(ApiError::bad("wrong_shape", "'columns' is not a list of names"));
                Err(e)
            }
        }
    }
}

/// A list of rows.
struct AllRows<'x, 'r, 'a, 'o>(&'x mut Reading<'r, 'a>, Option<&'o [Option<usize>]>);

impl<'de> DeserializeSeed<'de> for AllRows<'_, '_, '_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AllRows<'_, '_, '_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(OneRow(self.0, self.1))?.is_some() {}
        Ok(())
    }
}

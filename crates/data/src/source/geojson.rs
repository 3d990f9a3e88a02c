//! GeoJSON (RFC 7946): a collection of features, each a row: its properties, then the longitude and latitude of its point (of an
//! area, of its centre).
//!
//! The rows are those of JSON lines written in memory, so they are read as every other row is.

use std::io::Read;

use serde_json::{Map, Value};
use tidemill_core::Result;

use super::input::Input;
use crate::Error;
use crate::cell::geometry;

/// So much of a file is looked at to tell whether it is GeoJSON.
pub(super) const LOOK: usize = 4096;

/// Whether the beginning of a JSON text is that of a collection of features.
pub(super) fn is_collection(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    text.trim_start_matches('\u{feff}').trim_start().starts_with('{')
        && text.contains("\"FeatureCollection\"")
}

/// The rows of a file as JSON lines.
///
/// # Errors
/// Text that is not GeoJSON; a feature whose geometry is neither a point nor an area, by its number.
pub(super) fn lines(file: &Input) -> Result<Vec<u8>> {
    let wrong = |found: String, remedy: &str| {
        tidemill_core::Error::from(Error::Format { file: file.name.clone(), found, remedy: remedy.into() })
    };
    let mut bytes = Vec::new();
    file.unpacked()?.read_to_end(&mut bytes).map_err(|e| file.failed(e))?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let collection: Value = serde_json::from_slice(text)
        .map_err(|e| wrong(format!("not GeoJSON: {e}"), "correct the file at that line"))?;
    let features = collection.get("features").and_then(Value::as_array).ok_or_else(|| {
        wrong("a GeoJSON without 'features'".into(), "give a FeatureCollection, whose features are the rows")
    })?;
    let names = names(features);
    let mut lines = Vec::with_capacity(bytes.len());
    for (at, feature) in features.iter().enumerate() {
        let found = feature.get("geometry").unwrap_or(&Value::Null);
        let place = geometry(found).ok_or_else(|| {
            let sort = found.get("type").and_then(Value::as_str).unwrap_or("no type that is known");
            let number = at + 1;
            wrong(
                format!("feature {number} has a geometry of {sort} that says no place"),
                "give points (or polygons, which stand for their centre)",
            )
        })?;
        let mut row = Map::new();
        if let Some(Value::Object(properties)) = feature.get("properties") {
            row.extend(properties.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        for (axis, name) in names.iter().enumerate() {
            row.insert(name.clone(), place.map_or(Value::Null, |place| Value::from(place[axis])));
        }
        serde_json::to_writer(&mut lines, &row)
            .map_err(|e| tidemill_core::Error::internal(format!("rows of GeoJSON: {e}")))?;
        lines.push(b'\n');
    }
    if lines.is_empty() {
        return Err(Error::Empty { file: file.name.clone() }.into());
    }
    Ok(lines)
}

/// `lon` and `lat`, or names that no property has.
fn names(features: &[Value]) -> [String; 2] {
    let taken =
        |name: &str| features.iter().any(|f| f.pointer("/properties").and_then(|p| p.get(name)).is_some());
    if taken("lon") || taken("lat") {
        ["geometry_lon".into(), "geometry_lat".into()]
    } else {
        ["lon".into(), "lat".into()]
    }
}

//! XML rows, as `/schema/rows.xsd` describes them: `<rows><row><value column="age">31</value>…</row>…</rows>`; a value
//! with `missing="true"`, or an empty one, is a missing value. Document types, entities of one's own and attributes that the
//! schema does not know are refused.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use tidemill_core::{Cell, Row};

use super::Gathered;
use crate::fault::ApiError;

/// What the body may be.
pub const XSD: &str = include_str!("rows.xsd");

/// Where in the document the reader is.
enum Place {
    Before,
    Rows,
    Row(Row),
    Value { row: Row, place: Option<usize>, missing: bool, text: String },
    After,
}

pub(super) fn read(body: &[u8], gathered: &mut Gathered<'_>) -> Result<(), ApiError> {
    let text = std::str::from_utf8(body)
        .map_err(|_| ApiError::bad("malformed_xml", "the body is not UTF-8 text"))?;
    let mut reader = Reader::from_str(text);
    let mut place = Place::Before;
    loop {
        let event = reader.read_event();
        let line = || {
            1 + text.as_bytes()[..(reader.buffer_position() as usize).min(text.len())]
                .iter()
                .filter(|b| **b == b'\n')
                .count() as u64
        };
        let malformed = |what: &str| {
            ApiError::bad("malformed_xml", format!("the body is no such XML: {what}")).on_line(line())
        };
        let event = event.map_err(|_| malformed("its marks do not fit together"))?;
        place = match (event, place) {
            (Event::Eof, Place::After) => return Ok(()),
            (Event::Eof, _) => return Err(malformed("it ends too early")),
            (Event::DocType(_), _) => return Err(malformed("document types are not allowed")),
            (Event::PI(_), _) => return Err(malformed("processing instructions are not allowed")),
            (Event::Decl(_) | Event::Comment(_), place) => place,
            (Event::Start(tag), Place::Before) if tag.local_name().as_ref() == "rows" => Place::Rows,
            (Event::Empty(tag), Place::Before) if tag.local_name().as_ref() == "rows" => Place::After,
            (Event::Start(tag), Place::Rows) if tag.local_name().as_ref() == "row" => {
                Place::Row(gathered.begin()?)
            }
            (Event::Start(tag), Place::Row(row)) if tag.local_name().as_ref() == "value" => {
                let (place, missing) = value(&tag, gathered).map_err(&malformed)?;
                Place::Value { row, place, missing, text: String::new() }
            }
            (Event::Empty(tag), Place::Row(mut row)) if tag.local_name().as_ref() == "value" => {
                let (place, _) = value(&tag, gathered).map_err(&malformed)?;
                if let Some(place) = place {
                    gathered.set(&mut row, place, Cell::Missing).map_err(|f| f.on_line(line()))?;
                }
                Place::Row(row)
            }
            (Event::Text(more), Place::Value { row, place, missing, mut text }) => {
                text += &more;
                Place::Value { row, place, missing, text }
            }
            (Event::CData(more), Place::Value { row, place, missing, mut text }) => {
                text += &more;
                Place::Value { row, place, missing, text }
            }
            (Event::GeneralRef(name), Place::Value { row, place, missing, mut text }) => {
                let known = match name.resolve_char_ref() {
                    Ok(Some(c)) => Some(c),
                    Ok(None) => match name.as_ref() {
                        "amp" => Some('&'),
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => None,
                    },
                    Err(_) => None,
                };
                text.push(known.ok_or_else(|| malformed("entities of one's own are not allowed"))?);
                Place::Value { row, place, missing, text }
            }
            (Event::End(_), Place::Value { mut row, place, missing, text }) => {
                if let Some(place) = place {
                    let cell = if missing || text.is_empty() { Cell::Missing } else { Cell::Text(text) };
                    gathered.set(&mut row, place, cell).map_err(|f| f.on_line(line()))?;
                }
                Place::Row(row)
            }
            (Event::End(_), Place::Row(row)) => {
                gathered.end(row).map_err(|f| f.on_line(line()))?;
                Place::Rows
            }
            (Event::End(_), Place::Rows) => Place::After,
            (Event::Text(text), place) if text.trim_ascii().is_empty() => place,
            _ => {
                return Err(
                    malformed("something stands where it does not belong").help("see /schema/rows.xsd")
                );
            }
        };
    }
}

/// The column's place (none for one that is not known), and whether the value is said to be missing; or what is wrong.
fn value(tag: &BytesStart<'_>, gathered: &mut Gathered<'_>) -> Result<(Option<usize>, bool), &'static str> {
    let mut found = None;
    let mut missing = false;
    for attribute in tag.attributes() {
        let broken = "an attribute cannot be read";
        let attribute = attribute.map_err(|_| broken)?;
        let text = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|_| broken)?;
        match (attribute.key.as_ref(), &*text) {
            ("column", _) => {
                let place = gathered.columns.find(&text, gathered.columns.len());
                if place.is_none() {
                    gathered.note_unknown(&text);
                }
                found = Some(place);
            }
            ("missing", said) => {
                missing = match said.trim_ascii() {
                    "true" | "1" => true,
                    "false" | "0" => false,
                    _ => return Err("`missing` is neither true nor false"),
                };
            }
            // What XML itself says, such as namespaces and where a schema is.
            (name, _) if name.starts_with("xml") || name.starts_with("xsi:") => {}
            _ => return Err("a value has an attribute that is neither `column` nor `missing`"),
        }
    }
    found.map(|place| (place, missing)).ok_or("a value names no column")
}

#[cfg(test)]
mod tests {
    use super::super::{Columns, Format, read};
    use super::*;

    fn rows(body: &str) -> Result<Vec<Row>, ApiError> {
        let columns = Columns::for_test(&["age", "bill length"]);
        read(body.as_bytes(), Format::Xml, &columns, 9).map(|parsed| parsed.rows)
    }

    #[test]
    fn values_come_by_column() {
        let body = "<?xml version=\"1.0\"?>\n<rows>\n <row><value column=\"bill length\">3 &lt; 4 &#65;</value>\n\
                    <value column=\"age\" missing=\"true\">x</value></row>\n</rows>\n";
        assert_eq!(rows(body).unwrap()[0].cells, [Cell::Missing, Cell::Text("3 < 4 A".into())]);
    }

    #[test]
    fn bombs_and_broken_marks_are_refused_with_their_line() {
        let bomb = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>\n<rows><row><value column=\"age\">&b;</value></row></rows>";
        for (body, line) in [
            (bomb, 1),
            ("<rows>\n<row><value column=\"age\">&b;</value></row></rows>", 2),
            ("<rows>\n<row>\n<age>3</age></row></rows>", 3),
            ("<rows><row>", 1),
            ("<rows></row>", 1),
            ("<rows><row><value>3</value></row></rows>", 1),
            ("<rows><row>\n<value column=\"age\" missing=\"perhaps\">3</value></row></rows>", 2),
            ("<rows><row>\n\n<value column=\"age\" unit=\"years\">3</value></row></rows>", 3),
            ("no marks", 1),
            ("", 1),
        ] {
            let fault = rows(body).unwrap_err();
            assert_eq!((fault.code, fault.line), ("malformed_xml", Some(line)), "{body}: {}", fault.message);
        }
        assert_eq!(
            rows("<rows><row><value column=\"age\">1</value></row></rows>").unwrap_err().code,
            "missing_column"
        );
        assert_eq!(rows("<rows/>").unwrap_err().code, "no_rows");
    }
}

//! From a raw cell to a series: `[[timestamp, value], …]` as JSON, in any order.

use serde::Deserialize;
use serde_json::Value;
use tidemill_core::Point;

use crate::parse::TimeFormat;
use crate::raw::{Raw, Read};

/// The most points of a series.
const MOST_POINTS: usize = 100_000;

#[derive(Deserialize)]
struct Written(Value, Option<f64>);

/// Whether the points of a cell come in the order of time, as far as they can be read.
pub(super) fn is_in_order(raw: Raw<'_>, format: &TimeFormat) -> bool {
    match raw {
        Raw::Points(points) => points.is_sorted_by_key(|point| point.0),
        Raw::Text(text) => {
            of_text(text, format).map_or(true, |points| points.is_sorted_by_key(|point| point.0))
        }
        _ => true,
    }
}

/// The points of a cell in the order of time. Points at the same timestamp become one, with the mean of their values; a point without
/// a value (null) is none.
pub(super) fn read(raw: Raw<'_>, format: &TimeFormat) -> Result<Read<Vec<Point>>, String> {
    let points = match raw {
        Raw::Missing => return Ok(Read::Missing),
        Raw::Points(points) => points.to_vec(),
        Raw::Text(text) => of_text(text, format)?,
        Raw::Number(_) | Raw::Flag(_) | Raw::Time(_) | Raw::Image(_) | Raw::Vector(_) | Raw::Place(_) => {
            return Err("a single value is not a series".into());
        }
    };
    if points.len() > MOST_POINTS {
        return Err(format!("{} points, more than the {MOST_POINTS} that are read", points.len()));
    }
    if points.iter().any(|(_, value)| !value.is_finite()) {
        return Err("a value is not a finite number".into());
    }
    Ok(Read::Value(in_order(points)))
}

fn of_text(text: &str, format: &TimeFormat) -> Result<Vec<Point>, String> {
    let written: Vec<Written> =
        serde_json::from_str(text).map_err(|_| "it is not a list of [timestamp, value] pairs".to_string())?;
    let mut points = Vec::with_capacity(written.len());
    for Written(moment, value) in written {
        let at = match &moment {
            Value::String(text) => format.parse(text).or_else(|| TimeFormat::Iso.parse(text)),
            // As the prediction log and feedback count them.
            Value::Number(micros) => micros.as_i64(),
            _ => None,
        };
        let at = at.ok_or("a timestamp is neither a date nor whole microseconds since 1970")?;
        points.extend(value.map(|value| (at, value)));
    }
    Ok(points)
}

/// By time, equal timestamps averaged.
fn in_order(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by_key(|point| point.0);
    let mean = |same: &[Point]| {
        let sum: f64 = same.iter().map(|point| point.1).sum();
        (same[0].0, if same.len() == 1 { same[0].1 } else { sum / same.len() as f64 })
    };
    points.chunk_by(|a, b| a.0 == b.0).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(text: &str) -> Result<Vec<Point>, String> {
        match read(Raw::Text(text), &TimeFormat::Iso)? {
            Read::Value(points) => Ok(points),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn points_come_in_any_order_and_any_way_of_writing_time() {
        let expected = vec![(0, 1.0), (60_000_000, 2.5)];
        assert_eq!(points(r#"[["1970-01-01T00:01:00Z", 2.5], ["1970-01-01", 1]]"#).unwrap(), expected);
        assert_eq!(points("[[0, 1], [60000000, 2], [60000000, 3], [5, null]]").unwrap(), expected);
        assert_eq!(points("[]").unwrap(), []);
    }

    #[test]
    fn what_is_no_series_says_why() {
        for (text, why) in [
            ("", "pairs"),
            ("7", "pairs"),
            ("[1, 2]", "pairs"),
            ("[[0, \"much\"]]", "pairs"),
            ("[[0, NaN]]", "pairs"),
            ("[[\"soon\", 1]]", "timestamp"),
            ("[[0.5, 1]]", "timestamp"),
            ("[[0, 1e999]]", "pairs"),
        ] {
            let said = points(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        assert!(read(Raw::Points(&[(0, f64::NAN)]), &TimeFormat::Iso).is_err());
        assert!(read(Raw::Number(1.0), &TimeFormat::Iso).is_err());
        let many = vec![(0, 0.0); MOST_POINTS + 1];
        assert!(read(Raw::Points(&many), &TimeFormat::Iso).is_err());
    }
}

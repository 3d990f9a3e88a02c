//! From a raw cell to a place: well-known text (`POINT (13.4 52.5)`, and of an area its centre of mass), a GeoJSON geometry, or
//! `[13.4, 52.5]`; longitude or x first, as both formats have it.

use serde_json::Value;
use tidemill_kernel::geo::{Fault, Metric};

use crate::parse::{angle, hemisphere_of, plain_number};
use crate::raw::{Raw, Read};

/// The place of a cell; the error says why there is none.
pub(super) fn read(raw: Raw<'_>, metric: Metric) -> Result<Read<[f64; 2]>, String> {
    let place = match raw {
        Raw::Missing => return Ok(Read::Missing),
        Raw::Place(place) => place,
        Raw::Vector([x, y]) => [f64::from(*x), f64::from(*y)],
        Raw::Text(text) => match place(text) {
            Some(Some(place)) => place,
            Some(None) => return Ok(Read::Missing),
            None => return Err("it is not a point, such as POINT (13.4 52.5)".into()),
        },
        _ => return Err("a single value is not a point".into()),
    };
    match metric.fault(place) {
        None => Ok(Read::Value(place)),
        Some(Fault::NotFinite) => Err("a coordinate is not finite".into()),
        Some(Fault::Swapped) => Err("longitude and latitude are swapped".into()),
        Some(Fault::OutOfRange) => Err("it is beyond 180 degrees of longitude or 90 of latitude".into()),
    }
}

/// The place that a text says: none where it is empty by its own words (`POINT EMPTY`), and no answer where it says none at all.
pub(crate) fn place(text: &str) -> Option<Option<[f64; 2]>> {
    let text = text.trim();
    // Nearly every other text is settled by its first byte.
    match text.bytes().next()? {
        b'P' | b'p' | b'M' | b'm' | b'S' | b's' => well_known(text),
        b'{' => geometry(&serde_json::from_str(text).ok()?),
        b'[' => serde_json::from_str(text).ok().map(Some),
        b'(' | b'-' | b'+' | b'0'..=b'9' | b'N' | b'W' | b'E' => pair_of_degrees(text).map(Some),
        _ => None,
    }
}

/// Latitude and longitude as maps on the web write them, the latitude first: `(52.52, 13.405)`, `52.52;13.405`, `52°31'N 13°24'E`. Both
/// have three decimals or more, or say their hemisphere; where the first is no latitude, it is the longitude.
fn pair_of_degrees(text: &str) -> Option<[f64; 2]> {
    let bare = text.strip_prefix('(').map_or(Some(text), |rest| rest.strip_suffix(')'))?;
    let signs: &[char] = if bare.contains(';') { &[';'] } else { &[','] };
    let (a, b) = match bare.split_once(signs) {
        Some(parts) => parts,
        // Behind the first hemisphere, or the only space.
        None => match bare.find(['N', 'S']).filter(|at| *at > 0) {
            Some(at) => bare.split_at(at + 1),
            None => bare.split_once(' ')?,
        },
    };
    let (a, b) = (a.trim(), b.trim());
    if let (Some(first), Some(second)) = (hemisphere_of(a), hemisphere_of(b)) {
        let [x, y] = [angle(a)?, angle(b)?];
        return match (matches!(first, 'N' | 'S'), matches!(second, 'N' | 'S')) {
            (true, false) => Some([y, x]),
            (false, true) => Some([x, y]),
            _ => None,
        };
    }
    let degrees = |text: &str| {
        let decimals = text.rsplit_once(['.', ',']).map_or(0, |(_, decimals)| decimals.len());
        let number = plain_number(&text.replace(',', ".")).filter(|x| x.abs() <= 180.0);
        number.filter(|_| decimals >= 3 && !text.contains(['e', 'E']))
    };
    let (first, second) = (degrees(a)?, degrees(b)?);
    match (first.abs() <= 90.0, second.abs() <= 90.0) {
        (true, _) => Some([second, first]),
        (false, true) => Some([first, second]),
        _ => None,
    }
}

/// The place of a GeoJSON geometry (RFC 7946): a point, or the centre of an area.
pub(crate) fn geometry(value: &Value) -> Option<Option<[f64; 2]>> {
    if value.is_null() {
        return Some(None);
    }
    let coordinates = value.get("coordinates")?;
    let ring = |ring: &Value| -> Option<Vec<[f64; 2]>> { ring.as_array()?.iter().map(position).collect() };
    let area = |area: &Value| -> Option<Vec<Vec<[f64; 2]>>> { area.as_array()?.iter().map(ring).collect() };
    match value.get("type")?.as_str()? {
        "Point" if coordinates.as_array()?.is_empty() => Some(None),
        "Point" => position(coordinates).map(Some),
        "Polygon" => Some(centre(&area(coordinates)?)),
        "MultiPolygon" => {
            let areas = coordinates.as_array()?.iter().map(area).collect::<Option<Vec<_>>>()?;
            Some(centre(&areas.concat()))
        }
        _ => None,
    }
}

/// The first two numbers of a list of two or three: a height says nothing of where a place is.
fn position(value: &Value) -> Option<[f64; 2]> {
    match value.as_array()?.as_slice() {
        [x, y] | [x, y, _] => Some([x.as_f64()?, y.as_f64()?]),
        _ => None,
    }
}

fn well_known(text: &str) -> Option<Option<[f64; 2]>> {
    // PostGIS writes the coordinate system before: `SRID=4326;POINT (13.4 52.5)`.
    let text = match text.get(..5) {
        Some(head) if head.eq_ignore_ascii_case("SRID=") => text.split_once(';')?.1.trim_start(),
        _ => text,
    };
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, mut rest) = (text[..end].to_ascii_uppercase(), text[end..].trim());
    for dimension in ["ZM", "Z", "M"] {
        if let Some(other) = rest.strip_prefix(dimension) {
            rest = other.trim_start();
            break;
        }
    }
    if !matches!(&*word, "POINT" | "POLYGON" | "MULTIPOLYGON") {
        return None;
    }
    if rest.eq_ignore_ascii_case("EMPTY") {
        return Some(None);
    }
    if word == "POINT" {
        return pair(rest.strip_prefix('(')?.strip_suffix(')')?).map(Some);
    }
    if !rest.starts_with("((") || !rest.ends_with("))") {
        return None;
    }
    let rings = rest.split('(').filter(|part| !part.trim().is_empty());
    let rings = rings.map(|part| part.split(')').next()?.split(',').map(pair).collect::<Option<Vec<_>>>());
    Some(centre(&rings.collect::<Option<Vec<_>>>()?))
}

fn pair(text: &str) -> Option<[f64; 2]> {
    let mut numbers = text.split_ascii_whitespace().map(|word| word.parse::<f64>());
    let place = [numbers.next()?.ok()?, numbers.next()?.ok()?];
    let heights: Vec<_> = numbers.collect();
    (heights.len() <= 2 && heights.iter().all(Result::is_ok)).then_some(place)
}

/// The centre of mass of the area between rings, as shapely's `centroid`: by the outer ring's direction of turning, holes count
/// against it. Without an area, the mean of the corners.
fn centre(rings: &[Vec<[f64; 2]>]) -> Option<[f64; 2]> {
    let origin = *rings.first()?.first()?;
    let (mut area, mut x, mut y) = (0.0, 0.0, 0.0);
    for ring in rings {
        for side in ring.windows(2) {
            // From a corner, so that little is lost where the area lies far from zero.
            let [a, b] = [side[0], side[1]].map(|p| [p[0] - origin[0], p[1] - origin[1]]);
            let cross = a[0] * b[1] - b[0] * a[1];
            area += cross;
            x += cross * (a[0] + b[0]);
            y += cross * (a[1] + b[1]);
        }
    }
    if area != 0.0 {
        return Some([origin[0] + x / (3.0 * area), origin[1] + y / (3.0 * area)]);
    }
    let corners = rings.concat();
    let mean = |axis: usize| corners.iter().map(|p| p[axis]).sum::<f64>() / corners.len() as f64;
    Some([mean(0), mean(1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARTH: Metric = Metric { degrees: true };

    #[test]
    fn points_are_read_in_the_ways_people_write_them() {
        for text in [
            "POINT (13.4 52.5)",
            "point(13.4 52.5)",
            "POINT Z (13.4 52.5 34)",
            "SRID=4326;POINT(13.4 52.5)",
            r#"{"type": "Point", "coordinates": [13.4, 52.5, 34]}"#,
            "[13.4, 52.5]",
            "POLYGON ((13.3 52.4, 13.5 52.4, 13.5 52.6, 13.3 52.6, 13.3 52.4))",
        ] {
            let Some(Some([x, y])) = place(text) else { panic!("{text}") };
            assert!((x - 13.4).abs() < 1e-12 && (y - 52.5).abs() < 1e-12, "{text}: {x} {y}");
        }
        for text in [
            "(52.500, 13.400)",
            "52.500, 13.400",
            "52.500;13.400",
            "52,500; 13,400",
            "52.500 13.400",
            "52°30'N 13°24'E",
            "13.4°E, 52.5°N",
            "52.5N, 13.4E",
        ] {
            let Some(Some([x, y])) = place(text) else { panic!("{text}") };
            assert!((x - 13.4).abs() < 1e-12 && (y - 52.5).abs() < 1e-12, "{text}: {x} {y}");
        }
        // No latitude: the longitude stands first.
        assert_eq!(place("(-122.4194, 37.7749)"), Some(Some([-122.4194, 37.7749])));
        for text in [
            "12.5, 13.5",
            "1.234",
            "1,234.567",
            "1 234.567",
            "200.123, 12.345",
            "5-3",
            "(555) 123.456",
            "NaN",
            "E5",
        ] {
            assert_eq!(place(text), None, "{text}");
        }
        for text in ["POINT EMPTY", r#"{"type": "Point", "coordinates": []}"#] {
            assert_eq!(place(text), Some(None), "{text}");
        }
        for text in ["", "POINT", "POINT (1)", "POINT (a b)", "Paris", "LINESTRING (0 0, 1 1)", "[1]", "{}"] {
            assert_eq!(place(text), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_place_says_why() {
        assert_eq!(read(Raw::Text("POINT (13 52)"), EARTH), Ok(Read::Value([13.0, 52.0])));
        assert!(read(Raw::Text("POINT (52 134)"), EARTH).unwrap_err().contains("swapped"));
        assert!(read(Raw::Text("POINT (907 534)"), EARTH).unwrap_err().contains("beyond"));
        assert_eq!(
            read(Raw::Text("POINT (907 534)"), Metric { degrees: false }),
            Ok(Read::Value([907.0, 534.0]))
        );
        assert!(read(Raw::Text("POINT (NaN 1)"), EARTH).unwrap_err().contains("finite"));
        assert!(read(Raw::Number(1.0), EARTH).is_err());
    }

    /// By shapely 2.1: `shapely.from_wkt(...).centroid`.
    #[test]
    fn the_centre_of_an_area_is_that_of_shapely() {
        let holed = "POLYGON ((0 0, 10 0, 10 4, 0 4, 0 0), (1 1, 1 2, 3 2, 3 1, 1 1))";
        let Some(Some([x, y])) = place(holed) else { panic!("none") };
        assert!((x - 5.157894736842105).abs() < 1e-12 && (y - 2.026315789473684).abs() < 1e-12, "{x} {y}");
    }
}

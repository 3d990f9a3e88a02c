//! Angles of maps and compasses: `52°31'12"N`, `52° 31.2' N`, `W 13.4°`, in degrees; south and west are negative.

use super::number::plain_number;

/// What a hemisphere makes of an angle, and how far it goes.
const HEMISPHERES: [(char, f64, f64); 4] =
    [('N', 1.0, 90.0), ('S', -1.0, 90.0), ('E', 1.0, 180.0), ('W', -1.0, 180.0)];

/// The degrees of an angle that has a degree sign or a hemisphere; minutes and seconds may follow.
pub(crate) fn angle(text: &str) -> Option<f64> {
    let (body, hemisphere) = without_hemisphere(text.trim());
    let (body, negative) = match body.strip_prefix(['-', '−']) {
        Some(rest) => (rest, true),
        None => (body.strip_prefix('+').unwrap_or(body), false),
    };
    let (degrees, rest) = match body.split_once(['°', 'º']) {
        Some((degrees, rest)) => (degrees, rest.trim()),
        None if hemisphere.is_some() => body.split_once(' ').unwrap_or((body, "")),
        None => return None,
    };
    if negative && hemisphere.is_some() {
        return None;
    }
    let (minutes, seconds) = match rest.split_once(['\'', '′', '’']) {
        // `''` are seconds.
        Some((minutes, rest)) => (minutes, rest.trim()),
        None => rest.split_once(' ').unwrap_or((rest, "")),
    };
    let seconds = seconds.trim_end_matches(['"', '″', '”', '\'', '′', '’']);
    let of_sixty = |text: &str| match text.trim() {
        "" => Some(0.0),
        text => number(text).filter(|x| *x < 60.0),
    };
    let whole = |text: &str, rest: &str| rest.trim().is_empty() || !text.contains(['.', ',']);
    if !whole(degrees, rest) || !whole(minutes, seconds) {
        return None;
    }
    let size = number(degrees.trim())? + of_sixty(minutes)? / 60.0 + of_sixty(seconds)? / 3600.0;
    let (sign, most) = hemisphere.unwrap_or((if negative { -1.0 } else { 1.0 }, 360.0));
    (size <= most).then_some(sign * size)
}

/// Whether an angle is more than a number with a degree sign: it has minutes or a hemisphere.
pub(crate) fn has_minutes_or_hemisphere(text: &str) -> bool {
    let behind = |rest: &str| rest.contains(['\'', '′', '’', ' ']) || hemisphere_of(text).is_some();
    text.split_once(['°', 'º']).is_some_and(|(_, rest)| behind(rest.trim())) && angle(text).is_some()
}

/// The hemisphere of an angle, as its letter.
pub(crate) fn hemisphere_of(text: &str) -> Option<char> {
    let text = text.trim();
    let ends = [text.chars().next(), text.chars().next_back()].into_iter().flatten();
    let letter = ends.map(|c| c.to_ascii_uppercase()).find(|c| HEMISPHERES.iter().any(|h| h.0 == *c))?;
    angle(text).map(|_| letter)
}

/// A text without the letter of its hemisphere, before or behind it, and what that means.
fn without_hemisphere(text: &str) -> (&str, Option<(f64, f64)>) {
    let of = |c: char| HEMISPHERES.iter().find(|h| h.0 == c.to_ascii_uppercase()).map(|h| (h.1, h.2));
    if let Some(found) = text.chars().next().and_then(of) {
        return (text[1..].trim(), Some(found));
    }
    match text.chars().next_back().and_then(of) {
        Some(found) => (text[..text.len() - 1].trim(), Some(found)),
        None => (text, None),
    }
}

/// Digits, perhaps with decimals behind a point or a comma.
fn number(text: &str) -> Option<f64> {
    let sound = text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',');
    if sound { plain_number(&text.replace(',', ".")) } else { None }
}

#[cfg(test)]
mod tests {
    use super::{angle, has_minutes_or_hemisphere, hemisphere_of};

    /// The degrees by arithmetic: degrees + minutes / 60 + seconds / 3600.
    #[test]
    fn degrees_minutes_and_seconds_are_degrees() {
        for (text, wanted) in [
            ("52°31'N", Some(52.0 + 31.0 / 60.0)),
            ("52°31'12\"N", Some(52.52)),
            ("52° 31' 12\" N", Some(52.52)),
            ("52°31′12″S", Some(-52.52)),
            ("52º31’12”n", Some(52.52)),
            ("52°31'12''N", Some(52.52)),
            ("52° 31.2' N", Some(52.52)),
            ("W 13° 24'", Some(-13.4)),
            ("13.4°W", Some(-13.4)),
            ("13,4° E", Some(13.4)),
            ("13.4E", Some(13.4)),
            ("52 31 12 N", Some(52.52)),
            ("-52°31'12\"", Some(-52.52)),
            ("045°30'", Some(45.5)),
            ("45°", Some(45.0)),
            ("45", None),
            ("-45 N", None),
            ("95°N", None),
            ("52°61'N", None),
            ("52.5°31'N", None),
            ("181°E", None),
            ("361°", None),
            ("5 °C", None),
            ("N", None),
            ("5e3E", None),
            ("", None),
            ("Süd", None),
        ] {
            let found = angle(text);
            let near = match (found, wanted) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                (a, b) => a == b,
            };
            assert!(near, "{text}: {found:?}");
        }
        assert!(has_minutes_or_hemisphere("52°31'") && has_minutes_or_hemisphere("5.5° S"));
        assert!(!has_minutes_or_hemisphere("45°") && !has_minutes_or_hemisphere("5 °C"));
        assert_eq!((hemisphere_of("13.4w"), hemisphere_of("13.4")), (Some('W'), None));
    }
}

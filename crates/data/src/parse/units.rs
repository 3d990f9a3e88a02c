//! Units of measure that convert into each other.

/// Units of one dimension each, in terms of the first of them.
const DIMENSIONS: [&[(&str, f64)]; 5] = [
    // Mass.
    &[
        ("kg", 1.0),
        ("g", 1e-3),
        ("mg", 1e-6),
        ("µg", 1e-9),
        ("t", 1e3),
        ("lb", 0.453_592_37),
        ("lbs", 0.453_592_37),
        ("pound", 0.453_592_37),
        ("pounds", 0.453_592_37),
        ("oz", 0.028_349_523_125),
        ("ounce", 0.028_349_523_125),
        ("ounces", 0.028_349_523_125),
    ],
    // Length.
    &[
        ("m", 1.0),
        ("mm", 1e-3),
        ("cm", 1e-2),
        ("dm", 1e-1),
        ("km", 1e3),
        ("µm", 1e-6),
        ("in", 0.0254),
        ("inch", 0.0254),
        ("inches", 0.0254),
        ("\"", 0.0254),
        ("″", 0.0254),
        ("ft", 0.3048),
        ("foot", 0.3048),
        ("feet", 0.3048),
        ("'", 0.3048),
        ("′", 0.3048),
        ("yd", 0.9144),
        ("mi", 1609.344),
        ("mile", 1609.344),
        ("miles", 1609.344),
    ],
    // Volume.
    &[("l", 1.0), ("ml", 1e-3), ("cl", 1e-2), ("dl", 1e-1), ("hl", 1e2)],
    // Time.
    &[
        ("s", 1.0),
        ("sec", 1.0),
        ("ms", 1e-3),
        ("min", 60.0),
        ("mins", 60.0),
        ("h", 3600.0),
        ("hr", 3600.0),
        ("hrs", 3600.0),
        ("hour", 3600.0),
        ("hours", 3600.0),
        ("d", 86_400.0),
        ("day", 86_400.0),
        ("days", 86_400.0),
        ("wk", 604_800.0),
        ("wks", 604_800.0),
        ("week", 604_800.0),
        ("weeks", 604_800.0),
        // Of the Gregorian calendar on average.
        ("mo", 2_629_746.0),
        ("mos", 2_629_746.0),
        ("month", 2_629_746.0),
        ("months", 2_629_746.0),
        ("yr", 31_556_952.0),
        ("yrs", 31_556_952.0),
        ("year", 31_556_952.0),
        ("years", 31_556_952.0),
    ],
    // Bytes.
    &[("b", 1.0), ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12)],
];

/// By which factor a number in `unit` becomes one in `base`; `None` where they are not of one dimension.
///
/// ```
/// # use tidemill_data::parse::factor;
/// assert_eq!(factor("g", "kg"), Some(1e-3));
/// assert_eq!(factor("kg", "cm"), None);
/// ```
pub fn factor(unit: &str, base: &str) -> Option<f64> {
    let of = |units: &[(&str, f64)], name: &str| {
        let name = name.trim_end_matches('.').to_lowercase();
        units.iter().find(|(known, _)| *known == name).map(|known| known.1)
    };
    DIMENSIONS.iter().find_map(|units| Some(of(units, unit)? / of(units, base)?))
}

/// A text without the unit at its end, and the factor that makes its number one in `base`; 1 where there is no unit.
pub(super) fn split<'a>(text: &'a str, base: &str) -> Option<(&'a str, f64)> {
    let unit = |c: char| c.is_alphabetic() || "µ.'\"′″".contains(c);
    let number = text.trim_end_matches(unit);
    // The point of `1.` belongs to the number.
    let end = if text[number.len()..].starts_with('.') {
        text.trim_end_matches(char::is_alphabetic)
    } else {
        number
    };
    match &text[end.len()..] {
        "" => Some((text, 1.0)),
        word => Some((end.trim_end(), factor(word, base)?)),
    }
}

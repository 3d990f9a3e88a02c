//! Magnitudes behind numbers: `1.2K`, `3 bn`.

/// Powers of ten and the words for them, in lower case.
const MAGNITUDES: &[(&str, u8)] = &[
    ("k", 3),
    ("thousand", 3),
    ("tsd", 3),
    ("lakh", 5),
    ("m", 6),
    ("mn", 6),
    ("mm", 6),
    ("mio", 6),
    ("million", 6),
    ("crore", 7),
    ("cr", 7),
    ("b", 9),
    ("bn", 9),
    ("mrd", 9),
    ("billion", 9),
    ("t", 12),
    ("tn", 12),
    ("trillion", 12),
];

/// The power of ten that a word stands for.
pub(crate) fn magnitude(word: &str) -> Option<u8> {
    let word = word.trim_end_matches('.');
    MAGNITUDES.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, power)| *power)
}

/// A text without the magnitude at its end, and the power of ten that it stands for.
pub(super) fn without_magnitude(body: &str) -> (&str, Option<u8>) {
    let rest = body.trim_end_matches(|c: char| c.is_alphabetic() || c == '.');
    // The point of `1.` belongs to the number.
    let rest = if rest.len() < body.len() && body[rest.len()..].starts_with('.') {
        body.trim_end_matches(char::is_alphabetic)
    } else {
        rest
    };
    match magnitude(&body[rest.len()..]) {
        Some(power) => (rest.trim_end(), Some(power)),
        None => (body, None),
    }
}

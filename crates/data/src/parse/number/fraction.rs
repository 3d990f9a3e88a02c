//! Whole numbers with a fraction behind them: `1 1/4`, `2½`, `3/8`.

/// Fractions that are one character.
const VULGAR: [(char, f64, f64); 15] = [
    ('½', 1.0, 2.0),
    ('⅓', 1.0, 3.0),
    ('⅔', 2.0, 3.0),
    ('¼', 1.0, 4.0),
    ('¾', 3.0, 4.0),
    ('⅕', 1.0, 5.0),
    ('⅖', 2.0, 5.0),
    ('⅗', 3.0, 5.0),
    ('⅘', 4.0, 5.0),
    ('⅙', 1.0, 6.0),
    ('⅚', 5.0, 6.0),
    ('⅛', 1.0, 8.0),
    ('⅜', 3.0, 8.0),
    ('⅝', 5.0, 8.0),
    ('⅞', 7.0, 8.0),
];
/// The most digits of a part of a fraction.
const DIGITS: usize = 4;

/// What a fraction says, alone or behind a whole number; without a sign.
pub(super) fn fraction(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some((_, above, below)) = VULGAR.iter().find(|vulgar| text.ends_with(vulgar.0)) {
        let whole = text[..text.len() - text.chars().next_back()?.len_utf8()].trim_end();
        let whole = if whole.is_empty() { 0.0 } else { natural(whole)? };
        return Some(whole + above / below);
    }
    let (above, below) = text.split_once(['/', '⁄'])?;
    let (whole, above) = match above.trim_end().rsplit_once(' ') {
        Some((whole, above)) => (natural(whole.trim_end())?, above),
        None => (0.0, above),
    };
    let (above, below) = (natural(above.trim())?, natural(below.trim())?);
    // Behind a whole number, only less than one is left.
    let sound = below > 0.0 && (whole == 0.0 || above < below);
    sound.then(|| whole + above / below)
}

/// Whether a text is a whole number with a fraction behind it, or a fraction of one character; a unit may follow. `3/4` alone may also be
/// a date, a score or a pressure.
pub(crate) fn has_fraction(text: &str) -> bool {
    let part = |c: char| c.is_ascii_digit() || VULGAR.iter().any(|vulgar| vulgar.0 == c);
    let Some((at, last)) = text.char_indices().rfind(|&(_, c)| part(c)) else { return false };
    let body = text[..at + last.len_utf8()].trim_start_matches(['-', '+', '−']);
    let mixed = body.contains(' ') || !last.is_ascii_digit();
    mixed && fraction(body).is_some()
}

fn natural(text: &str) -> Option<f64> {
    let digits = (1..=DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{fraction, has_fraction};

    #[test]
    fn fractions_are_parts_of_one() {
        for (text, wanted) in [
            ("1 1/4", Some(1.25)),
            ("12 3/16", Some(12.1875)),
            ("3/8", Some(0.375)),
            ("2½", Some(2.5)),
            ("2 ⅞", Some(2.875)),
            ("¾", Some(0.75)),
            ("5 1⁄2", Some(5.5)),
            ("1 5/4", None),
            ("1/0", None),
            ("1.5 1/4", None),
            ("1/2/24", None),
            ("/4", None),
            ("1/", None),
            ("", None),
        ] {
            assert_eq!(fraction(text), wanted, "{text}");
        }
        for (text, wanted) in [
            ("1 1/4", true),
            ("1 1/4\"", true),
            ("-2½", true),
            ("3/4", false),
            ("120/80", false),
            ("5", false),
        ] {
            assert_eq!(has_fraction(text), wanted, "{text}");
        }
    }
}

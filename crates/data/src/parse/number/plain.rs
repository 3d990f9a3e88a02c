//! Numbers written plainly, in the digits of any script.

/// Below this, 64-bit floats tell every whole number from its neighbours; at it and above they do not.
pub(crate) const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number written plainly: digits, a sign, a decimal point, an exponent. `None` for anything else, words of infinity and numbers
/// too large for 64 bits included.
///
/// ```
/// use tidemill_data::parse::plain_number;
/// assert_eq!(plain_number(" -1.5e3"), Some(-1500.0));
/// assert_eq!(plain_number("1e400"), None);
/// assert_eq!(plain_number("inf"), None);
/// ```
pub fn plain_number(text: &str) -> Option<f64> {
    if let Some(text) = western(text) {
        return plain_number(&text);
    }
    let bytes = text.trim().as_bytes();
    let bytes = bytes.strip_prefix(b"+").unwrap_or(bytes);
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    // The parser below also reads words (inf, nan).
    if !matches!(unsigned.first(), Some(b'0'..=b'9' | b'.')) {
        return None;
    }
    fast_float2::parse::<f64, _>(bytes).ok().filter(|x| x.is_finite())
}

/// A text with the sign of a minus, or with full-width, Arabic, Persian or Indian digits and signs, in those of the West; `None` where it has none.
pub(super) fn western(text: &str) -> Option<String> {
    let sign = |c| match c {
        '\u{ff05}' => '%',
        '\u{ffe5}' => '¥',
        '\u{ff08}' => '(',
        '\u{ff09}' => ')',
        '\u{66b}' | '\u{ff0e}' => '.',
        '\u{66c}' | '\u{ff0c}' => ',',
        '\u{ff0d}' | '\u{2212}' => '-',
        c => digit(c).unwrap_or(c),
    };
    if text.is_ascii() || text.chars().all(|c| sign(c) == c) {
        return None;
    }
    Some(text.chars().map(sign).collect())
}

/// The ASCII digit that another script's digit stands for.
fn digit(c: char) -> Option<char> {
    const ZEROS: [u32; 4] = [0xff10, 0x660, 0x6f0, 0x966];
    let zero = ZEROS.iter().find(|&&zero| (zero..zero + 10).contains(&(c as u32)))?;
    char::from_digit(c as u32 - zero, 10)
}

/// Whether a text holds a digit of any script that numbers are read in.
pub(crate) fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit()) || (!text.is_ascii() && text.chars().any(|c| digit(c).is_some()))
}

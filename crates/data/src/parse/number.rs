//! Numbers as people write them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clock::half_of_day;
use super::currency::{NO_CENTS, without_currency};
use super::length::length;
use super::units::{factor, split};

/// Below this, 64-bit floats tell every whole number from its neighbours; at it and above they do not.
pub(crate) const EXACT: f64 = 9_007_199_254_740_992.0;

/// What stands between groups of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thousands {
    /// `1,234,567`
    Comma,
    /// `1.234.567`
    Point,
    /// `1 234 567` (also with a no-break or thin space)
    Space,
    /// `1'234'567` (also with a typographic apostrophe)
    Apostrophe,
    /// `12,34,567`: three digits, then groups of two
    Lakh,
}

impl Thousands {
    fn separates(self, c: char) -> bool {
        match self {
            Thousands::Comma | Thousands::Lakh => c == ',',
            Thousands::Point => c == '.',
            Thousands::Space => matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}'),
            Thousands::Apostrophe => matches!(c, '\'' | '\u{2019}'),
        }
    }

    fn sign(self) -> char {
        match self {
            Thousands::Comma | Thousands::Lakh => ',',
            Thousands::Point => '.',
            Thousands::Space => ' ',
            Thousands::Apostrophe => '\'',
        }
    }

    fn word(self) -> &'static str {
        match self {
            Thousands::Comma => "thousands_comma",
            Thousands::Point => "thousands_point",
            Thousands::Space => "thousands_space",
            Thousands::Apostrophe => "thousands_apostrophe",
            Thousands::Lakh => "thousands_lakh",
        }
    }

    /// Whether a separator stands before so many digits.
    fn before(self, digits: usize) -> bool {
        match self {
            Thousands::Lakh => digits == 3 || (digits > 3 && (digits - 3).is_multiple_of(2)),
            _ => digits.is_multiple_of(3),
        }
    }
}

/// How numbers are decorated.
///
/// A percentage is the number before the sign: `12.5%` is 12.5. Where there is a currency, a number in brackets or before its sign is
/// negative, as in accounts: `($5.00)`, `$(5.00)` and `5.00-` are -5; `5,-` and `5.-` are 5 without cents. Values that no 64-bit float can hold, such as `1e400`, and the words of infinity are not numbers here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NumberFormat {
    /// A comma stands before the decimals: `3,14`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub decimal_comma: bool,
    /// What stands between groups of digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<Thousands>,
    /// There may be a percent sign.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub percent: bool,
    /// There may be a currency sign or code.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub currency: bool,
    /// There may be a magnitude: `1.2K` is 1200, `3 bn` is 3e9.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub magnitude: bool,
    /// Lengths of time and times of day: `1:02:03` is 3723 seconds, `1:30` (hours and minutes) 5400, `1:30 PM` 48600, `2h 30m` 9000.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub clock: bool,
    /// Lengths of time of which two parts are minutes and seconds: `35:30` is 2130 seconds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stopwatch: bool,
    /// There may be a sign of censoring, and the number is the bound: `<0.5` is 0.5, `>=100` is 100, `90+` is 90.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub censored: bool,
    /// There may be a sign that the number is not exact: `~5`, `ca. 5`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub about: bool,
    /// There may be this unit behind the number, in any case, of three letters and more also with an `s` of more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// There may be any unit of the dimension of this one behind the number, which is converted to it: `300 g` is 0.3 kg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<String>,
}

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
fn western(text: &str) -> Option<String> {
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

impl NumberFormat {
    /// Reads the words of a recipe, joined by `+`.
    pub(crate) fn of_words(text: &str) -> Result<Self, String> {
        let mut format = NumberFormat::default();
        for word in text.split('+').map(str::trim).filter(|w| !w.is_empty() && *w != "plain") {
            match word {
                "decimal_comma" => format.decimal_comma = true,
                "thousands_comma" => format.thousands = Some(Thousands::Comma),
                "thousands_point" => format.thousands = Some(Thousands::Point),
                "thousands_space" => format.thousands = Some(Thousands::Space),
                "thousands_apostrophe" => format.thousands = Some(Thousands::Apostrophe),
                "thousands_lakh" => format.thousands = Some(Thousands::Lakh),
                "percent" => format.percent = true,
                "currency" => format.currency = true,
                "magnitude" => format.magnitude = true,
                "clock" => format.clock = true,
                "stopwatch" => format.stopwatch = true,
                "censored" => format.censored = true,
                "about" => format.about = true,
                other => {
                    let named = other.split_once(':').map(|(key, unit)| (key.trim(), unit.trim()));
                    match named.filter(|(_, unit)| !unit.is_empty()) {
                        Some(("unit", unit)) => format.unit = Some(unit.into()),
                        Some(("units", unit)) if factor(unit, unit).is_some() => {
                            format.units = Some(unit.into())
                        }
                        _ => return Err(format!("'{other}' is not a way to write a number; use {WORDS}")),
                    }
                }
            }
        }
        if format.decimal_comma && matches!(format.thousands, Some(Thousands::Comma | Thousands::Lakh)) {
            return Err("a comma cannot stand before decimals and between thousands".into());
        }
        if !format.decimal_comma && format.thousands == Some(Thousands::Point) {
            // A point between thousands leaves only the comma for decimals.
            format.decimal_comma = true;
        }
        Ok(format)
    }

    /// Whether numbers are written plainly.
    pub fn is_plain(&self) -> bool {
        *self == NumberFormat::default()
    }

    /// The number that a cell says; `None` when it says none in this format.
    ///
    /// ```
    /// use tidemill_data::parse::{NumberFormat, Thousands};
    /// let german = NumberFormat { decimal_comma: true, thousands: Some(Thousands::Point), currency: true, ..Default::default() };
    /// assert_eq!(german.parse("1.234,50 €"), Some(1234.5));
    /// assert_eq!(german.parse("12.34"), None);
    /// ```
    pub fn parse(&self, text: &str) -> Option<f64> {
        if self.is_plain() {
            return plain_number(text);
        }
        self.parse_with(text, false)
    }

    /// As [`NumberFormat::parse`], but four and more digits without a separator are refused where thousands have one: for telling
    /// formats apart.
    pub(crate) fn parse_strictly(&self, text: &str) -> Option<f64> {
        self.parse_with(text, true)
    }

    /// Whether it takes something off a text (a currency, a percent sign) that then reads as a number in some style.
    pub(crate) fn undressed(&self, text: &str) -> bool {
        if let Some(text) = western(text) {
            return self.undressed(&text);
        }
        let digit = |body: &str| body.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
        self.undress(text).is_some_and(|(_, body)| {
            let bare = text.trim().trim_start_matches(['-', '+', '−']).trim_start();
            body.len() < bare.len() && digit(body)
        })
    }

    /// A text without what this format takes off: a currency, a percent sign, a unit. As it is where it reads as no number.
    pub(crate) fn bare<'a>(&self, text: &'a str) -> &'a str {
        let text =
            self.units.as_ref().and_then(|base| split(text.trim(), base)).map_or(text, |found| found.0);
        let body = self.undress(text).map_or(text.trim(), |(_, body)| body);
        if self.magnitude { without_magnitude(body).0 } else { body }
    }

    fn parse_with(&self, text: &str, strict: bool) -> Option<f64> {
        match &self.units {
            None => self.parse_bare(text, strict),
            Some(base) => {
                let (number, factor) = split(text.trim(), base)?;
                self.parse_bare(number, strict).map(|x| x * factor)
            }
        }
    }

    /// As [`NumberFormat::parse`], without units that convert.
    fn parse_bare(&self, text: &str, strict: bool) -> Option<f64> {
        if let Some(text) = western(text) {
            return self.parse_bare(&text, strict);
        }
        let (negative, body) = self.undress(text)?;
        if self.clock || self.stopwatch {
            let found = length(body).or_else(|| clock(body, self.stopwatch).filter(|_| body.contains(':')));
            if found.is_some() || body.contains(':') {
                return found.map(|x| if negative { -x } else { x });
            }
        }
        let decimal = if self.decimal_comma { ',' } else { '.' };
        let (body, power) = if self.magnitude { without_magnitude(body) } else { (body, None) };
        let (mantissa, exponent) = match body.find(['e', 'E']) {
            Some(at) => body.split_at(at),
            None => (body, ""),
        };
        let (whole, decimals) = match mantissa.find(decimal) {
            Some(at) => (&mantissa[..at], Some(&mantissa[at + 1..])),
            None => (mantissa, None),
        };
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        // Nobody groups digits before a power of ten: in `8,602E+04` the comma stands before decimals.
        if !exponent.is_empty() && !digits(whole) {
            return None;
        }
        if !decimals.is_none_or(digits) || (whole.is_empty() && decimals.is_none_or(str::is_empty)) {
            return None;
        }
        let mut plain = String::with_capacity(body.len() + 4);
        if negative {
            plain.push('-');
        }
        self.push_whole(&mut plain, whole, strict)?;
        if let Some(decimals) = decimals {
            plain.push('.');
            plain.push_str(decimals);
        }
        match (exponent, power) {
            (exponent, None) => plain.push_str(exponent),
            ("", Some(power)) => plain.push_str(&format!("e{power}")),
            _ => return None,
        }
        plain_number(&plain)
    }

    /// Takes off sign, brackets, currency and percent sign; says whether the rest is negative.
    fn undress<'a>(&self, text: &'a str) -> Option<(bool, &'a str)> {
        let mut negative = false;
        let mut signs = 0;
        let mut body = text.trim();
        if self.about {
            body = exact(body);
        }
        if self.censored {
            body = body.trim_start_matches(['<', '>', '≤', '≥', '=']).trim_start();
            // `90+`: a plus behind a digit.
            let above = |rest: &&str| rest.ends_with(|c: char| c.is_ascii_digit());
            body = body.strip_suffix('+').map(str::trim_end).filter(above).unwrap_or(body);
        }
        if self.currency
            && let Some(whole) = NO_CENTS.iter().find_map(|end| body.strip_suffix(end))
        {
            body = whole;
        } else if self.currency
            && let Some(rest) = body.strip_suffix(['-', '−']).filter(|rest| !rest.is_empty())
        {
            body = rest.trim_end();
            (negative, signs) = (true, 1);
        }
        loop {
            let before = body.len();
            // The sign may stand before or after the currency.
            if let Some(rest) = body.strip_prefix(['-', '−']) {
                (negative, signs, body) = (true, signs + 1, rest.trim_start());
            } else if let Some(rest) = body.strip_prefix('+') {
                (signs, body) = (signs + 1, rest.trim_start());
            }
            if self.percent {
                body = body.strip_suffix('%').unwrap_or(body).trim_end();
            }
            if self.currency {
                body = without_currency(body);
                if let Some(inner) = body.strip_prefix('(').and_then(|b| b.strip_suffix(')')) {
                    (negative, signs, body) = (true, signs + 1, inner.trim());
                }
            }
            if let Some(unit) = &self.unit {
                body = without_unit(body, unit);
            }
            if body.len() == before {
                return (signs <= 1).then_some((negative, body));
            }
        }
    }

    fn push_whole(&self, plain: &mut String, whole: &str, strict: bool) -> Option<()> {
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        let mut groups = whole.split(|c| self.thousands.is_some_and(|t| t.separates(c)));
        let first = groups.next().unwrap_or_default();
        if !digits(first) {
            return None;
        }
        plain.push_str(first);
        let longest = if self.thousands == Some(Thousands::Lakh) { 2 } else { 3 };
        let mut groups = groups.peekable();
        let separated = groups.peek().is_some();
        while let Some(group) = groups.next() {
            let wanted = if groups.peek().is_some() { longest } else { 3 };
            if group.len() != wanted || !digits(group) {
                return None;
            }
            plain.push_str(group);
        }
        let sound = match (separated, strict) {
            (true, _) => (1..=longest).contains(&first.len()) && !(strict && first.starts_with('0')),
            (false, true) => self.thousands.is_none() || first.len() <= 3,
            (false, false) => true,
        };
        sound.then_some(())
    }

    /// Writes a number in this format, with as many decimals as it needs; [`NumberFormat::parse`] gives it back bit for bit.
    /// Currencies are written as a dollar sign.
    pub fn write(&self, x: f64) -> String {
        let plain = format!("{}", x.abs());
        let (whole, decimals) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut out = String::new();
        if x.is_sign_negative() {
            out.push('-');
        }
        if self.currency {
            out.push('$');
        }
        for (i, digit) in whole.chars().enumerate() {
            if let Some(thousands) = self.thousands.filter(|t| i > 0 && t.before(whole.len() - i)) {
                out.push(thousands.sign());
            }
            out.push(digit);
        }
        if !decimals.is_empty() {
            out.push(if self.decimal_comma { ',' } else { '.' });
            out.push_str(decimals);
        }
        if self.percent {
            out.push('%');
        }
        out
    }
}

const WORDS: &str = "decimal_comma, thousands_comma, thousands_point, thousands_space, thousands_apostrophe, thousands_lakh, \
                     percent, currency, magnitude, clock, stopwatch, censored, about, unit:kg, units:kg, joined by '+'";

/// What says that a number is not exact, before it.
const ABOUT: [&str; 11] =
    ["~", "≈", "ca.", "ca ", "circa ", "c.", "approx.", "approx ", "about ", "etwa ", "ungefähr "];

/// A text without the sign before it that its number is not exact.
pub(crate) fn exact(text: &str) -> &str {
    let begins = |sign: &&str| text.get(..sign.len()).is_some_and(|start| start.eq_ignore_ascii_case(sign));
    ABOUT.iter().find(|sign| begins(sign)).map_or(text, |sign| text[sign.len()..].trim_start())
}

/// A text without the unit at its end.
fn without_unit<'a>(body: &'a str, unit: &str) -> &'a str {
    let plural = (unit.len() > 2).then(|| body.strip_suffix(['s', 'S'])).flatten();
    let body = plural.filter(|one| without_unit(one, unit).len() < one.len()).unwrap_or(body);
    let Some(at) = body.len().checked_sub(unit.len()).filter(|at| body.is_char_boundary(*at)) else {
        return body;
    };
    let (rest, end) = body.split_at(at);
    let same = end.chars().flat_map(char::to_lowercase).eq(unit.chars().flat_map(char::to_lowercase));
    if same && !rest.is_empty() { rest.trim_end() } else { body }
}

/// A text without the magnitude at its end, and the power of ten that it stands for.
fn without_magnitude(body: &str) -> (&str, Option<u8>) {
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

/// The seconds of `h:mm` (of a stopwatch `m:ss`) or `h:mm:ss`, with decimals of the last; the first may be more than a clock shows,
/// but for `1:30 PM`.
pub(super) fn clock(text: &str, stopwatch: bool) -> Option<f64> {
    if let Some((face, later)) = half_of_day(text) {
        let seconds = clock(face, false).filter(|s| (3600.0..46_800.0).contains(s))?;
        return Some(seconds % 43_200.0 + if later { 43_200.0 } else { 0.0 });
    }
    if stopwatch && let Some((minutes, seconds)) = text.split_once(':').filter(|(_, s)| !s.contains(':')) {
        let digits = !minutes.is_empty() && minutes.bytes().all(|b| b.is_ascii_digit());
        let minutes: f64 = minutes.parse().ok().filter(|_| digits)?;
        return clock(&format!("0:00:{seconds}"), false).map(|seconds| minutes * 60.0 + seconds);
    }
    let mut parts = text.split(':');
    let whole = |t: &str| if t.bytes().all(|b| b.is_ascii_digit()) { t.parse::<f64>().ok() } else { None };
    let hours = whole(parts.next()?)?;
    let minutes = parts.next().filter(|t| t.len() == 2).and_then(whole).filter(|m| *m < 60.0)?;
    let seconds = match parts.next() {
        Some(text) => {
            let sound = text.len() >= 2 && text.as_bytes()[..2].iter().all(u8::is_ascii_digit);
            plain_number(text).filter(|s| sound && *s < 60.0)?
        }
        None => 0.0,
    };
    parts.next().is_none().then_some(hours * 3600.0 + minutes * 60.0 + seconds)
}

impl fmt::Display for NumberFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            self.decimal_comma.then_some("decimal_comma"),
            self.thousands.map(Thousands::word),
            self.percent.then_some("percent"),
            self.currency.then_some("currency"),
            self.magnitude.then_some("magnitude"),
            self.clock.then_some("clock"),
            self.stopwatch.then_some("stopwatch"),
            self.censored.then_some("censored"),
            self.about.then_some("about"),
        ];
        let mut words: Vec<String> = words.into_iter().flatten().map(String::from).collect();
        words.extend(self.unit.as_ref().map(|unit| format!("unit:{unit}")));
        words.extend(self.units.as_ref().map(|unit| format!("units:{unit}")));
        f.write_str(&words.join("+"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str, text: &str) -> Option<f64> {
        NumberFormat::of_words(words).unwrap().parse(text)
    }

    #[test]
    fn decorations_are_read() {
        assert_eq!(read("decimal_comma", "3,15"), Some(3.15));
        assert_eq!(read("thousands_comma", "-1,234,567.5"), Some(-1234567.5));
        assert_eq!(read("thousands_comma", "1,23"), None);
        assert_eq!(read("thousands_space+decimal_comma", "12\u{a0}345,6"), Some(12345.6));
        assert_eq!(read("percent", "12.5 %"), Some(12.5));
        assert_eq!(read("currency+thousands_comma", "($1,500.00)"), Some(-1500.0));
        assert_eq!(read("currency", "-$5"), Some(-5.0));
        assert_eq!(read("currency", "CHF 12.50"), Some(12.5));
        assert_eq!(read("currency", "--5"), None);
        assert_eq!(read("currency", "$"), None);
        assert_eq!(read("", "1_000"), None);
    }

    #[test]
    fn numbers_as_the_world_writes_them() {
        assert_eq!(read("thousands_apostrophe", "1'234'567.5"), Some(1234567.5));
        assert_eq!(read("thousands_apostrophe", "301\u{2019}212"), Some(301212.0));
        assert_eq!(read("thousands_lakh", "1,23,45,678.5"), Some(12345678.5));
        assert_eq!(read("thousands_lakh", "12,345"), Some(12345.0));
        assert_eq!(read("thousands_lakh", "123,456"), None);
        assert_eq!(read("magnitude", "1.2K"), Some(1200.0));
        assert_eq!(read("magnitude+currency", "-$3.4 bn"), Some(-3.4e9));
        assert_eq!(read("magnitude+decimal_comma", "1,5 Mio."), Some(1.5e6));
        assert_eq!(read("magnitude", "950"), Some(950.0));
        assert_eq!(read("magnitude", "5x"), None);
        assert_eq!(read("clock", "1:02:03.5"), Some(3723.5));
        assert_eq!(read("clock", "-0:30"), Some(-1800.0));
        assert_eq!(read("clock", "1:60"), None);
        assert_eq!(read("clock", "100:00:01"), Some(360001.0));
        assert_eq!(read("clock", "12:30 AM"), Some(1800.0));
        assert_eq!(read("clock", "1:05:30 p.m."), Some(47_130.0));
        assert_eq!(read("clock", "13:00 pm"), None);
        assert_eq!(read("", "−5.5"), Some(-5.5));
        assert_eq!(read("censored", "<0.5"), Some(0.5));
        assert_eq!(read("censored+decimal_comma", ">= 1,5"), Some(1.5));
        assert_eq!(read("censored", "<"), None);
        assert_eq!(read("censored", "90+"), Some(90.0));
        assert_eq!(read("censored", "+"), None);
        assert_eq!(read("stopwatch", "35:30"), Some(2130.0));
        assert_eq!(read("stopwatch", "1:20:47"), Some(4847.0));
        assert_eq!(read("stopwatch", "125:00.5"), Some(7500.5));
        assert_eq!(read("stopwatch", "35:61"), None);
        assert_eq!(read("unit:kg", "12.5 KG"), Some(12.5));
        assert_eq!(read("unit:°C", "-3°c"), Some(-3.0));
        assert_eq!(read("unit:kg", "12 g"), None);
        assert_eq!(read("unit:kg", "kg"), None);
        assert_eq!(read("unit:star", "3.5 stars"), Some(3.5));
        assert_eq!(read("unit:star", "1 Star"), Some(1.0));
        assert_eq!(read("unit:kg", "1 kgs"), None);
        assert_eq!(read("clock", "2h 30m"), Some(9000.0));
        assert_eq!(read("clock", "-1 days +22:00:00"), Some(-7200.0));
        assert_eq!(read("clock", "45m"), Some(2700.0));
        // By the definitions of the international pound and inch.
        assert_eq!(read("units:kg", "300 g"), Some(0.3));
        assert_eq!(read("units:kg", "2 lb"), Some(0.90718474));
        assert_eq!(read("units:m", "5 in"), Some(0.127));
        assert_eq!(read("units:min", "1.5 h"), Some(90.0));
        assert_eq!(read("units:kg+decimal_comma", "1,5 t"), Some(1500.0));
        assert_eq!(read("units:kg", "5"), Some(5.0));
        assert_eq!(read("units:kg", "5 cm"), None);
        assert_eq!(read("about", "~5"), Some(5.0));
        assert_eq!(read("about", "ca. 5.5"), Some(5.5));
        assert_eq!(read("about+units:kg", "ca 300 g"), Some(0.3));
        assert_eq!(read("about", "5"), Some(5.0));
        assert_eq!(read("about", "~"), None);
    }

    #[test]
    fn accounts_powers_of_ten_and_digits_of_other_scripts() {
        for (words, text, wanted) in [
            ("currency+thousands_comma", "$(1,200.50)", Some(-1200.5)),
            ("currency+thousands_comma", "($1,200.50)", Some(-1200.5)),
            ("currency", "350.85-", Some(-350.85)),
            ("currency+decimal_comma", "84587,-", Some(84587.0)),
            ("currency", "CHF 120.-", Some(120.0)),
            ("currency+decimal_comma", "-5,–", Some(-5.0)),
            ("currency+thousands_lakh", "Rs. 12,34,567", Some(1234567.0)),
            ("currency", "-(5)", None),
            ("decimal_comma", "8,602E+04", Some(86020.0)),
            ("thousands_comma", "8,602E+04", None),
            ("thousands_comma", "8602.5E+01", Some(86025.0)),
            ("", "４７１６.５", Some(4716.5)),
            ("", "-٨٦٢٫٥", Some(-862.5)),
            ("thousands_comma", "۱٬۲۳۴", Some(1234.0)),
            ("percent", "१२%", Some(12.0)),
            ("percent", "12.5％", Some(12.5)),
            ("currency+thousands_comma", "￥1,234", Some(1234.0)),
            ("currency+thousands_lakh", "Rs. 5,00,000/-", Some(500_000.0)),
        ] {
            assert_eq!(read(words, text), wanted, "{words}: {text}");
        }
        assert_eq!(plain_number("十"), None);
    }

    #[test]
    fn unknown_words_are_named() {
        assert!(NumberFormat::of_words("decimal_koma").unwrap_err().contains("decimal_koma"));
        assert!(NumberFormat::of_words("decimal_comma+thousands_comma").is_err());
    }
}

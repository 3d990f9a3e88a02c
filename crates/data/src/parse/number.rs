//! Numbers as people write them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What stands between groups of three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thousands {
    /// `1,234,567`
    Comma,
    /// `1.234.567`
    Point,
    /// `1 234 567` (also with a no-break or thin space)
    Space,
}

/// How numbers are decorated.
///
/// A percentage is the number before the sign: `12.5%` is 12.5. A number in brackets is negative where there is a currency:
/// `($5.00)` is -5. Values that no 64-bit float can hold, such as `1e400`, and the words of infinity are not numbers here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NumberFormat {
    /// A comma stands before the decimals: `3,14`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub decimal_comma: bool,
    /// What stands between groups of three digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<Thousands>,
    /// There may be a percent sign.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub percent: bool,
    /// There may be a currency sign or code.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub currency: bool,
}

const CURRENCY_SIGNS: &[char] = &['$', '€', '£', '¥', '₹', '₽', '₩', '₺', '₴', '₪', '₫', '฿', '₦', '¢'];
const CURRENCY_CODES: &[&str] = &[
    "USD", "EUR", "GBP", "JPY", "CHF", "CNY", "INR", "AUD", "CAD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK",
    "HUF", "RUB", "BRL", "MXN", "ZAR", "KRW", "SGD", "HKD", "TRY", "US$", "R$", "kr.", "kr", "zł", "Kč",
    "Fr.",
];

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
    let bytes = text.trim().as_bytes();
    let bytes = bytes.strip_prefix(b"+").unwrap_or(bytes);
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    // The parser below also reads words (inf, nan).
    if !matches!(unsigned.first(), Some(b'0'..=b'9' | b'.')) {
        return None;
    }
    fast_float2::parse::<f64, _>(bytes).ok().filter(|x| x.is_finite())
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
                "percent" => format.percent = true,
                "currency" => format.currency = true,
                other => return Err(format!("'{other}' is not a way to write a number; use {WORDS}")),
            }
        }
        if format.decimal_comma && format.thousands == Some(Thousands::Comma) {
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
        let digit = |body: &str| body.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
        self.undress(text).is_some_and(|(_, body)| {
            let bare = text.trim().trim_start_matches(['-', '+', '−']).trim_start();
            body.len() < bare.len() && digit(body)
        })
    }

    fn parse_with(&self, text: &str, strict: bool) -> Option<f64> {
        let (negative, body) = self.undress(text)?;
        let decimal = if self.decimal_comma { ',' } else { '.' };
        let (mantissa, exponent) = match body.find(['e', 'E']) {
            Some(at) => body.split_at(at),
            None => (body, ""),
        };
        let (whole, decimals) = match mantissa.find(decimal) {
            Some(at) => (&mantissa[..at], Some(&mantissa[at + 1..])),
            None => (mantissa, None),
        };
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if !decimals.is_none_or(digits) || (whole.is_empty() && decimals.is_none_or(str::is_empty)) {
            return None;
        }
        let mut plain = String::with_capacity(body.len() + 2);
        if negative {
            plain.push('-');
        }
        self.push_whole(&mut plain, whole, strict)?;
        if let Some(decimals) = decimals {
            plain.push('.');
            plain.push_str(decimals);
        }
        plain.push_str(exponent);
        plain_number(&plain)
    }

    /// Takes off sign, brackets, currency and percent sign; says whether the rest is negative.
    fn undress<'a>(&self, text: &'a str) -> Option<(bool, &'a str)> {
        let mut negative = false;
        let mut signs = 0;
        let mut body = text.trim();
        if self.currency && body.starts_with('(') && body.ends_with(')') {
            body = body[1..body.len() - 1].trim();
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
            }
            if body.len() == before {
                return (signs <= 1).then_some((negative, body));
            }
        }
    }

    fn push_whole(&self, plain: &mut String, whole: &str, strict: bool) -> Option<()> {
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        let is_separator = |c: char| match self.thousands {
            Some(Thousands::Comma) => c == ',',
            Some(Thousands::Point) => c == '.',
            Some(Thousands::Space) => matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}'),
            None => false,
        };
        let mut groups = whole.split(is_separator);
        let first = groups.next().unwrap_or_default();
        let mut separated = false;
        if !digits(first) {
            return None;
        }
        plain.push_str(first);
        for group in groups {
            separated = true;
            if group.len() != 3 || !digits(group) {
                return None;
            }
            plain.push_str(group);
        }
        let sound = match (separated, strict) {
            (true, _) => (1..=3).contains(&first.len()) && !(strict && first.starts_with('0')),
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
        let separator = self.thousands.map(|t| match t {
            Thousands::Comma => ',',
            Thousands::Point => '.',
            Thousands::Space => ' ',
        });
        let mut out = String::new();
        if x.is_sign_negative() {
            out.push('-');
        }
        if self.currency {
            out.push('$');
        }
        for (i, digit) in whole.chars().enumerate() {
            if let Some(separator) = separator.filter(|_| i > 0 && (whole.len() - i) % 3 == 0) {
                out.push(separator);
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

fn without_currency(text: &str) -> &str {
    let text = text.trim_start_matches(CURRENCY_SIGNS).trim_end_matches(CURRENCY_SIGNS).trim();
    for code in CURRENCY_CODES {
        let n = code.len();
        if text.get(..n).is_some_and(|t| t.eq_ignore_ascii_case(code)) {
            return text[n..].trim_start();
        }
        if text.len() >= n && text.get(text.len() - n..).is_some_and(|t| t.eq_ignore_ascii_case(code)) {
            return text[..text.len() - n].trim_end();
        }
    }
    text
}

const WORDS: &str =
    "decimal_comma, thousands_comma, thousands_point, thousands_space, percent, currency, joined by '+'";

impl fmt::Display for NumberFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousands = self.thousands.map(|t| match t {
            Thousands::Comma => "thousands_comma",
            Thousands::Point => "thousands_point",
            Thousands::Space => "thousands_space",
        });
        let words = [
            self.decimal_comma.then_some("decimal_comma"),
            thousands,
            self.percent.then_some("percent"),
            self.currency.then_some("currency"),
        ];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join("+"))
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
    fn unknown_words_are_named() {
        assert!(NumberFormat::of_words("decimal_koma").unwrap_err().contains("decimal_koma"));
        assert!(NumberFormat::of_words("decimal_comma+thousands_comma").is_err());
    }
}

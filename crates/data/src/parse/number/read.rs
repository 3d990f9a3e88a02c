//! From a text to its number.

use super::clock::clock;
use super::fraction::fraction;
use super::magnitude::without_magnitude;
use super::marks::unmarked;
use super::plain::{plain_number, western};
use super::{NumberFormat, Thousands};
use crate::parse::angle::angle;
use crate::parse::currency::{NO_CENTS, without_currency};
use crate::parse::length::length;
use crate::parse::parts::parts;
use crate::parse::units::split;

impl NumberFormat {
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
        let text = if self.marks { unmarked(text) } else { text };
        let text =
            self.units.as_ref().and_then(|base| split(text.trim(), base)).map_or(text, |found| found.0);
        let body = self.undress(text).map_or(text.trim(), |(_, body)| body);
        if self.magnitude { without_magnitude(body).0 } else { body }
    }

    fn parse_with(&self, text: &str, strict: bool) -> Option<f64> {
        let text = if self.marks { unmarked(text) } else { text };
        match &self.units {
            None => self.parse_bare(text, strict),
            Some(base) => {
                let text = text.trim();
                if let Some(sum) = parts(if self.about { exact(text) } else { text }, base) {
                    return Some(sum);
                }
                let (number, factor) = split(text, base)?;
                self.parse_bare(number, strict).map(|x| x * factor)
            }
        }
    }

    /// As [`NumberFormat::parse`], without units that convert.
    fn parse_bare(&self, text: &str, strict: bool) -> Option<f64> {
        if self.degrees
            && let Some(angle) = angle(text)
        {
            return Some(angle);
        }
        if let Some(text) = western(text) {
            return self.parse_bare(&text, strict);
        }
        let (negative, body) = self.undress(text)?;
        if self.clock || self.stopwatch {
            let found = length(body)
                .or_else(|| clock(body, self.stopwatch).filter(|_| body.contains([':', 'h', 'H'])));
            if found.is_some() || body.contains(':') {
                return found.map(|x| if negative { -x } else { x });
            }
        }
        if self.fraction
            && let Some(x) = fraction(body)
        {
            return Some(if negative { -x } else { x });
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
                body = without_percent(body);
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
}

/// A text without the percent sign, or the word for it, at its end.
fn without_percent(body: &str) -> &str {
    let words = ["%", "pct", "pct.", "percent", "per cent", "prozent"];
    let found = words.iter().find_map(|word| {
        let (rest, end) = body.split_at_checked(body.len().checked_sub(word.len())?)?;
        end.eq_ignore_ascii_case(word).then_some(rest)
    });
    found.unwrap_or(body).trim_end()
}

/// What says that a number is not exact, before it.
const ABOUT: [&str; 11] =
    ["~", "≈", "ca.", "ca ", "circa ", "c.", "approx.", "approx ", "about ", "etwa ", "ungefähr "];

/// A text without the sign before it that its number is not exact.
pub(crate) fn exact(text: &str) -> &str {
    // `5.1 ± 0.2`: the error of a mean.
    let text = ["±", "+/-", "+-"]
        .iter()
        .find_map(|sign| text.split_once(sign))
        .map_or(text, |(mean, _)| mean.trim_end());
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

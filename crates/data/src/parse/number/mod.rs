//! Numbers as people write them.

mod clock;
mod fraction;
mod magnitude;
mod marks;
mod plain;
mod read;
mod thousands;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use self::clock::{clock, without_oclock};
pub(crate) use self::fraction::has_fraction;
pub(crate) use self::magnitude::magnitude;
pub(crate) use self::marks::unmarked;
pub use self::plain::plain_number;
pub(crate) use self::plain::{EXACT, has_digit};
pub(crate) use self::read::exact;
pub use self::thousands::Thousands;
use super::units::factor;

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
    /// There may be degree signs, minutes, seconds and hemispheres, as on maps: `52°31'12"N` is 52.52, `13.4° W` is -13.4.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub degrees: bool,
    /// There may be a fraction, alone or behind a whole number: `1 1/4` is 1.25, `2½` 2.5.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fraction: bool,
    /// There may be marks of footnotes or of significance behind the number, which are passed over: `4.2*`, `17†`, `8.1 [2]`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub marks: bool,
    /// There may be this unit behind the number, in any case, of three letters and more also with an `s` of more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// There may be any unit of the dimension of this one behind the number, which is converted to it: `300 g` is 0.3 kg. So are
    /// quantities in several units: with `units:in`, `5'11"` is 71.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<String>,
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
                "degrees" => format.degrees = true,
                "fraction" => format.fraction = true,
                "marks" => format.marks = true,
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
                     percent, currency, magnitude, clock, stopwatch, censored, about, degrees, fraction, marks, unit:kg, units:kg, joined by '+'";

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
            self.degrees.then_some("degrees"),
            self.fraction.then_some("fraction"),
            self.marks.then_some("marks"),
        ];
        let mut words: Vec<String> = words.into_iter().flatten().map(String::from).collect();
        words.extend(self.unit.as_ref().map(|unit| format!("unit:{unit}")));
        words.extend(self.units.as_ref().map(|unit| format!("units:{unit}")));
        f.write_str(&words.join("+"))
    }
}

#[cfg(test)]
mod tests;

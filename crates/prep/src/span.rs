//! A length along a line, as written in a recipe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Error, Kind, Result};

/// A length of time, such as `"90s"`, `"24h"`, `"7d"` or `"1w"`; along numbers a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Span {
    /// Along numbers.
    Number(f64),
    /// Along times: a number and one of the units `s`, `m`, `h`, `d`, `w`.
    Time(String),
}

impl Span {
    /// What is wrong with it as it is written.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Span::Number(x) if *x > 0.0 && x.is_finite() => Ok(()),
            Span::Number(x) => Err(format!("must be above 0, but is {x}")),
            Span::Time(text) => micros(text).map(drop).ok_or_else(|| {
                format!("is '{text}', not a length of time such as \"90s\", \"24h\", \"7d\" or \"1w\"")
            }),
        }
    }

    /// The length along a column of this kind: microseconds, or the number.
    pub(crate) fn length(&self, along: Kind, key: &str) -> Result<f64> {
        match (self, along) {
            (Span::Number(x), Kind::Number) => Ok(*x),
            (Span::Time(text), Kind::Time) if micros(text).is_some() => Ok(micros(text).unwrap_or(0.0)),
            (_, Kind::Time) => Err(Error::data(
                format!("'{key}' is no length of time, and rows are ordered along times"),
                "write a number and a unit, such as \"24h\" or \"7d\"",
            )),
            _ => Err(Error::data(
                format!("'{key}' is a length of time, and rows are ordered along numbers"),
                "write a number without a unit",
            )),
        }
    }
}

/// Microseconds.
fn micros(text: &str) -> Option<f64> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        'd' => 86_400.0,
        'w' => 604_800.0,
        _ => return None,
    };
    let number: f64 = text[..text.len() - 1].trim().parse().ok()?;
    Some(number * seconds * 1e6).filter(|length| *length >= 1.0 && length.is_finite())
}

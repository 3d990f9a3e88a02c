//! From a cell as it is written to its value: numbers, flags and timestamps, each in the ways people write them.

mod angle;
mod clock;
pub(crate) mod currency;
mod date;
mod flag;
mod length;
mod missing;
mod months;
mod number;
mod parts;
mod period;
pub(crate) mod spelling;
mod time;
mod units;
mod zone;

use std::fmt;

use serde::{Deserialize, Serialize};
use tidemill_core::{Error, Kind, Result};

pub(crate) use angle::{angle, has_minutes_or_hemisphere, hemisphere_of};
pub(crate) use clock::half_of_day;
pub use flag::{FlagFormat, yes_or_no};
pub(crate) use length::has_parts;
pub use missing::{Missing, is_missing_word, unquoted};
pub(crate) use missing::{bare, quoted};
pub(crate) use number::EXACT;
pub use number::{NumberFormat, Thousands, plain_number};
pub(crate) use number::{exact, has_digit, has_fraction, magnitude, unmarked, without_oclock};
pub(crate) use parts::least_part;
pub use spelling::one_each;
pub use time::{TimeFormat, write_iso};
pub use units::factor;
pub(crate) use zone::{is_place, zone_of};

/// How the values of a column are written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The plain way of the kind: `1234.5`, `2024-05-31T10:00:00Z`, the usual words of yes and no, text as it is.
    #[default]
    Plain,
    /// A number with decorations.
    Number(NumberFormat),
    /// A timestamp.
    Time(TimeFormat),
    /// Words of yes and no.
    Flag(FlagFormat),
}

impl Format {
    /// Whether there is nothing special.
    pub fn is_plain(&self) -> bool {
        *self == Format::Plain
    }

    /// Reads `format` of a recipe's column: see [`tidemill_core::recipe::ColumnSpec`]. Errors name the part that is not known.
    ///
    /// ```
    /// use tidemill_core::Kind;
    /// use tidemill_data::parse::Format;
    /// let format = Format::of_recipe("price", Kind::Number, "decimal_comma+currency").unwrap();
    /// assert_eq!(format.to_string(), "decimal_comma+currency");
    /// ```
    pub fn of_recipe(column: &str, kind: Kind, text: &str) -> Result<Self> {
        let wrong = |problem: String| Error::parameter(format!("columns.{column}.format"), problem);
        match kind {
            Kind::Number => NumberFormat::of_words(text).map(Format::Number).map_err(wrong),
            Kind::Time => TimeFormat::of_word(text).map(Format::Time).map_err(wrong),
            other => Err(wrong(format!(
                "only a number or a time has a format, not a {}; set 'kind' too",
                other.word()
            ))),
        }
    }
}

impl fmt::Display for Format {
    /// As a recipe writes it; nothing for what needs no saying.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Format::Plain | Format::Flag(_) => Ok(()),
            Format::Number(format) => format.fmt(f),
            Format::Time(format) => format.fmt(f),
        }
    }
}

//! What stands between groups of digits.

use serde::{Deserialize, Serialize};

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
    pub(super) fn separates(self, c: char) -> bool {
        match self {
            Thousands::Comma | Thousands::Lakh => c == ',',
            Thousands::Point => c == '.',
            Thousands::Space => matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}'),
            Thousands::Apostrophe => matches!(c, '\'' | '\u{2019}'),
        }
    }

    pub(super) fn sign(self) -> char {
        match self {
            Thousands::Comma | Thousands::Lakh => ',',
            Thousands::Point => '.',
            Thousands::Space => ' ',
            Thousands::Apostrophe => '\'',
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Thousands::Comma => "thousands_comma",
            Thousands::Point => "thousands_point",
            Thousands::Space => "thousands_space",
            Thousands::Apostrophe => "thousands_apostrophe",
            Thousands::Lakh => "thousands_lakh",
        }
    }

    /// Whether a separator stands before so many digits.
    pub(super) fn before(self, digits: usize) -> bool {
        match self {
            Thousands::Lakh => digits == 3 || (digits > 3 && (digits - 3).is_multiple_of(2)),
            _ => digits.is_multiple_of(3),
        }
    }
}

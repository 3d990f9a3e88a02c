//! Which texts mean "no value".

use std::collections::BTreeSet;

use super::plain_number;

/// The texts that mean "no value": the usual ones (empty, `NA`, `N/A`, `#N/A`, `NaN`, `null`, `None`, `?`, `-`, in any case,
/// spaces around them ignored) and those a user adds, which must match exactly; those that are
/// numbers also name the number, however it is written (`-999` means `-999.0` too, and -999 in a source that has types).
///
/// A word that a CSV file quotes is a value: it comes with its quotes (see [`unquoted`]), which make it another text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Missing {
    extra: BTreeSet<String>,
    numbers: Vec<f64>,
    /// Whether of the usual texts only the empty one counts.
    only: bool,
    /// Usual texts that are values here.
    values: BTreeSet<String>,
}

impl Missing {
    /// The usual texts and these.
    ///
    /// ```
    /// let missing = tidemill_data::parse::Missing::new(["-999"]);
    /// assert!(missing.is("-999") && missing.is(" n/a ") && !missing.is("0"));
    /// ```
    pub fn new<S: Into<String>>(extra: impl IntoIterator<Item = S>) -> Self {
        let extra: BTreeSet<String> = extra.into_iter().map(Into::into).collect();
        let numbers = extra.iter().filter_map(|text| plain_number(text)).collect();
        Missing { extra, numbers, ..Missing::default() }
    }

    /// None of the usual texts but the empty one.
    ///
    /// ```
    /// let missing = tidemill_data::parse::Missing::new(["nil"]).only();
    /// assert!(missing.is("nil") && missing.is(" ") && !missing.is("NA"));
    /// ```
    pub fn only(mut self) -> Self {
        self.only = true;
        self
    }

    /// The same, these texts being values.
    ///
    /// ```
    /// let missing = tidemill_data::parse::Missing::default().but(["None"]);
    /// assert!(missing.is("NA") && !missing.is("None"));
    /// ```
    pub fn but<S: Into<String>>(mut self, values: impl IntoIterator<Item = S>) -> Self {
        self.values = values.into_iter().map(Into::into).collect();
        self
    }

    /// Whether this number means "no value".
    ///
    /// ```
    /// let missing = tidemill_data::parse::Missing::new(["-999"]);
    /// assert!(missing.is_number(-999.0) && !missing.is_number(999.0));
    /// ```
    pub fn is_number(&self, x: f64) -> bool {
        x.is_nan() || self.numbers.contains(&x)
    }

    /// Whether a number other than `NaN` can mean "no value".
    pub(crate) fn has_numbers(&self) -> bool {
        !self.numbers.is_empty()
    }

    /// Whether a user named this text.
    pub(crate) fn is_told(&self, text: &str) -> bool {
        self.extra.contains(text)
    }

    /// Whether this text means "no value".
    pub fn is(&self, text: &str) -> bool {
        let text = bare(text);
        let usual = if self.only { text.is_empty() } else { usual(text) && !self.values.contains(text) };
        usual || (!self.extra.is_empty() && self.extra.contains(text))
    }
}

/// Whether a text is one of the usual words for "no value"; the empty text is none.
///
/// ```
/// use tidemill_data::parse::is_missing_word;
/// assert!(is_missing_word("NA") && !is_missing_word("") && !is_missing_word("\"NA\""));
/// ```
pub fn is_missing_word(text: &str) -> bool {
    !text.is_empty() && usual(text)
}

/// A cell without the quotes that a CSV file put around a word that would mean "no value" without them: `"NA"` is Namibia.
///
/// ```
/// use tidemill_data::parse::unquoted;
/// assert_eq!((unquoted("\"NA\""), unquoted("\"Oslo\"")), ("NA", "\"Oslo\""));
/// ```
pub fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inner.filter(|word| is_missing_word(word)).unwrap_or(text)
}

/// A value as a cell that [`Missing`] does not take for "no value": the other way of [`unquoted`].
pub(crate) fn quoted(value: &str) -> std::borrow::Cow<'_, str> {
    if is_missing_word(value) { format!("\"{value}\"").into() } else { value.into() }
}

/// Text without the spaces around it. Most has none, which its first and last byte tell.
pub(crate) fn bare(text: &str) -> &str {
    let visible = |b: Option<&u8>| b.is_some_and(|b| (0x21..0x7f).contains(b));
    let bytes = text.as_bytes();
    if visible(bytes.first()) && visible(bytes.last()) { text } else { text.trim() }
}

fn usual(text: &str) -> bool {
    // Nearly every cell is settled by its length or first byte.
    match text.len() {
        0 => true,
        1 => matches!(text, "?" | "-"),
        2 => text.eq_ignore_ascii_case("na"),
        3 => text.eq_ignore_ascii_case("nan") || text.eq_ignore_ascii_case("n/a"),
        4 => {
            text.eq_ignore_ascii_case("null")
                || text.eq_ignore_ascii_case("none")
                || text.eq_ignore_ascii_case("#n/a")
        }
        _ => false,
    }
}

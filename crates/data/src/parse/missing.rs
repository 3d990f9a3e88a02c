//! Which texts mean "no value".

use std::collections::BTreeSet;

/// The texts that mean "no value": the usual ones (empty, `NA`, `N/A`, `#N/A`, `NaN`, `null`, `None`, `?`, `-`, in any case,
/// spaces around them ignored) and those a user adds, which must match exactly.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Missing {
    extra: BTreeSet<String>,
}

impl Missing {
    /// The usual texts and these.
    ///
    /// ```
    /// let missing = tidemill_data::parse::Missing::new(["-999"]);
    /// assert!(missing.is("-999") && missing.is(" n/a ") && !missing.is("0"));
    /// ```
    pub fn new<S: Into<String>>(extra: impl IntoIterator<Item = S>) -> Self {
        Missing { extra: extra.into_iter().map(Into::into).collect() }
    }

    /// Whether this text means "no value".
    pub fn is(&self, text: &str) -> bool {
        let text = bare(text);
        usual(text) || (!self.extra.is_empty() && self.extra.contains(text))
    }
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

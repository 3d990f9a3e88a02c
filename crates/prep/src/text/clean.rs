//! One form for texts that mean the same.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What of a text is evened out, besides compatible characters (NFKC) and control characters.
#[derive(Clone, Copy)]
pub(crate) struct Cleaner {
    pub(crate) lowercase: bool,
    pub(crate) strip_accents: bool,
}

impl Cleaner {
    /// The text in its one form. Control characters become spaces.
    pub(crate) fn clean(self, text: &str) -> String {
        let spaced = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        if text.is_ascii() {
            // Every form of plain ASCII is itself.
            return spaced.map(|c| if self.lowercase { c.to_ascii_lowercase() } else { c }).collect();
        }
        let even = if self.strip_accents {
            spaced.nfkd().filter(|c| !is_combining_mark(*c)).nfc().collect::<String>()
        } else {
            spaced.nfkc().collect()
        };
        if self.lowercase { even.to_lowercase() } else { even }
    }
}

/// A name without what its spellings differ in: case, accents, and the number and place of spaces.
pub(crate) fn folded(name: &str) -> String {
    let even = Cleaner { lowercase: true, strip_accents: true }.clean(name);
    single_spaced(even.trim())
}

/// The text with one space for each run of white space.
pub(super) fn single_spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}

//! Faults of texts and names.

use serde::Serialize;

use super::cells::Cells;
use crate::parse::{bare, plain_number};
use crate::source::is_total;

/// What UTF-8 looks like when it is read as Windows-1252: the beginnings of its two- and three-byte characters. (`Ã` before
/// a lower-case letter is Portuguese; before these characters it is not a word of any language.)
const MOJIBAKE: &[&str] =
    &["â€", "Â ", "Â\u{a0}", "Â°", "Â£", "Â©", "Â®", "Â«", "Â»", "Ã\u{ad}", "ï»¿", "ðŸ"];

/// A longer text is no word for a total, in bytes.
const LONGEST_TOTAL: usize = 40;

/// Faults of the texts or names of a column. Where names are counted with an error, these counts are too low by as much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Words {
    /// Spaces before or after.
    pub spaces: Cells,
    /// The replacement character: bytes that were not text in the encoding that they were read in, lost for good.
    pub broken: Cells,
    /// UTF-8 that was read as Windows-1252: `Ã¼` for `ü`.
    pub mojibake: Cells,
    /// Control characters.
    pub control: Cells,
    /// Words for a sum of other rows, such as `Total` and `Subtotal 2023`.
    pub totals: Cells,
    /// Values that are plain numbers.
    pub numbers: Cells,
    /// Values that are not.
    pub texts: Cells,
}

impl Words {
    /// A text that comes so many times, first in `row`.
    pub(super) fn see(&mut self, text: &str, times: u64, row: u64) {
        let shown = || text.to_string();
        let bare = bare(text);
        if bare.len() != text.len() {
            self.spaces.note_times(times, row, || format!("'{text}'"));
        }
        let kind = if plain_number(bare).is_some() { &mut self.numbers } else { &mut self.texts };
        kind.note_times(times, row, shown);
        if bare.bytes().any(|b| b < 0x20) {
            self.control.note_times(times, row, || bare.escape_debug().to_string());
        }
        if names_total(bare) {
            self.totals.note_times(times, row, || format!("'{bare}'"));
        }
        if text.is_ascii() {
            return;
        }
        if text.contains('\u{fffd}') {
            self.broken.note_times(times, row, shown);
        } else if is_mojibake(text) {
            self.mojibake.note_times(times, row, shown);
        }
    }
}

/// Whether a name is a word for a total, or begins with one that means nothing else.
fn names_total(text: &str) -> bool {
    if text.len() > LONGEST_TOTAL {
        return false;
    }
    let text = text.to_lowercase();
    let begins = ["subtotal", "sub-total", "sub total", "grand total", "zwischensumme"];
    // These may well be values: a mean income, the media.
    let open = ["media", "mean", "average", "avg", "sum", "soma"];
    (is_total(&text) && !open.contains(&&*text)) || begins.iter().any(|word| text.starts_with(word))
}

fn is_mojibake(text: &str) -> bool {
    // `Ã` followed by what the second byte of a character of Latin-1 is in Windows-1252.
    let follows = |c: char| {
        matches!(c, '\u{a0}'..='\u{bf}' | '\u{80}'..='\u{9f}') || "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ".contains(c)
    };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if matches!(c, 'Ã' | 'Å' | 'Ä') && chars.peek().copied().is_some_and(follows) {
            return true;
        }
    }
    MOJIBAKE.iter().any(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::{is_mojibake, names_total};

    #[test]
    fn words_for_totals_are_told_from_names() {
        for word in ["Total", "TOTAL:", "Subtotal 2023", "Grand Total (EUR)", "Gesamt", "合计"] {
            assert!(names_total(word), "{word}");
        }
        for word in ["Totalmente", "total war", "Media", "mean", "Toto", "", "sum"] {
            assert!(!names_total(word), "{word}");
        }
    }

    /// Every European letter written as UTF-8 and read as Windows-1252 is seen (where Windows-1252 has its bytes at all); the letter
    /// itself is not.
    #[test]
    fn damage_is_told_from_letters() {
        for word in [
            "Zürich",
            "Málaga",
            "São Paulo",
            "Łódź",
            "Ålesund",
            "façade",
            "naïve",
            "Ä",
            "Å",
            "ÃO",
            "Ñandú",
            "Plzeň",
        ] {
            assert!(!is_mojibake(word), "{word}");
        }
        for word in ["Zürich", "Málaga", "São Paulo", "façade", "naïve", "don’t", "5 °C", "Ærø", "Smørrebrød"]
        {
            let (read, _, _) = encoding_rs::WINDOWS_1252.decode(word.as_bytes());
            assert!(is_mojibake(&read), "{word}: {read}");
        }
    }
}

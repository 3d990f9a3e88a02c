//! Spellings of one name: what differs only in case, spaces or accents, and whole numbers with `.0` behind them. Where all names are
//! words of yes and no, so are those that mean the same.

use hashbrown::HashMap;
use unicode_normalization::UnicodeNormalization;

use super::{FlagFormat, plain_number};

/// A text in the composed form of Unicode (NFC), which is the same text: `ü` is one character, not a `u` and two dots, as file systems of
/// Apple write it. `None` where it has ASCII alone.
pub(crate) fn composed(text: &str) -> Option<String> {
    (!text.is_ascii()).then(|| text.nfc().collect())
}

/// Without accents, case, the number and place of spaces, and the zeros behind the point of a whole number.
pub(crate) fn folded(name: &str) -> String {
    let whole = name.trim().split_once('.').filter(|(whole, zeros)| {
        !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') && plain_number(whole).is_some()
    });
    match whole {
        Some((whole, _)) => whole.to_string(),
        None => spaced(&plain(name)).to_lowercase(),
    }
}

/// Whether names that are all numbers, or all words of yes and no, are the fewer once their spellings are merged.
pub(crate) fn repeats(names: &[(&str, u64)]) -> bool {
    let numbers = names.iter().all(|(name, _)| plain_number(name).is_some());
    if !numbers && flags(names).is_none() {
        return false;
    }
    let mut found = merged(names, &[]);
    found.sort_unstable();
    found.dedup();
    found.len() < names.len()
}

/// The spelling that stands for each of these names, where they are all numbers or all words of yes and no, and some are written in
/// several ways; `None` otherwise.
///
/// ```
/// let names = [("True", 5), ("False", 3), ("1", 1)];
/// assert_eq!(tidemill_data::parse::one_each(&names), Some(vec!["True", "False", "True"]));
/// assert_eq!(tidemill_data::parse::one_each(&[("Oslo", 1), ("oslo", 2)]), None);
/// ```
pub fn one_each<'a>(names: &[(&'a str, u64)]) -> Option<Vec<&'a str>> {
    repeats(names).then(|| merged(names, &[]))
}

/// The words of yes and no that all names are; `None` where these are one word each, but for case.
fn flags(names: &[(&str, u64)]) -> Option<FlagFormat> {
    let format = FlagFormat::of_words(names.iter().map(|n| n.0))?;
    (format.yes.len() > 1 || format.no.len() > 1).then_some(format)
}

/// Runs of white space as one space, none around.
pub(crate) fn spaced(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without accents.
pub(crate) fn plain(name: &str) -> String {
    let seen = |c: &char| !is_mark(*c) && !is_invisible(*c);
    if name.is_ascii() { name.to_string() } else { name.chars().map(bare).filter(seen).collect() }
}

/// Spaces without width, marks of direction, soft hyphens: what copying from a page or a PDF brings along.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}'
    )
}

fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// A letter of the Latin alphabets without its accent.
fn bare(c: char) -> char {
    const ROWS: &[(char, &str)] = &[
        ('A', "ÀÁÂÃÄÅĀĂĄ"),
        ('a', "àáâãäåāăą"),
        ('C', "ÇĆĈĊČ"),
        ('c', "çćĉċč"),
        ('D', "ĎĐ"),
        ('d', "ďđ"),
        ('E', "ÈÉÊËĒĔĖĘĚ"),
        ('e', "èéêëēĕėęě"),
        ('G', "ĜĞĠĢ"),
        ('g', "ĝğġģ"),
        ('I', "ÌÍÎÏĨĪĬĮİ"),
        ('i', "ìíîïĩīĭįı"),
        ('L', "ĹĻĽŁ"),
        ('l', "ĺļľł"),
        ('N', "ÑŃŅŇ"),
        ('n', "ñńņň"),
        ('O', "ÒÓÔÕÖØŌŎŐ"),
        ('o', "òóôõöøōŏő"),
        ('R', "ŔŖŘ"),
        ('r', "ŕŗř"),
        ('S', "ŚŜŞŠȘ"),
        ('s', "śŝşšș"),
        ('T', "ŢŤȚ"),
        ('t', "ţťț"),
        ('U', "ÙÚÛÜŨŪŬŮŰŲ"),
        ('u', "ùúûüũūŭůűų"),
        ('Y', "ÝŸ"),
        ('y', "ýÿ"),
        ('Z', "ŹŻŽ"),
        ('z', "źżž"),
    ];
    if c.is_ascii() {
        return c;
    }
    ROWS.iter().find(|(_, accented)| accented.contains(c)).map_or(c, |row| row.0)
}

/// For each name, which comes so many times, the spelling that stands for all of its spellings: one of `known` where there is any,
/// else the most frequent, of equally frequent ones the first.
pub(crate) fn merged<'a>(names: &[(&'a str, u64)], known: &'a [String]) -> Vec<&'a str> {
    let flags = flags(names);
    let key = |name: &str| match flags.as_ref().and_then(|flags| flags.parse(name)) {
        Some(yes) => yes.to_string(),
        None => folded(name),
    };
    let mut best: HashMap<String, (&str, u64)> = HashMap::new();
    for known in known {
        best.insert(key(known), (known, u64::MAX));
    }
    for &(name, count) in names {
        let best = best.entry(key(name)).or_insert((name, count));
        if count > best.1 {
            *best = (name, count);
        }
    }
    names.iter().map(|(name, _)| best.get(&key(name)).map_or(*name, |b| b.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::{merged, repeats};

    #[test]
    fn one_spelling_stands_for_all() {
        let names =
            [("yes", 2), ("Yes", 5), ("NO", 1), ("no", 1), ("Málaga", 1), ("Malaga ", 3), ("maybe", 1)];
        let found = merged(&names, &[]);
        assert_eq!(found, ["Yes", "Yes", "NO", "NO", "Malaga ", "Malaga ", "maybe"]);
        let numbers = [("0", 3), ("1", 4), ("0.0", 9), ("1.00", 1), ("01", 1), ("1.5", 1)];
        assert_eq!(merged(&numbers, &[]), ["0.0", "1", "0.0", "1", "01", "1.5"]);
        let flags = [("True", 9), ("False", 3), ("1", 4), ("0", 8), ("no", 1)];
        assert_eq!(merged(&flags, &[]), ["True", "0", "True", "0", "0"]);
        assert!(repeats(&numbers) && repeats(&flags));
        assert!(!repeats(&[("Paris", 1), ("paris", 2)]) && !repeats(&[("yes", 1), ("no", 2)]));
        assert!(!repeats(&[("1", 1), ("2", 2), ("01", 1)]));
        let known = ["no".to_string()];
        assert_eq!(merged(&names, &known)[2..4], ["no", "no"]);
    }
}

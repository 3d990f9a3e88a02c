//! Which columns name rows instead of describing them.

use tidemill_kernel::words::{Piece, count, pieces};

use super::facts::Facts;
use super::hints::Hints;

/// Whether a column tells something about its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// It does.
    None,
    /// It names the row: never missing, never twice.
    Clear,
    /// It names the row or something the row belongs to, but is missing or repeats.
    Blurred,
    /// It says nothing: constant or empty.
    Useless,
}

/// How few rows may be called "all different" without a hint in the name.
const ENOUGH: u64 = 20;

/// So many digits, always as many, are the number of a card or an account; times in milliseconds have 13.
const LONG: usize = 14;

/// Whole numbers.
pub(crate) fn of_numbers(
    facts: &Facts<'_>,
    hints: &Hints,
    numbers: &[f64],
    padded: bool,
) -> Option<(Identity, String)> {
    let unique = facts.n_distinct() as u64 == facts.n_values;
    let enough = facts.n_values >= ENOUGH;
    if hints.count() && !hints.identifier() {
        return None;
    }
    if unique && (hints.identifier() || hints.row_number()) && facts.n_values >= 3 {
        return Some((clear(facts), "an identifier: all values differ, and the name says so".into()));
    }
    if unique && enough && !hints.year() && !hints.time() {
        let steps = numbers.windows(2).all(|w| w[1] - w[0] == 1.0);
        if steps && numbers.first().is_some_and(|&x| x == 0.0 || x == 1.0) {
            return Some((clear(facts), "an identifier: it counts the rows".into()));
        }
        let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let n = facts.n_values as f64;
        if high - low + 1.0 <= n * 1.02 && n >= 100.0 {
            return Some((clear(facts), "an identifier: every whole number of its range comes once".into()));
        }
        let width = facts.values[0].0.len();
        if (padded || width >= 9) && !hints.code() && facts.values.iter().all(|v| v.0.len() == width) {
            return Some((clear(facts), format!("an identifier: all values differ and have {width} digits")));
        }
    }
    let long = |text: &str| text.len() >= LONG && text.bytes().all(|b| b.is_ascii_digit());
    let alike = facts.values.iter().all(|v| long(v.0) && v.0.len() == facts.values[0].0.len());
    // Amounts that large end with zeros, and so do times in finer units.
    let odd = || facts.values.iter().any(|v| !v.0.ends_with("00")) && !hints.time() && !hints.year();
    let numbered = alike && facts.n_distinct() > 20 && odd();
    if numbered || (hints.identifier() && facts.n_distinct() > 50 && facts.distinct_ratio() > 0.05) {
        return Some((Identity::Blurred, repeats()));
    }
    None
}

/// Words.
pub(crate) fn of_texts(facts: &Facts<'_>, hints: &Hints) -> Option<(Identity, String)> {
    let (ratio, enough) = (facts.distinct_ratio(), facts.n_values >= ENOUGH);
    // Digits and signs alone are no words, whatever divides them: `+49 170 1234567`.
    let spoken = facts.share(|t| t.chars().any(char::is_alphabetic)) > 0.1;
    let words = if spoken { facts.mean(count) } else { 1.0 };
    if ratio > 0.9 && facts.n_values >= 5 && facts.share(is_hash) > 0.99 {
        return Some((clear(facts), "an identifier: hexadecimal codes such as a UUID or a hash".into()));
    }
    if ratio > 0.9 && facts.n_values >= 3 && hints.identifier() && words < 3.0 {
        return Some((clear(facts), "an identifier: the values differ, and the name says so".into()));
    }
    if ratio > 0.9 && enough && facts.share(|t| t.contains('@') && t.contains('.') && !t.contains(' ')) > 0.9
    {
        return Some((clear(facts), "an identifier: addresses of e-mail".into()));
    }
    let short = facts.mean(|t| t.chars().count() as f64) <= 40.0;
    let short = short && facts.share(is_path) <= 0.5;
    let numbered = facts.share(|t| t.bytes().any(|b| b.is_ascii_digit())) > 0.9;
    if ratio > 0.98 && enough && numbered && short && words < 3.0 {
        return Some((clear(facts), "an identifier: short codes that all differ".into()));
    }
    if ratio > 0.98 && facts.n_values >= 50 && short && words < 1.5 && facts.share(is_word) > 0.9 {
        return Some((clear(facts), "an identifier: single words that all differ".into()));
    }
    if hints.identifier() && facts.n_distinct() > 50 && ratio > 0.05 {
        return Some((Identity::Blurred, repeats()));
    }
    None
}

/// How many words and signs a text has, whatever divides them: `#sun#sea` and `view|buy` have two.
pub(super) fn parts(text: &str) -> usize {
    let mut n = 0;
    pieces(text, |_| n += 1);
    n
}

/// Whether a text is one word: not signs alone, and not several.
fn is_word(text: &str) -> bool {
    let (mut n, mut spoken) = (0, false);
    pieces(text, |piece| {
        let (Piece::Word(word) | Piece::Run(_, word)) = piece;
        n += 1;
        spoken |= word.chars().any(char::is_alphanumeric);
    });
    n == 1 && spoken
}

fn repeats() -> String {
    "an identifier that repeats: if rows of one value belong together, name it as the group".into()
}

fn clear(facts: &Facts<'_>) -> Identity {
    let sole = facts.n_missing() == 0 && facts.n_distinct() as u64 == facts.n_values;
    if sole { Identity::Clear } else { Identity::Blurred }
}

/// An address of the web or a path: its parts say something about the row.
pub(super) fn is_path(text: &str) -> bool {
    !text.contains(' ') && (text.contains("://") || text.matches('/').count() > 1)
}

/// Sixteen hexadecimal digits or more, with at least one digit and no other characters than dashes or braces.
fn is_hash(text: &str) -> bool {
    let body = text.trim_matches(['{', '}']);
    let hex = body.bytes().filter(u8::is_ascii_hexdigit).count();
    hex >= 16
        && body.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        && body.bytes().any(|b| b.is_ascii_digit())
}

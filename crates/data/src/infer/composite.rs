//! Cells that hold several numbers (`120/80`), or a number and one of several words (`5.20 CR`, `7.10 DR`): read as names, and said.

use super::facts::Facts;
use super::formats::Doubt;
use super::numbers::suffix;
use crate::parse::exact;
use crate::plan::Weight;

/// What may stand between the numbers of one cell.
const SIGNS: [&str; 9] = ["/", "x", "×", "*", ":", "|", "by", "of", "out of"];
/// Fewer different values are names of ranges, grades and the like.
const FEWEST: usize = 10;
/// The most words that may stand behind numbers.
const WORDS: usize = 6;

/// Whether nearly all values are two or three numbers with one sign between them, and which sign that is.
fn sign(facts: &Facts<'_>) -> Option<&'static str> {
    if facts.n_distinct() <= FEWEST {
        return None;
    }
    let first = divided(facts.values.first()?.0)?;
    (facts.share(|text| divided(text) == Some(first)) >= 0.95).then_some(first)
}

/// The sign between the two or three numbers of a text that holds nothing else.
fn divided(text: &str) -> Option<&'static str> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == ',';
    if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let between: Vec<&str> = text.split(is_number).map(str::trim).filter(|part| !part.is_empty()).collect();
    // What stands between two characters of one word must stand together.
    let whole = text.split(|c: char| is_number(c)).filter(|part| !part.trim().is_empty()).count();
    let sign =
        SIGNS.into_iter().find(|sign| between.first().is_some_and(|s| s.eq_ignore_ascii_case(sign)))?;
    ((1..=2).contains(&whole) && between.iter().all(|s| s.eq_ignore_ascii_case(sign))).then_some(sign)
}

/// Whether the cells are numbers that cannot be read as such, and so are no names of rows.
pub(super) fn holds_numbers(facts: &Facts<'_>) -> bool {
    sign(facts).is_some() || worded(facts).is_some()
}

/// What is said of cells of several numbers.
pub(super) fn several(facts: &Facts<'_>) -> Option<Doubt> {
    let sign = sign(facts)?;
    let example = facts.values.first()?.0;
    Some(Doubt {
        code: "several_numbers",
        weight: Weight::Warning,
        message: format!(
            "each value, such as '{example}', holds several numbers divided by '{sign}'; they are read as names"
        ),
        remedy: "put each number into a column of its own".into(),
    })
}

/// What is said of numbers with one of a few words behind them that do not convert into each other.
pub(super) fn worded(facts: &Facts<'_>) -> Option<Doubt> {
    if facts.n_distinct() <= FEWEST {
        return None;
    }
    let word = |text: &str| suffix(exact(text)).map(str::to_lowercase);
    let with: Vec<(&str, String)> = facts.values.iter().filter_map(|v| Some((v.0, word(v.0)?))).collect();
    let mut words: Vec<&String> = with.iter().map(|(_, word)| word).collect();
    words.sort_unstable();
    words.dedup();
    let (first, other) = (with.first()?, with.iter().find(|(_, word)| *word != with[0].1)?);
    // `12A` is a seat or a code.
    let apart = with.iter().filter(|(text, _)| text.contains([' ', '.', ','])).count();
    let enough = with.len() * 10 >= facts.n_distinct() * 8 && apart * 10 >= with.len() * 8;
    (enough && words.len() <= WORDS).then(|| Doubt {
        code: "numbers_with_words",
        weight: Weight::Warning,
        message: format!(
            "numbers have one of {} words behind them, such as '{}' and '{}'; they are read as names",
            words.len(),
            first.0,
            other.0
        ),
        remedy: "put the words into a column of its own; where one means less than nothing, write a minus"
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::divided;

    #[test]
    fn numbers_of_one_cell_are_found() {
        for (text, sign) in [
            ("120/80", Some("/")),
            ("1024x768", Some("x")),
            ("10 X 20 x 5.5", Some("x")),
            ("3 out of 5", Some("out of")),
            ("5:1", Some(":")),
            ("1", None),
            ("10-20", None),
            ("10/a", None),
            ("+49 170", None),
            ("1/2/3/4", None),
            ("", None),
        ] {
            assert_eq!(divided(text), sign, "{text}");
        }
    }
}

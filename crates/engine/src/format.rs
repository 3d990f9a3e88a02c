//! Formats of numbers, sizes and times.

use std::time::Duration;

/// With a capital letter.
pub(crate) fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// With its indefinite article.
pub(crate) fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}

/// With a small letter, but for abbreviations.
pub(crate) fn lower(title: &str) -> String {
    let mut letters = title.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(std::iter::once(second)).chain(letters).collect()
        }
        _ => title.to_string(),
    }
}

/// At most so many letters, the last of them `…` where some are left out.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// Below this, twelve digits behind the point are zeros.
const LEAST: f64 = 5e-13;

/// Four significant figures. Nothing but zeros is `0`, and what is not a number is `–`.
pub(crate) fn short(x: f64) -> String {
    if !x.is_finite() {
        return "–".into();
    }
    if x.abs() < LEAST {
        return "0".into();
    }
    let digits = (3 - x.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{x:.digits$}")
}

/// A number of a user's table: all its digits, unless they are many.
pub(crate) fn plain(x: f64) -> String {
    match x.abs() {
        size if size != 0.0 && !(1e-4..1e12).contains(&size) => format!("{x:e}"),
        _ => x.to_string(),
    }
}

pub(crate) fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 1e-3 => format!("{:.0} ms", 1e3 * s),
        s if s >= 1e-6 => format!("{:.1} us", 1e6 * s),
        s => format!("{:.0} ns", 1e9 * s),
    }
}

pub(crate) fn size(bytes: u64) -> String {
    match bytes as f64 {
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b if b >= 1e3 => format!("{:.0} kB", b / 1e3),
        b => format!("{b:.0} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::{plain, short};

    #[test]
    fn what_rounds_to_nothing_is_a_zero() {
        let said = [0.0, -0.0, 1.7e-17, -4e-13, 1e-9, 0.12345, 1234.5].map(short);
        assert_eq!(said, ["0", "0", "0", "0", "0.000000001000", "0.1235", "1234"]);
        assert_eq!([short(f64::NAN), short(f64::INFINITY)], ["–", "–"]);
    }

    #[test]
    fn long_numbers_are_short() {
        let said = [1e300, -3.5, 594486.98, 0.0, 1e-9, 1e11].map(plain);
        assert_eq!(said, ["1e300", "-3.5", "594486.98", "0", "1e-9", "100000000000"]);
    }
}

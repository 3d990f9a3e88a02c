//! The time of day behind or before a date.

use super::date::number;
use super::zone::zone;

pub(super) const SECOND: i64 = 1_000_000;

/// What says in which half of the day a time is, and whether that is the second one; also as Spanish writes it.
const HALVES: [(&str, bool); 8] = [
    ("am", false),
    ("pm", true),
    ("a.m.", false),
    ("p.m.", true),
    ("a. m.", false),
    ("p. m.", true),
    ("a.\u{a0}m.", false),
    ("p.\u{a0}m.", true),
];

/// A time of day without the half of the day at its end, and whether that is the second one; `None` where none stands there.
pub(crate) fn half_of_day(text: &str) -> Option<(&str, bool)> {
    HALVES.iter().find_map(|(word, later)| {
        let (face, end) = text.split_at_checked(text.len().checked_sub(word.len())?)?;
        end.eq_ignore_ascii_case(word).then_some((face.trim_end(), *later))
    })
}

/// What follows the half of the day at the beginning of a text, and whether that is the second one.
pub(super) fn after_half(text: &str) -> Option<(&str, bool)> {
    HALVES.iter().find_map(|(word, later)| {
        let (half, rest) = text.split_at_checked(word.len())?;
        // `America/New_York` begins with no half of the day.
        let ends = !rest.starts_with(char::is_alphabetic);
        (ends && half.eq_ignore_ascii_case(word)).then_some((rest.trim_start(), *later))
    })
}

/// `1030` and `103015` with colons.
pub(super) fn with_colons(text: &str) -> Option<String> {
    let n = text.bytes().take_while(u8::is_ascii_digit).count();
    let (face, rest) = text.split_at(n);
    match n {
        4 => Some(format!("{}:{}{rest}", &face[..2], &face[2..])),
        6 => Some(format!("{}:{}:{}{rest}", &face[..2], &face[2..4], &face[4..])),
        _ => None,
    }
}

/// A clock with points between its parts, as Finns write it and DB2 does, with colons: `10.30`, `10.30.15.123456`.
fn without_points(text: &str) -> Option<String> {
    let hour = text.bytes().take_while(u8::is_ascii_digit).count();
    let digits = |b: &[u8]| b.iter().take_while(|b| b.is_ascii_digit()).count();
    let after = text.as_bytes().get(hour + 1..).unwrap_or_default();
    let dotted = !text.contains(':') && text.as_bytes().get(hour) == Some(&b'.') && digits(after) == 2;
    dotted.then(|| text.replacen('.', ":", 2))
}

/// `HH:MM[:SS[.fraction]] [AM|PM] [zone]`, in microseconds from midnight UTC.
pub(super) fn clock(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(text) = without_points(text) {
        return clock(&text);
    }
    let end =
        text.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.' && c != ',').unwrap_or(text.len());
    let (face, mut rest) = (&text[..end], text[end..].trim());
    let mut parts = face.split(':');
    let mut hour = number(parts.next()?.as_bytes())?;
    let minute = number(parts.next()?.as_bytes())?;
    let micros = parts.next().map_or(Some(0), seconds)?;
    if let Some((after, later)) = after_half(rest) {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if later { 12 } else { 0 };
        rest = after;
    }
    // 24:00:00 ends the day; a leap second counts as the next one.
    let whole = (0..24).contains(&hour) || (hour == 24 && minute == 0 && micros == 0);
    if parts.next().is_some() || minute > 59 || !whole {
        return None;
    }
    Some((hour * 60 + minute) * 60 * SECOND + micros - zone(rest)?)
}

fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let second = number(whole.as_bytes()).filter(|s| *s <= 60)?;
    if fraction.is_empty() {
        return Some(second * SECOND);
    }
    // Digits past the microsecond are dropped.
    let digits = fraction.as_bytes();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let kept = &digits[..digits.len().min(6)];
    Some(second * SECOND + number(kept)? * 10_i64.pow(6 - kept.len() as u32))
}

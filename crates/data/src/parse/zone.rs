//! Zones of timestamps.

use super::clock::{SECOND, after_half};
use super::date::number;

/// The zone that a timestamp with a clock is written in: `Z`, `+02:00`, or nothing where none is; `None` without a clock.
pub(crate) fn zone_of(text: &str) -> Option<String> {
    let text = text.trim();
    let (_, rest) = text.split_once(':')?;
    let start =
        rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ',')).unwrap_or(rest.len());
    let written = rest[start..].trim();
    let written = after_half(written).map_or(written, |(after, _)| after);
    let minutes = zone(written)? / (60 * SECOND);
    Some(match minutes {
        _ if written.is_empty() || is_place(written) => written.into(),
        0 => "Z".into(),
        m => format!("{}{:02}:{:02}", if m < 0 { '-' } else { '+' }, m.abs() / 60, m.abs() % 60),
    })
}

/// Whether a zone is named by a place, such as `Europe/Berlin`. How far it is ahead of UTC depends on the day, and the clock is read as it stands.
pub(crate) fn is_place(zone: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part.chars().all(|c| c.is_ascii_alphabetic() || "_-".contains(c))
    };
    zone.contains('/') && zone.split('/').all(part)
}

/// The microseconds that a zone is ahead of UTC.
pub(super) fn zone(text: &str) -> Option<i64> {
    // `+01:00[Europe/Berlin]`, as Java writes it.
    if let Some((offset, place)) = text.strip_suffix(']').and_then(|t| t.split_once('[')) {
        return zone(if offset.is_empty() { place } else { offset.trim() }).filter(|_| zone(place).is_some());
    }
    if is_place(text) {
        return Some(0);
    }
    // `GMT+0100 (Central European Standard Time)`, as browsers write it.
    let text =
        text.strip_suffix(')').and_then(|t| t.split_once('(')).map_or(text, |(zone, _)| zone.trim_end());
    let signed = |t: &&str| t.starts_with(['+', '-']);
    let text = ["GMT", "UTC"].iter().find_map(|z| text.strip_prefix(z)).filter(signed).unwrap_or(text);
    if text.is_empty() || ["Z", "UTC", "GMT", "UT"].iter().any(|z| z.eq_ignore_ascii_case(text)) {
        return Some(0);
    }
    // The zones that RFC 2822 names, and those of Europe, East Asia and Australia that have one meaning there.
    let named = [
        ("WET", 0),
        ("WEST", 1),
        ("BST", 1),
        ("CET", 1),
        ("MEZ", 1),
        ("CEST", 2),
        ("MESZ", 2),
        ("EET", 2),
        ("EEST", 3),
        ("MSK", 3),
        ("HKT", 8),
        ("SGT", 8),
        ("JST", 9),
        ("KST", 9),
        ("AEST", 10),
        ("AEDT", 11),
        ("NZST", 12),
        ("NZDT", 13),
        ("EST", -5),
        ("EDT", -4),
        ("CST", -6),
        ("CDT", -5),
        ("MST", -7),
        ("MDT", -6),
        ("PST", -8),
        ("PDT", -7),
    ];
    if let Some((_, hours)) = named.iter().find(|(name, _)| *name == text) {
        return Some(hours * 3600 * SECOND);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: Vec<u8> = digits.bytes().filter(|b| *b != b':').collect();
    let (hours, minutes) = match digits.len() {
        1 | 2 => (number(&digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60 * SECOND)
}

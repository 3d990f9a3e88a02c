//! Lengths of time as a clock writes them.

use super::plain::plain_number;
use crate::parse::clock::half_of_day;

/// A time of day without the word that says that it is one.
pub(crate) fn without_oclock(text: &str) -> Option<&str> {
    ["Uhr", "uhr", "UHR"].iter().find_map(|word| text.strip_suffix(word)).map(str::trim_end)
}

/// The seconds of `h:mm` (of a stopwatch `m:ss`) or `h:mm:ss`, with decimals of the last; the first may be more than a clock shows,
/// but for `1:30 PM`.
pub(crate) fn clock(text: &str, stopwatch: bool) -> Option<f64> {
    if let Some((face, later)) = half_of_day(text) {
        let seconds = clock(face, false).filter(|s| (3600.0..46_800.0).contains(s))?;
        return Some(seconds % 43_200.0 + if later { 43_200.0 } else { 0.0 });
    }
    if let Some(face) = without_oclock(text) {
        // `7 Uhr`, `7.30 Uhr`.
        return if face.contains(['.', ':']) {
            clock(&face.replacen('.', ":", 1), false)
        } else {
            clock(&format!("{face}:00"), false)
        };
    }
    if let Some((hours, minutes)) = text.split_once(['h', 'H']).filter(|(_, minutes)| minutes.len() == 2) {
        // `7h30`, as the French write it.
        return clock(&format!("{hours}:{minutes}"), false);
    }
    if stopwatch && let Some((minutes, seconds)) = text.split_once(':').filter(|(_, s)| !s.contains(':')) {
        let digits = !minutes.is_empty() && minutes.bytes().all(|b| b.is_ascii_digit());
        let minutes: f64 = minutes.parse().ok().filter(|_| digits)?;
        return clock(&format!("0:00:{seconds}"), false).map(|seconds| minutes * 60.0 + seconds);
    }
    let mut parts = text.split(':');
    let whole = |t: &str| if t.bytes().all(|b| b.is_ascii_digit()) { t.parse::<f64>().ok() } else { None };
    let hours = whole(parts.next()?)?;
    let minutes = parts.next().filter(|t| t.len() == 2).and_then(whole).filter(|m| *m < 60.0)?;
    let seconds = match parts.next() {
        Some(text) => {
            let sound = text.len() >= 2 && text.as_bytes()[..2].iter().all(u8::is_ascii_digit);
            plain_number(text).filter(|s| sound && *s < 60.0)?
        }
        None => 0.0,
    };
    parts.next().is_none().then_some(hours * 3600.0 + minutes * 60.0 + seconds)
}

//! The one place where the server looks at the calendar.

use jiff::Timestamp;

/// Microseconds since 1970 (UTC).
pub(crate) fn now() -> i64 {
    Timestamp::now().as_microsecond()
}

/// A timestamp as people write it; empty for one beyond the calendar.
pub(crate) fn written(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map(|t| t.to_string()).unwrap_or_default()
}

/// Reads `2026-05-31T10:00:00Z`, or microseconds since 1970.
pub(crate) fn read(value: &serde_json::Value) -> Option<i64> {
    match value {
        serde_json::Value::Number(n) => n.as_i64(),
        serde_json::Value::String(text) => {
            let zoned = text.parse::<Timestamp>().ok().map(|t| t.as_microsecond());
            zoned.or_else(|| tidemill_data::parse::TimeFormat::Iso.parse(text))
        }
        _ => None,
    }
}

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

//! Backups that a server makes at intervals.

use std::time::Duration;

use tidemill_core::{Context, Result};

use super::{Done, Place, Plan, run};

/// A backup that is made again and again.
#[derive(Clone, Debug)]
pub struct Regular {
    /// What it holds.
    pub plan: Plan,
    /// How old the latest set may become.
    pub every: Duration,
}

impl Regular {
    /// Makes a set where the latest is older than it may be, or where there is none; `now` is in microseconds since 1970. The place itself
    /// says when the last one was made, so a server that starts again goes on where it was.
    ///
    /// # Errors
    /// As those of [`run`].
    pub fn when_due(&self, now: i64, context: &Context) -> Result<Option<Done>> {
        let latest = match Place::open(&self.plan.to) {
            Ok(place) => place.ids()?.last().and_then(|id| made_at(id)),
            Err(_) => None,
        };
        let every = i64::try_from(self.every.as_micros()).unwrap_or(i64::MAX);
        match latest {
            Some(at) if now.saturating_sub(at) < every => Ok(None),
            _ => run(&self.plan, now, context).map(Some),
        }
    }
}

/// When a set was made, in microseconds since 1970: it is its name.
fn made_at(id: &str) -> Option<i64> {
    let at = jiff::Timestamp::strptime("%Y%m%dT%H%M%S%z", id.replace('Z', "+0000")).ok()?;
    Some(at.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::made_at;

    #[test]
    fn the_name_of_a_set_says_when_it_was_made() {
        assert_eq!(made_at("19700101T000002Z"), Some(2_000_000));
        assert_eq!(made_at("20261130T201253Z"), Some(1_796_069_573_000_000));
        assert_eq!(made_at("soon"), None);
    }
}

//! Backups that a server makes by itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tidemill_core::{Context, Result};

use super::{Done, Place, Plan, run};
use crate::builtin;
use crate::error::EngineError;

/// How often one is made where nothing is said.
const EVERY: Duration = Duration::from_secs(86_400);

/// A backup that is made again and again.
#[derive(Clone, Debug)]
pub struct Regular {
    /// What it holds.
    pub plan: Plan,
    /// How old the latest set may become.
    pub every: Duration,
}

impl Regular {
    /// What a recipe's `[backup]` says of the recipe, its data, the models in service and the store of their answers. A store in
    /// PostgreSQL is left to its own tools.
    ///
    /// # Errors
    /// A recipe that cannot be read, that names no place, or a time that is none or below a second.
    pub fn of_recipe(file: &Path, models: &[PathBuf], store: &str) -> Result<Regular> {
        let mut plan = Plan::of_recipe(Some(file), None, None)?;
        plan.files.extend(models.iter().cloned());
        if !store.starts_with("postgres") {
            plan.stores.push(PathBuf::from(store.strip_prefix("sqlite:").unwrap_or(store)));
        }
        let asked = crate::recipe::read(file, &builtin::registry())?.backup.unwrap_or_default();
        let wrong = |problem: String| EngineError::usage(problem, "correct `every` in the recipe's [backup]");
        let every = match asked.every.as_deref() {
            Some(text) => crate::recipe::duration(text).map_err(wrong)?,
            None => EVERY,
        };
        if every < Duration::from_secs(1) {
            return Err(wrong("a backup cannot be made more often than every second".into()).into());
        }
        Ok(Regular { plan, every })
    }

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

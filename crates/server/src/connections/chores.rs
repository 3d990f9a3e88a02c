//! What happens beside the requests: newer model files, newer keys, whether the store is well again, retention.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::trouble::Repeated;

/// How often model files are looked at.
const LOOK: Duration = Duration::from_millis(300);
/// The keys are read again, and a store that refused is tried, after so many looks.
const SLOW: u64 = 3;
/// Old predictions are deleted at least this often.
const PRUNE: Duration = Duration::from_secs(3600);

/// How often predictions are deleted: a tenth of what they are kept for, so that none is kept for more than 1.1 times that (and a look).
fn prune_every(retention: Duration) -> Duration {
    (retention / 10).min(PRUNE)
}

/// Does all of it, for ever.
pub(super) async fn chores(app: Arc<App>, retention: Option<Duration>) {
    let mut rounds: u64 = 0;
    let mut pruned: Option<Instant> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        rounds += 1;
        let due = retention.filter(|time| pruned.is_none_or(|at| at.elapsed() >= prune_every(*time)));
        if due.is_some() {
            pruned = Some(Instant::now());
        }
        let app = app.clone();
        let done = tokio::task::spawn_blocking(move || {
            app.models.look(&app.loader);
            app.languages.look(&app.loader);
            if rounds.is_multiple_of(SLOW) {
                slower(&app);
            }
            if let Some(retention) = due {
                prune(&app, retention);
            }
        });
        // A panic in one round must not end the rounds.
        let _ = done.await;
    }
}

fn slower(app: &App) {
    static LINE: Repeated = Repeated::new();
    if let Err(e) = app.keys.refresh(&app.store) {
        // Nobody may have asked for anything since it went away.
        app.store_health.refuse();
        if let Some(held_back) = LINE.due() {
            tracing::warn!(error = %e, held_back, "the keys could not be read again");
        }
    }
    if app.store_health.refuses() {
        // How it ended is noted, and was said when it began.
        let _ = app.store_health.note(app.store.probe());
    }
}

fn prune(app: &App, retention: Duration) {
    let length = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
    match app.store.prune(crate::clock::now().saturating_sub(length)) {
        Ok(0) => {}
        Ok(n) => tracing::info!(predictions = n, "old predictions were deleted"),
        Err(e) => {
            static LINE: Repeated = Repeated::new();
            if let Some(held_back) = LINE.due() {
                tracing::warn!(error = %e, held_back, "old predictions could not be deleted");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_goes_within_the_length_of_its_retention() {
        for secs in [1, 2, 60, 3600, 86_400, 90 * 86_400] {
            let retention = Duration::from_secs(secs);
            assert!(prune_every(retention) + LOOK < retention, "{secs}");
            assert!(prune_every(retention) <= PRUNE);
        }
    }
}

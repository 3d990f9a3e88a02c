//! Backups beside the requests.

use std::sync::Arc;
use std::time::Duration;

use tidemill_engine::backup::Regular;

use crate::app::App;

/// How often it is asked whether one is due, at most.
const LOOK: Duration = Duration::from_secs(60);
/// After a failure the next try waits at least so long.
const AGAIN: Duration = Duration::from_secs(5);

/// Makes backups whenever they are due, for ever. One that fails is said, counted and tried again: the requests go on.
pub(super) async fn backups(app: Arc<App>, regular: Regular) {
    let wait = (regular.every / 10).clamp(Duration::from_millis(100), LOOK);
    loop {
        let (app, regular) = (app.clone(), regular.clone());
        let done = tokio::task::spawn_blocking(move || once(&app, &regular)).await;
        // A panic in one round must not end the rounds.
        tokio::time::sleep(if matches!(done, Ok(true)) { wait } else { wait.max(AGAIN) }).await;
    }
}

/// Whether nothing failed.
fn once(app: &App, regular: &Regular) -> bool {
    let now = crate::clock::now();
    match regular.when_due(now, &app.loader.context) {
        Ok(None) => true,
        Ok(Some(done)) => {
            app.telemetry.backup.set(now / 1_000_000);
            tracing::info!(
                set = done.set,
                files = done.files,
                bytes = done.bytes,
                new_bytes = done.new_bytes,
                "a backup was made"
            );
            true
        }
        Err(e) => {
            app.telemetry.failed_backups.inc();
            tracing::error!(error = %e, to = %regular.plan.to.display(), "the backup failed");
            false
        }
    }
}

//! `/health/live`, `/health/ready`, `/metrics`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use crate::app::App;
use crate::auth::Scope;
use crate::fault::ApiError;

/// The process runs.
pub(super) async fn live() -> Response {
    super::json(&json!({ "live": true }))
}

/// New work is welcome.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    if app.ready.load(Ordering::Relaxed) {
        return Ok(super::json(&json!({ "ready": true })));
    }
    Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "ending", "this server is about to end"))
}

/// What Prometheus reads.
pub(super) async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiError> {
    app.keys.check(&headers, Scope::Read)?;
    Ok(super::asset("text/plain; version=0.0.4; charset=utf-8", app.telemetry.text()))
}

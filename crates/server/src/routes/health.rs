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

/// New work is welcome: the server is not ending, and the store keeps what is answered.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let refuse = |code, message| Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, message));
    if !app.ready.load(Ordering::Relaxed) {
        return refuse("ending", "this server is about to end");
    }
    if app.store_health.refuses() {
        return refuse("store_unavailable", "the store cannot keep rows now, so nothing is answered");
    }
    Ok(super::json(&json!({ "ready": true })))
}

/// What Prometheus reads.
pub(super) async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiError> {
    app.keys.check(&headers, Scope::Read)?;
    Ok(super::asset("text/plain; version=0.0.4; charset=utf-8", app.telemetry.text()))
}

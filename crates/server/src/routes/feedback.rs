//! `POST /v1/feedback`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use tidemill_engine::feedback;
use tidemill_engine::feedback::judge::{CONFLICT, accept};
use tidemill_engine::feedback::parse::{self, FeedbackError};

use crate::app::App;
use crate::auth::Scope;
use crate::body;
use crate::clock;
use crate::fault::ApiError;
use crate::idempotency;
use crate::predicting::stored_in_time;
use crate::rows::{Format, without_mark};

pub(super) async fn feedback(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, ApiError> {
    let key_id = app.keys.check(&headers, Scope::Feedback)?;
    check_media(&headers)?;
    let key = idempotency::key(&headers)?;
    let body = body::read(request, &headers, &app.limits).await?;
    let document = feedback::json::read(without_mark(&body))
        .map_err(|(e, line)| ApiError::from(e).on_line(line as u64))?;
    let mut given = parse::document(document, app.limits.rows, clock::now())?;
    given.iter_mut().for_each(|f| f.key_id = key_id.as_deref().map(String::from));
    let kinds: Vec<&str> = given.iter().map(|f| f.kind.word()).collect();
    // Acknowledged means stored: the answer waits for the commit.
    let kept = stored_in_time(app.limits.time, accept(&app.store, given, key)).await;
    let fates = app.store_health.note(kept)??;
    for (kind, fate) in kinds.iter().zip(&fates) {
        app.telemetry.count_feedback(kind, fate.word());
    }
    let fates: Vec<Value> =
        fates.iter().map(|fate| json!({ "status": fate.word(), "fate": fate.word() })).collect();
    Ok(super::json(&json!({ "feedback": fates })))
}

/// Feedback is JSON; what curl says of any `--data` is let pass, since a page is asked more strictly before.
fn check_media(headers: &HeaderMap) -> Result<(), ApiError> {
    match Format::of_request(headers) {
        Ok(Format::Json) => Ok(()),
        _ => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "feedback is read as JSON alone",
        )
        .help("send Content-Type: application/json; `tidemill feedback import` reads tables")),
    }
}

impl From<FeedbackError> for ApiError {
    fn from(e: FeedbackError) -> Self {
        let status = if e.code == CONFLICT { StatusCode::CONFLICT } else { StatusCode::BAD_REQUEST };
        let fault = ApiError::new(status, e.code, e.message);
        ApiError {
            row: e.item.and_then(|item| u32::try_from(item).ok()),
            column: e.key.map(String::from),
            remedy: e.remedy,
            ..fault
        }
    }
}

//! `/v1/admin/models`: which models are served. It needs a key with the scope `admin`, also where nothing else needs one.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tidemill_core::Coded;

use super::{Named, models::brief, no_such_model};
use crate::app::App;
use crate::auth::Scope;
use crate::body;
use crate::fault::ApiError;
use crate::live::{Live, check_name};
use crate::predicting::in_time;

/// A model to put into service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Its file: absolute, or from a folder that models are served from.
    path: PathBuf,
    /// What to call it; by its file without it.
    name: Option<String>,
}

/// Puts a model into service, in place of one of its name.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, ApiError> {
    app.keys.check(&headers, Scope::Admin)?;
    let body = body::read(request, &headers, &app.limits).await?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|e| {
        ApiError::bad("malformed_json", format!("the body does not name a model: {e}"))
            .on_line(e.line() as u64)
            .help("send {\"path\": \"churn.tidemill\", \"name\": \"churn\"}; the name may be left out")
    })?;
    if let Some(name) = &wanted.name {
        check_name(name)
            .map_err(|e| ApiError::bad(e.code(), e.to_string()).help(e.remedy().unwrap_or_default()))?;
    }
    let limit = app.limits.time;
    let work = {
        let app = app.clone();
        tokio::task::spawn_blocking(move || load(&app, &wanted))
    };
    Ok(super::json(&in_time(limit, work).await??))
}

fn load(app: &App, wanted: &Wanted) -> Result<Value, ApiError> {
    let path = app.models.permitted(&wanted.path).ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no_such_file",
            "there is no such file in a folder that models are served from",
        )
        .help(
            "put the file into a folder that `tidemill serve` was given, or beside a model that it was given",
        )
    })?;
    let live = Live::open(&path, wanted.name.as_deref(), &app.loader).map_err(|e| {
        tracing::warn!(code = e.code(), "a model that an administrator named cannot be used: {e}");
        let status = match e.code() {
            code if code.starts_with("store") => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        ApiError::new(status, "unusable_model", "the file is there, but cannot be served")
            .help("the server's log says why; `tidemill inspect` shows what is in a file")
    })?;
    let mut document = brief(&live.version());
    document["replaced"] = app.models.put(live).into();
    Ok(document)
}

/// Takes a model out of service.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Named(name): Named,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.keys.check(&headers, Scope::Admin)?;
    if app.models.all().iter().any(|live| live.name == name && live.watched) {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "watched_model",
            "this model comes from a watched folder and would be back at once",
        )
        .help("take its file out of the folder"));
    }
    let removed = tokio::task::spawn_blocking(move || app.models.remove(&name)).await.ok().flatten();
    let removed = removed.ok_or_else(no_such_model)?;
    Ok(super::json(&json!({ "removed": removed.name })))
}

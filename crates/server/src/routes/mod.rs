//! The addresses, one file each.

mod admin;
mod feedback;
mod health;
mod models;
mod openai;
mod page;
mod predict;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde_json::Value;

use crate::app::App;
use crate::auth::Scope;
use crate::fault::ApiError;
use crate::{answers, openapi, rows};

pub(crate) use predict::{model_of, of_model};

/// All addresses.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/models", get(models::list))
        .route("/v1/models/{name}", get(models::one))
        .route("/v1/models/{name}/predict", post(predict::predict))
        .route("/v1/models/{name}/monitor", get(models::monitor))
        .route("/v1/models/{name}/live", get(models::live))
        .route("/v1/admin/models", post(admin::put))
        .route("/v1/admin/models/{name}", delete(admin::remove))
        .route("/v1/feedback", post(feedback::feedback))
        .route("/v1/chat/completions", post(openai::chat))
        .route("/v1/completions", post(openai::completion))
        .route("/v1/embeddings", post(openai::embeddings))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(described))
        .route("/schema/rows.xsd", get(|| async { asset("application/xml", rows::XSD) }))
        .route("/schema/answers.xsd", get(|| async { asset("application/xml", answers::XSD) }))
        .route("/", get(page::html))
        .route("/chat", get(page::chat))
        .route("/chat/{name}", get(page::chat))
        .route("/icon.svg", get(page::icon))
        .route("/page.css", get(page::css))
        .route("/page.js", get(page::js))
        .fallback(no_such_address)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app)
}

/// The name in an address; one that is no text is refused as everything else is.
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(head: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let named = Path::<String>::from_request_parts(head, state).await;
        named.map(|Path(name)| Named(name)).map_err(|_| {
            ApiError::bad("bad_address", "the name in the address is not UTF-8 text")
                .help("write other characters than letters and digits as the percent-encoded bytes of UTF-8")
        })
    }
}

async fn described(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let may_read = app.keys.check(&headers, Scope::Read).is_ok();
    let models = if may_read { app.models.all() } else { Vec::new() };
    let models: Vec<&str> = models.iter().map(|live| live.name.as_str()).collect();
    json(&openapi::document(&models))
}

async fn no_such_address(address: Uri) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
        .help(elsewhere(address.path()))
}

async fn wrong_method(address: Uri) -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address has no such method")
        .help(elsewhere(address.path()))
}

/// Where that is found here which other servers (of TensorFlow, PyTorch, KServe, MLflow) have at an address.
fn elsewhere(path: &str) -> &'static str {
    let asks = path.ends_with(":predict") || path.ends_with("/infer") || path.starts_with("/predictions/");
    if asks || path == "/invocations" {
        return "send rows as [{…}, …] to POST /v1/models/NAME/predict; see /openapi.json";
    }
    match path {
        "/ping" | "/health" | "/healthz" | "/readyz" | "/livez" | "/v2/health/ready" | "/v2/health/live" => {
            "see /health/ready and /health/live"
        }
        _ => "see /openapi.json",
    }
}

/// A document as an answer.
pub(crate) fn json(document: &Value) -> Response {
    asset("application/json", document.to_string())
}

fn asset(media: &'static str, body: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, media)], body.into()).into_response()
}

fn no_such_model() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "no_such_model", "no model of this name is served")
        .help("see /v1/models")
}

//! `POST /v1/models/{name}/predict`

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use super::{Named, no_such_model};
use crate::app::App;
use crate::auth::Scope;
use crate::fault::ApiError;
use crate::predicting;
use crate::protocols::Native;

pub(super) async fn predict(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Response {
    let (head, body) = request.into_parts();
    of_model(&app, &name, &head, body).await
}

/// The name of the model of which predictions are asked, where the address needs no further reading.
pub(crate) fn model_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/v1/models/")?.strip_suffix("/predict")?;
    (!name.is_empty() && !name.contains(['/', '%'])).then_some(name)
}

/// Predictions of this model for the rows of a body.
pub(crate) async fn of_model<B>(app: &Arc<App>, name: &str, head: &Parts, request: B) -> Response
where
    B: BodyExt<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    predictions(app, name, head, request).await.unwrap_or_else(ApiError::into_response)
}

async fn predictions<B>(app: &Arc<App>, name: &str, head: &Parts, request: B) -> Result<Response, ApiError>
where
    B: BodyExt<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let key_id = app.keys.check(&head.headers, Scope::Predict)?;
    let version = app.models.version(name).ok_or_else(no_such_model)?;
    let protocol = |headers: &HeaderMap| Native::of(headers, head.uri.query());
    let address = head.uri.path_and_query().map_or("", |address| address.as_str());
    predicting::predict(app, version, key_id, (&head.headers, address), request, protocol).await
}

//! The API of OpenAI: its requests become questions, answers and faults become its documents and events. What is not supported is
//! refused by name; what changes no answer is passed over.

mod ask;
mod embed;
mod fields;
mod input;
mod say;
mod tools;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::fault::ApiError;

pub(crate) use ask::{Form, Wanted};
pub(crate) use embed::Texts;
pub(crate) use input::Input;
pub(crate) use say::{Chunks, Head, whole};

/// A fault as OpenAI's clients read it.
pub(crate) fn fault(e: ApiError) -> Response {
    let body = document(&e).to_string();
    let mut response = e.into_response();
    *response.body_mut() = Body::from(body);
    response
}

/// The body of a fault.
fn document(e: &ApiError) -> serde_json::Value {
    let kind = match e.status.as_u16() {
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    let message = match &e.remedy {
        Some(remedy) => format!("{}; {remedy}", e.message),
        None => e.message.clone(),
    };
    json!({ "error": { "message": message, "type": kind, "param": e.column, "code": e.code } })
}

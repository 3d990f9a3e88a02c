//! `POST /v1/feedback`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value, json};
use tidemill_store::{Feedback, FeedbackKind};
use uuid::Uuid;

use crate::app::App;
use crate::auth::Scope;
use crate::clock;
use crate::connections::body;
use crate::fault::ApiError;

/// The most characters of a text.
const TEXT: usize = 10_000;

pub(super) async fn feedback(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, ApiError> {
    let key_id = app.keys.check(&headers, Scope::Feedback)?;
    let body = body::read(request, &headers, &app.limits).await?;
    let mut given = parse(&body, app.limits.rows)?;
    given.iter_mut().for_each(|f| f.key_id = key_id.as_deref().map(String::from));
    let kinds: Vec<&str> = given.iter().map(|f| f.kind.word()).collect();
    // Acknowledged means stored: the answer waits for the commit.
    let fates = app.store.feedback(given).await?;
    for (kind, fate) in kinds.iter().zip(&fates) {
        app.telemetry.count_feedback(kind, fate.word());
    }
    let fates: Vec<Value> = fates.iter().map(|fate| json!({ "fate": fate.word() })).collect();
    Ok(super::json(&json!({ "feedback": fates })))
}

/// Reads one piece of feedback, an array of them, or `{"feedback": […]}`. All are sound, or none is taken.
pub fn parse(body: &[u8], most: usize) -> Result<Vec<Feedback>, ApiError> {
    let document: Value = serde_json::from_slice(body).map_err(|e| {
        ApiError::bad("malformed_json", format!("the body is no JSON: {e}")).on_line(e.line() as u64)
    })?;
    let items = match document {
        Value::Array(items) => items,
        Value::Object(mut object) => match object.remove("feedback") {
            Some(Value::Array(items)) if object.is_empty() => items,
            Some(_) => return Err(ApiError::bad("wrong_shape", "'feedback' is not a list of its own")),
            None => vec![Value::Object(object)],
        },
        _ => return Err(ApiError::bad("wrong_shape", "feedback is an object or an array of objects")),
    };
    if items.is_empty() || items.len() > most {
        return Err(ApiError::bad("no_rows", format!("there must be 1 to {most} pieces of feedback")));
    }
    let read = |(i, item): (usize, Value)| {
        one(item).map_err(|fault| {
            let message = format!("feedback {}: {}", i + 1, fault.message);
            ApiError { message, ..fault.at_row(i + 1) }
        })
    };
    items.into_iter().enumerate().map(read).collect()
}

const KEYS: [&str; 6] = ["prediction_id", "kind", "value", "at", "user", "idempotency_key"];

fn one(item: Value) -> Result<Feedback, ApiError> {
    let Value::Object(mut item) = item else {
        return Err(ApiError::bad("wrong_shape", "it is not an object"));
    };
    if let Some(unknown) = item.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let near = tidemill_core::nearest(unknown, KEYS).map(|near| format!("is '{near}' meant?"));
        let shown: String = unknown.chars().take(80).collect();
        let fault = ApiError::bad("unknown_key", format!("there is no key '{shown}'"));
        return Err(fault.help(near.unwrap_or_else(|| format!("known are {}", KEYS.join(", ")))));
    }
    let id = text(&mut item, "prediction_id")?.ok_or_else(|| missing("prediction_id"))?;
    let prediction_id = Uuid::try_parse(&id).map_err(|_| {
        ApiError::bad("wrong_type", "'prediction_id' is not an id of a prediction").in_column("prediction_id")
    })?;
    let kind = text(&mut item, "kind")?.ok_or_else(|| missing("kind"))?;
    let kind = FeedbackKind::of(&kind).ok_or_else(|| {
        let kinds = FeedbackKind::ALL.map(FeedbackKind::word).join(", ");
        ApiError::bad("wrong_type", "there is no such kind of feedback")
            .in_column("kind")
            .help(format!("known are {kinds}"))
    })?;
    let value = item.remove("value").filter(|value| !value.is_null());
    check_value(kind, value.as_ref())?;
    let at = match item.remove("at").filter(|at| !at.is_null()) {
        None => None,
        Some(at) => Some(clock::read(&at).ok_or_else(|| {
            ApiError::bad("wrong_type", "'at' is not a timestamp")
                .in_column("at")
                .help("write 2026-05-31T10:00:00Z")
        })?),
    };
    let (user, idempotency_key) = (text(&mut item, "user")?, text(&mut item, "idempotency_key")?);
    Ok(Feedback { prediction_id, kind, value, at, user, idempotency_key, key_id: None })
}

fn missing(key: &str) -> ApiError {
    ApiError::bad("missing_key", format!("'{key}' is missing")).in_column(key)
}

fn text(item: &mut Map<String, Value>, key: &str) -> Result<Option<String>, ApiError> {
    match item.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= TEXT => Ok(Some(text)),
        Some(Value::Number(n)) => Ok(Some(n.to_string())),
        Some(_) => {
            Err(ApiError::bad("wrong_type", format!("'{key}' is not text, or a very long one"))
                .in_column(key))
        }
    }
}

fn check_value(kind: FeedbackKind, value: Option<&Value>) -> Result<(), ApiError> {
    let single = |v: &Value| v.is_number() || v.is_boolean() || v.as_str().is_some_and(|t| t.len() <= TEXT);
    let (sound, wanted) = match kind {
        FeedbackKind::Label | FeedbackKind::Correction => (value.is_some_and(single), "the right answer"),
        FeedbackKind::Rating => (
            value.is_some_and(|v| v.is_boolean() || v.as_f64().is_some_and(|x| (1.0..=5.0).contains(&x))),
            "true, false or a number from 1 to 5",
        ),
        FeedbackKind::Outcome => (value.is_some_and(Value::is_number), "a number"),
        FeedbackKind::Comment => {
            (value.is_some_and(|v| v.as_str().is_some_and(|t| t.len() <= TEXT)), "a text")
        }
        FeedbackKind::Accept | FeedbackKind::Reject => {
            (value.is_none_or(single), "nothing or a single value")
        }
    };
    if sound {
        return Ok(());
    }
    Err(ApiError::bad("wrong_type", format!("the value of a {} must be {wanted}", kind.word()))
        .in_column("value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_many_are_read_and_faults_name_their_place() {
        let id = "0198c0de-0000-7000-8000-000000000001";
        let one = format!(r#"{{"prediction_id": "{id}", "kind": "label", "value": "yes"}}"#);
        assert_eq!(parse(one.as_bytes(), 9).unwrap().len(), 1);
        assert_eq!(parse(format!("[{one},{one}]").as_bytes(), 9).unwrap().len(), 2);
        assert_eq!(parse(format!("{{\"feedback\":[{one}]}}").as_bytes(), 9).unwrap().len(), 1);
        for (body, code, column) in [
            (r#"{"kind": "label", "value": 1}"#.to_string(), "missing_key", Some("prediction_id")),
            (
                format!(r#"{{"prediction_id": "{id}", "kind": "lable", "value": 1}}"#),
                "wrong_type",
                Some("kind"),
            ),
            (
                format!(r#"{{"prediction_id": "{id}", "kind": "rating", "value": 9}}"#),
                "wrong_type",
                Some("value"),
            ),
            (format!(r#"{{"prediction_id": "{id}", "kind": "label", "valeu": 9}}"#), "unknown_key", None),
            (
                format!(r#"{{"prediction_id": "{id}", "kind": "accept", "at": "soon"}}"#),
                "wrong_type",
                Some("at"),
            ),
            ("[]".into(), "no_rows", None),
            ("[".into(), "malformed_json", None),
        ] {
            let fault = parse(body.as_bytes(), 9).unwrap_err();
            assert_eq!((fault.code, fault.column.as_deref()), (code, column), "{body}");
        }
        let second = parse(format!("[{one},{{}}]").as_bytes(), 9).unwrap_err();
        assert_eq!(second.row, Some(2));
    }
}

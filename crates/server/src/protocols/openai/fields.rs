//! The keys of a request, each read once; one that is left over is not known.

use serde_json::{Map, Value};
use tidemill_core::nearest;

use crate::fault::ApiError;

/// The keys of a request that were not read yet.
pub(super) struct Fields(Map<String, Value>);

/// Keys that change no answer.
const PASSED_OVER: [&str; 6] =
    ["metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"];

pub(super) fn wrong(key: &str, problem: &str) -> ApiError {
    ApiError::bad("invalid_value", format!("'{key}' {problem}")).in_column(key)
}

pub(super) fn unsupported(key: &str, problem: &str) -> ApiError {
    ApiError::bad("unsupported_parameter", format!("'{key}' {problem}")).in_column(key)
}

impl Fields {
    /// # Errors
    /// When the body is not a JSON object.
    pub(super) fn of(body: &[u8]) -> Result<Self, ApiError> {
        let document: Value = serde_json::from_slice(body).map_err(|e| {
            ApiError::bad("malformed_json", format!("the body is not JSON: {e}")).on_line(e.line() as u64)
        })?;
        match document {
            Value::Object(fields) => Ok(Fields(fields)),
            _ => Err(ApiError::bad("wrong_shape", "the body is not an object")),
        }
    }

    /// A value; null is none.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, ApiError> {
        match self.take(key) {
            None => Ok(None),
            // No store keeps it in a name: PostgreSQL has no such texts.
            Some(Value::String(text)) if text.contains('\0') => Err(wrong(key, "holds a NUL character")),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(key, "is not a text")),
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<bool, ApiError> {
        Ok(self.given_flag(key)?.unwrap_or(false))
    }

    pub(super) fn given_flag(&mut self, key: &str) -> Result<Option<bool>, ApiError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(yes)) => Ok(Some(yes)),
            Some(_) => Err(wrong(key, "is not true or false")),
        }
    }

    /// A whole number from `least` on.
    pub(super) fn count(&mut self, key: &str, least: usize) -> Result<Option<usize>, ApiError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let n = value.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n >= least);
        n.map(Some).ok_or_else(|| wrong(key, &format!("is not a whole number of at least {least}")))
    }

    /// A number within these bounds.
    pub(super) fn number(&mut self, key: &str, bounds: [f64; 2]) -> Result<Option<f32>, ApiError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let within = value.as_f64().filter(|x| (bounds[0]..=bounds[1]).contains(x));
        let problem = || wrong(key, &format!("is not a number from {} to {}", bounds[0], bounds[1]));
        within.map(|x| Some(x as f32)).ok_or_else(problem)
    }

    pub(super) fn seed(&mut self) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.take("seed") else { return Ok(None) };
        let seed = value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned));
        seed.map(Some).ok_or_else(|| wrong("seed", "is not a whole number"))
    }

    /// A text or a list of at most four texts, none of them empty.
    pub(super) fn stop(&mut self) -> Result<Vec<String>, ApiError> {
        let list = match self.take("stop") {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= 4 => list,
            Some(text @ Value::String(_)) => vec![text],
            Some(_) => return Err(wrong("stop", "is not a text or a list of at most four texts")),
        };
        let texts = list.into_iter().map(|item| match item {
            Value::String(text) if !text.is_empty() => Ok(text),
            _ => Err(wrong("stop", "holds what is no text, or an empty one")),
        });
        texts.collect()
    }

    /// Refuses a key whose value would change the answer, unless it says what holds anyway.
    pub(super) fn only(&mut self, key: &str, neutral: &[Value]) -> Result<(), ApiError> {
        match self.take(key) {
            Some(value) if !neutral.contains(&value) => {
                Err(unsupported(key, "is not supported").help("leave it out"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what was not read; `known` are the keys that are.
    pub(super) fn end(mut self, known: &[&str]) -> Result<(), ApiError> {
        self.0.retain(|key, value| !PASSED_OVER.contains(&key.as_str()) && !value.is_null());
        let Some(unknown) = self.0.keys().next() else { return Ok(()) };
        let shown: String = unknown.chars().take(80).collect();
        let fault =
            ApiError::bad("unknown_parameter", format!("there is no parameter '{shown}'")).in_column(&shown);
        Err(match nearest(unknown, known.iter().copied()) {
            Some(near) => fault.help(format!("is '{near}' meant?")),
            None => fault,
        })
    }
}

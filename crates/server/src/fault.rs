//! What a caller is told when a request cannot be answered: a status, a code, the place, what to do. Never a value that came
//! in, a path of the server or a secret.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::trouble::Repeated;

/// A request that was refused or failed.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable, machine-readable name.
    pub code: &'static str,
    /// What was found, and where.
    pub message: String,
    /// The row, from 1.
    pub row: Option<u32>,
    /// The column.
    pub column: Option<String>,
    /// The line of the body, from 1.
    pub line: Option<u32>,
    /// What to do.
    pub remedy: Option<String>,
}

impl ApiError {
    /// A fault without a place.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        ApiError { status, code, message: message.into(), row: None, column: None, line: None, remedy: None }
    }

    /// 400.
    pub fn bad(code: &'static str, message: impl Into<String>) -> Self {
        ApiError::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The same at a row (from 1) of the request.
    pub fn at_row(mut self, row: usize) -> Self {
        self.row = u32::try_from(row).ok();
        self
    }

    /// The same in a column.
    pub fn in_column(mut self, column: &str) -> Self {
        self.column = Some(column.into());
        self
    }

    /// The same on a line (from 1) of the body.
    pub fn on_line(mut self, line: u64) -> Self {
        self.line = u32::try_from(line).ok();
        self
    }

    /// The same with advice.
    pub fn help(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The body.
    pub fn document(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".into(), self.code.into());
        error.insert("message".into(), self.message.clone().into());
        let places = [
            ("row", self.row.map(Value::from)),
            ("column", self.column.clone().map(Value::from)),
            ("line", self.line.map(Value::from)),
            ("remedy", self.remedy.clone().map(Value::from)),
        ];
        error.extend(places.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))));
        serde_json::json!({ "error": error })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.document().to_string()).into_response();
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if self.status == StatusCode::SERVICE_UNAVAILABLE || self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<tidemill_store::Error> for ApiError {
    fn from(e: tidemill_store::Error) -> Self {
        static LINE: Repeated = Repeated::new();
        if let Some(held_back) = LINE.due() {
            tracing::error!(error = %e, held_back, "the store failed");
        }
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            "the store cannot keep this now; nothing was answered",
        )
        .help("try again")
    }
}

impl From<tidemill_core::Error> for ApiError {
    fn from(e: tidemill_core::Error) -> Self {
        static LINE: Repeated = Repeated::new();
        if let Some(held_back) = LINE.due() {
            tracing::error!(code = e.code(), held_back, "a model failed on a request");
        }
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "model_failed", "the model failed on this request")
    }
}

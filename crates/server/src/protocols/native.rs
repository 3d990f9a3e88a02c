//! Our own protocol: rows in JSON, CSV or XML; answers in any of them.

use axum::http::{HeaderMap, HeaderValue};

use super::Protocol;
use crate::answers::{self, Answered};
use crate::fault::ApiError;
use crate::rows::{self, Columns, Format, Parsed};

/// The formats of a request and of its answer.
#[derive(Clone, Copy)]
pub(crate) struct Native {
    sent: Format,
    wanted: Format,
}

impl Native {
    /// What the headers say of both.
    ///
    /// # Errors
    /// 415 and 406 for formats that are not read and not written.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let sent = Format::of_request(headers)?;
        Ok(Native { sent, wanted: Format::of_answer(headers, sent)? })
    }
}

impl Protocol for Native {
    fn decode(self, body: &[u8], columns: &Columns, most: usize) -> Result<Parsed, ApiError> {
        rows::read(body, self.sent, columns, most)
    }

    fn encode(self, answered: &Answered<'_>) -> (Vec<u8>, HeaderValue) {
        answers::write(answered, self.wanted)
    }
}

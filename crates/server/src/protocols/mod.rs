//! How others speak with the server: one file per protocol. A protocol turns a request's bytes into rows and answers into bytes,
//! and does nothing else; who may ask, what the model says and what is kept is the same for all of them ([`crate::predicting`]).

mod native;
pub(crate) mod openai;

use axum::http::HeaderValue;

use crate::answers::Answered;
use crate::fault::ApiError;
use crate::rows::{Columns, Parsed};

pub(crate) use native::Native;

/// A way of writing requests and answers down.
pub(crate) trait Protocol: Copy + Send + Sync + 'static {
    /// The rows of a body, at most `most`.
    ///
    /// # Errors
    /// What is wrong with the body, with its place.
    fn decode(self, body: &[u8], columns: &Columns, most: usize) -> Result<Parsed, ApiError>;

    /// The body of an answer, and its media type.
    fn encode(self, answered: &Answered<'_>) -> (Vec<u8>, HeaderValue);
}

//! The body of a request, within bounds of size and time, unpacked where it came packed.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tidemill_data::source::{gunzip, unzstd};

use crate::app::Limits;
use crate::fault::ApiError;

/// Reads a body.
///
/// # Errors
/// 413 beyond the limit (also after unpacking), 408 when it does not arrive in time, 400 when it breaks off or is not packed as
/// it says, 415 for another packing than gzip and zstd.
pub async fn read<B>(body: B, headers: &HeaderMap, limits: &Limits) -> Result<Bytes, ApiError>
where
    B: BodyExt<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = tokio::time::timeout(limits.time, Limited::new(body, limits.body).collect()).await;
    let collected = collected.map_err(|_| {
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not arrive in time")
    })?;
    let bytes = collected.map_err(|e| match e.downcast_ref::<LengthLimitError>() {
        Some(_) => too_large(limits.body),
        None => ApiError::bad("broken_body", "the body broke off"),
    })?;
    unpacked(bytes.to_bytes(), headers, limits.body)
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("the body has more than {limit} bytes"))
        .help("send several requests")
}

fn unpacked(bytes: Bytes, headers: &HeaderMap, limit: usize) -> Result<Bytes, ApiError> {
    let packing = headers.get(header::CONTENT_ENCODING).map(|p| p.as_bytes().to_ascii_lowercase());
    match packing.as_deref() {
        None | Some(b"identity") => return Ok(bytes),
        Some(b"gzip" | b"x-gzip" | b"zstd") => {}
        Some(_) => {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_encoding",
                "the body is packed in a way that is not read",
            )
            .help("send it plain, or packed with gzip or zstd"));
        }
    }
    // As files are unpacked: all members, and nothing behind them.
    let (unpacked, name) = match packing.as_deref() {
        Some(b"zstd") => (unzstd(&bytes, limit), "zstd"),
        _ => (gunzip(&bytes, limit), "gzip"),
    };
    let unpacked = unpacked
        .map_err(|e| ApiError::bad("broken_body", format!("the body cannot be unpacked with {name}: {e}")))?;
    unpacked.map(Bytes::from).ok_or_else(|| too_large(limit))
}

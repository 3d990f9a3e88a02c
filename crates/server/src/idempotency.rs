//! The header `Idempotency-Key`: a request that is sent again, because its answer was lost on the way, counts once.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tidemill_engine::feedback::judge::CONFLICT;
use tidemill_store::{Keyed, Sent, content};

use crate::fault::ApiError;

/// The name of the header.
pub(crate) const HEADER: &str = "idempotency-key";
/// Says that an answer is that of an earlier request with the same key.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The most characters of a key.
const LONGEST: usize = 255;

/// The key of a request, with or without quotes around it.
///
/// # Errors
/// 400 for a header that comes twice, is empty, too long or not plain ASCII.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut all = headers.get_all(HEADER).iter();
    let Some(said) = all.next() else { return Ok(None) };
    let text = said.to_str().unwrap_or_default().trim();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if all.next().is_some() || bare.is_empty() || bare.len() > LONGEST {
        let message =
            format!("the header 'Idempotency-Key' is not one key of 1 to {LONGEST} plain ASCII characters");
        return Err(ApiError::bad("bad_idempotency_key", message)
            .help("send one key, such as a UUID, and send it again only with the same request"));
    }
    Ok(Some(bare.into()))
}

/// A request for predictions with a key: the same one asks the same address for the same form of answer with the same body.
pub(crate) fn keyed(headers: &HeaderMap, address: &str, body: &[u8]) -> Result<Option<Keyed>, ApiError> {
    let Some(key) = key(headers)? else { return Ok(None) };
    let said = |name: HeaderName| headers.get(name).map_or(&[][..], HeaderValue::as_bytes);
    let content = content([address.as_bytes(), said(header::CONTENT_TYPE), said(header::ACCEPT), body]);
    Ok(Some(Keyed { key, content }))
}

/// The answer to a request with a key; one that was made before says so.
pub(crate) fn response(sent: Sent, is_new: bool) -> Response {
    let media = HeaderValue::from_str(&sent.media).ok();
    let mut response = sent.body.into_response();
    if let Some(media) = media {
        response.headers_mut().insert(header::CONTENT_TYPE, media);
    }
    if !is_new {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// 409: the key was used for another request.
pub(crate) fn conflict() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, CONFLICT, "this idempotency key was used for another request")
        .help("give each request a key of its own; repeat a request only as it was")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&[u8]]) -> Result<Option<String>, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value).unwrap());
        }
        key(&headers).map_err(|e| e.code)
    }

    #[test]
    fn one_plain_key_or_none() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[b"a-1"]), Ok(Some("a-1".into())));
        assert_eq!(of(&[b"\"a-1\""]), Ok(Some("a-1".into())));
        let long = vec![b'k'; LONGEST + 1];
        let wrong: [&[&[u8]]; 5] = [&[b""], &[b"\"\""], &[b"\xff"], &[b"a", b"b"], &[&long]];
        for wrong in wrong {
            assert_eq!(of(wrong), Err("bad_idempotency_key"), "{wrong:?}");
        }
    }
}

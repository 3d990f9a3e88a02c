//! Which pages may speak with the server. Without API keys a browser on this machine would send anything that any page asks it to, and a
//! name that a stranger points at 127.0.0.1 would make the answers readable to that stranger's page (DNS rebinding). So without keys
//! only requests to a loopback name are answered; and always, a page of another site is refused unless `--allow-origin` names it.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::fault::ApiError;
use crate::rows::Format;

/// The sites whose pages may ask, each as `https://app.example`.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<HeaderValue>);

impl Origins {
    /// These sites.
    ///
    /// # Errors
    /// What is not a scheme and a host, such as `https://app.example` or `http://localhost:3000`.
    pub fn new(allowed: &[String]) -> Result<Self, crate::Error> {
        let read = |origin: &String| {
            let (scheme, host) = origin.split_once("://").unwrap_or_default();
            let sound = ["http", "https"].contains(&scheme)
                && !host.is_empty()
                && !host.contains(['/', '*', ' ', '@']);
            let value = HeaderValue::from_str(&origin.to_ascii_lowercase()).ok().filter(|_| sound);
            value.ok_or_else(|| crate::Error::Origin { origin: origin.clone() })
        };
        allowed.iter().map(read).collect::<Result<_, _>>().map(Origins)
    }

    /// Whether a request may be answered; the origin to be named in the answer, where it is another site's and allowed.
    ///
    /// # Errors
    /// 400 for more than one host (RFC 9112, 3.2), origin or content type; 403 for a host that is not this machine (where `open`: without keys) and for pages of other sites; 415 for what a page could
    /// send without having asked.
    pub(crate) fn check(&self, open: bool, head: &Parts) -> Result<Option<HeaderValue>, ApiError> {
        for name in [header::HOST, header::ORIGIN, header::CONTENT_TYPE] {
            if head.headers.get_all(&name).iter().count() > 1 {
                let message = format!("the header '{name}' comes more than once");
                return Err(ApiError::bad("repeated_header", message).help("send it once"));
            }
        }
        let host = host(head);
        if open && !host.is_some_and(is_loopback) {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "foreign_host",
                "without API keys only requests to this machine's own name are answered",
            )
            .help("ask 127.0.0.1 or localhost; for another name make a key with `tidemill keys create`"));
        }
        let Some(origin) = head.headers.get(header::ORIGIN) else { return Ok(None) };
        let own = host.is_some_and(|host| is_of(origin.as_bytes(), host));
        let allowed =
            !own && self.0.iter().any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()));
        // With keys a page must send one, which a browser does only where the answer to its first question allows it.
        if open && !own && !allowed {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "foreign_origin",
                "a page of another site may not ask this",
            )
            .help("name the site with `tidemill serve --allow-origin`"));
        }
        if head.method == Method::POST && !is_read(&head.headers) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "a page must say what it sends",
            )
            .help("send Content-Type: application/json"));
        }
        Ok(allowed.then(|| origin.clone()))
    }
}

/// The host that was asked, as the client named it.
fn host(head: &Parts) -> Option<&str> {
    match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => head.headers.get(header::HOST)?.to_str().ok(),
    }
}

/// Whether `host`, with or without a port, is a name of this machine that only it resolves.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || name.len() > 10 && name.as_bytes()[name.len() - 10..].eq_ignore_ascii_case(b".localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether an origin is the site that was asked.
fn is_of(origin: &[u8], host: &str) -> bool {
    let rest = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host.as_bytes()))
}

fn is_read(headers: &HeaderMap) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|said| said.to_str().ok()).unwrap_or_default();
    let media = said.split(';').next().unwrap_or_default().trim();
    // What a form sends is read, too, but a page may send it unasked.
    !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") && Format::of(media).is_some()
}

/// The answer to a browser that asks whether a page of an allowed site may ask.
pub(crate) fn preflight(origin: HeaderValue) -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE")),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type, idempotency-key, x-api-key"),
        ),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ];
    with_origin((StatusCode::NO_CONTENT, headers).into_response(), Some(origin))
}

/// The answer, readable by pages of the origin.
pub(crate) fn with_origin(mut response: Response, origin: Option<HeaderValue>) -> Response {
    if let Some(origin) = origin {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn head(method: Method, headers: &[(&str, &str)]) -> Parts {
        let request = headers
            .iter()
            .fold(Request::builder().method(method), |r, (name, value)| r.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn status(origins: &Origins, open: bool, method: Method, headers: &[(&str, &str)]) -> u16 {
        origins.check(open, &head(method, headers)).map_or_else(|e| e.status.as_u16(), |_| 200)
    }

    #[test]
    fn names_of_this_machine() {
        for name in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:9000",
            "[::1]",
            "a.localhost",
            "localhost.",
        ] {
            assert!(is_loopback(name), "{name}");
        }
        for name in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[2001:db8::1]",
            "",
            "notlocalhost",
            "0.0.0.0",
        ] {
            assert!(!is_loopback(name), "{name}");
        }
    }

    #[test]
    fn without_keys_pages_of_other_sites_are_refused() {
        let none = Origins::default();
        let json = ("content-type", "application/json");
        let own = ("host", "localhost:8080");
        for (method, headers, wanted) in [
            (Method::GET, vec![own], 200),
            (Method::GET, vec![("host", "evil.example")], 403),
            (Method::GET, vec![], 403),
            (Method::GET, vec![own, ("host", "evil.example")], 400),
            (Method::GET, vec![own, own], 400),
            (Method::GET, vec![own, ("origin", "http://localhost:8080"), ("origin", "null")], 400),
            (Method::POST, vec![own], 200),
            (Method::POST, vec![own, ("content-type", "text/plain")], 200),
            (Method::POST, vec![own, ("content-type", "text/csv"), json], 400),
            (Method::POST, vec![own, ("origin", "http://localhost:8080"), json], 200),
            (
                Method::POST,
                vec![own, ("origin", "http://localhost:8080"), ("content-type", "text/plain")],
                415,
            ),
            (Method::POST, vec![own, ("origin", "http://localhost:8080")], 415),
            (Method::POST, vec![own, ("origin", "http://localhost:3000"), json], 403),
            (Method::POST, vec![own, ("origin", "https://evil.example"), json], 403),
            (Method::POST, vec![own, ("origin", "null"), json], 403),
        ] {
            assert_eq!(status(&none, true, method, &headers), wanted, "{headers:?}");
        }
        let keyed = [("host", "api.example"), ("origin", "https://app.example"), json];
        assert_eq!(status(&none, false, Method::POST, &keyed), 200, "the key is what counts");
    }

    #[test]
    fn named_sites_may_ask_and_are_told_so() {
        let origins = Origins::new(&["https://app.example".into(), "http://localhost:3000".into()]).unwrap();
        let asked = head(Method::GET, &[("host", "127.0.0.1"), ("origin", "https://app.example")]);
        assert_eq!(origins.check(true, &asked).unwrap().unwrap(), "https://app.example");
        for unsound in ["*", "app.example", "https://", "https://a/b", "ftp://a", "https://*.example"] {
            assert!(Origins::new(&[unsound.into()]).is_err(), "{unsound}");
        }
    }
}

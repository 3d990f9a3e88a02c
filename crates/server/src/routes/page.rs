//! `/`: the page for people. It is served to anyone who may connect; what it shows it asks for with the key that the
//! reader types in.

use axum::http::header;
use axum::response::{IntoResponse, Response};

const POLICY: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

fn own(media: &'static str, body: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, body).into_response()
}

/// The page's script, a file for each concern; the browser gets them as one, in this order.
const SCRIPT: &str = concat!(
    include_str!("../page/script/state.js"),
    include_str!("../page/script/elements.js"),
    include_str!("../page/script/theme.js"),
    include_str!("../page/script/requests.js"),
    include_str!("../page/script/models.js"),
    include_str!("../page/script/traffic.js"),
    include_str!("../page/script/charts.js"),
    include_str!("../page/script/scores.js"),
    include_str!("../page/script/form.js"),
    include_str!("../page/script/feedback.js"),
    include_str!("../page/script/running.js"),
);

pub(super) async fn html() -> Response {
    own("text/html; charset=utf-8", include_str!("../page/page.html"))
}

pub(super) async fn icon() -> Response {
    own("image/svg+xml", include_str!("../page/icon.svg"))
}

pub(super) async fn css() -> Response {
    own("text/css; charset=utf-8", include_str!("../page/page.css"))
}

pub(super) async fn js() -> Response {
    own("text/javascript; charset=utf-8", SCRIPT)
}

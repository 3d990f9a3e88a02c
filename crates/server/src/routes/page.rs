//! `/`, and `/chat/NAME`: the pages for people. They are served to anyone who may connect; what they show they ask for with the
//! key that the reader types in.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const POLICY: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

fn own(media: &'static str, body: &'static str) -> Response {
    under(POLICY, media, body)
}

fn under(policy: &'static str, media: &'static str, body: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media),
        (header::CONTENT_SECURITY_POLICY, policy),
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

/// The page to chat: one document with its styles and script in it, and the policy that allows these two by their hashes.
struct Chat {
    html: String,
    policy: String,
}

static CHAT: LazyLock<Chat> = LazyLock::new(|| {
    let style = concat!(include_str!("../page/page.css"), include_str!("../page/chat/chat.css"));
    let script = concat!(
        include_str!("../page/chat/words.js"),
        include_str!("../page/script/elements.js"),
        include_str!("../page/script/theme.js"),
        include_str!("../page/chat/requests.js"),
        include_str!("../page/chat/feedback.js"),
        include_str!("../page/chat/talk.js"),
        include_str!("../page/chat/running.js"),
    );
    let html = include_str!("../page/chat/chat.html");
    let hash = |part: &str| STANDARD.encode(Sha256::digest(part));
    Chat {
        html: html.replace("/*STYLE*/", style).replace("/*SCRIPT*/", script),
        policy: format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src 'self'; \
             frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            hash(style),
            hash(script)
        ),
    }
});

pub(super) async fn chat() -> Response {
    under(&CHAT.policy, "text/html; charset=utf-8", &CHAT.html)
}

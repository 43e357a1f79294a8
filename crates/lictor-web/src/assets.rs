//! What do the pages look like? One style sheet, one script that they can do without, and one mark; and what do Prefect's? All part of the program.

use axum::response::{IntoResponse, Response};
use http::header;

const FRESH_FOR: &str = "public, max-age=3600";

/// `GET /lictor/style.css`
pub(crate) async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("../static/style.css"))
}

/// `GET /lictor/page.js`
pub(crate) async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../static/page.js"))
}

/// `GET /lictor/hand-over.js`: what gives a key to the Prefect client that waits for it on the visitor's machine.
pub(crate) async fn hand_over() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../static/hand-over.js"))
}

/// `GET /lictor/passkey.js`: what asks the browser for passkeys, which nothing but a script can.
pub(crate) async fn passkey() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../static/passkey.js"))
}

/// `GET /lictor/ui.js`: what the gateway puts into the pages of Prefect's own UI.
pub(crate) async fn ui() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../static/ui.js"))
}

/// `GET /lictor/icon.svg`
pub(crate) async fn icon() -> Response {
    file("image/svg+xml", include_str!("../static/lictor.svg"))
}

fn file(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, FRESH_FOR),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // An SVG opened by itself is a document: it may do nothing either.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    (headers, text).into_response()
}

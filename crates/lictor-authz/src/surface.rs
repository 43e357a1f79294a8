//! Which part of the server is it? Prefect's API, one of the few things outside it, or our own pages.

use crate::matcher::Matched;
use crate::operation::{Access, Basis, Effect, Inspect, Operation, Place, Verb};
use crate::path::{Below, CanonicalPath};

/// Our own pages and endpoints stand below this; nothing there is ever forwarded.
pub const OURS: &str = "/lictor";
/// Ours too: where Prefect's client sends a browser to log in, as it does to Prefect Cloud.
pub const CLIENT_LOGIN: &str = "/auth/client";

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Surface<'p> {
    /// Prefect's API: look for the row.
    Api(Below<'p>),
    /// Lictor's own.
    Ours,
    /// Something of Prefect's outside its API, to be decided like a row: see [`UI_ASSET`] and its siblings.
    Root(Matched),
    /// Part of Prefect's package that nobody needs: answer 404 here.
    Absent,
}

/// Finds the surface. `mount` is where the API is for clients, as `/api`. Only `GET` and `HEAD` lead outside the API:
/// `None` means unknown.
#[must_use]
pub fn classify<'p>(verb: Verb, path: &'p CanonicalPath, mount: &str) -> Option<Surface<'p>> {
    // Ours and the API come first, whatever their paths end with: `/api/x.svg` is no static file.
    if path.below(OURS).is_some() || path.as_str() == CLIENT_LOGIN {
        return Some(Surface::Ours);
    }
    if let Some(below) = path.below(mount) {
        return Some(Surface::Api(below));
    }
    if !matches!(verb, Verb::Get | Verb::Head) {
        return None;
    }
    if STATE_PICTURES.contains(&path.as_str()) {
        return Some(Surface::Root(Matched::new(&UI_ASSET, format!("/v2{path}"))));
    }
    let operation = match path.as_str() {
        "/UI_SERVE_BASE" | "/v2/UI_SERVE_BASE" | "/v2/mockServiceWorker.js" => return Some(Surface::Absent),
        "/ui-settings" => &UI_SETTINGS,
        "/openapi.json" | "/docs" | "/redoc" | "/docs/oauth2-redirect" => &ROOT_DOCUMENT,
        _ if is_asset(path.below_root()) => &UI_ASSET,
        _ => &UI_PAGE,
    };
    Some(Surface::Root(Matched::new(operation, path.as_str().to_owned())))
}

/// The icons of a run's state: UI v2 asks for them at the root, and has them below `/v2`.
const STATE_PICTURES: [&str; 7] = [
    "/cancelled.svg",
    "/completed.svg",
    "/crashed.svg",
    "/failed.svg",
    "/pending.svg",
    "/running.svg",
    "/scheduled.svg",
];

/// The folders of Prefect's two UIs that hold nothing but package content, and the pictures beside them.
fn is_asset(below: Below<'_>) -> bool {
    if below.as_str().ends_with('/') {
        return false;
    }
    let mut segments = below.segments();
    let first = match segments.next() {
        Some("v2") => segments.next(),
        other => other,
    };
    match (first, segments.next()) {
        (Some("assets" | "ico" | "fonts"), Some(_)) => true,
        (Some("favicon.ico" | "favicon-dark.ico"), None) => true,
        (Some(name), None) => name.ends_with(".svg"),
        _ => false,
    }
}

/// A static file of Prefect's UIs: the same for everybody, and asked for without cookies by some browsers.
pub static UI_ASSET: Operation = Operation {
    verb: Verb::Get,
    template: "/{static file}",
    access: Access::Public,
    effect: Effect::Read,
    inspect: Inspect::Nothing,
    basis: Basis::Decided,
    reason: "public package content; a chunk refused after a session's end would leave a blank page",
    place: Place::Root,
    name: "GET /{static file}",
};

/// The UI's start settings; answered by Lictor.
pub static UI_SETTINGS: Operation = Operation {
    verb: Verb::Get,
    template: "/ui-settings",
    access: Access::Member,
    effect: Effect::Read,
    inspect: Inspect::Nothing,
    basis: Basis::Decided,
    reason: "the UI asks for it before anything else; Lictor answers it with its own address",
    place: Place::Root,
    name: "GET /ui-settings",
};

/// The root application's documents.
pub static ROOT_DOCUMENT: Operation = Operation {
    verb: Verb::Get,
    template: "/{openapi.json, docs, redoc}",
    access: Access::Member,
    effect: Effect::Read,
    inspect: Inspect::Nothing,
    basis: Basis::Decided,
    reason: "Prefect leaves its schema and version open; it is a member's reading",
    place: Place::Root,
    name: "GET /{openapi.json, docs, redoc}",
};

/// A page of Prefect's UIs.
pub static UI_PAGE: Operation = Operation {
    verb: Verb::Get,
    template: "/{page}",
    access: Access::Member,
    effect: Effect::Read,
    inspect: Inspect::Nothing,
    basis: Basis::Decided,
    reason: "the page is empty until its own requests, each a row of the table, are answered",
    place: Place::Root,
    name: "GET /{page}",
};

/// The rows outside the API.
pub static ROOT_OPERATIONS: [&Operation; 4] = [&UI_ASSET, &UI_SETTINGS, &ROOT_DOCUMENT, &UI_PAGE];

//! What does a server publish? The routes of its OpenAPI document, in which there are no sockets.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::Route;

/// Where it is, in every version, with no credential asked.
pub(crate) const PATH: &str = "/openapi.json";
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

#[derive(Deserialize)]
struct Document {
    paths: serde_json::Map<String, Value>,
}

/// The routes in a document; nothing when it is none. Servers up to 3.4 publish paths with the API's mount, later ones without.
pub(crate) fn routes(body: &[u8]) -> Option<BTreeSet<Route>> {
    let document: Document = serde_json::from_slice(body).ok()?;
    let mut routes = BTreeSet::new();
    for (path, item) in &document.paths {
        let methods = item.as_object()?.keys().filter(|key| METHODS.contains(&key.as_str()));
        routes.extend(methods.map(|method| Route::of_api(&method.to_ascii_uppercase(), path)));
    }
    Some(routes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_a_path_are_read() {
        let of = |path: &str| {
            let document = serde_json::json!({"paths": {path: {"post": {}, "get": {}, "parameters": []}}});
            routes(document.to_string().as_bytes()).unwrap().iter().map(Route::as_asked).collect::<Vec<_>>()
        };
        for path in ["/flows/{id}", "/api/flows/{id}"] {
            assert_eq!(of(path), ["GET /api/flows/{id}", "POST /api/flows/{id}"]);
        }
        for body in ["", "[]", "{}", r#"{"paths": []}"#, r#"{"paths": {"/x": 5}}"#] {
            assert!(routes(body.as_bytes()).is_none(), "{body}");
        }
    }
}

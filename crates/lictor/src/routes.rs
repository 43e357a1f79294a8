//! What can a Prefect Server be asked? Its routes, by what it says of itself, held against the table.

pub(crate) mod app;
pub(crate) mod openapi;
pub(crate) mod sockets;

use std::collections::BTreeSet;

use lictor_authz::surface::{self, Surface};
use lictor_authz::{CanonicalPath, OPERATIONS, Operation, Verb};

/// Where the API is in a Prefect Server.
const API: &str = "/api";
/// Rows that a server says nothing of: documents, files, and what is only there when it is switched on.
const UNTOLD: [&str; 7] =
    ["/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc", "/static/{path}", "/metrics", "/pid"];
/// What stands for Prefect's UI in its own list of routes.
const PAGES: [&str; 6] = ["", "/", "/{full_path:path}", "/v2", "/v2/", "/v2/{full_path:path}"];

/// One thing that a server answers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// Below the API, or at the root.
    pub(crate) is_api: bool,
    /// A method, or `SOCKET`.
    pub(crate) verb: String,
    /// The path below its place, with `{parameters}`.
    pub(crate) path: String,
}

impl Route {
    /// A route by its path on the server, where the API is below `/api`.
    pub(crate) fn at(verb: &str, path: &str) -> Self {
        let below = path.strip_prefix(API).filter(|rest| rest.starts_with('/'));
        Self { is_api: below.is_some(), verb: verb.to_owned(), path: below.unwrap_or(path).to_owned() }
    }

    /// A route of the API, by its path with the mount or without.
    pub(crate) fn of_api(verb: &str, path: &str) -> Self {
        Self { is_api: true, ..Self::at(verb, path) }
    }

    /// As it is asked for.
    pub(crate) fn as_asked(&self) -> String {
        format!("{} {}{}", self.verb, if self.is_api { API } else { "" }, self.path)
    }

    fn is_judged(&self) -> bool {
        // Lictor answers these itself, or refuses them whatever they are about.
        if matches!(self.verb.as_str(), "HEAD" | "OPTIONS") {
            return true;
        }
        if self.is_api {
            return OPERATIONS
                .iter()
                .any(|row| row.verb.as_str() == self.verb && shape(row.template) == shape(&self.path));
        }
        PAGES.contains(&self.path.as_str()) && self.verb == "GET" || self.is_known_at_root()
    }

    /// A page of the UI is whatever else is fetched at the root, so that alone is no judgement.
    fn is_known_at_root(&self) -> bool {
        let surface = self.with_surface(|surface| match surface {
            Some(Surface::Root(matched)) => *matched.operation() != surface::UI_PAGE,
            Some(Surface::Absent) => true,
            Some(Surface::Api(_) | Surface::Ours) | None => false,
        });
        surface.unwrap_or(false)
    }

    /// What becomes of a request for it that no row of the table judges.
    pub(crate) fn fate(&self) -> &'static str {
        let is_page = self.with_surface(|surface| matches!(surface, Some(Surface::Root(_))));
        if is_page.unwrap_or(false) {
            "forwarded for every member, as a page of Prefect's UI"
        } else {
            "refused (unknown-operation)"
        }
    }

    fn with_surface<T>(&self, tell: impl FnOnce(Option<Surface<'_>>) -> T) -> Option<T> {
        let verb = if self.verb == "SOCKET" { Some(Verb::Socket) } else { Verb::from_method(&self.verb) }?;
        let place = if self.is_api { API } else { "" };
        let path = CanonicalPath::parse(&format!("{place}{}", self.path.replace(['{', '}', ':'], ""))).ok()?;
        Some(tell(surface::classify(verb, &path, API)))
    }
}

/// A server's routes beside the table.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// How many are judged.
    pub(crate) judged: usize,
    /// Those that are not.
    pub(crate) unjudged: Vec<Route>,
    /// Rows that this server has nothing for: of other versions.
    pub(crate) absent: Vec<&'static Operation>,
}

/// Adds a route that is not there yet, by whatever names of its parameters.
pub(crate) fn add(routes: &mut BTreeSet<Route>, route: Route) {
    let is_the_same = |other: &Route| {
        (other.is_api, &other.verb, shape(&other.path)) == (route.is_api, &route.verb, shape(&route.path))
    };
    if !routes.iter().any(is_the_same) {
        routes.insert(route);
    }
}

/// Holds a server's routes against the table. `has_sockets` says whether the list tells of sockets.
pub(crate) fn compare(routes: &BTreeSet<Route>, has_sockets: bool) -> Comparison {
    let (judged, unjudged): (Vec<_>, Vec<_>) = routes.iter().partition(|route| route.is_judged());
    let there: BTreeSet<(&str, String)> =
        routes.iter().filter(|route| route.is_api).map(|route| (route.verb.as_str(), shape(&route.path))).collect();
    let is_told = |row: &&Operation| !UNTOLD.contains(&row.template) && (has_sockets || !row.is_socket());
    let is_absent = |row: &&Operation| !there.contains(&(row.verb.as_str(), shape(row.template)));
    Comparison {
        judged: judged.len(),
        unjudged: unjudged.into_iter().cloned().collect(),
        absent: OPERATIONS.iter().filter(is_told).filter(is_absent).collect(),
    }
}

/// A template without the names of its parameters, which differ between versions and do not matter.
fn shape(template: &str) -> String {
    let segments = template.split('/').map(|part| {
        let is_parameter = part.starts_with('{') && part.ends_with('}');
        if is_parameter { "{}" } else { part }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(routes: &[(&str, &str)]) -> Vec<String> {
        let routes = routes.iter().map(|(verb, path)| Route::at(verb, path)).collect();
        compare(&routes, true).unjudged.iter().map(Route::as_asked).collect()
    }

    #[test]
    fn what_is_in_no_row_is_named() {
        let known = [
            ("GET", "/api/flows/{flow_id:uuid}"),
            ("POST", "/api/flows/"),
            ("HEAD", "/api/flows/"),
            ("SOCKET", "/api/work_pools/{name}/workers/connect"),
            ("GET", "/ui-settings"),
            ("GET", "/docs/oauth2-redirect"),
            ("GET", "/assets/{name}"),
            ("GET", ""),
            ("GET", "/{full_path:path}"),
        ];
        assert_eq!(compared(&known), [""; 0]);
        let unknown = [
            ("POST", "/api/flows/{id}/teleport"),
            ("GET", "/api/flows/"),
            ("SOCKET", "/api/flows/{id}"),
            ("GET", "/backup"),
            ("POST", "/ui-settings"),
            ("SOCKET", "/live"),
        ];
        let mut named = compared(&unknown);
        named.sort();
        let mut expected: Vec<String> = unknown.iter().map(|(verb, path)| format!("{verb} {path}")).collect();
        expected.sort();
        assert_eq!(named, expected);
    }

    #[test]
    fn a_route_is_one_by_whatever_names_of_its_parameters() {
        let mut routes: BTreeSet<Route> = [Route::at("GET", "/api/flows/{id}")].into();
        for (verb, path) in [("GET", "/api/flows/{flow_id:uuid}"), ("POST", "/api/flows/{id}"), ("GET", "/flows/{id}")]
        {
            add(&mut routes, Route::at(verb, path));
        }
        assert_eq!(routes.len(), 3);
    }

    #[test]
    fn it_is_said_what_becomes_of_it() {
        assert!(Route::at("GET", "/backup").fate().starts_with("forwarded"));
        for (verb, path) in
            [("POST", "/backup"), ("SOCKET", "/live"), ("GET", "/api/{new}"), ("POST", "/api/a/{b:path}")]
        {
            assert!(Route::at(verb, path).fate().starts_with("refused"), "{verb} {path}");
        }
    }

    #[test]
    fn rows_of_other_versions_are_told_apart_from_what_a_server_never_tells() {
        let routes: BTreeSet<Route> = [Route::at("POST", "/api/flows/")].into();
        let absent =
            |has_sockets| -> Vec<&str> { compare(&routes, has_sockets).absent.iter().map(|row| row.name()).collect() };
        assert!(absent(false).contains(&"POST /admin/database/clear") && !absent(false).contains(&"POST /flows/"));
        assert!(!absent(false).contains(&"GET /metrics") && !absent(false).contains(&"SOCKET /events/in"));
        assert!(absent(true).contains(&"SOCKET /events/in"));
    }
}

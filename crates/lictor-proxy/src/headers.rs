//! Which headers cross the gate? A list of what Prefect needs in, all but a list of what must not show out.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use lictor_model::Reason;

/// Headers that must not stand twice: two readers could take different ones.
const SINGLE: [HeaderName; 12] = [
    header::HOST,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::ORIGIN,
    header::UPGRADE,
    header::EXPECT,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
    HeaderName::from_static("sec-fetch-site"),
];

/// What Prefect reads, or what is harmless to it and useful in its logs. Everything else stays here: hop-by-hop
/// headers, credentials, identity and provenance claims, aliases with underscores, and whatever comes next.
const FORWARDED: [HeaderName; 21] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::PRAGMA,
    header::RANGE,
    header::USER_AGENT,
    HeaderName::from_static("sec-fetch-dest"),
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static("prefect-csrf-token"),
    HeaderName::from_static("prefect-csrf-client"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-prefect-api-version"),
    HeaderName::from_static("x-prefect-ui"),
];

/// Attribution that a worker or flow run adds (`client/attribution.py`): claims for logs, never for decisions.
const FORWARDED_PREFIXES: [&str; 4] =
    ["x-prefect-worker-", "x-prefect-flow-", "x-prefect-deployment-", "x-prefect-task-"];

/// Response headers that stay here: hop-by-hop, CORS, whose `*` must never meet a browser with a cookie, and our own, by which
/// clients tell our refusals from Prefect's.
const WITHHELD: [HeaderName; 9] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TRAILER,
    header::SERVER,
    header::PROXY_AUTHENTICATE,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The cookie by which Prefect's UI remembers which of its versions the person chose; the only one that Prefect sees.
const UI_VERSION_COOKIE: &str = "prefect_ui_version";

/// Bytes of all cookies. Ours has 60; what else a browser keeps for this host is read on every request.
const MAX_COOKIES: usize = 8 * 1024;

/// Refuses headers that could be read two ways, and more cookies than anybody has.
///
/// # Errors
/// [`Reason::MalformedHeader`], [`Reason::HeadersTooLarge`].
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Reason> {
    if headers.get_all(header::COOKIE).iter().map(HeaderValue::len).sum::<usize>() > MAX_COOKIES {
        return Err(Reason::HeadersTooLarge);
    }
    if headers.len() == headers.keys_len() {
        // No header at all stands twice.
        return Ok(());
    }
    for name in SINGLE {
        let mut values = headers.get_all(name).iter();
        if values.next().is_some() && values.next().is_some() {
            return Err(Reason::MalformedHeader);
        }
    }
    Ok(())
}

/// The headers to send to Prefect, out of those that came.
#[must_use]
pub(crate) fn forwardable(incoming: &HeaderMap) -> HeaderMap {
    let mut outgoing = HeaderMap::with_capacity(incoming.len() + 6);
    for (name, value) in incoming {
        if FORWARDED.contains(name) || FORWARDED_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix)) {
            outgoing.append(name.clone(), value.clone());
        }
    }
    if let Some(cookie) = ui_version_cookie(incoming) {
        outgoing.insert(header::COOKIE, cookie);
    }
    outgoing
}

fn ui_version_cookie(incoming: &HeaderMap) -> Option<HeaderValue> {
    let values = incoming.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut chosen = values
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == UI_VERSION_COOKIE)
        .map(|(_, version)| version);
    // Written anew from the two values that there are, so that nothing else rides along.
    match chosen.next()? {
        "v1" => Some(HeaderValue::from_static("prefect_ui_version=v1")),
        "v2" => Some(HeaderValue::from_static("prefect_ui_version=v2")),
        _ => None,
    }
}

/// Asks for a body that can be read here, and for all of it: not compressed, no part, and no word that it is the same as before.
pub(crate) fn ask_for_plain_body(incoming: &mut HeaderMap) {
    for name in [
        header::ACCEPT_ENCODING,
        header::IF_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_NONE_MATCH,
        header::IF_RANGE,
        header::RANGE,
    ] {
        incoming.remove(name);
    }
}

/// Removes what Prefect said of a body that is another one now.
pub(crate) fn forget_body(headers: &mut HeaderMap) {
    for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG, header::LAST_MODIFIED] {
        headers.remove(name);
    }
}

/// Takes out of Prefect's answer what must not show.
pub(crate) fn sanitise_response(headers: &mut HeaderMap) {
    let connection = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named = connection.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
    let is_withheld = |name: &&HeaderName| {
        let text = name.as_str();
        WITHHELD.contains(name) || text.starts_with("access-control-") || text.starts_with("x-lictor-")
    };
    let withheld = headers.keys().filter(is_withheld);
    let all: Vec<HeaderName> = withheld.cloned().chain(named).collect();
    for name in all {
        headers.remove(name);
    }
}

/// A redirect becomes relative to us: Prefect builds absolute ones from Host and scheme, and its own could leak.
pub(crate) fn relative_location(headers: &mut HeaderMap) {
    let Some(location) = headers.get(header::LOCATION).and_then(|value| value.to_str().ok()) else { return };
    let Some((_, rest)) = location.split_once("://") else { return };
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    // A path that begins with two slashes would be read as another host.
    let path = format!("/{}", path.trim_start_matches('/'));
    if let Ok(value) = HeaderValue::from_str(&path) {
        headers.insert(header::LOCATION, value);
    }
}

/// A redirect of Prefect's to a path of its own, as clients spell it.
pub(crate) fn location_outside(outside: impl FnOnce(&str) -> String, headers: &mut HeaderMap) {
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(path) = location.filter(|location| location.starts_with('/')) else { return };
    // What was visible ASCII still is.
    if let Ok(value) = HeaderValue::from_str(&outside(path)) {
        headers.insert(header::LOCATION, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let lines = lines
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()));
        lines.collect()
    }

    #[test]
    fn only_listed_headers_reach_prefect() {
        let incoming = map(&[
            ("accept", "*/*"),
            ("authorization", "Bearer x"),
            ("cookie", "lictor=1; prefect_ui_version=v2; other=2"),
            ("x-forwarded-for", "1.2.3.4"),
            ("forwarded", "for=1.2.3.4"),
            ("x_prefect_flow_id", "1"),
            ("prefect-automation-id", "1"),
            ("connection", "accept"),
            ("te", "trailers"),
            ("x-prefect-worker-id", "w"),
        ]);
        let outgoing = forwardable(&incoming);
        let mut names: Vec<&str> = outgoing.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "cookie", "x-prefect-worker-id"]);
        assert_eq!(outgoing["cookie"], "prefect_ui_version=v2");
    }

    #[test]
    fn cors_our_own_marks_and_what_connection_names_stay_here() {
        let mut headers = map(&[
            ("access-control-allow-origin", "*"),
            ("x-lictor-reason", "authentication-required"),
            ("connection", "x-inner"),
            ("x-inner", "1"),
            ("content-type", "text/plain"),
        ]);
        sanitise_response(&mut headers);
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn an_absolute_redirect_becomes_a_path() {
        for (from, to) in [
            ("http://10.0.0.9:4200/api/flows/?a=1", "/api/flows/?a=1"),
            ("http://x//evil.example/", "/evil.example/"),
            ("/v2/", "/v2/"),
            ("https://x", "/"),
        ] {
            let mut headers = map(&[("location", from)]);
            relative_location(&mut headers);
            assert_eq!(headers["location"], to);
        }
    }

    #[test]
    fn a_redirect_stays_under_the_prefix() {
        for (from, to) in
            [("/v2/", "/prefect/v2/"), ("//evil.example/", "/prefect//evil.example/"), ("https://idp/", "https://idp/")]
        {
            let mut headers = map(&[("location", from)]);
            location_outside(|path| format!("/prefect{path}"), &mut headers);
            assert_eq!(headers["location"], to);
        }
    }

    #[test]
    fn a_repeated_authorization_is_refused() {
        assert_eq!(check(&map(&[("authorization", "a"), ("authorization", "a")])), Err(Reason::MalformedHeader));
        assert_eq!(check(&map(&[("authorization", "a"), ("accept", "a"), ("accept", "b")])), Ok(()));
    }
}

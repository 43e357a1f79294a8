//! How does each proxy ask, and which answers does it understand?
//!
//! nginx and HAProxy say what their configuration tells them to (`X-Original-Method`, `X-Original-URI`). Traefik's
//! `ForwardAuth` and Caddy's `forward_auth` ask with `GET` and say the rest in `X-Forwarded-Method` and `X-Forwarded-Uri`.
//! Envoy's `ext_authz` keeps method and headers, and appends path and query to its prefix.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, Uri};
use lictor_model::Reason;

use crate::body::ResponseBody;
use crate::gateway::Asked;

const ORIGINAL: [HeaderName; 2] =
    [HeaderName::from_static("x-original-method"), HeaderName::from_static("x-original-uri")];
const FORWARDED: [HeaderName; 2] =
    [HeaderName::from_static("x-forwarded-method"), HeaderName::from_static("x-forwarded-uri")];
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// Where a person is to be sent, for a proxy that cannot hand on a redirect.
const LOCATION: HeaderName = HeaderName::from_static("x-lictor-location");

const MOUNT: &str = "/lictor/decide/";
const ENVOY: &str = "/lictor/decide/envoy";

/// A kind of proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// `auth_request`: understands 2xx, 401 and 403 alone.
    Nginx,
    /// `ForwardAuth`.
    Traefik,
    /// `forward_auth`.
    Caddy,
    /// `ext_authz` over HTTP.
    Envoy,
    /// Our script for it.
    Haproxy,
}

impl Proxy {
    /// Whose endpoint the path is.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let name = path.strip_prefix(MOUNT)?;
        match name {
            "nginx" => Some(Self::Nginx),
            "traefik" => Some(Self::Traefik),
            "caddy" => Some(Self::Caddy),
            "haproxy" => Some(Self::Haproxy),
            _ => name.strip_prefix("envoy")?.starts_with('/').then_some(Self::Envoy),
        }
    }

    /// Turns the question into the request that it is about: its method, its target and its host.
    ///
    /// # Errors
    /// [`Reason::MalformedDecision`] when the proxy does not say which that is, or says it twice.
    pub(crate) fn restore(self, request: &mut Asked) -> Result<(), Reason> {
        let (method, target) = match self {
            Self::Nginx | Self::Haproxy => said(request.headers(), &ORIGINAL)?,
            Self::Traefik | Self::Caddy => said(request.headers(), &FORWARDED)?,
            Self::Envoy => (request.method().clone(), appended(request.uri())?),
        };
        *request.method_mut() = method;
        *request.uri_mut() = target;
        // Traefik asks under the name of this gateway.
        if matches!(self, Self::Traefik | Self::Caddy)
            && let Some(host) = only(request.headers(), &FORWARDED_HOST)?.cloned()
        {
            request.headers_mut().insert(header::HOST, host);
        }
        Ok(())
    }

    /// The refusal as the proxy hands it on.
    pub(crate) fn adapt(self, mut response: Response<ResponseBody>) -> Response<ResponseBody> {
        let location = response.headers().get(header::LOCATION).cloned();
        let status = match (self, response.status().as_u16()) {
            (Self::Nginx, 303) => {
                response.headers_mut().remove(header::LOCATION);
                response.headers_mut().extend(location.map(|location| (LOCATION, location)));
                StatusCode::UNAUTHORIZED
            }
            // Anything else is a fault to nginx, and a fault is what trouble of our own is.
            (Self::Nginx, 400 | 404..=428 | 431) => StatusCode::FORBIDDEN,
            (_, 303) => StatusCode::FOUND,
            _ => return response,
        };
        *response.status_mut() = status;
        response
    }
}

/// What the two headers say.
fn said(headers: &HeaderMap, [method, target]: &[HeaderName; 2]) -> Result<(Method, Uri), Reason> {
    let text = |name| only(headers, name)?.ok_or(Reason::MalformedDecision);
    let method = Method::from_bytes(text(method)?.as_bytes()).map_err(|_| Reason::MalformedDecision)?;
    Ok((method, origin_form(text(target)?.as_bytes())?))
}

fn appended(uri: &Uri) -> Result<Uri, Reason> {
    let whole = uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default();
    origin_form(whole.strip_prefix(ENVOY).ok_or(Reason::MalformedDecision)?.as_bytes())
}

/// A path and a query, and no host: whose it is is said elsewhere.
fn origin_form(text: &[u8]) -> Result<Uri, Reason> {
    // A fragment would be dropped in silence, and the proxy forwards it.
    if !text.starts_with(b"/") || text.contains(&b'#') {
        return Err(Reason::MalformedDecision);
    }
    let path: http::uri::PathAndQuery = text.try_into().map_err(|_| Reason::AmbiguousPath)?;
    Ok(Uri::from(path))
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h HeaderValue>, Reason> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { Err(Reason::MalformedDecision) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(proxy: Proxy, path: &str, lines: &[(&'static str, &str)]) -> Result<(String, String, String), Reason> {
        let mut request: Asked = http::Request::new(None);
        *request.uri_mut() = path.parse().unwrap();
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("lictor:4200"));
        for (name, value) in lines {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        proxy.restore(&mut request)?;
        let host = request.headers().get(header::HOST).unwrap().to_str().unwrap().to_owned();
        Ok((request.method().to_string(), request.uri().to_string(), host))
    }

    fn is(method: &str, target: &str, host: &str) -> Result<(String, String, String), Reason> {
        Ok((method.to_owned(), target.to_owned(), host.to_owned()))
    }

    #[test]
    fn each_proxy_is_found_at_its_own_path_and_nowhere_else() {
        assert_eq!(Proxy::at("/lictor/decide/nginx"), Some(Proxy::Nginx));
        assert_eq!(Proxy::at("/lictor/decide/envoy/api/flows/filter"), Some(Proxy::Envoy));
        for path in
            ["/lictor/decide/", "/lictor/decide/nginx/", "/lictor/decide/envoy", "/lictor/decide/envoyage/x", "/x"]
        {
            assert_eq!(Proxy::at(path), None, "{path}");
        }
    }

    #[test]
    fn the_request_is_what_the_proxy_says_it_is() {
        let original = [("x-original-method", "POST"), ("x-original-uri", "/api/flows/?a=%20b")];
        for proxy in [Proxy::Nginx, Proxy::Haproxy] {
            assert_eq!(asked(proxy, "/x", &original), is("POST", "/api/flows/?a=%20b", "lictor:4200"));
        }
        let forwarded =
            [("x-forwarded-method", "PATCH"), ("x-forwarded-uri", "/api/x"), ("x-forwarded-host", "prefect.example")];
        for proxy in [Proxy::Traefik, Proxy::Caddy] {
            assert_eq!(asked(proxy, "/x", &forwarded), is("PATCH", "/api/x", "prefect.example"));
        }
        assert_eq!(
            asked(Proxy::Envoy, "/lictor/decide/envoy/api/x?y=1", &forwarded),
            is("GET", "/api/x?y=1", "lictor:4200")
        );
    }

    #[test]
    fn a_question_that_names_none_or_two_requests_is_refused() {
        let lines: [&[(&'static str, &str)]; 6] = [
            &[],
            &[("x-original-method", "GET")],
            &[("x-original-method", "GET"), ("x-original-uri", "/a"), ("x-original-uri", "/b")],
            &[("x-original-method", "G T"), ("x-original-uri", "/a")],
            &[("x-original-method", "GET"), ("x-original-uri", "http://other/a")],
            &[("x-original-method", "GET"), ("x-original-uri", "/a#b")],
        ];
        for lines in lines {
            assert_eq!(asked(Proxy::Nginx, "/x", lines), Err(Reason::MalformedDecision), "{lines:?}");
        }
        let twice = [
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", "/"),
            ("x-forwarded-host", "a"),
            ("x-forwarded-host", "b"),
        ];
        assert_eq!(asked(Proxy::Traefik, "/x", &twice), Err(Reason::MalformedDecision));
    }

    #[test]
    fn nginx_hears_nothing_but_yes_who_and_no() {
        let adapted = |proxy: Proxy, status: u16| {
            let mut response = Response::new(ResponseBody::empty());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/lictor/sign-in"));
            let response = proxy.adapt(response);
            (response.status().as_u16(), response.headers().contains_key(header::LOCATION))
        };
        for (status, told) in [
            (303, (401, false)),
            (401, (401, true)),
            (403, (403, true)),
            (400, (403, true)),
            (426, (403, true)),
            (503, (503, true)),
        ] {
            assert_eq!(adapted(Proxy::Nginx, status), told);
        }
        assert_eq!(adapted(Proxy::Traefik, 303), (302, true));
        assert_eq!(adapted(Proxy::Caddy, 400), (400, true));
    }
}

//! Where does a client go that came by plain HTTP? To the same path by https, and nowhere else.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use lictor_model::{Reason, RequestId};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::body::ResponseBody;
use crate::framing::{Guard, VIOLATION};
use crate::gateway::Gateway;
use crate::listener::{self, ListenError};
use crate::settings::Settings;
use crate::target::{self, Target};
use crate::{headers, refusal};

/// Connections at once: each is over after one answer.
const AT_ONCE: usize = 256;
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens, and answers on the background runtime: no request is ever forwarded from here.
///
/// # Errors
/// [`ListenError`].
pub fn start(
    gateway: &Arc<Gateway>,
    address: SocketAddr,
    background: &tokio::runtime::Handle,
) -> Result<(), ListenError> {
    let listener = listener::bind(address).map_err(|source| ListenError::Bind { address, source })?;
    let _inside = background.enter();
    let listener = TcpListener::from_std(listener).map_err(ListenError::Thread)?;
    background.spawn(accept(listener, Arc::clone(gateway)));
    Ok(())
}

async fn accept(listener: TcpListener, gateway: Arc<Gateway>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let accepted = tokio::select! {
            () = gateway.drain.begun() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (gateway, place) = (Arc::clone(&gateway), Arc::clone(&places).try_acquire_owned());
                // Who finds no place is let go.
                let Ok(place) = place else { continue };
                tokio::spawn(async move {
                    let _held = place;
                    let _ = tokio::time::timeout(PATIENCE, serve(stream, gateway)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, gateway: Arc<Gateway>) -> hyper::Result<()> {
    let max_head = gateway.settings.limits.header_bytes;
    let guard = Guard::new(stream, max_head, BytesMut::new());
    let service = service_fn(move |request: Request<Incoming>| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(answer(&request, &gateway.settings)) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .keep_alive(false)
        .max_buf_size(max_head.saturating_add(8192))
        .serve_connection(TokioIo::new(guard), service)
        .await
}

fn answer<B>(request: &Request<B>, settings: &Settings) -> Response<ResponseBody> {
    // A certificate authority asks here, whose word on a name is worth what plain HTTP is.
    let challenges = settings.challenges.as_ref().filter(|_| !request.headers().contains_key(VIOLATION));
    if let Some(response) = challenges.and_then(|challenges| challenges.answer(request)) {
        return response;
    }
    let mut response = match location(request, settings) {
        Ok(location) => {
            let mut response = Response::new(ResponseBody::from(""));
            *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        Err(reason) => refusal::respond(&reason.into(), &RequestId::fresh(), request, &settings.doors),
    };
    // A body that came with it is not read.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn location<B>(request: &Request<B>, settings: &Settings) -> Result<HeaderValue, Reason> {
    if let Some(violation) = request.headers().get(VIOLATION) {
        return Err(violation.to_str().ok().and_then(Reason::parse).unwrap_or(Reason::MalformedFraming));
    }
    headers::check(request.headers())?;
    let target = target::read(request.uri(), request.headers(), settings)?;
    // As it was asked for, with the public URL's path: that it reads one way only has been seen above.
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let location = format!("https://{}{path}", authority(&target, settings));
    HeaderValue::from_str(&location).map_err(|_| Reason::MalformedTarget)
}

/// The host by which we are reached over TLS: the public one, unless the caller named a workspace by another.
fn authority(target: &Target, settings: &Settings) -> String {
    let host = target::bare(&target.host);
    let public = settings.public_url.as_deref().and_then(|url| url.strip_prefix("https://"));
    let is_ours = settings.doors.addresses.iter().any(|address| address.hosts.contains(&host));
    let port = match public {
        Some(public) if !is_ours => return public.to_owned(),
        Some(public) => public.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(443),
        None => settings.listen.port(),
    };
    if port == 443 { host } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use lictor_authz::{Address, Doors};
    use lictor_model::WorkspaceName;

    use super::*;
    use crate::settings::{Limits, Workspace};
    use crate::upstream::{Replica, Route};

    fn settings(public_url: Option<&str>, hosts: &[&str]) -> Settings {
        let workspace = Workspace {
            name: WorkspaceName::from("main"),
            upstreams: vec![Replica::new(Route::Tcp("127.0.0.1:1".to_owned()))],
            auth_string: None,
            needs_certificate: false,
        };
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let addresses = vec![Address { hosts, ..Address::default() }];
        Settings {
            listen: "0.0.0.0:8443".parse().unwrap(),
            public_url: public_url.map(str::to_owned),
            doors: Doors { addresses, ..Doors::default() },
            account: "lictor".to_owned(),
            tls: None,
            challenges: None,
            certificate_header: None,
            workspaces: vec![workspace],
            trusted_proxies: Vec::new(),
            decide: None,
            limits: Limits::default(),
            threads: 1,
        }
    }

    fn go(settings: &Settings, host: &str, target: &str) -> Result<String, Reason> {
        let request = Request::builder().uri(target).header("host", host).body(()).unwrap();
        location(&request, settings).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn path_and_query_stay_the_same() {
        let here = settings(None, &[]);
        assert_eq!(
            go(&here, "Gate:80", "/api/flows/?a=1&b=%20"),
            Ok("https://gate:8443/api/flows/?a=1&b=%20".to_owned())
        );
        assert_eq!(go(&here, "[::1]:80", "/"), Ok("https://[::1]:8443/".to_owned()));
    }

    #[test]
    fn a_public_url_names_the_host_but_for_hosts_of_workspaces() {
        let public = settings(Some("https://prefect.example"), &["lab.example"]);
        assert_eq!(go(&public, "lab.example", "/x"), Ok("https://lab.example/x".to_owned()));
        assert_eq!(go(&public, "evil.example", "/x"), Err(Reason::UnknownHost));
        let any = settings(Some("https://prefect.example:9443"), &[]);
        assert_eq!(go(&any, "evil.example", "/x"), Ok("https://prefect.example:9443/x".to_owned()));
    }

    #[test]
    fn what_could_be_read_two_ways_is_refused() {
        let here = settings(None, &[]);
        for (host, target, reason) in [
            ("gate", "//evil.example/", Reason::AmbiguousPath),
            ("gate", "/a/../b", Reason::AmbiguousPath),
            ("gate/x", "/", Reason::MalformedHost),
            ("u@gate", "/", Reason::MalformedHost),
            ("", "/", Reason::MalformedHost),
        ] {
            assert_eq!(go(&here, host, target), Err(reason), "{host} {target}");
        }
    }
}

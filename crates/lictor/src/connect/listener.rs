//! Who may come through us? Programs on this machine; no page in a browser, since we add a credential to whatever is asked.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use lictor_authz::Doors;
use lictor_model::{Reason, RequestId};
use lictor_proxy::body::ResponseBody;
use lictor_proxy::framing::{Guard, Tunnel, VIOLATION};
use lictor_proxy::refusal;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use super::credential::Keeper;
use super::hop::{Gateway, Hop, strip};

const MAX_HEAD: usize = 64 * 1024;

type Answer = Response<Either<Incoming, ResponseBody>>;

/// What all connections share.
struct Crossing {
    gateway: Gateway,
    keeper: Arc<Keeper>,
    any_host: bool,
    /// Whether the gateway answered last, so that each change is told once.
    answers: AtomicBool,
}

/// Serves until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, gateway: Gateway, keeper: Arc<Keeper>, any_host: bool) {
    let crossing = Arc::new(Crossing { gateway, keeper, any_host, answers: AtomicBool::new(true) });
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let crossing = Arc::clone(&crossing);
                tokio::spawn(async move {
                    if let Err(error) = serve_connection(stream, crossing).await {
                        tracing::debug!(%error, "a client's connection ended badly");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, crossing: Arc<Crossing>) -> hyper::Result<()> {
    // Best effort: a socket that refuses it is only slower.
    let _ = stream.set_nodelay(true);
    let guard = Guard::new(stream, MAX_HEAD, BytesMut::new());
    let tunnel = guard.tunnel();
    let hop = Arc::new(Mutex::new(Hop::default()));
    let service = service_fn(move |request| {
        let (crossing, hop, tunnel) = (Arc::clone(&crossing), Arc::clone(&hop), tunnel.clone());
        async move { Ok::<_, Infallible>(crossing.answer(request, &hop, &tunnel).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD + 8192)
        .serve_connection(TokioIo::new(guard), service)
        .with_upgrades()
        .await
}

impl Crossing {
    async fn answer(&self, mut request: Request<Incoming>, hop: &Mutex<Hop>, tunnel: &Tunnel) -> Answer {
        let asked = Request::builder().method(request.method()).uri(request.uri()).body(()).unwrap_or_default();
        if let Err(reason) = check(request.headers(), self.any_host) {
            return closing(refuse(reason, &asked));
        }
        let is_upgrade = request.headers().contains_key(header::UPGRADE);
        let ours = is_upgrade.then(|| hyper::upgrade::on(&mut request));
        let generation = self.keeper.terms().generation;
        let sent = hop.lock().await.send(&self.gateway, &self.keeper, request).await;
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => {
                if self.answers.swap(false, Ordering::AcqRel) {
                    let error = with_causes(&error);
                    tracing::warn!(error, gateway = %self.gateway, "the gateway does not answer: clients are asked to wait");
                }
                return closing(refuse(Reason::UpstreamUnavailable, &asked));
            }
        };
        if !self.answers.swap(true, Ordering::AcqRel) {
            tracing::info!(gateway = %self.gateway, "the gateway answers again");
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            let reason = response.headers().get(refusal::REASON_HEADER).and_then(|value| value.to_str().ok());
            tracing::warn!(
                reason = reason.unwrap_or_default(),
                path = asked.uri().path(),
                "the gateway refused the credential"
            );
        }
        if let Some(ours) = ours.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS) {
            let theirs = hyper::upgrade::on(&mut response);
            let keeper = Arc::clone(&self.keeper);
            tunnel.open();
            tokio::spawn(async move {
                let (Ok(ours), Ok(theirs)) = tokio::join!(ours, theirs) else { return };
                let (mut ours, mut theirs) = (TokioIo::new(ours), TokioIo::new(theirs));
                tokio::select! {
                    // Bytes as they come, so frames and pings keep their order.
                    _ = tokio::io::copy_bidirectional(&mut ours, &mut theirs) => {}
                    // Cut off rather than closed: clients then connect again, and do so with the new credential.
                    () = keeper.outdated(generation) => {}
                }
            });
            return response.map(Either::Left);
        }
        let closes = response.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
        strip(response.headers_mut());
        let response = response.map(Either::Left);
        if closes || is_upgrade { closing(response) } else { response }
    }
}

/// What a browser sends says whose page it is from; other programs say nothing of it.
fn check(headers: &HeaderMap, any_host: bool) -> Result<(), Reason> {
    if let Some(violation) = headers.get(VIOLATION) {
        return Err(violation.to_str().ok().and_then(Reason::parse).unwrap_or(Reason::MalformedFraming));
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).ok_or(Reason::MalformedHost)?;
    // A page that has its own name lead to this machine is known by that name.
    if !any_host && !is_loopback(host) {
        return Err(Reason::UnknownHost);
    }
    let site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let own = |origin: &HeaderValue| origin.as_bytes() == format!("http://{host}").as_bytes();
    if site && headers.get(header::ORIGIN).is_none_or(own) { Ok(()) } else { Err(Reason::CrossOrigin) }
}

fn is_loopback(host: &str) -> bool {
    let bare = match host.rsplit_once(':') {
        Some((bare, _)) if !host.ends_with(']') => bare,
        _ => host,
    };
    let bare = bare.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What rustls says of an alert stands behind what hyper says of the connection.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |mut text, cause| {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        text
    })
}

fn refuse(reason: Reason, asked: &Request<()>) -> Answer {
    refusal::respond(&reason.into(), &RequestId::fresh(), asked, &Doors::default()).map(Either::Right)
}

fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn verdict(lines: &[(&'static str, &'static str)], any_host: bool) -> Result<(), Reason> {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        check(&lines.iter().map(pair).collect(), any_host)
    }

    #[test]
    fn programs_of_this_machine_pass() {
        for host in ["127.0.0.1:4200", "localhost:4200", "LOCALHOST", "[::1]:4200", "[::1]"] {
            let lines = &[("host", host)];
            assert_eq!(verdict(lines, false), Ok(()), "{host}");
        }
        assert_eq!(verdict(&[("host", "worker-sidecar:4200")], true), Ok(()));
        assert_eq!(verdict(&[("host", "localhost:1"), ("origin", "http://localhost:1")], false), Ok(()));
    }

    #[test]
    fn pages_of_others_do_not() {
        for host in ["evil.example", "127.0.0.1.evil.example:4200", "localhost.evil.example"] {
            let lines = &[("host", host)];
            assert_eq!(verdict(lines, false), Err(Reason::UnknownHost), "{host}");
        }
        for line in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://localhost:2"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(verdict(&[("host", "localhost:1"), line], true), Err(Reason::CrossOrigin), "{line:?}");
        }
        assert_eq!(verdict(&[], false), Err(Reason::MalformedHost));
    }
}

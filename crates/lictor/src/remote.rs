//! How does a command ask a gateway elsewhere? Over TLS, as its clients do, with a key or without.

use std::path::PathBuf;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use lictor_authz::BasePath;
use lictor_model::Secret;
use serde_json::Value;

use crate::cli::printed::plain;
use crate::config::workspace::UpstreamTls;
use crate::config::{PublicUrl, Upstream, Via};
use crate::probe::{self, Answer, ProbeError};

/// Where a gateway tells of the key that is presented.
pub(crate) const CURRENT: &str = "/lictor/keys/current";

/// No usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// Not reached.
    #[error("{gateway} does not answer: {source}")]
    Away {
        /// Who.
        gateway: String,
        /// Why.
        source: ProbeError,
    },
    /// A key would travel in clear.
    #[error(
        "{0} is plain HTTP to another machine, where a key can be read on the way: use https://, or --allow-plain-http in a network that is trusted as a whole"
    )]
    Plain(String),
    /// Something else is there.
    #[error("{0} is no Lictor of this version: it answers {1} to {2}; check the address, without /api")]
    NotLictor(String, u16, &'static str),
    /// It leads elsewhere.
    #[error("{0} leads on to {1}: use that address")]
    Elsewhere(String, String),
    /// It said no.
    #[error("{gateway} says: {detail} ({code})")]
    Refused {
        /// Who.
        gateway: String,
        /// In words.
        detail: String,
        /// The reason's code, or that of OAuth.
        code: String,
    },
}

/// A gateway elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    url: PublicUrl,
    at: Upstream,
}

/// What it said: with 200, or with an error of OAuth's.
#[derive(Debug)]
pub(crate) enum Said {
    /// Yes.
    Yes(Value),
    /// No, with the code of the error and a sentence.
    No(String, String),
}

/// Reads the address of a gateway, as people and as clients spell it.
///
/// # Errors
/// A sentence that says what to write instead.
pub(crate) fn address(text: &str) -> Result<PublicUrl, String> {
    let text = text.trim_end_matches('/');
    PublicUrl::parse(text.strip_suffix("/api").unwrap_or(text))
}

impl Remote {
    /// The gateway at that address, for which these CAs vouch, or else the system's.
    ///
    /// # Errors
    /// [`RemoteError::Plain`].
    pub(crate) fn new(url: PublicUrl, ca_file: Option<PathBuf>, allow_plain: bool) -> Result<Self, RemoteError> {
        let mut at = Upstream::parse(&url.origin())
            .map_err(|_| RemoteError::Elsewhere(url.to_string(), "another address".to_owned()))?;
        let is_here = at.host == "localhost" || at.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match &mut at.via {
            Via::Tls(tls) => *tls = UpstreamTls { ca_file, client: None },
            _ if is_here || allow_plain => {}
            _ => return Err(RemoteError::Plain(url.to_string())),
        }
        Ok(Self { url, at })
    }

    /// As it is spelled.
    pub(crate) fn url(&self) -> String {
        self.url.to_string()
    }

    /// Finds the gateway's own pages: below the prefix of a workspace, it leads to where they are. Nobody leads to another host.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn settle(mut self) -> Result<Self, RemoteError> {
        let answer = self.ask(&Method::GET, CURRENT, None, String::new()).await?;
        let Some(there) = location(&answer).map(str::to_owned) else { return Ok(self) };
        let base = there.strip_suffix(CURRENT).and_then(|base| BasePath::parse(base).ok());
        self.url.base_path = base.ok_or_else(|| RemoteError::Elsewhere(self.url(), there))?;
        Ok(self)
    }

    /// `GET`, with a credential.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn get(&self, path: &'static str, authorization: &Secret) -> Result<Value, RemoteError> {
        self.yes(self.send(Method::GET, path, Some(authorization), String::new()).await?)
    }

    /// `POST` of nothing, with a credential.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn post(&self, path: &'static str, authorization: &Secret) -> Result<Value, RemoteError> {
        self.yes(self.send(Method::POST, path, Some(authorization), String::new()).await?)
    }

    /// `POST` of a form, with no credential.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn send_form(&self, path: &'static str, fields: &[(&str, &str)]) -> Result<Said, RemoteError> {
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        self.send(Method::POST, path, None, pairs.join("&")).await
    }

    fn yes(&self, said: Said) -> Result<Value, RemoteError> {
        match said {
            Said::Yes(facts) => Ok(facts),
            Said::No(code, detail) => Err(RemoteError::Refused { gateway: self.url(), detail, code }),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &'static str,
        authorization: Option<&Secret>,
        form: String,
    ) -> Result<Said, RemoteError> {
        let answer = self.ask(&method, path, authorization, form).await?;
        if let Some(there) = location(&answer) {
            return Err(RemoteError::Elsewhere(self.url(), there.to_owned()));
        }
        let facts: Option<Value> = serde_json::from_slice(&answer.body).ok();
        match (answer.status, facts) {
            (200, Some(facts)) => Ok(Said::Yes(facts)),
            (_, Some(facts)) => no(&facts).ok_or_else(|| RemoteError::NotLictor(self.url(), answer.status, path)),
            (status, None) => Err(RemoteError::NotLictor(self.url(), status, path)),
        }
    }

    async fn ask(
        &self,
        method: &Method,
        path: &'static str,
        authorization: Option<&Secret>,
        form: String,
    ) -> Result<Answer, RemoteError> {
        let away = |source| RemoteError::Away { gateway: self.url(), source };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url.base_path.as_str()))
            .header(header::HOST, &self.url.authority)
            .header(header::USER_AGENT, concat!("lictor/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::CONNECTION, "close");
        let request = match authorization {
            Some(text) => request.header(header::AUTHORIZATION, text.expose()),
            None => request,
        };
        let request = request.body(Full::new(Bytes::from(form))).map_err(|error| away(error.into()))?;
        probe::send(&self.at, request).await.map_err(away)
    }
}

/// Where the answer leads, if it leads on.
fn location(answer: &Answer) -> Option<&str> {
    let leads_on = (300..400).contains(&answer.status);
    answer.headers.get(header::LOCATION).filter(|_| leads_on).and_then(|there| there.to_str().ok())
}

/// A refusal in the words of OAuth, or in ours.
fn no(facts: &Value) -> Option<Said> {
    // What stands there is somebody else's, and goes to a terminal.
    let text = |name: &str| facts.get(name).and_then(Value::as_str).map(plain);
    let code = text("error").or_else(|| text("reason"))?;
    Some(Said::No(code, text("error_description").or_else(|| text("detail")).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_named_as_people_or_as_clients_spell_it() {
        for (text, url) in [
            ("https://gate.example", "https://gate.example"),
            ("https://gate.example/", "https://gate.example"),
            ("https://gate.example/api", "https://gate.example"),
            ("https://Gate.example:8443/prefect/api/", "https://gate.example:8443/prefect"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), url);
        }
        for text in ["gate.example", "ftp://gate.example", "https://alice:key@gate.example", "https://gate.example?x"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_does_not_cross_a_network_in_clear() {
        let remote = |text: &str, allow| Remote::new(address(text).unwrap(), None, allow);
        for here in ["http://localhost:4300", "http://127.0.0.1:4300", "http://[::1]:4300", "https://gate.example"] {
            assert!(remote(here, false).is_ok(), "{here}");
        }
        assert!(matches!(remote("http://gate.example", false), Err(RemoteError::Plain(_))));
        assert!(remote("http://gate.example", true).is_ok());
    }
}

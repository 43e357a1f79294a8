//! Is this a proper websocket handshake (RFC 6455 §4.2.1), and how is it answered?

use base64::Engine;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode, Version};
use lictor_model::Reason;
use tungstenite::handshake::derive_accept_key;

use crate::body::ResponseBody;

/// The subprotocol in which Prefect's sockets shake hands (`server/utilities/subscriptions.py`).
pub(super) const PREFECT: &str = "prefect";

/// A handshake that was found proper.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    key: HeaderValue,
    /// Whether the client speaks Prefect's handshake (an `auth` frame, answered by `auth_success`).
    pub(crate) speaks_prefect: bool,
}

impl Handshake {
    /// Reads the handshake out of a request that asks for an upgrade to websocket.
    ///
    /// # Errors
    /// [`Reason::MalformedUpgrade`].
    pub(crate) fn read(method: &Method, version: Version, headers: &HeaderMap) -> Result<Self, Reason> {
        let upgrade = one(headers, header::UPGRADE)?.is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
        let connection = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|option| option.trim().eq_ignore_ascii_case("upgrade"));
        let dated = one(headers, header::SEC_WEBSOCKET_VERSION)? == Some("13");
        let key = one(headers, header::SEC_WEBSOCKET_KEY)?.filter(|key| is_nonce(key));
        let bodyless =
            !headers.contains_key(header::CONTENT_LENGTH) && !headers.contains_key(header::TRANSFER_ENCODING);
        let proper =
            *method == Method::GET && version == Version::HTTP_11 && upgrade && connection && dated && bodyless;
        let key = key.filter(|_| proper).ok_or(Reason::MalformedUpgrade)?;
        let key = HeaderValue::from_str(key).map_err(|_| Reason::MalformedUpgrade)?;
        let offered = one(headers, header::SEC_WEBSOCKET_PROTOCOL)?.unwrap_or_default();
        let speaks_prefect = offered.split(',').any(|protocol| protocol.trim() == PREFECT);
        Ok(Self { key, speaks_prefect })
    }
}

/// The header's one value in visible ASCII.
fn one(headers: &HeaderMap, name: http::HeaderName) -> Result<Option<&str>, Reason> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.trim())).map_err(|_| Reason::MalformedUpgrade),
        _ => Err(Reason::MalformedUpgrade),
    }
}

/// 16 bytes in base64.
fn is_nonce(key: &str) -> bool {
    base64::engine::general_purpose::STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

/// Whether a request asks to become a websocket.
#[must_use]
pub(crate) fn asked_for(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::UPGRADE).iter();
    offers.filter_map(|value| value.to_str().ok()).any(|value| value.to_ascii_lowercase().contains("websocket"))
}

/// Answers with 101. `Sec-WebSocket-Extensions` is never answered, so nothing is compressed.
#[must_use]
pub(crate) fn accept(handshake: &Handshake) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(key) = HeaderValue::from_str(&derive_accept_key(handshake.key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    }
    if handshake.speaks_prefect {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PREFECT));
    }
    response
}

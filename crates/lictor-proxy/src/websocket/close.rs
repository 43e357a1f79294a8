//! With which code does a socket end? Prefect's clients act on it, so it is chosen with care.

use lictor_model::{PermissionSet, Reason};
use tungstenite::protocol::frame::coding::{Control, OpCode};

use super::frame;

/// Why and how a socket ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) text: String,
    /// For log and metrics; `None` when the peers ended it themselves.
    pub(super) reason: Option<Reason>,
}

/// Policy violation: the client must not simply come again (RFC 6455 §7.4.1).
const POLICY: u16 = 1008;
/// Service restart: clients reconnect and resend. 1000 and 1001 would end flow-run cancellation for good
/// (`_internal/observers.py`), so they are never sent for our own reasons.
pub(super) const RESTART: u16 = 1012;
/// Try again later.
const LATER: u16 = 1013;
const PROTOCOL: u16 = 1002;
const TOO_BIG: u16 = 1009;

impl Close {
    /// The close for a refusal.
    pub(super) fn refused(reason: Reason, lacking: PermissionSet) -> Self {
        let code = match reason {
            Reason::UpstreamUnavailable | Reason::UpstreamTimeout | Reason::Draining => RESTART,
            Reason::TooBusy
            | Reason::TooManySockets
            | Reason::StoreUnavailable
            | Reason::AuditUnavailable
            | Reason::IssuerUnavailable => LATER,
            _ => POLICY,
        };
        let mut text = format!("{}: {}", reason.code(), reason.advice());
        if !lacking.is_empty() {
            let names: Vec<&str> = lacking.iter().map(lictor_model::Permission::as_str).collect();
            text = format!("{}: lacking {}", reason.code(), names.join(", "));
        }
        Self { code, text: bounded(&text), reason: Some(reason) }
    }

    /// The same for the worker channel, whose clients know only these two words (`workers/_worker_channel`).
    pub(super) fn in_worker_words(self) -> Self {
        match self.reason {
            Some(reason) if reason.status() == 401 => Self { text: "authentication_failed".to_owned(), ..self },
            Some(reason) if reason.status() == 403 => Self { text: "authorization_failed".to_owned(), ..self },
            _ => self,
        }
    }

    /// Prefect is gone, or restarts.
    pub(super) fn upstream_lost() -> Self {
        Self { code: RESTART, text: Reason::UpstreamUnavailable.code().to_owned(), reason: None }
    }

    /// The caller may now more or less than when the socket was opened: it comes again.
    pub(super) fn ruled_anew() -> Self {
        Self { code: RESTART, text: "rights changed: connect again".to_owned(), reason: None }
    }

    /// The person was signed out at their provider: whoever still has a credential of theirs comes again.
    pub(super) fn signed_out() -> Self {
        Self { code: RESTART, text: "signed out by the provider: connect again".to_owned(), reason: None }
    }

    pub(super) fn protocol() -> Self {
        Self { code: PROTOCOL, text: "websocket protocol error".to_owned(), reason: None }
    }

    /// Text that is not UTF-8 (RFC 6455 §8.1).
    pub(super) fn not_utf8() -> Self {
        Self { code: 1007, text: "text must be UTF-8".to_owned(), reason: None }
    }

    pub(super) fn too_big() -> Self {
        Self { code: TOO_BIG, text: "message too big".to_owned(), reason: None }
    }

    /// The client went away.
    pub(super) fn gone() -> Self {
        Self { code: 1000, text: String::new(), reason: None }
    }

    /// What Prefect's own close becomes for the client.
    ///
    /// A clean end or none at all becomes a restart. The text is passed on only when it is one of the protocol's own words
    /// (`authorization_failed` and the like, which workers act on), never a traceback.
    pub(super) fn from_upstream(close: Option<(u16, String)>) -> Self {
        let Some((code, text)) = close else { return Self::upstream_lost() };
        let code = match code {
            1000 | 1001 | 1005 | 1006 | 1015 => RESTART,
            code => code,
        };
        let is_word = text.len() <= 40 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        Self { code, text: if is_word { text } else { String::new() }, reason: None }
    }

    /// The frame, as a server sends it.
    pub(super) fn to_frame(&self) -> Vec<u8> {
        let mut payload = self.code.to_be_bytes().to_vec();
        payload.extend_from_slice(self.text.as_bytes());
        let mut output = Vec::with_capacity(payload.len() + 4);
        frame::write(OpCode::Control(Control::Close), &payload, None, &mut output);
        output
    }
}

/// A close reason holds at most 123 bytes (RFC 6455 §5.5).
fn bounded(text: &str) -> String {
    let mut end = text.len().min(123);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_close_from_prefect_never_reaches_the_client_as_one() {
        for close in [None, Some((1000, String::new())), Some((1001, "going away".to_owned()))] {
            assert_eq!(Close::from_upstream(close).code, RESTART);
        }
    }

    #[test]
    fn only_the_protocols_own_words_are_passed_on() {
        let word = Close::from_upstream(Some((1008, "authorization_failed".to_owned())));
        assert_eq!((word.code, word.text.as_str()), (1008, "authorization_failed"));
        assert_eq!(Close::from_upstream(Some((1011, "Traceback (most recent".to_owned()))).text, "");
    }

    #[test]
    fn every_refusal_fits_a_close_frame() {
        for reason in Reason::ALL {
            let close = Close::refused(*reason, PermissionSet::EMPTY);
            assert!(close.text.len() <= 123 && ![1000, 1001].contains(&close.code), "{reason}");
        }
    }
}

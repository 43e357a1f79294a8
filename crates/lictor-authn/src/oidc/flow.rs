//! Which sign-in does an answer belong to? One that this very browser began, minutes ago: its cookie holds the rest, sealed.

use lictor_model::Timestamp;
use lictor_model::key::{EntropyError, random_text};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::seal::{Seal, SealError};

/// A sign-in takes minutes; with a second factor to find, ten.
pub(crate) const LASTS: i64 = 600;
/// 43 characters of base 62 hold 256 bits, and are as long as PKCE wants its verifier.
const CHARS: usize = 43;
/// So much of the state names the cookie, so that two tabs may sign in at once.
const TAG: usize = 8;

/// A sign-in under way.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Flow {
    /// At which provider.
    pub(crate) provider: String,
    /// Who that was.
    pub(crate) issuer: String,
    /// What comes back in the answer.
    pub(crate) state: String,
    /// What comes back in the ID token.
    pub(crate) nonce: String,
    /// What proves to the token endpoint that the code was ours (PKCE).
    pub(crate) verifier: String,
    /// Where the answer was to go.
    pub(crate) redirect: String,
    /// Where to afterwards.
    pub(crate) next: String,
    /// When it began, in seconds.
    pub(crate) began: i64,
}

/// Why an answer belongs to no sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// The browser has no cookie for it.
    #[error("this browser did not begin it, or has forgotten it")]
    NotHere,
    /// The cookie is for another state or provider.
    #[error("it belongs to another sign-in")]
    Another,
    /// Too late.
    #[error("it took longer than ten minutes")]
    TooLate,
    /// Twice.
    #[error("it was answered already")]
    Spent,
}

impl Flow {
    /// Begins one.
    pub(crate) fn begin(
        (provider, issuer): (&str, &str),
        redirect: String,
        next: String,
        now: Timestamp,
    ) -> Result<Self, EntropyError> {
        Ok(Self {
            provider: provider.to_owned(),
            issuer: issuer.to_owned(),
            state: random_text(CHARS)?,
            nonce: random_text(CHARS)?,
            verifier: random_text(CHARS)?,
            redirect,
            next,
            began: now.as_micros() / 1_000_000,
        })
    }

    /// The cookie that holds it.
    pub(crate) fn seal(&self, seal: &Seal) -> Result<String, SealError> {
        let text = serde_json::to_string(self).map_err(|_| SealError)?;
        seal.close(&purpose(&self.state), &text)
    }

    /// The sign-in that a state belongs to, out of the cookie of its name.
    pub(crate) fn open(seal: &Seal, state: &str, cookie: Option<&str>, now: Timestamp) -> Result<Self, FlowError> {
        let cookie = cookie.ok_or(FlowError::NotHere)?;
        let text = seal.open(&purpose(state), cookie).ok_or(FlowError::Another)?;
        let flow: Self = serde_json::from_str(&text).map_err(|_| FlowError::Another)?;
        if !bool::from(flow.state.as_bytes().ct_eq(state.as_bytes())) {
            return Err(FlowError::Another);
        }
        if (0..LASTS).contains(&(now.as_micros() / 1_000_000 - flow.began)) {
            Ok(flow)
        } else {
            Err(FlowError::TooLate)
        }
    }
}

/// What the cookie is sealed for.
fn purpose(state: &str) -> String {
    format!("flow of {state}")
}

/// The cookie's name, with a part of the state; `None` when it is no state of ours.
pub(crate) fn cookie_name(state: &str, secure: bool) -> Option<String> {
    let ours = state.len() == CHARS && state.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let tag = state.get(..TAG).filter(|_| ours)?;
    Some(if secure { format!("__Host-lictor-sso-{tag}") } else { format!("lictor-sso-{tag}") })
}

#[cfg(test)]
mod tests {
    use lictor_model::Secret;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_sign_in_is_found_by_its_own_state_in_its_own_cookie_in_time() {
        let seal = Seal::new("sign-on", &Secret::new("s")).unwrap();
        let begin = || Flow::begin(("a", "https://a"), "https://gate/cb".into(), "/".into(), at(1_000)).unwrap();
        let (flow, other) = (begin(), begin());
        let cookie = flow.seal(&seal).unwrap();
        assert_eq!(Flow::open(&seal, &flow.state, Some(&cookie), at(1_599)).unwrap().verifier, flow.verifier);
        let refused = |state: &str, cookie: Option<&str>, now| Flow::open(&seal, state, cookie, at(now)).err();
        assert_eq!(refused(&flow.state, None, 1_000), Some(FlowError::NotHere));
        assert_eq!(refused(&other.state, Some(&cookie), 1_000), Some(FlowError::Another));
        assert_eq!(refused(&flow.state, Some("x"), 1_000), Some(FlowError::Another));
        assert_eq!(refused(&flow.state, Some(&cookie), 1_600), Some(FlowError::TooLate));
        assert_eq!(refused(&flow.state, Some(&cookie), 999), Some(FlowError::TooLate));
    }

    #[test]
    fn only_a_state_of_ours_names_a_cookie() {
        let state = "a".repeat(43);
        assert_eq!(cookie_name(&state, true).as_deref(), Some("__Host-lictor-sso-aaaaaaaa"));
        for state in ["", "a", &"a".repeat(44), &"=".repeat(43), &"é".repeat(43)] {
            assert_eq!(cookie_name(state, true), None);
        }
    }
}

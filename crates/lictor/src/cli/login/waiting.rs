//! Was it allowed yet? The program's side of RFC 8628: it asks as often as it may, until somebody decides or the time is over.

use std::time::Duration;

use lictor_model::Secret;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Key, LoginError};
use crate::remote::{Remote, RemoteError, Said};

const CLIENT: &str = "lictor";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How much less often from now on, when the gateway says that it is too often.
const SLOWER: Duration = Duration::from_secs(5);
/// Whatever a gateway says, within these.
const LONGEST_LIFE: u64 = 3_600;
const PAUSES: std::ops::RangeInclusive<u64> = 1..=60;

/// A request that waits for somebody's word.
pub(super) struct Begun {
    /// Where it is decided.
    pub(super) page: String,
    /// The same with the code filled in.
    pub(super) complete: String,
    /// What the person types.
    pub(super) user_code: String,
    device_code: Secret,
    ends: Instant,
    pause: Duration,
}

#[derive(Deserialize)]
struct Codes {
    device_code: String,
    user_code: String,
    verification_uri: String,
    expires_in: u64,
    interval: u64,
}

/// Asks for codes.
pub(super) async fn begin(remote: &Remote, label: &str, machine: &str) -> Result<Begun, LoginError> {
    let fields = [("client_id", CLIENT), ("label", label), ("machine", machine)];
    let facts = match remote.send_form("/lictor/device/code", &fields).await? {
        Said::Yes(facts) => facts,
        Said::No(code, detail) => return Err(RemoteError::Refused { gateway: remote.url(), detail, code }.into()),
    };
    let not_ours = || LoginError::NotLictor(remote.url());
    let codes: Codes = serde_json::from_value(facts).map_err(|_| not_ours())?;
    // Both are printed, and one is given to a browser.
    let is_page = crate::config::PublicUrl::parse(&codes.verification_uri.replace("/lictor/device", "")).is_ok();
    let is_code = codes.user_code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if !is_page || !codes.verification_uri.ends_with("/lictor/device") || !is_code {
        return Err(not_ours());
    }
    Ok(Begun {
        complete: format!("{}?code={}", codes.verification_uri, codes.user_code),
        page: codes.verification_uri,
        user_code: codes.user_code,
        device_code: Secret::new(codes.device_code),
        ends: Instant::now() + Duration::from_secs(codes.expires_in.min(LONGEST_LIFE)),
        pause: Duration::from_secs(codes.interval.clamp(*PAUSES.start(), *PAUSES.end())),
    })
}

/// Asks until it is decided.
pub(super) async fn wait(remote: &Remote, begun: &Begun) -> Result<Key, LoginError> {
    let waited = async {
        let mut pause = begun.pause;
        loop {
            sleep(pause).await;
            match ask(remote, begun).await {
                Ok(Answer::Key(key)) => return Ok(key),
                Ok(Answer::NotYet) => {}
                Ok(Answer::TooSoon) => pause += SLOWER,
                // It may come back while the code lasts.
                Err(LoginError::Remote(RemoteError::Away { .. })) => pause = (pause * 2).min(Duration::from_secs(60)),
                Err(error) => return Err(error),
            }
        }
    };
    timeout_at(begun.ends, waited).await.map_err(|_| LoginError::Late)?
}

enum Answer {
    Key(Key),
    NotYet,
    TooSoon,
}

async fn ask(remote: &Remote, begun: &Begun) -> Result<Answer, LoginError> {
    let fields = [("client_id", CLIENT), ("grant_type", GRANT), ("device_code", begun.device_code.expose())];
    match remote.send_form("/lictor/device/token", &fields).await? {
        Said::Yes(facts) => key(facts, remote).map(Answer::Key).ok_or_else(|| LoginError::NotLictor(remote.url())),
        Said::No(code, detail) => match code.as_str() {
            // A gateway that restarts, or whose store is away, says so with a reason of its own.
            "authorization_pending" | "draining" | "store-unavailable" => Ok(Answer::NotYet),
            "slow_down" => Ok(Answer::TooSoon),
            "access_denied" => Err(LoginError::Denied),
            "expired_token" => Err(LoginError::Late),
            "invalid_grant" => Err(LoginError::Over),
            _ => Err(RemoteError::Refused { gateway: remote.url(), detail, code }.into()),
        },
    }
}

/// A key that is one of ours, for an address that is no less safe than the one that was asked.
fn key(facts: Value, remote: &Remote) -> Option<Key> {
    let key: Key = serde_json::from_value(facts).ok()?;
    let api = crate::remote::address(&key.api_url).ok()?;
    let is_safe = api.scheme == "https" || !remote.url().starts_with("https:");
    (is_safe && lictor_model::ApiKey::parse(&key.access_token).is_ok()).then_some(key)
}

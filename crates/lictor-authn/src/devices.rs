//! How does a program get a key without a browser of its own? It shows a code, a signed-in person types it (RFC 8628).

use lictor_model::key::{EntropyError, random_text};
use lictor_model::{ApiKey, ClientAddress, Clock, Digest, Identity, PrincipalId, Reason, RequestId, Secret};
use lictor_store::{By, DeviceAllowance, DeviceAnswer, DeviceRequest, NewDeviceRequest, NewSecret, StoreError};

use crate::attempt::Origin;
use crate::authenticator::Authenticator;
use crate::per_minute::PerMinute;
use crate::sign_in::reason_of;

/// How long a person has to allow it, in seconds.
pub const LIFE: i64 = 600;
/// Seconds between two questions of the program.
pub const PAUSE: i64 = 5;
/// 43 characters of base 62 hold 256 bits.
const DEVICE_CODE_CHARS: usize = 43;
/// Eight of twenty letters hold 34 bits, of which a person may try few.
const USER_CODE_CHARS: usize = 8;
/// Without vowels, so that no word comes about, and without what is mistaken for something else (RFC 8628 section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Longest text that a program says of itself.
const SAID_CHARS: usize = 100;

/// Codes that one address may ask for in a minute.
const CODES: u32 = 30;
/// Questions from one address in a minute: those of some dozens behind one address, each every few seconds.
const QUESTIONS: u32 = 600;
/// Codes that one person may type in a minute.
const TYPED: u32 = 20;

/// Counts what strangers and people ask.
pub(crate) struct Devices {
    codes: PerMinute<ClientAddress>,
    questions: PerMinute<ClientAddress>,
    typed: PerMinute<PrincipalId>,
}

impl Devices {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self {
            codes: PerMinute::new(clock.clone(), CODES),
            questions: PerMinute::new(clock.clone(), QUESTIONS),
            typed: PerMinute::new(clock.clone(), TYPED),
        }
    }
}

/// The codes of a request: shown once.
#[derive(Debug)]
pub struct DeviceCodes {
    /// What the program keeps to itself.
    pub device_code: Secret,
    /// What it shows, as `WDJB-MJHT`.
    pub user_code: String,
}

/// How a program's question was answered, and the key where it was allowed.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub answer: DeviceAnswer,
    /// The key in clear; good only where the answer says that it was made.
    pub secret: ApiKey,
}

impl Authenticator {
    /// Begins a request of a program that says this of itself.
    ///
    /// # Errors
    /// [`Reason::TooManyCodes`], [`Reason::TooBusy`], [`Reason::StoreUnavailable`].
    pub async fn begin_device_request(
        &self,
        label: &str,
        machine: &str,
        origin: &Origin,
    ) -> Result<DeviceCodes, Reason> {
        let inner = &self.inner;
        if !inner.devices.codes.take(origin.client_ip.into()) {
            return Err(Reason::TooManyCodes);
        }
        let device_code = random_text(DEVICE_CODE_CHARS).map(Secret::new).map_err(|error| no_randomness(&error))?;
        let user_code = fresh_user_code().map_err(|error| no_randomness(&error))?;
        let new = NewDeviceRequest {
            device_code: Digest::of(device_code.expose().as_bytes()),
            user_code: Digest::of(user_code.as_bytes()),
            label: said(label),
            machine: said(machine),
            client_ip: origin.client_ip.to_string(),
            expires_at: inner.clock.now().plus_seconds(LIFE),
            pause: PAUSE,
        };
        match inner.store.add_device_request(&new).await {
            Ok(true) => Ok(DeviceCodes { device_code, user_code: in_halves(&user_code) }),
            // By chance somebody else has the code: the program asks again.
            Ok(false) | Err(StoreError::NameTaken { .. }) => Err(Reason::TooBusy),
            Err(error) => Err(reason_of(&error)),
        }
    }

    /// The request whose code this person typed.
    ///
    /// # Errors
    /// [`Reason::TooManyCodes`], [`Reason::StoreUnavailable`].
    pub async fn find_device_request(&self, by: &Identity, typed: &str) -> Result<Option<DeviceRequest>, Reason> {
        if !self.inner.devices.typed.take(by.principal.id.clone()) {
            return Err(Reason::TooManyCodes);
        }
        let Some(code) = read_user_code(typed) else { return Ok(None) };
        let found = self.inner.store.find_device_request(&Digest::of(code.as_bytes())).await;
        found.map_err(|error| reason_of(&error))
    }

    /// Says yes, with what is allowed, or no. Nothing when the request does not wait any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn decide_device_request(
        &self,
        by: &By,
        typed: &str,
        allowance: Option<&DeviceAllowance>,
    ) -> Result<Option<DeviceRequest>, StoreError> {
        let Some(code) = read_user_code(typed) else { return Ok(None) };
        self.inner.store.decide_device_request(by, &Digest::of(code.as_bytes()), allowance).await
    }

    /// Answers a program that asks whether it was allowed.
    ///
    /// # Errors
    /// [`Reason::StoreUnavailable`], [`Reason::InternalError`].
    pub async fn ask_device_request(
        &self,
        code: &str,
        origin: &Origin,
        request: &RequestId,
    ) -> Result<Answered, Reason> {
        let inner = &self.inner;
        let secret = ApiKey::generate().map_err(|error| no_randomness(&error))?;
        if !inner.devices.questions.take(origin.client_ip.into()) {
            return Ok(Answered { answer: DeviceAnswer::TooSoon(PAUSE), secret });
        }
        let (digest, ip) = (Digest::of(code.as_bytes()), origin.client_ip.to_string());
        let asked = inner.store.ask_device_request(&digest, NewSecret::from(&secret), &ip, request).await;
        let answer = asked.map_err(|error| reason_of(&error))?;
        if matches!(answer, DeviceAnswer::Allowed { .. }) {
            inner.feed.refresh().await;
        }
        Ok(Answered { answer, secret })
    }
}

fn no_randomness(error: &EntropyError) -> Reason {
    tracing::error!(%error, "no code and no key can be made");
    Reason::InternalError
}

fn fresh_user_code() -> Result<String, EntropyError> {
    let mut code = String::with_capacity(USER_CODE_CHARS);
    let mut pool = [0_u8; 32];
    while code.len() < USER_CODE_CHARS {
        getrandom::fill(&mut pool)?;
        // 240 is the largest multiple of 20 in a byte: bytes above it would favour the first letters.
        let fair = pool.iter().filter(|byte| **byte < 240).filter_map(|byte| LETTERS.get(usize::from(byte % 20)));
        code.extend(fair.take(USER_CODE_CHARS - code.len()).map(|letter| char::from(*letter)));
    }
    Ok(code)
}

/// As it is shown.
fn in_halves(code: &str) -> String {
    code.split_at_checked(USER_CODE_CHARS / 2).map_or_else(String::new, |(one, other)| format!("{one}-{other}"))
}

/// The code that somebody typed, in lower case perhaps, and with spaces; `None` when it is none of ours.
fn read_user_code(typed: &str) -> Option<String> {
    let is_between = |letter: &char| letter.is_whitespace() || *letter == '-';
    let code: String =
        typed.chars().take(40).filter(|letter| !is_between(letter)).map(|letter| letter.to_ascii_uppercase()).collect();
    (code.len() == USER_CODE_CHARS && code.bytes().all(|letter| LETTERS.contains(&letter))).then_some(code)
}

/// A code as the page shows it again; empty when it is none of ours.
#[must_use]
pub fn shown(typed: &str) -> String {
    read_user_code(typed).map(|code| in_halves(&code)).unwrap_or_default()
}

/// What a stranger says, in one line that shows as it is.
fn said(text: &str) -> String {
    let shows = |letter: &char| letter.is_ascii_graphic() || *letter == ' ' || letter.is_alphanumeric();
    text.trim().chars().filter(shows).take(SAID_CHARS).collect()
}

#[cfg(test)]
mod tests;

//! What may be tuned? Lifetimes and bounds, each with the value that suits most.

use std::time::Duration;

use crate::break_glass::Passwords;
use crate::mtls::Rule;

/// The tunable lifetimes and bounds of authentication.
#[derive(Debug, Clone)]
pub struct Options {
    /// A session unused for this long ends. Default 8 hours: a working day's pause, not a night's.
    pub session_idle: Duration,
    /// A session ends this long after sign-in, however busy: an open tab polls, so idleness alone would never end it.
    /// Default 7 days.
    pub session_absolute: Duration,
    /// How long what is in memory is trusted while the store is away. Default 10 minutes.
    pub store_grace: Duration,
    /// How often the store is asked whether something changed. Default 250 ms.
    pub poll_every: Duration,
    /// The shortest time between two refreshes that unknown credentials force. Default 100 ms.
    pub forced_refresh_every: Duration,
    /// How long the store may take to answer before it counts as away. Default 2 s.
    pub store_timeout: Duration,
    /// How often uses of keys and sessions are written down. Default 5 s.
    pub flush_every: Duration,
    /// How long a verified `name:password` costs no Argon2id. Default 5 minutes.
    pub remember_password: Duration,
    /// For whom passwords are good. Default: for everybody who has one.
    pub passwords: Passwords,
    /// Whether a program may send the password of somebody who has, or must have, a second factor. Default: no, for a
    /// password alone would be the way around it.
    pub password_alone: bool,
    /// Password verifications at once; `None` is one fewer than the cores, at least one.
    pub verifications_at_once: Option<usize>,
    /// Password verifications that may wait their turn; beyond that the answer is `too-busy`. Default 64.
    pub verifications_waiting: usize,
    /// Whose client certificates are whose. Default none.
    pub certificate_rules: Vec<Rule>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            session_idle: Duration::from_secs(8 * 3600),
            session_absolute: Duration::from_secs(7 * 24 * 3600),
            store_grace: Duration::from_secs(600),
            poll_every: Duration::from_millis(250),
            forced_refresh_every: Duration::from_millis(100),
            store_timeout: Duration::from_secs(2),
            flush_every: Duration::from_secs(5),
            remember_password: Duration::from_secs(300),
            passwords: Passwords::ForEveryone,
            password_alone: false,
            verifications_at_once: None,
            verifications_waiting: 64,
            certificate_rules: Vec::new(),
        }
    }
}

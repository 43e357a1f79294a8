//! What is kept in the store, for all replicas? The account, certificates, challenges under way, and how the last attempt went. Keys are sealed.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use lictor_authn::Seal;
use lictor_model::{Clock, Digest, Secret, Timestamp};
use lictor_store::{AcmeEntry, Store};
use serde::{Deserialize, Serialize};

use super::error::AcmeError;
use crate::config::acme::{Acme, Challenge};

/// How long whoever orders may be silent before it is another's turn.
const TURN: i64 = 120;
const AN_HOUR: i64 = 3_600;
const A_YEAR: i64 = 365 * 86_400;
/// The last good certificate is kept for a while after its end, to be told of.
const BEYOND: i64 = 30 * 86_400;

/// The certificate that is in force; none as long as none was issued.
pub(crate) type InForce = ArcSwapOption<Issued>;

/// A certificate and its key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Issued {
    /// The chain, leaf first.
    pub(crate) chain: String,
    /// The leaf's key.
    key: String,
}

impl Issued {
    pub(super) const fn new(chain: String, key: String) -> Self {
        Self { chain, key }
    }

    /// The leaf's key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// How the last attempt went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// How many failed in a row.
    pub(crate) failures: u32,
    /// When the next one is due, at the earliest; in microseconds.
    pub(crate) next_at: i64,
    /// Why the last one failed.
    pub(crate) error: String,
}

/// What there is at a moment.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// The certificate for our names; or, until there is one, for those that we had before.
    pub(crate) issued: Option<Issued>,
    /// Whether it is for our names.
    pub(crate) is_ours: bool,
    /// How the last attempt went.
    pub(crate) state: State,
    /// Key authorizations of challenges under way, by what the authority asks for: a token, or a name.
    pub(super) challenges: Vec<(String, String)>,
}

/// Reads and writes it.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(super) store: Store,
    clock: Clock,
    seal: Arc<Seal>,
    challenge: Challenge,
    account: String,
    certificate: String,
    state: String,
}

impl Kept {
    /// Of one authority and one set of names.
    pub(crate) fn new(store: Store, clock: Clock, secret: &Secret, acme: &Acme) -> Result<Self, AcmeError> {
        let short = |text: &str| Digest::of(text.as_bytes()).to_hex().chars().take(16).collect::<String>();
        let set = short(&format!("{}\n{}", acme.directory, acme.domains.join("\n")));
        Ok(Self {
            seal: Arc::new(Seal::new("certificates", secret)?),
            challenge: acme.challenge,
            account: format!("account/{}", short(&acme.directory)),
            certificate: format!("certificate/{set}"),
            state: format!("state/{set}"),
            store,
            clock,
        })
    }

    /// All that there is.
    pub(crate) async fn shelf(&self) -> Result<Shelf, AcmeError> {
        let entries = self.store.acme_entries().await?;
        let ours = entries.iter().find(|entry| entry.name == self.certificate).and_then(|entry| self.open(entry));
        let is_ours = ours.is_some();
        let before = || {
            let mut all: Vec<_> = entries.iter().filter(|entry| entry.name.starts_with("certificate/")).collect();
            all.sort_by_key(|entry| entry.ends_at);
            all.into_iter().rev().find_map(|entry| self.open(entry))
        };
        let issued = ours.or_else(before).map(|text| serde_json::from_str(&text)).transpose()?;
        let state = entries.iter().find(|entry| entry.name == self.state);
        let state = state.map(|entry| serde_json::from_str(&entry.value)).transpose()?.unwrap_or_default();
        let prefix = self.challenge_name("");
        let challenge = |entry: &AcmeEntry| Some((entry.name.strip_prefix(&prefix)?.to_owned(), entry.value.clone()));
        Ok(Shelf { issued, is_ours, state, challenges: entries.iter().filter_map(challenge).collect() })
    }

    /// Our account with the authority, as the library writes it.
    pub(super) async fn account(&self) -> Result<Option<String>, AcmeError> {
        let entries = self.store.acme_entries().await?;
        Ok(entries.iter().find(|entry| entry.name == self.account).and_then(|entry| self.open(entry)))
    }

    pub(super) async fn put_account(&self, text: &str) -> Result<(), AcmeError> {
        self.put(vec![self.sealed(&self.account, text, 10 * A_YEAR)?]).await
    }

    pub(super) async fn forget_account(&self) -> Result<(), AcmeError> {
        Ok(self.store.remove_acme_entries(std::slice::from_ref(&self.account)).await?)
    }

    /// Keeps a certificate, and that all went well.
    pub(super) async fn put_issued(&self, issued: &Issued, ends_at: Timestamp) -> Result<(), AcmeError> {
        let left = ends_at.seconds_since(self.clock.now()) + BEYOND;
        let certificate = self.sealed(&self.certificate, &serde_json::to_string(issued)?, left)?;
        self.put(vec![certificate, self.state_entry(&State::default())?]).await
    }

    pub(super) async fn put_state(&self, state: &State) -> Result<(), AcmeError> {
        self.put(vec![self.state_entry(state)?]).await
    }

    /// Tells every replica what to answer.
    pub(super) async fn put_challenges(&self, challenges: &[(String, String)]) -> Result<(), AcmeError> {
        let entry =
            |(asked, answer): &(String, String)| self.entry(self.challenge_name(asked), answer.clone(), AN_HOUR);
        self.put(challenges.iter().map(entry).collect()).await
    }

    pub(super) async fn remove_challenges(&self, challenges: &[(String, String)]) -> Result<(), AcmeError> {
        let names: Vec<String> = challenges.iter().map(|(asked, _)| self.challenge_name(asked)).collect();
        Ok(self.store.remove_acme_entries(&names).await?)
    }

    /// Takes the turn to order, or keeps it for longer.
    pub(super) async fn take_turn(&self, holder: &str) -> Result<bool, AcmeError> {
        Ok(self.store.take_acme_turn(holder, self.clock.now().plus_seconds(TURN)).await?)
    }

    fn challenge_name(&self, asked: &str) -> String {
        format!("challenge/{}/{asked}", self.challenge.as_str())
    }

    fn state_entry(&self, state: &State) -> Result<AcmeEntry, AcmeError> {
        Ok(self.entry(self.state.clone(), serde_json::to_string(state)?, A_YEAR))
    }

    async fn put(&self, entries: Vec<AcmeEntry>) -> Result<(), AcmeError> {
        Ok(self.store.put_acme_entries(&entries).await?)
    }

    fn sealed(&self, name: &str, text: &str, seconds: i64) -> Result<AcmeEntry, AcmeError> {
        Ok(self.entry(name.to_owned(), self.seal.close(&format!("acme {name}"), text)?, seconds))
    }

    fn entry(&self, name: String, value: String, seconds: i64) -> AcmeEntry {
        AcmeEntry { name, value, ends_at: self.clock.now().plus_seconds(seconds) }
    }

    fn open(&self, entry: &AcmeEntry) -> Option<String> {
        self.seal.open(&format!("acme {}", entry.name), &entry.value)
    }
}

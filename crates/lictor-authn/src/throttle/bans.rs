//! Which bans hold here? Those that the store has, and those that are on their way to it.

use std::collections::HashMap;

use lictor_model::{Ban, BanCause, BanSubject, ClientAddress, Digest, PrincipalName, Timestamp};
use lictor_store::HeldBan;

use super::Account;

/// Bans that wait for the store; beyond that, a store that is away does not hear of them.
const WAITING: usize = 1_000;

/// What a ban is on, as guesses are looked up: without a name, which may be long.
type Key = (Option<Account>, Option<ClientAddress>);

/// The bans of the store, as of one version.
#[derive(Debug, Default)]
pub(super) struct Bans {
    pub(super) version: i64,
    in_force: HashMap<Key, InForce>,
    /// Which lifting of each was heeded.
    lifted: HashMap<Key, Timestamp>,
    begun: Vec<Ban>,
}

#[derive(Debug, Clone, Copy)]
struct InForce {
    cause: BanCause,
    ends_at: Timestamp,
}

/// A ban that wrong passwords led to.
pub(super) fn of(
    account: Option<PrincipalName>,
    address: Option<ClientAddress>,
    began_at: Timestamp,
    ends_at: Timestamp,
) -> Ban {
    Ban { subject: BanSubject { account, address }, cause: BanCause::Failures, began_at, ends_at }
}

impl Bans {
    /// Until when a guess must wait. A crowd of guessers elsewhere does not keep out who is known here; an
    /// administrator's word does.
    pub(super) fn end(&self, account: Account, source: ClientAddress, known: bool) -> Option<Timestamp> {
        let alone = self.in_force.get(&(Some(account), None));
        let alone = alone.filter(|ban| !known || ban.cause == BanCause::Administrator);
        let others = [(Some(account), Some(source)), (None, Some(source))];
        others.iter().filter_map(|key| self.in_force.get(key)).chain(alone).map(|ban| ban.ends_at).max()
    }

    /// Until when an administrator has banned the account or the address.
    pub(super) fn by_word(&self, account: Account, source: ClientAddress) -> Option<Timestamp> {
        let all = [(Some(account), Some(source)), (None, Some(source)), (Some(account), None)];
        let bans = all.iter().filter_map(|key| self.in_force.get(key));
        bans.filter(|ban| ban.cause == BanCause::Administrator).map(|ban| ban.ends_at).max()
    }

    /// Takes up bans for the store, but for those that it has; answers whether there is one.
    pub(super) fn note(&mut self, begun: Vec<Ban>, now: Timestamp) -> bool {
        let room = WAITING.saturating_sub(self.begun.len());
        let in_force = &self.in_force;
        let is_new = |ban: &Ban| {
            in_force.get(&key(&ban.subject)).is_none_or(|held| held.ends_at <= now || held.ends_at < ban.ends_at)
        };
        let before = self.begun.len();
        self.begun.extend(begun.into_iter().filter(is_new).take(room));
        self.begun.len() > before
    }

    /// The bans for the store.
    pub(super) fn take_begun(&mut self) -> Vec<Ban> {
        std::mem::take(&mut self.begun)
    }

    /// Puts back what could not be stored.
    pub(super) fn keep_begun(&mut self, bans: Vec<Ban>) {
        let newer = std::mem::replace(&mut self.begun, bans);
        self.begun.extend(newer);
        self.begun.truncate(WAITING);
    }

    /// Takes the store's bans in place of those before; answers what was lifted since.
    pub(super) fn heed(&mut self, version: i64, held: &[HeldBan]) -> Vec<Key> {
        self.version = version;
        let (lifted, in_force): (Vec<_>, Vec<_>) = held.iter().partition(|held| held.lifted_at.is_some());
        let in_force = in_force.iter().map(|held| &held.ban);
        self.in_force =
            in_force.map(|ban| (key(&ban.subject), InForce { cause: ban.cause, ends_at: ban.ends_at })).collect();
        let before = std::mem::take(&mut self.lifted);
        self.lifted = lifted.iter().filter_map(|held| Some((key(&held.ban.subject), held.lifted_at?))).collect();
        // By its moment, not by comparing clocks: a ban may be lifted, begin anew, and be lifted again.
        self.lifted.iter().filter(|(key, at)| before.get(key) != Some(at)).map(|(key, _)| *key).collect()
    }
}

fn key(subject: &BanSubject) -> Key {
    (subject.account.as_ref().map(|name| Digest::of(name.as_str().as_bytes())), subject.address)
}

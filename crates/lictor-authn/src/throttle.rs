//! May this caller guess a password now? Bounds per account and address, per address, and per account.

mod bans;
mod codes;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lictor_model::{Ban, ClientAddress, Clock, Digest, PrincipalName, Timestamp};
use lictor_store::HeldBan;
use tokio::sync::Notify;

use bans::Bans;

/// Failures of one account from one address before it must wait.
const PAIR_FAILURES: u32 = 10;
/// The first wait; each further failure doubles it.
const PAIR_WAIT: i64 = 60;
/// The longest wait.
const PAIR_LONGEST_WAIT: i64 = 15 * 60;
/// Failures of one account from one address are forgotten this long after the last wait.
const PAIR_MEMORY: i64 = 60 * 60;
/// Refused guesses in one wait after which even a remembered password no longer passes: it would tell right from wrong.
const PAIR_REFUSALS: u32 = 1_000;
/// Failures from one address, of any accounts.
const ADDRESS: Window = Window { failures: 60, seconds: 15 * 60 };
/// Failures of one account, from addresses that never succeeded for it.
const ACCOUNT: Window = Window { failures: 100, seconds: 60 * 60 };
/// Entries in each map.
const ENTRIES: usize = 20_000;

#[derive(Clone, Copy)]
struct Window {
    failures: u32,
    seconds: i64,
}

/// Which account is guessed at: a digest, so that names of any length take the same room.
pub(crate) type Account = Digest;

#[derive(Debug, Default, Clone, Copy)]
struct Pair {
    failures: u32,
    refused: u32,
    waits_until: Timestamp,
    last: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    failures: u32,
    since: Timestamp,
}

#[derive(Debug, Default)]
struct Counts {
    pairs: HashMap<(Account, ClientAddress), Pair>,
    addresses: HashMap<ClientAddress, Count>,
    accounts: HashMap<Account, Count>,
    successes: HashMap<(Account, ClientAddress), Timestamp>,
    bans: Bans,
}

/// Counts failed guesses in memory. Each replica counts for itself; what that leads to, a ban, it shares by the store.
#[derive(Debug)]
pub(crate) struct Throttle {
    clock: Clock,
    counts: Mutex<Counts>,
    /// Told when a ban has begun that the store does not know.
    pub(crate) wake: Notify,
}

/// The guess is refused without being looked at, for so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MustWait(pub(crate) u32);

impl Throttle {
    /// Nothing has failed yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, counts: Mutex::default(), wake: Notify::new() }
    }

    /// Begins a guess. It counts as a failure until [`Throttle::succeeded`] takes that back, so that guesses made at
    /// the same time cannot all pass before the first has failed.
    pub(crate) fn begin(&self, account: Account, source: ClientAddress) -> Result<(), MustWait> {
        self.begin_unless(account, source, |counts, now| counts.waits_until(account, source, now))
    }

    fn begin_unless(
        &self,
        account: Account,
        source: ClientAddress,
        waits_until: impl FnOnce(&Counts, Timestamp) -> Option<Timestamp>,
    ) -> Result<(), MustWait> {
        let now = self.clock.now();
        let mut counts = self.lock();
        if let Some(until) = waits_until(&counts, now) {
            let pair = counts.pair(account, source, now);
            pair.refused = pair.refused.saturating_add(1);
            return Err(MustWait(u32::try_from(now.seconds_until(until)).unwrap_or(u32::MAX)));
        }
        counts.charge(account, source, now);
        Ok(())
    }

    /// The guess was wrong: whatever must wait from now on is a ban, for the store and the other replicas.
    pub(crate) fn failed(&self, name: &str, account: Account, source: ClientAddress) {
        // No account has another kind of name, and people type passwords into name fields.
        let name = PrincipalName::parse(name).ok();
        let now = self.clock.now();
        let mut counts = self.lock();
        let begun = counts.begun(name, account, source, now);
        if counts.bans.note(begun, now) {
            self.wake.notify_one();
        }
    }

    /// Bans that the store does not know yet.
    pub(crate) fn take_begun(&self) -> Vec<Ban> {
        self.lock().bans.take_begun()
    }

    /// Bans that could not be stored.
    pub(crate) fn keep_begun(&self, bans: Vec<Ban>) {
        self.lock().bans.keep_begun(bans);
    }

    /// Holds the bans that the store has, and forgets the failures behind those that were lifted.
    pub(crate) fn heed(&self, version: i64, held: &[HeldBan]) {
        let mut counts = self.lock();
        for (account, source) in counts.bans.heed(version, held) {
            counts.forgive(account, source);
        }
    }

    /// As of which version the bans of the store are.
    pub(crate) fn version(&self) -> i64 {
        self.lock().bans.version
    }

    /// The failures of this account from this address count no more.
    pub(crate) fn forgive(&self, account: Account, source: ClientAddress) {
        self.lock().forgive(Some(account), Some(source));
        self.vouch(account, source);
    }

    /// Whoever sits there is known to be the account's holder, so that a crowd of guessers elsewhere does not keep them
    /// out.
    pub(crate) fn vouch(&self, account: Account, source: ClientAddress) {
        let now = self.clock.now();
        let mut counts = self.lock();
        make_room(&mut counts.successes, &(account, source), |_| true);
        counts.successes.insert((account, source), now);
    }

    /// The guess was right: the failures of this account from this address are forgiven.
    pub(crate) fn succeeded(&self, account: Account, source: ClientAddress) {
        let mut counts = self.lock();
        counts.pairs.remove(&(account, source));
        counts.refund(account, source);
        drop(counts);
        self.vouch(account, source);
    }

    /// The guess was not looked at after all (we were too busy).
    pub(crate) fn not_judged(&self, account: Account, source: ClientAddress) {
        let mut counts = self.lock();
        if let Some(pair) = counts.pairs.get_mut(&(account, source)) {
            pair.failures = pair.failures.saturating_sub(1);
            pair.waits_until = Timestamp::default();
        }
        counts.refund(account, source);
    }

    /// Whether a remembered password may pass although its address must wait. It may, so that an attacker behind the
    /// same address cannot lock a client out, until the refused guesses are so many that they are a search, or an
    /// administrator has banned them.
    pub(crate) fn lets_remembered_pass(&self, account: Account, source: ClientAddress) -> bool {
        let now = self.clock.now();
        let counts = self.lock();
        if counts.bans.by_word(account, source).is_some_and(|end| now < end) {
            return false;
        }
        counts.pairs.get(&(account, source)).is_none_or(|pair| pair.refused < PAIR_REFUSALS)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Until when the guess must wait, if it must.
    fn waits_until(&self, account: Account, source: ClientAddress, now: Timestamp) -> Option<Timestamp> {
        let known = self.successes.contains_key(&(account, source));
        let pair = self.pairs.get(&(account, source)).map(|pair| pair.waits_until);
        let address = self.addresses.get(&source).and_then(|count| ADDRESS.end(*count, now));
        let crowd = self.accounts.get(&account).filter(|_| !known).and_then(|count| ACCOUNT.end(*count, now));
        let ban = self.bans.end(account, source, known);
        [pair, address, crowd, ban].into_iter().flatten().max().filter(|until| now < *until)
    }

    /// The waits that hold now for this account and address, as bans.
    fn begun(&self, name: Option<PrincipalName>, account: Account, source: ClientAddress, now: Timestamp) -> Vec<Ban> {
        let pair = self.pairs.get(&(account, source)).map(|pair| pair.waits_until);
        let address = self.addresses.get(&source).and_then(|count| ADDRESS.end(*count, now));
        let crowd = self.accounts.get(&account).and_then(|count| ACCOUNT.end(*count, now));
        let holds = |until: Option<Timestamp>| until.filter(|until| now < *until);
        let named = name.into_iter().flat_map(|name| {
            let pair = holds(pair).map(|until| bans::of(Some(name.clone()), Some(source), now, until));
            [pair, holds(crowd).map(|until| bans::of(Some(name), None, now, until))]
        });
        named.chain([holds(address).map(|until| bans::of(None, Some(source), now, until))]).flatten().collect()
    }

    /// Forgets the failures of an account, of an address, or of the one from the other.
    fn forgive(&mut self, account: Option<Account>, source: Option<ClientAddress>) {
        let fits = |of: &Account, from: &ClientAddress| {
            account.is_none_or(|account| account == *of || codes::of(account) == *of)
                && source.is_none_or(|source| source == *from)
        };
        self.pairs.retain(|(of, from), _| !fits(of, from));
        match (account, source) {
            (Some(account), None) => self.accounts.retain(|of, _| *of != account && *of != codes::of(account)),
            (None, Some(source)) => drop(self.addresses.remove(&source)),
            _ => {}
        }
    }

    fn pair(&mut self, account: Account, source: ClientAddress, now: Timestamp) -> &mut Pair {
        let key = (account, source);
        make_room(&mut self.pairs, &key, |pair| pair.is_stale(now));
        let pair = self.pairs.entry(key).or_default();
        if pair.is_stale(now) {
            *pair = Pair::default();
        }
        pair.last = now;
        pair
    }

    fn charge(&mut self, account: Account, source: ClientAddress, now: Timestamp) {
        let pair = self.pair(account, source, now);
        pair.failures = pair.failures.saturating_add(1);
        if let Some(beyond) = pair.failures.checked_sub(PAIR_FAILURES) {
            pair.refused = 0;
            pair.waits_until = now.plus_seconds(PAIR_WAIT.saturating_mul(1 << beyond.min(8)).min(PAIR_LONGEST_WAIT));
        }
        ADDRESS.charge(&mut self.addresses, source, now);
        if !self.successes.contains_key(&(account, source)) {
            ACCOUNT.charge(&mut self.accounts, account, now);
        }
    }

    fn refund(&mut self, account: Account, source: ClientAddress) {
        for count in [self.addresses.get_mut(&source), self.accounts.get_mut(&account)].into_iter().flatten() {
            count.failures = count.failures.saturating_sub(1);
        }
    }
}

impl Pair {
    fn is_stale(&self, now: Timestamp) -> bool {
        now.seconds_since(self.last.max(self.waits_until)) >= PAIR_MEMORY
    }
}

impl Window {
    fn is_over(self, count: Count, now: Timestamp) -> bool {
        now.seconds_since(count.since) >= self.seconds
    }

    /// When the window ends, if it is full.
    fn end(self, count: Count, now: Timestamp) -> Option<Timestamp> {
        let is_full = count.failures >= self.failures && !self.is_over(count, now);
        is_full.then(|| count.since.plus_seconds(self.seconds))
    }

    fn charge<K: Eq + Hash + Copy>(self, counts: &mut HashMap<K, Count>, key: K, now: Timestamp) {
        make_room(counts, &key, |count| self.is_over(*count, now));
        let count = counts.entry(key).or_insert(Count { failures: 0, since: now });
        if self.is_over(*count, now) {
            *count = Count { failures: 0, since: now };
        }
        count.failures = count.failures.saturating_add(1);
    }
}

/// Keeps a map within its bound: first what is stale goes, then, under an attack from everywhere, any entry.
fn make_room<K: Eq + Hash + Copy, V>(entries: &mut HashMap<K, V>, key: &K, stale: impl Fn(&V) -> bool) {
    if entries.len() < ENTRIES || entries.contains_key(key) {
        return;
    }
    entries.retain(|_, value| !stale(value));
    // A tenth at once, so that a full map is not searched at each guess.
    let surplus = (entries.len() + ENTRIES / 10).saturating_sub(ENTRIES);
    let victims: Vec<K> = entries.keys().copied().take(surplus).collect();
    for victim in victims {
        entries.remove(&victim);
    }
}

#[cfg(test)]
mod tests;

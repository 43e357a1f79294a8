//! May this caller guess a password now? Bounds per account and address, per address, and per account.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lictor_model::{Clock, Digest, Timestamp};

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

/// An address as attackers own them: one IPv4, or an IPv6 /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientAddress(IpAddr);

impl From<IpAddr> for ClientAddress {
    fn from(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            v4 @ IpAddr::V4(_) => v4,
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        })
    }
}

impl ClientAddress {
    /// Its bytes, for keys.
    pub(crate) fn octets(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        }
    }
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
}

/// Counts failed guesses in memory. Each replica counts for itself.
#[derive(Debug)]
pub(crate) struct Throttle {
    clock: Clock,
    counts: Mutex<Counts>,
}

/// The guess is refused without being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MustWait;

impl Throttle {
    /// Nothing has failed yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, counts: Mutex::default() }
    }

    /// Begins a guess. It counts as a failure until [`Throttle::succeeded`] takes that back, so that guesses made at
    /// the same time cannot all pass before the first has failed.
    pub(crate) fn begin(&self, account: Account, source: ClientAddress) -> Result<(), MustWait> {
        let now = self.clock.now();
        let mut counts = self.lock();
        if counts.must_wait(account, source, now) {
            let pair = counts.pair(account, source, now);
            pair.refused = pair.refused.saturating_add(1);
            return Err(MustWait);
        }
        counts.charge(account, source, now);
        Ok(())
    }

    /// The guess was right: the failures of this account from this address are forgiven.
    pub(crate) fn succeeded(&self, account: Account, source: ClientAddress) {
        let now = self.clock.now();
        let mut counts = self.lock();
        counts.pairs.remove(&(account, source));
        counts.refund(account, source);
        make_room(&mut counts.successes, &(account, source), |_| true);
        counts.successes.insert((account, source), now);
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
    /// same address cannot lock a client out, until the refused guesses are so many that they are a search.
    pub(crate) fn lets_remembered_pass(&self, account: Account, source: ClientAddress) -> bool {
        let counts = self.lock();
        counts.pairs.get(&(account, source)).is_none_or(|pair| pair.refused < PAIR_REFUSALS)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn must_wait(&self, account: Account, source: ClientAddress, now: Timestamp) -> bool {
        let pair = self.pairs.get(&(account, source)).is_some_and(|pair| now < pair.waits_until);
        let address = self.addresses.get(&source).is_some_and(|count| ADDRESS.is_full(*count, now));
        let known = self.successes.contains_key(&(account, source));
        let crowd = !known && self.accounts.get(&account).is_some_and(|count| ACCOUNT.is_full(*count, now));
        pair || address || crowd
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

    fn is_full(self, count: Count, now: Timestamp) -> bool {
        count.failures >= self.failures && !self.is_over(count, now)
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
mod tests {
    use super::*;

    fn stage() -> (Throttle, Clock) {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        (Throttle::new(clock.clone()), clock)
    }

    fn account(name: &str) -> Account {
        Digest::of(name.as_bytes())
    }

    fn source(text: &str) -> ClientAddress {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn ten_failures_cost_a_minute_and_each_further_one_doubles_it_up_to_fifteen() {
        let (throttle, clock) = stage();
        let (alice, here) = (account("alice"), source("192.0.2.1"));
        for _ in 0..10 {
            throttle.begin(alice, here).unwrap();
        }
        for wait in [60, 120, 240, 480, 900, 900] {
            assert_eq!(throttle.begin(alice, here), Err(MustWait));
            clock.advance(wait - 1);
            assert_eq!(throttle.begin(alice, here), Err(MustWait), "one second before {wait}");
            clock.advance(1);
            throttle.begin(alice, here).unwrap();
        }
    }

    #[test]
    fn a_success_forgives_and_other_accounts_and_addresses_are_judged_alone() {
        let (throttle, _) = stage();
        let (alice, here) = (account("alice"), source("192.0.2.1"));
        for _ in 0..5 {
            for _ in 0..10 {
                throttle.begin(alice, here).unwrap();
            }
            assert_eq!(throttle.begin(alice, here), Err(MustWait));
            throttle.begin(account("bob"), here).unwrap();
            throttle.begin(alice, source("192.0.2.2")).unwrap();
            throttle.succeeded(account("bob"), here);
            throttle.succeeded(alice, here);
        }
    }

    #[test]
    fn one_address_has_sixty_failures_in_a_quarter_of_an_hour() {
        let (throttle, clock) = stage();
        let here = source("2001:db8::1");
        for at in 0..60 {
            throttle.begin(account(&format!("user{at}")), here).unwrap();
        }
        assert_eq!(throttle.begin(account("alice"), here), Err(MustWait));
        assert_eq!(throttle.begin(account("alice"), source("2001:db8::ffff:2")), Err(MustWait), "the same /64");
        throttle.begin(account("alice"), source("2001:db8:0:1::1")).unwrap();
        clock.advance(900);
        throttle.begin(account("alice"), here).unwrap();
    }

    #[test]
    fn a_crowd_of_addresses_has_a_hundred_failures_an_hour_and_known_addresses_still_get_in() {
        let (throttle, clock) = stage();
        let (alice, home) = (account("alice"), source("198.51.100.7"));
        throttle.begin(alice, home).unwrap();
        throttle.succeeded(alice, home);
        for at in 0..100 {
            throttle.begin(alice, source(&format!("192.0.2.{at}"))).unwrap();
        }
        assert_eq!(throttle.begin(alice, source("192.0.2.200")), Err(MustWait));
        throttle.begin(alice, home).unwrap();
        clock.advance(3600);
        throttle.begin(alice, source("192.0.2.200")).unwrap();
    }

    #[test]
    fn a_remembered_password_passes_until_the_refusals_are_a_search() {
        let (throttle, _) = stage();
        let (alice, here) = (account("alice"), source("::ffff:192.0.2.1"));
        for _ in 0..10 {
            throttle.begin(alice, here).unwrap();
        }
        for _ in 0..1_000 {
            assert!(throttle.lets_remembered_pass(alice, here));
            assert_eq!(throttle.begin(alice, source("192.0.2.1")), Err(MustWait), "a mapped IPv4 is that IPv4");
        }
        assert!(!throttle.lets_remembered_pass(alice, here));
    }

    #[test]
    fn refusals_for_the_address_alone_are_a_search_too() {
        let (throttle, _) = stage();
        let (alice, here) = (account("alice"), source("192.0.2.1"));
        for at in 0..60 {
            throttle.begin(account(&format!("user{at}")), here).unwrap();
        }
        for _ in 0..1_000 {
            assert!(throttle.lets_remembered_pass(alice, here));
            assert_eq!(throttle.begin(alice, here), Err(MustWait));
        }
        assert!(!throttle.lets_remembered_pass(alice, here));
    }

    #[test]
    fn the_maps_stay_bounded() {
        let (throttle, _) = stage();
        for at in 0..u32::try_from(ENTRIES * 2).unwrap() {
            throttle.begin(Digest::of(&at.to_be_bytes()), IpAddr::from(at.to_be_bytes()).into()).unwrap();
        }
        let counts = throttle.lock();
        assert!(counts.pairs.len() <= ENTRIES && counts.addresses.len() <= ENTRIES && counts.accounts.len() <= ENTRIES);
    }
}

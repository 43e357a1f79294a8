use std::net::IpAddr;

use lictor_model::{BanCause, BanSubject};

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
        assert!(throttle.begin(alice, here).is_err());
        clock.advance(wait - 1);
        assert!(throttle.begin(alice, here).is_err(), "one second before {wait}");
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
        assert!(throttle.begin(alice, here).is_err());
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
    assert!(throttle.begin(account("alice"), here).is_err());
    assert!(throttle.begin(account("alice"), source("2001:db8::ffff:2")).is_err(), "the same /64");
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
    assert!(throttle.begin(alice, source("192.0.2.200")).is_err());
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
        assert!(throttle.begin(alice, source("192.0.2.1")).is_err(), "a mapped IPv4 is that IPv4");
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
        assert!(throttle.begin(alice, here).is_err());
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

fn named(name: &str) -> Option<PrincipalName> {
    PrincipalName::parse(name).ok()
}

/// Guesses wrongly, whole.
fn fail(throttle: &Throttle, name: &str, source: ClientAddress) {
    throttle.begin(account(name), source).unwrap();
    throttle.failed(name, account(name), source);
}

fn held(bans: Vec<Ban>) -> Vec<HeldBan> {
    bans.into_iter().map(|ban| HeldBan { ban, lifted_at: None }).collect()
}

#[test]
fn the_wait_is_told_to_the_second() {
    let (throttle, clock) = stage();
    let (alice, here) = (account("alice"), source("192.0.2.1"));
    for _ in 0..10 {
        throttle.begin(alice, here).unwrap();
    }
    for waited in [0, 1, 58, 59] {
        clock.advance(waited);
        assert_eq!(throttle.begin(alice, here), Err(MustWait(u32::try_from(60 - waited).unwrap())));
        clock.advance(-waited);
    }
    for at in 0..60 {
        throttle.begin(account(&format!("user{at}")), source("192.0.2.2")).unwrap();
    }
    clock.advance(100);
    assert_eq!(throttle.begin(alice, source("192.0.2.2")), Err(MustWait(800)), "the rest of the quarter of an hour");
}

#[test]
fn only_what_was_wrong_becomes_a_ban_and_each_kind_does() {
    let (throttle, _) = stage();
    let here = source("192.0.2.1");
    for _ in 0..9 {
        fail(&throttle, "alice", here);
    }
    throttle.begin(account("alice"), here).unwrap();
    assert_eq!(throttle.take_begun(), [], "the tenth may yet be right");
    throttle.succeeded(account("alice"), here);
    for _ in 0..10 {
        fail(&throttle, "bob", here);
        fail(&throttle, "Not A Name", here);
    }
    for at in 0..31 {
        fail(&throttle, &format!("user{at}"), here);
    }
    for at in 0..90 {
        fail(&throttle, "bob", source(&format!("198.51.100.{at}")));
    }
    let begun = throttle.take_begun();
    let subjects: Vec<String> = begun.iter().map(|ban| ban.subject.to_string()).collect();
    assert_eq!(subjects, ["bob from 192.0.2.1", "192.0.2.1", "bob"]);
    assert!(begun.iter().all(|ban| ban.cause == BanCause::Failures));
}

#[test]
fn a_ban_of_another_replica_holds_here_and_is_not_sent_back() {
    let (throttle, clock) = stage();
    let (alice, here, now) = (account("alice"), source("192.0.2.1"), clock.now());
    throttle.heed(2, &held(vec![bans::of(named("alice"), Some(here), now, now.plus_seconds(90))]));
    assert_eq!(throttle.begin(alice, here), Err(MustWait(90)));
    throttle.begin(account("bob"), here).unwrap();
    throttle.begin(alice, source("192.0.2.2")).unwrap();
    clock.advance(90);
    for _ in 0..10 {
        fail(&throttle, "alice", here);
    }
    let begun = throttle.take_begun();
    assert_eq!(begun.len(), 1, "the one of before has run out");
    throttle.heed(3, &held(begun));
    clock.advance(60);
    fail(&throttle, "alice", here);
    assert_eq!(throttle.take_begun().len(), 1, "a longer one is told");
}

#[test]
fn a_lifted_ban_is_forgotten_with_its_failures_once_for_each_lifting() {
    let (throttle, clock) = stage();
    let (alice, here) = (account("alice"), source("192.0.2.1"));
    for version in 2..4 {
        for _ in 0..10 {
            fail(&throttle, "alice", here);
        }
        assert!(throttle.begin(alice, here).is_err());
        let mut bans = held(throttle.take_begun());
        bans[0].lifted_at = Some(clock.now());
        throttle.heed(version, &bans);
        for _ in 0..9 {
            fail(&throttle, "alice", here);
        }
        throttle.heed(version, &bans);
        fail(&throttle, "alice", here);
        assert!(throttle.begin(alice, here).is_err(), "the same lifting does not forgive what came after it");
        throttle.forgive(alice, here);
        throttle.take_begun();
        clock.advance(1);
    }
}

#[test]
fn lifting_what_is_on_an_address_or_an_account_forgives_all_of_it() {
    let (throttle, clock) = stage();
    let (alice, here, now) = (account("alice"), source("192.0.2.1"), clock.now());
    for at in 0..60 {
        fail(&throttle, &format!("user{}", at % 6), here);
    }
    for at in 0..100 {
        fail(&throttle, "alice", source(&format!("198.51.100.{at}")));
    }
    assert!(throttle.begin(account("bob"), here).is_err() && throttle.begin(alice, source("203.0.113.1")).is_err());
    let mut bans = held(throttle.take_begun());
    for held in &mut bans {
        held.lifted_at = Some(now);
    }
    throttle.heed(2, &bans);
    throttle.begin(account("bob"), here).unwrap();
    throttle.begin(account("user1"), here).unwrap();
    throttle.begin(alice, source("203.0.113.1")).unwrap();
}

#[test]
fn an_administrators_ban_holds_for_those_who_are_known_and_remembered_too() {
    let (throttle, clock) = stage();
    let (alice, home, now) = (account("alice"), source("198.51.100.7"), clock.now());
    throttle.begin(alice, home).unwrap();
    throttle.succeeded(alice, home);
    let subject = BanSubject { account: named("alice"), address: None };
    let mut ban = Ban { subject, cause: BanCause::Failures, began_at: now, ends_at: now.plus_seconds(60) };
    throttle.heed(2, &held(vec![ban.clone()]));
    throttle.begin(alice, home).unwrap();
    assert!(throttle.lets_remembered_pass(alice, home));
    assert!(throttle.begin(alice, source("203.0.113.1")).is_err());
    ban.cause = BanCause::Administrator;
    throttle.heed(3, &held(vec![ban]));
    assert_eq!(throttle.begin(alice, home), Err(MustWait(60)));
    assert!(!throttle.lets_remembered_pass(alice, home));
    clock.advance(60);
    assert!(throttle.lets_remembered_pass(alice, home));
}

#[test]
fn what_waits_for_the_store_stays_bounded() {
    let (throttle, clock) = stage();
    let now = clock.now();
    for at in 0..3_000_u32 {
        let ban = bans::of(None, Some(IpAddr::from(at.to_be_bytes()).into()), now, now.plus_seconds(60));
        throttle.lock().bans.note(vec![ban], now);
    }
    let begun = throttle.take_begun();
    assert_eq!(begun.len(), 1_000);
    throttle.keep_begun(begun);
    assert_eq!(throttle.take_begun().len(), 1_000);
}

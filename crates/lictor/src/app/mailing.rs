//! Who is told by mail that a key ends soon? Its owner, or the administrators; once by whichever replica comes first, again until it has left.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use lettre::message::Mailbox;
use lictor_model::{Clock, CredentialId, Principal, PrincipalId, Timestamp};
use lictor_store::{KeyRow, Store, StoreError};

use crate::config::mail::Mail;
use crate::expiring::{Notice, notices};
use crate::mail::{MailError, Mailer};

const EVERY: Duration = Duration::from_secs(10);
/// How long what was read is good although no version moved: last uses move none.
const STALE: i64 = 600;
/// How long one replica may take to send what it took.
const LEASE: i64 = 300;
/// How long after a failure it is tried again: twice as long after each, up to an hour.
const FIRST_PAUSE: i64 = 15;
const LONGEST_PAUSE: i64 = 3_600;

/// Keeps sending for as long as the runtime lives.
///
/// # Errors
/// [`MailError`] when the configured certificates cannot be used.
pub(crate) fn keep_sending(
    mail: &Mail,
    address: String,
    store: Store,
    clock: Clock,
    background: &tokio::runtime::Handle,
) -> Result<(), MailError> {
    let (mailer, admins) = (Mailer::new(mail)?, mail.to.clone());
    let mut post =
        Post { mailer, admins, address, store, clock, seen: Seen::default(), later: HashMap::new(), failures: 0 };
    background.spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = post.round().await {
                tracing::warn!(%error, "whether keys end soon could not be looked up");
            }
        }
    });
    Ok(())
}

type Stage = (CredentialId, &'static str);

struct Post {
    mailer: Mailer,
    admins: Vec<Mailbox>,
    address: String,
    store: Store,
    clock: Clock,
    seen: Seen,
    /// Not before then: sent, taken by another replica, or failed.
    later: HashMap<Stage, Timestamp>,
    failures: u32,
}

/// What was read last.
#[derive(Default)]
struct Seen {
    version: i64,
    at: Timestamp,
    keys: Vec<KeyRow>,
    owners: Vec<Principal>,
}

impl Post {
    async fn round(&mut self) -> Result<(), StoreError> {
        self.look().await?;
        let now = self.clock.now();
        let due: Vec<Notice> = notices(&self.seen.keys, &self.seen.owners, now)
            .into_iter()
            .filter(|notice| is_ripe(notice, now))
            .filter(|notice| self.later.get(&stage(notice)).is_none_or(|then| *then <= now))
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let addresses = self.store.mail_addresses().await?;
        let mut letters: BTreeMap<String, (Vec<Mailbox>, Vec<Notice>)> = BTreeMap::new();
        for notice in due {
            let to = recipients(&notice.owner, &addresses, &self.admins);
            // Nobody to tell: the log has it.
            if to.is_empty() {
                continue;
            }
            if self.store.take_notice(&notice.key, stage(&notice).1, now.plus_seconds(LEASE)).await? {
                let names: Vec<String> = to.iter().map(ToString::to_string).collect();
                letters.entry(names.join(", ")).or_insert_with(|| (to, Vec::new())).1.push(notice);
            } else {
                self.later.insert(stage(&notice), now.plus_seconds(LEASE));
            }
        }
        for (to, notices) in letters.into_values() {
            self.deliver(&to, &notices).await?;
        }
        Ok(())
    }

    /// Reads keys and owners when something has changed, and now and then.
    async fn look(&mut self) -> Result<(), StoreError> {
        let (now, version) = (self.clock.now(), self.store.versions().await?.directory);
        if version != self.seen.version || now.seconds_since(self.seen.at) >= STALE {
            let (keys, owners) = (self.store.list_keys(None).await?, self.store.list_principals(None).await?);
            self.later.retain(|(key, _), _| keys.iter().any(|row| row.id == *key));
            self.seen = Seen { version, at: now, keys, owners };
        }
        Ok(())
    }

    async fn deliver(&mut self, to: &[Mailbox], notices: &[Notice]) -> Result<(), StoreError> {
        let (subject, text) = letter(notices, &self.address);
        let sent = self.mailer.send(to, &subject, text).await;
        let now = self.clock.now();
        let then = match &sent {
            Ok(()) => {
                self.failures = 0;
                now.plus_seconds(i64::from(u32::MAX))
            }
            Err(error) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
                self.failures = self.failures.saturating_add(1);
                tracing::warn!(%error, pause, "a notice could not be sent by mail; it is tried again");
                now.plus_seconds(pause)
            }
        };
        for notice in notices {
            let (key, stage) = stage(notice);
            self.later.insert((key.clone(), stage), then);
            match sent {
                Ok(()) => self.store.notice_sent(&key, stage).await?,
                Err(_) => self.store.give_back_notice(&key, stage).await?,
            }
        }
        if sent.is_ok() {
            tracing::info!(notices = notices.len(), "told by mail that keys end soon");
        }
        Ok(())
    }
}

fn stage(notice: &Notice) -> Stage {
    (notice.key.clone(), if notice.is_urgent { "late" } else { "early" })
}

/// A key that was made for a short while is not told of when it has hardly been made.
fn is_ripe(notice: &Notice, now: Timestamp) -> bool {
    let half = notice.ends_at.seconds_since(notice.made_at) / 2;
    now >= notice.made_at.plus_seconds(half)
}

/// The owner where there is an address, else the administrators.
fn recipients(owner: &PrincipalId, addresses: &HashMap<PrincipalId, String>, admins: &[Mailbox]) -> Vec<Mailbox> {
    let own = addresses.get(owner).and_then(|address| address.parse().ok());
    own.map_or_else(|| admins.to_vec(), |own: Mailbox| vec![own])
}

fn letter(notices: &[Notice], address: &str) -> (String, String) {
    let lines: Vec<String> = notices.iter().map(|notice| format!("- {}\n", plain(&notice.text))).collect();
    let subject = match notices {
        [_] => "An API key of Lictor ends soon".to_owned(),
        more => format!("{} API keys of Lictor end soon", more.len()),
    };
    let text = format!(
        "This is Lictor, the gate in front of Prefect, at {address}.\n\n{}\nPeople make and revoke keys of their own at \
         {address}/lictor/account/keys.\nThis is told once two weeks before a key ends, and once three days before.\n",
        lines.concat()
    );
    (subject, text)
}

fn plain(text: &str) -> String {
    crate::cli::printed::plain(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn notice(text: &str, made_days_ago: i64, ends_in_days: i64) -> Notice {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        Notice {
            key: "k".into(),
            owner: "alice".into(),
            made_at: now.plus_seconds(-made_days_ago * DAY),
            ends_at: now.plus_seconds(ends_in_days * DAY),
            is_urgent: ends_in_days <= 3,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_key_is_not_told_of_in_the_first_half_of_its_life() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        for (ago, left, ripe) in [(80, 10, true), (1, 13, false), (0, 1, false), (1, 1, true), (8, 7, true)] {
            assert_eq!(is_ripe(&notice("", ago, left), now), ripe, "{ago} {left}");
        }
    }

    #[test]
    fn the_owner_is_told_and_otherwise_the_administrators() {
        let admins: Vec<Mailbox> = vec!["Ops <ops@example.com>".parse().unwrap()];
        let known = HashMap::from([(PrincipalId::from("alice"), "alice@example.com".to_owned())]);
        let to =
            |who: &str| recipients(&who.into(), &known, &admins).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(to("alice"), ["alice@example.com"]);
        assert_eq!(to("bob"), ["Ops <ops@example.com>"]);
    }

    #[test]
    fn what_a_label_says_forges_no_line() {
        let (subject, text) = letter(&[notice("key a\nBcc: x", 9, 1)], "https://gate.example");
        assert_eq!(subject, "An API key of Lictor ends soon");
        assert!(text.contains("- key a\u{fffd}Bcc: x\n") && text.contains("https://gate.example/lictor/account/keys"));
        assert!(letter(&[notice("", 9, 1), notice("", 9, 1)], "").0.starts_with("2 API keys"));
    }
}

//! Who sees to it that there is a good certificate? Every replica looks once a second; one at a time orders.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lictor_model::{Clock, Secret, Timestamp};
use lictor_proxy::acme::Challenges;
use lictor_proxy::metrics::Metrics;
use lictor_store::Store;
use sha2::{Digest as _, Sha256};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use super::alpn::Plates;
use super::due;
use super::error::AcmeError;
use super::kept::{InForce, Issued, Kept, Shelf, State};
use super::order::{Leaf, Orderer};
use crate::cli::printed::plain;
use crate::config::Tls;
use crate::config::acme::{Acme, Challenge};
use crate::tls::TlsError;
use crate::tls::load::{Pair, load_with};

const LOOK_EVERY: Duration = Duration::from_secs(1);
const ORDER_LIMIT: Duration = Duration::from_secs(300);
/// How often the authority is asked when it wants a certificate renewed, whatever it suggests.
const ASK_AGAIN: std::ops::RangeInclusive<i64> = 60..=21_600;
/// How long it is not asked after it could not be.
const UNHEARD: i64 = 3_600;

/// What the doors need, and who keeps it.
pub(crate) struct Begun {
    /// For both doors.
    pub(crate) challenges: Arc<Challenges>,
    /// For the listener's terms.
    pub(crate) in_force: Arc<InForce>,
    /// Told when that is another.
    pub(crate) changed: Arc<Notify>,
    keeper: Keeper,
}

struct Keeper {
    orderer: Orderer,
    tls: Tls,
    clock: Clock,
    metrics: Arc<Metrics>,
    challenges: Arc<Challenges>,
    plates: Arc<Plates>,
    in_force: Arc<InForce>,
    changed: Arc<Notify>,
    /// Who we are among the replicas.
    holder: String,
    advice: Option<Advice>,
}

/// When the authority wants a certificate renewed.
struct Advice {
    of: Timestamp,
    due: Option<Timestamp>,
    ask_again_at: Timestamp,
}

/// Takes up what there is in the store.
///
/// # Errors
/// [`AcmeError`] when the store is away, or nothing can be made.
pub(crate) async fn begin(
    (tls, acme): (&Tls, &Acme),
    store: Store,
    secret: &Secret,
    clock: Clock,
    metrics: Arc<Metrics>,
) -> Result<Begun, AcmeError> {
    let kept = Kept::new(store, clock.clone(), secret, acme)?;
    let plates = Arc::new(Plates::default());
    let in_handshakes = match acme.challenge {
        Challenge::TlsAlpn01 => Some(plates.config().map_err(TlsError::from)?),
        Challenge::Http01 => None,
    };
    let (challenges, in_force) = (Arc::new(Challenges::new(in_handshakes)), Arc::new(InForce::default()));
    in_force.store(kept.shelf().await?.issued.map(Arc::new));
    let (changed, holder) = (Arc::new(Notify::new()), lictor_model::key::random_text(16)?);
    let keeper = Keeper {
        orderer: Orderer { acme: acme.clone(), kept },
        tls: tls.clone(),
        clock,
        metrics,
        challenges: Arc::clone(&challenges),
        plates,
        in_force: Arc::clone(&in_force),
        changed: Arc::clone(&changed),
        holder,
        advice: None,
    };
    Ok(Begun { challenges, in_force, changed, keeper })
}

impl Begun {
    /// Goes on from now on, on the background runtime.
    ///
    /// # Errors
    /// The system's, when it gives no signals.
    pub(crate) fn start(self, background: &tokio::runtime::Handle) -> std::io::Result<()> {
        let _inside = background.enter();
        let hangup = signal(SignalKind::hangup())?;
        background.spawn(self.keeper.run(hangup));
        Ok(())
    }
}

impl Keeper {
    async fn run(mut self, mut hangup: Signal) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut said = String::new();
        loop {
            let is_asked = tokio::select! {
                _ = ticks.tick() => false,
                Some(()) = hangup.recv() => true,
            };
            let wrong = self.look(is_asked).await.err().map(|error| error.to_string()).unwrap_or_default();
            if !wrong.is_empty() && wrong != said {
                tracing::warn!("whether a certificate is due could not be looked up: {wrong}");
            }
            said = wrong;
        }
    }

    async fn look(&mut self, is_asked: bool) -> Result<(), AcmeError> {
        let shelf = self.take_up().await?;
        if is_asked {
            self.advice = None;
        }
        if !self.is_due(&shelf, is_asked).await || !self.orderer.kept.take_turn(&self.holder).await? {
            return Ok(());
        }
        // Whoever had the turn before may have left a certificate, or word that it cannot be had now.
        let shelf = self.take_up().await?;
        let outcome = if self.is_due(&shelf, is_asked).await { self.order(&shelf).await } else { Ok(()) };
        self.orderer.kept.store.leave_acme_turn(&self.holder).await?;
        outcome?;
        self.take_up().await.map(drop)
    }

    /// Uses what is in the store: answers, and the certificate.
    async fn take_up(&self) -> Result<Shelf, AcmeError> {
        let shelf = self.orderer.kept.shelf().await?;
        self.answer(&shelf.challenges)?;
        let now = self.in_force.load_full();
        if let Some(issued) = shelf.issued.as_ref().filter(|issued| now.as_deref() != Some(*issued)) {
            self.in_force.store(Some(Arc::new(issued.clone())));
            self.changed.notify_one();
        }
        Ok(shelf)
    }

    fn answer(&self, challenges: &[(String, String)]) -> Result<(), AcmeError> {
        let all = challenges.iter().cloned();
        match self.orderer.acme.challenge {
            Challenge::Http01 => self.challenges.replace(all.collect()),
            Challenge::TlsAlpn01 => {
                let digests = all.map(|(domain, text)| (domain, Sha256::digest(text.as_bytes()).to_vec()));
                self.plates.replace(digests.collect::<HashMap<_, _>>())?;
            }
        }
        Ok(())
    }

    async fn is_due(&mut self, shelf: &Shelf, is_asked: bool) -> bool {
        let now = self.clock.now();
        if !is_asked && now < Timestamp::from_micros(shelf.state.next_at) {
            return false;
        }
        match shelf.issued.as_ref().filter(|_| shelf.is_ours).and_then(Leaf::of) {
            None => true,
            Some(leaf) => now >= self.due(&leaf, now).await,
        }
    }

    /// When the authority wants it, or by its age.
    async fn due(&mut self, leaf: &Leaf, now: Timestamp) -> Timestamp {
        let is_known = |advice: &&Advice| advice.of == leaf.begins && now < advice.ask_again_at;
        if self.advice.as_ref().filter(is_known).is_none() {
            let (due, again) = match self.orderer.renewal(leaf).await {
                Ok(Some((due, again))) => (Some(due), again.clamp(*ASK_AGAIN.start(), *ASK_AGAIN.end())),
                Ok(None) => (None, *ASK_AGAIN.end()),
                Err(error) => {
                    tracing::debug!(%error, "the certificate authority does not say when to renew");
                    (None, UNHEARD)
                }
            };
            self.advice = Some(Advice { of: leaf.begins, due, ask_again_at: now.plus_seconds(again) });
        }
        let advised = self.advice.as_ref().and_then(|advice| advice.due);
        let latest = due::at_latest(leaf.begins, leaf.ends);
        advised.unwrap_or_else(|| due::by_age(leaf.begins, leaf.ends, &leaf.der)).min(latest)
    }

    /// Orders, and keeps what came of it. A certificate that cannot be had is no reason to part with the one that there is.
    async fn order(&mut self, shelf: &Shelf) -> Result<(), AcmeError> {
        let domains = self.orderer.acme.domains.join(", ");
        match self.order_in_time(shelf).await {
            Ok((issued, ends)) => {
                self.orderer.kept.put_issued(&issued, ends).await?;
                tracing::info!(domains, until = %ends, "a certificate was issued");
            }
            Err(error) => {
                self.metrics.acme_failures.inc();
                let failures = shelf.state.failures.saturating_add(1);
                let next = self.clock.now().plus_seconds(due::after_failures(failures, &self.holder));
                // It may quote whoever answered at the name.
                let error = plain(&error.to_string());
                tracing::warn!(domains, error, next_attempt = %next, "no certificate could be had: what is in force stays so");
                let state = State { failures, next_at: next.as_micros(), error };
                self.orderer.kept.put_state(&state).await?;
            }
        }
        Ok(())
    }

    /// Answers the authority like any replica, and keeps the turn, so that nobody takes us for gone. What fails is tried again.
    async fn go_on(&self) {
        let answered = self.take_up().await.map(drop);
        if let Err(error) = answered.and(self.orderer.kept.take_turn(&self.holder).await.map(drop)) {
            tracing::debug!(%error, "the store is away while a certificate is ordered");
        }
    }

    async fn order_in_time(&self, shelf: &Shelf) -> Result<(Issued, Timestamp), AcmeError> {
        let leaf = shelf.issued.as_ref().filter(|_| shelf.is_ours).and_then(Leaf::of);
        let is_advised = self.advice.as_ref().is_some_and(|advice| advice.due.is_some());
        let replaced = leaf.as_ref().filter(|_| is_advised).map(|leaf| &leaf.der);
        let ordered = tokio::time::timeout(ORDER_LIMIT, self.orderer.order(replaced));
        let mut ordered = std::pin::pin!(ordered);
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        let issued = loop {
            tokio::select! {
                ordered = ordered.as_mut() => break ordered.map_err(|_| AcmeError::Timeout)??,
                _ = ticks.tick() => self.go_on().await,
            }
        };
        // What could not be used is not kept.
        load_with(&self.tls, Pair::of_pem(&issued.chain, issued.key())?)?;
        let ends = Leaf::of(&issued).map(|leaf| leaf.ends).filter(|ends| *ends > self.clock.now());
        let ends = ends.ok_or_else(|| AcmeError::NotFor("now".to_owned()))?;
        Ok((issued, ends))
    }
}

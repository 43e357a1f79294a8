//! Which tokens were found good, and until when does that count? Kept by digest, so that the second request asks nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lictor_model::{Digest, Secret, Timestamp};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::source::Source;
use crate::oidc::claims::Claims;

/// All that is kept may take so many bytes, about.
const ROOM: u64 = 64 << 20;
/// What one takes besides its claims.
const APIECE: usize = 1024;
/// Claims in memory take so many times what the token's text takes.
const SPREAD: usize = 4;

/// A token that was found good.
pub(crate) struct Accepted {
    pub(crate) digest: Digest,
    /// Who issued it, on the terms of then.
    pub(crate) source: Arc<Source>,
    pub(crate) claims: Claims,
    /// When it ends, by its issuer's clock.
    pub(crate) end: Option<Timestamp>,
    /// What its issuer has to confirm again, and when.
    pub(crate) word: Option<Word>,
    size: u32,
}

/// An issuer's word on a token.
pub(crate) struct Word {
    pub(crate) token: Secret,
    /// Asked for again from then on, while it still counts.
    pub(crate) until: Timestamp,
    /// Of no use from then on.
    lost: Timestamp,
    is_asking: AtomicBool,
}

/// How a token that was found good stands now.
pub(crate) enum Standing {
    /// Good.
    Good,
    /// Good, and its issuer should be asked again, by whoever is told this.
    Confirm,
    /// Good as far as we know, and its issuer has not confirmed that for too long.
    Unconfirmed,
    /// Over.
    Over,
}

impl Accepted {
    pub(crate) fn new(
        digest: Digest,
        source: Arc<Source>,
        claims: Claims,
        end: Option<Timestamp>,
        word: Option<Word>,
        length: usize,
    ) -> Self {
        let size = u32::try_from(length.saturating_mul(SPREAD).saturating_add(APIECE)).unwrap_or(u32::MAX);
        Self { digest, source, claims, end, word, size }
    }

    /// How it stands, on the terms that it was found good on.
    pub(crate) fn standing(&self, now: Timestamp) -> Standing {
        if self.end.is_some_and(|end| now >= end.plus_seconds(self.source.terms.leeway)) {
            return Standing::Over;
        }
        match &self.word {
            Some(word) if now >= word.lost => Standing::Unconfirmed,
            Some(word) if now >= word.until && word.begin_asking() => Standing::Confirm,
            _ => Standing::Good,
        }
    }
}

impl Word {
    /// A word just given that is believed for so many seconds.
    pub(crate) fn given(token: &str, now: Timestamp, seconds: i64) -> Self {
        let (until, lost) = (now.plus_seconds(seconds / 2), now.plus_seconds(seconds));
        Self { token: Secret::new(token), until, lost, is_asking: AtomicBool::new(false) }
    }

    fn begin_asking(&self) -> bool {
        !self.is_asking.swap(true, Ordering::Relaxed)
    }

    /// The issuer did not answer: somebody may ask again.
    pub(crate) fn was_not_given(&self) {
        self.is_asking.store(false, Ordering::Relaxed);
    }
}

/// The tokens that were found good.
pub(crate) struct AcceptedTokens(Cache<Digest, Arc<Accepted>>);

impl Default for AcceptedTokens {
    fn default() -> Self {
        // What is asked for stays: an open socket asks each second.
        let cache = Cache::builder().weigher(|_, one: &Arc<Accepted>| one.size).max_capacity(ROOM);
        Self(cache.eviction_policy(EvictionPolicy::lru()).build())
    }
}

impl AcceptedTokens {
    pub(crate) fn find(&self, digest: &Digest) -> Option<Arc<Accepted>> {
        self.0.get(digest)
    }

    pub(crate) fn keep(&self, accepted: Arc<Accepted>) {
        self.0.insert(accepted.digest, accepted);
    }

    pub(crate) fn forget(&self, digest: &Digest) {
        self.0.invalidate(digest);
    }
}

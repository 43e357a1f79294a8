//! Does the password fit? Argon2id off the runtime, few at once; what fitted is remembered for a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use lictor_model::{ClientAddress, Clock, Reason, Timestamp};
use moka::sync::Cache;
use sha2::Sha256;
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, Semaphore};
use zeroize::Zeroizing;

use crate::options::Options;
use crate::password::{self, HashError};
use crate::throttle::Account;

/// Remembered passwords at most.
const REMEMBERED: u64 = 10_000;

/// What stands for a guess: a digest under a key that only this process has, of the name, the password, the stored
/// hash (so that a changed password is another guess) and the address (so that nobody elsewhere can search what is
/// remembered at the speed of memory).
pub(crate) type Tag = [u8; 32];

/// The outcome of looking at a guess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    /// Whether it fits.
    pub(crate) fits: bool,
    /// An Argon2id hash of the same password, when the stored one is older.
    pub(crate) better_hash: Option<String>,
}

#[derive(Clone, Copy)]
struct Remembered {
    until: Timestamp,
    account: Account,
}

/// Verifies passwords.
pub(crate) struct Verifier {
    clock: Clock,
    background: Handle,
    keyed: Hmac<Sha256>,
    at_once: Arc<Semaphore>,
    places: Arc<Semaphore>,
    remembered: Cache<Tag, Remembered>,
    remember_seconds: i64,
    flights: Mutex<HashMap<Tag, Arc<OnceCell<bool>>>>,
    looked_at: Arc<AtomicU64>,
}

impl Verifier {
    pub(crate) fn new(clock: Clock, background: Handle, options: &Options) -> Result<Self, getrandom::Error> {
        let mut key = Zeroizing::new([0_u8; 64]);
        getrandom::fill(key.as_mut_slice())?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let at_once = options.verifications_at_once.unwrap_or(cores.saturating_sub(1)).max(1);
        Ok(Self {
            clock,
            background,
            keyed: Hmac::new((&*key).into()),
            at_once: Arc::new(Semaphore::new(at_once)),
            places: Arc::new(Semaphore::new(at_once + options.verifications_waiting)),
            remembered: Cache::builder().max_capacity(REMEMBERED).time_to_live(options.remember_password).build(),
            remember_seconds: i64::try_from(options.remember_password.as_secs()).unwrap_or(i64::MAX),
            flights: Mutex::default(),
            looked_at: Arc::default(),
        })
    }

    /// The tag of a guess. Each part is preceded by its length, so that no two guesses run together.
    pub(crate) fn tag(&self, name: &str, password: &str, stored: &str, source: ClientAddress) -> Tag {
        let mut mac = self.keyed.clone();
        for part in [name.as_bytes(), password.as_bytes(), stored.as_bytes(), &source.octets()] {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The account of a guess that is remembered to fit.
    pub(crate) fn remembers(&self, tag: &Tag) -> Option<Account> {
        let found = self.remembered.get(tag)?;
        (self.clock.now() < found.until).then_some(found.account)
    }

    /// Remembers that the guess fits.
    pub(crate) fn remember(&self, tag: Tag, account: Account) {
        let until = self.clock.now().plus_seconds(self.remember_seconds);
        self.remembered.insert(tag, Remembered { until, account });
    }

    /// The place where those who make the same guess at the same time meet, so that one look serves them all.
    pub(crate) fn flight(&self, tag: Tag) -> Flight<'_> {
        let cell = Arc::clone(self.lock_flights().entry(tag).or_default());
        Flight { verifier: self, tag, cell }
    }

    /// Looks at a guess; each costs one Argon2id, whatever the stored hash is and whether or not it fits.
    ///
    /// # Errors
    /// [`Reason::TooBusy`] when too many wait already.
    pub(crate) async fn judge(&self, password: &str, stored: &str) -> Result<Judged, Reason> {
        let (password, stored) = (Zeroizing::new(password.to_owned()), stored.to_owned());
        let looked_at = Arc::clone(&self.looked_at);
        self.work(move || {
            looked_at.fetch_add(1, Ordering::Relaxed);
            judge(&password, &stored)
        })
        .await
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`Reason::TooBusy`] when too many wait already, [`Reason::InternalError`] when it cannot be hashed.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Reason> {
        let password = Zeroizing::new(password.to_owned());
        let hashed: Result<String, HashError> = self.work(move || password::hash(&password)).await?;
        hashed.map_err(|error| {
            tracing::error!(%error, "a new password was not taken");
            Reason::InternalError
        })
    }

    /// How many guesses were looked at.
    pub(crate) fn looked_at(&self) -> u64 {
        self.looked_at.load(Ordering::Relaxed)
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Reason> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Reason::TooBusy)?;
        let turn = Arc::clone(&self.at_once).acquire_owned().await.map_err(|_| Reason::InternalError)?;
        // Both are given back when the work is done, even if the caller has hung up: the work goes on without them.
        let done = self.background.spawn_blocking(move || {
            let _held = (place, turn);
            work()
        });
        done.await.map_err(|_| Reason::InternalError)
    }

    fn lock_flights(&self) -> MutexGuard<'_, HashMap<Tag, Arc<OnceCell<bool>>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn judge(password: &str, stored: &str) -> Judged {
    let fits = password::verify(password, stored);
    let better_hash = match (password::is_current(stored), fits) {
        (true, _) => None,
        (false, true) => password::hash(password).ok(),
        (false, false) => {
            // An older hash is cheap to look at. Without this, its account would be told apart by the time.
            let _same_cost = password::verify(password, password::DUMMY);
            None
        }
    };
    Judged { fits, better_hash }
}

/// One guess, perhaps made by several at once.
pub(crate) struct Flight<'a> {
    verifier: &'a Verifier,
    tag: Tag,
    cell: Arc<OnceCell<bool>>,
}

impl Flight<'_> {
    /// The verdict: the first to come works it out; if it hangs up or fails, the next does.
    pub(crate) async fn verdict<E, W>(&self, work: W) -> Result<bool, E>
    where
        W: Future<Output = Result<bool, E>>,
    {
        self.cell.get_or_try_init(|| work).await.copied()
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flights = self.verifier.lock_flights();
        // The map's and ours: nobody else is waiting.
        if Arc::strong_count(&self.cell) <= 2 {
            flights.remove(&self.tag);
        }
    }
}

//! May this caller guess a second factor's code now? Counted apart from passwords, whose successes must not forgive codes.

use lictor_model::{ClientAddress, Digest};

use super::{Account, MustWait, Throttle};

/// Where the codes of an account are counted.
pub(super) fn of(account: Account) -> Account {
    Digest::of(format!("codes of {}", account.to_hex()).as_bytes())
}

impl Throttle {
    /// Begins a guess at a code: what holds for passwords holds for it, the bans of the account too.
    pub(crate) fn begin_code(&self, account: Account, source: ClientAddress) -> Result<(), MustWait> {
        let codes = of(account);
        self.begin_unless(codes, source, |counts, now| {
            let known = counts.successes.contains_key(&(codes, source));
            let banned = counts.bans.end(account, source, known).filter(|until| now < *until);
            counts.waits_until(codes, source, now).max(banned)
        })
    }

    /// The code was wrong.
    pub(crate) fn code_failed(&self, name: &str, account: Account, source: ClientAddress) {
        self.failed(name, of(account), source);
    }

    /// The code was right.
    pub(crate) fn code_succeeded(&self, account: Account, source: ClientAddress) {
        self.succeeded(of(account), source);
    }

    /// The code was not looked at after all.
    pub(crate) fn code_not_judged(&self, account: Account, source: ClientAddress) {
        self.not_judged(of(account), source);
    }
}

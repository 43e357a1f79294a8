//! Whose passwords come from an nginx or Apache? Lines of an htpasswd file, and their older hashes.

mod apr1;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lictor_model::PrincipalName;
use lictor_model::principal::NameError;
use sha_crypt::{PasswordVerifier as _, ShaCrypt};
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

/// The highest bcrypt cost that is imported: each step doubles the time of a guess, and 14 is about a second.
const MAX_BCRYPT_COST: u32 = 14;
/// The most rounds of SHA-crypt that are imported (5000 unless the hash says otherwise).
const MAX_SHA_CRYPT_ROUNDS: u32 = 1_000_000;

/// One person of an htpasswd file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: PrincipalName,
    /// The hash as it stands there; it is verified by its own scheme until the first sign-in replaces it.
    pub hash: String,
}

/// Why a line is not imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not `name:hash`.
    #[error("it is not of the form name:hash")]
    NotAnEntry,
    /// A name that we do not take.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No password that anybody could give.
    #[error("{0} has no password hash")]
    NoHash(PrincipalName),
    /// Old crypt(3), or the password itself: both look alike, and neither is worth keeping.
    #[error("the hash of {0} is DES crypt or plain text: set a new password with \"lictor user set-password {0}\"")]
    DesOrPlain(PrincipalName),
    /// A scheme that begins like one and is not ours.
    #[error("the hash of {0} is of a scheme that is not supported: use bcrypt, apr1, {{SHA}}, $5$ or $6$")]
    UnknownScheme(PrincipalName),
    /// A known scheme, broken.
    #[error("the hash of {0} is damaged")]
    Damaged(PrincipalName),
    /// A cost that would let a few guesses stop the gateway.
    #[error(
        "the hash of {0} costs too much to verify: at most bcrypt cost {MAX_BCRYPT_COST} or {MAX_SHA_CRYPT_ROUNDS} rounds"
    )]
    TooCostly(PrincipalName),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Bcrypt,
    Apr1,
    Sha1,
    ShaCrypt,
}

/// Reads one line, which is neither blank nor a comment.
///
/// # Errors
/// [`LineError`], which says what to do.
pub fn parse_line(line: &str) -> Result<Entry, LineError> {
    let (name, hash) = line.trim().split_once(':').ok_or(LineError::NotAnEntry)?;
    let name = PrincipalName::parse(name)?;
    // Some files carry further fields, as /etc/shadow does.
    let hash = hash.split(':').next().unwrap_or_default();
    if hash.is_empty() {
        return Err(LineError::NoHash(name));
    }
    let Some(scheme) = Scheme::of(hash) else {
        let named = hash.starts_with(['$', '{']);
        return Err(if named { LineError::UnknownScheme(name) } else { LineError::DesOrPlain(name) });
    };
    match scheme.cost(hash) {
        None => Err(LineError::Damaged(name)),
        Some(Cost::TooHigh) => Err(LineError::TooCostly(name)),
        Some(Cost::Fair) => Ok(Entry { name, hash: hash.to_owned() }),
    }
}

/// Whether the password fits an imported hash. A damaged or unknown hash fits nothing.
#[must_use]
pub fn verify(password: &str, stored: &str) -> bool {
    let Some(scheme) = Scheme::of(stored).filter(|scheme| scheme.cost(stored) == Some(Cost::Fair)) else {
        return false;
    };
    let password = password.as_bytes();
    match scheme {
        // bcrypt's own reading: 72 bytes count, as they did where the hash was made.
        Scheme::Bcrypt => bcrypt::verify(password, stored).unwrap_or(false),
        Scheme::Apr1 => apr1::salt_of(stored).is_some_and(|salt| same(&apr1::hash(password, salt), stored)),
        Scheme::Sha1 => {
            let digest: [u8; 20] = Sha1::digest(password).into();
            same(&format!("{{SHA}}{}", BASE64.encode(digest)), stored)
        }
        Scheme::ShaCrypt => ShaCrypt::default().verify_password(password, stored).is_ok(),
    }
}

fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    Fair,
    TooHigh,
}

impl Scheme {
    fn of(hash: &str) -> Option<Self> {
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| hash.starts_with(prefix));
        // The libraries behind these expect ASCII (RUSTSEC-2026-0199).
        if !hash.is_ascii() {
            None
        } else if begins(&["$2y$", "$2a$", "$2b$"]) {
            Some(Self::Bcrypt)
        } else if begins(&["$apr1$"]) {
            Some(Self::Apr1)
        } else if begins(&["{SHA}"]) {
            Some(Self::Sha1)
        } else if begins(&["$5$", "$6$"]) {
            Some(Self::ShaCrypt)
        } else {
            None
        }
    }

    /// What a verification would cost, `None` when the hash is damaged.
    fn cost(self, hash: &str) -> Option<Cost> {
        let fair = |is_fair: bool| Some(if is_fair { Cost::Fair } else { Cost::TooHigh });
        match self {
            Self::Bcrypt => {
                let parts: bcrypt::HashParts = hash.parse().ok()?;
                fair((4..=MAX_BCRYPT_COST).contains(&parts.get_cost()))
            }
            Self::Apr1 => apr1::salt_of(hash).and(Some(Cost::Fair)),
            Self::Sha1 => {
                let digest = BASE64.decode(hash.strip_prefix("{SHA}")?).ok()?;
                (digest.len() == 20).then_some(Cost::Fair)
            }
            Self::ShaCrypt => {
                let body = hash.get(3..)?;
                let (rounds, body) = match body.strip_prefix("rounds=").map(|rest| rest.split_once('$')) {
                    Some(Some((rounds, rest))) => (rounds.parse::<u32>().ok()?, rest),
                    Some(None) => return None,
                    None => (5000, body),
                };
                let (salt, digest) = body.split_once('$')?;
                let length = if hash.starts_with("$5$") { 43 } else { 86 };
                if salt.is_empty() || digest.len() != length {
                    return None;
                }
                fair(rounds <= MAX_SHA_CRYPT_ROUNDS)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `htpasswd` 2.4 and `openssl passwd`.
    const HORSE: [&str; 6] = [
        "$2y$05$KbHsG8R1b3WbGlGJZyTTfeWZD1gKhT/Pg3aykh7z0V6nGXI54Sqzq",
        "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
        "$apr1$jPXRFPjw$1C64/JeL8yGgKvX3ZzT/2/",
        "$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/",
        "$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0",
        "$6$ByMrDOeKb08MTFFB$VrR57e5PiFhXpFKouM.O98.W2pgPx7mSAodOgNgA.nVmQmSqDvc6VME5pNMOdPFNQURbLJ6HE1NlWemn7RTkA1",
    ];

    #[test]
    fn every_scheme_that_htpasswd_and_openssl_write_is_verified() {
        for hash in HORSE {
            let entry = parse_line(&format!("alice:{hash}")).unwrap();
            assert_eq!((entry.name.as_str(), entry.hash.as_str()), ("alice", hash));
            assert!(verify("correct horse", hash), "{hash}");
            for wrong in ["correct horsf", "correct hors", "", "correct horse "] {
                assert!(!verify(wrong, hash), "{hash} {wrong}");
            }
        }
    }

    #[test]
    fn a_changed_or_cut_hash_fits_nothing() {
        for hash in HORSE {
            for at in 0..hash.len() {
                assert!(!verify("correct horse", hash.get(..at).unwrap()), "{hash} cut at {at}");
            }
            let mut other = hash.as_bytes().to_vec();
            let last = other.len() - 2;
            other[last] = if other[last] == b'z' { b'y' } else { b'z' };
            assert!(!verify("correct horse", std::str::from_utf8(&other).unwrap()), "{hash}");
        }
    }

    #[test]
    fn what_is_not_imported_is_told_with_its_cure() {
        let cases = [
            ("alice", "name:hash"),
            ("Alice:$apr1$abc$BfqKdn9xFDWJPa3kcp/PH0", "lower case"),
            ("alice:", "no password"),
            ("alice:KZnzjg4RDDygU", "DES crypt or plain"),
            ("alice:secret", "set-password alice"),
            ("alice:$1$abc$BfqKdn9xFDWJPa3kcp/PH0", "not supported"),
            ("alice:{SSHA}abc", "not supported"),
            ("alice:$apr1$abc$short", "damaged"),
            ("alice:$6$salt$short", "damaged"),
            ("alice:$6$rounds=5000", "damaged"),
            ("alice:$2y$05$short", "damaged"),
            ("alice:{SHA}AAAA", "damaged"),
            ("alice:$2y$31$KbHsG8R1b3WbGlGJZyTTfeWZD1gKhT/Pg3aykh7z0V6nGXI54Sqzq", "costs too much"),
            ("alice:$5$rounds=999999999$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/", "costs too much"),
        ];
        for (line, part) in cases {
            let error = parse_line(line).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}

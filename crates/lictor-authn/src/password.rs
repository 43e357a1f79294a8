//! How are passwords kept? As Argon2id; imported older hashes are verified once by their own scheme, then replaced.

pub mod htpasswd;
pub mod policy;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};

/// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash of the right cost that no known password fits: salt and output were drawn at random.
pub(crate) const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$ntMEyb7iGrFqGLzzrIXm0g$D/OI/Qns8chafaSa5yOJC3wGGSFuXoED/zu9Zx91LB4";

/// Hashing failed: no memory, or no randomness.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The parameters do not fit (they are constants).
    #[error("Argon2id does not take its parameters: {0}")]
    Parameters(#[from] argon2::Error),
    /// The hash itself.
    #[error("the password cannot be hashed: {0}")]
    Hash(#[from] password_hash::Error),
}

fn argon2id() -> Result<Argon2<'static>, argon2::Error> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, PASSES, LANES, None)?))
}

/// The password's Argon2id hash with a fresh salt, in PHC form. Takes tens of milliseconds: not on the data path.
///
/// # Errors
/// [`HashError`] when the system has no memory or no randomness to give.
pub fn hash(password: &str) -> Result<String, HashError> {
    Ok(argon2id()?.hash_password(password.as_bytes())?.to_string())
}

/// Whether the password fits the stored hash, of whatever scheme it is. A hash that cannot be read fits nothing.
#[must_use]
pub fn verify(password: &str, stored: &str) -> bool {
    if is_current(stored) {
        argon2id().is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), stored).is_ok())
    } else {
        htpasswd::verify(password, stored)
    }
}

/// Whether the stored hash is of the scheme that we keep, rather than an imported one.
#[must_use]
pub fn is_current(stored: &str) -> bool {
    stored.starts_with("$argon2id$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_password_and_no_other() {
        let stored = hash("correct horse battery").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify("correct horse battery", &stored));
        assert!(!verify("correct horse batterz", &stored));
        assert!(!verify("", &stored));
        assert_ne!(stored, hash("correct horse battery").unwrap(), "salts differ");
    }

    #[test]
    fn the_dummy_costs_the_same_and_fits_nothing_known() {
        assert!(DUMMY.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(password_hash::phc::PasswordHash::new(DUMMY).unwrap().hash.is_some());
        assert!(!verify("", DUMMY));
    }

    #[test]
    fn a_broken_hash_fits_nothing() {
        for stored in ["", "x", "$argon2id$", "$argon2id$v=19$m=1,t=1,p=1$a$b", "$2y$05$é", "$6$", "{SHA}", "$apr1$$"]
        {
            assert!(!verify("secret", stored), "{stored}");
        }
    }
}

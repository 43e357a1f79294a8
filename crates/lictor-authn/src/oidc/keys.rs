//! With which keys does a provider sign? Its JWKS, with the algorithms that each key may be used with fixed beforehand.

use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::cached::Cached;
use super::json::Object;
use super::peer::VerifyError;
use super::token::{TokenError, Unverified};

/// More keys than anybody rotates through.
const MOST: usize = 100;

/// The keys that a provider may have signed with.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Key>);

/// One key, and what it is for.
#[derive(Debug)]
pub(crate) struct Key {
    kid: Option<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) decoding: DecodingKey,
}

/// A key set that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeysError {
    /// Not a set of keys.
    #[error("the provider's jwks_uri did not answer with a set of keys")]
    NotKeys,
    /// Nothing usable in it.
    #[error("the provider publishes no key that it could sign with (asymmetric, use \"sig\")")]
    Empty,
}

/// No key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// None of that id.
    #[error("it is signed with a key that the provider does not publish")]
    UnknownKid,
    /// No id, and several keys.
    #[error("it does not say which of the provider's keys signed it (kid)")]
    MissingKid,
    /// A key of that id, for something else.
    #[error("its algorithm is none of its key's")]
    WrongAlgorithm,
}

impl KeySet {
    /// Reads a JWKS. A key that is not understood, or is for something else than signing, is passed over.
    pub(crate) fn read(set: &Object, announced: &[Algorithm]) -> Result<Self, KeysError> {
        let keys = set.get("keys").and_then(Value::as_array).ok_or(KeysError::NotKeys)?;
        let keys: Vec<Key> = keys.iter().take(MOST).filter_map(|key| Key::read(key, announced)).collect();
        if keys.is_empty() { Err(KeysError::Empty) } else { Ok(Self(keys)) }
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The keys that may have signed a token with this header: usually one, or two that share an id.
    pub(crate) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Vec<&Key>, NoKey> {
        let named: Vec<&Key> = match kid {
            Some(kid) => self.0.iter().filter(|key| key.kid.as_deref() == Some(kid)).collect(),
            None => self.0.iter().collect(),
        };
        if named.is_empty() {
            return Err(NoKey::UnknownKid);
        }
        let fitting: Vec<&Key> = named.into_iter().filter(|key| key.algorithms.contains(&algorithm)).collect();
        match (fitting.len(), kid) {
            (0, _) => Err(NoKey::WrongAlgorithm),
            (1, _) | (_, Some(_)) => Ok(fitting),
            // Trying one after the other would let whoever holds any of them sign for all.
            (_, None) => Err(NoKey::MissingKid),
        }
    }
}

impl Cached<KeySet> {
    /// Verifies with the keys that there are, and with newer ones where those do not fit: whoever signs changes keys.
    pub(crate) async fn verify<T, E, F>(
        &self,
        token: &Unverified<'_>,
        fetch: impl Fn() -> F,
        verify: impl Fn(&Unverified<'_>, &KeySet) -> Result<T, TokenError>,
    ) -> Result<T, VerifyError>
    where
        E: std::fmt::Display,
        F: Future<Output = Result<KeySet, E>>,
    {
        let keys = self.get(&fetch).await?;
        match verify(token, &keys) {
            Err(error) if error.is_of_keys() => {
                let newer = self.get_newer(&keys, &fetch).await?;
                if Arc::ptr_eq(&keys, &newer) { Err(error.into()) } else { Ok(verify(token, &newer)?) }
            }
            judged => Ok(judged?),
        }
    }
}

impl Key {
    fn read(key: &Value, announced: &[Algorithm]) -> Option<Self> {
        let key: Jwk = serde_json::from_value(key.clone()).ok()?;
        let is_for_signing = match (&key.common.public_key_use, &key.common.key_operations) {
            (Some(purpose), _) => *purpose == PublicKeyUse::Signature,
            (None, Some(operations)) => operations.contains(&KeyOperations::Verify),
            (None, None) => true,
        };
        let possible = possible(&key.algorithm);
        let algorithms = match key.common.key_algorithm {
            Some(named) => {
                possible.iter().copied().filter(|&one| jsonwebtoken::jwk::KeyAlgorithm::from(one) == named).collect()
            }
            None => possible.iter().copied().filter(|one| announced.is_empty() || announced.contains(one)).collect(),
        };
        let algorithms: Vec<Algorithm> = algorithms;
        if !is_for_signing || algorithms.is_empty() {
            return None;
        }
        let decoding = DecodingKey::from_jwk(&key).ok()?;
        Some(Self { kid: key.common.key_id, algorithms, decoding })
    }
}

/// What a key of this kind can verify. A shared secret is no public key: it verifies nothing here.
const fn possible(parameters: &AlgorithmParameters) -> &'static [Algorithm] {
    match parameters {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) => match key.curve {
            EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
            _ => &[],
        },
        _ => &[],
    }
}

/// Whether an algorithm is one that we verify: asymmetric, and known.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    let algorithm: Algorithm = name.parse().ok()?;
    let symmetric = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
    (!symmetric.contains(&algorithm)).then_some(algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::forge::Forger;

    fn set(keys: &[Value]) -> Result<KeySet, KeysError> {
        let mut object = Object::new();
        object.insert("keys".to_owned(), Value::Array(keys.to_vec()));
        KeySet::read(&object, &[])
    }

    fn changed(key: &Value, member: &str, value: Option<&str>) -> Value {
        let mut key = key.clone();
        let members = key.as_object_mut().unwrap();
        match value {
            Some(value) => members.insert(member.to_owned(), value.into()),
            None => members.remove(member),
        };
        key
    }

    #[test]
    fn a_key_serves_its_own_algorithm_and_no_other() {
        let key = Forger::new().jwk();
        let keys = set(std::slice::from_ref(&key)).unwrap();
        assert_eq!(keys.find(Some("one"), Algorithm::ES256).unwrap().len(), 1);
        assert_eq!(keys.find(None, Algorithm::ES256).unwrap().len(), 1);
        assert_eq!(keys.find(Some("one"), Algorithm::RS256).unwrap_err(), NoKey::WrongAlgorithm);
        assert_eq!(keys.find(Some("one"), Algorithm::HS256).unwrap_err(), NoKey::WrongAlgorithm);
        assert_eq!(keys.find(Some("two"), Algorithm::ES256).unwrap_err(), NoKey::UnknownKid);
    }

    #[test]
    fn keys_for_other_purposes_and_unknown_ones_are_passed_over() {
        let key = Forger::new().jwk();
        let secret = serde_json::json!({"kty": "oct", "k": "c2VjcmV0", "kid": "one", "alg": "HS256"});
        for other in [
            changed(&key, "use", Some("enc")),
            changed(&key, "alg", Some("RS256")),
            changed(&key, "alg", Some("ECDH-ES")),
            changed(&key, "crv", Some("P-521")),
            changed(&key, "kty", Some("XYZ")),
            changed(&key, "x", None),
            secret,
            Value::Null,
        ] {
            assert!(matches!(set(std::slice::from_ref(&other)), Err(KeysError::Empty)), "{other}");
            assert!(set(&[other, key.clone()]).is_ok());
        }
        assert!(matches!(KeySet::read(&Object::new(), &[]), Err(KeysError::NotKeys)));
    }

    #[test]
    fn without_a_kid_there_must_be_just_one_key() {
        let keys = set(&[Forger::new().jwk(), Forger::named("two").jwk()]).unwrap();
        assert_eq!(keys.find(None, Algorithm::ES256).unwrap_err(), NoKey::MissingKid);
        let twins = set(&[Forger::new().jwk(), Forger::named("one").jwk()]).unwrap();
        assert_eq!(twins.find(Some("one"), Algorithm::ES256).unwrap().len(), 2);
    }
}

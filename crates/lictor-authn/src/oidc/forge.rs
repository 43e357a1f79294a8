//! How do the tests make tokens, good and bad? With a key of their own, made on the spot.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lictor_model::Timestamp;
use serde_json::{Value, json};

use super::json::Object;
use super::keys::KeySet;
use super::token::Expected;

pub(crate) const ISSUER: &str = "https://idp.example/realm";
pub(crate) const CLIENT: &str = "lictor";
/// The time of the tests, in seconds.
pub(crate) const NOW: i64 = 1_700_000_000;

/// Signs as a provider does.
pub(crate) struct Forger {
    pub(crate) key: EncodingKey,
    pub(crate) kid: &'static str,
}

impl Forger {
    pub(crate) fn new() -> Self {
        Self::named("one")
    }

    pub(crate) fn named(kid: &'static str) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        Self { key: EncodingKey::from_ec_der(pkcs8.as_ref()), kid }
    }

    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(self.kid.to_owned());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        jwk.common.key_algorithm = Some(KeyAlgorithm::ES256);
        serde_json::to_value(&jwk).unwrap()
    }

    pub(crate) fn keys(&self) -> KeySet {
        let mut set = Object::new();
        set.insert("keys".to_owned(), json!([self.jwk()]));
        KeySet::read(&set, &[]).unwrap()
    }

    pub(crate) fn decoding(&self) -> jsonwebtoken::DecodingKey {
        let jwk = serde_json::from_value(self.jwk()).unwrap();
        jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap()
    }

    pub(crate) fn header(&self) -> Header {
        Header { kid: Some(self.kid.to_owned()), ..Header::new(Algorithm::ES256) }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    pub(crate) fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).unwrap()
    }
}

pub(crate) fn expected() -> Expected<'static> {
    Expected { issuer: ISSUER, audience: Some(CLIENT), now: Timestamp::from_micros(NOW * 1_000_000), leeway: 60 }
}

/// The claims with some changed; null takes one away.
pub(crate) fn with(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.clone();
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

//! What is an issuer of tokens to us? Who it is, what its tokens must say, and whose each of them is.

use std::path::PathBuf;

use jsonwebtoken::Algorithm;
use lictor_model::{PrincipalKind, PrincipalName, Secret};

use crate::oidc::endpoint::Endpoint;
use crate::oidc::keys;
use crate::oidc::provider::Test;

/// One issuer, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// What its tokens must be.
    pub terms: Terms,
    /// Whose they are.
    pub rules: Vec<Rule>,
}

/// What the tokens of an issuer must be, and how that is found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How the record and the log name it.
    pub name: String,
    /// Who it is, to the letter; empty where it is asked about tokens that do not say.
    pub issuer: String,
    /// Whom its tokens are for: us, by these names.
    pub audiences: Vec<String>,
    /// Who may have asked for a token that is for others as well; where this is written, nobody else may have asked for any.
    pub parties: Vec<String>,
    /// Whether a token must say that it is an access token.
    pub typing: Typing,
    /// How far its clock and ours may differ, in seconds.
    pub leeway: i64,
    /// For how long a token may be good at most, in seconds.
    pub longest: i64,
    /// For how long a key is good that a token is exchanged for, in seconds; the token's own end comes first.
    pub key_life: i64,
    /// How a token is found to be good.
    pub proof: Proof,
    /// Trusted certificates in PEM, instead of the machine's own.
    pub trusted: Option<Vec<u8>>,
}

/// How a token says what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// By the type `at+jwt` (RFC 9068 section 2.1).
    AccessToken,
    /// It does not, as tokens of workloads and of many a provider; what bears the marks of something else is refused.
    Untold,
}

/// How a token is found to be good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// By its signature.
    Signature {
        /// Where the keys are; `None` where the issuer's own metadata says.
        keys: Option<Endpoint>,
        /// The file of a token that must be shown there.
        bearer_file: Option<PathBuf>,
        /// With what it may be signed.
        algorithms: Algorithms,
    },
    /// By the issuer's word (RFC 7662).
    Introspection {
        /// Whom to ask.
        at: Endpoint,
        /// Who we are there.
        client_id: String,
        /// How we prove that.
        client_secret: Secret,
        /// What its opaque tokens begin with; empty for those that no other issuer's prefix fits.
        prefix: String,
        /// For how long its word is good, in seconds.
        believed: i64,
    },
}

/// Which signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithms {
    named: Option<Vec<Algorithm>>,
}

/// What a key of each kind signs with that does not say.
const USUAL: [Algorithm; 4] = [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];

impl Algorithms {
    /// What the issuer's keys say, and the usual one of its kind for a key that says nothing.
    pub const USUAL: Self = Self { named: None };

    /// Only these; `None` when one is not known, or no asymmetric signature.
    pub fn parse<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<Self> {
        let named = names.into_iter().map(keys::algorithm).collect::<Option<Vec<_>>>()?;
        Some(Self { named: Some(named) })
    }

    /// What a key that does not say may be used with.
    pub(crate) fn announced(&self) -> &[Algorithm] {
        self.named.as_deref().unwrap_or(&USUAL)
    }

    pub(crate) fn admits(&self, algorithm: Algorithm) -> bool {
        self.named.as_ref().is_none_or(|named| named.contains(&algorithm))
    }
}

/// One rule: a token whose claims pass all of the tests is this principal's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What its claims must be.
    pub tests: Vec<Test>,
    /// Whose it is.
    pub principal: PrincipalName,
    /// What that is: a rule that means a machine never leads to a person of its name.
    pub kind: PrincipalKind,
}

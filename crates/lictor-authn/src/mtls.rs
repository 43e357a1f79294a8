//! Whose is this client certificate? Rules lead from exactly one name in it, or its fingerprint, to a principal.
//!
//! TLS has proved that the caller holds the key and that a CA of ours vouches for the names. What is in here says who that is,
//! and what it means beside another credential.

use std::sync::Arc;

use http::HeaderMap;
use lictor_model::{CredentialId, CredentialKind, CredentialRef, Identity, PrincipalName, Reason};
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::attempt::{Attempt, Origin, Rejection};
use crate::authenticator::Authenticator;
use crate::view::View;

const SPIFFE: &str = "spiffe://";

/// A certificate that is no X.509, or whose names are not text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate's names cannot be read")]
pub struct UnreadableCertificate;

/// What rules look at in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    fingerprint: CredentialId,
    dns_names: Vec<String>,
    uris: Vec<String>,
    common_names: Vec<String>,
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`UnreadableCertificate`].
    pub fn read(der: &[u8]) -> Result<Self, UnreadableCertificate> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| UnreadableCertificate)?;
        if !rest.is_empty() {
            return Err(UnreadableCertificate);
        }
        let names = certificate.subject_alternative_name().map_err(|_| UnreadableCertificate)?;
        let (mut dns_names, mut uris) = (Vec::new(), Vec::new());
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            match name {
                GeneralName::DNSName(name) => dns_names.push(name.to_ascii_lowercase()),
                GeneralName::URI(uri) => uris.push((*uri).to_owned()),
                GeneralName::Invalid(..) => return Err(UnreadableCertificate),
                _ => {}
            }
        }
        let common_names = certificate.subject().iter_common_name().map(|name| name.as_str().map(str::to_owned));
        let common_names = common_names.collect::<Result<_, _>>().map_err(|_| UnreadableCertificate)?;
        Ok(Self { fingerprint: fingerprint(der), dns_names, uris, common_names })
    }

    /// SHA-256 of the certificate in lower-case hexadecimal: its id in the record.
    #[must_use]
    pub const fn fingerprint(&self) -> &CredentialId {
        &self.fingerprint
    }
}

fn fingerprint(der: &[u8]) -> CredentialId {
    let hex: String = Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
    CredentialId::from(hex)
}

/// What a rule looks for. Nothing is a prefix or a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// A DNS name among the subject's alternative names, in lower case.
    DnsName(String),
    /// A URI among them.
    Uri(String),
    /// The one URI, as SPIFFE has it: a certificate with two is nobody's (X509-SVID section 2).
    SpiffeId(String),
    /// The subject's one common name.
    CommonName(String),
    /// SHA-256 in lower-case hexadecimal.
    Fingerprint(String),
}

impl Mark {
    /// A SPIFFE id, if it is one: `spiffe://trust-domain/path`.
    #[must_use]
    pub fn spiffe_id(text: &str) -> Option<Self> {
        let (domain, path) = text.strip_prefix(SPIFFE)?.split_once('/')?;
        let in_domain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
        let in_path = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        let segments = path.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(in_path));
        (!domain.is_empty() && domain.bytes().all(in_domain) && segments).then(|| Self::SpiffeId(text.to_owned()))
    }

    fn is_in(&self, certificate: &Certificate) -> bool {
        match self {
            Self::DnsName(name) => certificate.dns_names.contains(name),
            Self::Uri(uri) => certificate.uris.contains(uri),
            Self::SpiffeId(id) => matches!(certificate.uris.as_slice(), [only] if only == id),
            Self::CommonName(name) => matches!(certificate.common_names.as_slice(), [only] if only == name),
            Self::Fingerprint(hex) => certificate.fingerprint.as_str() == hex,
        }
    }
}

/// One rule: who bears the mark is this principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What to look for.
    pub mark: Mark,
    /// Whose it is.
    pub principal: PrincipalName,
}

/// Who the rules say a certificate is.
///
/// # Errors
/// [`Reason::UnknownCertificate`] when no rule fits, [`Reason::AmbiguousCertificate`] when two lead to different principals.
pub fn whose<'r>(rules: &'r [Rule], certificate: &Certificate) -> Result<&'r PrincipalName, Reason> {
    let mut named = rules.iter().filter(|rule| rule.mark.is_in(certificate)).map(|rule| &rule.principal);
    let first = named.next().ok_or(Reason::UnknownCertificate)?;
    if named.all(|other| other == first) { Ok(first) } else { Err(Reason::AmbiguousCertificate) }
}

impl Authenticator {
    /// Identifies a caller who showed a certificate, and perhaps something else. A certificate that is nobody's is a rejected
    /// credential, whatever stands beside it; beside one of the same principal the other counts, which may be narrower.
    pub async fn identify_bearer_of(&self, certificate: &Certificate, headers: &HeaderMap, origin: &Origin) -> Attempt {
        let borne = match self.identify_certificate(certificate) {
            Ok(identity) => identity,
            Err(rejection) => return Attempt::Rejected(rejection),
        };
        match self.identify(headers, origin).await {
            Attempt::NotPresented => Attempt::Verified(borne),
            Attempt::Verified(other) if other.principal.id != borne.principal.id => {
                Attempt::Rejected(Reason::TwoCredentials.into())
            }
            other => other,
        }
    }

    /// Whether a certificate leads to anybody, whatever else is presented.
    ///
    /// # Errors
    /// The rejection.
    pub fn check_certificate(&self, certificate: &Certificate) -> Result<(), Rejection> {
        self.identify_certificate(certificate).map(drop)
    }

    /// Whether a certificate that stands beside an identity still is its principal's: the rules may have changed.
    ///
    /// # Errors
    /// Why it is not.
    pub fn recheck_certificate(&self, certificate: &Certificate, identity: &Identity) -> Result<(), Reason> {
        let rules = self.inner.certificate_rules.load();
        let name = whose(&rules, certificate)?;
        let is_theirs = |view: &View| view.people.named(name).is_some_and(|one| one.id == identity.principal.id);
        if self.inner.feed.peek(is_theirs) { Ok(()) } else { Err(Reason::UnknownCertificate) }
    }

    /// From now on, these rules: the next request and every open socket is held to them.
    pub fn replace_certificate_rules(&self, rules: Vec<Rule>) {
        self.inner.certificate_rules.store(Arc::new(rules));
        // After the rules: whoever is woken finds the new ones.
        self.inner.feed.nudge();
    }

    fn identify_certificate(&self, certificate: &Certificate) -> Result<Identity, Rejection> {
        let inner = &self.inner;
        let credential = CredentialRef { kind: CredentialKind::Certificate, id: certificate.fingerprint.clone() };
        let rejected =
            |reason, name: &str| Rejection { credential: Some(credential.clone()), ..Rejection::of(reason, name) };
        if inner.feed.is_lost() {
            return Err(rejected(Reason::StoreUnavailable, ""));
        }
        let rules = inner.certificate_rules.load();
        let name = whose(&rules, certificate).map_err(|reason| rejected(reason, ""))?;
        inner.feed.peek(|view| match view.people.named(name) {
            None => Err(rejected(Reason::UnknownCertificate, name.as_str())),
            Some(principal) if principal.disabled => Err(rejected(Reason::PrincipalDisabled, name.as_str())),
            Some(principal) => Ok(Identity {
                principal: principal.clone(),
                credential: credential.clone(),
                narrowing: None,
                viewing: None,
            }),
        })
    }
}

#[cfg(test)]
mod tests;

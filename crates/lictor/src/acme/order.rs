//! How is a certificate ordered? An account, an order, a challenge for each name, a request that is signed, and a look at what came.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, ExternalAccountKey, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use lictor_model::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::client::Http;
use super::due;
use super::error::AcmeError;
use super::kept::{Issued, Kept};
use crate::config::acme::{Acme, Challenge};
use crate::tls::load::moment;

/// Within this time, every replica has seen what to answer.
const SPREAD: Duration = Duration::from_millis(2_500);
const POLLING: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).backoff(1.5).timeout(Duration::from_secs(90));

/// What the leaf of an issued certificate says of itself.
pub(super) struct Leaf {
    pub(super) der: CertificateDer<'static>,
    pub(super) begins: Timestamp,
    pub(super) ends: Timestamp,
    dns_names: Vec<String>,
}

impl Leaf {
    /// `None` when there is none that reads.
    pub(super) fn of(issued: &Issued) -> Option<Self> {
        let der = CertificateDer::from_pem_slice(issued.chain.as_bytes()).ok()?;
        let (_, read) = X509Certificate::from_der(&der).ok()?;
        let names = read.subject_alternative_name().ok()??;
        let dns_names = names.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        let (dns_names, validity) = (dns_names.collect(), read.validity());
        let (begins, ends) = (moment(validity.not_before), moment(validity.not_after));
        Some(Self { begins, ends, dns_names, der })
    }
}

/// When an issued certificate comes to its end; `None` when it does not read.
pub(crate) fn ends_at(issued: &Issued) -> Option<Timestamp> {
    Leaf::of(issued).map(|leaf| leaf.ends)
}

/// Orders from one authority.
pub(super) struct Orderer {
    pub(super) acme: Acme,
    pub(super) kept: Kept,
}

impl Orderer {
    /// A new certificate, in the place of one that the authority wants renewed.
    pub(super) async fn order(&self, replaced: Option<&CertificateDer<'_>>) -> Result<Issued, AcmeError> {
        let account = self.account().await?;
        match self.order_from(&account, replaced).await {
            // It has forgotten us; the next attempt makes an account.
            Err(error) if error.is_of_no_account() => {
                self.kept.forget_account().await?;
                let account = self.account().await?;
                self.order_from(&account, replaced).await
            }
            other => other,
        }
    }

    async fn order_from(&self, account: &Account, replaced: Option<&CertificateDer<'_>>) -> Result<Issued, AcmeError> {
        let names: Vec<Identifier> = self.acme.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = begin(account, &names, replaced).await?;
        let challenges = self.challenges(&mut order).await?;
        self.kept.put_challenges(&challenges).await?;
        let proven = self.prove(&mut order, !challenges.is_empty()).await;
        // Whatever came of it, they are over.
        self.kept.remove_challenges(&challenges).await?;
        proven?;
        let key = KeyPair::generate()?;
        let mut request = CertificateParams::new(self.acme.domains.clone())?;
        request.distinguished_name = DistinguishedName::new();
        order.finalize_csr(request.serialize_request(&key)?.der()).await?;
        let issued = Issued::new(order.poll_certificate(&POLLING).await?, key.serialize_pem());
        self.check(&issued)?;
        Ok(issued)
    }

    /// What must be answered, and how, for each name that is not known to be ours.
    async fn challenges(&self, order: &mut Order) -> Result<Vec<(String, String)>, AcmeError> {
        let mut challenges = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let domain = domain_of(&authorization);
            let challenge = self.acme.challenge;
            let not_offered = || AcmeError::NotOffered { domain: domain.clone(), challenge: challenge.as_str() };
            let offered = authorization.challenge(kind(challenge)).ok_or_else(not_offered)?;
            let asked = match challenge {
                Challenge::Http01 => offered.token.clone(),
                Challenge::TlsAlpn01 => domain.clone(),
            };
            challenges.push((asked, offered.key_authorization().as_str().to_owned()));
        }
        Ok(challenges)
    }

    /// Lets the authority look, and waits for what it says.
    async fn prove(&self, order: &mut Order, is_asked: bool) -> Result<(), AcmeError> {
        if is_asked {
            // It may ask any replica.
            tokio::time::sleep(SPREAD).await;
        }
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Valid
                && let Some(mut challenge) = authorization.challenge(kind(self.acme.challenge))
            {
                challenge.set_ready().await?;
            }
        }
        match order.poll_ready(&POLLING).await {
            Ok(OrderStatus::Ready | OrderStatus::Valid) => Ok(()),
            Ok(_) => Err(why_not(order).await),
            Err(error @ instant_acme::Error::Api(_)) => match why_not(order).await {
                found @ AcmeError::NotOurs { .. } => Err(found),
                _ => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Our account, which is made where there is none.
    pub(super) async fn account(&self) -> Result<Account, AcmeError> {
        let http = || Ok::<_, AcmeError>(Account::builder_with_http(Box::new(Http::new(&self.acme)?)));
        if let Some(text) = self.kept.account().await? {
            return Ok(http()?.from_credentials(serde_json::from_str(&text)?).await?);
        }
        let contact: Vec<&str> = self.acme.contact.iter().map(String::as_str).collect();
        // The configuration says so in as many words, or it is not read.
        let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let external = self.acme.external_account.as_ref().map(|account| {
            let key = URL_SAFE_NO_PAD.decode(account.key.expose()).unwrap_or_default();
            ExternalAccountKey::new(account.key_id.clone(), &key)
        });
        let (account, credentials) = http()?.create(&new, self.acme.directory.clone(), external.as_ref()).await?;
        self.kept.put_account(&serde_json::to_string(&credentials)?).await?;
        tracing::info!(directory = self.acme.directory, "an account with the certificate authority was made");
        Ok(account)
    }

    /// When the authority wants a certificate renewed (RFC 9773), and in how many seconds it may be asked again; `None` when it does not say.
    pub(super) async fn renewal(&self, leaf: &Leaf) -> Result<Option<(Timestamp, i64)>, AcmeError> {
        let Ok(identifier) = CertificateIdentifier::try_from(&leaf.der) else { return Ok(None) };
        match self.account().await?.renewal_info(&identifier).await {
            Ok((info, again)) => {
                let at = |moment: time::OffsetDateTime| Timestamp::default().plus_seconds(moment.unix_timestamp());
                let window = info.suggested_window;
                let again = i64::try_from(again.as_secs()).unwrap_or(i64::MAX);
                Ok(Some((due::within(at(window.start), at(window.end), &leaf.der), again)))
            }
            Err(instant_acme::Error::Unsupported(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn check(&self, issued: &Issued) -> Result<(), AcmeError> {
        let names = Leaf::of(issued).map(|leaf| leaf.dns_names).unwrap_or_default();
        match self.acme.domains.iter().find(|domain| !names.contains(domain)) {
            Some(missing) => Err(AcmeError::NotFor(missing.clone())),
            None => Ok(()),
        }
    }
}

/// An order, which says what it replaces where the authority takes that: it may do so once, or not at all.
async fn begin(
    account: &Account,
    names: &[Identifier],
    replaced: Option<&CertificateDer<'_>>,
) -> Result<Order, AcmeError> {
    if let Some(identifier) = replaced.and_then(|leaf| CertificateIdentifier::try_from(leaf).ok()) {
        match account.new_order(&NewOrder::new(names).replaces(identifier.into_owned())).await {
            Ok(order) => return Ok(order),
            Err(error) => tracing::debug!(%error, "the order is made without saying what it replaces"),
        }
    }
    Ok(account.new_order(&NewOrder::new(names)).await?)
}

const fn kind(challenge: Challenge) -> ChallengeType {
    match challenge {
        Challenge::Http01 => ChallengeType::Http01,
        Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
    }
}

fn domain_of(authorization: &instant_acme::AuthorizationState) -> String {
    authorization.identifier().to_string()
}

/// In the authority's words.
async fn why_not(order: &mut Order) -> AcmeError {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let error = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = error {
            let detail = problem.detail.clone().unwrap_or_else(|| problem.to_string());
            return AcmeError::NotOurs { domain: domain_of(&authorization), detail };
        }
    }
    instant_acme::Error::Str("a reason").into()
}

//! Which certificate answers a challenge by TLS? One of our own making, for the name, with the digest that was asked for (RFC 8737).

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use lictor_proxy::acme::ALPN;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::error::AcmeError;
use crate::tls::TlsError;

/// Certificates of challenges under way, by name.
#[derive(Debug, Default)]
pub(super) struct Plates(ArcSwap<HashMap<String, Plate>>);

#[derive(Debug, Clone)]
struct Plate {
    digest: Vec<u8>,
    certified: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Plates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        self.0.load().get(&name).map(|plate| Arc::clone(&plate.certified))
    }
}

impl Plates {
    /// What a challenge's handshake follows. Without a challenge for its name, the handshake fails.
    pub(super) fn config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let resolver = Arc::clone(self);
        let mut config =
            builder.with_safe_default_protocol_versions()?.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Arc::new(config))
    }

    /// From now on, these: digests by name.
    pub(super) fn replace(&self, digests: HashMap<String, Vec<u8>>) -> Result<(), AcmeError> {
        let now = self.0.load();
        let mut next = HashMap::new();
        for (domain, digest) in digests {
            let plate = match now.get(&domain).filter(|plate| plate.digest == digest) {
                Some(plate) => plate.clone(),
                None => make(&domain, digest)?,
            };
            next.insert(domain, plate);
        }
        self.0.store(Arc::new(next));
        Ok(())
    }
}

fn make(domain: &str, digest: Vec<u8>) -> Result<Plate, AcmeError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![domain.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(&digest)];
    let chain = vec![params.self_signed(&key)?.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // Not held to what other certificates are: its critical extension is known to authorities alone.
    let key = any_supported_type(&key).map_err(TlsError::from)?;
    Ok(Plate { digest, certified: Arc::new(CertifiedKey::new(chain, key)) })
}

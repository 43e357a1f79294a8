//! Whence a certificate for trying out? From a CA of our own in the data directory, good for this machine's names and no others.
//!
//! Clients trust the CA, which lasts; the certificate is renewed without them. The CA is constrained to the names, so that who
//! takes its key from the data directory can pretend to be this machine and nobody else.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use lictor_model::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::load::moment;

/// Below the data directory.
const FOLDER: &str = "tls";
const CA_DAYS: i64 = 3_650;
const CERTIFICATE_DAYS: i64 = 90;
const RENEW_BEFORE: i64 = 30 * 86_400;
const A_DAY: i64 = 86_400;

/// The folder could not be used, or nothing could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnError {
    /// Files.
    #[error("cannot keep a certificate in {}: {source}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Certificates.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// The CA and the certificate in one folder.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    folder: PathBuf,
    names: BTreeSet<String>,
}

impl Own {
    /// Makes what is missing in a data directory, due, or for other names.
    ///
    /// # Errors
    /// [`OwnError`].
    pub(crate) fn keep(data: &Path, listen: IpAddr, now: Timestamp) -> Result<Self, OwnError> {
        use std::os::unix::fs::DirBuilderExt;
        let folder = std::path::absolute(data.join(FOLDER)).unwrap_or_else(|_| data.join(FOLDER));
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|source| OwnError::File { path: folder.clone(), source })?;
        let own = Self { folder, names: names_of_this_machine(listen) };
        own.renew(now)?;
        Ok(own)
    }

    /// The one that was made in a data directory, if one was.
    pub(crate) fn find(data: &Path) -> Option<Self> {
        let folder = data.join(FOLDER);
        folder.join("cert.pem").is_file().then(|| Self { folder, names: BTreeSet::new() })
    }

    /// What clients trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The certificate and its key.
    pub(crate) fn files(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("cert.pem"), self.folder.join("key.pem"))
    }

    /// Renews in time; what fails is told and tried again.
    pub(crate) fn keep_fresh(&self, now: Timestamp) {
        if let Err(error) = self.renew(now) {
            tracing::warn!(%error, "our own certificate could not be renewed");
        }
    }

    fn renew(&self, now: Timestamp) -> Result<(), OwnError> {
        let (cert, key) = self.files();
        if ends_at(&cert).is_some_and(|end| end.seconds_since(now) > RENEW_BEFORE) && self.are_for_our_names() {
            return Ok(());
        }
        let ca = self.ca(now)?;
        let leaf_key = KeyPair::generate()?;
        let mut leaf = CertificateParams::new(self.names.iter().cloned().collect::<Vec<_>>())?;
        leaf.distinguished_name.push(DnType::CommonName, "Lictor");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.use_authority_key_identifier_extension = true;
        (leaf.not_before, leaf.not_after) = (at(now, -A_DAY), at(now, CERTIFICATE_DAYS * A_DAY));
        let made = leaf.signed_by(&leaf_key, &ca)?;
        self.write(&key, &leaf_key.serialize_pem())?;
        self.write(&cert, &made.pem())
    }

    /// The CA that is there, if it is for our names and outlives a certificate; otherwise a new one.
    fn ca(&self, now: Timestamp) -> Result<Issuer<'static, KeyPair>, OwnError> {
        let (file, key_file) = (self.ca_file(), self.folder.join("ca-key.pem"));
        let params = self.ca_params(now);
        let lasts = ends_at(&file).is_some_and(|end| end.seconds_since(now) > (CERTIFICATE_DAYS + 1) * A_DAY);
        if lasts && self.are_for_our_names() {
            let kept = std::fs::read_to_string(&key_file).ok().and_then(|pem| KeyPair::from_pem(&pem).ok());
            if let Some(key) = kept {
                return Ok(Issuer::new(params, key));
            }
        }
        let key = KeyPair::generate()?;
        let made = params.self_signed(&key)?;
        self.write(&key_file, &key.serialize_pem())?;
        self.write(&file, &made.pem())?;
        self.write(&self.folder.join("names"), &self.names_as_text())?;
        Ok(Issuer::new(params, key))
    }

    fn ca_params(&self, now: Timestamp) -> CertificateParams {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "Lictor on this machine, for trying out");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let permitted_subtrees = self.names.iter().map(|name| subtree(name)).collect();
        ca.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        (ca.not_before, ca.not_after) = (at(now, -A_DAY), at(now, CA_DAYS * A_DAY));
        ca
    }

    fn are_for_our_names(&self) -> bool {
        std::fs::read_to_string(self.folder.join("names")).is_ok_and(|text| text == self.names_as_text())
    }

    fn names_as_text(&self) -> String {
        self.names.iter().map(|name| format!("{name}\n")).collect()
    }

    /// Whole or not at all, and for nobody else to read.
    fn write(&self, path: &Path, text: &str) -> Result<(), OwnError> {
        use std::os::unix::fs::OpenOptionsExt;
        let failed = |source| OwnError::File { path: path.to_owned(), source };
        let new = path.with_extension("new");
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::rename(&new, path).map_err(failed)
    }
}

fn subtree(name: &str) -> GeneralSubtree {
    match name.parse() {
        Ok(IpAddr::V4(ip)) => GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(ip.octets(), 32)),
        Ok(IpAddr::V6(ip)) => GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(ip.octets(), 128)),
        Err(_) => GeneralSubtree::DnsName(name.to_owned()),
    }
}

fn names_of_this_machine(listen: IpAddr) -> BTreeSet<String> {
    let mut names = BTreeSet::from(["localhost".to_owned()]);
    names.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(|ip| ip.to_string()));
    if !listen.is_unspecified() {
        names.insert(listen.to_string());
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim().to_ascii_lowercase();
    if !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) {
        names.insert(host);
    }
    names
}

fn ends_at(path: &Path) -> Option<Timestamp> {
    let der = CertificateDer::from_pem_file(path).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    Some(moment(certificate.validity().not_after))
}

fn at(now: Timestamp, seconds: i64) -> OffsetDateTime {
    let seconds = now.plus_seconds(seconds).as_micros().div_euclid(1_000_000);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;

//! How do we speak TLS, and whose client certificates are whose? The `[tls]` table and the `[[certificates]]` rules.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lictor_authn::mtls::{Mark, Rule};
use lictor_model::PrincipalName;

use super::Surroundings;
use super::acme::{self, Acme};
use super::units::duration;
use super::written::{Found, Section};

/// TLS of our own listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Whence our certificate comes.
    pub(crate) certificate: Certificate,
    /// Where plain HTTP is answered by a redirect to us.
    pub(crate) redirect_from: Option<SocketAddr>,
    /// What browsers are told to remember.
    pub(crate) hsts: Hsts,
    /// Whose certificates are asked for.
    pub(crate) client: Option<ClientTls>,
}

/// Whence our certificate comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// From files in PEM.
    Files {
        /// The chain, leaf first.
        cert: PathBuf,
        /// The leaf's private key.
        key: PathBuf,
    },
    /// From an authority that issues it by itself.
    Acme(Acme),
}

/// How long browsers are to insist on https.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hsts {
    /// A year where `public_url` is https and the certificate is not self-signed.
    Default {
        /// Whether `public_url` is https.
        is_public: bool,
    },
    /// Not at all.
    Off,
    /// For so long.
    For(Duration),
}

/// Client certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientTls {
    /// The CAs that vouch for clients, in PEM.
    pub(crate) ca_file: PathBuf,
    /// Their revocation lists, in PEM or one in DER; without one nothing is ever revoked.
    pub(crate) crl_file: Option<PathBuf>,
    /// Whether a client without one is turned away in the handshake.
    pub(crate) is_required: bool,
    /// What errors call them.
    pub(crate) keys: ClientKeys,
}

/// The keys of the configuration that name the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientKeys {
    /// Of the CAs.
    pub(crate) ca_file: &'static str,
    /// Of the revocation lists.
    pub(crate) crl_file: &'static str,
}

impl ClientTls {
    /// Those of the listener.
    pub(crate) const KEYS: ClientKeys = ClientKeys { ca_file: "tls.client.ca_file", crl_file: "tls.client.crl_file" };

    /// The files there are.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.ca_file).chain(&self.crl_file)
    }
}

impl Tls {
    /// The files there are.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let own = match &self.certificate {
            Certificate::Files { cert, key } => vec![cert, key],
            Certificate::Acme(_) => Vec::new(),
        };
        own.into_iter().chain(self.client.iter().flat_map(ClientTls::files)).cloned().collect()
    }

    /// A certificate and its key, and nothing else.
    pub(crate) fn of_files(cert: PathBuf, key: PathBuf) -> Self {
        Self { certificate: Certificate::Files { cert, key }, redirect_from: None, hsts: Hsts::Off, client: None }
    }

    /// What the table says; `None` when there is none, or problems with it.
    pub(crate) fn from_written(
        mut section: Section<'_>,
        is_public: bool,
        surroundings: Surroundings<'_>,
    ) -> Option<Self> {
        let cert = file(&mut section, "cert_file", surroundings);
        let key = file(&mut section, "key_file", surroundings);
        let redirect_from = section.text("redirect_from").map(|found| {
            found.read(|text| {
                text.parse().map_err(|_| format!("{text:?} is not an address and port: write \"0.0.0.0:80\""))
            })
        });
        let hsts = section.text("hsts").map(|found| found.read(|text| hsts(&text)));
        let client = ClientTls::from_written(section.section("client"), surroundings);
        let acme = acme::read(section.section("acme"), redirect_from.is_some(), surroundings);
        let without_key = "is missing: TLS needs cert_file and key_file, or [tls.acme]";
        match (&cert, &key) {
            (Some(_), _) | (_, Some(_)) if acme.is_some() => {
                section.problem("cert_file", "is not used beside [tls.acme]: keep one of the two");
            }
            _ if acme.is_some() => {}
            (Some(_), None) => section.problem("key_file", without_key),
            (None, Some(_)) => section.problem("cert_file", without_key),
            (None, None) if redirect_from.is_some() || hsts.is_some() || client.is_some() => {
                section.problem("cert_file", without_key);
            }
            _ => {}
        }
        section.finish();
        let certificate = match acme {
            Some(acme) => Certificate::Acme(acme?),
            None => Certificate::Files { cert: cert??, key: key?? },
        };
        Some(Self {
            certificate,
            redirect_from: redirect_from.flatten().map(|found| found.value),
            hsts: hsts.flatten().map_or(Hsts::Default { is_public }, |found| found.value),
            client: client.flatten(),
        })
    }
}

impl ClientTls {
    /// `None` when nothing was written, `Some(None)` when what was written cannot be used.
    fn from_written(mut section: Section<'_>, surroundings: Surroundings<'_>) -> Option<Option<Self>> {
        let ca = file(&mut section, "ca_file", surroundings);
        let crl = file(&mut section, "crl_file", surroundings);
        let mode = section.text("mode").map(|found| {
            found.read(|text| match text.as_str() {
                "optional" => Ok(false),
                "required" => Ok(true),
                _ => Err("must be \"optional\" or \"required\"".to_owned()),
            })
        });
        if ca.is_none() && (crl.is_some() || mode.is_some()) {
            section.problem("ca_file", "is missing: name the CAs that vouch for clients");
        }
        section.finish();
        if ca.is_none() && crl.is_none() && mode.is_none() {
            return None;
        }
        Some(ca.flatten().map(|ca_file| Self {
            ca_file,
            crl_file: crl.flatten(),
            is_required: mode.flatten().is_some_and(|found| found.value),
            keys: Self::KEYS,
        }))
    }
}

/// A file that can be opened; `Some(None)` when it cannot.
pub(super) fn file(
    section: &mut Section<'_>,
    key: &'static str,
    surroundings: Surroundings<'_>,
) -> Option<Option<PathBuf>> {
    let found = section.text(key)?;
    let read = found.read(|path| {
        let path = surroundings.resolve(&path);
        std::fs::File::open(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(path)
    });
    Some(read.map(|found| found.value))
}

fn hsts(text: &str) -> Result<Hsts, String> {
    match text {
        "off" => Ok(Hsts::Off),
        text => duration(text).map(Hsts::For).map_err(|error| format!("{error}, or \"off\"")),
    }
}

/// The `[[certificates]]` rules.
pub(crate) fn rules(root: &mut Section<'_>, are_asked_for: bool) -> Vec<Rule> {
    let tables = root.sections("certificates");
    if let Some(first) = tables.first().filter(|_| !are_asked_for) {
        first.problem("", "no client is asked for a certificate: write [tls.client] with ca_file, or [certificate_header] where a proxy asks");
    }
    tables.into_iter().filter_map(rule).collect()
}

type ReadMark = fn(String) -> Result<Mark, String>;

fn rule(mut section: Section<'_>) -> Option<Rule> {
    let principal = section.text("principal");
    if principal.is_none() {
        section.problem("principal", "is missing: name the user or service account that the certificate is");
    }
    let mut marks: Vec<Option<Found<'_, Mark>>> = Vec::new();
    let kinds: [(&'static str, ReadMark); 5] = [
        ("san_dns", dns_name),
        ("san_uri", uri),
        ("spiffe_id", spiffe_id),
        ("common_name", common_name),
        ("fingerprint", fingerprint),
    ];
    for (key, read) in kinds {
        marks.extend(section.text(key).map(|found| found.read(read)));
    }
    if marks.len() != 1 {
        section.problem("", "must have exactly one of san_dns, san_uri, spiffe_id, common_name and fingerprint");
    }
    section.finish();
    let principal = principal?.read(|name| PrincipalName::parse(&name).map_err(|error| error.to_string()))?.value;
    let [Some(mark)] = <[_; 1]>::try_from(marks).ok()? else { return None };
    Some(Rule { mark: mark.value, principal })
}

fn dns_name(text: String) -> Result<Mark, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if text.is_empty() || !text.bytes().all(plain) {
        return Err(format!("{text:?} is not a host name; names match whole, so a \"*\" would match nothing"));
    }
    Ok(Mark::DnsName(text.to_ascii_lowercase()))
}

fn uri(text: String) -> Result<Mark, String> {
    if text.contains(':') && text.bytes().all(|b| b.is_ascii_graphic()) && !text.contains('*') {
        Ok(Mark::Uri(text))
    } else {
        Err(format!("{text:?} is not a URI; it matches whole, so a \"*\" would match nothing"))
    }
}

fn spiffe_id(text: String) -> Result<Mark, String> {
    Mark::spiffe_id(&text).ok_or_else(|| format!("{text:?} is not a SPIFFE id: write \"spiffe://example.org/worker\""))
}

fn common_name(text: String) -> Result<Mark, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(Mark::CommonName(text)) }
}

/// With or without colons, in either case, as openssl and browsers print it.
fn fingerprint(text: String) -> Result<Mark, String> {
    let hex: String = text.chars().filter(|c| *c != ':').map(|c| c.to_ascii_lowercase()).collect();
    if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(Mark::Fingerprint(hex))
    } else {
        Err("must be a SHA-256 fingerprint: 64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256` prints".to_owned())
    }
}

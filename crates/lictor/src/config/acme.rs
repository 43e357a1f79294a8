//! From which certificate authority do we get our certificate? The `[tls.acme]` table.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lictor_model::Secret;

use super::Surroundings;
use super::tls::file;
use super::written::{Found, Section};

/// Where most certificates come from.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// A certificate that an authority issues by itself (RFC 8555).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acme {
    /// Where the authority's directory is.
    pub(crate) directory: String,
    /// Who vouches for it; otherwise the system's CAs.
    pub(crate) ca_file: Option<PathBuf>,
    /// The names that the certificate is for, in lower case.
    pub(crate) domains: Vec<String>,
    /// Whom the authority may write to.
    pub(crate) contact: Vec<String>,
    /// How it looks whether the names are ours.
    pub(crate) challenge: Challenge,
    /// An account that we have there otherwise.
    pub(crate) external_account: Option<ExternalAccount>,
}

/// How an authority looks whether a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// By plain HTTP at port 80.
    Http01,
    /// By TLS at port 443.
    TlsAlpn01,
}

impl Challenge {
    /// As the authority calls it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }
}

/// What binds our account to one that the authority knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExternalAccount {
    /// Its id.
    pub(crate) key_id: String,
    /// Its key, as the authority hands it out: base64url.
    pub(crate) key: Secret,
}

/// What the table says; `Some(None)` when what was written cannot be used. `redirects` is whether anything listens on plain HTTP.
pub(crate) fn read(mut section: Section<'_>, redirects: bool, surroundings: Surroundings<'_>) -> Option<Option<Acme>> {
    if section.is_empty() {
        return None;
    }
    let domains = domains(&mut section);
    let directory = section.text("directory").map(|found| found.read(usable_directory));
    let ca_file = file(&mut section, "ca_file", surroundings);
    let contact = section.texts("contact").unwrap_or_default();
    let contact = contact.into_iter().filter_map(|found| found.read(usable_contact)).map(|found| found.value).collect();
    let challenge = challenge(&mut section, redirects);
    check_terms(&mut section);
    let external_account = external_account(&mut section, surroundings);
    section.finish();
    let directory = match directory {
        Some(written) => written.map(|found| found.value),
        None => Some(LETS_ENCRYPT.to_owned()),
    };
    Some((|| {
        let (ca_file, external_account) = (ca_file.flatten(), external_account?);
        Some(Acme { directory: directory?, ca_file, domains, contact, challenge: challenge?, external_account })
    })())
}

fn domains(section: &mut Section<'_>) -> Vec<String> {
    let written = section.texts("domains").unwrap_or_default();
    if written.is_empty() {
        section.problem("domains", "is missing: list the names that the certificate is for");
    }
    let mut domains: Vec<String> =
        written.into_iter().filter_map(|found| found.read(usable_domain)).map(|found| found.value).collect();
    domains.sort_unstable();
    domains.dedup();
    domains
}

fn usable_domain(text: String) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let plain = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if lower.starts_with("*.") {
        return Err(format!(
            "{text:?}: an authority looks at a wildcard by DNS alone, which Lictor does not offer: list each name"
        ));
    }
    let is_address = lower.parse::<std::net::IpAddr>().is_ok();
    if is_address || lower.len() > 253 || !lower.contains('.') || !lower.split('.').all(plain) {
        return Err(format!("{text:?} is not a full host name, as \"prefect.example.com\""));
    }
    Ok(lower)
}

fn usable_directory(text: String) -> Result<String, String> {
    let uri: Option<http::Uri> = text.parse().ok();
    let is_https = uri.is_some_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some());
    if is_https { Ok(text) } else { Err("must be the https:// URL of the authority's directory".to_owned()) }
}

fn usable_contact(text: String) -> Result<String, String> {
    let address = text.strip_prefix("mailto:").unwrap_or(&text);
    let plain = address.bytes().all(|byte| byte.is_ascii_graphic() && !b",?&<>\"".contains(&byte));
    match address.split_once('@') {
        Some((name, host)) if plain && !name.is_empty() && host.contains('.') => Ok(format!("mailto:{address}")),
        _ => Err(format!("{text:?} is not an e-mail address")),
    }
}

fn challenge(section: &mut Section<'_>, redirects: bool) -> Option<Challenge> {
    let found = section.text("challenge");
    if found.is_none() {
        section.problem("challenge", "is missing: write \"http-01\" (port 80 leads to tls.redirect_from) or \"tls-alpn-01\" (port 443 leads to listen)");
    }
    let read = found?.read(|text| match text.as_str() {
        "http-01" if !redirects => {
            Err("is asked by plain HTTP, at which nothing listens: set tls.redirect_from = \"0.0.0.0:80\"".to_owned())
        }
        "http-01" => Ok(Challenge::Http01),
        "tls-alpn-01" => Ok(Challenge::TlsAlpn01),
        _ => Err("must be \"http-01\" or \"tls-alpn-01\"".to_owned()),
    });
    read.map(|found| found.value)
}

/// Nobody agrees to anything by leaving a key out.
fn check_terms(section: &mut Section<'_>) {
    match section.flag("agree_to_terms") {
        Some(agreed) if !agreed.value => {
            agreed.problem("must be true: an account is made by agreeing to the authority's terms of service")
        }
        Some(_) => {}
        None => section.problem(
            "agree_to_terms",
            "is missing: read the authority's terms of service, and write agree_to_terms = true",
        ),
    }
}

/// `Some(None)` when there is none, `None` when what was written cannot be used.
fn external_account(section: &mut Section<'_>, surroundings: Surroundings<'_>) -> Option<Option<ExternalAccount>> {
    let key_id = section.text("external_key_id");
    let key = section.text("external_key_file").map(|found| found.read(|path| usable_key(&path, surroundings)));
    let written = |found: Found<'_, String>| found.value;
    match (key_id.map(written), key) {
        (None, None) => Some(None),
        (Some(key_id), Some(key)) => Some(Some(ExternalAccount { key_id, key: key?.value })),
        (Some(_), None) => {
            section.problem("external_key_file", "is missing: external_key_id is of use with its key alone");
            None
        }
        (None, Some(_)) => {
            section.problem("external_key_id", "is missing: the authority handed out an id with the key");
            None
        }
    }
}

fn usable_key(path: &str, surroundings: Surroundings<'_>) -> Result<Secret, String> {
    let path = surroundings.resolve(path);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let text = text.trim().trim_end_matches('=');
    let is_key = URL_SAFE_NO_PAD.decode(text).is_ok_and(|key| key.len() >= 16);
    is_key.then(|| Secret::new(text)).ok_or_else(|| format!("{} holds no key in base64url", path.display()))
}

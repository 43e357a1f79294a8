//! Which proxies pass on the certificate that their client showed? The `[certificate_header]` table.

use http::HeaderName;
use ipnet::IpNet;
use lictor_model::Digest;
use lictor_proxy::passed::Format;

use super::Surroundings;
use super::decide::token;
use super::plan::networks;
use super::tls::{ClientKeys, ClientTls, file};
use super::written::Section;

/// Names of files in errors.
const KEYS: ClientKeys = ClientKeys { ca_file: "certificate_header.ca_file", crl_file: "certificate_header.crl_file" };

/// Who passes certificates on, how, and who vouches for them.
#[derive(Debug, Clone)]
pub(crate) struct CertificateHeader {
    /// From where.
    pub(crate) proxies: Vec<IpNet>,
    /// The digest of the token that they show.
    pub(crate) token: Digest,
    /// In which header.
    pub(crate) header: HeaderName,
    /// How it is written.
    pub(crate) format: Format,
    /// Who vouches for clients.
    pub(crate) clients: ClientTls,
}

/// What the table says; nothing when there is none.
pub(crate) fn read(mut section: Section<'_>, surroundings: Surroundings<'_>) -> Option<CertificateHeader> {
    if section.is_empty() {
        return None;
    }
    let proxies = proxies(&mut section);
    let token = token(&mut section, surroundings);
    let format = section.text("format");
    let header = section.text("header").map(|found| found.read(|text| usable_header(&text)));
    let ca = file(&mut section, "ca_file", surroundings);
    let crl = file(&mut section, "crl_file", surroundings);
    for (key, is_there, what) in [
        (
            "token_file",
            token.is_some(),
            "name a file with a secret that the proxy sends as X-Lictor-Token with each request",
        ),
        ("format", format.is_some(), "write \"rfc9440\", \"pem\", \"base64\" or \"xfcc\", as the proxy does"),
        ("ca_file", ca.is_some(), "name the CAs that vouch for clients: what the proxy has verified is verified again"),
    ] {
        if !is_there {
            section.problem(key, format!("is missing: {what}"));
        }
    }
    let format = format.and_then(|found| found.read(|text| known_format(&text))).map(|found| found.value);
    section.finish();
    let (format, by_default) = format?;
    let header = match header {
        Some(written) => written?.value,
        None => HeaderName::from_static(by_default),
    };
    let clients = ClientTls { ca_file: ca??, crl_file: crl.flatten(), is_required: false, keys: KEYS };
    Some(CertificateHeader { proxies, token: token.flatten()?, header, format, clients })
}

fn proxies(section: &mut Section<'_>) -> Vec<IpNet> {
    let proxies = networks(section, "proxies");
    if proxies.is_empty() {
        section.problem("proxies", "is missing: list the proxies, as proxies = [\"10.0.0.7\"]");
    }
    if proxies.iter().any(|network| network.prefix_len() == 0) {
        section.problem("proxies", "holds everybody, so that anybody could be anybody");
    }
    proxies
}

/// The form, and the header that its proxies write it into.
fn known_format(text: &str) -> Result<(Format, &'static str), String> {
    match text {
        "rfc9440" => Ok((Format::Rfc9440, "client-cert")),
        "pem" => Ok((Format::Pem, "x-client-cert")),
        "base64" => Ok((Format::Base64, "x-forwarded-tls-client-cert")),
        "xfcc" => Ok((Format::Xfcc, "x-forwarded-client-cert")),
        _ => Err(format!("{text:?} is no form that is known: there is \"rfc9440\", \"pem\", \"base64\" and \"xfcc\"")),
    }
}

fn usable_header(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName = text.parse().map_err(|_| format!("{text:?} is not the name of a header"))?;
    if ["authorization", "cookie", "host", "x-lictor-token"].contains(&name.as_str()) || name.as_str().contains('_') {
        return Err(format!("{text:?} is not a header for that"));
    }
    Ok(name)
}

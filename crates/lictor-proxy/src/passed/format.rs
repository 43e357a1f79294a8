//! How do proxies write a certificate into a header? Each in its own way; what is not written so is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Certificates of one chain.
const LONGEST: usize = 8;
const CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// A way to write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `:base64:` in `Client-Cert`, and the CAs below the root in `Client-Cert-Chain` (RFC 9440).
    Rfc9440,
    /// PEM, percent-encoded: nginx's `$ssl_client_escaped_cert`.
    Pem,
    /// DER in base64, more of the chain behind commas: Traefik's `passTLSClientCert`, HAProxy's `ssl_c_der,base64`, Caddy's
    /// `certificate_der_base64`.
    Base64,
    /// `Cert="…";Chain="…"` of one element (Envoy's `x-forwarded-client-cert`).
    Xfcc,
}

/// A header that is not written as agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// The proxy added its header and left the client's.
    #[error("it stands twice: the proxy must replace what a client sends")]
    Twice,
    /// Not in this form.
    #[error("it is not written in the form that format names")]
    Form,
    /// Too many certificates.
    #[error("it holds more than {LONGEST} certificates")]
    TooLong,
}

impl Format {
    /// What was written: the leaf's header, then what else belongs to it. `None` when the client showed nothing.
    pub(super) fn written<'h>(
        self,
        headers: &'h HeaderMap,
        name: &HeaderName,
    ) -> Result<Option<Vec<&'h [u8]>>, Unreadable> {
        let mut values = headers.get_all(name).iter();
        let Some(first) = values.next().map(|value| value.as_bytes().trim_ascii()) else { return Ok(None) };
        if values.next().is_some() {
            return Err(Unreadable::Twice);
        }
        if first.is_empty() {
            return Ok(None);
        }
        let mut written = vec![first];
        if self == Self::Rfc9440 {
            // A list may stand in several lines.
            written.extend(headers.get_all(CHAIN).iter().map(|value| value.as_bytes().trim_ascii()));
        }
        Ok(Some(written))
    }

    /// The chain that was written, leaf first.
    pub(super) fn chain(self, written: &[&[u8]]) -> Result<Vec<CertificateDer<'static>>, Unreadable> {
        let chain = match (self, written) {
            (Self::Rfc9440, [leaf, chain @ ..]) => {
                let items = chain.iter().flat_map(|line| line.split(|byte| *byte == b','));
                let all = std::iter::once(*leaf).chain(items).map(|item| byte_sequence(item.trim_ascii()));
                all.collect::<Result<Vec<_>, _>>()?
            }
            (Self::Pem, [text]) => pem(text)?,
            (Self::Base64, [text]) => {
                let text: Vec<u8> = percent_decode(text).collect();
                text.split(|byte| *byte == b',').map(|item| base64(item.trim_ascii())).collect::<Result<Vec<_>, _>>()?
            }
            (Self::Xfcc, [text]) => element(text)?,
            _ => return Err(Unreadable::Form),
        };
        if chain.len() > LONGEST { Err(Unreadable::TooLong) } else { Ok(chain) }
    }
}

/// `:base64:` (RFC 8941 section 3.3.5).
fn byte_sequence(item: &[u8]) -> Result<CertificateDer<'static>, Unreadable> {
    base64(item.strip_prefix(b":").and_then(|item| item.strip_suffix(b":")).ok_or(Unreadable::Form)?)
}

fn base64(text: &[u8]) -> Result<CertificateDer<'static>, Unreadable> {
    let der = BASE64.decode(text).ok().filter(|der| !der.is_empty()).ok_or(Unreadable::Form)?;
    Ok(CertificateDer::from(der))
}

fn pem(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Unreadable> {
    let text: Vec<u8> = percent_decode(text).collect();
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    read.ok().filter(|read| !read.is_empty()).ok_or(Unreadable::Form)
}

/// The one element: of two, one is of another hop.
fn element(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Unreadable> {
    let text = std::str::from_utf8(text).map_err(|_| Unreadable::Form)?;
    if outside_quotes(text, ',').len() != 1 {
        return Err(Unreadable::Twice);
    }
    let (mut leaf, mut chain) = (None, None);
    for pair in outside_quotes(text, ';') {
        let (key, value) = pair.split_once('=').ok_or(Unreadable::Form)?;
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        let slot = match key.trim().to_ascii_lowercase().as_str() {
            "cert" => &mut leaf,
            "chain" => &mut chain,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(Unreadable::Twice);
        }
    }
    let mut read = pem(leaf.ok_or(Unreadable::Form)?.as_bytes())?;
    // The chain begins with the leaf again.
    let more = chain.map(|chain| pem(chain.as_bytes())).transpose()?.unwrap_or_default();
    let known = read.clone();
    read.extend(more.into_iter().filter(|one| !known.contains(one)));
    Ok(read)
}

/// The parts of a text between a sign that stands outside quotation marks.
fn outside_quotes(text: &str, sign: char) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|c| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            '\\' if is_quoted => is_escaped = !was_escaped,
            '"' if !was_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        c == sign && !is_quoted
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAF: &[u8] = b"leaf \x00\xff";
    const CA: &[u8] = b"a certificate of a CA";

    fn read(format: Format, lines: &[(&str, String)]) -> Result<Option<Vec<Vec<u8>>>, Unreadable> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let Some(written) = format.written(&headers, &HeaderName::from_static("client-cert"))? else { return Ok(None) };
        Ok(Some(format.chain(&written)?.into_iter().map(|one| one.to_vec()).collect()))
    }

    fn escaped(der: &[u8]) -> String {
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64.encode(der));
        percent_encoding::utf8_percent_encode(&pem, percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    #[test]
    fn each_form_is_read_as_its_proxy_writes_it() {
        let (leaf, ca) = (BASE64.encode(LEAF), BASE64.encode(CA));
        let both = Ok(Some(vec![LEAF.to_vec(), CA.to_vec()]));
        let only = Ok(Some(vec![LEAF.to_vec()]));
        assert_eq!(read(Format::Rfc9440, &[("client-cert", format!(":{leaf}:"))]), only);
        let chain = ("client-cert-chain", format!(" :{ca}:"));
        assert_eq!(read(Format::Rfc9440, &[("client-cert", format!(":{leaf}:")), chain]), both);
        assert_eq!(read(Format::Pem, &[("client-cert", escaped(LEAF))]), only);
        assert_eq!(read(Format::Base64, &[("client-cert", leaf.clone())]), only);
        assert_eq!(read(Format::Base64, &[("client-cert", format!("{leaf},{ca}"))]), both);
        let xfcc = format!(r#"By=spiffe://a;Hash=00;Subject="CN=\"a;b,c\"";Cert="{}";URI=urn:x"#, escaped(LEAF));
        assert_eq!(read(Format::Xfcc, &[("client-cert", xfcc.clone())]), only);
        let whole = format!("{xfcc};Chain=\"{}{}\"", escaped(LEAF), escaped(CA));
        assert_eq!(read(Format::Xfcc, &[("client-cert", whole)]), both);
    }

    #[test]
    fn nothing_shown_is_nothing() {
        for format in [Format::Rfc9440, Format::Pem, Format::Base64, Format::Xfcc] {
            assert_eq!(read(format, &[]), Ok(None));
            assert_eq!(read(format, &[("client-cert", " ".to_owned())]), Ok(None));
        }
    }

    #[test]
    fn what_is_written_otherwise_or_twice_is_refused() {
        let leaf = BASE64.encode(LEAF);
        for format in [Format::Rfc9440, Format::Pem, Format::Base64, Format::Xfcc] {
            for text in ["yes", "::", "(null)", "Verified=1", "Cert=\"\"", "%00", ":,:"] {
                assert!(read(format, &[("client-cert", text.to_owned())]).is_err(), "{format:?} {text}");
            }
            let twice = [("client-cert", leaf.clone()), ("client-cert", leaf.clone())];
            assert_eq!(read(format, &twice), Err(Unreadable::Twice));
        }
        assert_eq!(read(Format::Rfc9440, &[("client-cert", leaf.clone())]), Err(Unreadable::Form));
        let two = format!("Cert=\"{0}\",Cert=\"{0}\"", escaped(LEAF));
        assert_eq!(read(Format::Xfcc, &[("client-cert", two)]), Err(Unreadable::Twice));
        assert_eq!(read(Format::Base64, &[("client-cert", [leaf.as_str(); 9].join(","))]), Err(Unreadable::TooLong));
    }
}

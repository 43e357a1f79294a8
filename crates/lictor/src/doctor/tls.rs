//! Can the listener's certificate be used, and for how long?

use lictor_model::{Clock, Timestamp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::PrimitiveDateTime;
use time::macros::format_description;

use super::Report;
use crate::config::TlsFiles;

const SOON: i64 = 21 * 86_400;

/// Reads both files and the leaf's expiry.
pub(crate) fn check(files: &TlsFiles, clock: &Clock, report: &mut Report) {
    let key = files.key_file.display();
    match PrivateKeyDer::from_pem_file(&files.key_file) {
        Ok(_) => report.ok("tls key", format!("{key} is readable")),
        Err(error) => report.fail("tls key", format!("{key} holds no private key in PEM: {error}")),
    }
    let cert = files.cert_file.display();
    match CertificateDer::from_pem_file(&files.cert_file) {
        Err(error) => report.fail("tls certificate", format!("{cert} holds no certificate in PEM: {error}")),
        Ok(leaf) => match not_after(&leaf) {
            None => report.warn("tls certificate", format!("{cert}: its end of validity cannot be read")),
            Some(end) => judge(end.seconds_since(clock.now()), end, report),
        },
    }
}

fn judge(left: i64, end: Timestamp, report: &mut Report) {
    let days = left / 86_400;
    match left {
        ..0 => report.fail("tls certificate", format!("expired at {end}: renew it")),
        0..SOON => report.warn("tls certificate", format!("expires in {days} days, at {end}: renew it")),
        _ => report.ok("tls certificate", format!("valid for {days} days, until {end}")),
    }
}

/// The end of validity of an X.509 certificate (RFC 5280 section 4.1).
fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = element(certificate, 0x30)?;
    let (body, _) = element(certificate, 0x30)?;
    // version [0] is optional; then serial, signature algorithm, issuer, validity.
    let rest = element(body, 0xa0).map_or(body, |(_, rest)| rest);
    let (_, rest) = element(rest, 0x02)?;
    let (_, rest) = element(rest, 0x30)?;
    let (_, rest) = element(rest, 0x30)?;
    let (validity, _) = element(rest, 0x30)?;
    let (_, not_after) = any(validity)?;
    let (tag, value, _) = tagged(not_after)?;
    moment(tag, std::str::from_utf8(value).ok()?)
}

fn moment(tag: u8, text: &str) -> Option<Timestamp> {
    let full = match tag {
        // UTCTime has two digits of the year; 50 and above are of the last century.
        0x17 if text.get(..2)?.parse::<u8>().ok()? >= 50 => format!("19{text}"),
        0x17 => format!("20{text}"),
        0x18 => text.to_owned(),
        _ => return None,
    };
    let format = format_description!(version = 1, "[year][month][day][hour][minute][second]Z");
    let at = PrimitiveDateTime::parse(&full, format).ok()?.assume_utc();
    Some(Timestamp::default().plus_seconds(at.unix_timestamp()))
}

/// The value of a DER element of that tag, and what follows it.
fn element(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, value, rest) = tagged(der)?;
    (tag == wanted).then_some((value, rest))
}

fn any(der: &[u8]) -> Option<(&[u8], &[u8])> {
    tagged(der).map(|(_, value, rest)| (value, rest))
}

fn tagged(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?, rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((*tag, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_time_read() {
        assert_eq!(moment(0x17, "301231235959Z").unwrap().to_rfc3339(), "2030-12-31T23:59:59.000000Z");
        assert_eq!(moment(0x17, "991231235959Z").unwrap().to_rfc3339(), "1999-12-31T23:59:59.000000Z");
        assert_eq!(moment(0x18, "20501231235959Z").unwrap().to_rfc3339(), "2050-12-31T23:59:59.000000Z");
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        assert_eq!(not_after(b""), None);
        assert_eq!(not_after(&[0x30, 0x82, 0xff]), None);
    }
}

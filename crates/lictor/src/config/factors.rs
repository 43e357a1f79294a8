//! What is set about second factors? How long a proof lasts, and for which domain passkeys are.

use std::time::Duration;

use lictor_authn::factors::Terms;

use super::units::duration;
use super::written::Section;

/// The longest that a proof may last: beyond that nobody would be asked again.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// The shortest: a form must be filled in meanwhile.
const SHORTEST: Duration = Duration::from_secs(10);

/// The settings of `[sign_in]` that are about second factors.
pub(super) fn terms(section: &mut Section<'_>) -> Terms {
    let default = Terms::default();
    let confirmed_for = section.text("confirm_after").and_then(|found| {
        found.read(|text| {
            let span = duration(&text).map_err(|error| error.to_string())?;
            if (SHORTEST..=LONGEST).contains(&span) { Ok(span) } else { Err("must be from 10s to 24h".to_owned()) }
        })
    });
    let passkey_domain = section.text("passkey_domain").and_then(|found| found.read(|text| domain(&text)));
    Terms {
        confirmed_for: confirmed_for.map_or(default.confirmed_for, |found| found.value),
        passkey_domain: passkey_domain.map(|found| found.value),
    }
}

fn domain(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let is_address = text.parse::<std::net::IpAddr>().is_ok();
    // A top-level domain belongs to everybody in it, and browsers refuse it.
    if text.contains('.') && text.split('.').all(label) && !is_address {
        Ok(text.to_owned())
    } else {
        Err("must be a domain that all hosts of the gateway are under, as \"prefect.example.com\"".to_owned())
    }
}

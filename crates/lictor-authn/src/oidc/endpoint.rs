//! Whom may we ask? Only over TLS, or on this very machine, where nobody listens in between.

use http::Uri;

/// The address of something at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Uri);

/// An address that we do not ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL.
    #[error("{0:?} is not a URL: write it as https://host/path")]
    Malformed(String),
    /// Not TLS.
    #[error("{0:?} must begin with https:// (http:// is for this machine only, as in http://127.0.0.1:5556)")]
    Plain(String),
    /// A credential or a fragment in it.
    #[error("{0:?} must have neither a user name nor a fragment")]
    Decorated(String),
}

impl Endpoint {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`EndpointError`] when it is not https, nor http on this machine.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let malformed = || EndpointError::Malformed(text.to_owned());
        // A fragment would be dropped in silence, and blanks would be somebody's second reading.
        if text.len() > 2048 || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(malformed());
        }
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let authority = uri.authority().filter(|authority| !authority.host().is_empty()).ok_or_else(malformed)?;
        if text.contains('#') || authority.as_str().contains('@') {
            return Err(EndpointError::Decorated(text.to_owned()));
        }
        let endpoint = Self(uri);
        match endpoint.0.scheme_str() {
            Some("https") => Ok(endpoint),
            Some("http") if endpoint.is_local() => Ok(endpoint),
            _ => Err(EndpointError::Plain(text.to_owned())),
        }
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let host = self.0.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// What is one step below it; the step must need no encoding.
    pub(crate) fn below(&self, step: &str) -> Result<Self, EndpointError> {
        Self::parse(&format!("{}/{step}", self.to_string().trim_end_matches('/')))
    }

    /// As a request's target.
    pub(crate) fn uri(&self) -> Uri {
        self.0.clone()
    }

    /// The address with parameters added to its query.
    pub(crate) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let separator = if self.0.query().is_some() { '&' } else { '?' };
        format!("{}{separator}{}", self.0, form(parameters))
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// `a=b&c=d`, each part encoded.
pub(crate) fn form(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// A text as a part of a query or a form.
pub(crate) fn encode(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_asked() {
        for good in ["https://idp.example/a?b=c", "http://127.0.0.1:5556/dex", "http://localhost", "http://[::1]:80/"] {
            assert!(Endpoint::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://idp.example/",
            "http://10.0.0.1/",
            "http://169.254.169.254/latest",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "https://user:pass@idp.example/",
            "https://idp.example/#x",
            "https://idp.example\\@evil.example/",
            "file:///etc/passwd",
            "idp.example",
            "/x",
            "https:///x",
            "https://a b/",
            "",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_are_encoded_and_appended() {
        let with = |url: &str| Endpoint::parse(url).unwrap().with(&[("a", "b c&d"), ("e", "ü")]);
        assert_eq!(with("https://i.example/a"), "https://i.example/a?a=b%20c%26d&e=%C3%BC");
        assert_eq!(with("https://i.example/a?x=y"), "https://i.example/a?x=y&a=b%20c%26d&e=%C3%BC");
    }
}

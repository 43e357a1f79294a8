//! Where does a Prefect client wait for its key? At a port of the visitor's own machine, and nowhere else.

/// `http://localhost:PORT`, as it is given to a script and to a browser's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Callback(String);

impl Callback {
    /// Reads what the client says. It is put together anew, so that nobody reads it in another way than we do.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("http://")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let host = ["localhost", "127.0.0.1", "[::1]"].into_iter().find(|host| rest.starts_with(host))?;
        let digits = rest.strip_prefix(host)?.strip_prefix(':')?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        let port: u16 = digits.parse().ok().filter(|_| plain)?;
        Some(Self(format!("http://{host}:{port}")))
    }

    /// The origin.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod unit {
    use super::Callback;

    #[test]
    fn a_key_goes_to_this_machine_and_nowhere_else() {
        for (text, origin) in [
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://localhost:1/", "http://localhost:1"),
            ("http://127.0.0.1:65535", "http://127.0.0.1:65535"),
            ("http://[::1]:4200", "http://[::1]:4200"),
        ] {
            assert_eq!(Callback::parse(text).unwrap().as_str(), origin);
        }
        for text in [
            "",
            "http://localhost",
            "http://localhost:",
            "http://localhost:0",
            "http://localhost:080",
            "http://localhost:65536",
            "http://localhost:+80",
            "http://localhost:80:80",
            "https://localhost:80",
            "HTTP://localhost:80",
            "http://LOCALHOST:80",
            "http://localhost.evil.example:80",
            "http://localhost:80@evil.example",
            "http://localhost:80@evil.example:80",
            "http://evil.example:80",
            "http://evil@localhost:80",
            "http://127.0.0.2:80",
            "http://127.0.0.1.evil.example:80",
            "http://0.0.0.0:80",
            "http://[::]:80",
            "http://localhost:80/path",
            "http://localhost:80//",
            "http://localhost:80?x",
            "http://localhost:80#x",
            "http://localhost:80 'unsafe-inline'",
            "http://localhost:80;connect-src *",
            "http://localhost:80\\@evil.example",
            " http://localhost:80",
            "javascript:alert(1)//localhost:80",
        ] {
            assert_eq!(Callback::parse(text), None, "{text:?}");
        }
    }
}

//! Through which server does mail go, from whom, and to whom besides keys' owners? The `[mail]` table.

use std::path::PathBuf;

use lettre::Address;
use lettre::message::Mailbox;
use lictor_model::Secret;

use super::Surroundings;
use super::secret;
use super::tls::file;
use super::written::Section;

/// How mail is sent.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// The server.
    pub(crate) server: Server,
    /// Who signs in there, with which password.
    pub(crate) credential: Option<(String, Secret)>,
    /// From whom.
    pub(crate) from: Mailbox,
    /// Who hears of keys whose owners have no address.
    pub(crate) to: Vec<Mailbox>,
    /// Who vouches for the server; otherwise the system's CAs.
    pub(crate) ca_file: Option<PathBuf>,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Its name.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// How its connections are kept from others' eyes.
    pub(crate) security: Security,
}

/// How a connection is kept from others' eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS, which must be there.
    StartTls,
    /// It does not leave this machine, and carries no password.
    ThisMachine,
}

/// What the table says; nothing when there is none.
pub(crate) fn read(mut section: Section<'_>, surroundings: Surroundings<'_>) -> Option<Mail> {
    let url = section.text("url");
    let keys = secret::Keys { inline: "password", file: "password_file", env: "password_env" };
    let password = secret::read(&mut section, &keys, surroundings);
    let from = section.text("from");
    let ca_file = file(&mut section, "ca_file", surroundings).flatten();
    let to = section.texts("to").unwrap_or_default();
    let is_written = url.is_some() || password.is_some() || from.is_some() || ca_file.is_some() || !to.is_empty();
    let to: Vec<Mailbox> = to.into_iter().filter_map(|found| found.read(mailbox)).map(|found| found.value).collect();
    if is_written && url.is_none() {
        section.problem("url", "is missing: write url = \"smtp://lictor@mail.example.com\"");
    }
    if is_written && from.is_none() {
        section.problem("from", "is missing: write from = \"Lictor <lictor@example.com>\"");
    }
    let from = from.and_then(|found| found.read(mailbox)).map(|found| found.value);
    let url = url.and_then(|found| found.read(server));
    if let Some(url) = &url {
        match (&url.value.1, &password) {
            (Some(_), None) => section.problem("password_file", "is missing: the url names who signs in"),
            (None, Some(_)) => url.problem("names nobody to sign in with the password: write smtp://NAME@host"),
            _ => {}
        }
    }
    section.finish();
    let (server, user) = url?.value;
    Some(Mail { server, credential: user.zip(password), from: from?, to, ca_file })
}

/// Reads an address for notices.
///
/// # Errors
/// A sentence that says what to write instead.
pub(crate) fn address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|_| format!("{text:?} is no address of mail: write it as alice@example.com"))
}

fn mailbox(text: String) -> Result<Mailbox, String> {
    text.parse().map_err(|_| {
        format!("{text:?} is no address of mail: write \"lictor@example.com\" or \"Lictor <lictor@example.com>\"")
    })
}

/// `smtps://[user@]host[:465]` or `smtp://[user@]host[:587]`.
fn server(url: String) -> Result<(Server, Option<String>), String> {
    let wrong =
        || "must be \"smtps://user@host\" (TLS) or \"smtp://user@host\" (STARTTLS), a port behind it".to_owned();
    let uri: http::Uri = url.parse().map_err(|_| wrong())?;
    let authority = uri.authority().ok_or_else(wrong)?;
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() || url.contains('#') {
        return Err(wrong());
    }
    let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
    if user.is_some_and(|user| user.contains(':')) {
        return Err(
            "must not hold the password: name a file in password_file, or a variable in password_env".to_owned()
        );
    }
    let user = user.map(|user| percent_encoding::percent_decode_str(user).decode_utf8_lossy().into_owned());
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let (security, port) = match uri.scheme_str() {
        Some("smtps") => (Security::Tls, 465),
        Some("smtp") if is_here && user.is_none() => (Security::ThisMachine, 25),
        Some("smtp") => (Security::StartTls, 587),
        _ => return Err(wrong()),
    };
    if host.is_empty() {
        return Err(wrong());
    }
    Ok((Server { host, port: authority.port_u16().unwrap_or(port), security }, user))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_server(url: &str) -> (String, u16, Security, Option<String>) {
        let (server, user) = server(url.to_owned()).unwrap();
        (server.host, server.port, server.security, user)
    }

    #[test]
    fn a_password_never_travels_in_clear() {
        let mail = || "mail.example.com".to_owned();
        assert_eq!(read_server("smtps://a%40b@mail.example.com"), (mail(), 465, Security::Tls, Some("a@b".to_owned())));
        assert_eq!(read_server("smtp://mail.example.com"), (mail(), 587, Security::StartTls, None));
        assert_eq!(read_server("smtp://localhost"), ("localhost".to_owned(), 25, Security::ThisMachine, None));
        let here = ("::1".to_owned(), 2525, Security::StartTls, Some("a".to_owned()));
        assert_eq!(read_server("smtp://a@[::1]:2525"), here);
    }

    #[test]
    fn what_is_no_server_is_told() {
        for url in
            ["mail.example.com", "http://mail", "smtp://", "smtp://a:b@mail", "smtp://mail/x", "smtps://mail?tls=none"]
        {
            assert!(server(url.to_owned()).is_err(), "{url}");
        }
    }
}

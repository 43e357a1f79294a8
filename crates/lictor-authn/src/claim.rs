//! What does a credential's text claim? A key, a name with a key, a name with a password, or a token of somebody else's making.
//!
//! One reader for Basic's decoded text and for a socket's token, so that both split the same way.

use std::borrow::Cow;

use lictor_model::{ApiKey, KeyError, Reason};

use crate::jwt;

/// The longest text that is read, in bytes: a token may be so long. Longer is malformed before it costs anything.
pub const MAX_TEXT: usize = 8 * 1024;

/// What a text claims.
#[derive(Debug)]
pub enum Claim<'a> {
    /// A key that passed its check.
    Key(ApiKey),
    /// A key, and the name that it is said to belong to.
    NamedKey {
        /// What stands before the colon.
        name: Cow<'a, str>,
        /// What stands behind it.
        key: ApiKey,
    },
    /// What may be a token that somebody else issued.
    Token(&'a str),
    /// Such a token, certainly, and the name that it is said to belong to.
    NamedToken {
        /// What stands before the colon.
        name: Cow<'a, str>,
        /// What stands behind it.
        token: &'a str,
    },
    /// A name and a password.
    Password {
        /// What stands before the first colon; perhaps no canonical name.
        name: &'a str,
        /// All that stands behind it, further colons included.
        password: &'a str,
    },
}

/// Reads `KEY`, `KEY:`, `name:KEY`, `name:password`, `TOKEN` or `name:TOKEN`.
///
/// `KEY:` is what `https://KEY@host/api` becomes in an HTTP client. A text that begins like a key and fails its check
/// is mistyped, without a look-up.
///
/// # Errors
/// [`Reason::MistypedKey`] or [`Reason::MalformedCredential`].
pub fn read(text: &str) -> Result<Claim<'_>, Reason> {
    if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err(Reason::MalformedCredential);
    }
    let Some((name, secret)) = text.split_once(':') else {
        let is_token = !ApiKey::looks_like(text) && jwt::could_be(text);
        return if is_token { Ok(Claim::Token(text)) } else { read_key(text).map(Claim::Key) };
    };
    if ApiKey::looks_like(secret) {
        return Ok(Claim::NamedKey { name: as_written(name), key: read_key(secret)? });
    }
    if jwt::is_certain(secret) {
        return Ok(Claim::NamedToken { name: as_written(name), token: secret });
    }
    match ApiKey::parse(name) {
        Ok(key) if secret.is_empty() => Ok(Claim::Key(key)),
        // The key stands where the name belongs. Never treat it as a name: names are written down.
        Ok(_) => Err(Reason::MalformedCredential),
        Err(_) => Ok(Claim::Password { name, password: secret }),
    }
}

/// The name without what a URL had to encode: `https://alice%40example.com:KEY@host/api` comes decoded over HTTP, and as
/// it stands from the websockets of old clients. No name has a percent sign, so that this reads one way only.
fn as_written(name: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(name).decode_utf8().unwrap_or(Cow::Borrowed(name))
}

fn read_key(text: &str) -> Result<ApiKey, Reason> {
    ApiKey::parse(text).map_err(|error| match error {
        KeyError::NotAKey => Reason::MalformedCredential,
        KeyError::Mistyped => Reason::MistypedKey,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Result<String, Reason> {
        read(text).map(|claim| match claim {
            Claim::Key(_) => "key".to_owned(),
            Claim::NamedKey { name, .. } => format!("{name}+key"),
            Claim::Token(_) => "token".to_owned(),
            Claim::NamedToken { name, .. } => format!("{name}+token"),
            Claim::Password { name, password } => format!("{name}|{password}"),
        })
    }

    #[test]
    fn each_form_reads_one_way() {
        let key = ApiKey::generate().unwrap();
        let key = key.expose();
        assert_eq!(shape(key).unwrap(), "key");
        assert_eq!(
            (shape("eyJh.e30.c2ln").unwrap(), shape("pnu_key").unwrap()),
            ("token".to_owned(), "token".to_owned())
        );
        assert_eq!(shape(&format!("{key}:")).unwrap(), "key");
        assert_eq!(shape(&format!("alice:{key}")).unwrap(), "alice+key");
        assert_eq!(shape(&format!("al%40ex.com:{key}")).unwrap(), "al@ex.com+key");
        assert_eq!(shape(&format!("al%zz%ff:{key}")).unwrap(), "al%zz%ff+key");
        assert_eq!(shape("al%40ex.com:secret").unwrap(), "al%40ex.com|secret");
        assert_eq!(shape("alice:secret").unwrap(), "alice|secret");
        let token = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln";
        assert_eq!(shape(&format!("al%40ex.com:{token}")).unwrap(), "al@ex.com+token");
        for password in
            ["eyJ.a.b", "eyJhbGciOiJSUzI1NiJ9.e30", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln!", "e30.e30.e30", "a.b.c"]
        {
            assert_eq!(shape(&format!("alice:{password}")).unwrap(), format!("alice|{password}"));
        }
        assert_eq!(shape("alice:pa:ss:word").unwrap(), "alice|pa:ss:word");
        assert_eq!(shape(":").unwrap(), "|");
        assert_eq!(shape("lictor_bob:secret").unwrap(), "lictor_bob|secret");
        assert_eq!(shape("älice:pässword").unwrap(), "älice|pässword");
    }

    #[test]
    fn a_typo_in_a_key_is_told_apart_without_a_look_up() {
        let key = ApiKey::generate().unwrap();
        let (cut, long) = (key.expose().get(..44).unwrap(), format!("{}a", key.expose()));
        for text in ["lictor_", cut, long.as_str(), &format!("alice:{cut}"), "alice:lictor_oops"] {
            assert_eq!(shape(text), Err(Reason::MistypedKey), "{text}");
        }
    }

    #[test]
    fn what_is_neither_is_malformed() {
        let key = ApiKey::generate().unwrap();
        let huge = format!("alice:{}", "x".repeat(100_000));
        let misplaced = format!("{}:secret", key.expose());
        for text in [
            "",
            "no colon",
            "=",
            "a=b",
            "t\u{f6}ken",
            "alice:a\0b",
            "alice:a\nb",
            "a\u{85}:b",
            "a:\u{7f}",
            &misplaced,
            &huge,
        ] {
            assert_eq!(shape(text), Err(Reason::MalformedCredential), "{text:.30}");
        }
    }
}

//! What does a socket's first text frame carry? `{"type": "auth", "token": …}`, with the text that Basic would encode.

use lictor_model::Reason;
use serde::Deserialize;
use zeroize::Zeroizing;

/// The largest first frame that is read.
pub const MAX_FRAME: usize = 16 * 1024;

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    token: Option<String>,
}

/// The token of an authentication frame.
///
/// A repeated key is refused: Prefect takes the last, others the first.
///
/// # Errors
/// [`Reason::MalformedAuthFrame`] when it is not that frame; [`Reason::SocketWithoutCredential`] when its token is
/// missing, null or empty, as a client sends it that has a key in a setting which its sockets ignore.
pub fn read(frame: &str) -> Result<Zeroizing<String>, Reason> {
    if frame.len() > MAX_FRAME {
        return Err(Reason::MalformedAuthFrame);
    }
    let frame: Frame<'_> = serde_json::from_str(frame).map_err(|_| Reason::MalformedAuthFrame)?;
    if frame.kind != "auth" {
        return Err(Reason::MalformedAuthFrame);
    }
    match frame.token {
        Some(token) if !token.is_empty() => Ok(Zeroizing::new(token)),
        Some(_) | None => Err(Reason::SocketWithoutCredential),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_an_authentication_frame_is_read() {
        assert_eq!(read(r#"{"type": "auth", "token": "user:pa\"ss"}"#).unwrap().as_str(), "user:pa\"ss");
        assert_eq!(read(r#"{"token":"k","type":"auth"}"#).unwrap().as_str(), "k");
    }

    #[test]
    fn a_missing_token_is_not_a_wrong_one() {
        for frame in [r#"{"type":"auth"}"#, r#"{"type":"auth","token":null}"#, r#"{"type":"auth","token":""}"#] {
            assert_eq!(read(frame), Err(Reason::SocketWithoutCredential), "{frame}");
        }
    }

    #[test]
    fn any_other_frame_is_malformed() {
        let huge = format!(r#"{{"type":"auth","token":"{}"}}"#, "x".repeat(100_000));
        let deep = "[".repeat(10_000);
        for frame in [
            "",
            "x",
            "[]",
            "null",
            "\u{feff}{\"type\":\"auth\",\"token\":\"k\"}",
            r#"{"type":"filter"}"#,
            r#"{"type":"AUTH","token":"k"}"#,
            r#"{"type":"auth","token":1}"#,
            r#"{"type":"auth","token":["k"]}"#,
            r#"{"type":"auth","token":"x","token":"good"}"#,
            r#"{"type":"filter","type":"auth","token":"good"}"#,
            r#"{"type":"auth","token":"k"} {}"#,
            r#"{"type":"auth","token":"\ud800"}"#,
            &huge,
            &deep,
        ] {
            assert_eq!(read(frame), Err(Reason::MalformedAuthFrame), "{frame:.40}");
        }
    }
}

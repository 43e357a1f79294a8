//! Does this query ask for secrets?

use lictor_model::Reason;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Inspected, read_bool};

const FLAG: &str = "include_secrets";
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Takes the flag out, and puts it back as `include_secrets=true` when it was asked for and `allowed`.
///
/// # Errors
/// [`Reason::MalformedQuery`] when an escape is malformed or not UTF-8, or the flag has a value that Prefect would
/// refuse.
pub fn secrets_in_query(query: Option<&str>, allowed: bool) -> Result<Inspected<Option<String>>, Reason> {
    let mut kept = Vec::new();
    let mut asked = false;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if name == FLAG {
            // The last one wins, as in Starlette.
            asked = read_bool(&value).ok_or(Reason::MalformedQuery)?;
        } else {
            let encode = |text| utf8_percent_encode(text, UNRESERVED).to_string();
            kept.push(format!("{}={}", encode(&name), encode(&value)));
        }
    }
    let reveals = asked && allowed;
    if reveals {
        kept.push(format!("{FLAG}=true"));
    }
    Ok(Inspected { rewritten: (!kept.is_empty()).then(|| kept.join("&")), reveals })
}

/// As Python's `parse_qsl`: plus is a space, then percent escapes.
fn decode(text: &str) -> Result<String, Reason> {
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_hexdigit());
        if byte == b'%' && !(hex(rest.next()) && hex(rest.next())) {
            return Err(Reason::MalformedQuery);
        }
    }
    let spaced = text.replace('+', " ");
    Ok(percent_decode_str(&spaced).decode_utf8().map_err(|_| Reason::MalformedQuery)?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_flag_is_found_and_taken_out() {
        for query in [
            "include_secrets=true",
            "include_secrets=1",
            "include_secrets=On",
            "include_secrets=YES",
            "include_secrets=y",
            "include_secrets=t",
            "include%5Fsecrets=%74rue",
            "%69nclude_secrets=1",
            "a=b&include_secrets=false&include_secrets=1",
        ] {
            let refused = secrets_in_query(Some(query), false).unwrap();
            assert!(!refused.reveals && !refused.rewritten.unwrap_or_default().contains("secrets"), "{query}");
            let granted = secrets_in_query(Some(query), true).unwrap();
            assert!(granted.reveals && granted.rewritten.unwrap().ends_with("include_secrets=true"), "{query}");
        }
    }

    #[test]
    fn other_parameters_keep_their_meaning() {
        let inspected = secrets_in_query(Some("name=a+b%26c&x&include_secrets=0"), true).unwrap();
        assert_eq!(inspected, Inspected { rewritten: Some("name=a%20b%26c&x=".to_owned()), reveals: false });
        assert_eq!(secrets_in_query(None, true).unwrap().rewritten, None);
    }

    #[test]
    fn what_cannot_be_read_one_way_is_refused() {
        for query in ["include_secrets=maybe", "a=%zz", "a=%ff", "include_secrets", "include_secrets=%00true"] {
            assert_eq!(secrets_in_query(Some(query), true), Err(Reason::MalformedQuery), "{query}");
        }
    }
}

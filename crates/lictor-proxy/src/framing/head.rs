//! Is this request head unambiguous?

use httparse::Status;
use lictor_model::Reason;

use super::body::BodyFraming;

/// More headers than any client of Prefect sends; the bytes are bounded separately.
const MAX_HEADERS: usize = 128;

/// What follows an accepted head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// A body with this framing (possibly empty), then the next head.
    Body(BodyFraming),
    /// A websocket handshake: nothing more is read until it has been answered.
    Upgrade,
}

/// The verdict on the bytes at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The head is not complete yet.
    Partial,
    /// The head ends after this many bytes, and this follows.
    Accepted(usize, Next),
    /// The head is refused.
    Refused(Reason),
}

/// Judges the head at the beginning of `bytes`.
pub(super) fn judge(bytes: &[u8]) -> Verdict {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(Status::Partial) => return partial(bytes),
        Ok(Status::Complete(length)) => length,
        Err(httparse::Error::TooManyHeaders) => return Verdict::Refused(Reason::HeadersTooLarge),
        Err(_) => return Verdict::Refused(Reason::MalformedFraming),
    };
    if bytes.get(..length).is_none_or(has_bare_line_ending) {
        return Verdict::Refused(Reason::MalformedFraming);
    }
    match judge_parsed(&request) {
        Ok(next) => Verdict::Accepted(length, next),
        Err(reason) => Verdict::Refused(reason),
    }
}

/// A head that is incomplete so far may already be beyond repair.
fn partial(bytes: &[u8]) -> Verdict {
    // The last byte may be the CR of a CRLF whose LF is still on its way.
    let settled = bytes.len().saturating_sub(1);
    if bytes.get(..settled).is_some_and(has_bare_line_ending) {
        Verdict::Refused(Reason::MalformedFraming)
    } else {
        Verdict::Partial
    }
}

/// RFC 9112 §2.2: lines end in CRLF; h11 takes a bare LF, httptools does not, so neither do we.
fn has_bare_line_ending(head: &[u8]) -> bool {
    let mut previous = 0;
    for (at, byte) in head.iter().enumerate() {
        if *byte == b'\n' && previous != b'\r' {
            return true;
        }
        if previous == b'\r' && *byte != b'\n' {
            return true;
        }
        // Blank lines before the request line: httptools takes them, h11 refuses.
        if at == 0 && *byte == b'\r' {
            return true;
        }
        previous = *byte;
    }
    false
}

fn judge_parsed(request: &httparse::Request<'_, '_>) -> Result<Next, Reason> {
    let method = request.method.ok_or(Reason::MalformedFraming)?;
    if method.eq_ignore_ascii_case("CONNECT") {
        return Err(Reason::MethodNotAllowed);
    }
    if !method.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(Reason::MalformedFraming);
    }
    judge_target(request.path.ok_or(Reason::MalformedTarget)?)?;
    let http10 = request.version != Some(1);
    let lines = FramingLines::collect(request.headers)?;
    let framing = lines.framing(http10)?;
    if http10 && framing == BodyFraming::None && matches!(method, "POST" | "PUT" | "PATCH") {
        // An HTTP/1.0 body without a length would end only with the connection.
        return Err(Reason::MalformedFraming);
    }
    if !lines.upgrades_to_websocket {
        return Ok(Next::Body(framing));
    }
    if http10 || method != "GET" || framing != BodyFraming::None {
        return Err(Reason::MalformedUpgrade);
    }
    Ok(Next::Upgrade)
}

/// Only origin-form (RFC 9112 §3.2.1): `http::Uri` would drop a fragment and take raw non-ASCII in silence. Brackets and quotes
/// that it refuses are refused here, with a reason.
fn judge_target(target: &str) -> Result<(), Reason> {
    let plain = target.bytes().all(|b| (0x21..0x7f).contains(&b) && !b"#<>`\"".contains(&b));
    if target.starts_with('/') && plain { Ok(()) } else { Err(Reason::MalformedTarget) }
}

#[derive(Default)]
struct FramingLines {
    length: Option<u64>,
    chunked: bool,
    hosts: usize,
    upgrades_to_websocket: bool,
}

impl FramingLines {
    fn collect(headers: &[httparse::Header<'_>]) -> Result<Self, Reason> {
        let mut lines = Self::default();
        for header in headers {
            match header.name.len() {
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    let repeated = lines.length.replace(read_length(header.value)?);
                    repeated.map_or(Ok(()), |_| Err(Reason::MalformedFraming))?;
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                    if lines.chunked || !header.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Reason::MalformedFraming);
                    }
                    lines.chunked = true;
                }
                4 if header.name.eq_ignore_ascii_case("host") => lines.hosts += 1,
                7 if header.name.eq_ignore_ascii_case("upgrade") => lines.read_upgrade(header.value)?,
                _ => {}
            }
        }
        if lines.hosts == 1 { Ok(lines) } else { Err(Reason::MalformedHost) }
    }

    /// Other upgrades (h2c and the like) are ignored, as RFC 9110 §7.8 allows; a list with websocket in it is not.
    fn read_upgrade(&mut self, value: &[u8]) -> Result<(), Reason> {
        let mut offers = value.split(|b| *b == b',').map(<[u8]>::trim_ascii);
        if offers.any(|offer| offer.eq_ignore_ascii_case(b"websocket")) {
            if self.upgrades_to_websocket || !value.trim_ascii().eq_ignore_ascii_case(b"websocket") {
                return Err(Reason::MalformedUpgrade);
            }
            self.upgrades_to_websocket = true;
        }
        Ok(())
    }

    fn framing(&self, http10: bool) -> Result<BodyFraming, Reason> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Reason::MalformedFraming),
            (true, None) if http10 => Err(Reason::MalformedFraming),
            (true, None) => Ok(BodyFraming::chunked()),
            (false, Some(length)) if length > 0 => Ok(BodyFraming::Length(length)),
            (false, _) => Ok(BodyFraming::None),
        }
    }
}

/// Digits only, without a sign, a list, or a leading zero that another reader could take for octal.
fn read_length(value: &[u8]) -> Result<u64, Reason> {
    let canonical = matches!(value, [b'0'] | [b'1'..=b'9', ..]) && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).map_err(|_| Reason::MalformedFraming)?;
    text.parse().ok().filter(|_| canonical).ok_or(Reason::MalformedFraming)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(head: &str) -> Option<Reason> {
        match judge(head.as_bytes()) {
            Verdict::Refused(reason) => Some(reason),
            _ => None,
        }
    }

    #[test]
    fn an_ordinary_head_is_let_through_whole() {
        let head = b"POST /api/flows/filter HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(judge(head), Verdict::Accepted(head.len() - 2, Next::Body(BodyFraming::Length(2))));
    }

    #[test]
    fn framing_that_reads_two_ways_is_refused() {
        for lines in [
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 2\r\nContent-Length: 2\r\n",
            "Content-Length: 2, 2\r\n",
            "Content-Length: +2\r\n",
            "Content-Length: 010\r\n",
            "Content-Length: \r\n",
            "Content-Length: 18446744073709551618\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding:\r\n chunked\r\n",
            "X: y\rZ: 1\r\n",
            "X: y\nZ: 1\r\n",
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
            assert_eq!(refused(&head), Some(Reason::MalformedFraming), "{lines:?}");
        }
    }

    #[test]
    fn only_origin_form_targets_pass() {
        for target in ["*", "http://evil/api", "api/x", "@evil", "/a#b"] {
            let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(refused(&head), Some(Reason::MalformedTarget), "{target:?}");
        }
    }

    #[test]
    fn a_target_that_passes_is_one_that_hyper_reads() {
        for byte in 0x21..0x7f_u8 {
            let target = format!("/a{0}?b{0}", char::from(byte));
            if judge_target(&target).is_ok() {
                assert!(target.parse::<http::Uri>().is_ok(), "{target:?}");
            }
        }
    }

    #[test]
    fn one_host_is_demanded() {
        assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), Some(Reason::MalformedHost));
        assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), Some(Reason::MalformedHost));
    }

    #[test]
    fn a_websocket_handshake_has_no_body_and_no_company() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(judge(head.as_bytes()), Verdict::Accepted(head.len(), Next::Upgrade));
        for head in [
            "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket, h2c\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        ] {
            assert_eq!(refused(head), Some(Reason::MalformedUpgrade), "{head:?}");
        }
    }
}

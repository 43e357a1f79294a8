//! Which path is it, in one spelling? The canonical form that is matched and forwarded.
//!
//! Prefect's server decodes the path once and then routes on it, so this does the same, once, and refuses whatever two
//! readers could take apart or put together differently. Between accepted paths and decoded paths the form is one to
//! one: comparing canonical text is comparing what Prefect will see.

use std::borrow::Cow;

use lictor_model::Reason;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// An absolute path in its canonical spelling: unreserved characters and most delimiters raw, all else as `%XX`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CanonicalPath(String);

/// The part of a canonical path below a mount; begins with `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Below<'p>(&'p str);

/// Encoded in the canonical form, though a path may contain them: they end the path, end a segment's name for other
/// servers (`;`), or are not legal raw.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b';')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

impl CanonicalPath {
    /// Reads the path of an origin-form request target, without its query.
    ///
    /// # Errors
    /// [`Reason::MalformedTarget`] when it does not begin with `/`; [`Reason::AmbiguousPath`] when two servers could
    /// read it differently: an encoded `/`, `\`, `%` or control, a raw control, `\`, `;`, `#`, `?` or non-ASCII byte,
    /// a dot segment, an empty segment, an invalid escape, or bytes that are not UTF-8.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        let body = raw.strip_prefix('/').ok_or(Reason::MalformedTarget)?;
        if !raw.bytes().all(may_stand_raw) {
            return Err(Reason::AmbiguousPath);
        }
        let canonical = Self(canonical_text(raw)?);
        // One trailing slash is kept: Prefect tells `/flows/` from `/flows`. The root has no segments at all.
        let named = body.strip_suffix('/').unwrap_or(body);
        if body.is_empty() || canonical.segments_are_plain(named.is_empty()) {
            Ok(canonical)
        } else {
            Err(Reason::AmbiguousPath)
        }
    }

    /// The canonical spelling: what is matched, logged and forwarded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The decoded segments; a trailing slash adds none.
    pub fn segments(&self) -> impl Iterator<Item = Cow<'_, str>> {
        Below(&self.0).segments().map(decoded)
    }

    /// The part below a mount such as `/api`; `None` when the path is elsewhere. `/apis` is not below `/api`.
    #[must_use]
    pub fn below(&self, mount: &str) -> Option<Below<'_>> {
        match self.0.strip_prefix(mount.trim_end_matches('/'))? {
            "" => Some(Below("/")),
            rest => rest.starts_with('/').then_some(Below(rest)),
        }
    }

    /// The same path with a mount such as `/api` in place of another one; `None` when it is not below that.
    #[must_use]
    pub fn moved(&self, from: &str, to: &str) -> Option<Self> {
        let rest = self.0.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
        Some(Self(format!("{to}{rest}")))
    }

    /// The whole path, as seen from the root.
    #[must_use]
    pub fn below_root(&self) -> Below<'_> {
        Below(&self.0)
    }

    fn segments_are_plain(&self, only_slashes: bool) -> bool {
        !only_slashes && Below(&self.0).segments().all(|segment| !matches!(segment, "" | "." | ".."))
    }
}

/// What is below a mount of a canonical path is one itself: it begins with a slash, and has whole segments of it.
impl From<Below<'_>> for CanonicalPath {
    fn from(below: Below<'_>) -> Self {
        Self(below.0.to_owned())
    }
}

impl std::fmt::Display for CanonicalPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'p> Below<'p> {
    /// The canonical text, beginning with `/`.
    #[must_use]
    pub const fn as_str(self) -> &'p str {
        self.0
    }

    /// The segments in canonical spelling; a trailing slash adds none.
    pub fn segments(self) -> impl Iterator<Item = &'p str> + Clone {
        let body = self.0.strip_prefix('/').unwrap_or(self.0);
        let named = body.strip_suffix('/').unwrap_or(body);
        let some = (!body.is_empty()).then_some(named);
        some.into_iter().flat_map(|named| named.split('/'))
    }
}

/// Decodes one canonical segment.
#[must_use]
pub fn decoded(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8_lossy()
}

/// Encodes one name as a canonical segment. A name that holds `/`, `\` or `%` gives a path that is refused, as it is when
/// a client sends it.
#[must_use]
pub fn encoded(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

const fn may_stand_raw(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\\' | b';' | b'#' | b'?')
}

fn canonical_text(raw: &str) -> Result<String, Reason> {
    let is_canonical = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,=:@".contains(&byte);
    if raw.bytes().all(is_canonical) {
        return Ok(raw.to_owned());
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' { escaped(bytes.next(), bytes.next())? } else { byte });
    }
    let decoded = String::from_utf8(decoded).map_err(|_| Reason::AmbiguousPath)?;
    Ok(encoded(&decoded))
}

/// The byte of an escape, unless decoding it could move a boundary or open a second decoding.
fn escaped(high: Option<u8>, low: Option<u8>) -> Result<u8, Reason> {
    let digit =
        |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let (Some(high), Some(low)) = (digit(high), digit(low)) else { return Err(Reason::AmbiguousPath) };
    let byte = (high << 4) | low;
    if byte.is_ascii_control() || matches!(byte, b'/' | b'\\' | b'%') { Err(Reason::AmbiguousPath) } else { Ok(byte) }
}

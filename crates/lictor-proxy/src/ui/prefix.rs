//! Where do Prefect's files name a path from the root? Before each of these goes the public URL's prefix, as the file streams by.
//!
//! Prefect's build writes one placeholder into its files and its server replaces it by its own base path; what is found here is
//! where that placeholder stood, and the few paths that never had it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http_body::{Body, Frame, SizeHint};

use crate::body::BodyError;

/// How far around a slash is looked to tell what it is. Larger than everything that is looked for.
const WINDOW: usize = 64;

/// The kinds of file that hold such paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Attributes of elements.
    Html,
    /// `url(…)`.
    Css,
    /// Vite's helper that loads parts of the program, the icons of a run's state, and where the settings are.
    Script,
}

impl Kind {
    /// By what Prefect calls it.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let named = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        match named.split(';').next()?.trim() {
            "text/html" => Some(Self::Html),
            "text/css" => Some(Self::Css),
            "text/javascript" | "application/javascript" => Some(Self::Script),
            _ => None,
        }
    }

    /// Whether the slash that `after` begins with begins a path from the root.
    fn is_path(self, before: &[u8], after: &[u8]) -> bool {
        match self {
            // Two slashes are another host.
            Self::Html => {
                let names_path = [&b"href=\""[..], b"src=\"", b"spec-url=\"", b"url: '"];
                !after.starts_with(b"//") && names_path.iter().any(|name| before.ends_with(name))
            }
            Self::Css => {
                let bare = before.strip_suffix(b"\"").or(before.strip_suffix(b"'")).unwrap_or(before);
                !after.starts_with(b"//") && bare.ends_with(b"url(")
            }
            Self::Script => {
                let readers = [is_loader, is_state_icon, is_link_set, is_settings];
                readers.iter().any(|reads| reads(before, after).is_some())
            }
        }
    }
}

/// ``function(e){return`/v2/`+e}``, with `/` for UI v1, in whichever quotes.
fn is_loader(before: &[u8], after: &[u8]) -> Option<()> {
    let (quote, before) = before.split_last().filter(|(quote, _)| b"`\"'".contains(quote))?;
    let before = before.strip_suffix(b"){return")?;
    let open = before.iter().rposition(|byte| *byte == b'(')?;
    let (function, name) = before.split_at_checked(open)?;
    let name = name.strip_prefix(b"(")?;
    let rest = after.strip_prefix(b"/v2/").or(after.strip_prefix(b"/"))?;
    let rest = rest.strip_prefix(&[*quote])?.strip_prefix(b"+")?.strip_prefix(name)?;
    (!name.is_empty() && function.ends_with(b"function") && rest.starts_with(b"}")).then_some(())
}

/// `` `/${e.toLowerCase()}.svg` ``
fn is_state_icon(before: &[u8], after: &[u8]) -> Option<()> {
    let inside = after.strip_prefix(b"/${").filter(|_| before.ends_with(b"`"))?;
    let end = inside.iter().position(|byte| *byte == b'`')?;
    inside.get(..end)?.ends_with(b".toLowerCase()}.svg").then_some(())
}

/// ``e.setAttribute(`href`,`/ico/…`` of UI v1, in whichever quotes.
fn is_link_set(before: &[u8], after: &[u8]) -> Option<()> {
    let (quotes, before) = (b"`\"'", before.split_last()?);
    let named = before.1.strip_suffix(b",")?.split_last()?;
    let (open, rest) = named.1.strip_suffix(b"href")?.split_last()?;
    let quoted = [before.0, named.0, open].iter().all(|quote| quotes.contains(quote));
    (quoted && rest.ends_with(b"setAttribute(") && after.starts_with(b"/ico/")).then_some(())
}

/// `get("/ui-settings",{baseURL:this.baseUrl}` of UI v1 before 3.7, whose base is empty; later ones read `<base>`.
fn is_settings(before: &[u8], after: &[u8]) -> Option<()> {
    let rest = after.strip_prefix(b"/ui-settings\",{baseURL:this.baseUrl}").filter(|_| before.ends_with(b"get(\""));
    rest.map(|_| ())
}

/// Puts the prefix in, piece by piece; where a piece ends makes no difference.
#[derive(Debug)]
pub(crate) struct Linker {
    kind: Kind,
    base: Box<str>,
    /// The end of what was let go, then what is held until it is known what follows it.
    text: Vec<u8>,
    let_go: usize,
}

impl Linker {
    /// For a file of this kind.
    pub(crate) fn new(kind: Kind, base: &str) -> Self {
        Self { kind, base: base.into(), text: Vec::new(), let_go: 0 }
    }

    /// The whole file at once.
    pub(crate) fn whole(kind: Kind, base: &str, file: &[u8]) -> Vec<u8> {
        let mut linker = Self::new(kind, base);
        let mut linked = linker.push(file);
        linked.extend(linker.finish());
        linked
    }

    /// What can be let go after this piece.
    fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.text.extend_from_slice(piece);
        self.up_to(self.text.len().saturating_sub(WINDOW))
    }

    /// What was still held.
    fn finish(&mut self) -> Vec<u8> {
        self.up_to(self.text.len())
    }

    fn up_to(&mut self, end: usize) -> Vec<u8> {
        let mut linked = Vec::with_capacity(end.saturating_sub(self.let_go) + 2 * self.base.len());
        let (text, mut copied) = (self.text.as_slice(), self.let_go.min(end));
        let slashes = text.iter().enumerate().take(end).skip(self.let_go).filter(|(_, byte)| **byte == b'/');
        for (at, _) in slashes {
            let before = text.get(at.saturating_sub(WINDOW)..at).unwrap_or_default();
            let after = text.get(at..text.len().min(at + WINDOW)).unwrap_or_default();
            if self.kind.is_path(before, after) {
                linked.extend_from_slice(text.get(copied..at).unwrap_or_default());
                linked.extend_from_slice(self.base.as_bytes());
                copied = at;
            }
        }
        linked.extend_from_slice(text.get(copied..end).unwrap_or_default());
        let forget = end.saturating_sub(WINDOW).min(self.text.len());
        self.let_go = end.max(self.let_go).saturating_sub(forget);
        self.text.drain(..forget);
        linked
    }
}

/// A body with the prefix put in on its way.
pub struct Linked<B> {
    inner: B,
    linker: Linker,
    ended: bool,
}

impl<B> Linked<B> {
    pub(crate) fn new(inner: B, linker: Linker) -> Self {
        Self { inner, linker, ended: false }
    }
}

impl<B> Body for Linked<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let linked = self.get_mut();
        while !linked.ended {
            let piece = match ready!(Pin::new(&mut linked.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => linked.linker.push(&data),
                    // Trailers say something of a body that this is not.
                    Err(_) => continue,
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    linked.ended = true;
                    linked.linker.finish()
                }
            };
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "var i=`modulepreload`,a=function(e){return`/v2/`+e},b=function(t){return\"/\"+t},c=function(e){return`/v2/`+f},\
         d=function(e){return`/v3/`+e},g=e=>`/`+e;let t=`/${e.toLowerCase()}.svg`,u=`/${e}.svg`,w=`/flows/${e.toLowerCase()}`;\
         x.setAttribute(`href`,`/ico/${r.value}.svg`),y.setAttribute(\"href\",\"/ico/a.png\"),z.setAttribute(`src`,`/ico/a.png`);\
         g.get(\"/ui-settings\",{baseURL:this.baseUrl}),Q.get(`/ui-settings`,{baseURL:this.getBaseUrl(e)})";
    const LINKED: &str = "var i=`modulepreload`,a=function(e){return`/p/v2/`+e},b=function(t){return\"/p/\"+t},c=function(e){return`/v2/`+f},\
         d=function(e){return`/v3/`+e},g=e=>`/`+e;let t=`/p/${e.toLowerCase()}.svg`,u=`/${e}.svg`,w=`/flows/${e.toLowerCase()}`;\
         x.setAttribute(`href`,`/p/ico/${r.value}.svg`),y.setAttribute(\"href\",\"/p/ico/a.png\"),z.setAttribute(`src`,`/ico/a.png`);\
         g.get(\"/p/ui-settings\",{baseURL:this.baseUrl}),Q.get(`/ui-settings`,{baseURL:this.getBaseUrl(e)})";

    fn linked(kind: Kind, text: &str) -> String {
        String::from_utf8(Linker::whole(kind, "/p", text.as_bytes())).unwrap()
    }

    #[test]
    fn paths_from_the_root_get_the_prefix_and_nothing_else_does() {
        assert_eq!(
            linked(
                Kind::Html,
                r#"<link href="/ico/a.png"><script src="/v2/a.js"></script><a href="//b/"> href='x' <a href="https://c/">"#
            ),
            r#"<link href="/p/ico/a.png"><script src="/p/v2/a.js"></script><a href="//b/"> href='x' <a href="https://c/">"#
        );
        assert_eq!(
            linked(
                Kind::Css,
                "a{b:url(/c.svg)}d{e:url(\"/f\")}g{h:url('/i')}j{k:url(//l)}m{n:url(data:a/b)}o{p:url(q/r)}"
            ),
            "a{b:url(/p/c.svg)}d{e:url(\"/p/f\")}g{h:url('/p/i')}j{k:url(//l)}m{n:url(data:a/b)}o{p:url(q/r)}"
        );
        assert_eq!(linked(Kind::Script, SCRIPT), LINKED);
        assert_eq!(
            linked(Kind::Html, "url: '/openapi.json', <redoc spec-url=\"/openapi.json\">"),
            "url: '/p/openapi.json', <redoc spec-url=\"/p/openapi.json\">"
        );
    }

    #[test]
    fn where_a_piece_ends_makes_no_difference() {
        let padded = format!("{}{SCRIPT}{}", "/".repeat(200), "x".repeat(200));
        let expected = format!("{}{LINKED}{}", "/".repeat(200), "x".repeat(200));
        for size in 1..=padded.len() {
            let mut linker = Linker::new(Kind::Script, "/p");
            let mut out: Vec<u8> = padded.as_bytes().chunks(size).flat_map(|piece| linker.push(piece)).collect();
            out.extend(linker.finish());
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{size}");
        }
    }
}

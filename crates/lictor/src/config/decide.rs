//! Which proxies may ask for decisions? The `[decide]` table: from where, and the token that proves a question is the proxy's own.

use ipnet::IpNet;
use lictor_model::Digest;

use super::Surroundings;
use super::plan::networks;
use super::written::Section;

/// A shorter token could be guessed by clients, whose requests come from the proxy's address as well.
const SHORTEST: usize = 16;

/// Who may ask for decisions.
#[derive(Debug, Clone)]
pub(crate) struct Decide {
    /// From where.
    pub(crate) proxies: Vec<IpNet>,
    /// The digest of the token.
    pub(crate) token: Digest,
}

/// What the table says; nothing when there is none.
pub(crate) fn read(mut section: Section<'_>, surroundings: Surroundings<'_>) -> Option<Decide> {
    let proxies = networks(&mut section, "proxies");
    let token = token(&mut section, surroundings);
    match (&token, proxies.is_empty()) {
        (None, true) => {}
        (None, false) => section.problem(
            "token_file",
            "is missing: name a file with a secret that the proxy sends as X-Lictor-Token with each of its questions",
        ),
        (Some(_), true) => section.problem("proxies", "is missing: list the proxies, as proxies = [\"10.0.0.7\"]"),
        (Some(_), false) => {}
    }
    section.finish();
    Some(Decide { proxies, token: token.flatten()? })
}

/// The digest of a proxy's token; `Some(None)` when what was written cannot be used.
pub(super) fn token(section: &mut Section<'_>, surroundings: Surroundings<'_>) -> Option<Option<Digest>> {
    let read = section.text("token_file")?.read(|path| {
        let path = surroundings.resolve(&path);
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let token = text.trim();
        if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{} must hold {SHORTEST} or more visible characters", path.display()));
        }
        Ok(Digest::of(token.as_bytes()))
    });
    Some(read.map(|found| found.value))
}

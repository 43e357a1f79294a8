//! Where does the store live? `store.url`, a file that holds it, or `LICTOR_STORE_URL`.

use lictor_model::Secret;

use super::Surroundings;
use super::written::{Found, Section};

/// The environment variable that names the store when the file does not.
pub(crate) const URL_VARIABLE: &str = "LICTOR_STORE_URL";

/// The store's URL: a secret, since a PostgreSQL URL may hold a password.
pub(crate) fn url(root: &mut Section<'_>, surroundings: Surroundings<'_>) -> Option<Secret> {
    let mut section = root.section("store");
    let (inline, file) = (section.text("url"), section.text("url_file"));
    if let (Some(_), Some(file)) = (&inline, &file) {
        file.problem("store.url is set as well; keep one of the two");
        return None;
    }
    let chosen = match (inline, file) {
        (Some(url), _) => url.read(usable),
        (None, Some(file)) => from_file(file, surroundings),
        (None, None) => {
            let from_env = (surroundings.env)(URL_VARIABLE);
            return match from_env.map(usable) {
                Some(Ok(url)) => finish(section, url),
                Some(Err(what)) => {
                    section.problem("url", format!("{URL_VARIABLE}: {what}"));
                    None
                }
                None => {
                    section.problem(
                        "url",
                        format!("is missing: write sqlite:///absolute/path.db or postgres://…, or set {URL_VARIABLE}"),
                    );
                    None
                }
            };
        }
    };
    finish(section, chosen?.value)
}

fn finish(mut section: Section<'_>, url: Secret) -> Option<Secret> {
    section.finish();
    Some(url)
}

fn from_file<'p>(file: Found<'p, String>, surroundings: Surroundings<'_>) -> Option<Found<'p, Secret>> {
    file.read(|path| {
        let path = surroundings.resolve(&path);
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        usable(text.trim().to_owned())
    })
}

fn usable(url: String) -> Result<Secret, String> {
    let sqlite = url.strip_prefix("sqlite://").is_some_and(|path| path.starts_with('/') && path.len() > 1);
    let postgres = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    if sqlite || postgres {
        Ok(Secret::new(url))
    } else {
        Err("must be sqlite:///absolute/path.db or postgres://user:password@host/database".to_owned())
    }
}

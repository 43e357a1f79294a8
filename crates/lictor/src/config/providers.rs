//! Where do people sign in besides here? The `[providers.NAME]` tables, with what a preset changes in them.

use std::time::Duration;

use lictor_authn::oidc::check_trusted;
use lictor_authn::oidc::claims::ClaimPath;
use lictor_authn::oidc::endpoint::Endpoint;
use lictor_authn::oidc::provider::{Place, Provider};
use lictor_model::{Secret, WorkspaceName};

use super::units::duration;
use super::written::Section;
use super::{Surroundings, rules, secret};

/// What a preset changes: only where a provider differs from what the specifications lead one to expect.
struct Preset {
    name: &'static str,
    label: &'static str,
    issuer: Option<&'static str>,
    scopes: &'static [&'static str],
    claims_from: &'static [Place],
    name_from: &'static [&'static str],
}

const NAMES: &[&str] = &["preferred_username", "email", "upn", "name"];
/// RFC 8176: multiple-factor authentication.
pub(super) const SECOND_FACTOR: &[&str] = &["mfa"];
const BOTH: &[Place] = &[Place::IdToken, Place::Userinfo];

const PLAIN: Preset = Preset {
    name: "",
    label: "",
    issuer: None,
    scopes: &["openid", "profile", "email"],
    claims_from: BOTH,
    name_from: NAMES,
};

const PRESETS: &[Preset] = &[
    // Groups have a scope of their own, and refresh tokens come only for offline_access.
    Preset {
        name: "okta",
        label: "Okta",
        scopes: &["openid", "profile", "email", "groups", "offline_access"],
        ..PLAIN
    },
    Preset { name: "entra", label: "Microsoft", scopes: &["openid", "profile", "email", "offline_access"], ..PLAIN },
    // No groups and no refresh tokens in this form; the address is the only name.
    Preset {
        name: "google",
        label: "Google",
        issuer: Some("https://accounts.google.com"),
        claims_from: &[Place::IdToken],
        name_from: &["email"],
        ..PLAIN
    },
    // Roles stand in the access token; offline_access would outlive the person's sign-out there.
    Preset {
        name: "keycloak",
        label: "Keycloak",
        claims_from: &[Place::IdToken, Place::AccessToken, Place::Userinfo],
        ..PLAIN
    },
    Preset { name: "dex", label: "Dex", scopes: &["openid", "profile", "email", "groups", "offline_access"], ..PLAIN },
    Preset {
        name: "authentik",
        label: "authentik",
        scopes: &["openid", "profile", "email", "offline_access"],
        ..PLAIN
    },
];

/// Every provider of the file.
pub(crate) fn all(
    root: &mut Section<'_>,
    surroundings: Surroundings<'_>,
    workspaces: &[WorkspaceName],
) -> Vec<Provider> {
    let sections = root.section("providers").named_sections();
    sections.into_iter().filter_map(|(name, section)| one(name, section, surroundings, workspaces)).collect()
}

fn one(
    name: String,
    mut section: Section<'_>,
    surroundings: Surroundings<'_>,
    workspaces: &[WorkspaceName],
) -> Option<Provider> {
    if !is_usable_name(&name) {
        section.problem("", "a provider's name is 1 to 32 of a-z, 0-9 and -, beginning with a letter");
    }
    let preset = preset(&mut section, PRESETS, |preset| preset.name).unwrap_or(&PLAIN);
    let issuer = issuer(&mut section, preset);
    let client_id = section.text("client_id").and_then(|found| found.read(usable_client_id));
    let client_secret = secret(&mut section, surroundings);
    let label = section.text("label").and_then(|found| found.read(usable_label)).map(|found| found.value);
    let scopes = texts(&mut section, "scopes", preset.scopes, &mut |scope| usable_scope(scope));
    let claims_from = claims_from(&mut section, preset);
    let name_from = texts(&mut section, "name_from", preset.name_from, &mut claim);
    let graph = section
        .text("graph_url")
        .and_then(|found| found.read(|url| Endpoint::parse(&url).map_err(|error| error.to_string())));
    let leeway = span(&mut section, "clock_leeway", 60, 300);
    let recheck = span(&mut section, "recheck", 900, 86_400);
    let unchecked = span(&mut section, "session_without_refresh", 12 * 3_600, 30 * 86_400);
    let unconfirmed = span(&mut section, "grants_last", 90 * 86_400, 3_650 * 86_400);
    if unconfirmed < unchecked {
        section.problem("grants_last", "must not be shorter than session_without_refresh");
    }
    let second_factor = texts(&mut section, "second_factor", SECOND_FACTOR, &mut usable_word);
    let trusted = trusted(&mut section, surroundings);
    let rules = rules::all(&mut section, workspaces);
    if client_id.is_none() {
        section.problem("client_id", "is missing or unusable: the name by which the provider knows Lictor");
    }
    if !scopes.iter().any(|scope| scope == "openid") {
        section.problem("scopes", "must hold \"openid\": without it the provider says nothing of who signs in");
    }
    section.finish();
    let label = label.unwrap_or_else(|| if preset.label.is_empty() { name.clone() } else { preset.label.to_owned() });
    Some(Provider {
        name,
        label,
        issuer: issuer?,
        client_id: client_id?.value,
        client_secret,
        scopes,
        claims_from,
        name_from,
        graph: graph.map(|found| found.value),
        leeway: i64::try_from(leeway.as_secs()).ok()?,
        recheck,
        unchecked,
        unconfirmed,
        trusted,
        second_factor,
        rules,
        edge: None,
    })
}

/// Whether a provider or an edge may be called so: its name stands in paths.
pub(crate) fn is_usable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && name.len() <= 32
}

/// A word of `amr` or `acr`.
pub(super) fn usable_word(word: &str) -> Result<String, String> {
    let is_word = !word.is_empty() && word.len() <= 255 && !word.chars().any(char::is_control);
    if is_word { Ok(word.to_owned()) } else { Err("must be a value of amr or acr, as \"mfa\"".to_owned()) }
}

/// The preset that was named, among those that there are.
pub(crate) fn preset<P>(
    section: &mut Section<'_>,
    presets: &'static [P],
    name: impl Fn(&P) -> &'static str,
) -> Option<&'static P> {
    let found = section.text("preset")?.read(|text| {
        let names: Vec<&str> = presets.iter().map(&name).collect();
        let known = presets.iter().find(|preset| name(preset) == text);
        known.ok_or_else(|| format!("there is no preset {text:?}: there is {}, or none at all", names.join(", ")))
    });
    found.map(|found| found.value)
}

fn issuer(section: &mut Section<'_>, preset: &Preset) -> Option<String> {
    let Some(found) = section.text("issuer") else {
        if preset.issuer.is_none() {
            section.problem(
                "issuer",
                "is missing: the provider's own URL, as its .well-known/openid-configuration names it",
            );
        }
        return preset.issuer.map(str::to_owned);
    };
    let read = found.read(|text| {
        let uri = Endpoint::parse(&text).map_err(|error| error.to_string())?;
        if text.contains('?') {
            return Err("must have no query".to_owned());
        }
        if text.contains("/.well-known/") {
            return Err("leave /.well-known/openid-configuration out: Lictor appends it".to_owned());
        }
        if is_of_no_tenant(&text) {
            return Err("names no tenant, so that anybody's tenant would do: write your own tenant's id in its place"
                .to_owned());
        }
        drop(uri);
        Ok(text)
    });
    read.map(|found| found.value)
}

/// Whether an issuer at Microsoft is every tenant's.
pub(crate) fn is_of_no_tenant(issuer: &str) -> bool {
    let is_shared = ["/common/", "/organizations/", "/consumers/"].iter().any(|tenant| issuer.contains(tenant));
    issuer.starts_with("https://login.microsoftonline.com/") && is_shared
}

/// Reads the name by which a provider knows us.
pub(crate) fn usable_client_id(text: String) -> Result<String, String> {
    let plain = !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if plain { Ok(text) } else { Err("must be 1 to 255 printable ASCII characters".to_owned()) }
}

/// Reads a button's text.
pub(crate) fn usable_label(text: String) -> Result<String, String> {
    let plain = !text.trim().is_empty() && text.chars().count() <= 40 && !text.chars().any(char::is_control);
    if plain { Ok(text) } else { Err("must be 1 to 40 characters: it is a button's text".to_owned()) }
}

fn usable_scope(text: &str) -> Result<String, String> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    if plain { Ok(text.to_owned()) } else { Err(format!("{text:?} is not a scope")) }
}

/// The client secret, from a file or the environment.
pub(crate) fn secret(section: &mut Section<'_>, surroundings: Surroundings<'_>) -> Option<Secret> {
    let keys = secret::Keys { inline: "client_secret", file: "client_secret_file", env: "client_secret_env" };
    secret::read(section, &keys, surroundings)
}

/// Reads the path of a claim.
pub(crate) fn claim(path: &str) -> Result<ClaimPath, String> {
    ClaimPath::parse(path).map_err(|error| error.to_string())
}

/// A list of texts, each read by `read`; the default when it was not written.
pub(crate) fn texts<T>(
    section: &mut Section<'_>,
    key: &'static str,
    default: &[&str],
    read: &mut dyn FnMut(&str) -> Result<T, String>,
) -> Vec<T> {
    match section.texts(key) {
        Some(written) => {
            if written.is_empty() {
                section.problem(key, "must not be empty; leave it out for the default");
            }
            written.into_iter().filter_map(|found| found.read(|text| read(&text))).map(|found| found.value).collect()
        }
        None => default.iter().filter_map(|text| read(text).ok()).collect(),
    }
}

fn claims_from(section: &mut Section<'_>, preset: &Preset) -> Vec<Place> {
    let names: Vec<&str> = preset.claims_from.iter().map(|place| place.as_str()).collect();
    texts(section, "claims_from", &names, &mut |text| {
        let known = "must be \"id_token\", \"access_token\" or \"userinfo\"";
        Place::parse(text).ok_or_else(|| known.to_owned())
    })
}

/// A duration up to a bound, in seconds.
pub(crate) fn span(section: &mut Section<'_>, key: &'static str, default: u64, most: u64) -> Duration {
    let read = section.text(key).and_then(|found| {
        found.read(|text| {
            let span = duration(&text).map_err(|error| error.to_string())?;
            if span.as_secs() <= most { Ok(span) } else { Err(format!("must be at most {most} seconds")) }
        })
    });
    read.map_or(Duration::from_secs(default), |found| found.value)
}

/// The certificates of `ca_file`.
pub(crate) fn trusted(section: &mut Section<'_>, surroundings: Surroundings<'_>) -> Option<Vec<u8>> {
    let read = section.text("ca_file")?.read(|path| {
        let path = surroundings.resolve(&path);
        let pem = std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        check_trusted(&pem).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(pem)
    });
    read.map(|found| found.value)
}

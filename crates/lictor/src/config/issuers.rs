//! Whose tokens count as credentials? The `[issuers.NAME]` tables.

use lictor_authn::jwt::{Algorithms, Issuer, Proof, Terms, Typing};
use lictor_authn::oidc::endpoint::Endpoint;
use lictor_authn::oidc::provider::Test;

use super::Surroundings;
use super::issuer_rules;
use super::providers::{is_of_no_tenant, is_usable_name, preset, secret, span, texts, trusted, usable_client_id};
use super::written::Section;

/// What a preset sets, and what its rules must be about.
pub(crate) struct Preset {
    name: &'static str,
    issuer: Option<&'static str>,
    keys: Option<Keys>,
    algorithms: &'static [&'static str],
    /// A rule must look at one of these: others are shared by strangers. Empty where nobody is a stranger.
    pub(crate) telling: &'static [&'static str],
    /// Who could otherwise fit, for the message.
    pub(crate) strangers: &'static str,
}

/// Where a preset's keys are, when they are not where the issuer's metadata says.
struct Keys {
    url: &'static str,
    ca_file: &'static str,
    token_file: &'static str,
}

const PRESETS: &[Preset] = &[
    Preset {
        name: "github-actions",
        issuer: Some("https://token.actions.githubusercontent.com"),
        keys: None,
        algorithms: &["RS256"],
        telling: &[
            "sub",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "workflow_ref",
            "job_workflow_ref",
            "enterprise",
            "enterprise_id",
        ],
        strangers: "any workflow on GitHub",
    },
    Preset {
        name: "gitlab",
        issuer: Some("https://gitlab.com"),
        keys: None,
        algorithms: &["RS256"],
        telling: &["sub", "project_path", "project_id", "namespace_path", "namespace_id", "ci_config_ref_uri"],
        strangers: "any project's job there",
    },
    // Inside the cluster; elsewhere jwks_url, or nothing where the issuer's own metadata can be read from outside.
    Preset {
        name: "kubernetes",
        issuer: Some("https://kubernetes.default.svc.cluster.local"),
        keys: Some(Keys {
            url: "https://kubernetes.default.svc/openid/v1/jwks",
            ca_file: "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
            token_file: "/var/run/secrets/kubernetes.io/serviceaccount/token",
        }),
        algorithms: &["RS256", "ES256"],
        telling: &["sub", "kubernetes.io.namespace", "kubernetes.io.serviceaccount.uid"],
        strangers: "any service account of the cluster",
    },
    Preset {
        name: "google",
        issuer: Some("https://accounts.google.com"),
        keys: None,
        algorithms: &["RS256"],
        telling: &[
            "sub",
            "email",
            "google.compute_engine.project_id",
            "google.compute_engine.project_number",
            "google.compute_engine.instance_id",
        ],
        strangers: "anybody with a Google account",
    },
    // The issuer is the tenant's own.
    Preset {
        name: "entra",
        issuer: None,
        keys: None,
        algorithms: &["RS256"],
        telling: &["sub", "oid", "azp", "appid", "roles", "groups"],
        strangers: "anybody in the tenant",
    },
];

/// Every issuer of the file.
pub(crate) fn all(root: &mut Section<'_>, surroundings: Surroundings<'_>) -> Vec<Issuer> {
    let sections = root.section("issuers").named_sections();
    let mut all: Vec<Issuer> = Vec::new();
    for (name, section) in sections {
        let Some(issuer) = one(name, section, surroundings) else { continue };
        if let Some(clash) = all.iter().find_map(|other| clash(&other.terms, &issuer.terms)) {
            root.problem("issuers", clash);
        }
        all.push(issuer);
    }
    all
}

/// Why two issuers cannot stand side by side: of one token, it must be clear who is to tell.
fn clash(one: &Terms, other: &Terms) -> Option<String> {
    let names = format!("{:?} and {:?}", one.name, other.name);
    if !one.issuer.is_empty() && one.issuer == other.issuer {
        return Some(format!("{names} are the same issuer {}: write one table with the rules of both", one.issuer));
    }
    match (&one.proof, &other.proof) {
        (Proof::Introspection { prefix, .. }, Proof::Introspection { prefix: same, .. }) if prefix == same => {
            Some(format!("{names} would both be asked about the same tokens: give one of them a token_prefix"))
        }
        _ => None,
    }
}

fn one(name: String, mut section: Section<'_>, surroundings: Surroundings<'_>) -> Option<Issuer> {
    if !is_usable_name(&name) {
        section.problem("", "an issuer's name is 1 to 32 of a-z, 0-9 and -, beginning with a letter");
    }
    let preset = preset(&mut section, PRESETS, |preset| preset.name);
    let at = section.text("introspection_url").map(|found| found.read(endpoint));
    let is_asked = at.is_some();
    let (proof, files) = match at {
        Some(at) => (introspection(&mut section, at.map(|found| found.value), surroundings), None),
        None => signature(&mut section, preset, surroundings),
    };
    let has_url = matches!(proof, Some(Proof::Signature { keys: Some(_), .. })) || is_asked;
    let issuer = issuer(&mut section, preset, has_url, is_asked);
    let audiences = texts(&mut section, "audiences", &[], &mut plain);
    if audiences.is_empty() && !is_asked {
        let what = "is missing: how tokens name this gateway in their claim aud, as [\"https://prefect.example.com\"]; without it a token for anybody else would do";
        section.problem("audiences", what);
    }
    let parties = texts(&mut section, "authorized_parties", &[], &mut plain);
    let typing = typing(&mut section, preset.is_some());
    let seconds = |span: std::time::Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    let leeway = seconds(span(&mut section, "clock_leeway", 60, 300));
    let longest = seconds(span(&mut section, "max_life", 86_400, 400 * 86_400));
    let key_life = seconds(span(&mut section, "exchanged_key_life", 3_600, 86_400));
    let trusted = trusted(&mut section, surroundings).or_else(|| files.and_then(|files| ca_of(&section, files)));
    let rules = issuer_rules::all(&mut section, preset);
    section.finish();
    let (issuer, proof) = (issuer?, proof?);
    Some(Issuer {
        terms: Terms { name, issuer, audiences, parties, typing, leeway, longest, key_life, proof, trusted },
        rules,
    })
}

/// What finds a signature good; and the preset's files beside it.
fn signature(
    section: &mut Section<'_>,
    preset: Option<&'static Preset>,
    surroundings: Surroundings<'_>,
) -> (Option<Proof>, Option<&'static Keys>) {
    for key in ["client_id", "client_secret_file", "client_secret_env", "token_prefix", "introspection_cache"] {
        if let Some(found) = section.text(key) {
            found.problem("counts only beside introspection_url");
        }
    }
    let url = section.text("jwks_url");
    let files = preset.and_then(|preset| preset.keys.as_ref()).filter(|_| url.is_none());
    let is_written = url.is_some();
    let url = url.and_then(|found| found.read(endpoint)).map(|found| found.value);
    let keys = url.or_else(|| files.and_then(|files| Endpoint::parse(files.url).ok()));
    let bearer = section.text("jwks_token_file").map(|found| found.value);
    let bearer_file =
        bearer.map(|path| surroundings.resolve(&path)).or_else(|| files.map(|files| files.token_file.into()));
    if let Some(path) = bearer_file.as_ref().filter(|path| !path.is_file()) {
        section.problem("jwks_token_file", format!("cannot read {}", path.display()));
    }
    let usual: Vec<&str> = preset.map(|preset| preset.algorithms.to_vec()).unwrap_or_default();
    let names = texts(section, "algorithms", &usual, &mut |name| {
        let known = Algorithms::parse([name]).is_some();
        let words = "is no asymmetric signature: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA";
        known.then(|| name.to_owned()).ok_or_else(|| format!("{name:?} {words}"))
    });
    let algorithms = match names.is_empty() {
        true => Some(Algorithms::USUAL),
        false => Algorithms::parse(names.iter().map(String::as_str)),
    };
    let proof = algorithms.map(|algorithms| Proof::Signature { keys, bearer_file, algorithms });
    (proof.filter(|proof| !is_written || matches!(proof, Proof::Signature { keys: Some(_), .. })), files)
}

fn introspection(section: &mut Section<'_>, at: Option<Endpoint>, surroundings: Surroundings<'_>) -> Option<Proof> {
    for key in ["jwks_url", "jwks_token_file"] {
        if let Some(found) = section.text(key) {
            found.problem("counts only without introspection_url");
        }
    }
    if section.texts("algorithms").is_some() {
        section.problem("algorithms", "counts only without introspection_url");
    }
    let client_id = section.text("client_id").and_then(|found| found.read(usable_client_id)).map(|found| found.value);
    if client_id.is_none() {
        section.problem("client_id", "is missing or unusable: the name by which the issuer knows this gateway");
    }
    let client_secret = secret(section, surroundings);
    if client_secret.is_none() {
        section.problem("client_secret_file", "is missing or unusable: nobody is told of tokens without a secret; name a file, or an environment variable in client_secret_env");
    }
    let prefix = section.text("token_prefix").map(|found| found.value).unwrap_or_default();
    let believed = span(section, "introspection_cache", 60, 900);
    let believed = i64::try_from(believed.as_secs()).ok()?;
    Some(Proof::Introspection { at: at?, client_id: client_id?, client_secret: client_secret?, prefix, believed })
}

fn issuer(section: &mut Section<'_>, preset: Option<&'static Preset>, has_url: bool, is_asked: bool) -> Option<String> {
    let usual = preset.and_then(|preset| preset.issuer).map(str::to_owned);
    let Some(found) = section.text("issuer") else {
        if usual.is_none() && !is_asked {
            section.problem("issuer", "is missing: what the claim iss of its tokens says, to the letter");
        }
        return usual.or_else(|| is_asked.then(String::new));
    };
    let read = found.read(|text| {
        plain(&text)?;
        if is_of_no_tenant(&text) {
            return Err("names no tenant, so that anybody's tenant would do: write your own tenant's id in its place"
                .to_owned());
        }
        if !has_url {
            endpoint(text.clone()).map_err(|error| format!("{error}; or write jwks_url"))?;
        }
        Ok(text)
    });
    read.map(|found| found.value)
}

fn typing(section: &mut Section<'_>, has_preset: bool) -> Typing {
    let usual = if has_preset { Typing::Untold } else { Typing::AccessToken };
    let read =
        section.text("token_type").and_then(|found| {
            found.read(|text| match text.as_str() {
                "at+jwt" => Ok(Typing::AccessToken),
                "jwt" => Ok(Typing::Untold),
                _ => Err("must be \"at+jwt\", or \"jwt\" for an issuer whose access tokens do not say that they are"
                    .to_owned()),
            })
        });
    read.map_or(usual, |found| found.value)
}

fn ca_of(section: &Section<'_>, files: &Keys) -> Option<Vec<u8>> {
    let read = std::fs::read(files.ca_file);
    let read = read.map_err(|error| section.problem("ca_file", format!("cannot read {}: {error}", files.ca_file)));
    read.ok()
}

fn endpoint(text: String) -> Result<Endpoint, String> {
    Endpoint::parse(&text).map_err(|error| error.to_string())
}

fn plain(text: &str) -> Result<String, String> {
    let plain = !text.is_empty() && text.len() <= 512 && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if plain { Ok(text.to_owned()) } else { Err("must be 1 to 512 printable ASCII characters".to_owned()) }
}

impl Preset {
    /// Whether a test tells an own workload from a stranger's.
    pub(crate) fn is_told_by(&self, test: &Test) -> bool {
        test.claim().is_some_and(|claim| self.telling.contains(&claim.as_str()))
    }
}

#[cfg(test)]
mod tests;

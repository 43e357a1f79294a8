//! What stands in front of us and has signed people in already? The `[edges.NAME]` tables.

use std::time::Duration;

use ipnet::IpNet;
use lictor_authn::oidc::endpoint::Endpoint;
use lictor_authn::oidc::provider::{Edge, Place, Proof, Provider};
use lictor_model::WorkspaceName;

use super::providers::{
    SECOND_FACTOR, is_usable_name, preset, span, texts, trusted, usable_client_id, usable_label, usable_word,
};
use super::written::Section;
use super::{Surroundings, load_balancer, rules};

/// What a preset sets.
struct Preset {
    name: &'static str,
    label: &'static str,
    header: &'static str,
    issuer: Option<&'static str>,
    keys: Option<&'static str>,
    trusts_email: bool,
}

const PRESETS: &[Preset] = &[
    // The keys are below the team's own address, which is the issuer.
    Preset {
        name: "cloudflare",
        label: "Cloudflare Access",
        header: "cf-access-jwt-assertion",
        issuer: None,
        keys: None,
        trusts_email: true,
    },
    Preset {
        name: "iap",
        label: "Google",
        header: "x-goog-iap-jwt-assertion",
        issuer: Some("https://cloud.google.com/iap"),
        keys: Some("https://www.gstatic.com/iap/verify/public_key-jwk"),
        trusts_email: true,
    },
    Preset { name: "alb", label: "AWS", header: "x-amzn-oidc-data", issuer: None, keys: None, trusts_email: false },
];

/// Every edge of the file.
pub(crate) fn all(
    root: &mut Section<'_>,
    surroundings: Surroundings<'_>,
    workspaces: &[WorkspaceName],
) -> Vec<Provider> {
    let sections = root.section("edges").named_sections();
    sections.into_iter().filter_map(|(name, section)| one(name, section, surroundings, workspaces)).collect()
}

fn one(
    name: String,
    mut section: Section<'_>,
    surroundings: Surroundings<'_>,
    workspaces: &[WorkspaceName],
) -> Option<Provider> {
    if !is_usable_name(&name) {
        section.problem("", "an edge's name is 1 to 32 of a-z, 0-9 and -, beginning with a letter");
    }
    let preset = preset(&mut section, PRESETS, |preset| preset.name);
    let label = section.text("label").and_then(|found| found.read(usable_label)).map(|found| found.value);
    let header = header(&mut section, "header", preset.map(|preset| preset.header));
    let networks = networks(&mut section);
    let (issuer, audience, proof) = match networks {
        Some(networks) => {
            let groups = header_named(&mut section, "groups_header");
            (Some(format!("edge:{name}")), Some(String::new()), Some(Proof::Network { networks, groups }))
        }
        None => signed(&mut section, preset),
    };
    let leeway = span(&mut section, "clock_leeway", 60, 300);
    let unchecked = span(&mut section, "session", 12 * 3_600, 30 * 86_400);
    let unconfirmed = span(&mut section, "grants_last", 90 * 86_400, 3_650 * 86_400);
    let name_from =
        texts(&mut section, "name_from", &["preferred_username", "email", "name"], &mut super::providers::claim);
    let second_factor = texts(&mut section, "second_factor", SECOND_FACTOR, &mut usable_word);
    let trusted = trusted(&mut section, surroundings);
    let rules = rules::all(&mut section, workspaces);
    section.finish();
    Some(Provider {
        label: label.or_else(|| preset.map(|preset| preset.label.to_owned())).unwrap_or_else(|| name.clone()),
        name,
        issuer: issuer?,
        client_id: audience?,
        client_secret: None,
        scopes: Vec::new(),
        claims_from: vec![Place::IdToken],
        name_from,
        graph: None,
        leeway: i64::try_from(leeway.as_secs()).ok()?,
        recheck: Duration::from_secs(900),
        unchecked,
        unconfirmed,
        trusted,
        second_factor,
        rules,
        edge: Some(Edge { header: header?, proof: proof? }),
    })
}

/// What a signed header needs: issuer, audience, keys.
fn signed(section: &mut Section<'_>, preset: Option<&Preset>) -> (Option<String>, Option<String>, Option<Proof>) {
    let issuer = section.text("issuer").map(|found| found.value).filter(|issuer| !issuer.is_empty());
    let issuer = issuer.or_else(|| preset.and_then(|preset| preset.issuer).map(str::to_owned));
    if issuer.is_none() {
        section.problem("issuer", "is missing: what the assertion's claim iss says, to the letter");
    }
    let audience = section.text("audience").and_then(|found| found.read(usable_client_id)).map(|found| found.value);
    if audience.is_none() {
        section
            .problem("audience", "is missing: what the assertion's claim aud says; without it any tenant's would do");
    }
    if preset.is_some_and(|preset| preset.name == "alb") {
        return (issuer, audience, load_balancer::proof(section));
    }
    let below = issuer.as_ref().filter(|_| preset.is_some_and(|preset| preset.name == "cloudflare"));
    let default = below.map(|issuer| format!("{}/cdn-cgi/access/certs", issuer.trim_end_matches('/')));
    let default = default.or_else(|| preset.and_then(|preset| preset.keys).map(str::to_owned));
    let read = |url: &str| Endpoint::parse(url).map_err(|error| error.to_string());
    let keys = match section.text("keys_url") {
        Some(found) => found.read(|url| read(&url)).map(|found| found.value),
        None => match default.map(|url| read(&url)) {
            Some(Ok(keys)) => Some(keys),
            Some(Err(what)) => {
                section.problem("issuer", what);
                None
            }
            None => {
                section.problem("keys_url", "is missing: where the keys are that sign the assertion, as a JWKS");
                None
            }
        },
    };
    let trusts_email = section.flag("trust_email").map(|found| found.value);
    let trusts_email = trusts_email.unwrap_or_else(|| preset.is_some_and(|preset| preset.trusts_email));
    (issuer, audience, keys.map(|keys| Proof::Signed { keys, trusts_email }))
}

fn networks(section: &mut Section<'_>) -> Option<Vec<IpNet>> {
    let written = section.texts("networks")?;
    if written.is_empty() {
        section.problem("networks", "must name the edge's own addresses; leave it out for a signed header");
    }
    let one = |text: String| {
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from));
        let net =
            net.ok_or_else(|| format!("{text:?} is not a network: write it as \"10.0.0.0/8\" or \"192.0.2.7\""))?;
        if net.prefix_len() == 0 { Err("is everybody, so that anybody could be anybody".to_owned()) } else { Ok(net) }
    };
    Some(written.into_iter().filter_map(|found| found.read(one)).map(|found| found.value).collect())
}

fn header(section: &mut Section<'_>, key: &'static str, default: Option<&str>) -> Option<String> {
    let written = header_named(section, key);
    let header = written.or_else(|| default.map(str::to_owned));
    if header.is_none() {
        section.problem(key, "is missing or unusable: the header in which the edge says who it is");
    }
    header
}

fn header_named(section: &mut Section<'_>, key: &'static str) -> Option<String> {
    let found = section.text(key)?.read(|text| {
        let name: http::HeaderName = text.parse().map_err(|_| format!("{text:?} is not the name of a header"))?;
        if ["authorization", "cookie", "host"].contains(&name.as_str()) || name.as_str().contains('_') {
            return Err(format!("{text:?} is not a header for that"));
        }
        Ok(name.as_str().to_owned())
    });
    found.map(|found| found.value)
}

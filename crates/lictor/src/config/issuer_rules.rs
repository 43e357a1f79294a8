//! Whose is a token? The `[[issuers.NAME.rules]]`, each some tests and an account.

use lictor_authn::jwt::Rule;
use lictor_authn::oidc::provider::Test;
use lictor_model::{PrincipalKind, PrincipalName};

use super::issuers::Preset;
use super::rules;
use super::written::Section;

/// What strangers' claims look like: a pattern that fits one of them fits anybody.
const STRANGERS: [&str; 7] = [
    "stranger",
    "stranger/stranger",
    "repo:stranger/stranger:ref:refs/heads/main",
    "project_path:stranger/stranger:ref_type:branch:ref:main",
    "system:serviceaccount:stranger:stranger",
    "stranger@example.com",
    "1029384756",
];

/// All rules of an issuer.
pub(crate) fn all(issuer: &mut Section<'_>, preset: Option<&'static Preset>) -> Vec<Rule> {
    let sections = issuer.sections("rules");
    if sections.is_empty() {
        let what =
            "is missing, so that its tokens are nobody's: write [[…rules]] with claim and equals, and service_account";
        issuer.problem("rules", what);
    }
    sections.into_iter().filter_map(|section| one(section, preset)).collect()
}

fn one(mut section: Section<'_>, preset: Option<&'static Preset>) -> Option<Rule> {
    let all_of = section.sections("all_of");
    let tests: Vec<Option<Test>> = if all_of.is_empty() {
        vec![test(&mut section)]
    } else {
        for key in ["claim", "equals", "matches"] {
            if let Some(found) = section.text(key) {
                found.problem("stands beside all_of: put it into the list");
            }
        }
        let one = |mut section: Section<'_>| {
            let test = test(&mut section);
            section.finish();
            test
        };
        all_of.into_iter().map(one).collect()
    };
    let whose = whose(&mut section);
    let tests: Option<Vec<Test>> = tests.into_iter().collect();
    if let (Some(preset), Some(tests)) = (preset, &tests) {
        check_telling(&section, preset, tests);
    }
    section.finish();
    let (kind, principal) = whose?;
    Some(Rule { tests: tests?, principal, kind })
}

/// A test of a claim: whoever an issuer vouches for is not everybody who may come in.
fn test(section: &mut Section<'_>) -> Option<Test> {
    match rules::test(section)? {
        Test::Everyone => {
            section.problem("everyone", "is for providers: say by a claim whose tokens these are");
            None
        }
        test => Some(test),
    }
}

fn check_telling(section: &Section<'_>, preset: &Preset, tests: &[Test]) {
    let telling: Vec<&Test> = tests.iter().filter(|test| preset.is_told_by(test)).collect();
    if telling.is_empty() {
        let what = format!("would fit {}: test one of {} too", preset.strangers, preset.telling.join(", "));
        section.problem("", what);
    }
    let fits_anybody = |test: &&Test| matches!(test, Test::Matches(_, pattern) if STRANGERS.iter().any(|stranger| pattern.fits(stranger)));
    if !telling.is_empty() && telling.iter().all(fits_anybody) {
        section.problem("matches", format!("would fit {}: it must name what is yours", preset.strangers));
    }
}

fn whose(section: &mut Section<'_>) -> Option<(PrincipalKind, PrincipalName)> {
    let (machine, person) = (section.text("service_account"), section.text("user"));
    let (kind, found) = match (machine, person) {
        (Some(machine), None) => (PrincipalKind::ServiceAccount, machine),
        (None, Some(person)) => (PrincipalKind::User, person),
        (Some(_), Some(_)) => {
            section.problem("", "leads to a service_account and to a user: keep one of the two");
            return None;
        }
        (None, None) => {
            section.problem("service_account", "is missing: write service_account = \"…\", or user = \"…\"");
            return None;
        }
    };
    let read = found.read(|text| PrincipalName::parse(&text).map_err(|error| error.to_string()))?;
    Some((kind, read.value))
}

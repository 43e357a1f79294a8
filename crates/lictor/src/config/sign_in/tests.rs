//! Does the configuration of sign-in say all that is wrong with it, and give nobody more than was written?

use std::path::Path;

use lictor_authn::oidc::provider::{Edge, Place, Proof, Test};
use lictor_model::Scope;

use super::*;
use crate::config::{Problem, parse};

fn read(text: &str) -> Result<SignIn, Vec<Problem>> {
    let env = |name: &str| (name == "SECRET").then(|| "s3cret".to_owned());
    let workspaces = [WorkspaceName::from("main"), WorkspaceName::from("research")];
    parse(text, Surroundings { env: &env, folder: Path::new("/nowhere") }, |root, surroundings| {
        let sign_in = from_written(root, surroundings, &workspaces);
        root.finish();
        Some(sign_in)
    })
}

fn keys(text: &str) -> Vec<String> {
    read(text).unwrap_err().into_iter().map(|problem| problem.key).collect()
}

const RULE: &str = "[[providers.a.rules]]\neveryone = true\nrole = \"viewer\"\n";

fn provider(more: &str) -> String {
    format!("[providers.a]\nissuer = \"https://a.example\"\nclient_id = \"lictor\"\n{more}\n{RULE}")
}

#[test]
fn the_smallest_provider_has_the_documented_defaults() {
    let sign_in = read(&provider("")).unwrap();
    let [provider] = &sign_in.providers[..] else { panic!("not one provider") };
    assert_eq!((provider.name.as_str(), provider.label.as_str()), ("a", "a"));
    assert_eq!(provider.scopes, ["openid", "profile", "email"]);
    assert_eq!(provider.claims_from, [Place::IdToken, Place::Userinfo]);
    assert_eq!((provider.leeway, provider.recheck.as_secs(), provider.unchecked.as_secs()), (60, 900, 43_200));
    assert!(provider.client_secret.is_none() && provider.graph.is_none() && provider.trusted.is_none());
    assert_eq!(sign_in.passwords, Passwords::ForEveryone);
}

#[test]
fn every_setting_reads_and_wins_over_the_preset() {
    let sign_in = read(
        r#"
[sign_in]
local_passwords = "break-glass"
break_glass = "root"
[providers.corp]
preset = "okta"
issuer = "https://corp.okta.example"
client_id = "0oa"
client_secret_env = "SECRET"
label = "Corp"
scopes = ["openid", "custom"]
claims_from = ["access_token"]
name_from = ["email"]
graph_url = "https://graph.example/v1.0"
clock_leeway = "30s"
recheck = "5m"
session_without_refresh = "1h"
[[providers.corp.rules]]
claim = "groups"
any_of = ["a", "b"]
role = "developer"
workspace = "research"
[[providers.corp.rules]]
claim = "realm_access.roles"
matches = "team-.*"
team = "data"
"#,
    )
    .unwrap();
    assert!(matches!(&sign_in.passwords, Passwords::ForBreakGlass(name) if name.as_str() == "root"));
    let [provider] = &sign_in.providers[..] else { panic!("not one provider") };
    assert_eq!((provider.label.as_str(), provider.scopes.len(), provider.leeway), ("Corp", 2, 30));
    assert_eq!(provider.client_secret.as_ref().unwrap().expose(), "s3cret");
    assert_eq!((provider.claims_from.as_slice(), provider.recheck.as_secs()), (&[Place::AccessToken][..], 300));
    let [first, second] = &provider.rules[..] else { panic!("not two rules") };
    assert!(matches!(&first.test, Test::AnyOf(claim, values) if claim.as_str() == "groups" && values.len() == 2));
    assert_eq!(first.grant.as_ref().unwrap().1, Scope::Workspace(WorkspaceName::from("research")));
    assert!(matches!(&second.test, Test::Matches(..)) && second.grant.is_none());
    assert_eq!(second.team.as_ref().unwrap().as_str(), "data");
    assert!(!format!("{sign_in:?}").contains("s3cret"));
}

#[test]
fn a_preset_changes_what_it_says() {
    let of = |preset: &str| {
        let text =
            format!("[providers.a]\npreset = \"{preset}\"\nissuer = \"https://a.example\"\nclient_id = \"x\"\n{RULE}");
        read(&text).unwrap().providers.remove(0)
    };
    assert!(of("okta").scopes.contains(&"groups".to_owned()) && of("okta").label == "Okta");
    assert!(of("entra").scopes.contains(&"offline_access".to_owned()));
    assert!(of("keycloak").claims_from.contains(&Place::AccessToken));
    let google = read(&format!("[providers.a]\npreset = \"google\"\nclient_id = \"x\"\n{RULE}")).unwrap();
    assert_eq!(google.providers[0].issuer, "https://accounts.google.com");
}

#[test]
fn the_recipes_of_the_guide_read_as_they_stand() {
    let folder = std::env::temp_dir().join(format!("lictor-recipes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("idp-secret"), "s3cret\n").unwrap();
    let guide = include_str!("../../../../../docs/guides/single-sign-on.md");
    let recipes: Vec<&str> = guide.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(recipes.len(), 12);
    let workspaces = [WorkspaceName::from("main")];
    for recipe in recipes {
        // As they stand, and with what is commented out in them.
        for text in [recipe.to_owned(), recipe.replace("\n# ", "\n")] {
            let surroundings = Surroundings { env: &|_| None, folder: &folder };
            let read = parse(&text, surroundings, |root, surroundings| {
                let sign_in = from_written(root, surroundings, &workspaces);
                root.finish();
                Some(sign_in)
            });
            assert_eq!(read.unwrap_or_else(|problems| panic!("{problems:?}\n{text}")).providers.len(), 1);
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn all_problems_are_reported_at_once_each_with_its_key() {
    let problems = keys(
        r#"
[sign_in]
local_passwords = "nobody"
seal_key_file = "absent"
[providers.A]
preset = "saml"
issuer = "http://a.example"
client_secret = "inline"
label = ""
scopes = ["profile"]
claims_from = ["cookie"]
graph_url = "graph"
clock_leeway = "1h"
recheck = "often"
ca_file = "absent.pem"
colour = "red"
"#,
    );
    for key in [
        "sign_in.local_passwords",
        "sign_in.seal_key_file",
        "providers.A",
        "providers.A.preset",
        "providers.A.issuer",
        "providers.A.client_id",
        "providers.A.client_secret",
        "providers.A.label",
        "providers.A.scopes",
        "providers.A.claims_from[0]",
        "providers.A.graph_url",
        "providers.A.clock_leeway",
        "providers.A.recheck",
        "providers.A.ca_file",
        "providers.A.colour",
        "providers.A.rules",
    ] {
        assert!(problems.iter().any(|problem| problem == key), "{key} is not among {problems:?}");
    }
}

#[test]
fn an_issuer_that_anybody_could_be_or_nobody_could_ask_is_refused() {
    for issuer in [
        "http://a.example",
        "https://login.microsoftonline.com/common/v2.0",
        "https://login.microsoftonline.com/organizations/v2.0",
        "https://a.example/.well-known/openid-configuration",
        "https://a.example/?x=y",
        "https://user:pass@a.example",
        "a.example",
    ] {
        let text = format!("[providers.a]\nissuer = \"{issuer}\"\nclient_id = \"x\"\n{RULE}");
        assert_eq!(keys(&text), ["providers.a.issuer"], "{issuer}");
    }
}

#[test]
fn a_rule_that_does_not_read_gives_nothing() {
    for rule in [
        "role = \"viewer\"",
        "claim = \"groups\"\nrole = \"viewer\"",
        "equals = \"x\"\nrole = \"viewer\"",
        "claim = \"groups\"\nequals = \"x\"",
        "claim = \"groups\"\nequals = \"x\"\nmatches = \"y\"\nrole = \"viewer\"",
        "claim = \"groups\"\neveryone = true\nrole = \"viewer\"",
        "everyone = false\nrole = \"viewer\"",
        "claim = \"groups\"\nany_of = []\nrole = \"viewer\"",
        "claim = \"groups\"\nequals = \"\"\nrole = \"viewer\"",
        "claim = \"groups\"\nmatches = \"a)|(b\"\nrole = \"viewer\"",
        "claim = \"\"\nequals = \"x\"\nrole = \"viewer\"",
        "everyone = true\nrole = \"viewer\"\nworkspace = \"absent\"",
        "everyone = true\nteam = \"data\"\nworkspace = \"main\"",
        "everyone = true\nrole = \"Viewer\"",
        "everyone = true\nteam = \"two words\"",
        "everyone = true\nrole = \"viewer\"\nroles = \"owner\"",
    ] {
        let text = format!(
            "[providers.a]\nissuer = \"https://a.example\"\nclient_id = \"x\"\n[[providers.a.rules]]\n{rule}\n"
        );
        let problems = read(&text).unwrap_err();
        assert!(problems.iter().all(|problem| problem.key.starts_with("providers.a.rules[0]")), "{rule}: {problems:?}");
    }
}

#[test]
fn passwords_are_closed_only_when_somebody_can_still_come_in() {
    let closed = "[sign_in]\nlocal_passwords = \"break-glass\"\n";
    assert_eq!(keys(&format!("{closed}break_glass = \"root\"\n")), ["sign_in.local_passwords"]);
    assert_eq!(keys(&format!("{closed}{}", provider(""))), ["sign_in.break_glass"]);
    assert_eq!(keys(&format!("{closed}break_glass = \"Root User\"\n{}", provider(""))), ["sign_in.break_glass"]);
    assert_eq!(keys(&format!("[sign_in]\nbreak_glass = \"root\"\n{}", provider(""))), ["sign_in.break_glass"]);
}

#[test]
fn an_edge_is_believed_for_one_audience_or_from_one_network() {
    let rule = "[[edges.a.rules]]\neveryone = true\nrole = \"viewer\"\n";
    let edge = |text: &str| read(&format!("[edges.a]\n{text}\n{rule}"));
    let cloudflare = "preset = \"cloudflare\"\nissuer = \"https://team.cloudflareaccess.com\"\naudience = \"tag\"";
    let made = edge(cloudflare).unwrap().providers.remove(0);
    let Some(Edge { header, proof: Proof::Signed { keys: at, trusts_email: true } }) = made.edge else {
        panic!("no edge")
    };
    assert_eq!(header, "cf-access-jwt-assertion");
    assert_eq!(at.to_string(), "https://team.cloudflareaccess.com/cdn-cgi/access/certs");
    let iap =
        edge("preset = \"iap\"\naudience = \"/projects/1/global/backendServices/2\"").unwrap().providers.remove(0);
    assert_eq!(iap.issuer, "https://cloud.google.com/iap");
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/prefect/50dc6c495c0c9188";
    let alb =
        |signer: &str| format!("preset = \"alb\"\nissuer = \"https://idp.example\"\naudience = \"client\"\n{signer}");
    let made = edge(&alb(&format!("signer = \"{arn}\""))).unwrap().providers.remove(0);
    let Some(Edge { header, proof: Proof::LoadBalancer { keys: at, signer, trusts_email: false } }) = made.edge else {
        panic!("no load balancer")
    };
    assert_eq!((header.as_str(), signer.as_str()), ("x-amzn-oidc-data", arn));
    assert_eq!(at.to_string().trim_end_matches('/'), "https://public-keys.auth.elb.eu-west-1.amazonaws.com");
    for (signer, key) in [
        (String::new(), "edges.a.signer"),
        ("signer = \"prefect\"".to_owned(), "edges.a.signer"),
        (format!("signer = \"{}\"", arn.replace("arn:aws", "arn:aws-cn")), "edges.a.keys_url"),
        (format!("signer = \"{arn}\"\nkeys_url = \"http://k.example\""), "edges.a.keys_url"),
    ] {
        let problems = edge(&alb(&signer)).unwrap_err();
        assert!(problems.iter().any(|problem| problem.key == key), "{signer}: {problems:?}");
    }
    assert!(edge("header = \"X-User\"\nnetworks = [\"10.0.0.7\"]\ngroups_header = \"X-Groups\"").is_ok());
    for (text, key) in [
        ("preset = \"cloudflare\"\nissuer = \"https://t.example\"", "edges.a.audience"),
        ("preset = \"cloudflare\"\naudience = \"tag\"", "edges.a.issuer"),
        ("header = \"X-Jwt\"\nissuer = \"i\"\naudience = \"a\"", "edges.a.keys_url"),
        ("header = \"X-Jwt\"\nissuer = \"i\"\naudience = \"a\"\nkeys_url = \"http://k.example\"", "edges.a.keys_url"),
        ("header = \"X-User\"\nnetworks = []", "edges.a.networks"),
        ("header = \"X-User\"\nnetworks = [\"0.0.0.0/0\"]", "edges.a.networks[0]"),
        ("header = \"X-User\"\nnetworks = [\"::/0\"]", "edges.a.networks[0]"),
        ("networks = [\"10.0.0.7\"]", "edges.a.header"),
        ("header = \"Authorization\"\nnetworks = [\"10.0.0.7\"]", "edges.a.header"),
        ("header = \"X_User\"\nnetworks = [\"10.0.0.7\"]", "edges.a.header"),
        ("header = \"X-User\"\nnetworks = [\"10.0.0.7\"]\naudience = \"a\"", "edges.a.audience"),
    ] {
        let problems = edge(text).unwrap_err();
        assert!(problems.iter().any(|problem| problem.key == key), "{text}: {problems:?}");
    }
    let twice = format!("[edges.a]\n{cloudflare}\n{rule}{}", provider(""));
    assert_eq!(keys(&twice), ["edges"]);
}

#[test]
fn what_is_set_about_second_factors_is_read_and_nonsense_is_told() {
    let default = read("").unwrap();
    assert_eq!((default.factors.confirmed_for.as_secs(), default.password_alone), (900, false));
    assert_eq!(read(&provider("")).unwrap().providers[0].second_factor, ["mfa"]);
    let text = "[sign_in]\nconfirm_after = \"1h\"\npasskey_domain = \"prefect.example.com\"\nprograms_may_skip_second_factor = true\n";
    let set = read(&format!("{text}{}", provider("second_factor = [\"phr\", \"urn:example:strong\"]"))).unwrap();
    assert_eq!((set.factors.confirmed_for.as_secs(), set.password_alone), (3_600, true));
    assert_eq!(set.factors.passkey_domain.as_deref(), Some("prefect.example.com"));
    assert_eq!(set.providers[0].second_factor, ["phr", "urn:example:strong"]);
    for (line, key) in [
        ("confirm_after = \"9s\"", "confirm_after"),
        ("confirm_after = \"25h\"", "confirm_after"),
        ("confirm_after = \"soon\"", "confirm_after"),
        ("passkey_domain = \"com\"", "passkey_domain"),
        ("passkey_domain = \"192.0.2.7\"", "passkey_domain"),
        ("passkey_domain = \"https://a.example\"", "passkey_domain"),
        ("passkey_domain = \"a..example\"", "passkey_domain"),
    ] {
        assert_eq!(keys(&format!("[sign_in]\n{line}\n")), [format!("sign_in.{key}")], "{line}");
    }
    assert_eq!(keys(&provider("second_factor = []")), ["providers.a.second_factor"]);
    assert_eq!(keys(&provider("second_factor = [\"\"]")), ["providers.a.second_factor[0]"]);
}

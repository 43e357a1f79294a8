//! Does the configuration of issuers say all that is wrong with it, and let in nobody's neighbour?

use std::path::Path;

use lictor_model::PrincipalKind;

use super::*;
use crate::config::{Problem, parse};

fn read(text: &str) -> Result<Vec<Issuer>, Vec<Problem>> {
    let env = |name: &str| (name == "SECRET").then(|| "s3cret".to_owned());
    parse(text, Surroundings { env: &env, folder: Path::new("/nowhere") }, |root, surroundings| {
        let all = all(root, surroundings);
        root.finish();
        Some(all)
    })
}

fn problems(text: &str) -> String {
    read(text).unwrap_err().iter().map(|problem| format!("{problem}\n")).collect()
}

const RULE: &str = "[[issuers.a.rules]]\nclaim = \"sub\"\nequals = \"job\"\nservice_account = \"ci\"\n";

fn issuer(more: &str) -> String {
    format!("[issuers.a]\naudiences = [\"us\"]\n{more}\n{RULE}")
}

#[test]
fn the_smallest_issuer_has_the_documented_defaults() {
    let issuers = read(&issuer("issuer = \"https://a.example\"")).unwrap();
    let [issuer] = &issuers[..] else { panic!("not one issuer") };
    let terms = &issuer.terms;
    assert_eq!(
        (terms.name.as_str(), terms.issuer.as_str(), terms.typing),
        ("a", "https://a.example", Typing::AccessToken)
    );
    assert_eq!((terms.leeway, terms.longest, terms.key_life), (60, 86_400, 3_600));
    let algorithms = Algorithms::USUAL;
    assert_eq!(terms.proof, Proof::Signature { keys: None, bearer_file: None, algorithms });
    assert_eq!((issuer.rules[0].principal.as_str(), issuer.rules[0].kind), ("ci", PrincipalKind::ServiceAccount));
}

#[test]
fn every_setting_reads() {
    let text = r#"
[issuers.asked]
issuer = "https://b.example"
introspection_url = "https://b.example/introspect"
client_id = "lictor"
client_secret_env = "SECRET"
token_prefix = "b_"
introspection_cache = "30s"
[[issuers.asked.rules]]
claim = "client_id"
any_of = ["x", "y"]
user = "alice"
[issuers.signed]
issuer = "https://c.example"
audiences = ["us", "us-too"]
authorized_parties = ["p"]
jwks_url = "https://c.example/keys"
algorithms = ["PS256", "ES384"]
token_type = "jwt"
clock_leeway = "5s"
max_life = "2h"
exchanged_key_life = "10m"
[[issuers.signed.rules]]
all_of = [{ claim = "a", equals = "1" }, { claim = "b.c", matches = "x-.*" }]
service_account = "ci"
"#;
    let issuers = read(text).unwrap();
    let [asked, signed] = &issuers[..] else { panic!("not two") };
    let Proof::Introspection { believed, prefix, .. } = &asked.terms.proof else { panic!("not asked") };
    assert_eq!((*believed, prefix.as_str(), asked.rules[0].kind), (30, "b_", PrincipalKind::User));
    assert_eq!((signed.terms.leeway, signed.terms.longest, signed.terms.key_life), (5, 7_200, 600));
    assert_eq!((signed.terms.typing, signed.rules[0].tests.len()), (Typing::Untold, 2));
    let Proof::Signature { algorithms, keys, .. } = &signed.terms.proof else { panic!("not signed") };
    assert_eq!((Some(algorithms), keys.is_some()), (Algorithms::parse(["PS256", "ES384"]).as_ref(), true));
}

#[test]
fn each_mistake_is_named() {
    let plain = "issuer = \"https://a.example\"";
    for (text, key) in [
        (issuer(""), "issuers.a.issuer: is missing"),
        (issuer("issuer = \"http://a.example\""), "issuers.a.issuer: \"http://a.example\" must begin with https"),
        (issuer("issuer = \"kubernetes\""), "issuers.a.issuer"),
        (issuer(&format!("{plain}\nalgorithms = [\"HS256\"]")), "issuers.a.algorithms[0]: \"HS256\" is no asymmetric"),
        (issuer(&format!("{plain}\nalgorithms = [\"none\"]")), "issuers.a.algorithms[0]"),
        (issuer(&format!("{plain}\nalgorithms = []")), "issuers.a.algorithms: must not be empty"),
        (issuer(&format!("{plain}\njwks_url = \"http://a.example/keys\"")), "issuers.a.jwks_url"),
        (issuer(&format!("{plain}\njwks_token_file = \"gone\"")), "issuers.a.jwks_token_file: cannot read"),
        (issuer(&format!("{plain}\nca_file = \"gone\"")), "issuers.a.ca_file: cannot read"),
        (issuer(&format!("{plain}\nclient_id = \"x\"")), "issuers.a.client_id: counts only beside introspection_url"),
        (issuer(&format!("{plain}\ntoken_type = \"id\"")), "issuers.a.token_type"),
        (issuer(&format!("{plain}\nclock_leeway = \"1h\"")), "issuers.a.clock_leeway"),
        (issuer(&format!("{plain}\naudience = \"us\"")), "issuers.a.audience: unknown key"),
        (issuer("preset = \"circleci\""), "issuers.a.preset: there is no preset"),
        (issuer("preset = \"entra\""), "issuers.a.issuer: is missing"),
        (issuer("preset = \"entra\"\nissuer = \"https://login.microsoftonline.com/common/v2.0\""), "names no tenant"),
        (issuer("introspection_url = \"https://a.example/i\""), "issuers.a.client_id: is missing"),
        (issuer("introspection_url = \"https://a.example/i\"\nclient_id = \"x\""), "client_secret_file: is missing"),
        (format!("[issuers.a]\n{plain}\n{RULE}"), "issuers.a.audiences: is missing"),
        (format!("[issuers.a]\n{plain}\naudiences = [\"us\"]"), "issuers.a.rules: is missing"),
        (issuer(plain).replace("issuers.a", "issuers.A_"), "an issuer's name is 1 to 32"),
        (issuer(plain).replace("service_account", "principal"), "service_account: is missing"),
        (issuer(plain) + "user = \"alice\"\n", "leads to a service_account and to a user"),
        (issuer(plain).replace("claim = \"sub\"\nequals = \"job\"", "everyone = true"), "everyone: is for providers"),
        (issuer(plain).replace("\"ci\"", "\"C I\""), "service_account"),
    ] {
        let said = problems(&text);
        assert!(said.contains(key), "{text}\nsaid:\n{said}");
    }
}

#[test]
fn two_issuers_are_not_asked_about_the_same_token() {
    let second = |text: &str| text.replace("issuers.a", "issuers.b");
    let same = issuer("issuer = \"https://a.example\"");
    assert!(problems(&format!("{same}{}", second(&same))).contains("are the same issuer"));
    let asked =
        issuer("introspection_url = \"https://a.example/i\"\nclient_id = \"x\"\nclient_secret_env = \"SECRET\"");
    assert!(problems(&format!("{asked}{}", second(&asked))).contains("token_prefix"));
    let told_apart = second(&asked).replace("client_id", "token_prefix = \"b_\"\nclient_id");
    assert_eq!(read(&format!("{asked}{told_apart}")).unwrap().len(), 2);
}

#[test]
fn a_rule_of_a_shared_issuer_must_name_what_is_ours() {
    let with = |preset: &str, rule: &str| {
        read(&format!(
            "[issuers.a]\npreset = \"{preset}\"\naudiences = [\"us\"]\nissuer = \"https://a.example\"\njwks_url = \"https://a.example/k\"\n\
             [[issuers.a.rules]]\nservice_account = \"ci\"\n{rule}\n"
        ))
        .map(|_| ())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<String>())
    };
    for (preset, rule) in [
        ("github-actions", "claim = \"repository_id\"\nequals = \"1\""),
        ("github-actions", "claim = \"sub\"\nmatches = \"repo:org/[a-z]+:ref:refs/heads/main\""),
        (
            "github-actions",
            "all_of = [{ claim = \"ref\", matches = \".*\" }, { claim = \"repository\", equals = \"a/b\" }]",
        ),
        ("gitlab", "claim = \"project_path\"\nequals = \"org/app\""),
        ("kubernetes", "claim = \"kubernetes.io.namespace\"\nequals = \"prefect\""),
        ("google", "claim = \"email\"\nequals = \"ci@p.iam.gserviceaccount.com\""),
        ("entra", "claim = \"oid\"\nequals = \"0-1\""),
    ] {
        assert_eq!(with(preset, rule), Ok(()), "{preset} {rule}");
    }
    for (preset, rule, who) in [
        ("github-actions", "claim = \"ref\"\nequals = \"refs/heads/main\"", "any workflow on GitHub"),
        ("github-actions", "claim = \"event_name\"\nequals = \"push\"", "any workflow on GitHub"),
        ("github-actions", "claim = \"repository\"\nmatches = \".*\"", "any workflow on GitHub"),
        ("github-actions", "claim = \"sub\"\nmatches = \"repo:.*:ref:refs/heads/main\"", "any workflow on GitHub"),
        ("github-actions", "claim = \"repository_id\"\nmatches = '\\d+'", "any workflow on GitHub"),
        ("gitlab", "claim = \"ref\"\nequals = \"main\"", "any project's job there"),
        ("kubernetes", "claim = \"kubernetes.io.serviceaccount.name\"\nequals = \"default\"", "any service account"),
        ("google", "claim = \"email\"\nmatches = '.*@.*\\.com'", "anybody with a Google account"),
        ("entra", "claim = \"tid\"\nequals = \"0-1\"", "anybody in the tenant"),
    ] {
        let said = with(preset, rule).unwrap_err();
        assert!(said.contains(who), "{preset} {rule}: {said}");
    }
}

#[test]
fn the_recipes_of_the_guide_read_as_they_stand() {
    let folder = std::env::temp_dir().join(format!("lictor-issuers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("introspection-secret"), "s3cret\n").unwrap();
    let guide = include_str!("../../../../../docs/guides/tokens.md");
    let recipes: Vec<&str> = guide.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(recipes.len(), 7);
    for recipe in recipes {
        let read = parse(recipe, Surroundings { env: &|_| None, folder: &folder }, |root, surroundings| {
            let all = all(root, surroundings);
            root.finish();
            Some(all)
        });
        // Outside a cluster its files are not there, and that is said.
        let only_in_a_cluster = |problem: &Problem| problem.what.contains("/var/run/secrets/kubernetes.io/");
        match read {
            Ok(issuers) => assert_eq!(issuers.len(), 1),
            Err(problems) => {
                assert!(recipe.contains("kubernetes") && problems.iter().all(only_in_a_cluster), "{problems:?}")
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

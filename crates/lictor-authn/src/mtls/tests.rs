//! Do rules find exactly what they name, and does a certificate stand beside other credentials as it should?

use lictor_model::RequestId;
use rcgen::{CertificateParams, DnType, KeyPair, SanType};

use super::*;
use crate::Options;
use crate::stage::{Stage, headers, here, name, reason, verified};

fn certificate(common_names: &[&str], sans: &[SanType]) -> Certificate {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for name in common_names {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    params.subject_alt_names = sans.to_vec();
    Certificate::read(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der()).unwrap()
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn rules() -> Vec<Rule> {
    let marks = [
        (Mark::DnsName("robot.example".to_owned()), "robot"),
        (Mark::CommonName("robot".to_owned()), "robot"),
        (Mark::spiffe_id("spiffe://example/robot").unwrap(), "robot"),
        (Mark::Uri("urn:alice".to_owned()), "alice"),
        (Mark::CommonName("gone".to_owned()), "gone"),
    ];
    marks.map(|(mark, who)| Rule { mark, principal: name(who) }).to_vec()
}

async fn stage() -> Stage {
    Stage::set_with(Options { certificate_rules: rules(), ..Stage::options() }).await
}

#[test]
fn names_match_whole_and_dns_names_in_any_case() {
    let rules = rules();
    let whose = |certificate: &Certificate| whose(&rules, certificate).map(PrincipalName::as_str);
    assert_eq!(whose(&certificate(&[], &[dns("other"), dns("ROBOT.example")])), Ok("robot"));
    assert_eq!(whose(&certificate(&["robot"], &[])), Ok("robot"));
    assert_eq!(whose(&certificate(&["robot"], &[dns("robot.example")])), Ok("robot"));
    for stranger in [
        certificate(&["Robot"], &[]),
        certificate(&["robot2"], &[]),
        certificate(&["robot.example"], &[]),
        certificate(&[], &[dns("a.robot.example"), dns("robot.example.evil"), dns("*.example")]),
        certificate(&[], &[uri("spiffe://example/robot/x"), uri("urn:alice2")]),
        certificate(&[], &[uri("spiffe://example/robot"), uri("spiffe://example/other")]),
        certificate(&[], &[]),
    ] {
        assert_eq!(whose(&stranger), Err(Reason::UnknownCertificate), "{stranger:?}");
    }
    assert_eq!(whose(&certificate(&["robot"], &[uri("urn:alice")])), Err(Reason::AmbiguousCertificate));
}

#[test]
fn a_spiffe_id_has_a_domain_and_a_plain_path() {
    assert!(Mark::spiffe_id("spiffe://example.org/ns/prefect/sa/worker-1").is_some());
    for text in [
        "spiffe://example.org",
        "spiffe://example.org/",
        "spiffe:///a",
        "https://a/b",
        "spiffe://A/b",
        "spiffe://a/b//c",
        "spiffe://a/../b",
        "spiffe://a/*",
        "spiffe://a/b?c",
    ] {
        assert_eq!(Mark::spiffe_id(text), None, "{text}");
    }
}

#[test]
fn what_is_no_certificate_is_not_read() {
    let der = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
    assert!(Certificate::read(&der).is_ok());
    assert!(Certificate::read(&der[..der.len() - 1]).is_err());
    assert!(Certificate::read(&[&der[..], b"x"].concat()).is_err());
    assert!(Certificate::read(b"").is_err());
}

#[tokio::test]
async fn a_bearer_is_who_the_rules_say() {
    let stage = stage().await;
    let robot = certificate(&["robot"], &[]);
    let identity = verified(stage.auth.identify_bearer_of(&robot, &headers(&[], &[]), &here()).await);
    assert_eq!((identity.principal.name.as_str(), identity.credential.kind), ("robot", CredentialKind::Certificate));
    assert_eq!(&identity.credential.id, robot.fingerprint());
    assert_eq!(stage.auth.recheck(&identity), Ok(()));
    stage.disable("robot", true).await;
    assert_eq!(stage.auth.recheck(&identity), Err(Reason::PrincipalDisabled));
    assert_eq!(
        reason(stage.auth.identify_bearer_of(&robot, &headers(&[], &[]), &here()).await),
        Reason::PrincipalDisabled
    );
    let gone = certificate(&["gone"], &[]);
    assert_eq!(
        reason(stage.auth.identify_bearer_of(&gone, &headers(&[], &[]), &here()).await),
        Reason::UnknownCertificate
    );
}

#[tokio::test]
async fn a_rejected_certificate_or_key_is_not_made_up_for_by_the_other() {
    let stage = stage().await;
    let (key, row) = stage.add_key("robot", None).await;
    let (good, bad) = (format!("Bearer {}", key.expose()), "Bearer lictor_0");
    let (robot, stranger) = (certificate(&["robot"], &[]), certificate(&["stranger"], &[]));
    let ask = async |certificate: &Certificate, value: &str| {
        stage.auth.identify_bearer_of(certificate, &headers(&[], &[value]), &here()).await
    };
    assert_eq!(reason(ask(&stranger, &good).await), Reason::UnknownCertificate);
    assert_eq!(reason(ask(&robot, bad).await), Reason::MistypedKey);
    let identity = verified(ask(&robot, &good).await);
    assert_eq!((identity.credential.kind, &identity.credential.id), (CredentialKind::Key, &row.id));
    assert_eq!(reason(ask(&certificate(&[], &[uri("urn:alice")]), &good).await), Reason::TwoCredentials);
}

#[tokio::test]
async fn a_certificate_that_is_nobodys_is_recorded() {
    let stage = stage().await;
    let stranger = certificate(&["stranger"], &[]);
    let Attempt::Rejected(rejection) = stage.auth.identify_bearer_of(&stranger, &headers(&[], &[]), &here()).await
    else {
        panic!("a stranger was let in")
    };
    stage.auth.audit_refusal(&rejection, &here(), &RequestId::fresh());
    let recorded = stage.recorded().await;
    assert_eq!(recorded[0].credential.as_ref().map(|used| &used.id), Some(stranger.fingerprint()));
}

#[tokio::test]
async fn rules_that_change_hold_at_once_and_wake_whoever_watches() {
    let stage = stage().await;
    let robot = certificate(&["robot"], &[]);
    let identity = verified(stage.auth.identify_bearer_of(&robot, &headers(&[], &[]), &here()).await);
    assert_eq!(stage.auth.recheck_certificate(&robot, &identity), Ok(()));
    let mut watching = stage.auth.subscribe();
    watching.mark_unchanged();
    let to_alice = Rule { mark: Mark::CommonName("robot".to_owned()), principal: name("alice") };
    stage.auth.replace_certificate_rules(vec![to_alice]);
    assert!(watching.has_changed().unwrap());
    assert_eq!(
        stage.auth.recheck_certificate(&robot, &identity),
        Err(Reason::UnknownCertificate),
        "it is another's now"
    );
    let identity = verified(stage.auth.identify_bearer_of(&robot, &headers(&[], &[]), &here()).await);
    assert_eq!(identity.principal.name.as_str(), "alice");
    stage.auth.replace_certificate_rules(Vec::new());
    assert_eq!(stage.auth.recheck_certificate(&robot, &identity), Err(Reason::UnknownCertificate));
    assert_eq!(
        stage.auth.check_certificate(&robot).map_err(|rejection| rejection.reason),
        Err(Reason::UnknownCertificate)
    );
}

//! Does a code let in one program, once, by one person's word, and is nobody let search for codes?

use std::collections::HashSet;

use super::*;
use crate::Attempt;
use crate::stage::{Stage, from, here};

async fn begin(stage: &Stage) -> DeviceCodes {
    stage.auth.begin_device_request("laptop", "carbon", &here()).await.unwrap()
}

async fn person(stage: &Stage) -> Identity {
    let (key, _) = stage.add_key("robot", None).await;
    let Attempt::Verified(identity) = stage.authorize(&format!("Bearer {}", key.expose())).await else {
        panic!("nobody")
    };
    identity
}

fn allowance(stage: &Stage) -> DeviceAllowance {
    DeviceAllowance { label: "laptop".to_owned(), ends_at: stage.clock.now().plus_seconds(60), narrowing: None }
}

async fn ask(stage: &Stage, codes: &DeviceCodes) -> Answered {
    stage.auth.ask_device_request(codes.device_code.expose(), &here(), &RequestId::fresh()).await.unwrap()
}

#[test]
fn a_typed_code_is_read_as_people_write_it() {
    for typed in ["WDJB-MJHT", "wdjbmjht", " wdjb mjht ", "WdJb–MjHt".replace('–', "-").as_str()] {
        assert_eq!(read_user_code(typed).as_deref(), Some("WDJBMJHT"), "{typed}");
    }
    for typed in ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH0", "ẅDJB-MJHT", &"-".repeat(1000)] {
        assert_eq!(read_user_code(typed), None, "{typed}");
    }
}

#[test]
fn codes_are_of_all_letters_and_differ() {
    let codes: HashSet<String> = (0..500).map(|_| fresh_user_code().unwrap()).collect();
    assert_eq!(codes.len(), 500);
    let letters: HashSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
    assert_eq!(letters.len(), LETTERS.len());
    assert!(codes.iter().all(|code| read_user_code(&in_halves(code)).as_ref() == Some(code)));
}

#[test]
fn what_a_stranger_says_is_one_line_that_shows_as_it_is() {
    assert_eq!(said(" laptop (Zoë's)\u{202e}\n\u{1b}[2J "), "laptop (Zoë's)[2J");
    assert_eq!(said(&"a".repeat(1000)).len(), SAID_CHARS);
}

#[tokio::test]
async fn a_key_that_was_allowed_is_good_at_once_and_handed_out_once() {
    let stage = Stage::set().await;
    let (codes, identity) = (begin(&stage).await, person(&stage).await);
    assert_eq!(ask(&stage, &codes).await.answer, DeviceAnswer::Pending);
    let found = stage.auth.find_device_request(&identity, &codes.user_code.to_lowercase()).await.unwrap().unwrap();
    assert_eq!(found.machine, "carbon");
    let by = By::caller(&identity, "192.0.2.1", None);
    stage.auth.decide_device_request(&by, &codes.user_code, Some(&allowance(&stage))).await.unwrap().unwrap();
    stage.clock.advance(PAUSE);
    let answered = ask(&stage, &codes).await;
    assert!(matches!(answered.answer, DeviceAnswer::Allowed { .. }));
    let attempt = stage.authorize(&format!("Bearer {}", answered.secret.expose())).await;
    assert_eq!(attempt.identity().unwrap().principal.id, identity.principal.id);
    assert_eq!(ask(&stage, &codes).await.answer, DeviceAnswer::Unknown);
    assert!(stage.auth.find_device_request(&identity, &codes.user_code).await.unwrap().is_none());
}

#[tokio::test]
async fn the_code_that_is_shown_is_not_the_one_that_fetches_the_key() {
    let stage = Stage::set().await;
    let codes = begin(&stage).await;
    let shown = DeviceCodes { device_code: Secret::new(codes.user_code.replace('-', "")), user_code: String::new() };
    assert_eq!(ask(&stage, &shown).await.answer, DeviceAnswer::Unknown);
    let identity = person(&stage).await;
    assert!(stage.auth.find_device_request(&identity, codes.device_code.expose()).await.unwrap().is_none());
}

#[tokio::test]
async fn nobody_makes_or_types_codes_without_end() {
    let stage = Stage::set().await;
    let identity = person(&stage).await;
    for _ in 0..CODES {
        begin(&stage).await;
    }
    let asked = async |origin: Origin| stage.auth.begin_device_request("", "", &origin).await.map(drop);
    assert_eq!(asked(here()).await, Err(Reason::TooManyCodes));
    assert_eq!(asked(from("192.0.2.200")).await, Ok(()));
    for _ in 0..TYPED {
        assert_eq!(stage.auth.find_device_request(&identity, "BBBB-BBBB").await, Ok(None));
    }
    assert_eq!(stage.auth.find_device_request(&identity, "BBBB-BBBB").await, Err(Reason::TooManyCodes));
    stage.clock.advance(60);
    assert_eq!(stage.auth.find_device_request(&identity, "BBBB-BBBB").await, Ok(None));
}

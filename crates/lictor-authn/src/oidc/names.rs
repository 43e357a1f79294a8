//! What is a new person called here? As they are called there, in canonical spelling, and never as somebody else.

use lictor_model::PrincipalName;
use lictor_model::key::random_text;

use super::claims::{ClaimPath, Claims};

/// Leaves room for a suffix within the 64 characters of a name.
const LONGEST: usize = 48;
/// Names that the record gives to nobody's account.
const RESERVED: [&str; 2] = ["console", "lictor"];

/// Names for an account, the best first: the first usable claim, then the same with a number, at last with something
/// random behind it, so that one is always free.
pub(crate) fn wanted(claims: &Claims, from: &[ClaimPath]) -> Vec<PrincipalName> {
    let base = from.iter().filter_map(|path| claims.text(path)).find_map(|text| canonical(&text));
    let base = base.unwrap_or_else(|| "user".to_owned());
    let plain = Some(base.clone()).filter(|name| !RESERVED.contains(&name.as_str()));
    let numbered = (2..=9).map(|number| format!("{base}-{number}"));
    let random = random_text(12).ok().map(|text| format!("{base}-{}", text.to_ascii_lowercase()));
    plain.into_iter().chain(numbered).chain(random).filter_map(|name| PrincipalName::parse(&name).ok()).collect()
}

/// The text in the alphabet of names: lower case, and `-` for what has no place in a name.
fn canonical(text: &str) -> Option<String> {
    let mut name = String::new();
    for letter in text.trim().chars() {
        let letter = letter.to_ascii_lowercase();
        let fits = letter.is_ascii_lowercase() || letter.is_ascii_digit() || "._@+-".contains(letter);
        // Several strange letters in a row leave one mark.
        if fits {
            name.push(letter);
        } else if !name.ends_with('-') {
            name.push('-');
        }
        if name.len() >= LONGEST {
            break;
        }
    }
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).trim_end_matches('-');
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oidc::json;
    use crate::oidc::provider::Place;

    fn names(claims: &str) -> Vec<String> {
        let mut all = Claims::default();
        all.add(Place::IdToken, json::object(claims.as_bytes()).unwrap());
        let from = ["preferred_username", "email"].map(|path| ClaimPath::parse(path).unwrap());
        wanted(&all, &from).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_first_usable_claim_gives_the_name_in_canonical_spelling() {
        assert_eq!(names(r#"{"preferred_username": "Alice.Doe", "email": "x@y"}"#)[..2], ["alice.doe", "alice.doe-2"]);
        assert_eq!(names(r#"{"preferred_username": "  ", "email": "Bob@Example.COM"}"#)[0], "bob@example.com");
        assert_eq!(names(r#"{"preferred_username": "Zoë  Smith:admin"}"#)[0], "zo-smith-admin");
        assert_eq!(names(r#"{"preferred_username": "ÄÖÜ"}"#)[0], "user");
        assert_eq!(names(r#"{"preferred_username": ["alice"]}"#)[0], "user");
        assert_eq!(names(r#"{"preferred_username": "console"}"#)[0], "console-2");
    }

    #[test]
    fn when_all_numbers_are_taken_something_random_is_free() {
        let (one, other) = (names("{}"), names("{}"));
        assert_eq!(one.len(), 10);
        assert_ne!(one.last(), other.last());
    }

    proptest! {
        #[test]
        fn any_text_gives_usable_names(text in ".{0,100}") {
            let claims = serde_json::json!({"preferred_username": text}).to_string();
            prop_assert!(names(&claims).len() >= 9);
        }
    }
}

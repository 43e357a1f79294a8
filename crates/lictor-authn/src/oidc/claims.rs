//! What was said about a person? Claims, by the place that said them, found by a path.

use serde_json::Value;

use super::json::Object;
use super::provider::Place;

/// Claims of the protocol itself, which no rule is about.
const PROTOCOL: [&str; 15] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "nonce",
    "s_hash",
    "sid",
];

/// Where a claim stands: its name, or the names on the way to it.
///
/// `realm_access.roles` is `roles` inside `realm_access`. A claim whose own name holds dots, as
/// `https://example.com/groups` or the first of `kubernetes.io.namespace`, is found by the longest name that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(String);

/// A path that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a claim: write \"groups\" or, for a nested one, \"realm_access.roles\"")]
pub struct ClaimPathError(String);

impl ClaimPath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`ClaimPathError`] when it is empty, huge or has control characters.
    pub fn parse(text: &str) -> Result<Self, ClaimPathError> {
        let plain = !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control);
        if plain { Ok(Self(text.to_owned())) } else { Err(ClaimPathError(text.to_owned())) }
    }

    /// The claim's name at the top.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn find<'c>(&self, claims: &'c Object) -> Option<&'c Value> {
        find(claims, &self.0)
    }
}

fn find<'c>(claims: &'c Object, path: &str) -> Option<&'c Value> {
    let inside = |(dot, _): (usize, &str)| {
        let (name, rest) = (path.get(..dot)?, path.get(dot + 1..)?);
        find(claims.get(name)?.as_object()?, rest)
    };
    claims.get(path).or_else(|| path.rmatch_indices('.').find_map(inside))
}

impl std::fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What came of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// Values to compare.
    Values(Vec<String>),
    /// Nothing of that name.
    Nothing,
    /// Something that is neither a text nor a list of texts.
    Unreadable,
    /// An e-mail address that the provider does not vouch for.
    Unverified,
    /// An e-mail address that reads in more than one way.
    Doubtful,
    /// A list that was too long for the token: it must be fetched from elsewhere.
    Elsewhere,
}

/// What was said about a person, by whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims(Vec<(Place, Object)>);

impl Claims {
    /// Adds what a place says.
    pub(crate) fn add(&mut self, place: Place, claims: Object) {
        self.0.push((place, claims));
    }

    /// Whether nothing was said at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What came of a claim: the first place that has it counts, in the order in which they were added.
    pub(crate) fn look(&self, path: &ClaimPath) -> Came {
        let Some((source, found)) = self.0.iter().find_map(|(_, claims)| Some((claims, path.find(claims)?))) else {
            return if self.is_elsewhere(path) { Came::Elsewhere } else { Came::Nothing };
        };
        match values(found) {
            Some(values) if path.as_str() == "email" => emails(values, source),
            Some(values) => Came::Values(values),
            None => Came::Unreadable,
        }
    }

    /// The first text of a claim.
    pub(crate) fn text(&self, path: &ClaimPath) -> Option<String> {
        let found = self.0.iter().find_map(|(_, claims)| path.find(claims))?;
        found.as_str().map(str::to_owned)
    }

    /// The address of mail that the provider vouches for.
    pub(crate) fn verified_email(&self) -> Option<String> {
        match self.look(&ClaimPath::parse("email").ok()?) {
            Came::Values(values) => values.into_iter().next().filter(|address| address.len() <= 254),
            _ => None,
        }
    }

    /// Whether the ID token itself says, by one of these words, how the person was authenticated (`amr`, `acr`).
    pub(crate) fn says(&self, words: &[String]) -> bool {
        let tokens = self.0.iter().filter(|(place, _)| *place == Place::IdToken);
        let said = tokens.flat_map(|(_, claims)| [claims.get("amr"), claims.get("acr")]).flatten().filter_map(values);
        said.flatten().any(|word| words.contains(&word))
    }

    /// The names of all that came, sorted: what a person may be told, for the values are nobody's business.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.iter().flat_map(|(_, claims)| claims.keys().cloned()).collect();
        names.sort();
        names.dedup();
        names.retain(|name| {
            name.len() <= 64 && !name.chars().any(char::is_control) && !PROTOCOL.contains(&name.as_str())
        });
        names.truncate(40);
        names
    }

    /// Where a claim is fetched from that did not fit: OpenID Connect Core §5.6.2 as Entra ID uses it, or `hasgroups`.
    fn is_elsewhere(&self, path: &ClaimPath) -> bool {
        self.0.iter().any(|(_, claims)| {
            let named = claims.get("_claim_names").and_then(Value::as_object);
            let listed = named.is_some_and(|names| names.contains_key(path.as_str()));
            let has = claims.get("hasgroups").is_some_and(|has| has == &Value::Bool(true) || has == "true");
            listed || (has && path.as_str() == "groups")
        })
    }
}

/// A text, a flag or a number, or a list of these.
fn values(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect(),
        single => one(single).map(|text| vec![text]),
    }
}

/// An address counts only when the same place vouches for it with a true boolean (an unverified one is what its owner
/// typed), and only when it reads one way: one `@`, no blanks, plain ASCII.
fn emails(values: Vec<String>, claims: &Object) -> Came {
    if claims.get("email_verified") != Some(&Value::Bool(true)) {
        return Came::Unverified;
    }
    let reads_one_way =
        |text: &String| text.bytes().filter(|b| *b == b'@').count() == 1 && text.bytes().all(|b| b.is_ascii_graphic());
    if values.iter().all(reads_one_way) { Came::Values(values) } else { Came::Doubtful }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::json;

    fn look(claims: &str, path: &str) -> Came {
        let mut all = Claims::default();
        all.add(Place::IdToken, json::object(claims.as_bytes()).unwrap());
        all.look(&ClaimPath::parse(path).unwrap())
    }

    fn came(values: &[&str]) -> Came {
        Came::Values(values.iter().map(|&value| value.to_owned()).collect())
    }

    #[test]
    fn a_claim_is_found_by_its_name_or_on_its_way() {
        let claims =
            r#"{"groups": ["a", "b"], "realm_access": {"roles": ["c"]}, "https://x.example/roles": "d", "n": 7}"#;
        assert_eq!(look(claims, "groups"), came(&["a", "b"]));
        assert_eq!(look(claims, "realm_access.roles"), came(&["c"]));
        assert_eq!(look(claims, "https://x.example/roles"), came(&["d"]));
        assert_eq!(look(claims, "n"), came(&["7"]));
        assert_eq!(look(claims, "realm_access"), Came::Unreadable);
        let kubernetes = r#"{"kubernetes.io": {"namespace": "a", "serviceaccount": {"name": "b"}}, "io": "c"}"#;
        assert_eq!(look(kubernetes, "kubernetes.io.namespace"), came(&["a"]));
        assert_eq!(look(kubernetes, "kubernetes.io.serviceaccount.name"), came(&["b"]));
        for absent in ["roles", "realm_access.roles.x", "groups.0", "realm_access."] {
            assert_eq!(look(claims, absent), Came::Nothing, "{absent}");
        }
    }

    #[test]
    fn a_list_with_something_unreadable_in_it_is_unreadable() {
        assert_eq!(look(r#"{"groups": ["a", {"name": "b"}]}"#, "groups"), Came::Unreadable);
        assert_eq!(look(r#"{"groups": null}"#, "groups"), Came::Unreadable);
        assert_eq!(look(r#"{"groups": []}"#, "groups"), came(&[]));
    }

    #[test]
    fn an_address_counts_only_when_it_is_verified_by_a_boolean() {
        assert_eq!(look(r#"{"email": "a@x.example", "email_verified": true}"#, "email"), came(&["a@x.example"]));
        for unverified in
            ["", r#", "email_verified": false"#, r#", "email_verified": "true""#, r#", "email_verified": 1"#]
        {
            let claims = format!(r#"{{"email": "a@x.example"{unverified}}}"#);
            assert_eq!(look(&claims, "email"), Came::Unverified, "{claims}");
        }
    }

    #[test]
    fn an_address_that_reads_in_two_ways_is_doubtful() {
        for address in ["a@good.com@evil.com", "a@evil.com\\n@good.com", "a @good.com", "a", "@", "a@göod.com"] {
            let expected = if address == "@" { came(&["@"]) } else { Came::Doubtful };
            assert_eq!(
                look(&format!(r#"{{"email": "{address}", "email_verified": true}}"#), "email"),
                expected,
                "{address}"
            );
        }
    }

    #[test]
    fn groups_that_did_not_fit_are_elsewhere() {
        let entra = r#"{"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x"}}}"#;
        assert_eq!(look(entra, "groups"), Came::Elsewhere);
        assert_eq!(look(entra, "roles"), Came::Nothing);
        assert_eq!(look(r#"{"hasgroups": true}"#, "groups"), Came::Elsewhere);
    }

    #[test]
    fn the_first_place_that_has_a_claim_counts() {
        let mut all = Claims::default();
        all.add(Place::IdToken, json::object(br#"{"a": "token"}"#).unwrap());
        all.add(Place::Userinfo, json::object(br#"{"a": "userinfo", "b": "userinfo", "nonce": "n"}"#).unwrap());
        let look = |path: &str| all.look(&ClaimPath::parse(path).unwrap());
        assert_eq!((look("a"), look("b")), (came(&["token"]), came(&["userinfo"])));
        assert_eq!(all.names(), ["a", "b"]);
    }
}

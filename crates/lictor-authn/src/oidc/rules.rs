//! Does anybody let this person in, and as what? The rules, one by one: each that fits gives what it says.

use lictor_store::RuleGifts;

use super::claims::{Came, Claims};
use super::provider::{Rule, Test};

/// Why nobody let a person in: what each claim that the rules look at was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotLetIn {
    /// The claims that were looked at, once each, with what came.
    pub looked_at: Vec<(String, Came)>,
    /// The names of all the claims that came.
    pub names: Vec<String>,
}

/// Evaluates the rules.
///
/// # Errors
/// [`NotLetIn`] when none fits.
pub(crate) fn evaluate(rules: &[Rule], claims: &Claims) -> Result<RuleGifts, NotLetIn> {
    let mut gifts = RuleGifts::default();
    let mut is_let_in = false;
    for rule in rules.iter().filter(|rule| fits(&rule.test, claims)) {
        is_let_in = true;
        if let Some(grant) = rule.grant.as_ref().filter(|grant| !gifts.grants.contains(grant)) {
            gifts.grants.push(grant.clone());
        }
        if let Some(team) = rule.team.as_ref().filter(|team| !gifts.teams.contains(team)) {
            gifts.teams.push(team.clone());
        }
    }
    if is_let_in { Ok(gifts) } else { Err(NotLetIn { looked_at: looked_at(rules, claims), names: claims.names() }) }
}

/// Whether a rule looks at a claim that has not come, so that it is worth asking elsewhere.
pub(crate) fn is_lacking(rules: &[Rule], claims: &Claims) -> bool {
    rules.iter().filter_map(|rule| rule.test.claim()).any(|claim| !matches!(claims.look(claim), Came::Values(_)))
}

/// Whether a test fits the claims.
pub(crate) fn fits(test: &Test, claims: &Claims) -> bool {
    let any = |path, fits: &dyn Fn(&String) -> bool| match claims.look(path) {
        Came::Values(values) => values.iter().any(fits),
        _ => false,
    };
    match test {
        Test::Everyone => true,
        Test::AnyOf(path, wanted) => any(path, &|value| wanted.contains(value)),
        Test::Matches(path, pattern) => any(path, &|value| pattern.fits(value)),
    }
}

fn looked_at(rules: &[Rule], claims: &Claims) -> Vec<(String, Came)> {
    let mut looked_at: Vec<(String, Came)> = Vec::new();
    for path in rules.iter().filter_map(|rule| rule.test.claim()) {
        if !looked_at.iter().any(|(name, _)| name == path.as_str()) {
            looked_at.push((path.to_string(), claims.look(path)));
        }
    }
    looked_at
}

impl std::fmt::Display for NotLetIn {
    /// In words for the person: names of claims and how many values came, never the values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.looked_at.is_empty() {
            f.write_str("There is no rule for this provider.")?;
        }
        for (at, (name, came)) in self.looked_at.iter().enumerate() {
            let and = if at == 0 { "" } else { " " };
            match came {
                Came::Values(values) if values.is_empty() => write!(f, "{and}The claim {name} came as an empty list."),
                Came::Values(values) if values.len() == 1 => {
                    write!(f, "{and}The claim {name} came with one value, which fits no rule.")
                }
                Came::Values(values) => {
                    write!(f, "{and}The claim {name} came with {} values, none of which fits a rule.", values.len())
                }
                Came::Nothing => write!(f, "{and}The claim {name} is missing."),
                Came::Unreadable => write!(f, "{and}The claim {name} is neither a text nor a list of texts."),
                Came::Unverified => {
                    write!(f, "{and}The claim {name} came, but the provider does not vouch for it (email_verified).")
                }
                Came::Doubtful => write!(f, "{and}The claim {name} came as no plain address."),
                Came::Elsewhere => write!(
                    f,
                    "{and}The claim {name} is missing, because the list is too long for a token and is to be fetched from \
                     elsewhere (set graph_url, or let the provider send fewer groups)."
                ),
            }?;
        }
        if self.names.is_empty() { Ok(()) } else { write!(f, " Claims that came: {}.", self.names.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use lictor_model::{RoleName, Scope};

    use super::*;
    use crate::oidc::claims::ClaimPath;
    use crate::oidc::json;
    use crate::oidc::provider::{Pattern, Place};

    fn claims(text: &str) -> Claims {
        let mut claims = Claims::default();
        claims.add(Place::IdToken, json::object(text.as_bytes()).unwrap());
        claims
    }

    fn rule(test: Test, role: &str) -> Rule {
        Rule { test, grant: Some((RoleName::parse(role).unwrap(), Scope::Everywhere)), team: None }
    }

    fn groups(any_of: &[&str]) -> Test {
        Test::AnyOf(ClaimPath::parse("groups").unwrap(), any_of.iter().map(|&one| one.to_owned()).collect())
    }

    fn roles(rules: &[Rule], text: &str) -> Option<Vec<String>> {
        let gifts = evaluate(rules, &claims(text)).ok()?;
        Some(gifts.grants.iter().map(|(role, _)| role.to_string()).collect())
    }

    #[test]
    fn every_rule_that_fits_gives_and_none_that_does_not() {
        let pattern = Pattern::parse("ops-.*").unwrap();
        let rules = [
            rule(groups(&["eng", "science"]), "developer"),
            rule(Test::Matches(ClaimPath::parse("groups").unwrap(), pattern), "runner"),
            rule(groups(&["eng"]), "developer"),
        ];
        assert_eq!(roles(&rules, r#"{"groups": ["ops-eu", "eng"]}"#), Some(vec!["developer".into(), "runner".into()]));
        assert_eq!(roles(&rules, r#"{"groups": "eng"}"#), Some(vec!["developer".into()]));
        for text in [
            r#"{"groups": []}"#,
            r#"{"groups": ["ENG", "eng ", "xeng", "dev-ops-eu"]}"#,
            "{}",
            r#"{"groups": {"eng": true}}"#,
        ] {
            assert_eq!(roles(&rules, text), None, "{text}");
        }
        assert_eq!(roles(&[rule(Test::Everyone, "viewer")], "{}"), Some(vec!["viewer".into()]));
        assert_eq!(roles(&[], r#"{"groups": ["eng"]}"#), None);
    }

    #[test]
    fn a_refusal_names_claims_and_never_their_values() {
        let rules =
            [rule(groups(&["eng"]), "viewer"), rule(Test::AnyOf(ClaimPath::parse("hd").unwrap(), vec![]), "viewer")];
        let refused =
            evaluate(&rules, &claims(r#"{"sub": "secret-1", "groups": ["secret-2", "secret-3"]}"#)).unwrap_err();
        let words = refused.to_string();
        assert_eq!(
            words,
            "The claim groups came with 2 values, none of which fits a rule. The claim hd is missing. Claims that came: groups, sub."
        );
    }
}

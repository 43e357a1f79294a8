//! What is an identity provider to us? Where it is, who we are to it, and which of its people come in as what.

use std::time::Duration;

use ipnet::IpNet;
use lictor_model::{RoleName, Scope, Secret, TeamName};

use super::claims::ClaimPath;
use super::endpoint::Endpoint;

/// One identity provider, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// How our paths, the record and grants name it.
    pub name: String,
    /// What its button says.
    pub label: String,
    /// Who it is, to the letter.
    pub issuer: String,
    /// Who we are to it.
    pub client_id: String,
    /// How we prove that; `None` for a public client, which PKCE alone protects.
    pub client_secret: Option<Secret>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Where claims are looked for, in this order.
    pub claims_from: Vec<Place>,
    /// Which claims may give the user name, the first that came wins.
    pub name_from: Vec<ClaimPath>,
    /// Microsoft Graph's address, asked for the groups that do not fit into a token.
    pub graph: Option<Endpoint>,
    /// How far its clock and ours may differ, in seconds.
    pub leeway: i64,
    /// How often a signed-in person's claims are asked for again.
    pub recheck: Duration,
    /// How long a session lasts that cannot be rechecked, for want of a refresh token.
    pub unchecked: Duration,
    /// How long what its rules gave holds without the provider confirming the person again, be it by a sign-in or a
    /// recheck: keys have no session, and their owner may have left.
    pub unconfirmed: Duration,
    /// Trusted certificates in PEM, instead of the machine's own.
    pub trusted: Option<Vec<u8>>,
    /// Which words in `amr` or `acr` of its ID token say that it has asked for a second factor.
    pub second_factor: Vec<String>,
    /// Who comes in, as what.
    pub rules: Vec<Rule>,
    /// How it vouches for people, when it stands in front of us; `None` for a provider that people are sent to.
    pub edge: Option<Edge>,
}

/// Something in front of us that has signed people in already, and says so in a header of each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The header, in lower case.
    pub header: String,
    /// Why it is believed.
    pub proof: Proof,
}

/// Why an edge's header is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It is a JWT for our `client_id` as its audience.
    Signed {
        /// Where the keys are.
        keys: Endpoint,
        /// Whether an address in it counts as verified though it does not say so.
        trusts_email: bool,
    },
    /// It is the assertion of an AWS load balancer, made for our `client_id`.
    LoadBalancer {
        /// Below which address the keys are, each by its id.
        keys: Endpoint,
        /// The load balancer's ARN.
        signer: String,
        /// Whether an address in it counts as verified though it does not say so.
        trusts_email: bool,
    },
    /// It comes straight from there, where nobody else can send it.
    Network {
        /// The edge's own addresses.
        networks: Vec<IpNet>,
        /// The header with groups, separated by commas.
        groups: Option<String>,
    },
}

/// Where a provider tells its claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The ID token.
    IdToken,
    /// The access token, when it is a JWT of the same issuer that verifies.
    AccessToken,
    /// The userinfo endpoint.
    Userinfo,
}

impl Place {
    /// The word in the configuration and on pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdToken => "id_token",
            Self::AccessToken => "access_token",
            Self::Userinfo => "userinfo",
        }
    }

    /// Reads [`Place::as_str`]'s form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::IdToken, Self::AccessToken, Self::Userinfo].into_iter().find(|source| source.as_str() == text)
    }
}

/// Who comes in, as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Whom it fits.
    pub test: Test,
    /// The role that it gives, and where.
    pub grant: Option<(RoleName, Scope)>,
    /// The team that it puts them in.
    pub team: Option<TeamName>,
}

/// Whom a rule fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// Whoever the provider vouches for.
    Everyone,
    /// Those with a claim that has, or holds in its list, one of these values to the letter.
    AnyOf(ClaimPath, Vec<String>),
    /// Those with a claim that the whole pattern fits.
    Matches(ClaimPath, Pattern),
}

impl Test {
    /// The claim that it looks at.
    #[must_use]
    pub const fn claim(&self) -> Option<&ClaimPath> {
        match self {
            Self::Everyone => None,
            Self::AnyOf(claim, _) | Self::Matches(claim, _) => Some(claim),
        }
    }
}

/// A regular expression that must fit a value from its first character to its last.
#[derive(Debug, Clone)]
pub struct Pattern {
    written: String,
    whole: regex::Regex,
}

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a usable regular expression: {0}")]
pub struct PatternError(String);

/// A compiled pattern may take this much memory.
const MOST: usize = 1 << 20;

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] when it is no regular expression, or a huge one.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let build = |text: &str| {
            let built = regex::RegexBuilder::new(text).size_limit(MOST).build();
            built.map_err(|error| PatternError(error.to_string()))
        };
        // By itself first: "a)|(b" is no expression, and must not become one inside ours.
        build(text)?;
        let whole = build(&format!("\\A(?:{text})\\z"))?;
        Ok(Self { written: text.to_owned(), whole })
    }

    /// Whether it fits the whole value.
    #[must_use]
    pub fn fits(&self, value: &str) -> bool {
        self.whole.is_match(value)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_fits_the_whole_value_or_not_at_all() {
        let pattern = Pattern::parse("team-[a-z]+|ops").unwrap();
        for (value, fits) in
            [("team-a", true), ("ops", true), ("team-a\n", false), ("x team-a", false), ("opsx", false), ("", false)]
        {
            assert_eq!(pattern.fits(value), fits, "{value:?}");
        }
        let lines = Pattern::parse("(?m)^ops$").unwrap();
        assert!(!lines.fits("evil\nops"));
    }

    #[test]
    fn what_would_escape_its_anchors_is_no_pattern() {
        for text in ["a)|(b", "(", "a)", "(?x)a #", "[", "a{100000}{100000}", "(?:"] {
            let pattern = Pattern::parse(text);
            assert!(pattern.is_err() || !pattern.unwrap().fits("zzz"), "{text}");
        }
        assert!(Pattern::parse("a)|(b").is_err());
    }

    proptest! {
        #[test]
        fn no_pattern_fits_part_of_a_value(pattern in "[ab.*+?()|^$#]{0,8}", before in "[x-z]{1,3}", after in "[x-z]{0,3}") {
            let (Ok(whole), Ok(bare)) = (Pattern::parse(&pattern), regex::Regex::new(&pattern)) else { return Ok(()) };
            let value = format!("{before}{after}");
            // Whatever our anchors accept, the pattern itself must be able to fit from end to end.
            if whole.fits(&value) {
                let anchored = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
                prop_assert!(bare.is_match(&value) && anchored.is_match(&value));
            }
        }
    }
}

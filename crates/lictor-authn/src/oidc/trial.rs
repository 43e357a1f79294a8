//! What would the rules give? Tried on claims that somebody wrote down; nothing comes of it.

use lictor_store::RuleGifts;

use super::claims::Claims;
use super::provider::{Place, Provider};
use super::rules::{self, NotLetIn};
use super::sign_on::SignOn;
use super::{json, names};

/// What the rules of a provider make of claims.
#[derive(Debug)]
pub struct Trial {
    /// Which rules fit, by their place in the configuration, from 0.
    pub fitting: Vec<usize>,
    /// What they give; otherwise why nobody comes in.
    pub gifts: Result<RuleGifts, NotLetIn>,
    /// What a new account would be called, if the name is free.
    pub name: Option<String>,
}

/// Nothing was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrialError {
    /// No such provider.
    #[error("there is no provider of this name in the configuration any more: load the page again")]
    UnknownProvider,
    /// Not what a provider says.
    #[error("the claims must be one JSON object in which no name stands twice, as {{\"groups\": [\"eng\"]}}")]
    NotAnObject,
}

impl SignOn {
    /// The providers as they are configured now.
    #[must_use]
    pub fn providers(&self) -> Vec<Provider> {
        self.peers().iter().map(|peer| peer.provider.clone()).collect()
    }

    /// Tries the rules of a provider on claims, as if its ID token said them.
    ///
    /// # Errors
    /// [`TrialError`].
    pub fn try_rules(&self, name: &str, claims: &[u8]) -> Result<Trial, TrialError> {
        let peer = self.any_peer(name).map_err(|_| TrialError::UnknownProvider)?;
        let said = json::object(claims).ok_or(TrialError::NotAnObject)?;
        let mut claims = Claims::default();
        claims.add(Place::IdToken, said);
        let provider = &peer.provider;
        let fits = |(at, rule)| rules::evaluate(std::slice::from_ref(rule), &claims).ok().map(|_| at);
        let name = names::wanted(&claims, &provider.name_from).into_iter().next();
        Ok(Trial {
            fitting: provider.rules.iter().enumerate().filter_map(fits).collect(),
            gifts: rules::evaluate(&provider.rules, &claims),
            name: name.map(|name| name.to_string()),
        })
    }
}

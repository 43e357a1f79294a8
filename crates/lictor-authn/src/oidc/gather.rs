//! Where are the claims that the rules look at? In the ID token, the access token, or at the userinfo endpoint; and, for
//! Entra ID's people of many groups, at Microsoft Graph.

use lictor_model::Secret;
use serde_json::Value;

use super::claims::{Came, Claims};
use super::discovery::Metadata;
use super::endpoint::Endpoint;
use super::error::SignOnError;
use super::json::{self, Object};
use super::peer::{Peer, VerifyError};
use super::provider::Place;
use super::rules;

/// The claims about a person: as many places are asked as it takes for each claim of the rules to have come.
pub(crate) async fn gather(
    peer: &Peer,
    metadata: &Metadata,
    id_token: Option<Object>,
    access_token: &Secret,
    subject: &str,
) -> Result<Claims, SignOnError> {
    let (rules, mut claims) = (&peer.provider.rules, Claims::default());
    let has_id_token = id_token.is_some();
    let mut id_token = id_token;
    // A refresh may bring no ID token; then userinfo must speak, whether the rules usually ask it or not.
    let instead =
        [Place::Userinfo].into_iter().filter(|place| !has_id_token && !peer.provider.claims_from.contains(place));
    for place in peer.provider.claims_from.iter().copied().chain(instead) {
        match place {
            Place::IdToken => id_token.take().into_iter().for_each(|object| claims.add(place, object)),
            _ if has_id_token && !rules::is_lacking(rules, &claims) => {}
            Place::AccessToken => match peer.access_token(access_token, subject).await {
                Ok(object) => claims.add(place, object),
                Err(error @ VerifyError::Keys(_)) => return Err(error.into()),
                Err(VerifyError::Token(why)) => {
                    tracing::debug!(provider = peer.provider.name, %why, "the access token tells no claims");
                }
            },
            Place::Userinfo => {
                if let Some(endpoint) = &metadata.userinfo {
                    claims.add(place, userinfo(peer, endpoint, access_token, subject).await?);
                }
            }
        }
    }
    let elsewhere = |rule: &super::provider::Rule| {
        rule.test.claim().is_some_and(|claim| claims.look(claim) == Came::Elsewhere && claim.as_str() == "groups")
    };
    if let Some(graph) = peer.provider.graph.as_ref().filter(|_| rules.iter().any(elsewhere)) {
        let groups = groups(peer, graph, access_token).await?;
        claims.add(Place::Userinfo, groups);
    }
    Ok(claims)
}

/// What userinfo says, of this person and no other (OpenID Connect Core §5.3.2).
async fn userinfo(
    peer: &Peer,
    endpoint: &Endpoint,
    access_token: &Secret,
    subject: &str,
) -> Result<Object, SignOnError> {
    let said = peer.fetcher.get(endpoint, Some(access_token.expose())).await?.expect_ok()?.object()?;
    if json::text(&said, "sub") == Some(subject) {
        Ok(said)
    } else {
        Err(SignOnError::Rejected("its userinfo endpoint speaks of somebody else (sub)".to_owned()))
    }
}

/// The ids of all groups, those within groups included (`directoryObject: getMemberObjects`).
async fn groups(peer: &Peer, graph: &Endpoint, access_token: &Secret) -> Result<Object, SignOnError> {
    let address = format!("{}/me/getMemberObjects", graph.to_string().trim_end_matches('/'));
    let address = Endpoint::parse(&address).map_err(|error| SignOnError::Unavailable(error.to_string()))?;
    let question = r#"{"securityEnabledOnly":false}"#.to_owned();
    let said = peer.fetcher.post_json(&address, access_token.expose(), question).await?.expect_ok()?.object()?;
    // A page that leads on is not the whole list, and what is missing in it must not be taken away.
    let ids = json::texts(&said, "value").filter(|_| !said.contains_key("@odata.nextLink"));
    let ids = ids.ok_or_else(|| {
        SignOnError::Unavailable("the graph endpoint did not answer with a list of groups".to_owned())
    })?;
    let mut groups = Object::new();
    groups.insert("groups".to_owned(), Value::Array(ids.into_iter().map(Value::String).collect()));
    Ok(groups)
}

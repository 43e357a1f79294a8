//! Where is what at a provider? Its own metadata (OpenID Connect Discovery 1.0), read with the mistrust that it deserves.

use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::endpoint::{Endpoint, EndpointError};
use super::json::{self, Object};
use super::keys;

/// What a provider says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    pub(crate) authorization: Endpoint,
    pub(crate) token: Endpoint,
    pub(crate) keys: Endpoint,
    pub(crate) userinfo: Option<Endpoint>,
    pub(crate) end_session: Option<Endpoint>,
    /// Whether every answer names its issuer (RFC 9207).
    pub(crate) names_issuer: bool,
    /// How we prove who we are.
    pub(crate) client_auth: Vec<String>,
    /// What ID tokens are signed with, as far as we verify it; empty when it does not say.
    pub(crate) algorithms: Vec<Algorithm>,
}

/// Metadata that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MetadataError {
    /// Somebody else's.
    #[error(
        "the provider calls itself {said:?}, and the configuration calls it {wanted:?}: they must agree to the letter"
    )]
    Issuer {
        /// What it says.
        said: String,
        /// What we know.
        wanted: String,
    },
    /// An endpoint is missing.
    #[error("the provider's metadata has no {0}")]
    Missing(&'static str),
    /// An endpoint cannot be asked.
    #[error("the provider's {0}: {1}")]
    Endpoint(&'static str, EndpointError),
    /// A public provider that leads to this machine.
    #[error("the provider's {0} is on this machine, and the provider is not")]
    Inward(&'static str),
    /// No way to sign in that we know.
    #[error("the provider does not offer the authorization code flow with PKCE S256")]
    Flow,
    /// No signature that we verify.
    #[error("the provider signs ID tokens with nothing that is accepted here: it must offer an asymmetric algorithm")]
    Algorithm,
}

/// Where a provider's metadata is.
pub(crate) fn address(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

impl Metadata {
    /// Reads the metadata of this issuer and no other.
    pub(crate) fn read(said: &Object, issuer: &str) -> Result<Self, MetadataError> {
        check_issuer(said, issuer)?;
        // Code is the one flow that is used; a provider that says nothing of PKCE ignores it, which harms nobody.
        let offers =
            |name: &str, wanted: &str| json::texts(said, name).is_none_or(|all| all.iter().any(|one| one == wanted));
        if !offers("response_types_supported", "code") || !offers("code_challenge_methods_supported", "S256") {
            return Err(MetadataError::Flow);
        }
        let announced = json::texts(said, "id_token_signing_alg_values_supported");
        let algorithms: Vec<Algorithm> = announced.iter().flatten().filter_map(|name| keys::algorithm(name)).collect();
        if announced.is_some() && algorithms.is_empty() {
            return Err(MetadataError::Algorithm);
        }
        let is_local = Endpoint::parse(issuer).is_ok_and(|issuer| issuer.is_local());
        let endpoint = |name: &'static str| endpoint(said, name, is_local);
        let required = |name: &'static str| endpoint(name)?.ok_or(MetadataError::Missing(name));
        let basic = || vec!["client_secret_basic".to_owned()];
        Ok(Self {
            authorization: required("authorization_endpoint")?,
            token: required("token_endpoint")?,
            keys: required("jwks_uri")?,
            userinfo: endpoint("userinfo_endpoint")?,
            end_session: endpoint("end_session_endpoint")?,
            names_issuer: said.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
            client_auth: json::texts(said, "token_endpoint_auth_methods_supported").unwrap_or_else(basic),
            algorithms,
        })
    }
}

/// Where the keys of this issuer and no other are: all that is needed of one that only issues tokens.
pub(crate) fn keys_of(said: &Object, issuer: &str) -> Result<Endpoint, MetadataError> {
    check_issuer(said, issuer)?;
    let is_local = Endpoint::parse(issuer).is_ok_and(|issuer| issuer.is_local());
    endpoint(said, "jwks_uri", is_local)?.ok_or(MetadataError::Missing("jwks_uri"))
}

fn check_issuer(said: &Object, issuer: &str) -> Result<(), MetadataError> {
    let named = json::text(said, "issuer").unwrap_or_default();
    if named == issuer {
        return Ok(());
    }
    Err(MetadataError::Issuer { said: named.chars().take(200).collect(), wanted: issuer.to_owned() })
}

/// An endpoint, which a provider elsewhere may not place on this machine: what listens here trusts whoever asks from here.
fn endpoint(said: &Object, name: &'static str, is_local: bool) -> Result<Option<Endpoint>, MetadataError> {
    let Some(url) = json::text(said, name) else { return Ok(None) };
    let endpoint = Endpoint::parse(url).map_err(|error| MetadataError::Endpoint(name, error))?;
    if endpoint.is_local() && !is_local { Err(MetadataError::Inward(name)) } else { Ok(Some(endpoint)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oidc::forge::{ISSUER, with};

    fn read(changes: Value) -> Result<Metadata, MetadataError> {
        let good = json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{ISSUER}/auth"),
            "token_endpoint": format!("{ISSUER}/token"),
            "jwks_uri": format!("{ISSUER}/keys"),
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
        });
        let Value::Object(said) = with(&good, &changes) else { unreachable!() };
        Metadata::read(&said, ISSUER)
    }

    #[test]
    fn what_is_left_out_has_the_defaults_of_the_specification() {
        let metadata = read(json!({})).unwrap();
        assert_eq!(metadata.client_auth, ["client_secret_basic"]);
        assert_eq!(metadata.algorithms, [Algorithm::RS256]);
        assert!(!metadata.names_issuer && metadata.userinfo.is_none() && metadata.end_session.is_none());
        assert!(read(json!({"authorization_response_iss_parameter_supported": true})).unwrap().names_issuer);
    }

    #[test]
    fn metadata_of_another_issuer_or_without_what_is_needed_is_refused() {
        for changes in [
            json!({"issuer": format!("{ISSUER}/")}),
            json!({"issuer": null}),
            json!({"issuer": [ISSUER]}),
            json!({"token_endpoint": null}),
            json!({"jwks_uri": "http://idp.example/keys"}),
            json!({"jwks_uri": "http://127.0.0.1:4200/api/admin/settings"}),
            json!({"token_endpoint": "https://localhost/token"}),
            json!({"userinfo_endpoint": "http://169.254.169.254/latest"}),
            json!({"authorization_endpoint": "javascript:alert(1)"}),
            json!({"response_types_supported": ["id_token"]}),
            json!({"code_challenge_methods_supported": ["plain"]}),
            json!({"id_token_signing_alg_values_supported": ["none", "HS256"]}),
        ] {
            assert!(read(changes.clone()).is_err(), "{changes}");
        }
    }
}

//! What is a passkey's answer worth here? Judged by webauthn-rs for the very host that the browser speaks to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lictor_model::{CredentialId, FactorKind, Principal, PrincipalId, Reason};
use lictor_store::Used;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use webauthn_rs::Webauthn;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyAuthentication, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Url, Uuid, WebauthnBuilder, WebauthnError,
};

use super::challenge::{read, write};
use super::{FactorError, Factors};
use crate::attempt::Caller;

/// Where passkeys are asked for: the name that they are bound to, and the origin that the browser must say it speaks to.
pub(super) struct Site {
    name: String,
    webauthn: Webauthn,
}

/// A passkey as the store keeps it, with the name that it is bound to.
#[derive(Serialize, Deserialize)]
struct Kept {
    rp: String,
    passkey: Passkey,
}

/// One of a person's passkeys.
pub(super) struct Owned {
    id: CredentialId,
    kept: Kept,
}

impl Factors {
    /// Where this browser is, for its passkeys.
    pub(super) fn site(&self, caller: &Caller) -> Result<Site, FactorError> {
        let url = Url::parse(&caller.origin).map_err(|_| FactorError::NoPasskeysHere)?;
        let host = url.domain().ok_or(FactorError::NoPasskeysHere)?;
        // Browsers have no passkeys elsewhere.
        let is_local = host == "localhost" || host.ends_with(".localhost");
        if url.scheme() != "https" && !is_local {
            return Err(FactorError::NoPasskeysHere);
        }
        let wider = self.inner.terms.passkey_domain.as_deref();
        let wider =
            wider.filter(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
        let name = wider.unwrap_or(host).to_owned();
        let built =
            WebauthnBuilder::new(&name, &url).map(|builder| builder.rp_name("Lictor")).and_then(WebauthnBuilder::build);
        let webauthn = built.map_err(|error| internal(&error))?;
        Ok(Site { name, webauthn })
    }

    /// The person's passkeys that are for here.
    pub(super) async fn passkeys_of(&self, principal: &PrincipalId, site: &Site) -> Result<Vec<Owned>, FactorError> {
        let factors = self.inner.auth.inner.store.factors_of(principal).await?;
        let passkeys = factors.all.into_iter().filter(|factor| factor.kind == FactorKind::Passkey);
        let owned = passkeys.map(|factor| Ok(Owned { kept: read(&factor.material)?, id: factor.id }));
        let all = owned.collect::<Result<Vec<_>, FactorError>>()?;
        Ok(all.into_iter().filter(|owned| owned.kept.rp == site.name).collect())
    }
}

impl Site {
    /// The question for a new passkey, and what judges its answer.
    pub(super) fn ask_for_a_new_one(
        &self,
        person: &Principal,
        kept: &[Owned],
    ) -> Result<(String, String), FactorError> {
        let handle = Uuid::parse_str(person.id.as_str()).map_err(|_| Reason::InternalError)?;
        let known = kept.iter().map(|owned| owned.kept.passkey.cred_id().clone()).collect();
        let name = person.name.as_str();
        let begun = self.webauthn.start_passkey_registration(handle, name, name, Some(known));
        let (options, state) = begun.map_err(|error| internal(&error))?;
        let mut options: Value = serde_json::to_value(&options).map_err(|_| Reason::InternalError)?;
        // So that it can be found without a name, where the device has room for that.
        if let Some(wanted) = options.pointer_mut("/publicKey/authenticatorSelection").and_then(Value::as_object_mut) {
            wanted.insert("residentKey".to_owned(), json!("preferred"));
        }
        Ok((options.to_string(), write(&state)?))
    }

    /// What is kept of a new passkey, and what its device calls it; `None` for an answer that is none.
    pub(super) fn judge_a_new_one(
        &self,
        answer: &str,
        state: &PasskeyRegistration,
    ) -> Result<Option<(String, String)>, FactorError> {
        let Ok(answer) = serde_json::from_str::<RegisterPublicKeyCredential>(answer) else { return Ok(None) };
        let Ok(passkey) = self.webauthn.finish_passkey_registration(&answer, state).inspect_err(tell) else {
            return Ok(None);
        };
        let handle = URL_SAFE_NO_PAD.encode(passkey.cred_id());
        Ok(Some((write(&Kept { rp: self.name.clone(), passkey })?, handle)))
    }

    /// The question for one of somebody's passkeys, and what judges its answer.
    pub(super) fn ask_for_one_of(&self, kept: &[Owned]) -> Result<(String, String), FactorError> {
        let passkeys: Vec<Passkey> = kept.iter().map(|owned| owned.kept.passkey.clone()).collect();
        let (options, state) =
            self.webauthn.start_passkey_authentication(&passkeys).map_err(|error| internal(&error))?;
        Ok((write(&options)?, write(&state)?))
    }

    /// What the answer proves: `None` when it is of none of these passkeys, or not to this question.
    pub(super) fn judge_one_of(
        &self,
        kept: Vec<Owned>,
        answer: &str,
        state: &PasskeyAuthentication,
    ) -> Result<Option<Used>, FactorError> {
        let Ok(answer) = serde_json::from_str::<PublicKeyCredential>(answer) else { return Ok(None) };
        match self.webauthn.finish_passkey_authentication(&answer, state).inspect_err(tell) {
            Ok(result) => used(kept, &result),
            Err(_) => Ok(None),
        }
    }

    /// The question for whoever has a passkey for here, and what judges its answer.
    pub(super) fn ask_for_any(&self) -> Result<(String, String), FactorError> {
        let (options, state) = self.webauthn.start_discoverable_authentication().map_err(|error| internal(&error))?;
        let mut options: Value = serde_json::to_value(&options).map_err(|_| Reason::InternalError)?;
        // Asked for by a button, and not while a name is typed.
        options.as_object_mut().map(|asked| asked.remove("mediation"));
        Ok((options.to_string(), write(&state)?))
    }

    /// Whose passkey the answer says it is.
    pub(super) fn owner(&self, answer: &PublicKeyCredential) -> Option<PrincipalId> {
        let (handle, _) = self.webauthn.identify_discoverable_authentication(answer).ok()?;
        Some(PrincipalId::from(handle.hyphenated().to_string()))
    }

    /// What the answer proves of its owner, whose passkeys these are.
    pub(super) fn judge_any(
        &self,
        kept: Vec<Owned>,
        answer: &PublicKeyCredential,
        state: DiscoverableAuthentication,
    ) -> Result<Option<Used>, FactorError> {
        let called = answer.get_credential_id();
        let Some(one) = kept.iter().find(|owned| owned.kept.passkey.cred_id().as_slice() == called) else {
            return Ok(None);
        };
        let key = DiscoverableKey::from(&one.kept.passkey);
        match self.webauthn.finish_discoverable_authentication_v2(answer, state, &key).inspect_err(tell) {
            Ok(result) => used(kept, &result),
            Err(_) => Ok(None),
        }
    }
}

/// Which of them was used, with what is kept of it from now on.
fn used(kept: Vec<Owned>, result: &webauthn_rs::prelude::AuthenticationResult) -> Result<Option<Used>, FactorError> {
    // The policy demands it; were it not so, a stolen device would be enough.
    if !result.user_verified() {
        return Ok(None);
    }
    let Some(mut owned) = kept.into_iter().find(|owned| owned.kept.passkey.cred_id() == result.cred_id()) else {
        return Ok(None);
    };
    owned.kept.passkey.update_credential(result);
    Ok(Some(Used::Passkey { factor: owned.id, material: write(&owned.kept)? }))
}

/// Somebody's answer is theirs to explain, and perhaps ours to look into.
fn tell(error: &WebauthnError) {
    tracing::info!(%error, "a passkey's answer was not accepted");
}

fn internal(error: &WebauthnError) -> FactorError {
    tracing::error!(%error, "passkeys cannot be asked for");
    Reason::InternalError.into()
}

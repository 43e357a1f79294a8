//! What do Prefect Cloud's clients ask that Prefect Server does not know? Who they are, which workspaces they have, where a link leads.
//!
//! A stock client counts as Cloud's when `PREFECT_CLOUD_API_URL` begins its `PREFECT_API_URL`; then its one key authenticates
//! everything. The shapes are those that `client/cloud.py` and `client/schemas/objects.py` read, from 3.0 to 3.8.

use http::Response;
use http::header::{self, HeaderValue};
use lictor_authz::{AccessView, CloudPath, Door, Verb, check_member, deny_nowhere};
use lictor_model::{CredentialKind, Identity, PrincipalKind, Reason, WorkspaceName};
use serde_json::{Value, json};

use crate::body::ResponseBody;
use crate::gateway::{Arrival, DataThread};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::story::{Story, label};
use crate::target::{self, Target};
use crate::way::sent_on;

/// A question of ours to answer.
pub(crate) enum Call {
    /// Who am I?
    Me,
    /// Which workspaces have I?
    Workspaces,
    /// Where is the page that a client's link names?
    Page(CloudPath),
}

/// Reads the question; `None` when it is none of these.
pub(crate) fn asked(verb: Verb, target: &Target) -> Option<Call> {
    if verb != Verb::Get || target.door != Door::Plain {
        return None;
    }
    match target.path.as_str() {
        "/api/me" | "/api/me/" => Some(Call::Me),
        "/api/me/workspaces" | "/api/me/workspaces/" => Some(Call::Workspaces),
        _ => CloudPath::of_ui(&target.path).map(Call::Page),
    }
}

/// Whether the caller may come in by ids: members, and no browser. Workspaces of other hosts are reached here, and a session is
/// for its own.
///
/// # Errors
/// The reason why not.
pub(crate) fn check(identity: &Identity, access: &AccessView, workspace: &WorkspaceName) -> Result<(), Refusal> {
    check_member(identity, access, workspace)?;
    if identity.credential.kind == CredentialKind::Session {
        return Err(Reason::SessionAtCloudAddress.into());
    }
    Ok(())
}

impl DataThread {
    /// Answers it. Like everything that tells of workspaces, for members alone.
    pub(crate) async fn cloud(
        &self,
        story: &mut Story,
        incoming: Arrival<'_>,
        call: Call,
    ) -> Result<Response<ResponseBody>, Refusal> {
        story.is_about(label::CLOUD);
        let identity = self.identify(story, &incoming).await?.ok_or(Reason::AuthenticationRequired)?;
        self.check_session(&identity, &incoming)?;
        let view = self.gateway.auth.view();
        match call {
            Call::Me => Ok(answer(&me(&identity))),
            Call::Workspaces => Ok(answer(&workspaces(&identity, &view.access, &self.gateway.settings))),
            Call::Page(path) => self.page_of(&identity, &view.access, &incoming, &path),
        }
    }

    /// Leads on to the page in the workspace's UI. To our own addresses only: nothing of the link is taken for a host.
    fn page_of(
        &self,
        identity: &Identity,
        access: &AccessView,
        incoming: &Arrival<'_>,
        path: &CloudPath,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let settings = &self.gateway.settings;
        let named = settings.doors.named(path).and_then(|at| Some((at, settings.workspaces.get(at)?)));
        let Some((at, workspace)) = named else { return Err(deny_nowhere(Some(identity)).into()) };
        check_member(identity, access, &workspace.name)?;
        let link = settings.doors.link(&self.origin(incoming), &target::bare(&incoming.target.host), at);
        let query = incoming.request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        // At another workspace's host, and no name of the one where this one is.
        let link = link.ok_or(Reason::NotFound)?;
        Ok(sent_on(&format!("{link}{}{query}", path.path)))
    }
}

fn me(identity: &Identity) -> Value {
    let principal = &identity.principal;
    let kind = match principal.kind {
        PrincipalKind::User => "user",
        PrincipalKind::ServiceAccount => "service-account",
    };
    json!({
        "id": principal.id.as_str(),
        "handle": principal.name.as_str(),
        "name": principal.name.as_str(),
        "kind": kind,
    })
}

/// The workspaces in which the caller has a grant, and its key may be used.
fn workspaces(identity: &Identity, access: &AccessView, settings: &Settings) -> Value {
    let doors = &settings.doors;
    let mine = settings.workspaces.iter().zip(&doors.addresses).filter(|(workspace, address)| {
        !address.id.is_empty() && check_member(identity, access, &workspace.name).is_ok()
    });
    let listed = mine.map(|(workspace, address)| {
        json!({
            "account_id": doors.account,
            "account_name": settings.account,
            "account_handle": settings.account,
            "workspace_id": address.id,
            "workspace_name": workspace.name.as_str(),
            "workspace_description": "",
            "workspace_handle": workspace.name.as_str(),
        })
    });
    Value::Array(listed.collect())
}

fn answer(body: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
